"""A web site to practise on, served on this machine in the loop of its caller."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
import uvicorn
from starlette.applications import Starlette


@asynccontextmanager
async def serving_site(app: Starlette) -> AsyncGenerator[str]:
    """Serve a site and give its address."""
    http = _Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve_until_told, http)
        try:
            while not http.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.005)
            port = http.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            http.should_exit = True


async def _serve_until_told(http: uvicorn.Server) -> None:
    """Serve until `should_exit`: cut off, uvicorn logs a traceback of its lifespan."""
    with anyio.CancelScope(shield=True):
        await http.serve()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the command's."""
        yield

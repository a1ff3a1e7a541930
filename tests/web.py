"""A desktop served over HTTP in the loop of the test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import uvicorn

from gloveport.sandbox.desktop import Desktop
from gloveport.server.app import DesktopServer
from gloveport.server.web import Door, Web

LOCAL = Door(frozenset({"127.0.0.1", "localhost"}))
TOKEN = "0123456789abcdef0123456789abcdef"
GUARDED = Door(LOCAL.hosts, TOKEN)


@asynccontextmanager
async def served(
    desktop: Desktop, door: Door = LOCAL, groups: frozenset[str] = frozenset()
) -> AsyncGenerator[str]:
    """Serve a desktop over HTTP and give its address."""
    async with served_by(DesktopServer(desktop, groups), desktop, door) as url:
        yield url


@asynccontextmanager
async def served_by(
    server: DesktopServer, desktop: Desktop, door: Door = LOCAL
) -> AsyncGenerator[str]:
    """Serve a desktop by this server and give its address."""
    web = Web(server, desktop, door)
    config = uvicorn.Config(
        web.app, port=0, log_config=None, ws="none", timeout_graceful_shutdown=2
    )
    http = uvicorn.Server(config)

    async def serve() -> None:
        # A server that is cancelled leaves its sockets open: it ends only by being told to.
        with anyio.CancelScope(shield=True):
            await http.serve()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        try:
            while not http.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.002)
            port = http.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            web.close()
            http.should_exit = True

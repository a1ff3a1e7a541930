"""A desktop served over HTTP in the loop of the test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import uvicorn
from starlette.types import ASGIApp

from gloveport.sandbox.desktop import Desktop
from gloveport.server.app import DesktopServer
from gloveport.server.door import Door
from gloveport.server.tokens import TokenFile, add, plain, table
from gloveport.server.viewing import UVICORN
from gloveport.server.web import Web

LOCAL = Door(frozenset({"127.0.0.1", "localhost"}))
TOKEN = "0123456789abcdef0123456789abcdef"


def guarded(folder: Path) -> Door:
    """A door that asks for TOKEN, or for one of `given`."""
    (folder / "token").write_text(TOKEN)
    keys = TokenFile(folder / "token", plain), TokenFile(folder / "tokens.toml", table)
    return Door(LOCAL.hosts, keys)


def given(folder: Path, name: str, scope: str, **fields: object) -> str:
    """A token for the door of a folder."""
    return add(folder / "tokens.toml", name, {"scopes": [scope], **fields})


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def served(
    desktop: Desktop, door: Door = LOCAL, groups: frozenset[str] = frozenset()
) -> AsyncGenerator[str]:
    """Serve a desktop over HTTP and give its address."""
    async with serving_web(DesktopServer(desktop, groups), desktop, door) as url:
        yield url


@asynccontextmanager
async def serving_web(
    server: DesktopServer, desktop: Desktop, door: Door = LOCAL
) -> AsyncGenerator[str]:
    """Serve what has been put together by a test."""
    web = Web(server, desktop, door)
    async with listening(web.app) as url:
        try:
            yield url
        finally:
            web.close()


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an app over HTTP and WebSocket, as the product does, and give its address."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2, **UVICORN)
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
            http.should_exit = True

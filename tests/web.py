"""A desktop served over HTTP in the loop of the test."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.middleware import KEY, Door
from gloveport.server.auth.token_store import OneToken, TokenFile, add, plain, table
from gloveport.server.http import Web
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.view.vnc_session import UVICORN

TOKEN = "0123456789abcdef0123456789abcdef"
PERSON = "a person's own token, by which their browser signs in"
LOCAL = Door(frozenset({"127.0.0.1", "localhost"}), (OneToken(TOKEN), OneToken(PERSON)))
"""The door of tests that are not about doors: TOKEN is an agent's, PERSON a person's."""


def guarded(folder: Path) -> Door:
    """A door that asks for TOKEN, PERSON, or one of `given`."""
    (folder / "token").write_text(TOKEN)
    keys = TokenFile(folder / "token", plain), TokenFile(folder / "tokens.toml", table)
    return Door(LOCAL.hosts, (*keys, OneToken(PERSON)))


def given(folder: Path, name: str, scope: str, **fields: object) -> str:
    """A token for the door of a folder."""
    return add(folder / "tokens.toml", name, {"scopes": [scope], **fields})


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def signed_in(
    http: httpx2.AsyncClient, url: str, token: str = PERSON, desktop: str = "main", scope: str = ""
) -> None:
    """Sign in at a live view as a browser does that opens a link made with a token."""
    asked = {"scope": scope} if scope else {}
    at = f"{url}/live/{desktop}"
    made = await http.post(f"{at}/link", params=asked, headers=bearer(token))
    code = made.json()["path"].partition("code=")[2]
    entered = await http.post(at, data={"code": code}, headers={"origin": url})
    assert entered.status_code == 200, entered.text
    http.headers[KEY] = key_in(entered.text)


def key_in(page: str) -> str:
    """The key that the page which answers a code keeps for the live view."""
    found = re.search(r'const key = "(.+)";', page)
    assert found, page
    return found[1]


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
    app = with_token(web.app) if door is LOCAL else web.app
    async with listening(app) as url:
        try:
            yield url
        finally:
            web.close()


def with_token(app: ASGIApp) -> ASGIApp:
    """An app whose clients need not show TOKEN, for tests that are not about the door; browsers
    have to sign in all the same."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        shows = any(name == b"authorization" for name, _ in scope.get("headers", ()))
        if scope["type"] != "lifespan" and not scope["path"].startswith("/live/") and not shows:
            shown = b"authorization", f"Bearer {TOKEN}".encode()
            scope["headers"] = [*scope["headers"], shown]
        await app(scope, receive, send)

    return run


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an app over HTTP and WebSocket, as the product does, and give its address."""
    config = uvicorn.Config(
        app, port=0, log_config=None, timeout_graceful_shutdown=2, proxy_headers=False, **UVICORN
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
            http.should_exit = True

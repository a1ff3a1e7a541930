"""The web face: MCP, the live view and health on one app, all behind auth/middleware.py."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gloveport.sandbox.desktop import Desktop

from .auth.body_limit import LARGEST_CALL
from .auth.middleware import Door, Guard
from .auth.principal import HERE, passport_of, whose
from .auth.sign_in_page import door_page, wants_page
from .mcp.server import DesktopServer
from .view.routes import LiveView

logger = logging.getLogger(__name__)

_NOT_FOUND = 404
_STILL_THERE = 15.0  # seconds between two signs of life to an attached client


class Web:
    """The app of one desktop.

    Args:
        server: The MCP server.
        desktop: Its desktop, for the live view.
        door: Who may come in.
    """

    def __init__(self, server: DesktopServer, desktop: Desktop, door: Door) -> None:
        self._server = server
        self._desktop = desktop
        self._door = door
        self._closing = anyio.Event()
        self.attached = 0
        """Clients that hold a connection open to say that they are still there."""
        mcp = server.streamable_http_app(
            json_response=True,
            max_request_body_size=LARGEST_CALL,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._sessions = server.session_manager
        self.routes: list[BaseRoute] = [
            *mcp.routes,
            *door.routes(),
            Route("/healthz", self._healthz),
            Route("/metrics", self._metrics),
            Route("/attach/{client}", self._attach),
            Mount("/d/{desktop}", routes=mcp.routes),
            *LiveView(server.desks, self._closing).routes(),
        ]
        self.app: ASGIApp = Guard(
            Starlette(
                routes=self.routes,
                lifespan=self._lifespan,
                exception_handlers={HTTPException: _failed},
            ),
            door,
        )
        if door.origins:  # pages of other origins ask first, without a token (CORS)
            self.app = CORSMiddleware(
                self.app,
                allow_origins=sorted(door.origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["*"],
                expose_headers=["mcp-session-id"],
            )

    @property
    def needed(self) -> bool:
        """Whether anybody is there: a client attached, a call that runs, a person who watches or
        drives."""
        return self.attached > 0 or any(gate.needed for gate in self._server.desks.gates.values())

    @property
    def last_call(self) -> float:
        """When a tool was last called, on the monotonic clock."""
        return self._server.desks.last_call

    def close(self) -> None:
        """End what would keep connections open: attachments and subscriptions."""
        self._closing.set()
        listening = self._server._lowlevel_server.get_request_handler("subscriptions/listen")  # pyright: ignore[reportPrivateUsage] # the SDK has no public way
        if listening:
            listening.handler.close()  # type: ignore[attr-defined]

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        async with self._sessions.run(), anyio.create_task_group() as tasks:
            tasks.start_soon(self._server.desks.first.tend)
            tasks.start_soon(self._server.news.tell)
            yield
            tasks.cancel_scope.cancel()

    async def _healthz(self, request: Request) -> Response:
        if not passport_of(request).grant.may("view"):
            return JSONResponse({"ok": True})
        walls = "bwrap" if self._desktop.walled else "none"
        told = {"ok": True, "desktop": self._desktop.settings.name, "walls": walls}
        if passport_of(request).grant.holder == HERE.holder:  # a process of this user's own
            desks = self._server.desks
            told |= {
                "instance": self._door.instance,
                "attended": self.needed,
                "desktops": list(desks.gates),
            }
        return JSONResponse(told)

    async def _metrics(self, request: Request) -> Response:
        desks = self._server.desks
        text = desks.metrics.text(desks.names(passport_of(request).grant))
        return Response(text, media_type="text/plain; version=0.0.4")

    async def _attach(self, request: Request) -> Response:
        """Stay open as long as the client is there; when it goes, what it held is released."""
        return _Attachment(self, whose(f"client {request.path_params['client']}", request))

    async def attach(self, client: str, beat: Callable[[], Awaitable[None]]) -> None:
        """Count a client as there until cancelled, or until the server ends."""
        self.attached += 1
        try:
            while not self._closing.is_set():
                await beat()
                with anyio.move_on_after(_STILL_THERE):
                    await self._closing.wait()
        finally:
            self.attached -= 1
            with anyio.CancelScope(shield=True):
                for gate in self._server.desks.gates.values():
                    await gate.gone(client)


async def _failed(request: Request, why: Exception) -> Response:
    """A page for people whose browser asks for one, else the sentence."""
    assert isinstance(why, HTTPException)
    if why.status_code == _NOT_FOUND and (language := wants_page(request.scope)):
        return door_page(language, "missing", _NOT_FOUND)
    return PlainTextResponse(why.detail, why.status_code, why.headers)


class _Attachment(Response):
    """An endless answer: a byte now and then, until either side goes."""

    def __init__(self, web: Web, client: str) -> None:
        super().__init__(media_type="application/octet-stream")
        del self.headers["content-length"]
        self._web = web
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def beat() -> None:
            await send({"type": "http.response.body", "body": b".", "more_body": True})

        async def until_gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_gone)
            await self._web.attach(self._client, beat)
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

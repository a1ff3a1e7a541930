"""The gateway's app: authenticates as a server of one desktop does, and passes on.

GET    /healthz, /metrics
*      /mcp, /d/{desktop}/mcp        MCP (mcp.py)
GET    /attach/{client}              stays open as long as a client is there
GET    /fleet                        the desktops and their machines, for who may admin
DELETE /fleet/{id}                   ends one
*      /live...                      the live views, and the page of all of them
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import anyio
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from gloveport.sandbox.errors import SandboxError

from ..auth.middleware import Door, Guard
from ..auth.principal import HERE, Passport, passport_of
from ..hosts.base import Placed
from ..view.routes import overview
from .directory import Directory, NoSuch
from .mcp import Mcp
from .relay import Relay
from .upstream import Broken, Upstream

_POLICY_VIOLATION = 1008  # of a WebSocket
_LONGEST_REASON = 123  # bytes; a WebSocket takes no more
_TOLD_WITHIN = 3.0  # seconds a desktop has to say what the page of all shows of it


class Gateway:
    """What answers at the gateway.

    Args:
        directory: The desktops.
        door: Who may come in.
    """

    def __init__(self, directory: Directory, door: Door) -> None:
        self._directory = directory
        self._door = door
        self._upstream = Upstream()
        self._relay = Relay(directory, self._upstream)
        mcp = Mcp(directory, self._relay, door.address)
        below = "/live/{desktop}"
        routes = [
            *door.routes(),
            Route("/healthz", self._healthz),
            Route("/metrics", self._metrics),
            Route("/fleet", self._fleet),
            Route("/fleet/{id}", self._end, methods=["DELETE"]),
            Route("/mcp", _Endpoint(mcp)),
            Route("/d/{desktop}/mcp", _Endpoint(mcp)),
            Route("/attach/{client}", _Endpoint(self._attach)),
            *overview(self._desktops),
            Route(below, _Endpoint(self._live)),
            WebSocketRoute(f"{below}/rfb", self._rfb),
            Mount(below, self._live),
        ]
        self.app: ASGIApp = Guard(Starlette(routes=routes, lifespan=self._lifespan), door)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        yield
        await self._upstream.close()

    @property
    def _walls(self) -> str:
        """Desktops do not start without walls, unless that is an option of theirs."""
        options = self._directory.spec.options
        without = ("--walls", "none") in pairwise(options)
        return "none" if without else "bwrap"

    async def _healthz(self, request: Request) -> Response:
        told: dict[str, Any] = {"ok": True}
        if passport_of(request).grant.holder == HERE.holder:
            listed = await self._directory.host.list()
            told |= {
                "instance": self._door.instance, "attended": bool(listed), "walls": self._walls,
                "desktops": [placed.id for placed in listed],
            }  # fmt: skip
        return JSONResponse(told)

    async def _metrics(self, request: Request) -> Response:
        listed = await self._directory.listed(passport_of(request).grant)
        now = CollectorRegistry()
        running = Gauge("gloveport_desktops", "Desktops that run.", ["node"], registry=now)
        for placed in listed:
            running.labels(placed.node).inc()
        lost = Counter("gloveport_lost", "Requests that found a desktop lost.", registry=now)
        lost.inc(self._relay.lost)
        return Response(generate_latest(now), media_type="text/plain; version=0.0.4")

    async def _fleet(self, request: Request) -> Response:
        listed = await self._directory.listed(_admin(request).grant)
        told = [{"id": one.id, "name": one.key, "node": one.node, "url": one.url} for one in listed]
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def _end(self, request: Request) -> Response:
        try:
            await self._directory.close(_admin(request).grant, request.path_params["id"])
        except NoSuch as why:
            return PlainTextResponse(str(why), 404)
        return JSONResponse({"ok": True})

    async def _attach(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be there for a client's own desktop: when it goes, what it held is released."""
        request = Request(scope, receive)
        try:
            placed = await self._directory.usual(passport_of(request).grant)
            await self._pass_on(request, placed, send)
        except SandboxError as why:
            await PlainTextResponse(str(why), 503)(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(_POLICY_VIOLATION, "No such stream.")
            return
        request = Request(scope, receive)
        name = request.path_params["desktop"]
        try:
            placed = await self._directory.find(passport_of(request).grant, name)
            await self._pass_on(request, placed, send)
        except SandboxError as why:
            await PlainTextResponse(str(why), 404)(scope, receive, send)

    async def _pass_on(self, request: Request, placed: Placed, send: Send) -> None:
        passport = passport_of(request)
        body = await request.body()
        target = _path(request.scope, placed)
        answer = await self._relay.send(placed, passport, request.scope, target, body)
        await self._relay.pass_on(answer, request.receive, send)

    async def _rfb(self, websocket: WebSocket) -> None:
        passport = passport_of(websocket)
        try:
            placed = await self._directory.find(passport.grant, websocket.path_params["desktop"])
        except SandboxError as why:
            await websocket.close(_POLICY_VIOLATION, str(why)[:_LONGEST_REASON])
            return
        target = _path(websocket.scope, placed)
        await self._relay.websocket(placed, passport, websocket, target)

    async def _desktops(self, request: Request) -> Response:
        """What the page of all desktops shows, which each of them says of itself."""
        passport = passport_of(request)
        told: dict[str, dict[str, Any]] = {}

        async def ask(placed: Placed) -> None:
            told[placed.id] = await self._summary(request, passport, placed)

        listed = await self._directory.listed(passport.now)
        async with anyio.create_task_group() as tasks:
            for placed in listed:
                tasks.start_soon(ask, placed)
        found = [told[placed.id] for placed in listed if told.get(placed.id)]
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    async def _summary(
        self, request: Request, passport: Passport, placed: Placed
    ) -> dict[str, Any]:
        try:
            with anyio.fail_after(_TOLD_WITHIN):
                answer = await self._relay.send(
                    placed, passport, request.scope, "/live/-/desktops", b""
                )
                said = json.loads(await answer.body())
        except (SandboxError, TimeoutError, Broken, ValueError):
            return {}
        return said[0] if answer.status == 200 and said else {}


class _Endpoint:
    """An ASGI app as a route's endpoint, which takes all methods."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _admin(request: Request) -> Passport:
    passport = passport_of(request)
    if not passport.grant.may("admin"):
        raise HTTPException(403, "Your token does not have the scope admin, which this takes.")
    return passport


def _path(scope: Scope, placed: Placed) -> str:
    """The request's path, with the desktop's id for the name it was reached by."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    parts = raw.decode("latin-1").split("/")
    if parts[1] == "live":
        parts[2] = placed.id
    query = scope["query_string"].decode("latin-1")
    return "/".join(parts) + (f"?{query}" if query else "")

"""The live view's wire: the page, what happens as a stream of events, and what people ask for.

    GET  /live/{desktop}                      the page
    GET  /live/{desktop}/events               server-sent events: state, and happenings
    POST /live/{desktop}/do                   a verb of a person, as JSON
    GET  /live/{desktop}/frames/{number}      a picture as it was sent to an agent
    GET  /live/{desktop}/checkpoints/{name}   a small picture of a checkpoint
    GET  /live/{desktop}/screen               the screen now, for pages without a stream

A page makes an id (`viewer`) for itself, which ties its requests together.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import anyio
from anyio.abc import ObjectSendStream
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from gloveport.sandbox.errors import Broken, NotNow, SandboxError
from gloveport.sandbox.picture import Picture

from .desks import Desks, NoSuchDesktop
from .grants import passport_of, whose
from .leases import Hidden
from .record import Happening
from .sharing import Person, Sharing

_PAGE = Path(__file__).with_name("live.html")
_QUEUED = 1000  # events a slow page may lag behind before its stream is ended
_BEAT = 15.0  # seconds between two signs of life, so that a dead connection is noticed
_LARGEST = 1 << 16  # bytes of a request
_AT_FIRST = 200  # happenings a page starts with


class Live:
    """The live views of a server's desktops.

    Args:
        desks: The desktops.
        closing: Set when the server ends: streams end then.
    """

    def __init__(self, desks: Desks, closing: anyio.Event) -> None:
        self._desks = desks
        self._closing = closing

    def routes(self) -> list[BaseRoute]:
        below = "/live/{desktop}"
        return [
            Route(below, self._page),
            Route(f"{below}/events", self._events),
            Route(f"{below}/do", self._do, methods=["POST"]),
            Route(f"{below}/frames/{{number:int}}", self._frame),
            Route(f"{below}/checkpoints/{{name}}", self._checkpoint),
            Route(f"{below}/screen", self._screen),
        ]

    def _sharing(self, request: Request) -> Sharing:
        """Who is at the desktop that a request is for.

        Raises:
            HTTPException: There is no such desktop.
        """
        grant = passport_of(request).grant
        try:
            return self._desks.find(request.path_params["desktop"], grant).sharing
        except NoSuchDesktop as why:
            raise HTTPException(404, str(why)) from None

    async def _page(self, request: Request) -> Response:
        self._sharing(request)
        return FileResponse(_PAGE, headers={"Cache-Control": "no-cache"})

    async def _events(self, request: Request) -> Response:
        viewer = _viewer(request)
        if not viewer:
            return PlainTextResponse("Give the page's own id as ?viewer=, 32 hex digits.", 400)
        name = request.query_params.get("name", "").strip()[:40]
        name = name if name.isprintable() and name else "somebody"
        sharing = self._sharing(request)
        person = sharing.came(viewer, name, passport_of(request).grant.scopes)
        return StreamingResponse(
            self._stream(sharing, person),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, sharing: Sharing, person: Person) -> AsyncGenerator[str]:
        """Events as they happen, until the page or the server goes."""
        sending, receiving = anyio.create_memory_object_stream[str](_QUEUED)

        def happened(happening: Happening) -> None:
            try:
                sending.send_nowait(_event("happening", happening.as_json(), happening.number))
            except anyio.WouldBlock:
                sending.close()  # the page connects anew and catches up

        stop = sharing.record.listen(happened)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell_state, sharing, person, sending.clone())
                tasks.start_soon(self._end_with_server, tasks.cancel_scope)
                for happening in sharing.record.lately(_AT_FIRST):
                    yield _event("happening", happening.as_json(), happening.number)
                async with receiving:
                    async for event in receiving:
                        yield event
                tasks.cancel_scope.cancel()
        finally:
            stop()
            sending.close()
            sharing.left(person)

    async def _tell_state(
        self, sharing: Sharing, person: Person, sending: ObjectSendStream[str]
    ) -> None:
        told = ""
        async with sending:
            with suppress(anyio.BrokenResourceError):
                while True:
                    state = _event("state", sharing.state(person))
                    await sending.send(state if state != told else ": still here\n\n")
                    told = state
                    with anyio.move_on_after(_BEAT):
                        await sharing.changed()

    async def _end_with_server(self, stream: anyio.CancelScope) -> None:
        await self._closing.wait()
        stream.cancel()

    async def _do(self, request: Request) -> Response:
        sharing = self._sharing(request)
        person = sharing.people.get(_viewer(request))
        if person is None:
            return _refused(409, "This page's stream of events is not open; load it again.")
        body = await request.body()
        try:
            read: Any = json.loads(body) if len(body) <= _LARGEST else None
        except ValueError:
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("verb"), str):  # type: ignore[misc] # JSON
            return _refused(422, 'Send JSON such as {"verb": "take"}.')
        given = cast(dict[str, Any], read)
        try:
            return JSONResponse(await sharing.do(person, given["verb"], given))
        except SandboxError as why:
            status = 409 if isinstance(why, NotNow) else 503 if isinstance(why, Broken) else 422
            return _refused(status, sharing.desktop.settings.vault.scrub(str(why)))

    async def _frame(self, request: Request) -> Response:
        return _shown(self._sharing(request).record.picture(request.path_params["number"]))

    async def _checkpoint(self, request: Request) -> Response:
        wanted = request.path_params["name"]
        made = self._sharing(request).desktop.checkpoints
        return _shown(next((one.picture for one in made if one.name == wanted), None))

    async def _screen(self, request: Request) -> Response:
        sharing = self._sharing(request)
        desktop, lease = sharing.desktop, sharing.lease
        try:
            if lease.hidden and lease.who:
                raise Hidden(lease.who.name)
            frame = await desktop.look()
        except SandboxError as why:
            return PlainTextResponse(desktop.settings.vault.scrub(str(why)), 503)
        assert frame.picture
        return _shown(frame.picture)


def _viewer(request: Request) -> str:
    """The id a page made for itself, made its token's own; empty if it is none."""
    viewer = request.query_params.get("viewer", "")
    good = len(viewer) == 32 and all(char in "0123456789abcdef" for char in viewer)
    return whose(viewer, request) if good else ""


def _event(kind: str, told: dict[str, Any], number: int | None = None) -> str:
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    numbered = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\n{numbered}data: {data}\n\n"


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


def _shown(picture: Picture | None) -> Response:
    if picture is None:
        return PlainTextResponse("This picture is not kept any more.", 404)
    return Response(
        picture.data, media_type=picture.mime, headers={"Cache-Control": "private, no-store"}
    )

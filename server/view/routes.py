"""The live view's wire: the page, what happens as a stream of events, and what people ask for.

    GET  /live/static/...                     the page's modules and styles, and noVNC
    GET  /live                                goes to the door's page at /
    GET  /live/-                              the page of all desktops
    GET  /live/-/desktops                     what it shows, as JSON
    GET  /live/{desktop}                      the page
    WS   /live/{desktop}/rfb                  the screen, and a person's keys and pointer
    GET  /live/{desktop}/events               server-sent events: state, and happenings
    POST /live/{desktop}/do                   a verb of a person, as JSON
    POST /live/{desktop}/files                a file for ~/Downloads, as JSON
    GET  /live/{desktop}/files                what is in ~/Downloads, as JSON; /files/{name} is one
    GET  /live/{desktop}/frames/{number}      a picture as it was sent to an agent
    GET  /live/{desktop}/checkpoints/{name}   a small picture of a checkpoint
    GET  /live/{desktop}/questions/{id}      the place that a question is about
    GET  /live/{desktop}/screen               the screen now, for pages without a stream

What ties the requests of one person together is the session of their browser, which the door knows
by its cookie and key, or the token they show. Each request may do what its own session or token
may.
"""

import base64
import json
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import anyio
from anyio.abc import ObjectSendStream
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import Broken, NoSuchFile, NotNow, SandboxError
from gloveport.sandbox.imaging.image import Picture

from ..auth.principal import Passport, passport_of
from ..auth.sign_in_page import HOME_PAGE
from ..control.lease import Hidden
from ..control.session import DesktopSession, NotPermitted, Person
from ..hosts.desktops import Desktops, NoSuchDesktop
from ..recording.recorder import Event
from .seat import sit

_FOLDER = Path(__file__).with_name("static")
_HEADERS = {
    # Only this server's own files run, styles too, and no other page may frame it. noVNC draws
    # pictures and pointers from data: addresses; stills are blobs.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
_QUEUED = 1000  # events a slow page may lag behind before its stream is ended
_BEAT = 3.0  # seconds between two signs of life, so that a dead connection is noticed
_SMALL = 480  # pixels of the longer side of a picture on the home page
_LATEST = 5.0  # seconds a verb may be under way: later a person does not expect it any more
_LOOKED_AT = 0.5  # seconds between two looks at whether a viewer's token still is good
_AT_FIRST = 200  # happenings a page starts with
_POLICY_VIOLATION = 1008  # of a WebSocket
_LONGEST_REASON = 123  # bytes; a WebSocket takes no more


class LiveView:
    """The live views of a server's desktops.

    Args:
        desks: The desktops.
        closing: Set when the server ends: streams end then.
    """

    def __init__(self, desks: Desktops, closing: anyio.Event) -> None:
        self._desks = desks
        self._closing = closing
        self._server = secrets.token_hex(8)  # pages see by it that the server was restarted

    def routes(self) -> list[BaseRoute]:
        below = "/live/{desktop}"
        return [
            *overview(self._desktops),
            Route(below, self._page),
            Route(f"{below}/events", self._events),
            Route(f"{below}/do", self._do, methods=["POST"]),
            Route(f"{below}/files", self._file, methods=["POST"]),
            Route(f"{below}/files", self._files),
            Route(f"{below}/files/{{name}}", self._handed_out),
            Route(f"{below}/frames/{{number:int}}", self._frame),
            Route(f"{below}/checkpoints/{{name}}", self._checkpoint),
            Route(f"{below}/questions/{{id}}", self._question),
            Route(f"{below}/screen", self._screen),
            WebSocketRoute(f"{below}/rfb", self._rfb),
        ]

    def _sharing(self, request: HTTPConnection) -> DesktopSession:
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
        return FileResponse(_FOLDER / "index.html", headers=_HEADERS)

    async def _desktops(self, request: Request) -> Response:
        gates, grant = self._desks.gates, passport_of(request).now
        told = [{"name": name} | gates[name].sharing.summary for name in self._desks.names(grant)]
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def _events(self, request: Request) -> Response:
        name = request.query_params.get("name", "").strip()[:40]
        name = name if name.isprintable() and name else "somebody"
        sharing = self._sharing(request)
        passport = passport_of(request)
        person = sharing.came(passport.person, name, passport)
        return StreamingResponse(
            self._stream(sharing, person, passport),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(
        self, sharing: DesktopSession, person: Person, passport: Passport
    ) -> AsyncGenerator[str]:
        """Events as they happen, until the page or the server goes, or the page may not look."""
        sending, receiving = anyio.create_memory_object_stream[str](_QUEUED)

        def happened(happening: Event) -> None:
            try:
                sending.send_nowait(_event("happening", happening.as_json(), happening.number))
            except anyio.WouldBlock:
                sending.close()  # the page connects anew and catches up
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                stop()  # the page has gone

        stop = sharing.record.listen(happened)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell_state, sharing, person, sending.clone())
                tasks.start_soon(self._end_with_server, tasks.cancel_scope)
                tasks.start_soon(_end_with_grant, sharing, person, passport, tasks.cancel_scope)
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
        self, sharing: DesktopSession, person: Person, sending: ObjectSendStream[str]
    ) -> None:
        told, beat = "", -_BEAT
        async with sending:
            with suppress(anyio.BrokenResourceError):
                while True:
                    if anyio.current_time() >= beat + _BEAT:
                        beat = anyio.current_time()
                        # An event, for pages cannot see comments.
                        await sending.send(f"event: beat\ndata: {time.time():.3f}\n\n")
                    state = _event("state", sharing.state(person) | {"server": self._server})
                    if state != told:
                        await sending.send(state)
                    told = state
                    with anyio.move_on_after(beat + _BEAT - anyio.current_time()):
                        await sharing.changed()

    async def _end_with_server(self, stream: anyio.CancelScope) -> None:
        await self._closing.wait()
        stream.cancel()

    async def _rfb(self, websocket: WebSocket) -> None:
        try:
            sharing = self._sharing(websocket)
        except HTTPException as why:
            await websocket.close(_POLICY_VIOLATION, why.detail[:_LONGEST_REASON])
            return
        passport = passport_of(websocket)
        person = sharing.people.get(passport.person)
        if person is None:
            await websocket.close(_POLICY_VIOLATION, "This page's stream of events is not open.")
            return
        await sit(websocket, sharing, person, passport)

    async def _do(self, request: Request) -> Response:
        sharing = self._sharing(request)
        passport = passport_of(request)
        person = sharing.people.get(passport.person)
        if person is None:
            return _refused(409, "This page's stream of events is not open; load it again.")
        try:
            read: Any = json.loads(await request.body())
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("verb"), str):  # type: ignore[misc] # JSON
            return _refused(422, 'Send JSON such as {"verb": "take"}.')
        given = cast(dict[str, Any], read)
        sent = given.get("sent")
        if isinstance(sent, int | float) and (late := time.time() - sent) > _LATEST:
            why = f"This came {late:.0f} s late, so it was not done. Do it again if you want it."
            return _refused(409, why, "Late")
        try:
            return JSONResponse(await sharing.do(person, given["verb"], given, passport))
        except NotPermitted as why:
            return _refused(403, str(why), "NotPermitted")
        except SandboxError as why:
            status = 409 if isinstance(why, NotNow) else 503 if isinstance(why, Broken) else 422
            told = sharing.desktop.settings.vault.scrub(str(why))
            return _refused(status, told, type(why).__name__)

    async def _file(self, request: Request) -> Response:
        sharing, passport = self._sharing(request), passport_of(request)
        person = sharing.people.get(passport.person)
        if person is None:
            return _refused(409, "This page's stream of events is not open; load it again.")
        if not passport.now.may("control"):
            return _refused(403, "Your sign-in lets you watch, not put files there.")
        try:
            given: Any = json.loads(await request.body())
            name, data = str(given["name"]), base64.b64decode(given["content"], validate=True)
        except (ValueError, RecursionError, KeyError, TypeError):
            return _refused(422, 'Send JSON such as {"name": "a.txt", "content": "aGk="}.')
        try:
            return JSONResponse({"ok": True, "path": await sharing.drop(person, name, data)})
        except SandboxError as why:
            return _refused(422, sharing.desktop.settings.vault.scrub(str(why)))

    async def _files(self, request: Request) -> Response:
        """The newest files of ~/Downloads."""
        _, desktop = self._of_files(request)
        try:
            found = (await desktop.files("~/Downloads")).entries
        except NoSuchFile:
            found = []
        except SandboxError as why:
            return _refused(422, desktop.settings.vault.scrub(str(why)))
        files = sorted((one for one in found if one.kind == "file"), key=lambda one: -one.modified)
        return JSONResponse([{"name": one.name, "size": one.size} for one in files])

    async def _handed_out(self, request: Request) -> Response:
        sharing, desktop = self._of_files(request)
        person = sharing.people.get(passport_of(request).person)
        if person is None:
            return _refused(409, "This page's stream of events is not open; load it again.")
        try:
            data = await sharing.hand_out(person, request.path_params["name"])
        except SandboxError as why:
            return _refused(422, desktop.settings.vault.scrub(str(why)))
        # Never shown as a page of this origin.
        kept = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return Response(data, media_type="application/octet-stream", headers=kept)

    def _of_files(self, request: Request) -> tuple[DesktopSession, Desktop]:
        """Whose files are asked for.

        Raises:
            HTTPException: They are not for who asks, or not now.
        """
        sharing, passport = self._sharing(request), passport_of(request)
        lease, person = sharing.lease, sharing.people.get(passport.person)
        if not passport.now.may("files"):
            raise HTTPException(403, "Your sign-in lets you watch, not read files.")
        if lease.hidden and lease.who and not (person and lease.drives(person.who)):
            raise HTTPException(403, str(Hidden(lease.who.name)))
        return sharing, sharing.desktop

    async def _frame(self, request: Request) -> Response:
        return _shown(self._sharing(request).record.picture(request.path_params["number"]))

    async def _checkpoint(self, request: Request) -> Response:
        wanted = request.path_params["name"]
        made = self._sharing(request).desktop.checkpoints
        return _shown(next((one.picture for one in made if one.name == wanted), None))

    async def _question(self, request: Request) -> Response:
        asked = self._sharing(request).questions.find(request.path_params["id"])
        return _shown(asked and asked.picture)

    async def _screen(self, request: Request) -> Response:
        sharing = self._sharing(request)
        desktop, lease = sharing.desktop, sharing.lease
        try:
            if lease.hidden and lease.who:
                raise Hidden(lease.who.name)
            small = "small" in request.query_params
            picture = await desktop.peek(longest=_SMALL if small else 0)
        except SandboxError as why:
            return PlainTextResponse(desktop.settings.vault.scrub(str(why)), 503)
        return _shown(picture)


def overview(desktops: Callable[[Request], Awaitable[Response]]) -> list[BaseRoute]:
    """The page of all desktops, and the files of all pages.

    Args:
        desktops: Answers with what the page shows.
    """
    return [
        Mount("/live/static", _Files(directory=_FOLDER)),
        Route("/live", _home),
        Route(HOME_PAGE, _home_page),
        Route(f"{HOME_PAGE}/desktops", desktops),
    ]


async def _home(request: Request) -> Response:
    return RedirectResponse("/")


async def _home_page(request: Request) -> Response:
    return FileResponse(_FOLDER / "home.html", headers=_HEADERS)


async def _end_with_grant(
    sharing: DesktopSession, person: Person, passport: Passport, stream: anyio.CancelScope
) -> None:
    """Sign a person out once their token is gone, or does not let them drive while they do."""
    while True:
        may = passport.now.may
        if not may("view"):
            sharing.gone(person)
            stream.cancel()
        elif sharing.lease.drives(person.who) and not may("control"):
            sharing.gone(person)
        await anyio.sleep(_LOOKED_AT)


class _Files(StaticFiles):
    """Files that browsers ask for anew each time, so that a newer server's page is whole."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


def _event(kind: str, told: dict[str, Any], number: int | None = None) -> str:
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    numbered = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\n{numbered}data: {data}\n\n"


def _refused(status: int, why: str, code: str = "") -> Response:
    """A refusal in a sentence, with its kind for pages that say it in another language."""
    return JSONResponse({"error": why}, status, {"X-Gloveport-Refusal": code} if code else None)


def _shown(picture: Picture | None) -> Response:
    if picture is None:
        return PlainTextResponse("This picture is not kept any more.", 404)
    return Response(
        picture.data, media_type=picture.mime, headers={"Cache-Control": "private, no-store"}
    )

"""A person at a desktop: the RFB endpoint of one WebSocket, fed from the desktop's stream.

What they send is decided on message by message: who may not act now has it dropped and counted.
Updates are pulled, so a slow viewer is never sent more than it has asked for.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import DesktopClosed, SandboxError
from gloveport.sandbox.imaging.tiles import Coding
from gloveport.sandbox.screen.broadcast import Update, Viewer

from . import rfb as wire
from .rfb import (
    ClientInit,
    ClipboardOffered,
    ClipboardWanted,
    CutText,
    Encoding,
    KeyEvent,
    Message,
    PixelFormat,
    PointerEvent,
    Reader,
    Refused,
    Security,
    SetEncodings,
    SetPixelFormat,
    SizeWanted,
    UpdateRequest,
    Version,
)

logger = logging.getLogger(__name__)


class _Options(TypedDict):
    ws: Literal["websockets-sansio"]
    ws_max_size: int
    ws_per_message_deflate: bool


_MOST_WAITING = 1000  # inputs that wait for the desktop; more than that and all is let go
_LET_GO_WITHIN = 5.0  # seconds to release what is held once a viewer has gone
_PROTOCOL_ERROR, _GOING_AWAY = 1002, 1001  # of a WebSocket
_LONGEST_REASON = 123  # bytes; a WebSocket takes no more

UVICORN: Final[_Options] = {
    "ws": "websockets-sansio",
    "ws_max_size": wire.LONGEST_TEXT + 1024,
    "ws_per_message_deflate": False,  # pictures are compressed already
}
"""How uvicorn is to speak WebSocket for this."""

Act = KeyEvent | PointerEvent | CutText | ClipboardOffered | ClipboardWanted


@dataclass(frozen=True, slots=True)
class Seat:
    """What one viewer may do now, and how it is done."""

    may_act: Callable[[], bool]
    """Whether pointer, keys and clipboard count now."""
    hidden: Callable[[], bool]
    """Whether the screen is kept from this viewer now."""
    changed: Callable[[], Awaitable[None]]
    """Returns once either may have changed."""
    pointer: Callable[[int, int, int], Awaitable[None]]
    """x, y, and buttons as `Desktop.point` takes them."""
    key: Callable[[int, bool], Awaitable[None]]
    """A keysym, and whether it goes down."""
    cut: Callable[[str], Awaitable[None]]
    """A text for the clipboard."""
    leave: Callable[[], Awaitable[None]]
    """Release all that is held; once the viewer has gone or may not act any more."""

    @classmethod
    def at(
        cls,
        desktop: Desktop,
        may_act: Callable[[], bool],
        hidden: Callable[[], bool] = lambda: False,
        changed: Callable[[], Awaitable[None]] = anyio.sleep_forever,
    ) -> "Seat":
        """A seat right at a desktop."""

        async def key(keysym: int, down: bool) -> None:
            await desktop.key(keysym, down=down)

        return cls(may_act, hidden, changed, desktop.point, key, desktop.bring, desktop.leave)


async def rfb(websocket: WebSocket, desktop: Desktop, seat: Seat) -> None:
    """Let a viewer watch, and act while they may, until the WebSocket or the desktop ends."""
    offered: list[str] = websocket.scope["subprotocols"]
    await websocket.accept("binary" if "binary" in offered else None)
    await _Viewing(websocket, desktop, seat).run()


class _Viewing:
    def __init__(self, websocket: WebSocket, desktop: Desktop, seat: Seat) -> None:
        self._websocket = websocket
        self._desktop = desktop
        self._seat = seat
        self._format = PixelFormat()
        self._known: frozenset[int] = frozenset()
        self._size = (desktop.settings.width, desktop.settings.height)
        """As the client knows it."""
        self._asked = anyio.Event()
        self._everything = True
        self._notes: list[bytes] = []
        """Rectangles that are no pixels, to go with the next update."""
        self._seated = anyio.Event()
        self._looking = anyio.CancelScope()
        self._waiting: deque[Act] = deque()
        self._to_do = anyio.Event()
        self._buttons = 0
        """Those that were down at the last place the pointer was told at."""
        self._moved = False
        """Whether the pointer only moved there: a press is made where it was made."""
        self._acted = False
        self._dropped = 0
        self._end: tuple[int, str] | None = None
        """Why we end it: a WebSocket's code, and words."""

    async def run(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._act)
                tasks.start_soon(self._mind_the_seat)
                tasks.start_soon(self._show_until_closed, tasks.cancel_scope)
                try:
                    await self._websocket.send_bytes(wire.VERSION)
                    await self._read()
                except Refused as refusal:
                    self._end = (_PROTOCOL_ERROR, str(refusal))
                except WebSocketDisconnect:
                    pass
                tasks.cancel_scope.cancel()
        finally:
            await self._leave()
            if self._dropped:
                logger.info("dropped %d inputs of a viewer who may not act", self._dropped)
        if self._end:
            await self._close(*self._end)

    async def _close(self, code: int, why: str) -> None:
        logger.info("a viewer's connection ends: %s", why)
        reason = why.encode()[:_LONGEST_REASON].decode(errors="ignore")
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError):  # it has gone by itself
            logger.debug("it was closed already")

    # What the client sends

    async def _read(self) -> None:
        reader = Reader()
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            data: bytes | None = frame.get("bytes")
            if data is None:
                raise Refused("A text frame is not RFB.")
            for message in reader.feed(data):
                await self._take(message)

    async def _take(self, message: Message) -> None:
        send = self._websocket.send_bytes
        match message:
            case Version():
                await send(wire.security_types())
            case Security():
                await send(wire.security_passed())
            case ClientInit():
                await send(
                    wire.server_init(*self._size, f"gloveport {self._desktop.settings.name}")
                )
            case SetPixelFormat(wanted):
                self._format = wanted
            case SetEncodings(known):
                await self._meet(known)
            case UpdateRequest(incremental):
                if not incremental:
                    self._everything = True
                    self._looking.cancel()  # it asked for changes before
                self._asked.set()
            case SizeWanted():
                if Encoding.EXTENDED_DESKTOP_SIZE in self._known:
                    await send(wire.update([wire.extended_size(*self._size, refused=True)]))
            case _:
                self._put(message)

    async def _meet(self, known: frozenset[int]) -> None:
        new, self._known = known - self._known, known
        if Encoding.EXTENDED_DESKTOP_SIZE in new:
            self._notes.append(wire.extended_size(*self._size))
        if Encoding.MORE_BUTTONS in new:
            self._notes.append(wire.more_buttons())
        if Encoding.EXTENDED_CLIPBOARD in new:
            await self._websocket.send_bytes(wire.clipboard_abilities())

    # What they do

    def _put(self, act: Act) -> None:
        if not self._seat.may_act():
            self._dropped += 1
            return
        if isinstance(act, PointerEvent):
            moves = act.buttons == self._buttons
            last = self._waiting[-1] if self._waiting else None
            if moves and self._moved and isinstance(last, PointerEvent):
                self._waiting.pop()  # the pointer went on before the desktop came to it
            self._buttons, self._moved = act.buttons, moves
        self._waiting.append(act)
        self._to_do.set()

    async def _act(self) -> None:
        while True:
            await self._to_do.wait()
            self._to_do = anyio.Event()
            while self._waiting:
                if len(self._waiting) > _MOST_WAITING:
                    self._dropped += len(self._waiting)
                    self._waiting.clear()
                    await self._leave()
                    break
                act = self._waiting.popleft()
                if not self._seat.may_act():
                    self._dropped += 1
                    continue
                try:
                    await self._do(act)
                except SandboxError as why:
                    logger.info("a viewer's input was not done: %s", why)
                except WebSocketDisconnect:
                    return

    async def _do(self, act: Act) -> None:
        match act:
            case PointerEvent(x, y, buttons):
                self._acted = True
                await self._seat.pointer(x, y, buttons)
            case KeyEvent(down, keysym):
                self._acted = True
                await self._seat.key(keysym, down)
            case CutText(text):
                await self._seat.cut(text)
            case ClipboardOffered():
                await self._websocket.send_bytes(wire.clipboard_wanted())
            case ClipboardWanted():
                text = await self._copied()
                if text is not None:
                    await self._websocket.send_bytes(wire.clipboard_provided(text))

    async def _copied(self) -> str | None:
        text = await self._desktop.copied()
        return None if text is None else self._desktop.settings.vault.scrub(text)

    async def _leave(self) -> None:
        """Release what was pressed."""
        if self._acted:
            self._acted = False
            with anyio.move_on_after(_LET_GO_WITHIN, shield=True):
                try:
                    await self._seat.leave()
                except SandboxError as why:  # with its display everything held is gone
                    logger.debug("nothing to release: %s", why)

    async def _mind_the_seat(self) -> None:
        while True:
            await self._seat.changed()
            if not self._seat.may_act():
                await self._leave()
            self._seated.set()
            if self._seat.hidden():
                self._looking.cancel()

    # What they see

    async def _show_until_closed(self, viewing: anyio.CancelScope) -> None:
        try:
            with self._desktop.watch() as viewer:
                async with anyio.create_task_group() as showing:
                    showing.start_soon(self._show, viewer)
                    await viewer.end()
                    showing.cancel_scope.cancel()
            self._end = (_GOING_AWAY, str(DesktopClosed()))
        except* DesktopClosed as closed:
            self._end = (_GOING_AWAY, str(closed.exceptions[0]))
        except* Refused as refusal:
            self._end = (_PROTOCOL_ERROR, str(refusal.exceptions[0]))
        except* WebSocketDisconnect:
            pass
        viewing.cancel()

    async def _show(self, viewer: Viewer) -> None:
        while True:
            await self._asked.wait()
            if self._seat.hidden():
                await self._show_nothing()
                continue
            everything, self._everything = self._everything, False
            update = None
            with anyio.CancelScope() as self._looking:
                update = await viewer.next(
                    self._coding,
                    everything=everything,
                    pointer=Encoding.POINTER_POSITION in self._known,
                )
            if update is None:
                self._everything |= everything
            elif self._seat.hidden():
                self._everything = True
            else:
                await self._send(update)

    async def _show_nothing(self) -> None:
        """Send a blank screen once, and wait until the seat has changed."""
        self._asked = anyio.Event()
        self._everything = True
        self._seated = anyio.Event()
        tight = Encoding.TIGHT in self._known
        await self._websocket.send_bytes(wire.update([wire.blank(*self._size, tight=tight)]))
        while self._seat.hidden():
            await self._seated.wait()
            self._seated = anyio.Event()

    @property
    def _coding(self) -> Coding:
        if Encoding.TIGHT not in self._known:
            return "raw"
        lowest, highest = Encoding.JPEG_QUALITY_LOWEST, Encoding.JPEG_QUALITY_HIGHEST
        return "lossy" if any(lowest <= one <= highest for one in self._known) else "lossless"

    async def _send(self, update: Update) -> None:
        known = self._known
        first = b""
        size = (update.width, update.height)
        if size != self._size:
            first = wire.update([self._resized(*size)])
            self._size = size
        rectangles, self._notes = self._notes, []
        rectangles += [wire.patch(one, self._format) for one in update.patches]
        if update.cursor and Encoding.CURSOR in known:
            rectangles.append(wire.cursor(update.cursor, self._format))
        if update.pointer and Encoding.POINTER_POSITION in known:
            rectangles.append(wire.pointer(update.pointer))
        if rectangles or first:
            self._asked = anyio.Event()
            await self._websocket.send_bytes(
                first + (wire.update(rectangles) if rectangles else b"")
            )
        if update.copied and self._seat.may_act():
            await self._offer()

    def _resized(self, width: int, height: int) -> bytes:
        if Encoding.EXTENDED_DESKTOP_SIZE in self._known:
            return wire.extended_size(width, height)
        if Encoding.DESKTOP_SIZE in self._known:
            return wire.size(width, height)
        raise Refused(f"The screen is {width}x{height} now, which this client cannot be told.")

    async def _offer(self) -> None:
        if Encoding.EXTENDED_CLIPBOARD in self._known:
            await self._websocket.send_bytes(wire.clipboard_offered())
        else:
            try:
                text = await self._copied()
            except SandboxError as why:
                logger.debug("nothing to tell of the clipboard: %s", why)
            else:
                if text is not None:
                    await self._websocket.send_bytes(wire.cut_text(text))

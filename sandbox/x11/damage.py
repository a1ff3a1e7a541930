"""Watches one screen: what is painted, when, and whether a window still answers.

It reads its own connection on its own thread for as long as the desktop lives, so that a picture
can also say what changed while nobody was acting. It reads the protocol itself: a terminal that
scrolls paints tens of thousands of rectangles a second, and Xlib takes longer to read of one than a
program takes to paint it, so that an answer behind them would never be read.
"""

import logging
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import damage

from ..geometry import Rect

logger = logging.getLogger(__name__)

_KEPT = 4096  # paintings remembered, at the most
_RECENT = 1.5  # seconds the rules look back: a second, and the last blink of a caret (0.6 s) twice
_ANSWERED = 20.0  # seconds; a window that paints without pause delays answers by some
_MOST_READ = 1 << 20  # bytes
_PROTOCOLS = 32  # of a window that are looked at; ICCCM and EWMH know 5

# Of the X11 protocol: the first byte of what a server sends, where it is no event that we know.
_ERROR, _REPLY, _GENERIC = 0, 1, 35
_SENT = 0x80  # of the kind of an event that a program has sent
_TAKEN = bytes([X.AlreadyGrabbed])
_LONGS = 32  # bits of each number in a property or message
_UNIT = 32  # bytes of an event, of an error, and of a reply without more
# Kind, number of the request, how much more there is in words of four bytes, and where something
# was painted. All bytes belong to a field: numpy copies none that do not.
_EVENT = np.dtype([
    ("kind", "u1"), ("detail", "u1"), ("number", "u2"), ("more", "u4"), ("who", "u8"),
    ("area", "u8"), ("rest", "u8"),
])  # fmt: skip
_AREA = struct.Struct("=hhHH")  # x, y, width, height
_MESSAGE = struct.Struct("=8xI2I12x")  # type and first two words, of ClientMessage
_GET_INPUT_FOCUS = struct.pack("=BxH", 43, 1)
_GET_PROPERTY = struct.Struct("=BxHIIIII")  # of a window, of any type, from a word, so many words
# For a window, with the time 0 for now; the pointer's is for no events and both modes asynchronous.
_GRAB_POINTER = struct.Struct("=BxHIHBBIII")
_GRAB_KEYBOARD = struct.Struct("=BxHIIBBxx")
_SEND_MESSAGE = struct.Struct("=BxHIIBBxxII5I")


class Grabs(NamedTuple):
    """Which input devices a program has grabbed: all events of theirs go to it."""

    pointer: bool = False
    keyboard: bool = False


class DamageMonitor:
    """Counts what is painted on the whole screen; thread-safe.

    Args:
        display: A connection of its own, which it closes; nothing else is asked of it afterwards.
    """

    def __init__(self, display: Display) -> None:
        root = display.screen().root
        self._painted: deque[tuple[float, Rect]] = deque(maxlen=_KEPT)
        self._count = 0
        self._news = threading.Condition()
        self._protocols = display.intern_atom("WM_PROTOCOLS")
        self._ping = display.intern_atom("_NET_WM_PING")
        self._pinged = 0
        self._answered = 0
        # Qt answers a ping with StructureNotify and SubstructureRedirect, the others with
        # SubstructureNotify: both are needed.
        root.change_attributes(event_mask=X.SubstructureNotifyMask | X.StructureNotifyMask)
        display.damage_query_version()
        # python-xlib copies event classes for each display: only the number tells this one.
        extension = display.query_extension("DAMAGE")
        assert extension, "Xvfb has it built in"
        self._damaged = extension.first_event
        self._unmapped = root.create_window(0, 0, 1, 1, 0, 0, X.InputOnly).id
        root.damage_create(damage.DamageReportRawRectangles)
        display.sync()
        self._wire = display.display.socket
        self._rest = bytes(display.display.data_recv)
        self._sending = threading.Lock()
        self._asked: deque[tuple[int, Future[bytes]]] = deque()
        """The requests that have an answer to come, by number, in their order."""
        self._request = display.display.request_serial - 1
        """The number of the last request."""
        self._closing = False
        self.cut = False
        """Whether the connection was closed from its other end."""
        self._thread = threading.Thread(target=self._watch, name="gloveport-watcher", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How many rectangles have been painted so far; grows by one for each."""
        return self._count

    def recent(self) -> list[tuple[float, Rect]]:
        """What was painted in the last 1.5 s, oldest first, with its time on the monotonic clock.

        A rectangle painted again within the same tenth of a second is told once.
        """
        with self._news:
            return lately(self._painted, time.monotonic())

    def since(self, count: int) -> list[tuple[float, Rect]]:
        """What was painted after the first `count` rectangles, as far as it is remembered."""
        with self._news:
            new = max(0, min(self._count - count, len(self._painted)))
            return list(islice(reversed(self._painted), new))[::-1]

    def wait(self, count: int, until: float) -> None:
        """Return when more than `count` rectangles were painted, or at a time."""
        with self._news:
            self._news.wait_for(lambda: self._count > count, max(0.0, until - time.monotonic()))

    def catch_up(self) -> None:
        """Return when everything that was painted until now has been counted.

        Raises:
            ConnectionClosedError: The display has died.
        """
        self._ask(_GET_INPUT_FOCUS)

    def grabs(self) -> Grabs:
        """Which input devices programs have to themselves; catches up as well.

        X refuses to give a device to a window that is not on the screen, and says first if another
        has it: so that asking takes nothing from anybody.

        Raises:
            ConnectionClosedError: The display has died.
        """
        window, asynchronous = self._unmapped, X.GrabModeAsync
        asked: list[Future[bytes]] = []
        for request in (
            _GRAB_POINTER.pack(26, 6, window, 0, asynchronous, asynchronous, 0, 0, 0),
            _GRAB_KEYBOARD.pack(31, 4, window, 0, asynchronous, asynchronous),
        ):
            asked.append(Future())
            self._send(request, asked[-1])
        self.catch_up()
        pointer, keyboard = (answer.result(0)[1:2] for answer in asked)
        return Grabs(pointer == _TAKEN, keyboard == _TAKEN)

    def ping(self, window: int) -> int | None:
        """Ask a window whether it has handled its input; it answers after all events before this.

        Returns:
            A number to ask `answered` about; None when the window does not take part. (xterm
            takes any WM_PROTOCOLS message for the order to close, so the others are never asked.)
        """
        told = self._ask(
            _GET_PROPERTY.pack(20, 6, window, self._protocols, X.AnyPropertyType, 0, _PROTOCOLS)
        )
        words = told[_UNIT:]
        if not told or told[1] != _LONGS:
            return None
        if self._ping not in struct.unpack(f"={len(words) // 4}I", words):
            return None
        self._pinged += 1
        data = (self._ping, self._pinged, window, 0, 0)
        self._send(
            _SEND_MESSAGE.pack(
                25, 11, window, 0, X.ClientMessage, 32, window, self._protocols, *data
            )
        )
        return self._pinged

    def answered(self, ping: int) -> bool:
        return self._answered >= ping

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._wire.close()

    def _send(self, request: bytes, answer: "Future[bytes] | None" = None) -> None:
        with self._sending:
            if self.cut:
                raise error.ConnectionClosedError("server")
            self._request += 1
            if answer:
                self._asked.append((self._request, answer))
            try:
                self._wire.sendall(request)
            except OSError as cut:
                raise error.ConnectionClosedError("server") from cut

    def _ask(self, request: bytes) -> bytes:
        """Send a request and wait for its answer, which is empty if X refused it.

        Raises:
            ConnectionClosedError: The display has died.
            TimeoutError: There was no answer in time.
        """
        answer: Future[bytes] = Future()
        self._send(request, answer)
        return answer.result(_ANSWERED)

    def _watch(self) -> None:
        with suppress(OSError, ValueError):
            while True:
                self._rest = self._rest[self._take(self._rest) :]
                more = self._wire.recv(_MOST_READ)
                if not more:
                    break
                self._rest += more
        logger.debug("the display is gone")
        with self._sending:
            self.cut = True
            asked = list(self._asked)
            self._asked.clear()
        for _, answer in asked:
            answer.set_exception(error.ConnectionClosedError("server"))

    def _take(self, data: bytes) -> int:
        """Take what X has sent; how many bytes of it were whole."""
        start = 0
        while (whole := (len(data) - start) // _UNIT) > 0:
            units = np.frombuffer(data, _EVENT, whole, start)
            kinds = units["kind"]
            longer = ((kinds == _REPLY) | (kinds == _GENERIC)) & (units["more"] > 0)
            until = int(longer.argmax()) if longer.any() else whole
            if until:
                self._take_units(units[:until])
                start += until * _UNIT
                continue
            length = _UNIT + 4 * int(units["more"][0])
            if len(data) - start < length:
                break
            if kinds[0] == _REPLY:
                self._answer(int(units["number"][0]), data[start : start + length])
            start += length
        return start

    def _take_units(self, units: NDArray[Any]) -> None:
        """Take events and answers of the usual length: what was painted before what is answered."""
        kinds = units["kind"]
        areas = np.unique(units["area"][kinds == self._damaged])
        if len(areas):
            now = time.monotonic()
            painted = [(now, Rect(*_AREA.unpack(area.tobytes()))) for area in areas[:_KEPT]]
            with self._news:
                self._painted.extend(painted)
                self._count += len(painted)
                self._news.notify_all()
        messages = (kinds & ~np.uint8(_SENT) == X.ClientMessage) & (units["detail"] == _LONGS)
        for message in units[messages]:
            self._hear(*_MESSAGE.unpack(message.tobytes()))
        for answer in units[(kinds == _REPLY) | (kinds == _ERROR)]:
            told = answer.tobytes() if answer["kind"] == _REPLY else b""
            self._answer(int(answer["number"]), told)

    def _hear(self, kind: int, protocol: int, number: int) -> None:
        if (kind, protocol) == (self._protocols, self._ping) and number <= self._pinged:
            self._answered = max(self._answered, number)

    def _answer(self, number: int, told: bytes) -> None:
        """Give an answer to who waits for it; an error may be that of a request without one."""
        with self._sending:
            if not self._asked or self._asked[0][0] & 0xFFFF != number:
                return
            _, answer = self._asked.popleft()
        answer.set_result(told)


def lately(painted: Sequence[tuple[float, Rect]], now: float) -> list[tuple[float, Rect]]:
    """What was painted in the last 1.5 s, each rectangle once in a tenth of a second.

    Args:
        painted: Times and rectangles, oldest first.
        now: The time on the same clock.
    """
    told: dict[tuple[int, Rect], float] = {}
    for when, rect in reversed(painted):
        if when < now - _RECENT:
            break
        told.setdefault((int(when * 10), rect), when)
    return [(when, rect) for (_, rect), when in reversed(told.items())]

"""Watches one screen: what is painted, when, and whether a window still answers.

It reads its own connection on its own thread for as long as the desktop lives, so that a picture
can also say what changed while nobody was acting.
"""

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue
from typing import Any, TypeVar

from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import damage
from Xlib.protocol import event

from .geometry import Rect

logger = logging.getLogger(__name__)

T = TypeVar("T")

_KEPT = 4096  # paintings remembered, at the most
_PROTOCOLS = 32  # of a window that are looked at; ICCCM and EWMH know 5
_RECENT = 1.5  # seconds the rules look back: a second, and the last blink of a caret (0.6 s) twice


class Watcher:
    """Counts what is painted on the whole screen; thread-safe.

    Args:
        display: A connection of its own, which it closes.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._painted: deque[tuple[float, Rect]] = deque(maxlen=_KEPT)
        self._count = 0
        self._news = threading.Condition()
        self._protocols = display.intern_atom("WM_PROTOCOLS")
        self._ping = display.intern_atom("_NET_WM_PING")
        self._pinged = 0
        self._answered = 0
        display.set_error_handler(_quiet)
        # Qt answers a ping with StructureNotify and SubstructureRedirect, the others with
        # SubstructureNotify: both are needed.
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask | X.StructureNotifyMask)
        display.damage_query_version()
        # python-xlib copies event classes for each display: only the number tells this one.
        extension = display.query_extension("DAMAGE")
        assert extension, "Xvfb has it built in"
        self._damaged = extension.first_event
        self._root.damage_create(damage.DamageReportRawRectangles)
        display.sync()
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._closing = False
        self.cut = False
        """Whether the connection was closed from its other end."""
        self._bell, self._ring = os.pipe()
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
            new = min(self._count - count, len(self._painted))
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
        self._ask(self._display.sync)

    def ping(self, window: int) -> int | None:
        """Ask a window whether it has handled its input; it answers after all events before this.

        Returns:
            A number to ask `answered` about; None when the window does not take part. (xterm
            takes any WM_PROTOCOLS message for the order to close, so the others are never asked.)
        """
        return self._ask(lambda: self._send_ping(window))

    def answered(self, ping: int) -> bool:
        return self._answered >= ping

    def close(self) -> None:
        self._closing = True
        os.write(self._ring, b".")
        self._thread.join()
        os.close(self._bell)
        os.close(self._ring)
        with suppress(error.ConnectionClosedError):
            self._display.close()

    def _ask(self, work: Callable[[], T]) -> T | None:
        """Run on the watcher's thread, which alone reads the display; None if X refused.

        Raises:
            ConnectionClosedError: The display has died.
        """
        done: Future[T | None] = Future()

        def run() -> None:
            try:
                result = work()
                self._take(self._display.pending_events())
                done.set_result(result)
            except error.XError:
                done.set_result(None)
            except error.ConnectionClosedError as death:
                done.set_exception(death)

        self._asked.put(run)
        os.write(self._ring, b".")
        return done.result(5)

    def _send_ping(self, window: int) -> int | None:
        asked = self._display.create_resource_object("window", window)
        protocols: Any = asked.get_property(self._protocols, X.AnyPropertyType, 0, _PROTOCOLS)
        if not protocols or protocols.format != 32 or self._ping not in protocols.value:
            return None
        self._pinged += 1
        message = event.ClientMessage(
            window=window,
            client_type=self._protocols,
            data=(32, [self._ping, self._pinged, window, 0, 0]),
        )
        asked.send_event(message, event_mask=0)
        self._display.flush()
        return self._pinged

    def _watch(self) -> None:
        try:
            while not self._closing:
                if not self._display.pending_events():
                    self._wait([self._display, self._bell])
                self._take(self._display.pending_events())
        except (error.ConnectionClosedError, OSError, ValueError):
            logger.debug("the display is gone")
            self.cut = True
            while not self._closing:
                self._wait([self._bell])

    def _wait(self, sources: Sequence[Any]) -> None:
        ready, _, _ = select.select(sources, [], [])
        if self._bell in ready:
            os.read(self._bell, 4096)
            while not self._asked.empty():
                self._asked.get()()

    def _take(self, pending: int) -> None:
        now = time.monotonic()
        painted: list[tuple[float, Rect]] = []
        for _ in range(pending):
            seen = self._display.next_event()
            if seen.type == self._damaged:
                area = seen.area
                painted.append((now, Rect(area.x, area.y, area.width, area.height)))
            elif seen.type == X.ClientMessage and seen.client_type == self._protocols:
                kind, number, *_ = seen.data[1]
                if kind == self._ping:
                    self._answered = max(self._answered, number)
        if painted:
            with self._news:
                self._painted.extend(painted)
                self._count += len(painted)
                self._news.notify_all()


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


def _quiet(failure: error.XError, request: object) -> None:
    """A window may vanish between two requests; that is no news."""
    logger.debug("X error: %s", failure)

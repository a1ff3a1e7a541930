"""What a desktop shows, streamed to all who watch, whatever its own thread is busy with.

One thread follows the screen through a lens of its own while anybody watches, and not otherwise.
A viewer asks when it is ready for more and is answered once something it has not seen has changed,
so each goes at its own speed; what changed is encoded once for all of them.
"""

import asyncio
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from mss.exception import ScreenShotError
from Xlib import error

from ..errors import DesktopClosed, DesktopLost
from ..geometry import Point, Rect
from ..imaging.tiles import Coding, Patch, Tiles
from .live_capture import Cursor, LiveCapture

logger = logging.getLogger(__name__)

_BETWEEN = 1 / 30  # seconds from one grab to the next while the screen keeps changing
_REOPENED = 1.0  # seconds until a display that did not answer is tried again
_BLANK = np.zeros((1, 1, 4), np.uint8)
_LOST = (
    error.ConnectionClosedError, error.DisplayError, error.XError, ScreenShotError, OSError,
    DesktopLost,
    AssertionError,  # what mss 10.2 says of a connection that died while it waited
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Update:
    """What a viewer has not seen yet."""

    width: int
    height: int
    patches: Sequence[Patch]
    cursor: Cursor | None
    """None when its shape is the one told before."""
    pointer: Point | None
    """None when it is where it was."""
    copied: bool
    """Whether a program has put something on the clipboard since."""


class Viewer:
    """One who watches; `Stream.watch` makes it."""

    def __init__(self, stream: "Broadcast") -> None:
        self._stream = stream
        self.asked: Future[Update] | None = None
        self.coding: Coding = "lossy"
        self.unseen: set[int] | None = None
        """Tiles; None: all of them."""
        self.cursor: Cursor | None = None
        self.pointer: Point | None = None
        self.follows = False
        self.copied = False
        self._missed = False
        """Whether an answer came to nobody."""
        self.ended: Future[None] = Future()
        """Has a result once the desktop is closed."""

    async def next(
        self, coding: Coding, *, everything: bool = False, pointer: bool = False
    ) -> Update:
        """Wait for something that was not seen yet. One at a time; cancelling loses nothing.

        Args:
            coding: How to encode it.
            everything: Whether to send what was seen too, at once.
            pointer: Whether the place of the pointer counts.

        Raises:
            DesktopClosed: The desktop is closed.
        """
        everything = everything or self._missed
        answer = self._stream.ask(self, coding, everything=everything, pointer=pointer)
        self._missed = False
        try:
            return await asyncio.wrap_future(answer)
        except asyncio.CancelledError:
            self._missed = everything or not answer.cancel()
            raise

    async def end(self) -> None:
        """Return once the desktop is closed."""
        await asyncio.shield(asyncio.wrap_future(self.ended))

    def close(self) -> None:
        self._stream.leave(self)


class Broadcast:
    """One desktop's stream; thread-safe. It is blank while there is no display to be seen.

    Args:
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._tiles = Tiles(width, height)
        self._cursor: Cursor | None = None
        self._pointer: Point | None = None
        self._lock = threading.Lock()
        self._let_go = threading.Condition(self._lock)
        self._viewers: list[Viewer] = []
        self._open: Callable[[], LiveCapture] | None = None
        self._in_use: Callable[[], LiveCapture] | None = None
        self._rope, self._ring = os.pipe()
        os.set_blocking(self._rope, False)
        os.set_blocking(self._ring, False)
        self._thread: threading.Thread | None = None
        self._grabbed = 0.0
        self._closed = False

    # From the desktop

    def follow(self, opened: Callable[[], LiveCapture]) -> None:
        """Show what a lens sees; it is opened, and closed, on the stream's own thread."""
        with self._lock:
            self._open = opened
            self._let_go.notify_all()
            if self._thread:
                self._wake()

    def lose(self) -> None:
        """The display goes: return when nothing uses it any more."""
        with self._let_go:
            self._open = None
            self._let_go.notify_all()
            if self._in_use is None:
                return
            self._wake()
            self._let_go.wait_for(lambda: self._in_use is None, 5)

    def close(self) -> None:
        """End for good: nobody is answered any more."""
        self.lose()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for viewer in self._viewers:
                viewer.ended.set_result(None)
                if viewer.asked and viewer.asked.set_running_or_notify_cancel():
                    viewer.asked.set_exception(DesktopClosed())
            self._viewers.clear()
            self._let_go.notify_all()
            thread = self._thread
        self._wake()
        if thread:
            thread.join()
        os.close(self._rope)
        os.close(self._ring)

    # From viewers

    def watch(self) -> Viewer:
        """Begin to watch; whoever does closes the viewer."""
        viewer = Viewer(self)
        with self._lock:
            self._viewers.append(viewer)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="gloveport-stream", daemon=True
                )
                self._thread.start()
        return viewer

    def ask(
        self, viewer: Viewer, coding: Coding, *, everything: bool, pointer: bool
    ) -> Future[Update]:
        answer: Future[Update] = Future()
        with self._lock:
            if viewer not in self._viewers:
                answer.set_exception(DesktopClosed())
                return answer
            viewer.coding = coding
            viewer.follows = pointer
            viewer.asked = answer
            if everything:
                viewer.unseen = None
                viewer.cursor = viewer.pointer = None
        self._wake()
        return answer

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            if viewer not in self._viewers:
                return
            self._viewers.remove(viewer)
            viewer.ended.cancel()
            if viewer.asked:
                viewer.asked.cancel()
            self._let_go.notify_all()
        self._wake()

    # The thread

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full of rings already
            os.write(self._ring, b".")

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._rope, 4096)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._viewers:
                    self._thread = None
                    return
                self._in_use = opened = self._open
            lost = opened is None
            try:
                if opened:
                    self._through(opened)
            except _LOST as why:
                logger.debug("the stream lost the display: %s", why)
                lost = True
            with self._let_go:
                self._in_use = None
                self._let_go.notify_all()
            if lost:
                self._show_nothing()
                self._serve()
                if opened:
                    self._wait_for_another(opened)
                elif self._same(None):
                    select.select([self._rope], [], [])
            self._hush()

    def _wait_for_another(self, lost: Callable[[], LiveCapture]) -> None:
        """Wait for another display, a while at most: this one may only have been busy."""
        with self._let_go:
            self._let_go.wait_for(lambda: self._open is not lost or not self._viewers, _REOPENED)

    def _same(self, opened: Callable[[], LiveCapture] | None) -> bool:
        """Whether somebody still watches, and nothing but what was lost just now."""
        with self._lock:
            return bool(self._viewers) and self._open is opened

    def _through(self, opened: Callable[[], LiveCapture]) -> None:
        """Follow the screen until it is lost or has another size, or nobody watches."""
        lens = opened()
        try:
            screen = lens.screen
            if (screen.width, screen.height) != (self._tiles.width, self._tiles.height):
                self._tiles = Tiles(screen.width, screen.height)
                self._changed(None)
            self._cursor, self._pointer = lens.cursor(), lens.where()
            self._grabbed = 0.0
            while self._same(opened):
                if self._wanted() and (lens.dirty or _past(lens.due)):
                    self._look(lens)
                self._serve()
                news = lens.wait(self._rope, self._next(lens))
                self._hush()
                if news.resized:
                    return
                if news.shape:
                    self._cursor = lens.cursor()
                if news.moved and self._followed():
                    self._pointer = lens.where()
                if news.copied:
                    for viewer in self._all():
                        viewer.copied = True
        finally:
            lens.close()

    def _next(self, lens: LiveCapture) -> float | None:
        """When to look again without news."""
        due = time.monotonic() if lens.dirty else lens.due
        return max(due, self._grabbed + _BETWEEN) if due and self._wanted() else None

    def _wanted(self) -> bool:
        return any(viewer.asked for viewer in self._all())

    def _followed(self) -> bool:
        return any(viewer.follows for viewer in self._all())

    def _look(self, lens: LiveCapture) -> None:
        if time.monotonic() < self._grabbed + _BETWEEN:
            return
        found = lens.grab(self._tiles.pixels)
        self._grabbed = time.monotonic()
        if found:
            part, pixels = found
            self._changed(self._tiles.draw(pixels, part))

    def _show_nothing(self) -> None:
        whole = Rect(0, 0, self._tiles.width, self._tiles.height)
        blank = np.broadcast_to(_BLANK, (whole.height, whole.width, 4))
        self._changed(self._tiles.draw(blank, whole))

    def _changed(self, tiles: Sequence[int] | None) -> None:
        """Nobody has seen these tiles yet; None: all of them."""
        with self._lock:
            for viewer in self._viewers:
                if tiles is None:
                    viewer.unseen = None
                elif viewer.unseen is not None:
                    viewer.unseen.update(tiles)

    def _all(self) -> list[Viewer]:
        with self._lock:
            return list(self._viewers)

    def _news(self, viewer: Viewer) -> bool:
        return (
            viewer.unseen is None
            or bool(viewer.unseen)
            or viewer.copied
            or viewer.cursor is not self._cursor
            or (viewer.follows and viewer.pointer != self._pointer)
        )

    def _serve(self) -> None:
        """Answer those who ask and have not seen everything."""
        for viewer in self._all():
            with self._lock:
                answer = viewer.asked
                if answer is None or not self._news(viewer):
                    continue
                viewer.asked = None
                if not answer.set_running_or_notify_cancel():
                    continue
                unseen = sorted(self._tiles.all if viewer.unseen is None else viewer.unseen)
                cursor = None if viewer.cursor is self._cursor else self._cursor
                pointer = None if viewer.pointer == self._pointer else self._pointer
                copied = viewer.copied
                viewer.unseen = set()
                viewer.cursor, viewer.pointer, viewer.copied = self._cursor, self._pointer, False
            tiles = self._tiles
            patches = [tiles.patch(tile, viewer.coding) for tile in unseen]
            answer.set_result(Update(tiles.width, tiles.height, patches, cursor, pointer, copied))


def _past(when: float | None) -> bool:
    return when is not None and time.monotonic() >= when

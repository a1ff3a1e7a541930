"""The pointer of a desktop, through XTEST."""

from collections.abc import Sequence

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from ..geometry import Point


class Pointer:
    """Moves and presses; coordinates are pixels of the screen. Used by one thread at a time.

    Args:
        display: A connection that its owner closes.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._down: list[int] = []

    @property
    def down(self) -> tuple[int, ...]:
        """Buttons that are held down, in the order they were pressed."""
        return tuple(self._down)

    def where(self) -> Point:
        found = self._root.query_pointer()
        return Point(found.root_x, found.root_y)

    def move(self, to: Point) -> None:
        xtest.fake_input(self._display, X.MotionNotify, x=to.x, y=to.y)
        self._display.sync()

    def press(self, button: int, wait_ms: int = 0) -> None:
        """Press a button and keep it down; the server waits `wait_ms` milliseconds before."""
        xtest.fake_input(self._display, X.ButtonPress, button, wait_ms)
        self._down.append(button)
        self._display.sync()

    def release(self, button: int, wait_ms: int = 0) -> None:
        """Release a button; the server waits `wait_ms` milliseconds before."""
        xtest.fake_input(self._display, X.ButtonRelease, button, wait_ms)
        if button in self._down:
            self._down.remove(button)
        self._display.sync()

    def glide(self, path: Sequence[tuple[int, Point]]) -> None:
        """Move through points; the server waits the milliseconds given with each before it."""
        for wait_ms, point in path:
            xtest.fake_input(self._display, X.MotionNotify, time=wait_ms, x=point.x, y=point.y)
        self._display.sync()

    def release_all(self) -> None:
        for button in reversed(self.down):
            self.release(button)

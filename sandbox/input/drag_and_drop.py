"""Drag and drop under way (XDND), and whether the programs concerned have caught up with it.

Whatever starts a drag and drop owns the selection XdndSelection from then on, in every toolkit. A
drop counts only if its target has said that it takes it, which a busy program says late.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from Xlib import error
from Xlib.display import Display
from Xlib.ext import xfixes

from ..activity.cpu import Activity
from ..geometry import Point
from ..x11.damage import DamageMonitor
from ..x11.windows import Windows

# Seconds that a program at work has to start a drag, and a target to answer. A page with 60 ms of
# work a move was seen to take 0.5 s; what takes longer is not waited for.
_STARTS_WITHIN, _ANSWERS_WITHIN = 1.0, 1.5
# Seconds a program may look idle before it starts a drag. Chromium waits for its next frame: it was
# seen to start 6 to 50 ms after the pointer had moved far enough, and once in 60 times later.
_STARTS_AFTER = 0.15
_LOOKS = 0.005  # seconds between two looks
_ENDS_WITHIN = 0.5  # seconds after the drop in which its source gives the selection up


class Dragging:
    """Follows the drags of one desktop. Used by one thread at a time.

    Args:
        display: A connection of its own, which it closes.
        windows: What is on the screen.
        watcher: Asks windows whether they have handled their input.
        activity: Knows which programs are at work.
        rest: Waits some seconds; raises `Cancelled` when the caller has given up.
    """

    def __init__(
        self,
        display: Display,
        windows: Windows,
        watcher: DamageMonitor,
        activity: Activity,
        rest: Callable[[float], None],
    ) -> None:
        self._display = display
        self._windows = windows
        self._watcher = watcher
        self._activity = activity
        self._rest = rest
        self._source = 0
        self._under_way = False
        display.xfixes_query_version()
        extension = display.query_extension("XFIXES")
        assert extension, "Xvfb has it built in"
        self._selected = extension.first_event
        display.xfixes_select_selection_input(
            display.screen().root,
            display.intern_atom("XdndSelection"),
            xfixes.XFixesSetSelectionOwnerNotifyMask
            | xfixes.XFixesSelectionWindowDestroyNotifyMask
            | xfixes.XFixesSelectionClientCloseNotifyMask,
        )
        display.sync()

    def begin(self, at: Point) -> None:
        """A button is about to be pressed at a point; drags before it do not count."""
        self._source = self._window_at(at)
        self._read()
        self._under_way = False

    @property
    def under_way(self) -> bool:
        """Whether a program has started a drag and drop since the press, and not ended it."""
        self._read()
        return self._under_way

    def await_start(self) -> None:
        """Return when a drag and drop is under way, or no program is about to start one."""
        self._await((_STARTS_AFTER, _STARTS_WITHIN), self._source, until=lambda: self.under_way)

    def await_answer(self, at: Point) -> None:
        """Return when source and target have handled the pointer's last move, to a point."""
        # The source tells the target of the move, which answers the source.
        self._await((0.0, _ANSWERS_WITHIN), self._source, self._window_at(at), self._source)

    def await_end(self) -> None:
        """Return when the source has ended the drag, or does not say so soon."""
        until = time.monotonic() + _ENDS_WITHIN
        while self.under_way and time.monotonic() < until:
            self._rest(_LOOKS)

    @property
    def cut(self) -> bool:
        """Whether the connection was closed from its other end."""
        return bool(self._display.display.socket_error)

    def close(self) -> None:
        with suppress(error.ConnectionClosedError):
            self._display.close()

    def _await(
        self,
        seconds: tuple[float, float],
        *windows: int,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        """Return when windows have handled their input one after another and work no more.

        Args:
            seconds: The least and the most that this takes.
            windows: Those that are asked, 0 for none.
            until: Ends it sooner.
        """
        began = time.monotonic()
        soonest, deadline = (began + each for each in seconds)
        asked: int | None = None
        left = [window for window in windows if window]
        while time.monotonic() < deadline and not until():
            if asked is None and left:
                asked = self._watcher.ping(left.pop(0))
            elif asked is not None and self._watcher.answered(asked):
                asked = None
            elif asked is None and time.monotonic() >= soonest and not self._activity.at_work():
                return
            else:
                self._rest(_LOOKS)

    def _window_at(self, point: Point) -> int:
        """The topmost window of a program at a point; 0 when there is none."""
        shown = [one for one in self._windows.list() if not one.minimised]
        return next((one.id for one in reversed(shown) if one.rect.holds(point)), 0)

    def _read(self) -> None:
        self._display.sync()
        for _ in range(self._display.pending_events()):
            seen = self._display.next_event()
            if seen.type == self._selected:
                self._under_way = bool(seen.owner)

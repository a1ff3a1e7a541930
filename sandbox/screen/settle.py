"""When has the screen come to rest? The rules alone: no clock, no display.

Fed with the rectangles that were painted, it says until when to wait and why the wait ended:

    still       painting stopped for `quiet` seconds
    unchanged   nothing was painted for `first` seconds after the action
    animating   for `busy` seconds only places were painted that are painted all the time
    loading     `deadline` seconds have passed, and a request sent since is still in flight
    deadline    `deadline` seconds have passed

A blinking caret is not painting: a small rectangle painted again at exactly the same place. An
animated place is a 64-pixel cell painted in 6 of the last 10 tenths of a second. A spinner that
starts holds the wait for `busy` seconds, for it often means that something is loading, and then no
longer; what moved before the action already does not count at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from ..geometry import Point, Rect

_CELL = 64
_COLUMNS = 512  # cells in a row of bits; X has no screen wider than 32767 pixels
_SLOTS, _ANIMATED = 10, 6  # tenths of a second looked back at; how many make a place animated
_STILL_MOVING = 0.2  # seconds since it was painted last; what rested longer has stopped
_CARET = (14, 40)  # the widest and tallest block caret of a terminal at usual sizes
_BLINK = 0.15  # a caret is on or off at least this long


class End(Enum):
    """What ended the wait."""

    STILL = "still"
    UNCHANGED = "unchanged"
    ANIMATING = "animating"
    LOADING = "loading"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    first: float = 0.75
    """For the first change; pages that react by a timer do so after 400 or 700 ms."""
    quiet: float = 0.1
    busy: float = 0.8
    deadline: float = 3.0
    requests: bool = True
    """Whether requests in flight hold the wait; they never do where `first` is 0."""


@dataclass(slots=True)
class Settling:
    """One wait, begun at `start`; all times are seconds on one clock.

    Args:
        patience: How long to wait for what.
        start: When the input was sent.
        earlier: What was painted before it, oldest first; what blinks and moves anyway.
    """

    patience: Patience
    start: float
    earlier: Sequence[tuple[float, Rect]] = ()
    first: float | None = field(default=None, init=False)
    """When the first change was painted."""
    last: float | None = field(default=None, init=False)
    """When the last change was painted."""
    _sent: float | None = field(default=None, init=False)
    _fresh: float | None = field(default=None, init=False)
    """When a place was last painted that is not painted all the time."""
    _slots: dict[int, int] = field(default_factory=dict[int, int], init=False)
    """The cells painted in each of the last tenths of a second; see `_cells`."""
    _always: int = field(default=0, init=False)
    """The cells that are painted all the time, as of the newest of them."""
    _small: dict[Rect, float] = field(default_factory=dict[Rect, float], init=False)
    _blinking: set[Rect] = field(default_factory=set[Rect], init=False)
    _moving: int = field(default=0, init=False)
    """Cells that were painted all the time before the start."""
    _held: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        latest = 0
        for when, rect in self.earlier:
            if not self._blinks(when, rect):
                self._slots[int(when * 10)] = self._slots.get(int(when * 10), 0) | _cells(rect)
            if self.start - when < _STILL_MOVING:
                latest |= _cells(rect)
        self._moving = latest & self._painted_always(int(self.start * 10))

    @property
    def carets(self) -> frozenset[Rect]:
        """Places that blink: a change in them alone is none."""
        return frozenset(self._blinking)

    @property
    def fresh(self) -> float:
        """When a place was last painted that is not painted all the time; 0 when none was."""
        return self._fresh or 0.0

    def animations(self) -> list[Rect]:
        """Where it is painted all the time, or was before the start: cells of the screen."""
        cells, found = self._moving | self._always, list[Rect]()
        while cells:
            place = (cells & -cells).bit_length() - 1
            cells &= cells - 1
            row, column = divmod(place, _COLUMNS)
            found.append(Rect(column * _CELL, row * _CELL, _CELL, _CELL))
        return found

    def moves(self, point: Point) -> bool:
        """Whether a place was painted all the time before the start."""
        return bool(_cells(Rect(point.x, point.y, 1, 1)) & self._moving)

    def painted(self, when: float, rect: Rect) -> None:
        """Take note of a rectangle painted after the start."""
        if self._blinks(when, rect) or not _cells(rect) & ~self._moving:
            return
        fresh = not self._animated(when, rect)
        self.last = when
        if self.first is None:
            self.first = when
        if fresh:
            self._fresh = when

    def news(self, when: float) -> None:
        """Something changed that is not painted, such as a title."""
        self.last = when
        if self.first is None:
            self.first = when

    def sent(self, when: float) -> None:
        """The last of the input was sent; a long text takes a while."""
        self._sent = when

    def hold(self, until: float) -> None:
        """Something is still at work: do not end before `until`, except by the deadline."""
        self._held = until

    def end(self) -> tuple[float, End]:
        """When the wait ends if nothing more is painted, and what ends it."""
        sent = self.start if self._sent is None else self._sent
        if self.last is None:
            due, why = sent + self.patience.first, End.UNCHANGED
        else:
            due, why = max(self.last, sent) + self.patience.quiet, End.STILL
            fresh = self.last if self._fresh is None else self._fresh
            if max(fresh, sent) + self.patience.busy < due:
                due, why = max(fresh, sent) + self.patience.busy, End.ANIMATING
        due = max(due, self._held)
        deadline = sent + self.patience.deadline
        return (deadline, End.DEADLINE) if deadline <= due else (due, why)

    def _blinks(self, when: float, rect: Rect) -> bool:
        if rect.width > _CARET[0] or rect.height > _CARET[1]:
            return False
        before = self._small.setdefault(rect, when)
        self._small[rect] = when
        if when - before >= _BLINK:
            self._blinking.add(rect)
        return rect in self._blinking

    def _animated(self, when: float, rect: Rect) -> bool:
        """Whether every cell under the rectangle is painted all the time."""
        slot, cells = int(when * 10), _cells(rect)
        before = self._slots.get(slot)
        if before is None or cells & ~before:
            self._slots[slot] = cells | (before or 0)
            self._always = self._painted_always(slot)
        return not cells & ~self._always

    def _painted_always(self, now: int) -> int:
        """The cells painted in enough of the slots before `now`; older ones are forgotten."""
        for slot in [one for one in self._slots if one <= now - _SLOTS]:
            del self._slots[slot]
        times = [~0] + [0] * _ANIMATED  # [n]: the cells painted in at least n slots so far
        for cells in self._slots.values():
            for count in range(_ANIMATED, 0, -1):
                times[count] |= times[count - 1] & cells
        return times[_ANIMATED]


@lru_cache(4096)
def _cells(rect: Rect) -> int:
    """The cells a rectangle touches, a bit each: as cheap for the whole screen as for a line."""
    first, last = rect.x // _CELL, (rect.right - 1) // _CELL
    row = ((1 << (last - first + 1)) - 1) << first
    cells = 0
    for line in range(rect.y // _CELL, (rect.bottom - 1) // _CELL + 1):
        cells |= row << (line * _COLUMNS)
    return cells

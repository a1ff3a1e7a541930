"""When has the screen come to rest? The rules alone: no clock, no display.

Fed with the rectangles that were painted, it says until when to wait and why the wait ended:

    still       painting stopped for `quiet` seconds
    unchanged   nothing was painted for `first` seconds after the action
    animating   for `busy` seconds only places were painted that are painted all the time
    deadline    `deadline` seconds have passed

A blinking caret is not painting: a small rectangle painted again at exactly the same place. An
animated place is a 64-pixel cell painted in 6 of the last 10 tenths of a second. A spinner that
starts holds the wait for `busy` seconds, for it often means that something is loading, and then no
longer; what moved before the action already does not count at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from .geometry import Rect

_CELL = 64
_SLOTS, _ANIMATED = 10, 6  # tenths of a second looked back at; how many make a place animated
_STILL_MOVING = 0.2  # seconds since it was painted last; what rested longer has stopped
_CARET = (14, 40)  # the widest and tallest block caret of a terminal at usual sizes
_BLINK = 0.15  # a caret is on or off at least this long


class End(Enum):
    """What ended the wait."""

    STILL = "still"
    UNCHANGED = "unchanged"
    ANIMATING = "animating"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    first: float = 0.7
    """For the first change; reactions 400 ms after a click are not rare on a loaded machine."""
    quiet: float = 0.1
    busy: float = 0.8
    deadline: float = 3.0


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
    _slots: dict[tuple[int, int], set[int]] = field(
        default_factory=dict[tuple[int, int], set[int]], init=False
    )
    _small: dict[Rect, float] = field(default_factory=dict[Rect, float], init=False)
    _blinking: set[Rect] = field(default_factory=set[Rect], init=False)
    _moving: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]], init=False)
    """Cells that were painted all the time before the start."""
    _held: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        for when, rect in self.earlier:
            if not self._blinks(when, rect):
                self._animated(when, rect)
        now = int(self.start * 10)
        latest = {
            cell
            for when, rect in self.earlier
            if self.start - when < _STILL_MOVING
            for cell in _cells(rect)
        }
        self._moving = {cell for cell in latest if _always(self._slots.get(cell, set()), now)}

    @property
    def carets(self) -> frozenset[Rect]:
        """Places that blink: a change in them alone is none."""
        return frozenset(self._blinking)

    def painted(self, when: float, rect: Rect) -> None:
        """Take note of a rectangle painted after the start."""
        if self._blinks(when, rect) or self._moving.issuperset(_cells(rect)):
            return
        fresh = not self._animated(when, rect)
        self.last = when
        if self.first is None:
            self.first = when
        if fresh:
            self._fresh = when

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
        slot = int(when * 10)
        animated = True
        for cell in _cells(rect):
            slots = self._slots.setdefault(cell, set())
            slots.add(slot)
            animated = animated and _always(slots, slot)
        return animated


def _cells(rect: Rect) -> Iterator[tuple[int, int]]:
    for column in range(rect.x // _CELL, (rect.right - 1) // _CELL + 1):
        for row in range(rect.y // _CELL, (rect.bottom - 1) // _CELL + 1):
            yield column, row


def _always(slots: set[int], now: int) -> bool:
    return sum(now - _SLOTS < one <= now for one in slots) >= _ANIMATED

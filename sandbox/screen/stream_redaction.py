"""Keeps a secret covered while its field moves: pixels can run ahead of what programs tell.

A browser scrolls its picture first and tells where the field is now a little later, and a stream
would show the moment between. So what shows of a window with a covered field is held back until
its program has had time to tell, and then painted over wherever the field was told to be from
before the grab until then, and on the way between. Windows without a secret are never held.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..geometry import Rect
from ..imaging.image import Pixels, covered
from ..secrets.redaction import Hidden

# Seconds a program has to tell where a field went that was already painted elsewhere: a choice, ten
# times what Chromium was seen to need for a key (0.03).
TOLD_WITHIN = 0.25


@dataclass(slots=True)
class _Held:
    """What was grabbed of windows with a covered field, and where their fields were told since."""

    since: float
    pixels: Pixels
    windows: frozenset[tuple[Hashable, Rect]]
    told: dict[Hashable, Rect]


class StreamRedaction:
    """Composes what may be shown. No clock and no display: one thread at a time."""

    def __init__(self) -> None:
        self._held: _Held | None = None

    @property
    def due(self) -> float | None:
        """When what is held back can be shown; None when nothing is."""
        return self._held and self._held.since + TOLD_WITHIN

    def over(
        self,
        shown: Pixels,
        before: Sequence[Hidden],
        grabbed: Pixels,
        after: Sequence[Hidden],
        now: float,
    ) -> Pixels:
        """What may be shown of the whole screen.

        Args:
            shown: What was shown last.
            before: What is hidden, as it was told before the grab.
            grabbed: The screen.
            after: The same, as it was told after the grab.
            now: Seconds on one clock.
        """
        both = [*before, *after]
        told = _around(both)
        around = [rect for one in both for rect in one.around]
        if not around:
            self._held = None
            return covered(grabbed, told.values()) if told else grabbed
        out = grabbed.copy()
        for rect in around:
            out[_slice(rect)] = shown[_slice(rect)]
        windows = frozenset((one.key, one.outer) for one in both)
        if self._held is None or self._held.windows != windows:
            self._held = _Held(now, grabbed.copy(), windows, told)
        held = self._held
        held.told = _hulls(held.told, told)
        if now >= held.since + TOLD_WITHIN:
            for rect in around:
                out[_slice(rect)] = held.pixels[_slice(rect)]
            out = covered(out, held.told.values())
            same = all((held.pixels[_slice(one)] == grabbed[_slice(one)]).all() for one in around)
            exact = held.told == _around(after)
            self._held = None if same and exact else _Held(now, grabbed.copy(), windows, told)
        return covered(out, told.values())


def _around(hidden: Sequence[Hidden]) -> dict[Hashable, Rect]:
    """One rectangle around all that each is told to cover."""
    found: dict[Hashable, Rect] = {}
    for one in hidden:
        if hull := Rect.around(one.rects):
            found = _hulls(found, {one.key: hull})
    return found


def _hulls(one: dict[Hashable, Rect], other: dict[Hashable, Rect]) -> dict[Hashable, Rect]:
    both = dict(one)
    for key, rect in other.items():
        both[key] = Rect.around([both[key], rect]) or rect if key in both else rect
    return both


def _slice(rect: Rect) -> tuple[slice, slice]:
    return slice(max(0, rect.y), max(0, rect.bottom)), slice(max(0, rect.x), max(0, rect.right))

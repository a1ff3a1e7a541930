"""Which window on the screen each window of a tree is: by what it is before where it is.

Pairs are one to one. Windows of one program often have the same place (a browser's are all
maximised), and sometimes the same title. A title that is the same counts most, then which one is
active, then the place. A pair is certain only if every other way to pair would fit worse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..geometry import Rect
from ..names import clean
from ..x11.windows import Layer
from .atspi.bus import Key
from .atspi.nodes import Top

_EXACTLY = 2  # pixels each edge may differ by
# What each kind of evidence weighs: no sum of lower ones outweighs a higher one.
_SAME_TITLE, _PART_OF_TITLE, _REMEMBERED, _ACTIVE = 60, 25, 12, 4
_SAME_PLACE, _LIKE_PLACE, _NEAR_PLACE = 4, 3, 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A window of a tree and the window on the screen that it is."""

    top: Top
    layer: Layer
    certain: bool
    """Whether no other window of the program fits as well."""


def paired(
    tops: Sequence[Top],
    layers: Sequence[Layer],
    homes: Mapping[Key, int] | None = None,
) -> list[Pair]:
    """The windows of trees with those on the screen that they are.

    Args:
        tops: All windows of the programs in question.
        layers: All that is on the screen.
        homes: What windows were known for certain to be before, those that do not show included.
    """
    found: list[Pair] = []
    for pid in dict.fromkeys(top.pid for top in tops):
        own = [one for one in layers if one.pid == pid]
        found += _paired_of_one([one for one in tops if one.pid == pid], own, homes or {})
    return found


def _paired_of_one(
    tops: Sequence[Top], layers: Sequence[Layer], homes: Mapping[Key, int]
) -> list[Pair]:
    shown = {one.window for one in layers}
    tops = [one for one in tops if homes.get(one.key, 0) in shown | {0}]  # the rest is minimised
    worth = {
        (at, on): _worth(top, layer, homes.get(top.key, 0))
        for at, top in enumerate(tops)
        for on, layer in enumerate(layers)
    }
    best = sorted((pair for pair in worth if worth[pair]), key=lambda pair: (-worth[pair], pair))
    chosen: dict[int, int] = {}
    for at, on in best:
        if at not in chosen and on not in chosen.values():
            chosen[at] = on
    return [
        Pair(tops[at], layers[on], not _doubtful(at, on, tops, chosen, worth))
        for at, on in chosen.items()
    ]


def _doubtful(
    at: int,
    on: int,
    tops: Sequence[Top],
    chosen: Mapping[int, int],
    worth: Mapping[tuple[int, int], int],
) -> bool:
    """Whether another window of the tree could as well be the one on the screen."""
    for other in range(len(tops)):
        if other == at or not worth[other, on]:
            continue
        place = chosen.get(other)
        now = worth[at, on] + (0 if place is None else worth[other, place])
        then = worth[other, on] + (0 if place is None else worth[at, place])
        if then >= now:
            return True
    return False


def _worth(top: Top, layer: Layer, home: int) -> int:
    """How well two windows fit, 0 when they cannot be the same."""
    if home == layer.window:
        remembered = _REMEMBERED
    elif home:
        return 0
    else:
        remembered = 0
    alike = _alike(top, layer)
    title = 0 if layer.popup else _title_worth(clean(top.name), layer.title)
    if not remembered and title < _SAME_TITLE and alike <= (0.9 if layer.popup else 0.5):
        return 0
    active = _ACTIVE if layer.active and "active" in top.states else 0
    place = _NEAR_PLACE if alike > 0.5 else 0
    if alike > 0.9:
        place = _SAME_PLACE if _exactly(top, layer) else _LIKE_PLACE
    return 1 + title + remembered + active + place


def _title_worth(told: str, title: str) -> int:
    if not told or not title:
        return 0
    if told == title:
        return _SAME_TITLE
    return _PART_OF_TITLE if title.startswith(told) or told.startswith(title) else 0


def _alike(top: Top, layer: Layer) -> float:
    """How much of the two is common to them, 0 to 1; of their sizes, where that is all there is."""
    inner = replace(layer.inner, x=top.rect.x, y=top.rect.y) if top.relative else layer.inner
    return max(likeness(top.rect, inner), 0 if top.relative else likeness(top.rect, layer.outer))


def _exactly(top: Top, layer: Layer) -> bool:
    if top.relative:
        return False
    mine = _edges(top.rect)
    return any(
        all(abs(a - b) <= _EXACTLY for a, b in zip(mine, _edges(one), strict=True))
        for one in (layer.outer, layer.inner)
    )


def _edges(rect: Rect) -> tuple[int, int, int, int]:
    return rect.x, rect.y, rect.right, rect.bottom


def likeness(one: Rect, other: Rect) -> float:
    """How much of two rectangles is common to them, 0 to 1."""
    common = one.overlap(other)
    return common.area / (one.area + other.area - common.area) if common else 0.0


def certain(pairs: Sequence[Pair], layer: Layer) -> bool:
    """Whether it is certain which of a program's windows is the one at a layer."""
    return all(one.certain for one in pairs if one.layer.window == layer.window)

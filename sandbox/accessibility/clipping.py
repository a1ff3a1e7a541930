"""Clipping: the part of an element that the scroll areas and windows around it let show.

Toolkits tell the whole rectangle of what is scrolled half out of view, and most of them the place
of what is scrolled wholly out of view as if it showed. Pure geometry: the tree is given.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..geometry import Rect

K = TypeVar("K", bound=Hashable)

NOTHING = Rect(0, 0, 0, 0)


def clipped(
    keys: Sequence[K],
    parents: Mapping[K, K],
    holders: Mapping[K, Rect],
    free: Collection[K],
) -> dict[K, Rect]:
    """Return the rectangle that each of some objects can show in, for those that have one.

    Args:
        keys: The objects.
        parents: What each object of the tree is in.
        holders: The rectangles of those that show nothing outside of themselves.
        free: Those whose contents have a window of their own, as a menu has.
    """
    known: dict[K, Rect | None] = {}

    def limit(key: K) -> Rect | None:
        chain: list[K] = []
        here: K | None = key
        while here is not None and here not in known and len(chain) < 200:
            chain.append(here)
            known[here] = None  # a cycle ends here
            here = None if here in free else parents.get(here)
        around = known.get(here) if here is not None else None
        for one in reversed(chain):
            own = holders.get(one)
            if own is not None:
                around = own if around is None else around.overlap(own) or NOTHING
            known[one] = around
        return known[key]

    found: dict[K, Rect] = {}
    for key in keys:
        parent = parents.get(key)
        if parent is not None and key not in free and (around := limit(parent)) is not None:
            found[key] = around
    return found


def sticking_out(rects: Sequence[Rect], holders: Sequence[Rect]) -> list[tuple[int, int]]:
    """Return the pairs of a rectangle and a holder that has a part of it in it and a part outside.

    Those that hold the holder are left out.
    """
    if not rects or not holders:
        return []
    inner, outer = _edges(rects), _edges(holders)
    left, top, right, bottom = (inner[:, None, side] for side in range(4))
    x0, y0, x1, y1 = (outer[None, :, side] for side in range(4))
    touch = (left < x1) & (x0 < right) & (top < y1) & (y0 < bottom)
    within = (x0 <= left) & (y0 <= top) & (right <= x1) & (bottom <= y1)
    around = (left <= x0) & (top <= y0) & (x1 <= right) & (y1 <= bottom)
    return [(int(one), int(other)) for one, other in np.argwhere(touch & ~within & ~around)]


def overlapping(rects: Sequence[Rect]) -> list[bool]:
    """Return for each rectangle whether it has a place in common with another one."""
    if not rects:
        return []
    edges = _edges(rects)
    left, top, right, bottom = (edges[:, None, side] for side in range(4))
    x0, y0, x1, y1 = (edges[None, :, side] for side in range(4))
    touch = (left < x1) & (x0 < right) & (top < y1) & (y0 < bottom)
    np.fill_diagonal(touch, val=False)
    some = {int(row) for row, _ in np.argwhere(touch)}
    return [place in some for place in range(len(rects))]


def _edges(rects: Sequence[Rect]) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    return np.array([(one.x, one.y, one.right, one.bottom) for one in rects], dtype=np.int64)

"""Is what changed only how a pressed thing looks? A button lights up before anything comes of it.

Such a change is small and lies where the pointer is, or where it was and has left a highlight.
"""

from collections.abc import Iterable

import numpy as np

from ..geometry import Point, Rect
from .image import Pixels

_SIDE = 8  # pixels of a tile
_WIDEST, _HIGHEST = 420, 120  # pixels; a wide button or a text field with its label
_NEAR = 12  # pixels around a tile in which another belongs to the same change
_MOST = 2 * (_WIDEST // _SIDE + 2) * (_HIGHEST // _SIDE + 2)  # tiles of two such things


def local(before: Pixels, after: Pixels, near: Iterable[Point]) -> bool:
    """Whether all that differs between two looks is small and around one of some points.

    True as well if nothing differs at all.
    """
    if before is after:
        return True
    height, width = (size // _SIDE * _SIDE for size in before.shape[:2])
    differs = before.view(np.uint32)[..., 0] != after.view(np.uint32)[..., 0]
    if differs[height:].any() or differs[:, width:].any():
        return False
    tiles = differs[:height, :width].reshape(height // _SIDE, _SIDE, -1, _SIDE).any(axis=(1, 3))
    rows, columns = np.nonzero(tiles)
    if len(rows) > _MOST:
        return False
    points = list(near)
    tiled = set(zip(columns.tolist(), rows.tolist(), strict=True))
    return all(_small(part, points) for part in _parts(tiled))


def _small(part: Rect, points: Iterable[Point]) -> bool:
    wider = Rect(part.x - _NEAR, part.y - _NEAR, part.width + 2 * _NEAR, part.height + 2 * _NEAR)
    fits = part.width <= _WIDEST and part.height <= _HIGHEST
    return fits and any(wider.holds(point) for point in points)


def _parts(tiles: set[tuple[int, int]]) -> Iterable[Rect]:
    """What lies together, as rectangles of pixels; a gap of two tiles separates."""
    while tiles:
        queue = [tiles.pop()]
        found: list[tuple[int, int]] = []
        while queue:
            column, row = queue.pop()
            found.append((column, row))
            around = {(column + dx, row + dy) for dx in range(-2, 3) for dy in range(-2, 3)} & tiles
            tiles -= around
            queue += around
        left, top = min(x for x, _ in found), min(y for _, y in found)
        right, bottom = max(x for x, _ in found) + 1, max(y for _, y in found) + 1
        yield Rect(left * _SIDE, top * _SIDE, (right - left) * _SIDE, (bottom - top) * _SIDE)

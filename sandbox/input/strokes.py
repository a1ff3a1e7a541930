"""Texts and paths taken apart into what is sent at once."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from ..geometry import Point

# How long a key or button is down: one frame at 60 Hz and a little, so that a program that looks
# at its input once a frame (a game) sees the press. The X server waits, not we.
PRESS_MS = 20

# A drag passes many points, for programs follow what they see of it: one every 8 ms, as a USB mouse
# tells them (125 a second), 40 pixels apart at the most, as fast as a hand. A short one passes 12
# points, and a long one goes faster. At the points asked for it stays for a frame, as a press does:
# browsers tell a page only the last move of each.
_GLIDE_MS, _GLIDE_PIXELS, FEWEST_POINTS, _MOST_POINTS = 8, 40, 12, 60


def runs_of(text: str) -> Iterator[str]:
    """Pieces of text between newlines and tabs, and those by themselves: they are always keys."""
    for breaks, chars in groupby(text, key=lambda char: char in "\n\t"):
        if breaks:
            yield from chars
        else:
            yield "".join(chars)


def after_tabs(text: str) -> list[str]:
    """Pieces of text that each end with a tab, which moves the focus, or are the last."""
    return [piece for piece in text.replace("\t", "\t\0").split("\0") if piece]


def points_along(path: Sequence[Point]) -> list[tuple[int, Point]]:
    """The points a drag passes after its first, each with the milliseconds to wait before it."""
    length = sum(distance(start, end) for start, end in pairwise(path))
    step = max(length / _MOST_POINTS, min(_GLIDE_PIXELS, length / FEWEST_POINTS))
    points: list[tuple[int, Point]] = []
    for start, end in pairwise(path):
        steps = max(1, round(distance(start, end) / step))
        across, down = (end.x - start.x) / steps, (end.y - start.y) / steps
        for one in range(1, steps + 1):
            to = Point(round(start.x + across * one), round(start.y + down * one))
            points.append((PRESS_MS if one == 1 and points else _GLIDE_MS, to))
    return points


def distance(one: Point, other: Point) -> float:
    return math.hypot(other.x - one.x, other.y - one.y)

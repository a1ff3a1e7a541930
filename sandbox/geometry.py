"""Points and rectangles, in pixels from the top left corner."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle; `x` and `y` are its first column and row, `width` and `height` its extent."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, rects: Iterable[Self]) -> Self | None:
        """The smallest rectangle that holds all of them; None when there are none."""
        found = list(rects)
        if not found:
            return None
        left = min(rect.x for rect in found)
        top = min(rect.y for rect in found)
        right = max(rect.right for rect in found)
        bottom = max(rect.bottom for rect in found)
        return cls(left, top, right - left, bottom - top)

    @property
    def right(self) -> int:
        """The first column to the right of the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the rectangle."""
        return self.y + self.height

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def centre(self) -> Point:
        return Point(self.x + self.width // 2, self.y + self.height // 2)

    def holds(self, point: Point) -> bool:
        return self.x <= point.x < self.right and self.y <= point.y < self.bottom

    def moved(self, right: int, down: int) -> Self:
        """The same somewhere else."""
        return type(self)(self.x + right, self.y + down, self.width, self.height)

    def overlap(self, other: Self) -> Self | None:
        """The part both share; None when they do not touch."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        if right <= left or bottom <= top:
            return None
        return type(self)(left, top, right - left, bottom - top)

    def without(self, others: Iterable[Self]) -> list[Self]:
        """What is left of it outside the others, as rectangles that do not overlap."""
        left = [self]
        for other in others:
            left = [piece for one in left for piece in one._outside(other)]
        return left

    def _outside(self, other: Self) -> list[Self]:
        cut = self.overlap(other)
        if cut is None:
            return [self]
        make = type(self)
        pieces = (
            make(self.x, self.y, self.width, cut.y - self.y),
            make(self.x, cut.bottom, self.width, self.bottom - cut.bottom),
            make(self.x, cut.y, cut.x - self.x, cut.height),
            make(cut.right, cut.y, self.right - cut.right, cut.height),
        )
        return [piece for piece in pieces if piece.width > 0 and piece.height > 0]


@dataclass(frozen=True, slots=True)
class View:
    """How the screen is shown to a caller: `screen` pixels drawn on a picture of `picture` pixels.

    Coordinates of callers are always pixels of the full picture. One picture pixel covers
    `scale` screen pixels or less in each direction.
    """

    screen: Rect
    picture: Rect

    @classmethod
    def fitting(cls, width: int, height: int, longest: int) -> Self:
        """Show a screen on a picture whose longer side is at most `longest` pixels."""
        shrink = min(1.0, longest / max(width, height))
        return cls(
            Rect(0, 0, width, height),
            Rect(0, 0, max(1, round(width * shrink)), max(1, round(height * shrink))),
        )

    @property
    def scale(self) -> float:
        """Screen pixels per picture pixel; 1.0 when the picture is the screen itself."""
        return self.screen.width / self.picture.width

    def to_screen(self, point: Point) -> Point:
        """The screen pixel under the middle of a picture pixel."""
        return Point(
            int((point.x + 0.5) * self.screen.width / self.picture.width),
            int((point.y + 0.5) * self.screen.height / self.picture.height),
        )

    def to_picture(self, point: Point) -> Point:
        """The picture pixel that shows the middle of a screen pixel."""
        return Point(
            int((point.x + 0.5) * self.picture.width / self.screen.width),
            int((point.y + 0.5) * self.picture.height / self.screen.height),
        )

    def region_to_screen(self, region: Rect) -> Rect:
        """The screen pixels a region of the picture shows."""
        left = region.x * self.screen.width // self.picture.width
        top = region.y * self.screen.height // self.picture.height
        right = -(-region.right * self.screen.width // self.picture.width)
        bottom = -(-region.bottom * self.screen.height // self.picture.height)
        return Rect(left, top, right - left, bottom - top)

    def region_to_picture(self, region: Rect) -> Rect:
        """The picture pixels that show any part of a region of the screen."""
        left = region.x * self.picture.width // self.screen.width
        top = region.y * self.picture.height // self.screen.height
        right = -(-region.right * self.picture.width // self.screen.width)
        bottom = -(-region.bottom * self.picture.height // self.screen.height)
        return Rect(left, top, right - left, bottom - top)

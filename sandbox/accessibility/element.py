"""Elements and groups of them, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..geometry import Point, Rect
from ..x11.windows import Layer
from .atspi.nodes import Node, Top

Eye = Literal["tree", "ocr"]

USABLE = {
    "button", "toggle button", "check box", "radio button", "switch", "link", "entry", "text",
    "password text", "spin button", "combo box", "slider", "menu", "menu item", "check menu item",
    "radio menu item", "page tab", "list item", "tree item", "table cell", "icon", "column header",
    "push button menu", "table column header", "terminal", "date editor", "autocomplete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Element:
    """Something on the screen; rectangles and points are pixels of the screen."""

    ref: str
    role: str
    name: str
    text: str | None
    """What a field holds or a slider's value; None for what holds nothing."""
    states: frozenset[str]
    rect: Rect
    seen: Rect | None
    """The largest part that nothing covers; None when there is none."""
    point: Point
    """Where to click."""
    window: int
    eye: Eye = "tree"
    words: str = ""
    """The words that `rect` is the place of, where that is not the place of the whole element."""
    unplaced: bool = False
    """Whether it is in an open list that can scroll, and its program does not tell how far."""

    @property
    def usable(self) -> bool:
        """Whether there is anything to click or fill in."""
        return self.role in USABLE and "sensitive" in self.states

    @property
    def field(self) -> bool:
        """Whether text can be typed into it."""
        return "editable" in self.states or self.role in ("password text", "terminal")


@dataclass(frozen=True, slots=True)
class Group:
    """One window and what is seen in it."""

    layer: Layer
    elements: Sequence[Element]
    above: Sequence[Rect]
    """What covers parts of it: the windows above it."""
    told: bool
    """Whether its program tells what it shows at all."""
    silent: str = ""
    """What its program did instead of telling what it shows; empty when it told."""
    unplaced: Sequence[Element] = ()
    """What is in it at a place that its program does not tell."""

    def at(self, point: Point) -> list[Element]:
        """What covers a point, the smallest first."""
        there = [one for one in self.elements if one.rect.holds(point)]
        return sorted(there, key=lambda one: one.rect.area)


@dataclass(frozen=True, slots=True)
class Touched:
    """What a click would reach: each chain goes from the innermost to the page.

    Args:
        chains: One, or all that it may be.
        doubt: Why it is not certain; empty when it is.
    """

    chains: tuple[list[Node], ...]
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a ref stands for."""

    node: Node
    layer: Layer
    top: Top

"""What of all that a window's program tells is listed, and what only repeats something else."""

from collections.abc import Iterable, Sequence

from .atspi.nodes import Node
from .element import USABLE, Element

_USED_WITHOUT_NAME = {
    "button", "toggle button", "check box", "radio button", "switch", "link", "entry", "text",
    "password text", "spin button", "combo box", "slider", "terminal", "push button menu",
}  # fmt: skip
MENU_ITEMS = {"menu", "menu item", "check menu item", "radio menu item"}
_IN_MENUS = MENU_ITEMS | {"popup menu", "separator", "tearoff menu item"}
_IN_LISTS = {"list", "list box", "list item", "menu", "menu item"}
_PLAIN = {"static", "label", "paragraph", "section", "text", "caption", "image", "icon"}
# What the tree knows is there but cannot read.
PICTURES = {
    "canvas", "image", "drawing area", "icon", "video", "embedded", "chart", "animation",
    "directory pane",
}  # fmt: skip


def listed(nodes: Sequence[Node]) -> Iterable[Node]:
    """The nodes that say something or can be used, without those of closed lists."""
    for node in _without_closed_lists(nodes):
        says = bool(node.name.strip() or (node.text or "").strip())
        if says or node.role in _USED_WITHOUT_NAME | PICTURES:
            yield node


def of_menu(elements: list[Element]) -> list[Element]:
    """What is in a popup: where that is a menu, other things lie below it, and it is no item."""
    items = [one for one in elements if one.role in MENU_ITEMS]
    if not items:
        return elements
    around = [one.ref for one in items if any(_within(other, one) for other in items)]
    return [one for one in elements if one.role in _IN_MENUS and one.ref not in around]


def _within(one: Element, other: Element) -> bool:
    return one.rect.area < other.rect.area and one.rect.overlap(other.rect) == one.rect


def without_echoes(elements: Sequence[Element]) -> list[Element]:
    """Leave out text that only repeats what holds it: the label in a button."""
    named: dict[str, list[Element]] = {}
    for one in elements:
        if one.role in USABLE or one.role in ("heading", "paragraph", "alert"):
            for words in {one.name, (one.text or "").strip()} - {""}:
                named.setdefault(words, []).append(one)

    def echoes(one: Element) -> bool:
        if one.role not in _PLAIN or one.field or not one.name:
            return False
        return any(
            other.ref != one.ref and other.role not in _PLAIN and other.rect.overlap(one.rect)
            for other in named.get(one.name, ())
        )

    return [one for one in elements if not echoes(one)]


def _without_closed_lists(nodes: Sequence[Node]) -> Iterable[Node]:
    """Leave out the lists of combo boxes that are not open; Qt and Chromium tell them too."""
    closed = False
    for node in nodes:
        if node.role == "combo box":
            closed = "expandable" in node.states and "expanded" not in node.states
        elif closed and node.role not in _IN_LISTS:
            closed = False
        if not closed or node.role == "combo box":
            yield node

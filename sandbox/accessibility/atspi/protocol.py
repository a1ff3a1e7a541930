"""What AT-SPI calls things, and how its answers are decoded."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dbus_fast import DBusFastError

from ...geometry import Rect
from .bus import Answer, Key, Question, Silent
from .nodes import ROLES, STATES, Node

A11Y = "org.a11y.atspi."
ACCESSIBLE = A11Y + "Accessible"
COMPONENT, TEXT, VALUE = A11Y + "Component", A11Y + "Text", A11Y + "Value"
TABLE = A11Y + "Table"
PROPERTIES = "org.freedesktop.DBus.Properties"
ROOT = "/org/a11y/atspi/accessible/root"
NULL = "/org/a11y/atspi/null"
ON_SCREEN, IN_WINDOW = 0, 1  # coordinate types
SHOWING, FOCUSED, VISIBLE, EDITABLE = 1 << 25, 1 << 12, 1 << 30, 1 << 7  # states
LABEL_FOR, LABELLED_BY = 1, 2  # relations
# What programs may do.
LATE, MUTE = "did not answer in time", "did not tell what it shows"
LOOKED = 0.03  # seconds Chromium takes to find out what is under a point
MOST_NODES = 5000  # of one program: a tree of more is cut
FEW_CELLS = 800  # of a table that are all asked for, in view or not
LONGEST = 20_000  # characters of a name, or of what something holds; a sign shows the cut
# Firefox counts in UTF-16 and fills up with U+FEFF behind characters that take two units.
PADDED = re.compile("([\U00010000-\U0010ffff])\ufeff")
ITEMS = {"menu item", "check menu item", "radio menu item"}
MENU_PARTS = {"menu bar", "menu", "popup menu", *ITEMS}
TEXTS = {"document text", "document presentation", "document web", "document frame"}
CHOICES = {"menu item", "list item", "radio menu item", "check menu item"}
# Layout without words of its own; not worth a question when it has no name.
LAYOUT = {
    "panel", "filler", "section", "paragraph", "scroll pane", "viewport", "split pane", "root pane",
    "layered pane", "redundant object", "unknown", "invalid", "separator", "internal frame",
    "html container", "grouping", "form", "landmark", "article", "block quote", "list", "list box",
    "table row", "scroll bar", "extended", "application",
}  # fmt: skip
# A program may say anything, in any shape: what it says of one object costs that object's line.
UNTOLD = (
    Silent, DBusFastError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
)  # fmt: skip


def utf16_units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def told_by_pane(node: Node, pane: Key, rect: Rect) -> Node:
    return replace(node, rect=replace(node.rect, y=node.rect.y - rect.bottom), pane=pane)


def all_of_states(states: int) -> list[Any]:
    """A rule of Collection.GetMatches: objects with all of some states."""
    return [[states, 0], 1, {}, 1, [], 1, [], 1, False]


def property_of(where: Key, interface: str, name: str) -> Question:
    """What a property is."""
    return Question(where, PROPERTIES, "Get", "ss", [interface, name])


def value_of(answer: Answer) -> Any:
    (found,) = returned(answer)
    return found.value


def returned(answer: Answer) -> list[Any]:
    """What a method returned.

    Raises:
        Silent: It did not.
    """
    if isinstance(answer, Silent):
        raise answer
    return answer


def key_of(found: Sequence[str]) -> Key:
    return found[0], found[1]


def keys_of(found: Sequence[Any]) -> list[Key]:
    """The objects of a list, without what names none."""
    return [
        (str(one[0]), str(one[1]))
        for one in found
        if len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], str)
    ]


def role_name(number: int) -> str:
    return ROLES[number] if 0 <= number < len(ROLES) else "unknown"


def states_of(words: Sequence[int]) -> frozenset[str]:
    return _states_of(words[0] | (words[1] << 32 if len(words) > 1 else 0))


@lru_cache(1024)
def _states_of(bits: int) -> frozenset[str]:
    return frozenset(name for place, name in enumerate(STATES) if bits >> place & 1)


def clean(name: str) -> str:
    """A name on one line, cut to a size."""
    return cut(" ".join(name.replace("\ufffc", " ").split()))


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"

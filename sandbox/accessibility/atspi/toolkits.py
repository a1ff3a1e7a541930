"""What differs between toolkits in how their programs are read. Each difference was measured."""

from dataclasses import dataclass, replace
from typing import Literal

_SCROLL_AREAS = {"scroll pane", "viewport"}
_WIDGETS = _SCROLL_AREAS | {
    "filler", "panel", "split pane", "layered pane", "internal frame", "unknown", "list", "tree",
    "table", "tree table", "list box",
}  # fmt: skip
_IN_PAGES = {
    "section", "list", "list item", "form", "article", "landmark", "grouping", "table", "table row",
    "tree", "list box", "document web", "internal frame", "panel", "scroll pane", "embedded",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Toolkit:
    """How programs of one toolkit tell what they show."""

    name: str
    """As the program tells it; empty if it does not."""
    hide: frozenset[str] = frozenset(_WIDGETS)
    """Roles of which nothing shows outside of them; in a page anything may, so it is asked."""
    in_window: bool = False
    """Whether places count from the window's corner and "visible" stands for "showing"."""
    shows_pages: bool = False
    """Whether it is a browser, or is made of one."""
    guesses_at_first: bool = False
    """Whether what is under a point is known only after it was asked once."""
    text_in_blocks: bool = False
    """Whether text is part of what holds it, with no object of its own."""
    has_sheets: bool = False
    """Whether to read its cache only: it hangs while it visits each cell of a sheet."""
    lists_scroll: bool = False
    """Whether a list scrolls by itself, with rows that tell places where they are no more."""
    long_lists: Literal["", "menus", "selects"] = ""
    """Which lists may be longer than what shows of them, without telling so."""
    tells_keys: bool = True
    """Whether menus and buttons say which keys press them."""
    buttons_have_keys: bool = False
    """Whether buttons anywhere in a window have keys, too."""
    names_are_rich: bool = False
    """Whether names may be the source of rich text, or tool tips."""


_UNKNOWN = Toolkit("")
_TOOLKITS = {
    one.name: one
    for one in (
        Toolkit("gtk", frozenset(_SCROLL_AREAS), long_lists="menus"),  # 2 and 3
        Toolkit(
            "GTK", frozenset(_SCROLL_AREAS), in_window=True, lists_scroll=True, tells_keys=False,
        ),  # 4
        Toolkit("Qt", buttons_have_keys=True, names_are_rich=True),
        Toolkit("Gecko", frozenset(_IN_PAGES), shows_pages=True, text_in_blocks=True),
        Toolkit(
            "Chromium", frozenset(_IN_PAGES), shows_pages=True, guesses_at_first=True,
            long_lists="selects", tells_keys=False,
        ),
        Toolkit("WebKitGTK", frozenset(_IN_PAGES), shows_pages=True),
    )
}  # fmt: skip
_OFFICE = "soffice"


def toolkit_of(program: str, told: str) -> Toolkit:
    """The toolkit of a program, by the names that it tells of itself and of its toolkit."""
    found = _TOOLKITS.get(told) or replace(_UNKNOWN, name=told)
    return replace(found, has_sheets=True) if program == _OFFICE else found

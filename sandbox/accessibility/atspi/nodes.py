"""What programs tell of their windows, as values: nodes, roles and states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...geometry import Rect
from .bus import Key, Silent, Slow

STATES = (
    "invalid", "active", "armed", "busy", "checked", "collapsed", "defunct", "editable", "enabled",
    "expandable", "expanded", "focusable", "focused", "has tooltip", "horizontal", "iconified",
    "modal", "multi line", "multiselectable", "opaque", "pressed", "resizable", "selectable",
    "selected", "sensitive", "showing", "single line", "stale", "transient", "vertical", "visible",
    "manages descendants", "indeterminate", "required", "truncated", "animated", "invalid entry",
    "supports autocompletion", "selectable text", "is default", "visited", "checkable", "has popup",
    "read only",
)  # fmt: skip

ROLES = (
    "invalid", "accelerator label", "alert", "animation", "arrow", "calendar", "canvas",
    "check box", "check menu item", "color chooser", "column header", "combo box", "date editor",
    "desktop icon", "desktop frame", "dial", "dialog", "directory pane", "drawing area",
    "file chooser", "filler", "focus traversable", "font chooser", "frame", "glass pane",
    "html container", "icon", "image", "internal frame", "label", "layered pane", "list",
    "list item", "menu", "menu bar", "menu item", "option pane", "page tab", "page tab list",
    "panel", "password text", "popup menu", "progress bar", "button", "radio button",
    "radio menu item", "root pane", "row header", "scroll bar", "scroll pane", "separator",
    "slider", "spin button", "split pane", "status bar", "table", "table cell",
    "table column header", "table row header", "tearoff menu item", "terminal", "text",
    "toggle button", "tool bar", "tool tip", "tree", "tree table", "unknown", "viewport", "window",
    "extended", "header", "footer", "paragraph", "ruler", "application", "autocomplete", "edit bar",
    "embedded", "entry", "chart", "caption", "document frame", "heading", "page", "section",
    "redundant object", "form", "link", "input method window", "table row", "tree item",
    "document spreadsheet", "document presentation", "document text", "document web",
    "document email", "comment", "list box", "grouping", "image map", "notification", "info bar",
    "level bar", "title bar", "block quote", "audio", "video", "definition", "article", "landmark",
    "log", "marquee", "math", "rating", "timer", "static", "math fraction", "math root",
    "subscript", "superscript", "description list", "description term", "description value",
    "footnote", "content deletion", "content insertion", "mark", "suggestion", "push button menu",
    "switch",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One object of a tree as it was when it was read."""

    key: Key
    role: str
    name: str
    states: frozenset[str]
    rect: Rect
    """Pixels of the screen, or of the window where the program's are `relative`."""
    text: str | None = None
    """What a field holds, or the value of a slider; None when it holds nothing or does not say."""
    cell: tuple[int, int] | None = None
    """Row and column, for a cell of a table whose `key` is the table's."""
    popover: Rect | None = None
    """The popover of GTK 4 that it is in, as it tells it: it has a window of its own."""
    pane: Key | None = None
    """For what LibreOffice draws itself: what fills its window below the menu bar. `rect` counts
    from its lower edge, for until the window has been used both are off by the menu bar."""
    clip: Rect | None = None
    """Where alone it can show, counted as `rect`; None if it is in no scroll area."""
    run: Rect | None = None
    """All of the open menu or list that it is in, counted as `rect`; None if it is in none."""
    unscrolled: bool = False
    """Whether `rect` and `run` stay as they are when that list scrolls, as Chromium's do."""

    def moved(self, right: int, down: int) -> "Node":
        """The same somewhere else."""
        clip = self.clip and self.clip.moved(right, down)
        run = self.run and self.run.moved(right, down)
        return replace(self, rect=self.rect.moved(right, down), clip=clip, run=run)


@dataclass(frozen=True, slots=True)
class Top:
    """One window of a program, as its tree tells it: what shows in it, in document order or any."""

    key: Key
    pid: int
    name: str
    rect: Rect
    relative: bool
    """Whether rectangles count from the window's corner, because the toolkit knows no other."""
    ordered: bool
    """Whether the nodes are in document order."""
    nodes: Sequence[Node]
    states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text field holds; the caret and the selection's ends count characters."""

    text: str
    caret: int
    selection: tuple[int, int] | None
    wide: bool
    """Whether the program itself counts in UTF-16 units."""
    rich: bool = False
    """Whether it is made of paragraphs or the like, whose lines `text` has: the caret and the
    selection say nothing then."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of what a combo box offers, in view or not."""

    key: Key
    name: str
    usable: bool


class Gone(Silent):
    """A program says that it has no such object any more."""


class Unsure(Slow):
    """A program does not tell its windows apart for now."""

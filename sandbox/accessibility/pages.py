"""Which page a browser's window shows: what it is called, and whether it is still being loaded.

A browser tells the name of a page at once, and sets the title of its window up to 0.2 s later
(Chromium: `kUIUpdateCoalescingTime` in chrome/browser/ui/browser.cc).
"""

from contextlib import suppress
from dataclasses import dataclass

from ..x11.windows import Window, Windows
from .atspi.bus import Key, Silent, Slow
from .atspi.nodes import Gone
from .atspi.tree import AccessibilityTree
from .elements import Elements

_WITHIN = 0.3  # seconds a browser has to answer
_NOWHERE: Key = ("", "")
_ENOUGH = 60  # characters of a name that have to stand in a title, which may be cut


@dataclass(frozen=True, slots=True)
class Page:
    """A page as its browser tells it."""

    key: Key
    name: str
    busy: bool
    """Whether it is being loaded."""

    def entitles(self, title: str) -> bool:
        """Whether a window's title is of this page; a page without a name has its address there."""
        name = " ".join(self.name.split())
        return name[:_ENOUGH] in " ".join(title.split())


class Pages:
    """The pages in front on one desktop. Used by one thread at a time."""

    def __init__(self, tree: AccessibilityTree, elements: Elements, windows: Windows) -> None:
        self._tree = tree
        self._elements = elements
        self._windows = windows
        self._known: dict[int, tuple[str, Key | None]] = {}
        """By window: its title and its page, or None for a program that shows no pages."""

    def forget(self) -> None:
        """The programs are others than they were."""
        self._known.clear()

    def shown(self, window: Window | None) -> Page | None:
        """The page that the active window shows; None where none is known.

        Raises:
            Slow: A browser does not answer for now.
        """
        if window is None:
            return None
        title, key = self._known.get(window.id, ("", _NOWHERE))
        if key is None:
            return None
        # Chromium says of pages in other tabs, too, that they are shown; they have other titles.
        if key != _NOWHERE and title == window.title and (page := self._page(key)):
            return page
        for gone in [one for one in self._known if not self._windows.exists(one)]:
            del self._known[gone]
        return self._found(window)

    def _found(self, window: Window) -> Page | None:
        for one in reversed(self._elements.focuses()):
            node = self._elements.node(one)
            if not self._tree.browses(node):
                self._known[window.id] = window.title, None
                return None
            with suppress(Gone):
                if (key := self._tree.document(node, _WITHIN)) and (page := self._page(key)):
                    self._known[window.id] = window.title, key
                    return page
        return None

    def _page(self, key: Key) -> Page | None:
        try:
            name, states = self._tree.label(key, _WITHIN)
        except Slow:
            raise
        except Silent:
            return None
        return Page(key, name, "busy" in states) if "showing" in states else None

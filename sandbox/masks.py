"""What may not be seen: where a secret was typed, followed for as long as it may show.

Where a program tells of the field, the field is covered wherever it is now. Where none does (a
terminal, a canvas), and where a program stops to tell, its whole window is.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .atspi import Gone, Key, Silent, Tree
from .elements import Element, Elements, Known, placed
from .errors import NotDone
from .geometry import Rect
from .windows import Layer, Windows

_ANSWER_WITHIN = 0.3  # seconds a program has to tell where its field is


@dataclass(frozen=True, slots=True)
class Hidden:
    """A field or window that holds a secret, as it is told now."""

    key: Key | int
    """The field, or the window where the whole of it is covered."""
    outer: Rect
    """The window, with its frame."""
    rects: Sequence[Rect]
    """What is painted over; none while the field does not show."""
    around: Sequence[Rect] = ()
    """Where the field may turn up next: what shows of its window."""


@dataclass(frozen=True, slots=True)
class _Field:
    window: int
    pid: int
    known: Known


@dataclass(slots=True)
class _Covered:
    """What is covered, one and the same for all who look."""

    typing: bool = False
    typed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    fields: dict[Key, _Field] = field(default_factory=dict[Key, _Field])
    whole: dict[int, int] = field(default_factory=dict[int, int])


class Masks:
    """What is covered on one desktop. Used by one thread at a time; others use `through`.

    Args:
        tree: Tells where fields are.
        windows: Tells where windows are.
        elements: Keeps to itself what covered fields hold.
    """

    def __init__(
        self, tree: Tree, windows: Windows, elements: Elements, covered: _Covered | None = None
    ) -> None:
        self._tree = tree
        self._windows = windows
        self._elements = elements
        self._covered = covered or _Covered()

    def through(self, tree: Tree, windows: Windows) -> "Masks":
        """The same masks for another thread, which asks by connections of its own."""
        return Masks(tree, windows, self._elements, self._covered)

    def cover(self, focus: Element | None) -> None:
        """Cover what has the keyboard focus: a field, or the whole active window.

        Raises:
            NotDone: No window has it.
        """
        if focus is not None and focus.field and focus.role != "terminal":
            known = self._elements.known(focus)
            if known.node.cell is None:
                with self._covered.lock:
                    covered = _Field(focus.window, known.layer.pid, known)
                    self._covered.fields[known.node.key] = covered
                    self._elements.withheld.add(known.node.key)
                return
        self.cover_window()

    def cover_window(self) -> None:
        """Cover the window with the keyboard focus until it is closed.

        Raises:
            NotDone: There is none.
        """
        active = self._windows.active_id()
        if not active:
            raise NotDone("No window has the keyboard focus; nothing was typed.")
        pid = self._windows.pid(active)
        with self._covered.lock:
            self._covered.whole[active] = pid
            self._elements.withheld_windows.add(active)

    @contextmanager
    def typing(self) -> Generator[None]:
        """A secret is typed in this block: where it lands is known for certain only afterwards."""
        with self._covered.lock:
            self._covered.typed += 1
            self._covered.typing = True
        try:
            yield
        finally:
            self._covered.typing = False

    @property
    def typed(self) -> int | None:
        """How many secrets were typed; None while one is."""
        with self._covered.lock:
            return None if self._covered.typing else self._covered.typed

    def rects(self) -> Sequence[Rect]:
        """What of the screen is covered now."""
        return [rect for one in self.hidden() for rect in one.rects]

    def hidden(self) -> Sequence[Hidden]:
        """What is covered now, with where it is."""
        with self._covered.lock:
            fields, whole = dict(self._covered.fields), dict(self._covered.whole)
        if not fields and not whole:
            return ()
        layers = self._windows.layers()
        shown = {layer.window: layer for layer in layers}
        found: list[Hidden] = []
        for window, pid in whole.items():
            layer = shown.get(window)
            if self._closed(window, pid, layer):
                self._forget_window(window, pid)
            elif layer:
                found.append(Hidden(window, layer.outer, _uncovered(layer.outer, layer, layers)))
        for key, one in fields.items():
            layer = shown.get(one.window)
            if self._closed(one.window, one.pid, layer):
                self._forget(key, one)
            elif layer:
                rects = self._of_field(key, one, layer, layers)
                around = _uncovered(layer.outer, layer, layers)
                found.append(Hidden(key, layer.outer, rects, around))
        return found

    def _closed(self, window: int, pid: int, layer: Layer | None) -> bool:
        """Whether a window has gone; the X server gives its number to another program later."""
        if layer is None:
            return not self._windows.exists(window)
        return layer.pid != pid

    def _of_field(
        self, key: Key, field: _Field, layer: Layer, layers: Sequence[Layer]
    ) -> list[Rect]:
        try:
            now = self._tree.place(field.known.node, _ANSWER_WITHIN)
        except Gone:
            self._forget(key, field)
            return []
        except Silent:
            return _uncovered(layer.outer, layer, layers)
        if now is None:
            return []
        rect = placed(now, field.known.top, layer, layers).rect
        # A popover lies in a window of its own, above the one its program tells.
        return [rect] if now.popover else _uncovered(rect, layer, layers)

    # Somebody may have covered the same again since this look began: that stays.

    def _forget(self, key: Key, field: _Field) -> None:
        with self._covered.lock:
            if self._covered.fields.get(key) is field:
                del self._covered.fields[key]
                self._elements.withheld.discard(key)

    def _forget_window(self, window: int, pid: int) -> None:
        with self._covered.lock:
            if self._covered.whole.get(window) == pid:
                del self._covered.whole[window]
                self._elements.withheld_windows.discard(window)


def _uncovered(rect: Rect, layer: Layer, layers: Sequence[Layer]) -> list[Rect]:
    above = [
        one.outer
        for one in layers[: layers.index(layer)]
        if not (one.popup and one.pid == layer.pid)
    ]
    return rect.without(above)

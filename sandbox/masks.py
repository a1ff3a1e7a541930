"""What may not be seen: where a secret was typed, followed for as long as it may show.

Where a program tells of the field, the field is covered wherever it is now. Where none does (a
terminal, a canvas), and where a program stops to tell, its whole window is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .atspi import Gone, Key, Silent, Tree
from .elements import Element, Elements, Known, placed
from .errors import NotDone
from .geometry import Rect
from .windows import Layer, Windows

_ANSWER_WITHIN = 0.3  # seconds a program has to tell where its field is


@dataclass(frozen=True, slots=True)
class _Field:
    window: int
    pid: int
    known: Known


class Masks:
    """What is covered on one desktop. Used by one thread at a time.

    Args:
        tree: Tells where fields are.
        windows: Tells where windows are.
        elements: Keeps to itself what covered fields hold.
    """

    def __init__(self, tree: Tree, windows: Windows, elements: Elements) -> None:
        self._tree = tree
        self._windows = windows
        self._elements = elements
        self._fields: dict[Key, _Field] = {}
        self._whole: dict[int, int] = {}

    def cover(self, focus: Element | None) -> None:
        """Cover what has the keyboard focus: a field, or the whole active window.

        Raises:
            NotDone: No window has it.
        """
        if focus is not None and focus.field and focus.role != "terminal":
            known = self._elements.known(focus)
            if known.node.cell is None:
                self._fields[known.node.key] = _Field(focus.window, known.layer.pid, known)
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
        self._whole[active] = self._windows.pid(active)
        self._elements.withheld_windows.add(active)

    def rects(self) -> Sequence[Rect]:
        """What of the screen is covered now."""
        if not self._fields and not self._whole:
            return ()
        layers = self._windows.layers()
        shown = {layer.window: layer for layer in layers}
        found: list[Rect] = []
        for window, pid in list(self._whole.items()):
            layer = shown.get(window)
            if self._closed(window, pid, layer):
                del self._whole[window]
                self._elements.withheld_windows.discard(window)
            elif layer:
                found += _uncovered(layer.outer, layer, layers)
        for key, field in list(self._fields.items()):
            layer = shown.get(field.window)
            if self._closed(field.window, field.pid, layer):
                self._forget(key)
            elif layer:
                found += self._of_field(key, field, layer, layers)
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
            self._forget(key)
            return []
        except Silent:
            return _uncovered(layer.outer, layer, layers)
        if now is None:
            return []
        rect = placed(now, field.known.top, layer, layers).rect
        # A popover lies in a window of its own, above the one its program tells.
        return [rect] if now.popover else _uncovered(rect, layer, layers)

    def _forget(self, key: Key) -> None:
        del self._fields[key]
        self._elements.withheld.discard(key)


def _uncovered(rect: Rect, layer: Layer, layers: Sequence[Layer]) -> list[Rect]:
    above = [
        one.outer
        for one in layers[: layers.index(layer)]
        if not (one.popup and one.pid == layer.pid)
    ]
    return rect.without(above)

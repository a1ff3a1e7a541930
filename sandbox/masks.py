"""What may not be seen: where a secret was typed, followed for as long as it may show.

Where a program tells of the field, the field is covered wherever it is now. Where none does (a
terminal, a canvas), and where a program stops to tell, its whole window is. When a field goes, for
a page may make it anew or show another in its place, what holds the secret now is looked for.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .atspi import Gone, Key, Silent, Tree
from .elements import Element, Elements, Known, placed
from .errors import NotDone
from .geometry import Rect
from .windows import Layer, Windows

_ANSWER_WITHIN = 0.3  # seconds a program has to tell where its field is
# Seconds in which what takes the place of a field is looked for, and the place covered; and those
# to wait for it: Chromium shows a new field a moment before it tells of it.
_REPLACED_WITHIN, _TOLD_WITHIN = 2.0, 1.0
_LOOKED_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class _Field:
    window: int
    pid: int
    known: Known
    value: str = field(repr=False)
    place: Rect | None = None
    """Where it was last, from the corner of its window; None while it is not shown."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A field that was shown and is no longer."""

    window: int
    pid: int
    value: str = field(repr=False)
    place: Rect
    since: float


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
        self._missing: list[_Missing] = []
        self._whole: dict[int, int] = {}

    def cover(self, focus: Element | None, value: str) -> None:
        """Cover what has the keyboard focus: a field, or the whole active window.

        Args:
            focus: What has it, if a program tells.
            value: What will be typed there.

        Raises:
            NotDone: No window has it.
        """
        if focus is not None and focus.field and focus.role != "terminal":
            known = self._elements.known(focus)
            if known.node.cell is None:
                corner = known.layer.outer
                place = focus.rect.moved(-corner.x, -corner.y)
                self._follow(_Field(focus.window, known.layer.pid, known, value, place))
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
        for key, typed in list(self._fields.items()):
            layer = shown.get(typed.window)
            if self._closed(typed.window, typed.pid, layer):
                self._forget(key)
            elif layer:
                found += self._of_field(key, typed, layer, layers)
        for missing in list(self._missing):
            layer = shown.get(missing.window)
            if self._closed(missing.window, missing.pid, layer):
                self._missing.remove(missing)
            elif layer:
                found += self._instead_of(missing, layer, layers)
        return found

    def _closed(self, window: int, pid: int, layer: Layer | None) -> bool:
        """Whether a window has gone; the X server gives its number to another program later."""
        if layer is None:
            return not self._windows.exists(window)
        return layer.pid != pid

    def _of_field(
        self, key: Key, typed: _Field, layer: Layer, layers: Sequence[Layer]
    ) -> list[Rect]:
        try:
            now = self._tree.place(typed.known.node, _ANSWER_WITHIN)
        except Gone:
            self._forget(key)
            self._miss(typed)
            return []
        except Silent:
            return _uncovered(layer.outer, layer, layers)
        if now is None:
            self._fields[key] = replace(typed, place=None)
            self._miss(typed)
            return []
        rect = placed(now, typed.known.top, layer, layers).rect
        self._fields[key] = replace(typed, place=rect.moved(-layer.outer.x, -layer.outer.y))
        # A popover lies in a window of its own, above the one its program tells.
        return [rect] if now.popover else _uncovered(rect, layer, layers)

    def _miss(self, typed: _Field) -> None:
        if typed.place:
            now = time.monotonic()
            self._missing.append(_Missing(typed.window, typed.pid, typed.value, typed.place, now))

    def _instead_of(self, missing: _Missing, layer: Layer, layers: Sequence[Layer]) -> list[Rect]:
        """The place of a field that is missing, and the fields that now hold what it held."""
        try:
            while not (now := self._holders(missing, layer, layers)):
                if time.monotonic() > missing.since + _TOLD_WITHIN:
                    break
                time.sleep(_LOOKED_AGAIN)
        except Silent:
            return _uncovered(layer.outer, layer, layers)
        if time.monotonic() > missing.since + _REPLACED_WITHIN:
            self._missing.remove(missing)
        found = _uncovered(missing.place.moved(layer.outer.x, layer.outer.y), layer, layers)
        for known in now:
            if known.node.key not in self._fields:
                self._follow(_Field(missing.window, missing.pid, known, missing.value))
                found += self._of_field(known.node.key, self._fields[known.node.key], layer, layers)
        return found

    def _holders(self, missing: _Missing, layer: Layer, layers: Sequence[Layer]) -> Sequence[Known]:
        """Fields that hold the secret, and passwords: they do not tell, but may be made to show."""
        value = missing.value.casefold()
        return [
            known
            for known in self._elements.fields(layer, layers, _ANSWER_WITHIN)
            if known.node.role == "password text" or value in (known.node.text or "").casefold()
        ]

    def _follow(self, typed: _Field) -> None:
        key = typed.known.node.key
        self._fields[key] = typed
        self._elements.withheld.add(key)

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

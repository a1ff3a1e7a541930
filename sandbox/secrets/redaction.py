"""What may not be seen: where a secret was typed, followed for as long as it may show.

Where a program tells of the field, the field is covered wherever it is now. Where none does (a
terminal, a canvas), and where a program stops to tell, its whole window is. When a field goes, for
a page may make it anew or show another in its place, what holds the secret now is looked for.
"""

import threading
import time
from collections.abc import Generator, Hashable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ..accessibility.atspi.bus import Key, Silent
from ..accessibility.atspi.nodes import Gone
from ..accessibility.atspi.tree import AccessibilityTree
from ..accessibility.element import Element, Known
from ..accessibility.elements import Elements
from ..accessibility.fields import fields_of
from ..accessibility.placement import placed
from ..errors import NotDone
from ..geometry import Rect
from ..x11.windows import Layer, Windows

_ANSWER_WITHIN = 0.3  # seconds a program has to tell where its field is
# Seconds in which what takes the place of a field is looked for, and the place covered; and those
# to wait for it: Chromium shows a new field a moment before it tells of it.
_REPLACED_WITHIN, _TOLD_WITHIN = 2.0, 1.0
_LOOKED_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class Hidden:
    """A field or window that holds a secret, as it is told now."""

    key: Hashable
    """The field, or the window where the whole of it is covered, or what was a field."""
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


@dataclass(slots=True)
class _Covered:
    """What is covered, one and the same for all who look."""

    typing: bool = False
    typed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    fields: dict[Key, _Field] = field(default_factory=dict[Key, _Field])
    missing: list[_Missing] = field(default_factory=list[_Missing])
    whole: dict[int, int] = field(default_factory=dict[int, int])


class Redactor:
    """What is covered on one desktop. Used by one thread at a time; others use `through`.

    Args:
        tree: Tells where fields are.
        windows: Tells where windows are.
        elements: Keeps to itself what covered fields hold.
    """

    def __init__(
        self,
        tree: AccessibilityTree,
        windows: Windows,
        elements: Elements,
        covered: _Covered | None = None,
    ) -> None:
        self._tree = tree
        self._windows = windows
        self._elements = elements
        self._covered = covered or _Covered()

    def through(self, tree: AccessibilityTree, windows: Windows) -> "Redactor":
        """The same masks for another thread, which asks by connections of its own."""
        return Redactor(tree, windows, self._elements, self._covered)

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
            nothing = not fields and not whole and not self._covered.missing
        if nothing:
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
        for key, typed in fields.items():
            layer = shown.get(typed.window)
            if self._closed(typed.window, typed.pid, layer):
                self._forget(key, typed)
            elif layer:
                rects = self._of_field(key, typed, layer, layers)
                around = _uncovered(layer.outer, layer, layers)
                found.append(Hidden(key, layer.outer, rects, around))
        with self._covered.lock:
            missing = list(self._covered.missing)
        for one in missing:
            layer = shown.get(one.window)
            if self._closed(one.window, one.pid, layer):
                self._found(one)
            elif layer:
                rects = self._instead_of(one, layer, layers)
                around = _uncovered(layer.outer, layer, layers)
                found.append(Hidden(one, layer.outer, rects, around))
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
            if self._forget(key, typed):
                self._miss(typed)
            return []
        except Silent:
            return _uncovered(layer.outer, layer, layers)
        if now is None:
            if self._moved(key, typed, None):
                self._miss(typed)
            return []
        rect = placed(now, typed.known.top, layer, layers).rect
        self._moved(key, typed, rect.moved(-layer.outer.x, -layer.outer.y))
        # A popover lies in a window of its own, above the one its program tells.
        return [rect] if now.popover else _uncovered(rect, layer, layers)

    def _miss(self, typed: _Field) -> None:
        if typed.place:
            now = time.monotonic()
            missing = _Missing(typed.window, typed.pid, typed.value, typed.place, now)
            with self._covered.lock:
                self._covered.missing.append(missing)

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
            self._found(missing)
        found = _uncovered(missing.place.moved(layer.outer.x, layer.outer.y), layer, layers)
        for known in now:
            typed = _Field(missing.window, missing.pid, known, missing.value)
            if self._follow(typed, anew=False):
                found += self._of_field(known.node.key, typed, layer, layers)
        return found

    def _holders(self, missing: _Missing, layer: Layer, layers: Sequence[Layer]) -> Sequence[Known]:
        """Fields that hold the secret, and passwords: they do not tell, but may be made to show."""
        value = missing.value.casefold()
        return [
            known
            for known in fields_of(self._tree, layer, layers, _ANSWER_WITHIN)
            if known.node.role == "password text" or value in (known.node.text or "").casefold()
        ]

    # What is kept, under the lock. Somebody may have covered the same again since a look began:
    # that stays.

    def _follow(self, typed: _Field, *, anew: bool = True) -> bool:
        """Cover a field from now on; unless `anew`, only one that is not covered yet."""
        key = typed.known.node.key
        with self._covered.lock:
            if not anew and key in self._covered.fields:
                return False
            self._covered.fields[key] = typed
            self._elements.withheld.add(key)
        return True

    def _moved(self, key: Key, typed: _Field, place: Rect | None) -> bool:
        """A field was seen at a place, or nowhere; whether it was elsewhere before."""
        with self._covered.lock:
            now = self._covered.fields.get(key)
            if now is None or now.known is not typed.known or now.place == place:
                return False
            self._covered.fields[key] = replace(now, place=place)
        return True

    def _forget(self, key: Key, typed: _Field) -> bool:
        with self._covered.lock:
            now = self._covered.fields.get(key)
            if now is None or now.known is not typed.known:
                return False
            del self._covered.fields[key]
            self._elements.withheld.discard(key)
        return True

    def _found(self, missing: _Missing) -> None:
        with self._covered.lock:
            if missing in self._covered.missing:
                self._covered.missing.remove(missing)

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

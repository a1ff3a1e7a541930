"""Bringing an element to where a click reaches it and nothing else, and following it there."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile

from ..errors import Covered, Disabled, ElementGone, Evasive, NotShown
from ..geometry import Point, Rect
from ..x11.windows import Layer, Windows
from .atspi.bus import Key, Slow
from .atspi.nodes import Node
from .atspi.tree import AccessibilityTree
from .element import USABLE, Element
from .elements import Elements
from .placement import own_point

_SCROLLED_WITHIN = 2.0
_LOOKS = 0.03  # seconds between two looks at where something is that scrolls
_STARTS_WITHIN = 0.2  # seconds a page has to begin to scroll
_GAP = 8  # pixels between what was covered and what covered it; a bar may have a shadow
_WITHIN_EDITOR = 2  # levels from an editor's field to what holds it and the text it draws
_LONGEST_NAME = 60  # characters of what covers something and has no name but only text


class Reach:
    """Where the elements of one desktop can be clicked. Used by one thread at a time.

    Args:
        elements: What programs tell.
        tree: Where it is read.
        windows: What is on the screen.
    """

    def __init__(self, elements: Elements, tree: AccessibilityTree, windows: Windows) -> None:
        self._elements = elements
        self._tree = tree
        self._windows = windows

    def aim(self, element: Element, move: Callable[[Point], None]) -> Point:
        """Move the pointer to where a click reaches an element; follow it once if it moves.

        Args:
            element: What is to be clicked.
            move: Moves the pointer.

        Raises:
            Evasive: It moved again; nothing was pressed.
            Disabled, NotShown, Covered: As `clickable`.
        """
        at = self.clickable(element, sure=False)
        move(at)
        if self._reaches(element, at):
            return at
        element = self._now(element)
        at = self.clickable(element)
        move(at)
        if self._reaches(element, at):
            return at
        raise Evasive(element.ref, element.name)

    def clickable(self, element: Element, *, sure: bool = True) -> Point:
        """Where a click reaches an element and nothing else.

        Args:
            element: What is to be clicked.
            sure: Whether to give Chromium the time to find out, which guesses at first.

        Raises:
            Disabled: It takes no clicks now.
            NotShown: It is off the screen, or scrolled out of view.
            Covered: Something lies over it; the error names it.
        """
        if element.role in USABLE and "sensitive" not in element.states:
            raise Disabled(element.ref, element.role, element.name)
        layers = self._windows.layers()
        above = next((one for one in layers if one.outer.holds(element.rect.centre)), None)
        if element.seen is None:
            if above and above.window != element.window and element.rect.area:
                raise Covered(element.ref, element.name, f"the window {above.title!r}")
            node, words = self._elements.node(element), element.words
            shown = self._tree.show_words(node, words) if words else self._tree.show(node)
            if not shown:
                raise NotShown(element.ref, element.name)
            element = self._rested(element)
        layer = self._elements.known(element).layer
        popup = self._elements.popup_at(element.point, layer, layers)
        if popup and popup.window != layer.window:
            told = [one for one in self._elements.read() if one.layer.window == popup.window]
            if not any(one.ref == element.ref for group in told for one in group.elements):
                raise Covered(element.ref, element.name, "a menu")
            return element.point  # what its window tells of the point lies below the menu
        over = self._over(element, sure=sure)
        for to in self._clear_of(element, over):
            whole = self._elements.resolve(element.ref).rect if element.words else element.rect
            corner = Point(whole.x + to.x - element.rect.x, whole.y + to.y - element.rect.y)
            if self._tree.show_at(self._elements.node(element), corner):
                element = self._rested(element)
                if not (over := self._over(element)):
                    break
        if over:
            raise Covered(element.ref, element.name, self._called(over, layer))
        return element.point

    def _now(self, element: Element) -> Element:
        """An element, or the words of it that are meant, as they are now.

        Raises:
            ElementGone: It is not there any more.
        """
        now = self._elements.resolve(element.ref)
        return (self._elements.words(now, element.words) or now) if element.words else now

    def _over(self, element: Element, *, sure: bool = True) -> list[Node]:
        """What covers an element in its own window, the innermost first; none if nothing does."""
        known = self._elements.known(element)
        place = own_point(element.point, known.top, known.layer)
        chain: list[Node] = []
        if not sure:
            chain = self._tree.at(known.top.key, place)
        if not any(one.key == known.node.key for one in chain):
            with suppress(Slow):
                chain = self._tree.touched(known.top.key, place)
        return [] if self._belongs(element, chain) else chain

    def _reaches(self, element: Element, at: Point) -> bool:
        """Whether an element is at a point now that the pointer is there."""
        known = self._elements.known(element)
        if self._elements.popup_at(at, known.layer, self._windows.layers()):
            return True  # items of menus stay where they are
        try:
            chain = self._tree.touched(known.top.key, own_point(at, known.top, known.layer))
        except Slow:
            return True
        if any(one.key == known.node.key for one in chain):
            return True
        try:
            now = self._elements.resolve(element.ref)
        except ElementGone:  # a page may make it anew
            return any((one.role, one.name) == (element.role, element.name) for one in chain)
        return now.rect.holds(at) and self._belongs(now, chain)

    def _belongs(self, element: Element, chain: Sequence[Node]) -> bool:
        """Whether what is under a point is an element, a part of it, or what holds it."""
        node = self._elements.node(element)
        if not chain or any(one.key == node.key for one in chain):
            return True
        hit = chain[0]
        if element.name and hit.name == element.name:
            return True
        shared = None if hit.name and element.name else hit.rect.overlap(node.rect)
        alike = shared is not None and shared.area * 10 >= 7 * max(hit.rect.area, node.rect.area)
        holders = self._tree.ancestors(node)
        return alike or hit.key in holders or _is_its_editor(element, holders, chain)

    def _clear_of(self, element: Element, over: Sequence[Node]) -> list[Point]:
        """Where on its page an element would lie beside what covers it, the nearest first.

        Args:
            element: What is covered.
            over: What covers it and what holds that, as `_over` gives it.
        """
        page = next((one.rect for one in over if one.role.startswith("document")), None)
        if page is None:
            return []
        holders = {*self._tree.ancestors(self._elements.node(element))}
        bars = takewhile(
            lambda one: one.key not in holders and not one.role.startswith("document"), over
        )
        bar = Rect.around(one.rect for one in bars if one.rect.area)
        if bar is None:
            return []
        it = element.rect
        places = [
            Rect(it.x, bar.y - it.height - _GAP, it.width, it.height),
            Rect(it.x, bar.bottom + _GAP, it.width, it.height),
            Rect(bar.x - it.width - _GAP, it.y, it.width, it.height),
            Rect(bar.right + _GAP, it.y, it.width, it.height),
        ]
        inside = [one for one in places if one.overlap(page) == one]
        near = sorted(inside, key=lambda one: abs(one.x - it.x) + abs(one.y - it.y))
        return [Point(one.x, one.y) for one in near]

    def _rested(self, element: Element) -> Element:
        """An element once it has been scrolled to and rests.

        Raises:
            NotShown: It is not in view then.
        """
        first, last = element.rect, element
        began = time.monotonic()
        while time.monotonic() < began + _SCROLLED_WITHIN:
            time.sleep(_LOOKS)
            now = self._now(element)
            started = now.rect != first or time.monotonic() > began + _STARTS_WITHIN
            if now.seen and now.rect == last.rect and started:
                return now
            last = now
        raise NotShown(element.ref, element.name)

    def _called(self, over: Sequence[Node], layer: Layer) -> str:
        """What is told of what covers something: its name, or the first text in it."""
        cover = over[0]
        words = cover.name.strip()
        if not words:
            shown = [one for one in self._elements.read() if one.layer.window == layer.window]
            inside = [one for group in shown for one in group.elements]
            held = [one for one in inside if one.rect.overlap(cover.rect) == one.rect]
            words = next((one.name or one.text or "" for one in held), "")
        short = words if len(words) <= _LONGEST_NAME else f"{words[:_LONGEST_NAME]}…"
        return f"{cover.role} {short!r}" if words else f"a {cover.role} without a name"


def _is_its_editor(element: Element, holders: Sequence[Key], chain: Sequence[Node]) -> bool:
    """Whether what lies over a field is the text that its own editor draws, as editors of code do.

    A click there gives the field the focus.
    """
    if not element.field or chain[0].role in USABLE:
        return False
    around = [one for one in chain if one.key in holders[:_WITHIN_EDITOR]]
    return bool(around) and not around[0].role.startswith("document")

"""Both eyes of one desktop: what programs tell of their windows, and what is read off the pixels.

The tree is asked first: it is exact and fast. Pixels are read where it tells nothing (a canvas, a
picture, a program without accessibility), and when a text is looked for that it does not have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from ..accessibility.atspi.nodes import Node
from ..accessibility.atspi.text_match import Fit, fit, plain
from ..accessibility.element import Element, Group
from ..accessibility.elements import Elements
from ..accessibility.fields import beside, fields_from, labelled
from ..accessibility.listing import PICTURES
from ..accessibility.placement import in_reading_order
from ..accessibility.reach import Reach
from ..accessibility.refs import RefTable
from ..errors import (
    Ambiguous,
    BadText,
    ElementGone,
    NoSuchElement,
    NoSuchRef,
)
from ..geometry import Point, Rect, View
from ..imaging.ocr import Line, Ocr, Unreadable
from .capture import ScreenCapture
from .ranking import (
    best_of,
    described,
    fit_of,
    fitting_elements,
    is_near,
    not_told_already,
    unreadable,
)

_REFS_KEPT = 2000
_LEAST_PICTURE = (60, 18)  # pixels; smaller ones hold icons
_MOST_PICTURES = 6
_LEAST_TITLE = 8  # pixels of height; a lower strip is a border without a title
_WHOLES = {
    "document web",
    "document frame",
    "document text",
    "frame",
    "window",
    "terminal",
    "button",
}
_CONTEXT = 3  # neighbours named when several things are called the same
_AROUND = (160, 24)  # pixels around a point that are read to see what is there


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be seen, window by window, the active one first."""

    groups: Sequence[Group]
    unread: str = ""
    """Why pixels could not be read where only they tell; empty when they were."""

    @property
    def elements(self) -> list[Element]:
        return [one for group in self.groups for one in group.elements]

    @property
    def unplaced(self) -> list[Element]:
        """What is in lists that have scrolled, at places that are not told."""
        return [one for group in self.groups for one in group.unplaced]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: the best first, and what comes near when nothing fits."""

    elements: Sequence[Element]
    near: Sequence[Element]
    unread: str = ""
    untold: Sequence[str] = ()
    """Which windows were not told, and why; what was looked for may be in them."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A piece of text that was read off the pixels, and a digest of the pixels."""

    element: Element
    looked: bytes


class Locator:
    """What can be seen on one desktop. Used by one thread at a time.

    Args:
        elements: What programs tell.
        reach: Where that can be clicked.
        eyes: The pixels.
        ocr: Reads them.
        view: How callers count pixels.
    """

    def __init__(
        self,
        elements: Elements,
        reach: Reach,
        eyes: ScreenCapture,
        ocr: Ocr,
        view: View,
    ) -> None:
        self._elements = elements
        self._reach = reach
        self._eyes = eyes
        self._ocr = ocr
        self._view = view
        self.refs: RefTable[tuple[str, Rect], _Read] = RefTable("o", _REFS_KEPT)
        """Of texts read off the pixels, by what they say and where."""

    # Looking

    def read(self, *, pixels: bool = True) -> Scene:
        """All that can be seen; with pixels read where the tree tells nothing."""
        groups = self._elements.read()
        unread = ""
        if pixels:
            merged: list[Group] = []
            for group in groups:
                places = self._untold(group)
                try:
                    texts = [one for place in places for one in self._texts_in(place, group)]
                except Unreadable as why:
                    unread, texts = self._unread(why, groups), []
                extra = not_told_already(texts, group.elements)
                merged.append(replace(group, elements=[*group.elements, *extra]))
            groups = merged
        return Scene(groups, unread)

    def find(self, text: str, role: str, most: int, *, pixels: bool = True) -> Found:
        """What has a text, a role, or both; exact before near.

        Args:
            text: What it says; may be empty.
            role: Its role; may be empty.
            most: How many to name.
            pixels: Whether to read pixels when no program tells of this text.
        """
        asked = plain(text)
        scene = self.read(pixels=False)
        fitting = fitting_elements(asked, role, scene.elements)
        sure = [one for fit_, one in fitting if fit_ is not Fit.NEAR]
        if not sure:
            sure = [one for _, one in fitting_elements(asked, role, scene.unplaced)]
        unread = ""
        if asked and not sure and not role and pixels:
            sure = self._in_titles(asked, scene.groups)
        if asked and not sure and not role and pixels:
            try:
                sure = self._on_pixels(asked, scene.groups)
            except Unreadable as why:
                unread = self._unread(why, scene.groups)
        if asked and not sure:
            sure = self._hidden(asked, role, most)
        near = [] if sure else [one for fit_, one in fitting if fit_ is Fit.NEAR]
        placed = [self._at_its_words(asked, one) for one in sure[:most]]
        return Found(placed, near[:most], unread, unreadable(scene.groups))

    def _at_its_words(self, asked: str, element: Element) -> Element:
        """What has words in its text, where they are."""
        if not asked or element.eye != "tree" or element.field or element.role in _WHOLES:
            return element
        own = element.name or element.text or ""
        if fit(asked, plain(own)) in (None, Fit.NEAR, Fit.SAME, Fit.SAME_BUT_CASE):
            return element
        return self._elements.words(element, asked) or element

    def _hidden(self, asked: str, role: str, most: int) -> list[Element]:
        """What is called so and is not in view."""

        def fits(name: str) -> bool:
            return fit(asked, plain(name)) not in (None, Fit.NEAR)

        hidden = [one for one in self._elements.hidden(fits, most) if role in ("", one.role)]
        return [one for _, one in fitting_elements(asked, role, hidden)]

    def shows(self, text: str, role: str, state: str, *, pixels: bool) -> Element | None:
        """What has this text, role and state now; None when nothing that is surely it does."""
        found = self.find(text, role, 20, pixels=pixels).elements
        there = [one for one in found if one.seen or one.unplaced]
        return next((one for one in there if state in ("", *one.states)), None)

    def focus(self) -> Element | None:
        """What has the keyboard focus, if the active window's program tells."""
        return self._elements.focus()

    def popups(self) -> list[Rect]:
        """Where the program with the active window has menus or lists open in their own windows."""
        return self._elements.popups()

    def fields_from(self, element: Element) -> list[str]:
        """What a field and those behind it in its window hold, in order; empty if unknown."""
        return fields_from(self._elements, element)

    def keeps(self, element: Element) -> bool:
        """Whether what an element holds is not told, because a secret is in it."""
        return self._elements.keeps(element)

    def node(self, element: Element) -> Node:
        return self._elements.node(element)

    # Acting on what is seen

    def resolve(self, ref: str) -> Element:
        """The element a ref names, as it is now.

        Raises:
            NoSuchRef: It was never given.
            ElementGone: It is not there any more.
        """
        if not ref.startswith("o"):
            return self._elements.resolve(ref)
        known = self.refs.get(ref)
        if known is None:
            raise NoSuchRef(ref)
        if self._looks(known.element.rect) != known.looked:
            raise ElementGone(ref, "text", known.element.name)
        return known.element

    def target(self, named: str, fits: Callable[[Element], bool] | None = None) -> Element:
        """The one thing a ref or a text names.

        Args:
            named: The ref or the text.
            fits: Which things to prefer: a field and its label have the same name.

        Raises:
            BadText: Nothing was named.
            NoSuchElement: Nothing is called so; the error tells what comes near.
            Ambiguous: Several things are; the error tells their refs.
            ElementGone: What the ref named is not there any more.
        """
        if not named.strip():
            raise BadText('Name what to act on, by a ref such as "e12" or by its text.')
        if named[:1] in "eo" and named[1:].isdecimal():
            return self.resolve(named)
        asked = plain(named)
        found = self.find(named, "", 40)
        sure = [one for one in found.elements if one.words or fit_of(asked, one) < Fit.PART]
        if found.elements and not sure:
            sure = [one for one in self._hidden(asked, "", 40) if fit_of(asked, one) < Fit.PART]
        if not sure:
            near = [*found.elements, *found.near]
            raise NoSuchElement(f"called {named!r}", [described(one) for one in near], found.untold)
        best = best_of(asked, sure)
        if fits and not any(map(fits, best)):
            best = self._instead(asked, best, [one for one in sure if fits(one)], fits)
        elif fits:
            best = [one for one in best if fits(one)]
        if len(best) > 1:
            best = self._whole(best)
        if len(best) > 1:
            raise Ambiguous(f"called {named!r}", self._told_apart(best))
        return best[0]

    def _whole(self, best: Sequence[Element]) -> Sequence[Element]:
        """Those that are no parts of a date: its month and day are called as other fields are."""
        dates = [one for one in self.read(pixels=False).elements if one.role == "date editor"]

        def part(one: Element) -> bool:
            return any(date.ref != one.ref and date.rect.holds(one.rect.centre) for date in dates)

        return [one for one in best if not part(one)] or best

    def _instead(
        self,
        asked: str,
        best: Sequence[Element],
        others: Sequence[Element],
        fits: Callable[[Element], bool],
    ) -> Sequence[Element]:
        """What a label leads to, or what else is called so; the label itself if nothing is."""
        labels = [one for one in best if one.eye == "tree" and fit_of(asked, one) < Fit.PART]
        for lead in (labelled, beside):
            led = {
                one.ref: one
                for label in labels
                if (one := lead(self._elements, label)) and fits(one)
            }
            if led:
                return list(led.values())
        return best_of(asked, others) if others else best

    def pick(self, named: str, role: str, nth: int) -> Element:
        """The one thing of a text, a role or both.

        Args:
            named: The text; may be empty.
            role: The role; may be empty.
            nth: Which of several, from 1 on in reading order; 0 if there must be one only.

        Raises:
            NoSuchElement: There are none, or not so many.
            Ambiguous: Several are there, and none was chosen.
        """
        found = self.find(named, role, 40)
        best = list(found.elements)
        if best and named.strip():
            best = best_of(plain(named), best)
        kind = f" of the role {role!r}" if role else ""
        asked = (f"called {named!r}" if named else "there") + kind
        if len(best) < max(nth, 1):
            near = [described(one) for one in best or found.near]
            raise NoSuchElement(f"number {nth} {asked}" if best else asked, near)
        if not nth and len(best) > 1:
            raise Ambiguous(asked, self._told_apart(best))
        return in_reading_order(best)[max(nth, 1) - 1]

    def clickable(self, element: Element) -> Point:
        """Where a click reaches an element and nothing else.

        Raises:
            NotShown: It is not in view.
            Covered: Something lies over it.
        """
        return element.point if element.eye == "ocr" else self._reach.clickable(element)

    def aim(self, element: Element, move: Callable[[Point], None]) -> Point:
        """Move the pointer to where a click reaches an element; see `Reach.aim`."""
        if element.eye == "tree":
            return self._reach.aim(element, move)
        move(element.point)
        return element.point

    def instead_of(self, expected: str, point: Point) -> str:
        """What is under a point instead of something with this text or role; empty if that is."""
        asked = plain(expected)
        chain = self._elements.under(point)
        for node in chain:
            if node.role == asked.casefold():
                return ""
            words = (plain(node.name), plain(node.text or ""))
            if any(fit(asked, one) not in (None, Fit.NEAR) for one in words):
                return ""
            if node.role.startswith("document") or node.rect.area > 200_000:
                break
        there = next((one for one in chain if one.name), None)
        lines: list[Line] = []
        try:
            lines = self._lines_at(point)
            if any(fit(asked, plain(line.text)) not in (None, Fit.NEAR) for line in lines):
                return ""
        except Unreadable:
            pass
        if there is not None and not there.role.startswith("document"):
            return f"{there.role} {there.name!r} is there"
        if lines:
            return f"the text {lines[0].text!r} is there"
        return "nothing tells what is there"

    # Pixels

    def _untold(self, group: Group) -> list[Rect]:
        """Where in a window only pixels tell."""
        layer = group.layer
        screen = Rect(0, 0, self._eyes.pixels().shape[1], self._eyes.pixels().shape[0])
        if layer.dock:
            return []
        if not group.told or group.silent or not (group.elements or group.unplaced):
            inner = layer.inner.overlap(screen)
            pieces = inner.without(group.above) if inner else []
            return sorted(pieces, key=lambda one: -one.area)[:2]
        width, height = _LEAST_PICTURE
        pictures = [
            one.seen
            for one in group.elements
            if one.role in PICTURES and one.seen and not one.text
            if one.seen.width >= width and one.seen.height >= height
        ]
        shown = [one for picture in pictures if (one := picture.overlap(screen))]
        return sorted(shown, key=lambda one: -one.area)[:_MOST_PICTURES]

    def _unread(self, why: Unreadable, groups: Sequence[Group]) -> str:
        """Why pixels were not read, of which windows, and what works instead."""
        titles = {repr(one.layer.title): None for one in groups if self._untold(one)}
        return f"{why}; look at a screenshot for what only pixels show in {', '.join(titles)}"

    def _texts_in(self, place: Rect, group: Group) -> list[Element]:
        lines = self._ocr.read(self._eyes.pixels(), place)
        return [self.text(line.text, line.rect, group.layer.window) for line in lines]

    def _in_titles(self, asked: str, groups: Sequence[Group]) -> list[Element]:
        """Title bars in view that show a text, the best first."""
        found: list[tuple[Fit, Element]] = []
        for group in groups:
            layer = group.layer
            bar = replace(layer.outer, height=max(0, layer.inner.y - layer.outer.y))
            fits = fit(asked, plain(layer.title))
            if bar.height < _LEAST_TITLE or fits is None or fits is Fit.NEAR:
                continue
            if pieces := bar.without(group.above):
                place = max(pieces, key=lambda one: one.area)
                found.append((fits, self.text(layer.title, place, layer.window)))
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _on_pixels(self, asked: str, groups: Sequence[Group]) -> list[Element]:
        """Where pixels that no program tells of show a text, the best first."""
        found: list[tuple[Fit, Element]] = []
        lines = [
            (group, line)
            for group in groups
            for place in self._untold(group)
            for line in self._ocr.read(self._eyes.pixels(), place)
        ]
        for group, line in lines:
            fits = fit(asked, line.text) or fit(asked, plain(line.text))
            if fits is None and asked.replace(" ", "") in line.text.replace(" ", ""):
                fits = Fit.WITHIN
            if fit(asked, plain(line.text)) is Fit.SAME:
                fits = Fit.SAME
            if fits is None or fits is Fit.NEAR:
                continue
            start = line.text.casefold().find(asked.casefold())
            rect = line.rect if start < 0 else line.part(start, len(asked))
            words = asked if start >= 0 else line.text
            found.append((fits, self.text(words, rect, group.layer.window)))
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def _lines_at(self, point: Point) -> list[Line]:
        pixels = self._eyes.pixels()
        across, down = _AROUND
        screen = Rect(0, 0, pixels.shape[1], pixels.shape[0])
        around = Rect(point.x - across, point.y - down, 2 * across, 2 * down).overlap(screen)
        if around is None:
            return []
        lines = self._ocr.read(pixels, around)
        return [one for one in lines if one.rect.y - 4 <= point.y <= one.rect.bottom + 4]

    def text(self, text: str, rect: Rect, window: int) -> Element:
        """The element of a text that was read off the pixels of the screen."""
        ref = self.refs.name((text, rect))
        states = frozenset(("sensitive", "showing"))
        element = Element(ref, "text", text, None, states, rect, rect, rect.centre, window, "ocr")
        self.refs.keep((text, rect), _Read(element, self._looks(rect)))
        return element

    def _looks(self, rect: Rect) -> bytes:
        part = self._eyes.pixels()[max(0, rect.y) : rect.bottom, max(0, rect.x) : rect.right, :3]
        return sha256(part.tobytes()).digest()

    def _told_apart(self, elements: Sequence[Element]) -> list[str]:
        """Things of the same name, each with what is written beside or above it."""
        everything = in_reading_order([one for one in self.read(pixels=False).elements if one.name])
        refs = [one.ref for one in everything]
        told: list[str] = []
        for one in elements:
            place = refs.index(one.ref) if one.ref in refs else -1
            before = [
                other.name
                for other in everything[max(0, place - 30) : place]
                if is_near(other, one)
            ][-_CONTEXT:]
            beside = f" near {', '.join(before)}" if before else ""
            at = self._view.to_picture(one.point)
            told.append(f"{one.ref} {one.role} at {at.x},{at.y}{beside}")
        return told

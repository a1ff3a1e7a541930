"""Values of what is not only typed into: switches, sliders, choices, cells; seen to be so.

Each way a value gets in is checked by what the thing has afterwards.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from ..accessibility.atspi.bus import Silent
from ..accessibility.atspi.nodes import Choice
from ..accessibility.atspi.tree import AccessibilityTree
from ..accessibility.element import Element
from ..errors import BadText, NotDone
from ..screen.locator import Locator
from ..x11.keysyms import sequence
from .authorization import PendingInput
from .dates import HALF, keys_for, parts_of, parts_shown, written_like
from .driver import InputDriver
from .readback import Facts
from .text_entry import TextEntry

_LOOKED_AGAIN = 0.02  # seconds between two looks
_FOCUSED_WITHIN = 1.5
_DONE_WITHIN = 4.0
_LED_WITHIN = 0.7
_TAKEN_WITHIN = 0.3  # a program that takes a text does it at once
_TRIED = 2  # times a part of a date is typed
_CORRECTED = 3  # how often keys are pressed again for what they did not lead to
_STAYS = 0.05  # seconds after which a page that refuses a value has put back what it had
_NAMED = 8  # choices that an error names
_ON, _OFF = {"on", "true", "yes", "checked", "1"}, {"off", "false", "no", "unchecked", "0"}
_SWITCHES = {"check box", "toggle button", "switch", "check menu item", "radio button"}
_RANGES = {"slider", "spin button", "dial", "rating"}
_OPTIONS = {"menu item", "list item", "radio menu item", "check menu item", "table cell", "label"}
_OPTION_ORDER = {"menu item": 0, "list item": 1, "radio menu item": 2}


class Values:
    """Gives things on one desktop a value. Used by one thread at a time.

    Args:
        typist: Fills fields.
        hands: Click.
        sight: Finds things.
        tree: Reads them.
    """

    def __init__(
        self, typist: TextEntry, hands: InputDriver, sight: Locator, tree: AccessibilityTree
    ) -> None:
        self._typist = typist
        self._hands = hands
        self._sight = sight
        self._tree = tree

    def set(self, named: str, value: str) -> Facts:
        """Give a field, switch, slider or choice a value, and see that it has it.

        Raises:
            Impossible: There is no such thing, or it cannot have this value; nothing was done.
            NotDone: It did not take the value; the error says what it has now.
        """
        element = self._sight.target(named, _settable)
        if element.eye == "tree" and self._sight.node(element).cell:
            return self._fill_cell(element, value)
        if element.role in _SWITCHES:
            return self._switch(element, value)
        if element.role in _RANGES and not element.field:
            if _number(element.text or "0") is None:
                return self._write_date(element, value)
            return self._slide(element, value)
        if element.role == "combo box" and not element.field:
            return self._choose(element, value)
        if element.role == "date editor" or (element.role == "panel" and self._parts(element)):
            return self._date(element, value)
        if element.field:
            return self._typist.fill(element, value)
        raise BadText(
            f"{element.ref}, {element.role} {element.name!r}, has no value to set; set works on "
            "fields, check boxes, switches, sliders and combo boxes. Nothing was done."
        )

    def _fill_cell(self, element: Element, value: str) -> Facts:
        """Paste into a cell of a sheet: what is typed there is completed and corrected."""
        if {"\n", "\t"} & set(value):
            raise BadText(
                f"Cell {element.name!r} holds one line without tabs: they would go into other "
                "cells. Set each cell by itself. Nothing was done."
            )
        self._choose_cell(element)
        if not value:
            self._hands.press(sequence("Delete"))
        pasted = self._hands.type(value, len(value), paste="is pasted into cells") if value else 0
        facts: Facts = {"pasted": pasted} if pasted else {}
        if value.startswith("="):
            return facts | {"set": "unverified: a formula shows its result; look"}
        holds = value.removeprefix("'")  # it makes a number text, and is not shown
        facts |= self._seen_to_be(element, lambda now: _same(now.text or "", holds), repr(value))
        shown = self._sight.resolve(element.ref).text or ""
        return facts if shown == holds else facts | {"set": f"changed by the cell: {shown!r}"}

    def _choose_cell(self, element: Element) -> None:
        """Click a cell and see that it is the one; LibreOffice may move them once, as it starts."""
        for _ in range(2):
            self._hands.click(self._sight.clickable(element), 1, 1, ())
            until = time.monotonic() + _FOCUSED_WITHIN
            while time.monotonic() < until:
                if self._tree.in_cell(self._sight.node(element)):
                    return
                self._hands.rest(_LOOKED_AGAIN)
            element = self._sight.target(element.name, lambda one: one.role == "table cell")
        raise NotDone(
            f"Cell {element.name!r} was clicked but the cursor is not in it. Nothing was typed."
        )

    def _switch(self, element: Element, value: str) -> Facts:
        wanted = value.strip().casefold()
        if wanted not in _ON | _OFF:
            raise BadText(
                f"{value!r} is no value of {element.role} {element.name!r}; use on or off. "
                "Nothing was done."
            )
        on = wanted in _ON
        if _is_on(element) is on:
            return {"set": "verified", "note": "it was so already"}
        self._hands.click(self._sight.clickable(element), 1, 1, ())
        return self._seen_to_be(element, lambda now: _is_on(now) is on, wanted)

    def _slide(self, element: Element, value: str) -> Facts:
        node = self._sight.node(element)
        try:
            number = float(value)
            least, most = self._tree.range(node)
        except (ValueError, Silent) as why:
            raise BadText(
                f"{element.role} {element.name!r} takes a number, not {value!r}. Nothing was done."
            ) from why
        if not least <= number <= most:
            raise BadText(
                f"{element.role} {element.name!r} goes from {least:g} to {most:g}, "
                f"not to {number:g}. Nothing was done."
            )
        self._hands.touches(PendingInput("click", at=element.point))
        try:
            self._tree.set_value(node, number)
        except Silent as why:
            raise NotDone(f"{element.role} {element.name!r} took no value ({why}).") from why
        close = max(1e-6, (most - least) * 1e-6)
        return self._seen_to_be(
            element, lambda now: abs(float(now.text or "nan") - number) <= close, f"{number:g}"
        )

    def _date(self, element: Element, value: str) -> Facts:
        """Give a date or time, part by part, whatever their order."""
        asked = parts_of(value)
        named = self._parts(element)
        if set(named) - {HALF} != set(asked):
            has = ", ".join(named) or "none that is told"
            raise BadText(
                f"{element.role} {element.name!r} has other parts than {value!r}: {has}. "
                "Nothing was done."
            )
        for name, part in named.items():
            keys, number = keys_for(name, asked, halves=HALF in named)
            if name == "Year" and element.field:  # Firefox takes four digits, and goes on
                keys = f"{number:04}"
            self._fill_part(part, keys, number)
        return self._parts_hold(
            [(part, keys_for(name, asked, halves=HALF in named)[1]) for name, part in named.items()]
        )

    def _parts(self, element: Element) -> dict[str, Element]:
        """The parts of a date or time, by their names."""
        inside = [
            one
            for one in self._sight.read(pixels=False).elements
            if element.rect.holds(one.rect.centre)
            and (one.role == "spin button" or one.name == HALF)
        ]
        return {one.name.split(" ")[0]: one for one in inside}

    def _write_date(self, element: Element, value: str) -> Facts:
        """Give a date or time that is shown as one text."""
        shown = element.text or ""
        try:
            asked = parts_of(value)
            ways = list(written_like(shown, asked))
        except LookupError as why:
            raise BadText(
                f"{element.role} {element.name!r} shows {shown!r}: it has other parts than "
                f"{value!r}, or does not tell which number is what. Click into it, type one part "
                "at a time, and look. Nothing was done."
            ) from why
        wanted = {**dict.fromkeys(parts_shown(shown), 0), **asked}

        def true(now: str) -> bool:
            with suppress(LookupError):
                return parts_shown(now) == wanted
            return False

        node = self._sight.node(element)
        for way in ways:
            self._hands.touches(PendingInput("click", at=element.point))
            try:
                self._tree.set_text(node, way)
            except Silent as why:
                raise NotDone(f"{element.role} {element.name!r} took no text ({why}).") from why
            if self._becomes(
                lambda: true(self._sight.resolve(element.ref).text or ""), _TAKEN_WITHIN
            ):
                return {"set": "verified"}
        now = self._sight.resolve(element.ref).text
        raise NotDone(f"{element.role} {element.name!r} was to be {value!r} and is {now!r}.")

    def _fill_part(self, part: Element, keys: str, number: int) -> None:
        for _ in range(_TRIED):
            if not self._has_focus(part, 0):
                self._hands.click(self._sight.clickable(self._sight.resolve(part.ref)), 1, 1, ())
                self._has_focus(part, _FOCUSED_WITHIN)
            self._hands.type(keys)
            if self._comes_to(part, number):
                return

    def _parts_hold(self, wanted: Sequence[tuple[Element, int]]) -> Facts:
        for part, number in wanted:
            if not self._comes_to(part, number):
                now = self._sight.resolve(part.ref).text
                raise NotDone(f"{part.role} {part.name!r} was to be {number} and is {now!r}.")
        return {"set": "verified"}

    def _comes_to(self, part: Element, number: int) -> bool:
        """Whether a part gets its number; the halves of a day have some in Chromium only."""
        wanted = (
            (float(number), ("", "AM", "PM")[number]) if part.name == HALF else (float(number),)
        )

        def there() -> bool:
            text = self._sight.resolve(part.ref).text or ""
            return text in wanted or _number(text) in wanted

        return self._becomes(there, _LED_WITHIN)

    def _has_focus(self, part: Element, seconds: float) -> bool:
        def focused() -> bool:
            focus = self._sight.focus()
            return focus is not None and focus.ref == part.ref

        return self._becomes(focused, seconds)

    def _becomes(self, true: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not (now := true()) and time.monotonic() < until:
            self._hands.rest(_LOOKED_AGAIN)
        return now

    def _choose(self, element: Element, value: str) -> Facts:
        if element.text == value:
            return {"set": "verified", "note": "it was so already"}
        choices = self._choices(element)
        if choices and _plain(value) not in {one.name for one in choices}:
            raise BadText(
                f"{element.role} {element.name!r} has no choice {value!r}; it has "
                f"{_listed(choices)}. Nothing was done."
            )
        self._hands.click(self._sight.clickable(element), 1, 1, ())
        options = self._opened(element, value)
        if popups := self._sight.popups():
            choices = choices or self._choices(element)
            reached = [one for one in options if any(rect.holds(one.point) for rect in popups)]
        else:  # a page draws the list
            choices = []
            reached = [one for one in options if one.role in _OPTION_ORDER]
        if reached and not choices:
            self._hands.click(self._sight.clickable(reached[0]), 1, 1, ())
        else:  # where a choice is in a list that has scrolled, Chromium does not tell
            self._step_to(element, choices, value)
        return self._seen_to_be(element, lambda now: value in (now.text, now.name), value)

    def _choices(self, element: Element) -> list[Choice]:
        with suppress(Silent):
            return self._tree.choices(self._sight.node(element))
        return []

    def _opened(self, element: Element, value: str) -> list[Element]:
        """What a combo box that was clicked shows of a choice, once its list has come to rest."""
        until = time.monotonic() + _DONE_WITHIN
        last: Element | None = None
        while time.monotonic() < until:
            options = self._options(value)
            if options and last and options[0].rect == last.rect:
                return options
            if not options and self._sight.popups() and self._choices(element):
                return []  # it is in the list, and not in view
            last = options[0] if options else None
            self._hands.rest(_LOOKED_AGAIN)
        return []

    def _options(self, value: str) -> list[Element]:
        """What may be a choice by its role and has its name; out of view only where none is in."""
        for role in ("", *_OPTION_ORDER):
            options = [
                one
                for one in self._sight.find(value, role, 20, pixels=False).elements
                if one.role in _OPTIONS and one.eye == "tree" and value in (one.name, one.text)
            ]
            if options:
                return sorted(options, key=lambda one: _OPTION_ORDER.get(one.role, 9))
        return []

    def step_to(self, element: Element) -> bool:
        """Choose what is in an open list longer than its window, by keys; False if it is not.

        Where such things are once the list has scrolled is told wrongly, or not at all.

        Raises:
            NotDone: It was not chosen; the error says what is.
        """
        if element.role not in _OPTION_ORDER or element.eye != "tree":
            return False
        if not (popups := self._sight.popups()):
            return False
        key = self._sight.node(element).key
        for combo in self._sight.find("", "combo box", 40, pixels=False).elements:
            choices = self._choices(combo) if combo.window == element.window else []
            one = next((one for one in choices if one.key == key), None)
            if one and len(choices) * element.rect.height > max(rect.height for rect in popups):
                self._step_to(combo, choices, one.name, one)
                self._seen_to_be(combo, partial(_has_name, one.name), one.name)
                return True
        return False

    def _step_to(
        self,
        element: Element,
        choices: Sequence[Choice],
        value: str,
        choice: Choice | None = None,
    ) -> None:
        """Reach a choice of an open list by keys, which work in view and out of it."""
        names = [one.name for one in choices if one.usable]
        if _plain(value) not in names:
            self._hands.press(sequence("Escape"))
            raise NotDone(
                f"{element.role} {element.name!r} was opened and has no choice {value!r}; it was "
                "closed again."
            )
        usable = [one for one in choices if one.usable]
        wanted = usable.index(choice) if choice in usable else names.index(_plain(value))
        first, key = (0, "Home") if 2 * wanted < len(usable) else (len(usable) - 1, "End")
        self._marked(usable, None)  # until it listens
        self._hands.press(sequence(key))
        at = self._marked(usable, usable[first])
        place = usable.index(at) if at else first
        for _ in range(_CORRECTED):
            self._hands.press(sequence("Down" if place < wanted else "Up"), abs(wanted - place))
            at = self._marked(usable, usable[wanted])
            if at is None or at == usable[wanted]:
                break
            place = usable.index(at)
        self._hands.press(sequence("Return"))

    def _marked(self, choices: Sequence[Choice], wanted: Choice | None) -> Choice | None:
        """Which choice of the open list keys have led to, as soon as it is this one, or any if
        none is wanted; None if its program does not tell."""
        until = time.monotonic() + _LED_WITHIN
        while True:
            told = self._tree.marked(choices)
            if (told and wanted in (None, told)) or time.monotonic() > until:
                return told
            self._hands.rest(_LOOKED_AGAIN)

    def _seen_to_be(self, element: Element, true: Callable[[Element], bool], wanted: str) -> Facts:
        until = time.monotonic() + _DONE_WITHIN
        while True:
            now = self._sight.resolve(element.ref)
            if true(now):
                self._hands.rest(_STAYS)  # a page may put back what it had
                now = self._sight.resolve(element.ref)
                if true(now):
                    return {"set": "verified"}
            if time.monotonic() > until:
                has = now.text if now.text is not None else ("on" if _is_on(now) else "off")
                raise NotDone(f"{element.role} {element.name!r} was to be {wanted} and is {has!r}.")
            self._hands.rest(_LOOKED_AGAIN)


def _settable(element: Element) -> bool:
    return element.field or element.role in _SWITCHES | _RANGES | {
        "combo box",
        "table cell",
        "date editor",
    }


def _has_name(name: str, now: Element) -> bool:
    return name in (now.text, now.name)


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None


def _plain(name: str) -> str:
    return " ".join(name.split())


def _listed(choices: Sequence[Choice]) -> str:
    names = ", ".join(repr(one.name) for one in choices[:_NAMED])
    return f"{names} and {len(choices) - _NAMED} more" if len(choices) > _NAMED else names


def _same(shown: str, value: str) -> bool:
    """Whether a cell shows a value, or the same number in a form of its own."""
    try:
        return shown == value or float(shown) == float(value)
    except ValueError:
        return False


def _is_on(element: Element) -> bool:
    return bool({"checked", "pressed"} & element.states)

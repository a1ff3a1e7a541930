"""Values of what is not only typed into: switches, sliders, choices, cells; seen to be so.

Each way a value gets in is checked by what the thing has afterwards.
"""

import time
from collections.abc import Callable

from .atspi import Silent, Tree
from .elements import Element
from .errors import BadText, NotDone
from .hands import Hands
from .keys import sequence
from .proof import Facts
from .sight import Sight
from .situation import Touch
from .typist import Typist

_LOOKED_AGAIN = 0.02  # seconds between two looks
_FOCUSED_WITHIN = 1.5
_DONE_WITHIN = 4.0
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

    def __init__(self, typist: Typist, hands: Hands, sight: Sight, tree: Tree) -> None:
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
            return self._slide(element, value)
        if element.role == "combo box" and not element.field:
            return self._choose(element, value)
        if element.field:
            return self._typist.fill(element, value)
        raise BadText(
            f"{element.ref}, {element.role} {element.name!r}, has no value to set; set works on "
            "fields, check boxes, switches, sliders and combo boxes. Nothing was done."
        )

    def _fill_cell(self, element: Element, value: str) -> Facts:
        """Write into a cell of a sheet, which shows what it made of it after Return."""
        self._choose_cell(element)
        self._hands.press(sequence("Delete"))
        pasted = 0
        if value:
            pasted = self._hands.type(value)
            self._hands.press(sequence("Return"))
        facts: Facts = {"pasted": pasted} if pasted else {}
        if value.startswith("="):
            return facts | {"set": "unverified: a formula shows its result; look"}
        return facts | self._seen_to_be(element, lambda now: now.text == value, repr(value))

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
        self._hands.touches(Touch("click", at=element.point))
        try:
            self._tree.set_value(node, number)
        except Silent as why:
            raise NotDone(f"{element.role} {element.name!r} took no value ({why}).") from why
        close = max(1e-6, (most - least) * 1e-6)
        return self._seen_to_be(
            element, lambda now: abs(float(now.text or "nan") - number) <= close, f"{number:g}"
        )

    def _choose(self, element: Element, value: str) -> Facts:
        if element.text == value:
            return {"set": "verified", "note": "it was so already"}
        self._hands.click(self._sight.clickable(element), 1, 1, ())
        until = time.monotonic() + _DONE_WITHIN
        options: list[Element] = []
        last: Element | None = None
        while time.monotonic() < until:
            found = self._sight.find(value, "", 20, pixels=False).elements
            options = [
                one
                for one in found
                if one.role in _OPTIONS and one.eye == "tree" and value in (one.name, one.text)
            ]
            options.sort(key=lambda one: _OPTION_ORDER.get(one.role, 9))
            if options and last and options[0].rect == last.rect:  # the list has come to rest
                break
            last = options[0] if options else None
            self._hands.rest(_LOOKED_AGAIN)
        if not options:
            self._hands.press(sequence("Escape"))
            raise NotDone(
                f"{element.role} {element.name!r} was opened and has no choice {value!r}; it was "
                "closed again."
            )
        self._hands.click(options[0].point, 1, 1, ())
        return self._seen_to_be(element, lambda now: value in (now.text, now.name), value)

    def _seen_to_be(self, element: Element, true: Callable[[Element], bool], wanted: str) -> Facts:
        until = time.monotonic() + _DONE_WITHIN
        while True:
            now = self._sight.resolve(element.ref)
            if true(now):
                return {"set": "verified"}
            if time.monotonic() > until:
                has = now.text if now.text is not None else ("on" if _is_on(now) else "off")
                raise NotDone(f"{element.role} {element.name!r} was to be {wanted} and is {has!r}.")
            self._hands.rest(_LOOKED_AGAIN)


def _settable(element: Element) -> bool:
    return element.field or element.role in _SWITCHES | _RANGES | {"combo box", "table cell"}


def _is_on(element: Element) -> bool:
    return bool({"checked", "pressed"} & element.states)

"""Typing with proof: into the field that was meant, and read back afterwards.

What is said of it is `verified` (the field holds what was asked), `unverified: why` (nothing tells,
or it must not be read: a password), or an error that says what arrived instead. When something
else arrived it is replaced once, by pasting.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress

from .atspi import Contents, Silent, Slow, Tree
from .elements import Element
from .errors import BadText, NotDone, NotTyped
from .hands import Hands
from .keys import sequence
from .masks import Masks
from .sight import Sight
from .situation import Touch

Facts = dict[str, object]

_LONGEST = 250_000  # characters of a field that is read back
_LOOKED_AGAIN = 0.02  # seconds between two looks at a field
# Seconds without a change after which nothing more is expected: when as much has arrived as was
# typed, when less has, and when nothing has. A stalled Chromium was seen to show nothing for 3 s.
_ALL, _SOME, _NOTHING = 0.5, 3.0, 6.0
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FOCUSED_WITHIN = 1.5
_DONE_WITHIN = 4.0
_ON, _OFF = {"on", "true", "yes", "checked", "1"}, {"off", "false", "no", "unchecked", "0"}
_SWITCHES = {"check box", "toggle button", "switch", "check menu item", "radio button"}
_RANGES = {"slider", "spin button", "dial", "rating"}
_OPTIONS = {"menu item", "list item", "radio menu item", "check menu item", "table cell", "label"}


class Typist:
    """Puts text and values into the fields of one desktop. Used by one thread at a time.

    Args:
        hands: Type and click.
        sight: Finds fields.
        tree: Reads them.
        masks: Cover what secrets are typed into.
    """

    def __init__(self, hands: Hands, sight: Sight, tree: Tree, masks: Masks) -> None:
        self._hands = hands
        self._sight = sight
        self._tree = tree
        self._masks = masks

    def type(self, text: str, into: str = "") -> Facts:
        """Type text at the keyboard focus, or at the end of a field named by ref or text.

        Raises:
            Impossible: There is no such field; nothing was typed.
            NotTyped: Something else arrived; the error says what.
        """
        if into:
            field = self._focus(into)
            self._to_the_end(field)
        return self._type(text)

    def type_secret(self, name: str, value: str, into: str = "") -> Facts:
        """Type a secret, covered before its first key; nothing is read back.

        Raises:
            Impossible: There is no such field; nothing was typed.
            NotDone: It was not taken; the error does not say what it is.
        """
        if into:
            self._to_the_end(self._focus(into))
        focus = self._sight.focus()
        self._masks.cover(focus, value)
        with self._masks.typing():
            try:
                self._hands.type(value)
            except NotDone:
                raise NotDone(
                    f"The secret {name} has characters that no key has, and the window with the "
                    "focus did not take it as a paste; nothing of it has arrived."
                ) from None
            finally:
                after = self._focus_again() if focus else self._sight.focus()
                if (after and after.ref) != (focus and focus.ref):  # a part may be in either
                    with suppress(NotDone):
                        self._masks.cover_window()
        return {"typed": "unverified: a secret is not read back"}

    def _focus_again(self) -> Element | None:
        """What has the focus, of a program that told before and may be slow to tell now."""
        until = time.monotonic() + _DONE_WITHIN
        while (focus := self._sight.focus()) is None and time.monotonic() < until:
            time.sleep(_LOOKED_AGAIN)
        return focus

    def set_value(self, named: str, value: str) -> Facts:
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
            return self._fill(element, value)
        raise BadText(
            f"{element.ref}, {element.role} {element.name!r}, has no value to set; set works on "
            "fields, check boxes, switches, sliders and combo boxes. Nothing was done."
        )

    # Text

    def _type(self, text: str) -> Facts:
        field = self._sight.focus()
        before = self._contents(field)
        pasted = self._hands.type(text)
        facts: Facts = {"pasted": pasted} if pasted else {}
        if isinstance(before, str):
            return facts | {"typed": f"unverified: {before}"}
        assert field
        return facts | self._proven(field, before, text)

    def _contents(self, field: Element | None) -> Contents | str:
        """What a field holds, or why that cannot be told."""
        if field is None:
            return "no program tells what has the keyboard focus"
        if field.role == "password text":
            return "a password is never read back"
        if self._sight.keeps(field):
            return "a field with a secret is not read back"
        if field.role == "terminal":
            return "a terminal shows more than what is typed; look"
        if not field.field:
            return f"{field.role} {field.name!r} has the focus and does not tell its text"
        try:
            contents = self._tree.contents(self._sight.node(field), _LONGEST)
        except Silent as why:
            return f"{field.role} {field.name!r} does not tell its text ({why})"
        if "\ufffc" in contents.text:
            return "the field holds more than plain text; look"
        return contents

    def _proven(self, field: Element, before: Contents, text: str) -> Facts:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        expected = _spliced(before, text)
        now = self._arrived(field, before, expected)
        if isinstance(now, str):
            return {"typed": f"unverified: {now}"}
        if (facts := _as_expected(now, expected)) is not None:
            return facts
        if "\n" in text or "\t" in text:
            why = "a Return or Tab in it may have sent the text off or moved on; look"
            return {"typed": f"unverified: {why}"}
        moved = self._sight.focus()
        if moved is not None and moved.ref != field.ref:
            raise NotTyped(text, _between(before, now), "the keyboard focus moved meanwhile")
        return self._repaired(field, before, now, text, expected)

    def _arrived(self, field: Element, before: Contents, expected: str) -> Contents | str:
        """What the field holds once it is as expected, or nothing changes any more."""
        node = self._sight.node(field)
        lengths = _counts(expected) | _counts(_unmarked(expected))
        untouched = _counts(before.text)
        length, since = -1, time.monotonic()
        while True:
            waited = time.monotonic() - since
            patience = _SOME if length not in untouched else _NOTHING
            patience = _ALL if length >= min(lengths) and length not in untouched else patience
            try:
                if length in lengths or waited > patience:
                    now = self._tree.contents(node, _LONGEST)
                    enough = waited > patience and (now.text != before.text or waited > _NOTHING)
                    if enough or _as_expected(now, expected) is not None:
                        return now
                last, length = length, self._tree.length(node)
                since = since if length == last else time.monotonic()
            except Slow:
                if waited > _NOTHING:
                    return "its program does not answer; look"
            except Silent as why:
                return f"the field cannot be read any more ({why}); look"
            self._hands.rest(_LOOKED_AGAIN)

    def _repaired(
        self, field: Element, before: Contents, now: Contents, text: str, expected: str
    ) -> Facts:
        """Replace what arrived by what was asked, once."""
        arrived = _between(before, now)
        if arrived is None:
            raise NotTyped(text, now.text, "the rest of the field changed too")
        if arrived == "":
            raise NotTyped(text, "", "the field took nothing")
        start = (before.selection or (before.caret, 0))[0]
        if not self._tree.select(self._sight.node(field), now, start, start + len(arrived)):
            raise NotTyped(text, arrived, "it could not be selected to be replaced")
        self._hands.paste(text)
        after = self._arrived(field, now, expected)
        if isinstance(after, str) or _as_expected(after, expected) is None:
            held = arrived if isinstance(after, str) else (_between(before, after) or after.text)
            raise NotTyped(text, held, "pasting it gave no better")
        return {"typed": "verified", "repaired": f"{arrived!r} had arrived first"}

    # Focus

    def _focus(self, named: str) -> Element:
        """Click into a field, and see that it has the focus."""
        element = self._sight.target(named, lambda one: one.field)
        if not element.field:
            raise BadText(
                f"{element.ref}, {element.role} {element.name!r}, takes no text. Nothing was typed."
            )
        self._hands.click(self._sight.clickable(element), 1, 1, ())
        until = time.monotonic() + _FOCUSED_WITHIN
        focus = None
        while time.monotonic() < until:
            focus = self._sight.focus()
            if focus is not None and (focus.ref == element.ref or _same_place(focus, element)):
                return focus
            self._hands.rest(_LOOKED_AGAIN)
        where = f"{focus.role} {focus.name!r} has it" if focus else "no program tells where it is"
        raise NotDone(
            f"{element.ref}, {element.role} {element.name!r}, was clicked but did not get the "
            f"keyboard focus: {where}. Nothing was typed."
        )

    def _to_the_end(self, field: Element) -> None:
        """Put the caret behind what the field holds; a click puts it anywhere."""
        if field.text or field.role == "password text":
            self._hands.press(sequence("ctrl+End" if "multi line" in field.states else "End"))

    # Values

    def _fill(self, element: Element, value: str) -> Facts:
        field = self._focus(element.ref)
        before = self._contents(field)
        self._hands.press(sequence("ctrl+a"))
        if not value:
            self._hands.press(sequence("Delete"))
        pasted = self._hands.type(value) if value else 0
        facts: Facts = {"pasted": pasted} if pasted else {}
        if isinstance(before, str):
            return facts | {"set": f"unverified: {before}"}
        now = self._arrived(field, before, value)
        if isinstance(now, str):
            return facts | {"set": f"unverified: {now}"}
        if _as_expected(now, value) is None:
            raise NotTyped(value, now.text, "select it and try another way")
        return facts | {"set": "verified"}

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


_OPTION_ORDER = {"menu item": 0, "list item": 1, "radio menu item": 2}


def _settable(element: Element) -> bool:
    return element.field or element.role in _SWITCHES | _RANGES | {"combo box", "table cell"}


def _is_on(element: Element) -> bool:
    return bool({"checked", "pressed"} & element.states)


def _same_place(one: Element, other: Element) -> bool:
    return one.rect.holds(other.rect.centre) and one.field


def _unmarked(text: str) -> str:
    return _DIRECTION.sub("", text)


def _counts(text: str) -> set[int]:
    """How long a program may say a text is: in characters, or in UTF-16 units."""
    return {len(text), len(text.encode("utf-16-le", "surrogatepass")) // 2}


def _spliced(before: Contents, text: str) -> str:
    """What a field holds when text was typed where its caret was."""
    start, end = before.selection or (before.caret, before.caret)
    return before.text[:start] + text + before.text[end:]


def _as_expected(now: Contents, expected: str) -> Facts | None:
    """What to say when the field holds what was typed; None when it does not."""
    if now.text == expected:
        return {"typed": "verified"}
    if _unmarked(now.text) == _unmarked(expected):  # Firefox does not tell of them
        return {"typed": "unverified: its invisible marks of direction cannot be read back"}
    if now.selection:  # a field that completes what is typed selects what it added
        start, end = now.selection
        if now.text[:start] + now.text[end:] == expected:
            return {"typed": "verified", "completed": now.text[start:end]}
    return None


def _between(before: Contents, now: Contents) -> str | None:
    """What stands where text was typed; None when what was around it changed too."""
    start, end = before.selection or (before.caret, before.caret)
    head, tail = before.text[:start], before.text[end:]
    if len(now.text) < len(head) + len(tail):
        return None
    if not (now.text.startswith(head) and now.text.endswith(tail)):
        return None
    return now.text[len(head) : len(now.text) - len(tail)]

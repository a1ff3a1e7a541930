"""Typing with proof: into the field that was meant, and read back afterwards.

What is said of it is `verified` (the field holds exactly what was asked), `changed by the field` or
`completed by the field` (it made something else of it, which is said), `unverified: why` (nothing
tells, or it must not be read: a password), or an error that says what arrived instead. When
something else arrived it is replaced once, by pasting. What is proven is proven before a Return or
Tab at its end is pressed, for that may send the text off or leave the field.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ..accessibility.atspi.bus import Silent, Slow
from ..accessibility.atspi.nodes import Contents
from ..accessibility.atspi.tree import AccessibilityTree
from ..accessibility.element import Element
from ..errors import BadText, NotDone, NotPasted, NotTyped
from ..screen.locator import Locator
from ..secrets.redaction import Redactor
from ..x11.keysyms import sequence
from .driver import InputDriver
from .readback import (
    Facts,
    as_expected,
    between,
    changed,
    completion,
    counts,
    inserted,
    short,
    spliced,
    unmarked,
)

_LONGEST = 250_000  # characters of a field that is read back
_LOOKED_AGAIN = 0.02  # seconds between two looks at a field
# Seconds without a change after which nothing more is expected: when as much has arrived as was
# typed, when less has, and when nothing has. A stalled Chromium was seen to show nothing for 3 s.
_ALL, _SOME, _NOTHING = 0.5, 3.0, 6.0
_STOPPED = 0.2  # seconds without a change after which the focus may have gone elsewhere
_REACTED_WITHIN = 0.5  # seconds a field has to take a Return as a new line
_FOCUSED_WITHIN = 1.5
_DONE_WITHIN = 4.0
_TOLD_WITHIN = 1.5  # seconds the fields behind one have to tell what they hold
# Lines that editors of code add to: what is indented, and what follows an opening bracket.
_INDENTED = re.compile(r"\n[ \t]|[{(\[]\n")
_KEYS = {"\n": "Return", "\t": "Tab"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """How a text gets in: the first characters by one way and proven, the rest by keys."""

    text: str
    first: int
    paste: str = ""
    """Why the first ones are pasted; empty when they are typed."""

    @property
    def proven(self) -> str:
        return self.text[: self.first]

    @property
    def keys(self) -> str:
        return self.text[self.first :]


class TextEntry:
    """Puts text into the fields of one desktop. Used by one thread at a time.

    Args:
        hands: Type and click.
        sight: Finds fields.
        tree: Reads them.
        masks: Cover what secrets are typed into.
    """

    def __init__(
        self, hands: InputDriver, sight: Locator, tree: AccessibilityTree, masks: Redactor
    ) -> None:
        self._hands = hands
        self._sight = sight
        self._tree = tree
        self._masks = masks

    def type(self, text: str, into: str = "") -> Facts:
        """Type text at the keyboard focus, or at the end of a field named by ref or text.

        Raises:
            Impossible: There is no such field; nothing was typed.
            NotTyped: Something else arrived; the error says what. A Return or Tab behind it was
                not pressed.
        """
        if into:
            field = self.focus(into)
            self._to_the_end(field)
        return self._type(text, self._focus_again() if into else self._sight.focus())

    def type_secret(self, name: str, value: str, into: str = "") -> Facts:
        """Type a secret, covered before its first key; nothing is read back.

        Raises:
            Impossible: There is no such field; nothing was typed.
            NotDone: It was not taken; the error does not say what it is.
        """
        if into:
            self._to_the_end(self.focus(into))
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

    def fill(self, element: Element, value: str) -> Facts:
        """Replace what a field holds, without any key that may leave the field or send it.

        Raises:
            BadText: It cannot hold this text; nothing was done.
            NotDone: It does not hold it now; the error says what it holds.
        """
        if element.role == "terminal":
            raise BadText("A terminal has no value to set; use type. Nothing was done.")
        if "\n" in value and "multi line" not in element.states:
            raise BadText(
                f"{element.ref}, {element.role} {element.name!r}, holds one line, and the value "
                "has a line break; leave it out. Nothing was done."
            )
        field = self.focus(element.ref)
        before = self._contents(field)
        self._hands.press(sequence("ctrl+a"))
        pasted = 0
        if value:
            breaks = "has line breaks or tabs, which keys would make actions"
            paste = breaks if _KEYS.keys() & set(value) else ""
            pasted = self._hands.type(value, len(value), paste=paste)
        else:
            self._hands.press(sequence("Delete"))
        facts = _pasted(pasted)
        if isinstance(before, str):
            return facts | {"set": f"unverified: {before}"}
        return facts | {"set": self._filled(field, before, value)}

    def _filled(self, field: Element, before: Contents, value: str) -> str:
        now = self._arrived(field, before, value)
        if not isinstance(now, str) and completion(now, value):
            self._hands.press(sequence("Delete"))
            now = self._arrived(field, now, value)
        if isinstance(now, str):
            return f"unverified: {now}"
        if said := as_expected(now, value):
            return said
        if changed(now, value):
            return f"changed by the field: {short(now.text)}"
        if others := self._went_on(field, value):
            return f"verified: it went on into {others} more fields"
        if now.rich:
            return f"unverified: it holds more than plain text, which reads {short(now.text)}"
        raise NotTyped(value, now.text, "select it and try another way")

    # Text

    def _type(self, text: str, field: Element | None) -> Facts:
        before = self._contents(field)
        entry = self._entry(text, field)
        if isinstance(before, str):
            pasted = self._enter(entry, lambda: None)
            return _pasted(pasted) | {"typed": f"unverified: {before}"}
        assert field
        facts: Facts = {}

        def prove() -> None:
            if entry.proven:
                facts.update(self._proven(field, before, entry))

        pasted = self._enter(entry, prove)
        if entry.keys:
            facts["typed"] = self._followed(field, before, entry, str(facts.get("typed", "")))
        return _pasted(pasted) | facts

    def _enter(self, entry: _Entry, then: Callable[[], None]) -> int:
        """Get a text in and say how many characters were pasted."""
        try:
            return self._hands.type(entry.text, entry.first, then, entry.paste)
        except NotPasted:
            if not entry.paste:
                raise
        pasted = self._hands.type(entry.text)  # nothing has arrived: by keys, then
        then()
        return pasted

    def _entry(self, text: str, field: Element | None) -> _Entry:
        """How to get a text in."""
        lines = field is None or field.role == "terminal" or "multi line" in field.states
        breaks = [place for place in map(text.find, _KEYS) if place >= 0]
        if not lines:
            return _Entry(text, min(breaks, default=len(text)))
        last = len(text.rstrip("\n"))
        if _INDENTED.search(text[:last]) and self._hands.pastes:
            return _Entry(text, last, "has lines that an editor might indent again")
        tab = text.find("\t")
        return _Entry(text, last if tab < 0 else min(tab, last))

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
            return self._tree.contents(self._sight.node(field), _LONGEST)
        except Silent as why:
            return f"{field.role} {field.name!r} does not tell its text ({why})"

    def _proven(self, field: Element, before: Contents, entry: _Entry) -> Facts:
        text = entry.proven
        if before.rich:
            return {"typed": self._within(field, before, text)}
        expected = spliced(before, text)
        now = self._arrived(field, before, expected)
        if isinstance(now, str):
            return {"typed": f"unverified: {now}"}
        if said := as_expected(now, expected):
            return {"typed": said}
        if added := completion(now, expected):
            return self._completed(field, now, expected, added, drop=bool(entry.keys))
        arrived = between(before, now)
        if changed(now, expected):
            shown = arrived if arrived is not None else now.text
            return {"typed": f"changed by the field: {short(shown)}"}
        if others := self._went_on(field, expected):
            return {"typed": f"verified: it went on into {others} more fields"}
        if now.rich:
            return {"typed": f"unverified: the field reads {short(now.text)} now"}
        if "\n" in text:
            why = "a Return in it may have sent the text off or moved on; look"
            return {"typed": f"unverified: {why}"}
        moved = self._sight.focus()
        if moved is not None and moved.ref != field.ref:
            raise NotTyped(text, arrived, "the keyboard focus moved meanwhile")
        return self._repaired(field, before, now, text, expected)

    def _completed(
        self, field: Element, now: Contents, expected: str, added: str, *, drop: bool
    ) -> Facts:
        """What to say of a proposal of the field; a key that would take it is not pressed on it."""
        if not drop:
            return {"typed": f"completed by the field: {short(added)} is added and selected"}
        self._hands.press(sequence("Delete"))
        after = self._arrived(field, now, expected)
        if isinstance(after, str) or not (said := as_expected(after, expected)):
            held = now.text if isinstance(after, str) else after.text
            raise NotTyped(
                expected, held, "the field completes it, and no key behind it was pressed"
            )
        return {"typed": said, "dropped": added}

    def _followed(self, field: Element, before: Contents, entry: _Entry, proven: str) -> str:
        """What to say once the keys behind a proven text were pressed."""
        key, rest = _KEYS[entry.keys[0]], entry.keys[1:]
        if "multi line" in field.states and proven in ("", "verified") and not before.rich:
            head, whole = spliced(before, entry.proven), spliced(before, entry.text)
            until = time.monotonic() + _REACTED_WITHIN
            with suppress(Silent):
                while time.monotonic() < until:
                    now = self._tree.contents(self._sight.node(field), _LONGEST)
                    if said := as_expected(now, whole) or as_expected(now, f"{whole}\n"):
                        return said  # Chromium tells a line break that is not there behind the last
                    on_its_way = now.text.startswith(head) and whole.startswith(now.text)
                    if not on_its_way:
                        break
                    self._hands.rest(_LOOKED_AGAIN)
        if not proven:
            return f"unverified: {key} may send the text off or move on; look"
        if not rest:
            return f"{proven}, then {key}"
        return f"{proven} up to the first {key}; look for what came of the rest"

    def _arrived(self, field: Element, before: Contents, expected: str) -> Contents | str:
        """What the field holds once it is as expected, or nothing changes any more."""
        node = self._sight.node(field)
        lengths = counts(expected) | counts(unmarked(expected))
        untouched = counts(before.text)
        blocks = "multi line" in field.states
        length, since, looked = -1, time.monotonic(), time.monotonic()
        while True:
            waited = time.monotonic() - since
            patience = _SOME if length not in untouched else _NOTHING
            patience = _ALL if length >= min(lengths) and length not in untouched else patience
            if waited > _STOPPED < time.monotonic() - looked:
                patience = 0 if self._left(field) else patience
                looked = time.monotonic()
            try:
                last, length = length, self._tree.length(node)
                since = since if length == last else time.monotonic()
                made_of_blocks = blocks and length < min(lengths)  # each counts as one character
                if length in lengths or waited > patience or made_of_blocks:
                    now = self._tree.contents(node, _LONGEST)
                    enough = waited > patience and (now.text != before.text or waited > _NOTHING)
                    if enough or as_expected(now, expected) or completion(now, expected):
                        return now
            except Slow:
                if waited > _NOTHING:
                    return "its program does not answer; look"
            except Silent as why:
                return f"the field cannot be read any more ({why}); look"
            self._hands.rest(_LOOKED_AGAIN)

    def _within(self, field: Element, before: Contents, text: str) -> str:
        """What to say of text typed into one of several paragraphs: where is not told."""
        until = time.monotonic() + _ALL
        while time.monotonic() < until:
            with suppress(Silent):
                if inserted(before, self._tree.contents(self._sight.node(field), _LONGEST), text):
                    return "verified"
            self._hands.rest(_LOOKED_AGAIN)
        return "unverified: the field holds more than plain text; look"

    def _left(self, field: Element) -> bool:
        """Whether something else has the focus now."""
        focus = self._sight.focus()
        return focus is not None and focus.ref != field.ref

    def _went_on(self, field: Element, expected: str) -> int:
        """How many fields behind this one hold the rest of a text: boxes of one digit each."""
        if not self._left(field):
            return 0
        until = time.monotonic() + _TOLD_WITHIN
        while True:
            held = ""
            for place, text in enumerate(self._sight.fields_from(field)):
                held += text
                if place and held == expected:
                    return place
                if not expected.startswith(held):
                    break
            if time.monotonic() > until or not expected.startswith(held):
                return 0
            self._hands.rest(_LOOKED_AGAIN)

    def _repaired(
        self, field: Element, before: Contents, now: Contents, text: str, expected: str
    ) -> Facts:
        """Replace what arrived by what was asked, once."""
        arrived = between(before, now)
        if arrived is None:
            raise NotTyped(text, now.text, "the rest of the field changed too")
        if arrived == "":
            raise NotTyped(text, "", "the field took nothing")
        start = (before.selection or (before.caret, 0))[0]
        if not self._tree.select(self._sight.node(field), now, start, start + len(arrived)):
            raise NotTyped(text, arrived, "it could not be selected to be replaced")
        self._hands.paste(text)
        after = self._arrived(field, now, expected)
        if isinstance(after, str) or not as_expected(after, expected):
            held = arrived if isinstance(after, str) else (between(before, after) or after.text)
            raise NotTyped(text, held, "pasting it gave no better")
        return {"typed": "verified", "repaired": f"{arrived!r} had arrived first"}

    # Focus

    def focus(self, named: str) -> Element:
        """Click into a field, and see that it has the focus."""
        element = self._sight.target(named, lambda one: one.field)
        if element.role == "date editor":
            raise BadText(
                f"{element.ref}, date editor {element.name!r}, is made of parts; set gives it a "
                "value such as 1999-12-31 or 21:05. Nothing was typed."
            )
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


def _same_place(one: Element, other: Element) -> bool:
    return one.rect.holds(other.rect.centre) and one.field


def _pasted(count: int) -> Facts:
    return {"pasted": count} if count else {}

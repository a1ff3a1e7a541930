"""What a field holds against what it was to hold: whether that is a proof, and of what."""

import re

from ..accessibility.atspi.nodes import Contents

Facts = dict[str, object]

_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SHOWN = 200  # characters of a field that an answer shows


def unmarked(text: str) -> str:
    """Text without invisible marks of direction."""
    return _DIRECTION.sub("", text)


def counts(text: str) -> set[int]:
    """How long a program may say a text is: in characters, or in UTF-16 units."""
    return {len(text), len(text.encode("utf-16-le", "surrogatepass")) // 2}


def spliced(before: Contents, text: str) -> str:
    """What a field holds when text was typed where its caret was."""
    start, end = before.selection or (before.caret, before.caret)
    return before.text[:start] + text + before.text[end:]


def as_expected(now: Contents, expected: str) -> str:
    """What to say when a field holds what was asked, and nothing else; empty when it does not."""
    if now.text == expected or (now.rich and _spaces(now.text) == _spaces(expected)):
        return "verified"
    if unmarked(now.text) == unmarked(expected):  # Firefox does not tell of them
        return "unverified: its invisible marks of direction cannot be read back"
    return ""


def completion(now: Contents, expected: str) -> str:
    """What a field has added to what was typed, as a proposal: it selects that."""
    if now.selection:
        start, end = now.selection
        if now.text[:start] + now.text[end:] == expected:
            return now.text[start:end]
    return ""


def changed(now: Contents, expected: str) -> bool:
    """Whether a field holds the letters and digits it was to hold, in a form of its own."""
    letters = _letters(expected)
    return bool(letters) and letters == _letters(now.text)


def between(before: Contents, now: Contents) -> str | None:
    """What stands where text was typed; None when what was around it changed too."""
    start, end = before.selection or (before.caret, before.caret)
    head, tail = before.text[:start], before.text[end:]
    if len(now.text) < len(head) + len(tail):
        return None
    if not (now.text.startswith(head) and now.text.endswith(tail)):
        return None
    return now.text[len(head) : len(now.text) - len(tail)]


def inserted(before: Contents, now: Contents, text: str) -> bool:
    """Whether a text stands somewhere in a field now, with what was before and behind it there."""
    old, new, text = _spaces(before.text), _spaces(now.text), _spaces(text)
    if new == old:
        return False
    if not text.endswith("\n"):
        new = new.removesuffix("\n")  # a browser keeps an empty line below the last one
    place = new.find(text)
    while place >= 0:
        head, tail = new[:place], new[place + len(text) :]
        if len(head) + len(tail) <= len(old) and old.startswith(head) and old.endswith(tail):
            return True
        place = new.find(text, place + 1)
    return False


def short(text: str) -> str:
    """Text as an answer shows it, in quotes and cut."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _spaces(text: str) -> str:
    """Text with plain spaces: browsers keep two spaces of rich text apart by making one hard."""
    return text.replace("\u00a0", " ")


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())

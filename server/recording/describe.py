"""A call in a few words, for people who watch: its name, and what of its arguments says most."""

import unicodedata
from typing import Any, cast

from gloveport.sandbox.secrets.store import SecretStore

from .recorder import Place

_LONGEST = 120  # characters
_LONGEST_WORD = 60  # characters of one argument
_MOST_STEPS = 20  # a batch takes no more
_FARTHEST = 65_535  # pixels; X has no larger coordinates
_NO_SECRETS = SecretStore()
_SAYS_MOST = (
    "text", "secret", "target", "value", "event", "query", "window", "path", "reason", "note", "to",
    "action", "region", "duration", "seconds",
)  # fmt: skip
_WORDS = {"rollback": "roll back"}  # names that are no verbs
_USUAL = ("make", "list", "read")  # what a tool does if nothing is said


def told(name: str, arguments: dict[str, Any], vault: SecretStore = _NO_SECRETS) -> str:
    """A call in one line, whatever its arguments are: they have not been checked yet.

    Args:
        name: The tool.
        arguments: As they came.
        vault: Values to redact, before anything is shortened.
    """
    parts = [shortened(_WORDS.get(name, name).replace("_", " "), _LONGEST_WORD, vault)]
    if at := point(arguments.get("start_coordinate")):
        parts.append(f"from {at[0]},{at[1]}")
    if at := point(arguments.get("coordinate")):
        parts.append(f"at {at[0]},{at[1]}" if len(parts) == 1 else f"to {at[0]},{at[1]}")
    if isinstance(direction := arguments.get("scroll_direction"), str):
        amount = _text(arguments.get("scroll_amount", ""))
        parts.append(shortened(f"{direction} {amount}", _LONGEST_WORD, vault))
    steps: Any = arguments.get("actions")
    if isinstance(steps, list):
        names = [
            shortened(_text(cast(Any, step).get("action")), _LONGEST_WORD, vault)
            for step in cast(list[Any], steps)[:_MOST_STEPS]
            if isinstance(step, dict)
        ]
        parts.append(", ".join(names))
    for key in _SAYS_MOST:
        value = arguments.get(key)
        if value in (None, "", []) or (key == "action" and value in _USUAL):
            continue
        said = shortened(_text(value), _LONGEST_WORD, vault)
        parts.append(f"secret {said}" if key == "secret" else f"“{said}”")
    return vault.cut(" ".join(parts), _LONGEST)


def places(arguments: dict[str, Any]) -> tuple[Place | None, Place | None]:
    """Where a call points, and where it drags to."""
    start = point(arguments.get("start_coordinate"))
    end = point(arguments.get("coordinate"))
    return (start, end) if start else (end, None)


def point(value: Any) -> Place | None:
    """[x, y] as it came from a client; None for anything that is no place on a screen."""
    match value:
        case [int(x), int(y)] if 0 <= x <= _FARTHEST and 0 <= y <= _FARTHEST:
            return x, y
        case _:
            return None


QUOTES = {ord("“"): "'", ord("”"): "'"}
"""For `translate`: words in quotation marks cannot end the quotation."""


def plain(text: str) -> str:
    """A text on one line, without characters that control or turn it or cannot be seen."""
    shown = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(shown.split())


def shortened(text: str, most: int, vault: SecretStore) -> str:
    """A text on one line, redacted and then shortened."""
    return vault.cut(plain(vault.cut(text, 20 * most)), most)


def _text(value: Any) -> str:
    """A value as text; what has no text of a sensible length is left out."""
    try:
        return str(value)
    except (ValueError, RecursionError):  # thousands of digits or of levels
        return "…"

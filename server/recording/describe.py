"""A call in a few words, for people who watch: its name, and what of its arguments says most."""

import unicodedata
from typing import Any, cast

from gloveport.sandbox.secrets.store import SecretStore

from .recorder import Place, Said
from .touches import Touches

_LONGEST = 120  # characters
_LONGEST_WORD = 60  # characters of one argument
_MOST_STEPS = 20  # a batch takes no more
_FARTHEST = 65_535  # pixels; X has no larger coordinates
_NO_SECRETS = SecretStore()
_SAYS_MOST = (
    "secret", "target", "event", "query", "window", "path", "reason", "note", "to",
    "action", "region", "duration", "seconds",
)  # fmt: skip
_WORDS = {"rollback": "roll back"}  # names that are no verbs
_USUAL = ("make", "list", "read")  # what a tool does if nothing is said


def told(
    name: str,
    arguments: dict[str, Any],
    vault: SecretStore = _NO_SECRETS,
    reached: Touches | None = None,
) -> str:
    """A call in one line, whatever its arguments are: they have not been checked yet.

    Args:
        name: The tool.
        arguments: As they came.
        vault: Values to redact, before anything is shortened.
        reached: What its input reached: text that was typed is told only where that may show it.
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
    if entered := _entered(name, arguments, vault, reached):
        count = entered.get("count")
        parts.append(f"{count} characters" if count else f"“{entered['text']}”")
    for key in _SAYS_MOST:
        value = arguments.get(key)
        if value in (None, "", []) or (key == "action" and value in _USUAL):
            continue
        word = shortened(_text(value), _LONGEST_WORD, vault)
        parts.append(f"secret {word}" if key == "secret" else f"“{word}”")
    return vault.cut(" ".join(parts), _LONGEST)


def said(
    name: str,
    arguments: dict[str, Any],
    vault: SecretStore = _NO_SECRETS,
    reached: Touches | None = None,
) -> Said:
    """The same as `told`, as a code with arguments."""
    told: Said = {"code": name}
    if at := point(arguments.get("coordinate")):
        told["at"] = f"{at[0]},{at[1]}"
    if start := point(arguments.get("start_coordinate")):
        told["from"] = f"{start[0]},{start[1]}"
    direction = arguments.get("scroll_direction")
    if direction in ("up", "down", "left", "right"):
        told["direction"] = direction
    steps: Any = arguments.get("actions")
    if isinstance(steps, list):
        told["steps"] = [
            _step(cast(dict[str, Any], step), vault, reached.names.get(place) if reached else "")
            for place, step in enumerate(cast(list[Any], steps)[:_MOST_STEPS])
            if isinstance(step, dict)
        ]
    for key in _SAYS_MOST:
        value = arguments.get(key)
        if value not in (None, "", []):
            told[key] = shortened(_text(value), _LONGEST_WORD, vault)
    told |= _entered(name, arguments, vault, reached)
    if reached and reached.on and not isinstance(steps, list):
        told["on"] = shortened(reached.on, _LONGEST_WORD, vault)
    elif name == "click_element" and "target" in told:
        told["on"] = told["target"]
    if reached and reached.into:
        told["into"] = shortened(reached.into, _LONGEST_WORD, vault)
    return told


def _step(step: dict[str, Any], vault: SecretStore, on: str | None) -> Said:
    """A step of a batch; what is typed by it is not shown."""
    told = said(shortened(_text(step.get("action")), _LONGEST_WORD, vault), step, vault)
    return {**told, "on": shortened(on, _LONGEST_WORD, vault)} if on else told


def _entered(
    name: str, arguments: dict[str, Any], vault: SecretStore, reached: Touches | None
) -> Said:
    """What a call enters: its text if that may be shown, else how much it is."""
    if name in _KEYS:
        keys = _text(arguments.get("text", "")).split()
        shown = bool(reached and reached.shows)
        masked = [key if shown or len(key) > 1 else "•" for key in keys]
        return {"text": shortened(" ".join(masked), _LONGEST_WORD, vault)} if keys else {}
    entered = arguments.get("value" if name == "set" else "text")
    if name not in _ENTERS:
        return {"text": shortened(_text(entered), _LONGEST_WORD, vault)} if entered else {}
    if not isinstance(entered, str) or not entered:
        return {}
    if reached and reached.shows:
        return {"text": shortened(entered, _LONGEST_WORD, vault)}
    return {"count": len(entered)}


_KEYS = {"key", "hold_key", "key_down", "key_up"}
_ENTERS = {"type", "set", "clipboard"}
"""Tools whose text may be a password."""


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

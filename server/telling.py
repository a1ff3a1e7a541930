"""A call in a few words, for people who watch: its name, and what of its arguments says most."""

import unicodedata
from typing import Any, cast

from .record import Place

_LONGEST = 120  # characters
_SAYS_MOST = (
    "text", "secret", "target", "value", "event", "query", "window", "path", "reason", "note", "to",
    "action", "region", "duration", "seconds",
)  # fmt: skip
_WORDS = {"rollback": "roll back"}  # names that are no verbs
_USUAL = {"make", "list", "read"}  # what a tool does if nothing is said


def told(name: str, arguments: dict[str, Any]) -> str:
    """A call in one line; values of secrets are for the caller to take out."""
    parts = [_WORDS.get(name, name).replace("_", " ")]
    if at := point(arguments.get("start_coordinate")):
        parts.append(f"from {at[0]},{at[1]}")
    if at := point(arguments.get("coordinate")):
        parts.append(f"at {at[0]},{at[1]}" if len(parts) == 1 else f"to {at[0]},{at[1]}")
    if direction := arguments.get("scroll_direction"):
        parts.append(f"{direction} {arguments.get('scroll_amount', '')}".strip())
    steps: Any = arguments.get("actions")
    if isinstance(steps, list):
        names = [str(cast(Any, step).get("action")) for step in steps if isinstance(step, dict)]  # type: ignore[misc] # JSON
        parts.append(", ".join(names))
    for key in _SAYS_MOST:
        value = arguments.get(key)
        if value in (None, "", []) or (key == "action" and value in _USUAL):
            continue
        parts.append(f"secret {value}" if key == "secret" else _short(value))
    return " ".join(parts)[:_LONGEST]


def places(arguments: dict[str, Any]) -> tuple[Place | None, Place | None]:
    """Where a call points, and where it drags to."""
    start = point(arguments.get("start_coordinate"))
    end = point(arguments.get("coordinate"))
    return (start, end) if start else (end, None)


def point(value: Any) -> Place | None:
    """[x, y] as it came from a client; None for anything else."""
    match value:
        case [int(x), int(y)]:
            return x, y
        case _:
            return None


def plain(text: str) -> str:
    """A text on one line, without characters that control or turn it or cannot be seen."""
    shown = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(shown.split())


def _short(value: Any) -> str:
    text = plain(str(value))
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"

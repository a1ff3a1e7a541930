"""One thing that happened on a desktop."""

from dataclasses import dataclass, field
from typing import Any

from .actor import Actor

Place = tuple[int, int]
Said = dict[str, Any]
"""What is told as a code with arguments, for pages to say in the language of whoever reads them."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing somebody did; points are pixels of the full screenshot."""

    number: int
    when: float
    """Seconds since 1970."""
    who: Actor
    what: str
    """A tool's name, or a verb of people: take, hand_back, ..."""
    told: str
    at: Place | None = None
    to: Place | None = None
    ended: bool = False
    ok: bool = True
    ms: int = 0
    frame: int | None = None
    """The number of the picture that was sent, if one was."""
    error: str = ""
    why: str = ""
    """The kind of the error, such as PersonDrives; empty for those that only have words."""
    said: Said = field(default_factory=Said)
    """The same as `told`; empty: there are only its words."""

    def as_json(self) -> dict[str, Any]:
        told = {
            "number": self.number, "when": self.when, "what": self.what, "told": self.told,
            "who": {"kind": self.who.kind, "name": self.who.name},
            "at": self.at, "to": self.to, "ended": self.ended, "said": self.said,
        }  # fmt: skip
        if self.ended:
            told |= {"ok": self.ok, "ms": self.ms, "frame": self.frame, "error": self.error}
            told["why"] = self.why
        return told

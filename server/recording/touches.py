"""What an agent's input reached, for people who watch: names of what was pressed, and whether text
that was typed may be shown.

Text is shown only if each field it went into shows it to everybody. Where nothing was found out it
may be a password, and only how much was typed is told.
"""

from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field

from gloveport.sandbox.errors import SandboxError
from gloveport.sandbox.input.authorization import InputContext

from .recorder import Place

OPEN_FIELDS = {
    "entry", "text", "spin button", "combo box", "document text", "table cell", "paragraph",
}  # fmt: skip
"""Roles of what shows its text to everybody: neither passwords nor terminals."""


@dataclass(slots=True)
class Touches:
    """The touches of one call.

    Args:
        wanted: Whether anybody watches: nothing is found out for nobody.
        pressing: Told where something is about to be pressed, in another thread.
    """

    wanted: bool
    pressing: Callable[[Place], None] = lambda at: None
    names: dict[int, str] = field(default_factory=dict[int, str])
    """The name of what each action of the call pressed last; empty for what has none."""
    into: str = ""
    """The name of the field that was typed into."""
    typed: bool = False
    hidden: bool = False
    """Whether some of it went where it may not be shown."""

    def note(self, situation: InputContext) -> None:
        """Find out what is about to be touched; what is found changes nothing of what callers are
        told, and a program that does not answer is left alone."""
        look = copy(situation)
        try:
            if look.touch.entered:
                self.typed = True
                self.hidden = self.hidden or not look.roles or not look.roles <= OPEN_FIELDS
                self.into = look.field
            elif look.touch.at is not None and look.at is not None:
                self.pressing((look.at.x, look.at.y))
                self.names[look.place] = next((one.text for one in look.labels), "")
        except SandboxError:
            self.hidden = True

    @property
    def shows(self) -> bool:
        """Whether what was typed may be shown."""
        return self.typed and not self.hidden

    @property
    def on(self) -> str:
        """The name of what the first action pressed."""
        return self.names.get(0, "")


ANYWHERE = Touches(wanted=False, typed=True)
"""Where all that is typed may be shown, to whoever has to permit it."""

touches: ContextVar[Touches | None] = ContextVar("touches", default=None)

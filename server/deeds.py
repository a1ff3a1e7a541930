"""What a person does at a desktop, told afterwards in short sentences.

Clicks, drags, scrolls and keys are told as they are. Text is told only where a program says that it
went into a field and that the field is no password; anywhere else (a terminal, a canvas) only how
much was typed is told, for it may have been one.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from gloveport.sandbox.elements import Element
from gloveport.sandbox.keymap import character
from gloveport.sandbox.keys import named

from .record import Place

_MOST = 40  # sentences; the last ones are kept
_SHOWN = 80  # characters of a text
_DRAGGED = 6  # pixels between press and release that make a drag of a click
_BUTTONS = {0: "left", 1: "middle", 2: "right", 7: "back", 8: "forward"}
_WHEEL = {3: "up", 4: "down", 5: "left", 6: "right"}
_SHIFTS = {0xFFE1, 0xFFE2}
_MODIFIERS = {
    0xFFE3: "ctrl", 0xFFE4: "ctrl", 0xFFE9: "alt", 0xFFEA: "alt", 0xFFE7: "alt",
    0xFFEB: "super", 0xFFEC: "super",
}  # fmt: skip
_SILENT = range(0xFFE1, 0xFFEF)
_BACKSPACE = 0xFF08


class Deeds:
    """The deeds of one person, from when they took control.

    Args:
        focus: What has the keyboard focus, as far as a program tells.
        tell: Told of each deed when it is over: in words, and where.
    """

    def __init__(
        self,
        focus: Callable[[], Awaitable[Element | None]],
        tell: Callable[[str, Place | None], None],
    ) -> None:
        self._focus = focus
        self._tell = tell
        self._told: deque[str] = deque(maxlen=_MOST)
        self._buttons = 0
        self._pressed: Place = (0, 0)
        self._held: set[int] = set()
        self._typed: list[str] = []
        self._typing = 0
        self._field = ""
        """The name of the field that is typed into, if its text may be told."""
        self._open = False
        self._scrolled = ""

    def told(self) -> tuple[str, ...]:
        """What they did, the oldest first."""
        self._end_text()
        return tuple(self._told)

    def note(self, deed: str, at: Place | None = None) -> None:
        """Something else they did."""
        self._end_text()
        self._add(deed, at)

    def pointed(self, at: Place, buttons: int) -> None:
        """The pointer is at a place, with some buttons down (bits, the left one first)."""
        went_down, went_up = buttons & ~self._buttons, self._buttons & ~buttons
        self._buttons = buttons
        for bit in range(9):
            if went_down >> bit & 1 and bit in _WHEEL:
                self._scroll(_WHEEL[bit], at)
            elif went_down >> bit & 1:
                self._end_text()
                self._pressed = at
            elif went_up >> bit & 1 and bit in _BUTTONS:
                self._released(_BUTTONS[bit], at)

    async def pressed(self, keysym: int) -> None:
        """A key went down."""
        if keysym in _MODIFIERS:
            self._held.add(keysym)
        held = sorted({_MODIFIERS[one] for one in self._held})
        char = character(keysym)
        if keysym in _SILENT:
            return
        if held or not char:
            if keysym == _BACKSPACE and not held and self._typed:
                self._typed.pop()
                return
            shift = ["shift"] if self._held & _SHIFTS else []
            self.note("pressed " + "+".join([*held, *shift, char or named(keysym)]))
            return
        if not self._typing:
            self._scrolled = ""
            await self._begin_text()
        self._typed.append(char)
        self._typing += 1

    def released(self, keysym: int) -> None:
        self._held.discard(keysym)

    def let_go(self) -> None:
        """Nothing is held any more."""
        self._held.clear()
        self._buttons = 0

    async def _begin_text(self) -> None:
        into = await self._focus()
        self._open = (
            into is not None and into.field and into.role not in ("password text", "terminal")
        )
        self._field = into.name if into and self._open else ""

    def _end_text(self) -> None:
        count, self._typing = self._typing, 0
        text, self._typed = "".join(self._typed), []
        self._scrolled = ""
        if not count:
            return
        where = f" into “{self._field[:40]}”" if self._field else ""
        what = f"“{_short(text)}”" if self._open else f"{count} characters"
        self._add(f"typed {what}{where}", None)

    def _released(self, button: str, at: Place) -> None:
        moved = max(abs(at[0] - self._pressed[0]), abs(at[1] - self._pressed[1]))
        which = "" if button == "left" else f" the {button} button"
        if moved >= _DRAGGED:
            start = self._pressed
            self._add(f"dragged{which} from {start[0]},{start[1]} to {at[0]},{at[1]}", start)
        else:
            self._add(f"clicked{which} at {at[0]},{at[1]}", at)

    def _scroll(self, direction: str, at: Place) -> None:
        if self._scrolled != direction:
            self._end_text()
            self._add(f"scrolled {direction} at {at[0]},{at[1]}", at)
        self._scrolled = direction

    def _add(self, deed: str, at: Place | None) -> None:
        self._told.append(deed)
        self._tell(deed, at)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

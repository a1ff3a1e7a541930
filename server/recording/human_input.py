"""What a person does at a desktop, told afterwards in short sentences.

Clicks, drags, scrolls and keys are told as they are. Text is told only if, when it has been typed,
the program with the focus itself tells a field that holds it: then it is no secret of the screen.
Anything else (a password, a terminal, a canvas) may be one, and only how much was typed is told.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.x11.keymap import character
from gloveport.sandbox.x11.keysyms import named

from .recorder import Place, Said
from .touches import OPEN_FIELDS

_MOST = 40  # sentences; the last ones are kept
_SHOWN = 80  # characters of a text
_TOLD_WITHIN, _ASKED_AGAIN = 0.5, 0.03  # seconds; Chromium tells of a key 0.03 s later
_DRAGGED = 6  # pixels between press and release that make a drag of a click
_BUTTONS = {0: "left", 1: "middle", 2: "right", 7: "back", 8: "forward"}
_WHEEL = {3: "up", 4: "down", 5: "left", 6: "right"}
_TURNED = sum(1 << bit for bit in _WHEEL)
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
        tell: Told of each deed when it is over: in words, where, and as a code with arguments.
    """

    def __init__(
        self,
        focus: Callable[[], Awaitable[Element | None]],
        tell: Callable[[str, Place | None, Said], None],
    ) -> None:
        self._focus = focus
        self._tell = tell
        self._told: deque[str] = deque(maxlen=_MOST)
        self._buttons = 0
        self._pressed: Place = (0, 0)
        self._held: set[int] = set()
        self._typed: list[str] = []
        self._typing = 0
        self._scrolled = ""

    async def told(self) -> tuple[str, ...]:
        """What they did, the oldest first."""
        await self._end_text()
        return tuple(self._told)

    async def note(self, deed: str, said: Said | None = None) -> None:
        """Something else they did, in words and as a code."""
        await self._end_text()
        self._add(deed, None, said or {})

    async def before(self, *, key: int = 0, buttons: int = 0) -> None:
        """A key is about to go down, or buttons are about to be as said: text may end with that,
        and is looked for while it is still where it was typed."""
        if buttons & ~self._buttons & ~_TURNED or (
            key and not self._types(key) and key not in _SILENT
        ):
            await self._end_text()

    def pointed(self, at: Place, buttons: int) -> None:
        """The pointer is at a place, with some buttons down (bits, the left one first)."""
        went_down, went_up = buttons & ~self._buttons, self._buttons & ~buttons
        self._buttons = buttons
        for bit in range(9):
            if went_down >> bit & 1 and bit in _WHEEL:
                self._scroll(_WHEEL[bit], at)
            elif went_down >> bit & 1:
                self._pressed = at
            elif went_up >> bit & 1 and bit in _BUTTONS:
                self._released(_BUTTONS[bit], at)

    def pressed(self, keysym: int) -> None:
        """A key went down."""
        if keysym in _MODIFIERS or keysym in _SHIFTS:
            self._held.add(keysym)
        if keysym in _SILENT:
            return
        char = character(keysym)
        if not self._types(keysym):
            held = sorted({_MODIFIERS[one] for one in self._held if one in _MODIFIERS})
            shift = ["shift"] if self._held & _SHIFTS else []
            keys = "+".join([*held, *shift, char or named(keysym)])
            self._add(f"pressed {keys}", None, {"code": "key", "text": keys})
        elif char:
            self._typed.append(char)
            self._typing += 1
        else:
            self._typed.pop()

    def released(self, keysym: int) -> None:
        self._held.discard(keysym)

    def let_go(self) -> None:
        """Nothing is held any more."""
        self._held.clear()
        self._buttons = 0

    def _types(self, keysym: int) -> bool:
        """Whether a key adds to the text that is being typed, or takes its last character back."""
        if any(one in _MODIFIERS for one in self._held):
            return False
        return bool(character(keysym)) or (keysym == _BACKSPACE and bool(self._typed))

    async def _end_text(self) -> None:
        count, self._typing = self._typing, 0
        text, self._typed = "".join(self._typed), []
        if not count:
            return
        field = await self._holding(text)
        if field:
            where = f" into “{field.name[:40]}”" if field.name else ""
            said = {"code": "type", "text": _short(text), "into": field.name[:40]}
            self._add(f"typed “{_short(text)}”{where}", None, said)
        else:
            self._add(f"typed {count} characters", None, {"code": "type", "count": count})

    async def _holding(self, text: str) -> Element | None:
        """The field with the focus if it shows a text to everybody; programs tell a little late."""
        with anyio.move_on_after(_TOLD_WITHIN):
            while text and (field := await self._focus()) and field.role in OPEN_FIELDS:
                if text in (field.text or ""):
                    return field
                await anyio.sleep(_ASKED_AGAIN)
        return None

    def _released(self, button: str, at: Place) -> None:
        moved = max(abs(at[0] - self._pressed[0]), abs(at[1] - self._pressed[1]))
        which = "" if button == "left" else f" the {button} button"
        if moved >= _DRAGGED:
            start = self._pressed
            said = {
                "code": "left_click_drag",
                "from": f"{start[0]},{start[1]}",
                "at": f"{at[0]},{at[1]}",
            }
            told = f"dragged{which} from {start[0]},{start[1]} to {at[0]},{at[1]}"
            self._add(told, start, said)
        else:
            said = {"code": f"{button}_click", "at": f"{at[0]},{at[1]}"}
            self._add(f"clicked{which} at {at[0]},{at[1]}", at, said)

    def _scroll(self, direction: str, at: Place) -> None:
        if self._scrolled != direction:
            said = {"code": "scroll", "direction": direction, "at": f"{at[0]},{at[1]}"}
            self._add(f"scrolled {direction} at {at[0]},{at[1]}", at, said)
        self._scrolled = direction

    def _add(self, deed: str, at: Place | None, said: Said) -> None:
        self._scrolled = ""
        self._told.append(deed)
        self._tell(deed, at, said)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

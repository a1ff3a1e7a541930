"""The keyboard and pointer of a person who watches: what is down there is down here.

Unlike an agent's, a person's keys come one by one as keysyms, with the modifiers held that their
own layout wants. A character arrives as it is: as a key that stays down where the held modifiers
fit it, else tapped in the state that gives it. The keymap is never changed.
"""

from collections.abc import Callable

from Xlib import X
from Xlib.display import Display

from ..errors import NotDone
from ..geometry import Point
from ..x11.keyboard import Keyboard
from ..x11.keymap import SHIFT, Keymap, Stroke, character
from ..x11.pointer import Pointer

_SHIFTS = (0xFFE1, 0xFFE2)
_MODIFIERS = range(0xFFE1, 0xFFEF)
# Their work was done on the person's side: the keysym that follows is the character already.
_DONE_THERE = {0xFE03, 0xFE11, 0xFF7E, 0xFF7F, 0xFFE5, 0xFFE6}
_ISO_LEFT_TAB, _TAB = 0xFE20, 0xFF09
BUTTONS = 9


class ViewerInput:
    """What one person at a time holds down. Used by one thread at a time.

    Args:
        display: A connection for input, which its owner closes.
        keymap: The map that is loaded.
        keep_keymap: Loads the map again if somebody replaced it.
    """

    def __init__(self, display: Display, keymap: Keymap, keep_keymap: Callable[[], None]) -> None:
        self._display = display
        self._keymap = keymap
        self._keep_keymap = keep_keymap
        self._keyboard = Keyboard(display, lambda: False)
        self._pointer = Pointer(display)
        self._keys: dict[int, int] = {}
        """The keycode that each keysym holds down."""

    @property
    def holding(self) -> bool:
        """Whether any key or button is held down."""
        return bool(self._keyboard.down or self._pointer.down)

    def point(self, at: Point, buttons: int) -> None:
        """Move the pointer, then press and release what has changed.

        Args:
            at: A pixel of the screen.
            buttons: Bit 0 the left button, then middle, right, the wheel up, down, left and right,
                back and forward.
        """
        self._pointer.move(at)
        for button in range(1, BUTTONS + 1):
            down = bool(buttons >> (button - 1) & 1)
            if down and button not in self._pointer.down:
                self._pointer.press(button)
            elif not down and button in self._pointer.down:
                self._pointer.release(button)

    def key(self, keysym: int, *, down: bool) -> None:
        """Press or release a key; one that is down already is repeated.

        Raises:
            NotDone: No key has it.
        """
        keysym = _TAB if keysym == _ISO_LEFT_TAB else keysym
        if keysym in _DONE_THERE:
            return
        if not down:
            self._release(keysym)
        elif keysym in self._keys:
            self._repeat(keysym)
        elif char := character(keysym):
            self._character(keysym, char)
        else:
            self._press(keysym, self._keycode(keysym))

    def release_all(self) -> None:
        """Let go of every key and button."""
        for keysym in reversed(list(self._keys)):
            self._release(keysym)
        self._keyboard.release_all()
        self._pointer.release_all()

    def _character(self, keysym: int, char: str) -> None:
        if char not in self._keymap:
            raise NotDone(f"No key of this desktop has the character {char!r}; paste it.")
        self._keep_keymap()
        stroke = self._keymap[char]
        shifts = [self._keys[one] for one in _SHIFTS if one in self._keys]
        if stroke.group == 0 and stroke.mods == (SHIFT if shifts else 0):
            self._press(keysym, stroke.keycode)
        else:
            self._tap(stroke, [] if stroke.mods & SHIFT else shifts)

    def _tap(self, stroke: Stroke, lifted: list[int]) -> None:
        """Press and release at once: the state that gives the character cannot last."""
        for keycode in lifted:
            self._keyboard.release(keycode)
        try:
            self._keyboard.tap(stroke.keycode, stroke.group, stroke.mods)
        finally:
            for keycode in lifted:
                self._keyboard.press(keycode)

    def _press(self, keysym: int, keycode: int) -> None:
        self._keys[keysym] = keycode
        if keycode not in self._keyboard.down:
            if keysym not in _MODIFIERS:  # those never repeat
                # It repeats when the person's own keyboard says so: if the network stalls, the
                # server would go on without end.
                self._keyboard.repeat(keycode, on=False)
            self._keyboard.press(keycode)

    def _release(self, keysym: int) -> None:
        keycode = self._keys.pop(keysym, None)
        if keycode is not None and keycode not in self._keys.values():
            self._keyboard.release(keycode)
            if keysym not in _MODIFIERS:
                self._keyboard.repeat(keycode, on=True)

    def _repeat(self, keysym: int) -> None:
        if keysym not in _MODIFIERS:
            keycode = self._keys[keysym]
            self._keyboard.release(keycode)
            self._keyboard.press(keycode)

    def _keycode(self, keysym: int) -> int:
        keycode = self._display.keysym_to_keycode(keysym)
        if keycode == X.NoSymbol:
            raise NotDone(f"The keyboard of this desktop has no key with the keysym 0x{keysym:x}.")
        return keycode

"""What hands can do on a desktop: move, press, type, paste. One thread at a time.

Points are pixels of the screen, and everything asked for is possible: `actions.py` has checked it.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby

from Xlib import X
from Xlib.display import Display

from ..errors import Cancelled, NotDone, NotPasted
from ..geometry import Point
from ..x11.keyboard import Keyboard, Tap
from ..x11.keymap import (
    FIRST_KEYCODE,
    KEYCODES,
    LEFT_EMPTY,
    SHIFT,
    SPARE,
    Keymap,
    Stroke,
    character,
)
from ..x11.keysyms import HELD, Chord, combination
from ..x11.pointer import Pointer
from ..x11.selections import Clipboard
from ..x11.terminals import PRIMARY_PASTERS, SHIFTED_PASTERS, TERMINALS
from ..x11.windows import Windows
from .authorization import PendingInput
from .drag_and_drop import Dragging
from .strokes import FEWEST_POINTS, PRESS_MS, after_tabs, distance, points_along, runs_of

# Pixels from the press after which every toolkit has started what it starts (Qt: 10, GTK: 8,
# Firefox and Chromium: less).
_THRESHOLD = 16
# Chromium takes a drop only if the pointer has moved after the page's first answer; the third move
# was enough in all of 100 drags.
_OFFERS = 3
_PASTED_WITHIN = 3.0  # seconds a program has to fetch what was pasted
# A program that pastes asks several times (Chromium: what there is, the text, what there is again)
# and drops the paste when the clipboard has another content in between. So it stays as it is until
# nobody has asked for so many seconds; a stalled program was away for 0.3 s.
_PASTE_DONE, _PASTE_DONE_WITHIN = 0.4, 3.0
_WHEEL = {"up": 4, "down": 5, "left": 6, "right": 7}
_MOVES = {0xFF09, 0xFE20, 0xFF51, 0xFF52, 0xFF53, 0xFF54}  # Tab, ISO_Left_Tab and the arrows
_SHIFT_L = 0xFFE1
_CONTROL_L, _INSERT = 0xFFE3, 0xFF63
# Modifiers that only choose among the characters of a key: Shift, ISO_Level3_Shift, the locks.
_CHOOSING = {0xFFE1, 0xFFE2, 0xFE03, 0xFFE5, 0xFF7F}
_CONTROLS, _SHIFTS = {0xFFE3, 0xFFE4}, {0xFFE1, 0xFFE2}
# Keys of the keypad that `character` leaves out, as they are without a character on paper.
_KEYPAD = {0xFF80: " ", 0xFFAA: "*", 0xFFAB: "+", 0xFFAD: "-", 0xFFAF: "/", 0xFFBD: "="}
_PASTE_KEY = 0x1008FF6D  # XF86Paste
_MIDDLE = 2  # the button that pastes what is selected


class InputDriver:
    """The input of one desktop.

    Args:
        display: A connection for input, which its owner closes.
        keymap: The map that is loaded.
        clipboard: For the characters the map lacks.
        reload: Loads the map again.
        gave_up: Whether the caller has given up; asked while something takes long.
        rest: Waits some seconds, less if the caller gives up.
        dragging: Follows drags.
    """

    def __init__(
        self,
        display: Display,
        keymap: Keymap,
        clipboard: Clipboard,
        reload: Callable[[], None],
        gave_up: Callable[[], bool],
        rest: Callable[[float], None],
        dragging: Dragging,
    ) -> None:
        self._display = display
        self._keymap = keymap
        self._clipboard = clipboard
        self._reload = reload
        self._gave_up = gave_up
        self._rest = rest
        self._dragging = dragging
        self._keyboard = Keyboard(display, gave_up)
        self._pointer = Pointer(display)
        self._windows = Windows(display)
        self._pressed_at: Point | None = None
        self._mapped: tuple[list[list[int]], list[list[int]]] | None = None
        """How the keyboard was mapped when the map was last seen to be loaded."""
        self._pressed_with: dict[int, list[int]] = {}
        """Keycodes of modifiers that were pressed with the key of a keycode."""
        self._unrepeated: set[int] = set()
        """Keycodes of keys that are not repeated while they are down."""
        self.ignored: Callable[[Point], float] = lambda at: 0.0
        """For how many seconds from now clicks at a point are ignored."""
        self._before: Callable[[PendingInput], None] | None = None
        self.pressed: list[Point] = []
        """Where the pointer was and was moved to for clicks, since somebody emptied this."""

    @contextmanager
    def asking(self, before: Callable[[PendingInput], None] | None) -> Generator[None]:
        """Tell of each touch right before it is sent; what `before` raises keeps it from that."""
        self._before = before
        try:
            yield
        finally:
            self._before = None

    def touches(self, touch: PendingInput) -> None:
        """Say that something is about to be touched.

        Raises:
            NotAllowed: It must not be.
        """
        if self._before:
            self._before(touch)

    @property
    def holding(self) -> bool:
        """Whether any key or button is held down."""
        return bool(self._keyboard.down or self._pointer.down)

    def rest(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            Cancelled: The caller gave up.
        """
        self._rest(seconds)
        if self._gave_up():
            raise Cancelled

    def where(self) -> Point:
        return self._pointer.where()

    def move(self, to: Point) -> None:
        self._pointer.move(to)

    def _presses(self, button: int, at: Point) -> None:
        """Say that a button is about to be pressed at a point."""
        self.touches(PendingInput("click", at=at))
        if button == _MIDDLE and self._before and (text := self._clipboard.read("PRIMARY")):
            self.touches(PendingInput("type", text, at=at))

    def _enters(self, chord: Chord) -> str:
        """The text a combination would enter, with the keys that are down already."""
        if not self._before:
            return ""
        down = (self._display.keycode_to_keysym(code, 0) for code in self._keyboard.down)
        held = {*chord.held, *down}
        key = chord.key
        if key == _PASTE_KEY or (held & _CONTROLS and key in ("v", "V")):
            return self._clipboard.read() or ""
        if key == _INSERT and held & _SHIFTS:  # terminals and GTK differ in which they take
            both = (self._clipboard.read(), self._clipboard.read("PRIMARY"))
            return "\n".join(text for text in both if text)
        if held - _CHOOSING:
            return ""
        char = key if isinstance(key, str) else character(key) or _KEYPAD.get(key, "")
        return char.upper() if held & _SHIFTS else char

    def _pressing(self, chord: Chord, *, moved: bool = False) -> None:
        """Say that a combination is about to be pressed."""
        if not self._before:
            return
        down = {self._display.keycode_to_keysym(code, 0) for code in self._keyboard.down}
        whole = Chord(tuple({*chord.held, *(down & HELD.keys())}), chord.key)
        self.touches(
            PendingInput("key", combination(whole), moved=moved, typed=self._enters(chord))
        )

    def hover(self, at: Point) -> None:
        """Move to where a button is about to be pressed."""
        self.pressed.append(self._pointer.where())
        self._pointer.move(at)

    def click(self, at: Point | None, button: int, times: int, held: Sequence[int]) -> float:
        """Press and release a button, once what is there takes clicks.

        Returns:
            Seconds waited for that.
        """
        was = self._pointer.where()
        waited = self.ignored(at or was)
        if waited:
            self.rest(waited)
        self._presses(button, at or was)
        self.pressed += [was, at or was]
        if at:
            self._pointer.move(at)
        with self._held(held):
            for _ in range(times):
                self._pointer.press(button)
                self._pointer.release(button, PRESS_MS)
        return waited

    def press_button(self, button: int) -> None:
        at = self._pointer.where()
        if waited := self.ignored(at):
            self.rest(waited)
        self._presses(button, at)
        self._pointer.press(button)
        self._pressed_at = at

    def release_button(self, button: int) -> None:
        """Let go of a button; it stays down where letting go must not be."""
        at = self._pointer.where()
        if button in self._pointer.down and at != self._pressed_at:
            self.touches(PendingInput("click", at=at))
        self.pressed.append(at)
        self._pointer.release(button)

    def drag(self, path: Sequence[Point], button: int, held: Sequence[int]) -> None:
        """Press at the first point, pass the others, release at the last.

        Where this starts a drag and drop, it is released when the target has answered.
        """
        self._presses(button, path[0])
        if path[-1] != path[0]:
            self.touches(PendingInput("click", at=path[-1]))
        self._pointer.move(path[0])
        self._dragging.begin(path[0])
        with self._held(held):
            self._pointer.press(button)
            try:
                self._carry(path)
                if path[-1] != path[0]:  # the press may have opened something there
                    self.touches(PendingInput("click", at=path[-1]))
            except BaseException:
                self._pointer.move(path[0])  # where pressing was permitted
                raise
            finally:
                self._pointer.release(button, PRESS_MS)
        self._dragging.await_end()

    def _carry(self, path: Sequence[Point]) -> None:
        """Move the pressed pointer along a path, as slowly as programs can follow."""
        points = points_along(path)
        far = (at for at, (_, one) in enumerate(points, 1) if distance(path[0], one) >= _THRESHOLD)
        started = next(far, len(points))
        self._glide(points[:started])
        self._dragging.await_start()
        self._glide(points[started:])
        goal = path[-1]
        if not self._dragging.under_way:
            self._dragging.await_answer(goal)
        if not self._dragging.under_way:
            return
        beside = Point(goal.x - 1 if goal.x else goal.x + 1, goal.y)
        for _ in range(_OFFERS):
            for point in (beside, goal):
                self._pointer.move(point)
                self._dragging.await_answer(point)

    def _glide(self, points: Sequence[tuple[int, Point]]) -> None:
        for start in range(0, len(points), FEWEST_POINTS):
            if self._gave_up():
                raise Cancelled
            self._pointer.glide(points[start : start + FEWEST_POINTS])

    def scroll(self, at: Point | None, direction: str, clicks: int, held: Sequence[int]) -> None:
        if at:
            self._pointer.move(at)
        button = _WHEEL[direction]
        with self._held(held):
            for _ in range(clicks):
                self._pointer.press(button)
                self._pointer.release(button)

    def press(self, chords: Sequence[Chord], times: int = 1) -> None:
        self.keep_keymap()
        moved = False
        for _ in range(times):
            for chord in chords:
                if self._gave_up():
                    raise Cancelled
                self._pressing(chord, moved=moved)
                moved = moved or chord.key in _MOVES
                with self._chord_down(chord):
                    pass

    def hold(self, chords: Sequence[Chord], seconds: float) -> None:
        self.keep_keymap()
        with ExitStack() as down:
            for chord in chords:
                self._pressing(chord)
                down.enter_context(self._chord_down(chord))
            self.rest(seconds)

    def press_key(self, chord: Chord) -> None:
        """Press and keep down; the key is the one that `press` and `hold` press.

        A character that takes Shift has it down as long as its key is. One that takes another group
        or level is pressed in that state, and not repeated: the state ends with the press.
        """
        self.keep_keymap()
        self._pressing(chord)
        stroke = self._stroke(chord.key)
        shifted = stroke.mods == SHIFT and stroke.group == 0
        for keysym in (*chord.held, *((_SHIFT_L,) if shifted else ())):
            keycode = self._stroke(keysym).keycode
            if keycode not in self._keyboard.down:
                self._keyboard.press(keycode)
                self._pressed_with.setdefault(stroke.keycode, []).append(keycode)
        if shifted or not (stroke.mods or stroke.group):
            self._keyboard.press(stroke.keycode)
            return
        self._keyboard.repeat(stroke.keycode, on=False)
        self._unrepeated.add(stroke.keycode)
        with self._keyboard.locked(stroke.group, stroke.mods):
            self._keyboard.press(stroke.keycode)

    def release_key(self, chord: Chord) -> None:
        """Let go of a key, and of what was pressed with it."""
        keycode = self._stroke(chord.key).keycode
        self._keyboard.release(keycode)
        held = [self._stroke(keysym).keycode for keysym in chord.held]
        for other in reversed(self._pressed_with.pop(keycode, held)):
            self._keyboard.release(other)
        if keycode in self._unrepeated:
            self._unrepeated.discard(keycode)
            self._keyboard.repeat(keycode, on=True)

    def release_all(self) -> None:
        """Let go of every key and button; a button where it was pressed, as that was permitted."""
        self._keyboard.release_all()
        self._pressed_with.clear()
        for keycode in self._unrepeated:
            self._keyboard.repeat(keycode, on=True)
        self._unrepeated.clear()
        if self._pointer.down and self._pressed_at:
            self._pointer.move(self._pressed_at)
        self._pointer.release_all()

    def type(
        self, text: str, first: int = 0, then: Callable[[], None] = lambda: None, paste: str = ""
    ) -> int:
        """Type text; lines with characters no key has are pasted.

        Args:
            text: What to type.
            first: How many of its characters come before `then` is called. A tab may only be
                among them where they are pasted.
            then: Called when they have been sent; what it raises keeps the rest from being typed.
            paste: Why they have to be pasted, as an error says it; empty when they are typed.

        Returns:
            How many characters were pasted.

        Raises:
            NotDone: The program did not take what was pasted.
            Cancelled: The caller gave up; what was typed until then stays typed.
        """
        self.keep_keymap()
        head, rest = text[:first], text[first:]
        parts = after_tabs(rest) if self._before else [rest]
        pasted = 0
        for place, part in enumerate(parts or [""]):
            if place:
                self.touches(PendingInput("type", part, moved=True))
            else:
                self.touches(PendingInput("type", head + part))
                pasted += self._entered(head, paste)
                then()
            pasted += self._type(part)
        return pasted

    def _entered(self, text: str, paste: str) -> int:
        if not paste:
            return self._type(text)
        self._paste(text, paste)
        return len(text)

    def _type(self, text: str) -> int:
        pasted = 0
        for typeable, runs in groupby(runs_of(text), key=self._typeable):
            if typeable:
                strokes = (self._keymap[char] for run in runs for char in run)
                self._keyboard.type([Tap(one.keycode, one.group, one.mods) for one in strokes])
            else:
                for run in runs:
                    self._paste(run)
                    pasted += len(run)
        return pasted

    def _typeable(self, run: str) -> bool:
        return all(char in self._keymap for char in run)

    @property
    def pastes(self) -> bool:
        """Whether it is known how the active window pastes: not of every terminal."""
        active = self._windows.active()
        application = active.application.casefold() if active else ""
        return application not in TERMINALS - PRIMARY_PASTERS - SHIFTED_PASTERS

    def keep_keymap(self) -> None:
        """Load the map again if any of its keys was changed: setxkbmap, xmodmap, a settings daemon.

        What programs do to the keys that are left to them changes nothing.
        """
        now = self._mapping()
        if self._mapped is None and self._keymap.is_in(now[0]):
            self._mapped = now
        if now != self._mapped:
            self._reload()
            self._mapped = self._mapping()

    def _mapping(self) -> tuple[list[list[int]], list[list[int]]]:
        """The keysyms of each keycode, and the keycodes of each modifier. It takes 0.4 ms."""
        keys = self._display.get_keyboard_mapping(FIRST_KEYCODE, KEYCODES)
        rows = [list(row) for row in keys]
        for keycode in SPARE[-LEFT_EMPTY:]:
            rows[keycode - FIRST_KEYCODE].clear()
        return rows, [list(row) for row in self._display.get_modifier_mapping()]

    def paste(self, text: str) -> None:
        """Paste, wait until the program has fetched it, and put back what the clipboard held.

        Raises:
            NotAllowed: It must not be.
            NotDone: The program did not take it.
        """
        self.keep_keymap()
        self.touches(PendingInput("type", text))
        self._paste(text)

    def _paste(self, text: str, why: str = "has characters that no key has") -> None:
        active = self._windows.active()
        application = active.application.casefold() if active else ""
        if application in PRIMARY_PASTERS:
            selection, chord = "PRIMARY", Chord((_SHIFT_L,), _INSERT)
        elif application in SHIFTED_PASTERS:
            selection, chord = "CLIPBOARD", Chord((_CONTROL_L, _SHIFT_L), "v")
        else:
            selection, chord = "CLIPBOARD", Chord((_CONTROL_L,), "v")
        former = self._clipboard.read(selection)
        serves = self._clipboard.serves
        self._clipboard.own(text, (selection,))
        try:
            with self._chord_down(chord):
                pass
            if not self._clipboard.wait_served(serves, _PASTED_WITHIN):
                raise NotPasted(
                    f"{text[:40]!r} {why}, and the window with the focus did not take it as a "
                    "paste; nothing of it has arrived."
                )
            self._clipboard.wait_unasked(_PASTE_DONE, _PASTE_DONE_WITHIN)
        finally:
            if former is not None:
                self._clipboard.own(former, (selection,))
            else:
                self._clipboard.disown((selection,))

    @contextmanager
    def _chord_down(self, chord: Chord) -> Generator[None]:
        """Keys down on entry, up on exit, at least PRESS_MS apart."""
        stroke = self._stroke(chord.key)
        with ExitStack() as down:
            down.enter_context(self._held(chord.held))
            if stroke.mods == SHIFT and stroke.group == 0:
                down.enter_context(self._held((_SHIFT_L,)))
            elif stroke.mods or stroke.group:
                down.enter_context(self._keyboard.locked(stroke.group, stroke.mods))
            self._keyboard.press(stroke.keycode)
            try:
                yield
            finally:
                self._keyboard.release(stroke.keycode, PRESS_MS)

    @contextmanager
    def _held(self, keysyms: Iterable[int]) -> Generator[None]:
        keycodes = [self._stroke(keysym).keycode for keysym in keysyms]
        pressed: list[int] = []
        try:
            for keycode in keycodes:
                if keycode not in self._keyboard.down:
                    self._keyboard.press(keycode)
                    pressed.append(keycode)
            yield
        finally:
            for keycode in reversed(pressed):
                self._keyboard.release(keycode)

    def _stroke(self, key: int | str) -> Stroke:
        """Where a key is: characters in the keymap, the others where the server says."""
        if isinstance(key, str):
            if key in self._keymap:
                return self._keymap[key]
            raise NotDone(f"No key has the character {key!r}; use type, which can paste it.")
        keycode = self._display.keysym_to_keycode(key)
        if keycode == X.NoSymbol:
            raise NotDone(f"The keyboard of this desktop has no key with the keysym 0x{key:x}.")
        return Stroke(keycode, 0, 0)

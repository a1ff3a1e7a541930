"""The keyboard of a desktop: text by locked state, keys by press and release.

The group and level of each character are locked with XkbLatchLockState on the connection that
presses the key, so both travel in order and the state is part of the key event. Nothing here
changes the keymap.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest
from Xlib.protocol import rq

from ..errors import Cancelled, Impossible

_CORE_KEYBOARD = 0x100  # XkbUseCoreKbd
_ALL_MODS = 0xFF
# Characters between two looks at whether the caller gave up. The server is waited for as often:
# nothing is ahead of it that cannot be stopped, and python-xlib loses a reply that comes more than
# 65,536 requests (the width of a serial number) after the one before.
_CHECKED = 256


class _UseExtension(rq.ReplyRequest):
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor")
    )
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("supported"), rq.Card16("sequence_number"), rq.ReplyLength(),
        rq.Card16("major"), rq.Card16("minor"), rq.Pad(20),
    )  # fmt: skip


class _GetState(rq.ReplyRequest):
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(4), rq.RequestLength(), rq.Card16("device"), rq.Pad(2)
    )
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("device"), rq.Card16("sequence_number"), rq.ReplyLength(),
        rq.Card8("mods"), rq.Card8("base_mods"), rq.Card8("latched_mods"), rq.Card8("locked_mods"),
        rq.Card8("group"), rq.Card8("locked_group"), rq.Int16("base_group"),
        rq.Int16("latched_group"), rq.Card8("compat_state"), rq.Card8("grab_mods"),
        rq.Card8("compat_grab_mods"), rq.Card8("lookup_mods"), rq.Card8("compat_lookup_mods"),
        rq.Pad(1), rq.Card16("buttons"), rq.Pad(6),
    )  # fmt: skip


class _LatchLockState(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(5), rq.RequestLength(), rq.Card16("device"),
        rq.Card8("affect_mod_locks"), rq.Card8("mod_locks"), rq.Card8("lock_group"),
        rq.Card8("group_lock"), rq.Card8("affect_mod_latches"), rq.Card8("mod_latches"), rq.Pad(1),
        rq.Card8("latch_group"), rq.Card16("group_latch"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tap:
    """One key to press and release in a state: `group` 0-3 and `mods` modifier bits are locked."""

    keycode: int
    group: int = 0
    mods: int = 0


class Keyboard:
    """Presses keys through XTEST. Used by one thread at a time.

    Args:
        display: A connection that its owner closes.
        gave_up: Whether the caller has given up; asked while a long text is typed.
    """

    def __init__(self, display: Display, gave_up: Callable[[], bool]) -> None:
        self._display = display
        self._gave_up = gave_up
        extension = display.query_extension("XKEYBOARD")
        assert extension, "Xvfb has it built in"
        self._opcode = extension.major_opcode
        self._down: list[int] = []
        _UseExtension(display=display.display, opcode=self._opcode, major=1, minor=0)

    @property
    def down(self) -> tuple[int, ...]:
        """Keycodes that are held down, in the order they were pressed."""
        return tuple(self._down)

    def type(self, taps: Sequence[Tap]) -> None:
        """Press keys one after another, each in its state, without a pause.

        Raises:
            Impossible: A modifier key is held down; it would turn text into commands.
            Cancelled: The caller gave up; what was typed until then stays typed.
        """
        if self._state().base_mods:
            raise Impossible(
                "A modifier key is held down, which would turn text into commands; "
                "release it with key_up or left_mouse_up first."
            )
        with self._state_restored():
            state = (0, 0)
            self._lock(*state)
            for place, tap in enumerate(taps):
                if place % _CHECKED == 0:
                    self._display.sync()
                    if self._gave_up():
                        raise Cancelled
                if (tap.group, tap.mods) != state:
                    state = (tap.group, tap.mods)
                    self._lock(*state)
                xtest.fake_input(self._display, X.KeyPress, tap.keycode)
                xtest.fake_input(self._display, X.KeyRelease, tap.keycode)

    def tap(self, keycode: int, group: int, mods: int) -> None:
        """Press and release a key in a state, whatever modifier keys are held besides."""
        with self.locked(group, mods):
            xtest.fake_input(self._display, X.KeyPress, keycode)
            xtest.fake_input(self._display, X.KeyRelease, keycode)

    def repeat(self, keycode: int, *, on: bool) -> None:
        """Whether the server repeats a key for as long as it is held."""
        mode = X.AutoRepeatModeOn if on else X.AutoRepeatModeOff
        self._display.change_keyboard_control(key=keycode, auto_repeat_mode=mode)

    def press(self, keycode: int, wait_ms: int = 0) -> None:
        """Press a key and keep it down; the server waits `wait_ms` milliseconds before."""
        xtest.fake_input(self._display, X.KeyPress, keycode, wait_ms)
        self._down.append(keycode)
        self._display.sync()

    def release(self, keycode: int, wait_ms: int = 0) -> None:
        """Release a key; the server waits `wait_ms` milliseconds before."""
        xtest.fake_input(self._display, X.KeyRelease, keycode, wait_ms)
        if keycode in self._down:
            self._down.remove(keycode)
        self._display.sync()

    def release_all(self) -> None:
        for keycode in reversed(self.down):
            self.release(keycode)

    @contextmanager
    def locked(self, group: int, mods: int) -> Generator[None]:
        """Press keys in a state, which is put back afterwards."""
        with self._state_restored():
            self._lock(group, mods)
            yield

    @contextmanager
    def _state_restored(self) -> Generator[None]:
        before = self._state()
        try:
            yield
        finally:
            self._lock(before.locked_group, before.locked_mods)
            self._display.sync()

    def _state(self) -> _GetState:
        return _GetState(display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD)

    def _lock(self, group: int, mods: int) -> None:
        _LatchLockState(
            display=self._display.display, opcode=self._opcode, device=_CORE_KEYBOARD,
            affect_mod_locks=_ALL_MODS, mod_locks=mods, lock_group=1, group_lock=group,
            affect_mod_latches=_ALL_MODS, mod_latches=0, latch_group=1, group_latch=0,
        )  # fmt: skip

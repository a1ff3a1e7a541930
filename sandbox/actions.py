"""What a desktop can be asked to do, as values: checked before anything happens, then done.

An action is planned against the view its caller sees: `plan` raises when it asks for something
impossible, and otherwise gives what has to be done, which may return facts for the answer. Points
are pixels of the full screenshot. What an action names by a ref or a text is looked up when it is
done, for it may have moved or gone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .accessibility.element import Element
from .errors import BadAmount, BadText, NoSuchElement, NotExpected, OffScreen
from .geometry import Point, View
from .input import menus
from .input.driver import InputDriver
from .input.form_values import Values
from .input.readback import Facts
from .input.text_entry import TextEntry
from .screen.locator import Locator
from .screen.ranking import described
from .screen.settle import Patience
from .secrets.store import SecretStore
from .x11.keysyms import Chord, held_keys, sequence


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What acts."""

    hands: InputDriver
    sight: Locator
    typist: TextEntry
    values: Values


Plan = Callable[[ActionContext], Facts | None]
Button = Literal["left", "middle", "right", "back", "forward"]
Direction = Literal["up", "down", "left", "right"]

_BUTTONS: dict[Button, int] = {"left": 1, "middle": 2, "right": 3, "back": 8, "forward": 9}
LONGEST_TEXT = 100_000  # characters in one call: a minute of work for the slowest toolkit
LONGEST_HOLD = 30  # seconds: clients give a call up after 60
MOST_SCROLL = 100  # notches
MOST_REPEATS = 100
_SLOWEST = 2000  # characters per second the slowest toolkit was seen to take (GTK 3: 2,075)

# Moving shows at most a hover effect, and holding often nothing at all.
_QUICK = Patience(first=0.25, requests=False)
_USUAL = Patience()
_NONE = Patience(first=0.0, quiet=0.0, requests=False)


class Action(Protocol):
    """One thing to do; see the module."""

    @property
    def patience(self) -> Patience: ...

    def plan(self, view: View) -> Plan:
        """Check it against what the caller sees.

        Raises:
            Impossible: It cannot be done; nothing was.
        """
        ...


@dataclass(frozen=True, slots=True)
class Click:
    """Press and release a button `times` times, holding modifier keys such as "ctrl+shift".

    With `expect`, only if something with this text or role is there.
    """

    at: Point | None = None
    button: Button = "left"
    times: int = 1
    held: str = ""
    expect: str = ""
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        at = None if self.at is None else _on_screen(self.at, view)
        held = held_keys(self.held)

        def act(body: ActionContext) -> Facts:
            if self.expect.strip():
                here = at or body.hands.where()
                if found := body.sight.instead_of(self.expect, here):
                    shown = self.at or view.to_picture(here)
                    raise NotExpected(self.expect, shown.x, shown.y, found)
            return _waited(body.hands.click(at, _BUTTONS[self.button], self.times, held))

        return act


@dataclass(frozen=True, slots=True)
class ClickElement:
    """Click what a ref or a text names, wherever it is now."""

    named: str
    button: Button = "left"
    times: int = 1
    held: str = ""
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        held = held_keys(self.held)

        def act(body: ActionContext) -> Facts:
            element = self._target(body)
            plain = (self.button, self.times, held) == ("left", 1, ())
            if plain and body.values.step_to(element):
                return {
                    "clicked": described(element),
                    "note": "chosen by keys: its list is scrolled",
                }
            at = body.sight.aim(element, body.hands.hover)
            waited = body.hands.click(at, _BUTTONS[self.button], self.times, held)
            return {"clicked": described(element)} | _waited(waited)

        return act

    def _target(self, body: ActionContext) -> Element:
        """What to click; the last of a path of menus, once those above it are open."""

        def click(opener: Element) -> None:
            body.hands.click(body.sight.clickable(opener), _BUTTONS["left"], 1, ())

        names = menus.path(self.named)
        if not names:
            return body.sight.target(self.named)
        try:
            return body.sight.target(self.named)  # a bread crumb may be called so
        except NoSuchElement:
            return menus.opened(names, body.sight, click)


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a field, switch, slider or choice a value."""

    named: str
    value: str

    @property
    def patience(self) -> Patience:
        return Type(self.value).patience

    def plan(self, view: View) -> Plan:
        value = _typeable(self.value) if self.value else ""
        return lambda body: body.values.set(self.named, value)


@dataclass(frozen=True, slots=True)
class Move:
    to: Point
    patience: Patience = _QUICK

    def plan(self, view: View) -> Plan:
        to = _on_screen(self.to, view)
        return lambda body: body.hands.move(to)


@dataclass(frozen=True, slots=True)
class ButtonDown:
    button: Button = "left"
    patience: Patience = _QUICK

    def plan(self, view: View) -> Plan:
        return lambda body: body.hands.press_button(_BUTTONS[self.button])


@dataclass(frozen=True, slots=True)
class ButtonUp:
    button: Button = "left"
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        return lambda body: body.hands.release_button(_BUTTONS[self.button])


@dataclass(frozen=True, slots=True)
class Drag:
    """Press at the first point, pass the others, release at the last."""

    path: Sequence[Point]
    button: Button = "left"
    held: str = ""
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        if len(self.path) < 2:
            raise BadText("A drag needs at least two points, where it starts and where it ends.")
        if len(set(self.path)) == 1:
            only = self.path[0]
            raise BadText(
                f"A drag from ({only.x}, {only.y}) to itself moves nothing; "
                "click there, or give another end point."
            )
        path = [_on_screen(point, view) for point in self.path]
        held = held_keys(self.held)
        return lambda body: body.hands.drag(path, _BUTTONS[self.button], held)


@dataclass(frozen=True, slots=True)
class Scroll:
    """Turn the wheel by notches."""

    direction: Direction
    clicks: int
    at: Point | None = None
    held: str = ""
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        _within("scroll_amount", self.clicks, 1, MOST_SCROLL, "notches")
        at = None if self.at is None else _on_screen(self.at, view)
        held = held_keys(self.held)
        return lambda body: body.hands.scroll(at, self.direction, self.clicks, held)


@dataclass(frozen=True, slots=True)
class Type:
    """Type text at the keyboard focus or into a field; newline is Return, tab is Tab."""

    text: str
    into: str = ""

    @property
    def patience(self) -> Patience:
        return Patience(deadline=min(40.0, 3.0 + len(self.text) / _SLOWEST))

    def plan(self, view: View) -> Plan:
        if not self.text:
            raise BadText("There is no text to type.")
        text = _typeable(self.text)
        return lambda body: body.typist.type(text, self.into)


@dataclass(frozen=True, slots=True)
class TypeSecret:
    """Type a secret at the keyboard focus or into a field."""

    vault: SecretStore
    name: str
    into: str = ""
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        value = self.vault.value
        value(self.name)  # refuses a name there is none of before its turn has come
        return lambda body: body.typist.type_secret(self.name, value(self.name), self.into)


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys such as "ctrl+s" or "Tab Tab Return", the whole `times` times."""

    keys: str
    times: int = 1
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        _within("repeat", self.times, 1, MOST_REPEATS, "times")
        chords = sequence(self.keys)
        return lambda body: body.hands.press(chords, self.times)


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold keys down for some seconds."""

    keys: str
    seconds: float
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        _within("duration", self.seconds, 0, LONGEST_HOLD, "seconds")
        chords = sequence(self.keys)
        return lambda body: body.hands.hold(chords, self.seconds)


@dataclass(frozen=True, slots=True)
class KeyDown:
    """Press keys and keep them down until KeyUp."""

    keys: str
    patience: Patience = _QUICK

    def plan(self, view: View) -> Plan:
        chord = _only(sequence(self.keys))
        return lambda body: body.hands.press_key(chord)


@dataclass(frozen=True, slots=True)
class KeyUp:
    keys: str
    patience: Patience = _USUAL

    def plan(self, view: View) -> Plan:
        chord = _only(sequence(self.keys))
        return lambda body: body.hands.release_key(chord)


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: float
    patience: Patience = _NONE

    def plan(self, view: View) -> Plan:
        _within("duration", self.seconds, 0, LONGEST_HOLD, "seconds")
        return lambda body: body.hands.rest(self.seconds)


def _waited(seconds: float) -> Facts:
    """What is told of the wait for a dialog that takes no clicks yet."""
    if not seconds:
        return {}
    return {"waited": f"{seconds:.1f} s: a new dialog of this program ignores clicks at first"}


def _on_screen(point: Point, view: View) -> Point:
    if not view.picture.holds(point):
        raise OffScreen(point.x, point.y, view.picture.width, view.picture.height)
    return view.to_screen(point)


def _typeable(asked: str) -> str:
    """Text with one kind of newline.

    Raises:
        BadText: It is too long, or has characters that no keyboard has.
    """
    text = asked.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LONGEST_TEXT:
        raise BadText(
            f"The text has {len(text)} characters; type takes at most {LONGEST_TEXT} in one "
            "call. Type it in parts."
        )
    for place, char in enumerate(text):
        if (ord(char) < 0x20 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0:
            raise BadText(
                f"Character {place + 1} of the text is the control character "
                f"U+{ord(char):04X}, which cannot be typed; leave it out or press a key."
            )
        if 0xD800 <= ord(char) < 0xE000:
            raise BadText(
                f"Character {place + 1} of the text is U+{ord(char):04X}, half of a surrogate "
                "pair and no character; send the text as valid Unicode."
            )
    return text


def _within(what: str, asked: float, least: float, most: float, unit: str) -> None:
    if not math.isfinite(asked) or not least <= asked <= most:
        raise BadAmount(what, asked, least, most, unit)


def _only(items: Sequence[Chord]) -> Chord:
    if len(items) != 1:
        raise BadText("Name one key or one combination, without spaces between.")
    return items[0]

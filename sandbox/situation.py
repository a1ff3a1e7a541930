"""What is about to be touched, for whoever has to permit it: found out only as far as they ask.

A touch is told right before it is sent, and what is under the pointer or has the keyboard focus is
read then. Rectangles and points are pixels of the full screenshot.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .atspi import Node
from .elements import Element, Elements
from .geometry import Point, View
from .windows import Windows

Input = Literal["click", "type", "key"]

# What a Return or a space presses, and of what a label may be any part.
BUTTONS = {
    "button", "toggle button", "push button menu", "link", "menu", "menu item", "check menu item",
    "radio menu item", "page tab", "check box", "radio button", "switch", "icon", "image map",
}  # fmt: skip
_PRESSES = {"return", "kp_enter", "space"}
_RESTS, _RESTS_WITHIN = 0.1, 0.5  # seconds the focus stays with one thing once it has moved
_LOOKED_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class Touch:
    """Input that is about to be sent.

    Args:
        input: A button pressed, text typed, or a key or combination.
        text: What is typed, or the key's name; a click has none.
        at: Where a button is pressed, in pixels of the screen.
        moved: Whether keys before it, such as Tab, may have moved the focus a moment ago.
    """

    input: Input
    text: str = ""
    at: Point | None = None
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """What something says."""

    text: str
    button: bool
    """Whether it is on something to press; text that stands by itself may be prose."""


Permit = Callable[["Situation"], None]
"""Returns when a touch may be sent, and raises NotAllowed when not. A situation raises `Slow` where
a program does not answer what is asked for."""


class Situation:
    """A touch and where it lands. Each thing is found out when it is first asked for.

    Args:
        touch: What is about to be sent.
        place: Which of the turn's actions it is part of.
        elements: What programs tell.
        windows: What is on the screen.
        view: How callers count pixels.
    """

    def __init__(
        self, touch: Touch, place: int, elements: Elements, windows: Windows, view: View
    ) -> None:
        self.touch = touch
        self.place = place
        self._elements = elements
        self._windows = windows
        self._view = view

    def is_a(self, kind: Input) -> bool:
        """Whether it is input of a kind: a Return on a button is a key and a click."""
        touch = self.touch
        if kind == touch.input:
            return True
        if kind == "type":
            return touch.input == "key" and len(touch.text) == 1
        return kind == "click" and self._may_press and self.presses

    @property
    def _may_press(self) -> bool:
        touch = self.touch
        if touch.input == "type":
            return bool({" ", "\n"} & set(touch.text))
        return touch.input == "key" and touch.text in _PRESSES

    @cached_property
    def presses(self) -> bool:
        """Whether keys press what has the focus."""
        return self._may_press and self._focus is not None and self._focus.role in BUTTONS

    @cached_property
    def at(self) -> Point | None:
        """Where: the point of a click, else the middle of what has the focus, if that is known."""
        if self.touch.at:
            return self._view.to_picture(self.touch.at)
        return self._focus and self._view.to_picture(self._focus.rect.centre)

    @cached_property
    def application(self) -> str:
        """The class of the window; empty when there is none."""
        return self._window[0]

    @cached_property
    def window(self) -> str:
        """Its title."""
        return self._window[1]

    @cached_property
    def roles(self) -> frozenset[str]:
        """What it is, and what holds it up to what can be used."""
        if self.touch.at is None:
            return frozenset({self._focus.role} if self._focus else ())
        return frozenset(node.role for node in self._pressed)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """What it says."""
        if self.touch.at is None:
            focus = self._focus
            named = focus is not None and focus.name
            return (Label(focus.name, focus.role in BUTTONS),) if focus and named else ()
        button = any(node.role in BUTTONS for node in self._pressed)
        said = dict.fromkeys(node.name for node in self._pressed if node.name)
        return tuple(Label(one, button) for one in said)

    @cached_property
    def url(self) -> str:
        """The address of the page; empty when it is none."""
        if self.touch.at is not None:
            return self._elements.url(self._under[-1]) if self._under else ""
        return self._elements.url(self._elements.node(self._focus)) if self._focus else ""

    @cached_property
    def _under(self) -> list[Node]:
        assert self.touch.at
        return self._elements.touched(self.touch.at)

    @cached_property
    def _pressed(self) -> list[Node]:
        """What is under the pointer, up to what can be pressed or the page itself."""
        found: list[Node] = []
        for node in self._under:
            if node.role.startswith("document"):
                break
            found.append(node)
            if node.role in BUTTONS or node.role in ("entry", "password text"):
                break
        return found

    @cached_property
    def _focus(self) -> Element | None:
        focus = self._elements.focus(sure=True)
        if not self.touch.moved:
            return focus
        since = began = time.monotonic()
        while (now := time.monotonic()) - since < _RESTS and now - began < _RESTS_WITHIN:
            time.sleep(_LOOKED_AGAIN)
            last, focus = focus, self._elements.focus(sure=True)
            if (last and last.ref) != (focus and focus.ref):
                since = now
        return focus

    @cached_property
    def _window(self) -> tuple[str, str]:
        at = self.touch.at
        if at is not None:
            layer = next((one for one in self._windows.layers() if one.outer.holds(at)), None)
            if layer and not layer.popup:
                return layer.application, layer.title
        active = self._windows.active()  # a menu belongs to the window it was opened from
        return (active.application, active.title) if active else ("", "")

"""What is about to be touched, for whoever has to permit it: found out only as far as they ask.

A touch is told right before it is sent, and what is under the pointer or has the keyboard focus is
read then. Rectangles and points are pixels of the full screenshot.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..accessibility.atspi.nodes import Node
from ..accessibility.element import Element, Touched
from ..accessibility.elements import Elements
from ..geometry import Point, Rect, View
from ..x11.windows import Layer, Windows
from .accelerators import DELETING, EDITING, is_shortcut, is_typing, shortcuts

Input = Literal["click", "type", "key", "submit"]

# What a Return or a space presses, and of what a label may be any part.
BUTTONS = {
    "button", "toggle button", "push button menu", "link", "menu", "menu item", "check menu item",
    "radio menu item", "page tab", "check box", "radio button", "switch", "icon", "image map",
}  # fmt: skip
_ITEMS = {"menu item", "check menu item", "radio menu item"}
# Lists of files, mails, songs: what has the focus there is deleted by a key.
_LISTS = {
    "icon", "desktop icon", "layered pane", "list", "list item", "list box", "table",
    "table cell", "table row", "tree", "tree table", "tree item", "directory pane",
}  # fmt: skip
_RETURNS = {"return", "kp_enter", "ctrl+return", "ctrl+kp_enter"}
_PRESSES = {"return", "kp_enter", "space"}
_UNTOLD = {"canvas", "terminal", "drawing area"}  # what is drawn in them has no names
_DOCUMENTS = {"document web", "document frame", "frame", "window", "application"}
_ACCESS = re.compile(r"alt(\+shift)?\+.")  # as `combination` tells it
_BINDING = re.compile(r"(<Alt>|<Mod1>|<Shift>|Alt\+|Shift\+)*.", re.IGNORECASE)
_RESTS, _RESTS_WITHIN = 0.1, 0.5  # seconds the focus stays with one thing once it has moved
_LOOKED_AGAIN = 0.02
# Pixels around a field that is in no form, in which a button is taken for the one that sends it.
# A choice: chats have it beside the field or below, and shops have their next product further off.
_NEAR_ACROSS, _NEAR_BELOW = 240, 120


@dataclass(frozen=True, slots=True)
class PendingInput:
    """Input that is about to be sent.

    Args:
        input: A button pressed or let go elsewhere, text typed, or a key or combination.
        text: What is typed, or the key's name; a click has none.
        at: Where a button is pressed, in pixels of the screen.
        moved: Whether keys before it, such as Tab, may have moved the focus a moment ago.
        typed: For a key, the text it enters: its character, or what is pasted by it.
    """

    input: Literal["click", "type", "key"]
    text: str = ""
    at: Point | None = None
    moved: bool = False
    typed: str = ""

    @property
    def entered(self) -> str:
        """The text that gets into a field by it."""
        return self.text if self.input == "type" else self.typed


@dataclass(frozen=True, slots=True)
class Label:
    """What something says."""

    text: str
    button: bool
    """Whether it is on something to press; text that stands by itself may be prose."""


Permit = Callable[["InputContext"], None]
"""Returns when a touch may be sent, and raises NotAllowed when not. A situation raises `Slow` where
a program does not answer what is asked for."""


class InputContext:
    """A touch and where it lands. Each thing is found out when it is first asked for.

    Where a program tells what it shows and yet it is not certain what a touch reaches, labels and
    roles are of all that it may be, and `doubt` says why.

    Args:
        touch: What is about to be sent.
        place: Which of the turn's actions it is part of.
        elements: What programs tell.
        windows: What is on the screen.
        view: How callers count pixels.
    """

    def __init__(
        self, touch: PendingInput, place: int, elements: Elements, windows: Windows, view: View
    ) -> None:
        self.touch = touch
        self.place = place
        self.doubt = ""
        """Why it is not certain what it reaches, of what was asked for until now."""
        self._elements = elements
        self._windows = windows
        self._view = view

    def is_a(self, kind: Input) -> bool:
        """Whether it is input of a kind: a Return on a button is a key and a click."""
        touch = self.touch
        match kind:
            case "type":
                return touch.input == "type" or bool(touch.typed)
            case "click":
                if touch.input == "click" or self.presses:
                    return True
                return bool(self._submitted or self._reached)
            case "submit":
                return self._may_submit and not self._on_button
            case "key":
                return touch.input == "key"

    @property
    def _may_press(self) -> bool:
        touch = self.touch
        if touch.input == "type":
            return bool({" ", "\n"} & set(touch.text))
        return touch.input == "key" and touch.text in _PRESSES

    @property
    def _may_submit(self) -> bool:
        touch = self.touch
        if touch.input == "type":
            return touch.at is None and "\n" in touch.text
        return touch.input == "key" and touch.text in _RETURNS

    @cached_property
    def presses(self) -> bool:
        """Whether keys press what has the focus, or may."""
        return self._may_press and any(one.role in BUTTONS for one in self._focused)

    @property
    def _on_button(self) -> bool:
        return any(one.role in BUTTONS for one in self._focused)

    @cached_property
    def unreadable(self) -> bool:
        """Whether a click goes to a menu that its program, which tells other things, tells not."""
        return self.touch.at is not None and bool(self._touched.doubt) and not self._under

    @cached_property
    def at(self) -> Point | None:
        """Where: the point of a click, else the middle of what has the focus, if that is known."""
        if self.touch.at:
            return self._view.to_picture(self.touch.at)
        focus = next(iter(self._focused), None)
        return focus and self._view.to_picture(focus.rect.centre)

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
            submitted = {"button"} if self._submitted or self._reached else set[str]()
            return frozenset({one.role for one in self._focused} | submitted)
        return frozenset(node.role for chain in self._pressed for node in chain)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """What it says: what is clicked, or what a Return presses, or what has the focus."""
        if self.touch.at is None:
            if pressed := self._submitted or self._reached:
                return tuple(Label(one, True) for one in pressed)
            return tuple(Label(one.name, one.role in BUTTONS) for one in self._focused if one.name)
        found: dict[Label, None] = {}
        for chain in self._pressed:
            if self._only_opens(chain):
                continue
            button = any(node.role in BUTTONS for node in chain)
            found |= dict.fromkeys(Label(node.name, button) for node in chain if node.name)
        return tuple(found)

    def _only_opens(self, chain: Sequence[Node]) -> bool:
        """Whether a press only opens a menu of the program's own, such as "Send" of a menu bar."""
        on_page = any(node.role.startswith("document") for node in self._under)
        return bool(chain) and chain[-1].role == "menu" and not on_page

    def beside(self) -> list[str]:
        """Return what else can be pressed in the program's own window; nothing for a page."""
        if self.touch.at is None:
            on_page = bool(self.url)
        else:
            on_page = any(node.role.startswith("document") for node in self._under)
        layer = self._layer or self._active_layer
        if on_page or layer is None:
            return []
        groups = [one for one in self._elements.read() if one.layer.pid == layer.pid]
        shown = [one for group in groups for one in group.elements]
        return [one.name for one in shown if one.role in BUTTONS]

    @cached_property
    def field(self) -> str:
        """The name of what has the focus; empty when it is not certain or has none."""
        return self._focused[0].name if len(self._focused) == 1 else ""

    @cached_property
    def form(self) -> tuple[tuple[str, str], ...]:
        """Role and name of each field in the form that is sent by this; none when it sends none."""
        if self.touch.at is None:
            nodes = self._form if self._submitted or self.presses else None
        else:
            chain = self._pressed[0]
            if not chain or chain[-1].role != "button":
                return ()
            if not any(one.role == "form" for one in self._under):
                return ()
            nodes = self._elements.form(chain[-1])
        return tuple((one.role, one.name) for one in nodes or () if one.role != "button")

    @cached_property
    def url(self) -> str:
        """The address of the page; empty when it is none."""
        if self.touch.at is not None:
            return self._elements.url(self._under[-1]) if self._under else ""
        focus = next(iter(self._focused), None)
        return self._elements.url(self._elements.node(focus)) if focus else ""

    @property
    def unseen(self) -> Layer | None:
        """The window whose texts are unknown, if that was found out while this was judged.

        None costs nothing: what no rule has asked for is not found out for this.
        """
        found = self.__dict__  # of cached properties: what has been asked for
        if self.touch.at is not None:
            if "_touched" not in found or self._touched.doubt:
                return None
            roles = [node.role for node in self._under]
        elif "_focused" not in found or (not self._focused and self._active):
            return None
        else:
            roles = [one.role for one in self._focused]
        return None if roles and roles[0] not in _UNTOLD else self._layer

    @cached_property
    def _layers(self) -> Sequence[Layer]:
        """What is on the screen while this is judged."""
        return self._windows.layers()

    @property
    def _active_layer(self) -> Layer | None:
        return next((one for one in self._layers if one.active), None)

    @property
    def _layer(self) -> Layer | None:
        """The program's own window that it goes to; None for a panel or a frame."""
        at = self.touch.at
        for one in self._layers:
            if (one.outer.holds(at) if at else one.active) and not one.popup:
                return one if not one.dock and (at is None or one.inner.holds(at)) else None
        return None

    @cached_property
    def _touched(self) -> Touched:
        assert self.touch.at
        found = self._elements.touching(self.touch.at, self._layers)
        self.doubt = found.doubt
        return found

    @cached_property
    def _under(self) -> list[Node]:
        return next((chain for chain in self._touched.chains if chain), list[Node]())

    @cached_property
    def _pressed(self) -> list[list[Node]]:
        """What is under the pointer, up to what can be pressed or the page itself."""
        return [_up_to_button(chain) for chain in self._touched.chains]

    @cached_property
    def _active(self) -> list[Element]:
        return self._elements.active()

    @cached_property
    def _menu_open(self) -> bool:
        active = self._active_layer
        return bool(active) and any(one.popup and one.pid == active.pid for one in self._layers)

    @cached_property
    def _form(self) -> list[Node] | None:
        known = [one for one in self._focused if one.role not in _DOCUMENTS]
        return self._elements.form(self._elements.node(known[0])) if len(known) == 1 else None

    @cached_property
    def _submitted(self) -> tuple[str, ...]:
        """Names of the buttons that a Return in a field presses, or may press."""
        if not self._may_submit or self._on_button:
            return ()
        if any(one.role in ("terminal", "document web") for one in self._focused):
            return ()
        form = self._form
        if form is not None:
            buttons = [one for one in form if one.role == "button"]
            chosen = [one for one in buttons if "is default" in one.states] or buttons
            if len(chosen) > 1:
                self.doubt = "its form has several buttons"
            return tuple(dict.fromkeys(one.name for one in chosen if one.name))
        shown = [one for one in self._active if one.role == "button" and one.name]
        # Of a page, the default is that of a form, in which this is not.
        chosen = [] if self.url else [one for one in shown if "is default" in one.states]
        for field in self._focused:
            chosen += [one for one in shown if _near(field.rect, one.rect)]
        if chosen:
            self.doubt = "its program does not tell which button a Return presses"
        return tuple(dict.fromkeys(one.name for one in chosen))

    @cached_property
    def _reached(self) -> tuple[str, ...]:
        """Names of what keys press without the focus: by a shortcut, or in an open menu."""
        if self.touch.input == "click" or not self.touch.text:
            return ()
        shortcut = self._shortcut if self.touch.input == "key" else ()
        return tuple(dict.fromkeys((*self._mnemonic, *shortcut)))

    @property
    def _letters(self) -> str:
        """The characters that go to an open menu, each of which may press an item."""
        if not self._menu_open:
            return ""
        text = self.touch.text
        return self.touch.entered or (text if len(text) == 1 else "")

    @property
    def _mnemonic(self) -> tuple[str, ...]:
        """Names of what an access key presses, and a letter in an open menu."""
        letters, text = self._letters, self.touch.text
        if not letters and not (self.touch.input == "key" and _ACCESS.fullmatch(text)):
            return ()
        roles = _ITEMS if letters else BUTTONS
        shown = [one for one in self._active if one.role in roles and one.name]
        pressed = {*(letters or text[-1]).casefold()}
        found: dict[str, None] = {}
        for one, keys in zip(shown, self._elements.bindings(shown), strict=True):
            name = one.name.casefold()
            if _untold(keys) and pressed & {*name}:
                self.doubt = "its program does not tell its access keys"
                found[one.name] = None
            elif pressed & _access_keys(keys or "") or (
                letters and not keys and name[0] in pressed
            ):
                found[one.name] = None
        return tuple(found)

    @property
    def _shortcut(self) -> tuple[str, ...]:
        """Names of the commands that a key presses from anywhere, whether their menu is open."""
        pressed = self.touch.text.casefold()
        if not is_shortcut(pressed):
            return ()
        pid = self._active_layer.pid if self._active_layer else 0
        found = self._elements.commands(pid, lambda keys: pressed in shortcuts(keys)) if pid else []
        if found and (pressed in EDITING or self.touch.typed) and self._in_text:
            lines = all("multi line" in one.states for one in self._focused)
            found = [one for one in found if not is_typing(one.name, one.keys, lines=lines)]
            return tuple(one.name for one in found)
        if found:
            return tuple(one.name for one in found)
        if pressed in DELETING and self._in_list:
            self.doubt = self.doubt or "its program does not tell what its keys do"
            return ("Delete",)
        return ()

    @property
    def _in_text(self) -> bool:
        return bool(self._focused) and all(one.field for one in self._focused)

    @property
    def _in_list(self) -> bool:
        """Whether the focus is, or may be, in a list of things such as files or mails."""
        listed = [one for one in self._focused if one.role in _LISTS and not one.field]
        return bool(listed) and not any(self._elements.in_sheet(one) for one in listed)

    @cached_property
    def _focused(self) -> list[Element]:
        """What has the focus; all that may have it where a program does not tell it apart."""
        if self._menu_open:
            items = [one for one in self._active if one.role in _ITEMS]
            chosen = [one for one in items if {"selected", "focused"} & one.states]
            if items and not chosen:
                self.doubt = "its program does not tell which item of the menu has the focus"
            if items:
                return chosen or items
        focus = self._focus
        if focus is not None:
            return [focus]
        # It may be in anything that takes it. A program that shows nothing of the kind, such as a
        # game, has nothing to fear for; one that tells nothing has nothing here either.
        possible = [one for one in self._active if one.field or one.role in BUTTONS]
        if possible:
            self.doubt = "its program does not tell what has the keyboard focus"
        return possible

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
            layer = next((one for one in self._layers if one.outer.holds(at)), None)
            if layer and not layer.popup:
                return layer.application, layer.title
        active = self._windows.active()  # a menu belongs to the window it was opened from
        return (active.application, active.title) if active else ("", "")


def _access_keys(told: str) -> set[str]:
    """The characters that, with Alt or in an open menu, press what has these key bindings.

    GTK tells "p;<Alt>f:p;<Primary>q" (in its menu, from anywhere, by a shortcut of its own), Qt
    "Alt+P", Chromium "p".
    """
    keys = told.replace(";", ",").replace(":", ",").split(",")
    return {key.strip()[-1].casefold() for key in keys if _BINDING.fullmatch(key.strip())}


def _untold(keys: str | None) -> bool:
    """Whether something may have an access key that is not among what it tells.

    GTK 4 tells nothing. Qt tells a shortcut in place of it. GTK 3 and LibreOffice tell both, with
    ";" between them.
    """
    return keys is None or bool(keys and ";" not in keys and not _access_keys(keys))


def _up_to_button(chain: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for node in chain:
        if node.role.startswith("document"):
            break
        found.append(node)
        if node.role in BUTTONS or node.role in ("entry", "password text"):
            break
    return found


def _near(field: Rect, button: Rect) -> bool:
    """Whether a button is beside a field or a little below it."""
    across = max(field.x - button.right, button.x - field.right)
    below = button.y - field.bottom
    return across <= _NEAR_ACROSS and button.bottom > field.y and below <= _NEAR_BELOW

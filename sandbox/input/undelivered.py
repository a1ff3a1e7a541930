"""Says when input may not have reached what it was meant for: a grab, or a program that hangs."""

from collections.abc import Sequence

from ..geometry import Point
from ..x11.damage import Grabs
from ..x11.windows import Layer

_POINTER = (
    "an open menu or another program had grabbed the pointer: the click went to it and may not "
    "have reached what is at its point"
)
_KEYBOARD = (
    "a program has grabbed the keyboard: unless it is the active window's, the keys went to it and "
    "not to that"
)


def taken(grabs: Grabs, layers: Sequence[Layer], pressed: Sequence[Point], *, keys: bool) -> str:
    """What to say of an action that was done while a program had input devices to itself.

    Nothing can tell whose a grab is. A menu has one while it is open, and is what is meant then; a
    full-screen program may have one of its own window.

    Args:
        grabs: Which, right before the action.
        layers: What was on the screen then, the topmost first.
        pressed: Where buttons were pressed, on the screen.
        keys: Whether keys were.

    Returns:
        A sentence; empty if all went where it was meant to go.
    """
    menus = any(layer.popup for layer in layers)
    if grabs.pointer and any(_beside(layers, point, menus=menus) for point in pressed):
        return _POINTER
    if grabs.keyboard and keys and not menus and not any(map(_whole, layers)):
        return _KEYBOARD
    return ""


def silent(title: str) -> str:
    """What to say of a window that has not handled the input."""
    return (
        f"the window {title!r} has not handled this: its program is busy, stopped or hangs. It may "
        "still take it later; wait_for(event=still), or close the window"
    )


def _beside(layers: Sequence[Layer], point: Point, *, menus: bool) -> bool:
    """Whether a point is neither in a menu nor, without one, in the active window."""
    top = next((layer for layer in layers if layer.outer.holds(point)), None)
    return not (top and (top.popup or (top.active and not menus)))


def _whole(layer: Layer) -> bool:
    """Whether an active window has all of the screen, without a frame: it is full-screen."""
    return layer.active and layer.outer == layer.inner and layer.outer.x == layer.outer.y == 0

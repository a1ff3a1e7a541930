"""The tools that act, as Anthropic's computer toolset names them (computer_toolset_20260801).

One function, one tool: its arguments are the tool's, its docstring is what the model reads, and it
returns what the desktop is to do. `actions` does several of them in one turn.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from gloveport.sandbox import actions, geometry
from gloveport.sandbox.actions import Action
from gloveport.sandbox.errors import BadText
from gloveport.sandbox.secrets.store import SecretStore

from ..control.call import Result
from .invocation import Invocation
from .schema import Point, Whole, about, optional

At = Annotated[Point, optional("[x, y] in the last screenshot; default: pointer.")]
To = Annotated[Point, about("[x, y] in the last screenshot.")]
Held = Annotated[str, optional('Held modifiers: "ctrl+shift".')]
Modifiers = Annotated[str, optional('To hold: "ctrl+shift".')]
Attached = Literal["auto", "always", "never", "changed", "text"]
"""What goes with the facts of an answer: a picture as of `Show`, or what the screen says that this
caller was not told yet, as text."""
Screenshot = Annotated[Attached, optional("auto: if new.")]
Expect = Annotated[str, optional("Only if this text or role is there.")]
Target = Annotated[str, about('A ref from read_screen or find ("e12"), or its exact text.')]
NOWHERE: Any = []  # the default of an optional point: a plain type, never null (see schema.py)


def left_click(coordinate: At = NOWHERE, text: Held = "", expect: Expect = "") -> Action:
    """Click the left button at a point; for an element with a ref or text use click_element."""
    return actions.Click(_point(coordinate), held=text, expect=expect)


def right_click(coordinate: At = NOWHERE, text: Held = "", expect: Expect = "") -> Action:
    """Click the right button."""
    return actions.Click(_point(coordinate), "right", held=text, expect=expect)


def middle_click(coordinate: At = NOWHERE, text: Held = "", expect: Expect = "") -> Action:
    """Click the middle button."""
    return actions.Click(_point(coordinate), "middle", held=text, expect=expect)


def double_click(coordinate: At = NOWHERE, text: Held = "", expect: Expect = "") -> Action:
    """Double-click the left button."""
    return actions.Click(_point(coordinate), times=2, held=text, expect=expect)


def triple_click(coordinate: At = NOWHERE, text: Held = "", expect: Expect = "") -> Action:
    """Triple-click the left button; selects a line or paragraph in most programs."""
    return actions.Click(_point(coordinate), times=3, held=text, expect=expect)


def click_element(
    target: Target,
    button: Annotated[Literal["left", "middle", "right"], optional("Which button.")] = "left",
    clicks: Annotated[Whole, optional("How many times, 1 to 3.", ge=1, le=3)] = 1,
    modifiers: Modifiers = "",
) -> Action:
    """Click an element by ref or text, wherever it is now, or a menu path ("File > Save As").
    Refused if it is gone, covered or ambiguous."""
    return actions.ClickElement(target, button, clicks, modifiers)


def set_value(
    target: Target,
    value: Annotated[str, about("A field's text, on or off, a number, or a choice's name.")],
) -> Action:
    """Set a field, check box, slider or combo box to a value; the result is checked."""
    return actions.SetValue(target, value)


def left_click_drag(start_coordinate: To, coordinate: To, text: Held = "") -> Action:
    """Drag with the left button from start_coordinate to coordinate."""
    return actions.Drag([_exactly(start_coordinate), _exactly(coordinate)], held=text)


def left_mouse_down() -> Action:
    """Press the left button and hold it until left_mouse_up (60 s at most)."""
    return actions.ButtonDown()


def left_mouse_up() -> Action:
    """Release the left button."""
    return actions.ButtonUp()


def mouse_move(coordinate: To) -> Action:
    """Move the pointer without clicking, to hover."""
    return actions.Move(_exactly(coordinate))


def scroll(
    scroll_direction: Annotated[
        Literal["up", "down", "left", "right"], about("Which way to scroll.")
    ],
    scroll_amount: Annotated[Whole, about("Wheel notches, 1 to 100; usually 3 to 5.")],
    coordinate: At = NOWHERE,
    text: Held = "",
) -> Action:
    """Turn the mouse wheel."""
    return actions.Scroll(scroll_direction, scroll_amount, _point(coordinate), text)


def typing(vault: SecretStore) -> "Build":
    """The tool `type`, which knows the secrets by name."""

    def type_text(
        text: Annotated[str, optional("Any Unicode, up to 100,000 characters.")] = "",
        into: Annotated[
            str, optional("Field to click first, by ref or text; default: keyboard focus.")
        ] = "",
        secret: Annotated[str, optional("Name of a secret to type instead.")] = "",
    ) -> Action:
        """Type text exactly as given: any language, accents, emoji. It is read back: "typed" is
        "verified" or says why not. A newline presses Return and a tab Tab, which may submit or move
        on."""
        if text and secret:
            raise BadText("Give text or the name of a secret, not both. Nothing was typed.")
        return actions.TypeSecret(vault, secret, into) if secret else actions.Type(text, into)

    return type_text


def key(
    text: Annotated[
        str,
        about('Such as "Return", "ctrl+s", "alt+Tab"; several: "Tab Tab".'),
    ],
    repeat: Annotated[Whole, optional("How many times, 1 to 100.")] = 1,
) -> Action:
    """Press keys or combinations. Names are case-insensitive: Return, Escape, Page_Down, F5."""
    return actions.Press(text, repeat)


def hold_key(
    text: Annotated[str, about("A key or combination, as for key.")],
    duration: Annotated[float, about("Seconds, at most 30.")],
) -> Action:
    """Hold a key or combination for some seconds."""
    return actions.Hold(text, duration)


def wait(duration: Annotated[float, about("Seconds, at most 30.")]) -> Action:
    """Let time pass. To wait for something, use wait_for."""
    return actions.Wait(duration)


def key_down(text: Annotated[str, about("A key or combination, as for key.")]) -> Action:
    """Press a key and keep it down until key_up (60 s at most)."""
    return actions.KeyDown(text)


def key_up(text: Annotated[str, about("A key or combination, as for key.")]) -> Action:
    """Release a key."""
    return actions.KeyUp(text)


AnyButton = Annotated[
    Literal["left", "middle", "right", "back", "forward"], optional("Which button.")
]


def click(
    button: AnyButton = "left",
    coordinate: At = NOWHERE,
    times: Annotated[Whole, optional("How many times, 1 to 3.", ge=1, le=3)] = 1,
    modifiers: Modifiers = "",
) -> Action:
    """Click any button, back and forward included."""
    return actions.Click(_point(coordinate), button, times, modifiers)


def button_down(button: AnyButton = "left") -> Action:
    """Press any button and keep it down until button_up (60 s at most)."""
    return actions.ButtonDown(button)


def button_up(button: AnyButton = "left") -> Action:
    """Release a button."""
    return actions.ButtonUp(button)


def drag(
    path: Annotated[list[Point], about("Points [x, y]: where to press, pass, and release.")],
    button: AnyButton = "left",
    modifiers: Modifiers = "",
) -> Action:
    """Drag through several points with any button."""
    return actions.Drag([_exactly(point) for point in path], button, modifiers)


Build = Callable[..., Action]
NAMED: dict[str, Build] = {
    build.__name__: build
    for build in (
        left_click, right_click, middle_click, double_click, triple_click, left_click_drag,
        left_mouse_down, left_mouse_up, mouse_move, scroll, key, hold_key, wait, click_element,
    )
} | {"type": typing(SecretStore()), "set": set_value}  # fmt: skip
LOW_LEVEL: dict[str, Build] = {
    build.__name__: build for build in (key_down, key_up, click, button_down, button_up, drag)
}


STAYING = frozenset({"mouse_move", "scroll", "wait"})
"""Those that destroy nothing."""


Act = Callable[[Invocation, Action, Attached], Awaitable[Result]]


def acting(name: str, build: Build, act: Act) -> Callable[..., Awaitable[Result]]:
    """The tool a function describes: its parameters, and whether to attach a screenshot."""

    async def run(on: Invocation, *, screenshot: Attached = "auto", **arguments: Any) -> Result:
        return await act(on, build(**arguments), screenshot)

    signature = inspect.signature(build)
    shown = inspect.Parameter(
        "screenshot", inspect.Parameter.KEYWORD_ONLY, default="auto", annotation=Screenshot
    )
    run.__name__ = name
    run.__doc__ = build.__doc__
    run.__annotations__ = {"return": Result}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # read by inspect
        [*signature.parameters.values(), shown], return_annotation=Result
    )
    return run


def _point(coordinate: list[int]) -> geometry.Point | None:
    return _exactly(coordinate) if coordinate else None


def _exactly(coordinate: list[int]) -> geometry.Point:
    if not coordinate:
        raise BadText("A point is missing; give it as [x, y] in pixels of the last screenshot.")
    x, y = coordinate
    return geometry.Point(x, y)

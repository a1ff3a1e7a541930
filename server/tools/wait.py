"""What can be waited for on a desktop, by the names that `wait_for` gives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import BadText
from gloveport.sandbox.frames import Frame, Show

OnScreen = Literal[
    "still", "change", "window", "window_gone", "text", "text_gone", "element", "enabled"
]


@dataclass(frozen=True, slots=True)
class Awaited:
    """What came of waiting."""

    frame: Frame
    happened: bool | None
    """None for the screen at rest: the frame tells how it ended."""
    seen: Element | None = None
    """What was waited for, or is still there."""
    looked: bool = False
    """Whether it was looked for in what programs tell, which not all do."""


def check(event: str, text: str, role: str, region: Sequence[int] = ()) -> None:
    """Check that it is said what to wait for.

    Raises:
        BadText: It is not.
    """
    if region and event != "change":
        raise BadText(f"wait_for watches a region for change alone, not for {event}; leave it out.")
    if event in ("still", "change", "control"):
        return
    if not text.strip() and not (role.strip() and event in ("element", "enabled")):
        raise BadText(f'To wait for {event}, say what for as "text".')


async def awaited(
    desktop: Desktop,
    event: OnScreen,
    text: str = "",
    role: str = "",
    region: Sequence[int] = (),
    seconds: float = 10,
    *,
    show: Show = "auto",
    seen: int = 0,
) -> Awaited:
    """Wait until something happens on the screen; others have their turns meanwhile.

    Raises:
        BadText: It is not said what to wait for.
    """
    check(event, text, role, region)
    match event:
        case "still":
            return Awaited(await desktop.wait_until_still(seconds, show=show, seen=seen), None)
        case "change":
            happened, frame = await desktop.wait_until_changed(
                seconds, region, show=show, seen=seen
            )
            return Awaited(frame, happened)
        case "window" | "window_gone":
            happened, frame = await desktop.wait_for_window(
                text, seconds, gone=event == "window_gone", show=show, seen=seen
            )
            return Awaited(frame, happened)
        case _:
            gone, state = event == "text_gone", "sensitive" if event == "enabled" else ""
            found, frame = await desktop.wait_until_shown(
                text, seconds, role=role, state=state, gone=gone, pixels="text" in event,
                show=show, seen=seen,
            )  # fmt: skip
            return Awaited(frame, (found is None) is gone, found, looked=True)

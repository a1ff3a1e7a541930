"""What a desktop answers with: a frame of its screen, and what came of an action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .accessibility.element import Element
from .geometry import Point, Rect, View
from .imaging.image import Picture
from .screen.settle import End

Show = Literal["auto", "always", "never", "changed"]
"""What picture a frame carries: the screen if it looks new to the caller, always, or never; or only
the part that changed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The desktop after a turn. Points and rectangles are pixels of the full screenshot."""

    number: int
    look: int
    """Stays the same as long as the screen looks the same."""
    view: View
    cursor: Point
    window: str
    """Title of the window with the focus; empty when none has."""
    picture: Picture | None = None
    changed: Rect | None = None
    meanwhile: Rect | None = None
    """What changed between the last answer and this action, by itself or by somebody else."""
    end: End | None = None
    """What ended the wait; None when nothing was waited for."""
    first_change_ms: int | None = None
    settle_ms: int | None = None
    loading: int = 0
    """How many requests of programs were still in flight when the wait ended by its deadline."""
    stale: bool = False
    """Whether what was pressed had changed since the answer that its place was taken from."""
    warning: str = ""
    """Why the input may not have reached what it was meant for."""
    told: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the action itself tells, such as whether text was read back as it was typed."""
    focus: Element | None = None
    """What has the keyboard focus after an action, if a program tells."""
    notices: tuple[str, ...] = ()
    """What programs were kept from since the last frame."""
    part: Rect | None = None
    """Which part of the full screenshot the picture is, if not the whole."""

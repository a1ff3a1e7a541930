"""What a wait looks for, one look a turn: others have their turns between two looks.

Each function makes a look of its own, which keeps what it saw before. A look tells what it has
found, or None to go on; told that it is the last, it tells what it can.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from .accessibility.element import Element
from .errors import Ambiguous, NoSuchElement
from .frame_builder import FrameBuilder
from .frames import Frame, Show
from .geometry import Rect
from .imaging.image import Pixels
from .runtime import Runtime
from .screen.capture import Seen
from .screen.settle import End, Patience, Settling

T = TypeVar("T")
Look = Callable[[Runtime, bool], T | None]

_PIXELS_AFTER = 1.0  # seconds a program has to tell of a text before its pixels are read
_GLANCE = Patience(first=0.06, quiet=0.06, busy=0.3, deadline=0.3)  # whether anything is at work
_AT_ONCE = Patience(first=0.0, quiet=0.0)


def picked(
    frames: FrameBuilder, named: str, role: str, nth: int, fits: Callable[[Element], bool]
) -> Look[Element]:
    """Look for the one thing of a text, a role or both, or for the nth of several."""

    def look(parts: Runtime, last: bool) -> Element | None:
        try:
            found = parts.sight.pick(named, role, nth)
        except (NoSuchElement, Ambiguous):
            if last:
                raise
            return None
        shown = frames.shown(found)
        return shown if last or fits(shown) else None

    return look


def shown(
    frames: FrameBuilder,
    text: str,
    role: str,
    state: str,
    *,
    gone: bool,
    pixels: bool,
    show: Show,
    seen: int,
) -> Look[tuple[Element | None, Frame]]:
    """Look for something with this text, role and state, or until nothing is any more."""
    read, due = 0, time.monotonic() + (0 if gone else _PIXELS_AFTER)

    def look(parts: Runtime, last: bool) -> tuple[Element | None, Frame] | None:
        nonlocal read
        found = parts.sight.shows(text, role, state, pixels=False)
        parts.eyes.pixels()
        fresh = pixels and (gone or parts.eyes.look != read)
        if found is None and fresh and (last or time.monotonic() >= due):
            read = parts.eyes.look
            found = parts.sight.shows(text, role, state, pixels=True)
        if (found is None) is gone or last:
            return found and frames.shown(found), frames.now(parts, show, seen)
        return None

    return look


def still(frames: FrameBuilder, seconds: float, show: Show, seen: int) -> Look[Frame]:
    """Look whether nothing is painted any more and no program is at work."""
    start = time.monotonic()
    settling = Settling(Patience(first=0.3, deadline=seconds), start)
    watched, before, meanwhile = -1, None, None

    def look(parts: Runtime, last: bool) -> Frame | None:
        nonlocal watched, before, meanwhile
        if before is None:
            watched, before = parts.watcher.count, parts.eyes.pixels()
            meanwhile = parts.eyes.meanwhile()
        for when, rect in parts.watcher.since(watched):
            settling.painted(when, rect)
            watched += 1
        due, end = settling.end()
        if not last and time.monotonic() < due:
            return None
        if not last and end in (End.STILL, End.UNCHANGED):
            rest = parts.eyes.during(lambda: None, _GLANCE, afresh=True)
            if rest.end not in (End.STILL, End.UNCHANGED):
                settling.hold(time.monotonic() + _GLANCE.quiet)
                return None
        changed = parts.eyes.change(before)
        quiet = End.UNCHANGED if changed is None else End.STILL
        found = Seen(
            changed,
            meanwhile,
            quiet if end in (End.STILL, End.UNCHANGED) else end,
            None if settling.first is None else settling.first - start,
            0.0 if settling.last is None else settling.last - start,
        )
        return frames.after(parts, found, show, seen)

    return look


def changed(
    frames: FrameBuilder, part: Rect | None, show: Show, seen: int
) -> Look[tuple[bool, Frame]]:
    """Look whether the screen, or a part of it, looks different."""
    before: Pixels | None = None

    def look(parts: Runtime, last: bool) -> tuple[bool, Frame] | None:
        nonlocal before
        before = parts.eyes.pixels() if before is None else before
        changed = parts.eyes.change(before, part) is not None
        return (changed, frames.now(parts, show, seen)) if changed or last else None

    return look


def window(
    frames: FrameBuilder, title: str, show: Show, seen: int, *, gone: bool
) -> Look[tuple[bool, Frame]]:
    """Look for a window with this text in its title, or until there is none."""
    wanted = title.casefold()

    def look(parts: Runtime, last: bool) -> tuple[bool, Frame] | None:
        there = any(wanted in one.title.casefold() for one in parts.windows.list())
        found = there is not gone
        return (found, frames.now(parts, show, seen)) if found or last else None

    return look


def passed(frames: FrameBuilder, show: Show, seen: int) -> Look[Frame]:
    """Look at the beginning and at the end of a time, and tell what has changed."""
    before: Pixels | None = None
    meanwhile: Rect | None = None

    def look(parts: Runtime, last: bool) -> Frame | None:
        nonlocal before, meanwhile
        if before is None:
            before, meanwhile = parts.eyes.pixels(), parts.eyes.meanwhile()
        if not last:
            return None
        now = parts.eyes.during(lambda: None, frames.patience(_AT_ONCE))
        changed = parts.eyes.change(before)
        end = End.STILL if changed and now.end is End.UNCHANGED else now.end
        return frames.after(parts, Seen(changed, meanwhile, end, None, now.settled), show, seen)

    return look

"""A desktop as far as it can be looked at and waited for; `desktop` adds what acts on it.

Every verb is a turn of its own. A wait takes one for each look, and others have theirs between.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Self, TypeVar

import anyio

from . import waits
from .accessibility.element import Element
from .acting import ActionTurn
from .checkpoints.history import CheckpointHistory
from .errors import BadRegion, DesktopClosed, LostBefore
from .frame_builder import FrameBuilder
from .frames import Frame, Show
from .geometry import Rect, View
from .imaging.image import Picture
from .lifecycle import Knowledge, Lifecycle
from .notices import Notices
from .options import DesktopOptions
from .runtime import Runtime
from .screen.locator import Found, Scene
from .screen.ranking import unreadable
from .turns import TurnQueue
from .undo import Undo
from .x11.keymap import Keymap

T = TypeVar("T")
_LOOKED_AGAIN, _PAINTED_AGAIN = 0.1, 0.01  # seconds between two looks of a wait


class ObservedDesktop:
    """What a running desktop shows, and when something on it happens."""

    def __init__(self, settings: DesktopOptions, keymap: Keymap) -> None:
        self.settings = settings
        self.view = View.fitting(settings.width, settings.height, settings.longest)
        self._turns = TurnQueue(settings.name)
        self._kept = CheckpointHistory()
        notices = Notices()
        self._life = Lifecycle(settings, keymap, self.view, self._turns, notices, self._kept)
        self._frames = FrameBuilder(settings, self.view, notices)
        self._undo = Undo(settings, self._life, self._frames, notices, self._kept)
        self._acting = ActionTurn(settings, self._frames, self._undo, notices)
        self._known: Knowledge | None = None

    def for_caller(self, known: Knowledge) -> Self:
        """The same desktop for one caller, who is told of the losses they do not know of."""
        desktop = copy.copy(self)  # all that changes is shared
        desktop._known = known
        return desktop

    async def look(self, *, show: Show = "always", seen: int = 0, marks: bool = False) -> Frame:
        """Take a screenshot of the desktop as it is now.

        Args:
            show: Whether the frame carries a picture.
            seen: The `look` of the last picture the caller has.
            marks: Draw a numbered box around all that can be used; the numbers are refs.
        """

        def turn(parts: Runtime) -> Frame:
            if not marks:
                return self._frames.now(parts, show, seen)
            scene = parts.sight.read(pixels=False)
            usable = [one for one in scene.elements if one.usable and not _empty_cell(one)]
            boxes = [
                (one.ref.lstrip("e"), self.view.region_to_picture(one.seen))
                for one in usable
                if one.seen
            ]
            budget, cursor = self.settings.budget, self.settings.cursor
            picture = parts.eyes.picture(self.view, budget, cursor=cursor, marks=boxes)
            frame = self._frames.now(parts, "never", seen)
            return replace(frame, picture=picture, told={"marks": len(boxes)})

        return await self._take(turn)

    async def read(self) -> tuple[Frame, Scene]:
        """All that can be seen, in words; rectangles and points are pixels of the screenshot."""

        def turn(parts: Runtime) -> tuple[Frame, Scene]:
            scene = parts.sight.read()
            groups = [
                replace(
                    group,
                    layer=replace(
                        group.layer,
                        inner=self.view.region_to_picture(group.layer.inner),
                        title=self._frames.clean(group.layer.title),
                        application=self._frames.clean(group.layer.application),
                    ),
                    elements=[self._frames.shown(one) for one in group.elements],
                )
                for group in scene.groups
            ]
            return self._frames.now(parts, "never", 0), replace(scene, groups=groups)

        return await self._take(turn)

    async def focus(self) -> Element | None:
        """What has the keyboard focus, if a program tells."""

        def turn(parts: Runtime) -> Element | None:
            focus = parts.sight.focus()
            return focus and self._frames.shown(focus)

        return await self._take(turn)

    async def find(self, text: str = "", role: str = "", most: int = 10) -> Found:
        """What has a text, a role or both: exact before near, visible before hidden."""

        def turn(parts: Runtime) -> Found:
            found = parts.sight.find(text, role, most)
            return replace(
                found,
                elements=[self._frames.shown(one) for one in found.elements],
                near=[self._frames.shown(one) for one in found.near],
                untold=[self._frames.clean(one) for one in found.untold],
            )

        return await self._take(turn)

    async def untold(self) -> list[str]:
        """Which windows do not tell what they show now, and why."""
        groups = await self._take(lambda parts: parts.sight.read(pixels=False).groups)
        return [self._frames.clean(one) for one in unreadable(groups)]

    async def pick(
        self,
        named: str,
        role: str,
        nth: int,
        seconds: float,
        fits: Callable[[Element], bool] = lambda element: True,
    ) -> Element:
        """Wait for the one thing of a text, a role or both, or for the nth of several.

        Returns:
            It; one that does not fit if none that does has come.

        Raises:
            NoSuchElement: There are none, or not so many, or none is shown.
            Ambiguous: Several are there, and none was chosen.
        """

        look = waits.picked(self._frames, named, role, nth, fits)
        return await self._looking(look, time.monotonic() + seconds)

    async def wait_until_shown(
        self,
        text: str,
        seconds: float,
        *,
        role: str = "",
        state: str = "",
        gone: bool = False,
        pixels: bool = False,
        show: Show = "auto",
        seen: int = 0,
    ) -> tuple[Element | None, Frame]:
        """Wait until something with this text, role and state is seen, or nothing is any more.

        With `pixels`, text that no program tells of is read off the pixels: once a second has
        passed without it, and again whenever they have changed, or at once to see that it is gone.

        Returns:
            What was seen last, None when nothing was; and the frame. Waiting was in vain if it is
            None, or with `gone` if it is not.
        """
        look = waits.shown(
            self._frames, text, role, state, gone=gone, pixels=pixels, show=show, seen=seen
        )
        return await self._looking(look, time.monotonic() + seconds)

    async def zoom(self, region: Sequence[int]) -> Frame:
        """Look at a part of the screen in as many pixels as a whole screenshot has.

        Args:
            region: x0, y0, x1, y1 in pixels of the full screenshot; the last two are outside.

        Raises:
            BadRegion: It is empty or reaches outside.
        """
        part = self.region(region)
        budget, within = self.settings.budget, self.view.picture

        def turn(parts: Runtime) -> Frame:
            picture = parts.eyes.zoom(self.view.region_to_screen(part), within, budget)
            return replace(self._frames.now(parts, "never", 0), picture=picture)

        return await self._take(turn)

    async def peek(self, region: Sequence[int] = (), longest: int = 0) -> Picture:
        """A picture for somebody who only watches: nothing that is told to callers changes by it.

        Args:
            region: As for `zoom`; empty: the whole screen.
            longest: Pixels of the longer side of a whole screen; 0: as a screenshot has.

        Raises:
            BadRegion: The region is empty or reaches outside.
        """
        part = self.region(region) if region else None
        budget, shown = self.settings.budget, self.view
        if longest:
            shown = View.fitting(shown.screen.width, shown.screen.height, longest)

        def turn(parts: Runtime) -> Picture:
            if part is None:
                return parts.eyes.picture(shown, budget, cursor=self.settings.cursor)
            return parts.eyes.part(shown, part, budget)

        return await self._take(turn)

    async def lossless(self) -> Picture:
        """The whole screen, pixel for pixel, in its own size."""
        return await self._take(lambda parts: parts.eyes.lossless())

    async def wait_until_still(
        self, seconds: float, *, show: Show = "auto", seen: int = 0
    ) -> Frame:
        """Wait until nothing is painted any more and no program is at work, or some seconds."""
        look = waits.still(self._frames, seconds, show, seen)
        return await self._looking(look, time.monotonic() + seconds)

    async def wait_until_changed(
        self,
        seconds: float,
        region: Sequence[int] | None = None,
        *,
        show: Show = "auto",
        seen: int = 0,
    ) -> tuple[bool, Frame]:
        """Wait until the screen, or a region of it, looks different; False when it did not."""
        part = self.view.region_to_screen(self.region(region)) if region else None
        look = waits.changed(self._frames, part, show, seen)
        return await self._looking(look, time.monotonic() + seconds)

    async def wait_for_window(
        self, title: str, seconds: float, *, gone: bool = False, show: Show = "auto", seen: int = 0
    ) -> tuple[bool, Frame]:
        """Wait until a window has this text in its title, or none has; False when in vain."""
        look = waits.window(self._frames, title, show, seen, gone=gone)
        return await self._looking(look, time.monotonic() + seconds)

    async def rest(self, seconds: float, *, show: Show = "auto", seen: int = 0) -> Frame:
        """Let time pass, and say what has changed meanwhile."""
        look = waits.passed(self._frames, show, seen)
        return await self._looking(look, time.monotonic() + seconds, ask=False)

    async def _looking(
        self, look: Callable[[Runtime, bool], T | None], until: float, *, ask: bool = True
    ) -> T:
        """Look until there is something to tell; others have their turns between two looks.

        Args:
            look: One look, in a turn of its own: tells what it has found, or None to go on. The
                second argument is true for the last look, which tells what it can.
            until: When to look for the last time, on the monotonic clock.
            ask: Whether to look between the first time and the last at all.

        Raises:
            Broken: The desktop or its connections were lost between two looks, and a call of
                somebody else was told: what was seen before is of a screen that is gone.
        """
        begun: Runtime | None = None
        while True:
            last, count = time.monotonic() >= until, self.painted

            def turn(parts: Runtime, last: bool = last) -> T | None:
                nonlocal begun
                begun = begun or parts
                if begun is not parts and self.loss:
                    raise LostBefore(self.loss)
                return look(parts, last)

            found = await self._take(turn)
            if found is not None:
                return found
            assert not last
            # Titles and the like change without painting, so look now and then anyway.
            again = min(until, time.monotonic() + _LOOKED_AGAIN) if ask else until
            while (left := again - time.monotonic()) > 0:
                await anyio.sleep(min(left, _PAINTED_AGAIN))
                if ask and self.painted != count:
                    break

    # Its state

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that is to join its own from outside.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._life.runtime is None:
            raise DesktopClosed
        return self._life.runtime.session.outside

    @property
    def walled(self) -> bool:
        """Whether walls separate it from this machine."""
        return self.settings.walls != "none"

    @property
    def loss(self) -> str:
        """How what callers saw was lost last; empty when nothing was."""
        return self._life.loss

    @property
    def losses(self) -> int:
        """How often it was lost."""
        return self._life.losses

    @property
    def painted(self) -> int:
        """A number that changes when anything is painted on the screen."""
        return self._life.runtime.watcher.count if self._life.runtime else 0

    @property
    def holding(self) -> bool:
        """Whether a key or button is held down from one turn to the next."""
        return self._life.runtime is not None and self._life.runtime.hands.holding

    async def let_go(self) -> None:
        """Release every key and button."""
        await self._take(lambda parts: parts.hands.release_all())

    async def start(self) -> None:
        await self._turns.take(self._life.start)

    async def close(self) -> None:
        """End every program of the desktop; what is asked of it afterwards is refused."""
        with suppress(DesktopClosed):
            await self._turns.take(self._life.stop)
        self._turns.close()
        await asyncio.to_thread(self._life.stream.close)

    async def _take(self, work: Callable[[Runtime], T], *, tells: bool = False) -> T:
        return await self._life.take(work, self._known, tells=tells)

    def region(self, region: Sequence[int]) -> Rect:
        """A region x0, y0, x1, y1 of the full screenshot; the last two are outside.

        Raises:
            BadRegion: It is empty or reaches outside.
        """
        whole = self.view.picture
        if len(region) == 4:
            left, top, right, bottom = region
            if 0 <= left < right <= whole.width and 0 <= top < bottom <= whole.height:
                return Rect(left, top, right - left, bottom - top)
        raise BadRegion(region, whole.width, whole.height)

    @property
    def runtime(self) -> Runtime:
        """The parts that run it now, for tests and for measuring; they take no turns.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._life.runtime is None:
            raise DesktopClosed
        return self._life.runtime


def _empty_cell(element: Element) -> bool:
    return element.role == "table cell" and element.text == ""

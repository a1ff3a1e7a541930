"""One desktop, seen and touched in turns.

Every verb is a single turn on the desktop's own thread: act, wait until the screen rests, look.
Turns come strictly in the order they were asked for, so no two callers can get between each
other's press and release. A turn that is cancelled lets go of what it held and ends within a
second; when the display dies, the turn says so and a fresh desktop takes its place.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

import anyio
from mss.exception import ScreenShotError
from Xlib import error

from .accessibility.element import Element
from .accessibility.tree import Slow
from .actions import (
    Action,
    ButtonUp,
    Click,
    ClickElement,
    Drag,
    Hold,
    KeyDown,
    Plan,
    Press,
    SetValue,
    Type,
    TypeSecret,
    Wait,
)
from .checkpoints import history
from .checkpoints.history import Checkpoint, CheckpointHistory, Restored
from .errors import (
    Ambiguous,
    BadRegion,
    BadText,
    Broken,
    Cancelled,
    CannotStart,
    ConnectionsLost,
    DesktopClosed,
    DesktopLost,
    Loss,
    LostBefore,
    NoAnswer,
    NoSuchElement,
    NoSuchWindow,
    NotDone,
    NotKept,
    NotRestarted,
    NotRolledBack,
    NotTold,
    NotTyped,
    NoUndo,
    OffScreen,
    ProgramFailed,
    RolledBack,
    SandboxError,
)
from .frames import Frame, Show
from .geometry import Point, Rect, View
from .home.files import Download, Encoding, Home, Listing, Put
from .imaging.image import Picture, Pixels, album
from .input.authorization import InputContext, PendingInput, Permit
from .input.undelivered import silent, taken
from .runtime import Runtime, Turn
from .screen.broadcast import Broadcast, Viewer
from .screen.capture import Seen
from .screen.locator import Found, Scene
from .screen.ranking import unreadable
from .screen.settle import End, Patience, Settling
from .secrets.store import SecretStore
from .session import desktop_entries
from .session.folder import sweep_folders
from .session.session import IsolationOptions, Remains, Session, start_session
from .x11 import windows
from .x11.damage import Grabs
from .x11.keymap import Keymap
from .x11.keysyms import sequence
from .x11.windows import Layer

logger = logging.getLogger(__name__)

T = TypeVar("T")
_Loss = TypeVar("_Loss", bound=Loss)


LONGEST_CLIPBOARD = 1_000_000  # characters
# A starting program shows an empty window first and goes on after a pause.
_STARTING = Patience(first=1.0, quiet=0.5, deadline=10.0)
# After an undo all windows are there when the wait begins; it goes on while a program computes.
_BACK = Patience(first=0.5, quiet=0.2, deadline=10.0)
_PIXELS_AFTER = 1.0  # seconds a program has to tell of a text before its pixels are read
_MOST_NOTICES = 20
_THUMBNAIL = 320  # pixels; the longer side
_BACK_WITHIN = 8.0  # seconds programs have to show their windows after an undo
_REVIVED_AGAIN = 60.0  # seconds
_TRIES = 3  # pictures taken until nothing is painted while the window and the focus are read
_KEYS = (Type, TypeSecret, Press, Hold, KeyDown, SetValue)  # actions that press keys
_AT_REST = (End.STILL, End.UNCHANGED)
_GLANCE = Patience(first=0.06, quiet=0.06, busy=0.3, deadline=0.3)  # whether anything is at work
_AT_ONCE = Patience(first=0.0, quiet=0.0)
_LOOKED_AGAIN, _PAINTED_AGAIN = 0.1, 0.01  # seconds between two looks of a wait
_LONGEST_TOLD = 300  # characters of what an action tells
_EDGE = 24  # pixels shown around what changed
_WINDOW_WITHIN = 12.0  # seconds a started program has to show a window
_HANDED_OVER_WITHIN = 5.0  # seconds for it to appear when the program had another one show it


@dataclass(frozen=True, slots=True)
class DesktopOptions:
    """What a desktop is like.

    Args:
        below: The folder its private folder is made in.
        name: Its name.
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
        longest: The longer side of a screenshot, in pixels; a larger screen is scaled down.
        budget: The most bytes a picture may have.
        cursor: Whether screenshots show the pointer.
        deadline: Seconds after which an action's wait ends, whatever still moves.
        walls: What separates it from this machine; `auto` takes the best there is and refuses to
            start without.
        enclosure: What it may do behind its walls; without them nothing is limited.
        vault: Secrets that may be typed by name.
    """

    below: Path
    name: str = "main"
    width: int = 1280
    height: int = 800
    longest: int = 1456
    budget: int = 500_000
    cursor: bool = False
    deadline: float = 3.0
    walls: Literal["auto", "bwrap", "none"] = "none"
    enclosure: IsolationOptions = field(default_factory=IsolationOptions)
    vault: SecretStore = field(default_factory=SecretStore)


@dataclass(slots=True)
class Knowledge:
    """What the caller of a turn knows of losses.

    Args:
        losses: How many they were told of; it grows when they are told in this turn.
        acts: Whether they may send input: what was meant for a lost desktop is not done.
    """

    losses: int
    acts: bool


knowledge: ContextVar[Knowledge | None] = ContextVar("knowledge", default=None)
"""Of the caller whose call runs; None when nobody keeps account of it."""


class Desktop:
    """A running desktop; made by `open_desktop`."""

    def __init__(self, settings: DesktopOptions, keymap: Keymap) -> None:
        self.settings = settings
        self.view = View.fitting(settings.width, settings.height, settings.longest)
        self._keymap = keymap
        self._thread = ThreadPoolExecutor(1, f"gloveport-{settings.name}")
        self._turn = Turn()
        self._parts: Runtime | None = None
        self._remains: Remains | None = None
        """What is left of a session that was lost, until another has taken it over."""
        self._revived = -math.inf
        self.loss = ""
        """How what callers saw was lost last; empty when nothing was."""
        self.losses = 0
        self._frames = 0
        self._history = CheckpointHistory()
        self._notices: deque[str] = deque(maxlen=_MOST_NOTICES)
        self._unseen: set[int] = set()
        """Windows of which it was said that rules about texts cannot see into them."""
        self._stream = Broadcast(settings.width, settings.height)
        self._urgent: deque[Callable[[], None]] = deque()

    # Acting

    async def do(
        self,
        action: Action,
        *,
        show: Show = "auto",
        seen: int = 0,
        known: int = 0,
        patience: Patience | None = None,
        permit: Permit | None = None,
    ) -> Frame:
        """Act, wait until the screen rests, and look.

        Args:
            action: What to do.
            show: Whether the frame carries a picture.
            seen: The `look` of the last picture the caller has; `auto` sends no second one of it.
            known: The `look` of the caller's last answer: a point that has changed since is stale.
            patience: How long to wait for what, if not as long as is usual for the action.
            permit: Asked about each touch right before it is sent.

        Raises:
            Impossible: The action cannot be done; nothing was.
            NotAllowed: It was not permitted.
            DesktopLost: The display died.
        """
        if isinstance(action, Wait):
            action.plan(self.view)
            return await self.rest(action.seconds, show=show, seen=seen)
        frames = await self.do_all(
            [action], show=show, seen=seen, known=known, patience=patience, permit=permit
        )
        return frames[0]

    async def do_all(
        self,
        actions: Sequence[Action],
        *,
        show: Show = "auto",
        seen: int = 0,
        known: int = 0,
        patience: Patience | None = None,
        done: Callable[[Frame], None] = lambda frame: None,
        permit: Permit | None = None,
    ) -> list[Frame]:
        """Do several things in one turn; only the last frame carries a picture.

        All are checked before the first is done. The first that fails ends the turn; `done` is
        told about each that succeeded.

        Raises:
            Impossible: One of them cannot be done; nothing was.
        """
        plans = [action.plan(self.view) for action in actions]

        def turn(parts: Runtime) -> list[Frame]:
            frames: list[Frame] = []
            for place, (action, plan) in enumerate(zip(actions, plans, strict=True)):
                last = place == len(plans) - 1
                self._before(parts, _risk(action, lambda at: self._under(parts, at)))
                told: dict[str, object] = {}

                def act(
                    plan: Plan = plan, told: dict[str, object] = told, place: int = place
                ) -> None:
                    with self._permitted(parts, place, permit):
                        told.update(self._done(parts, plan))

                patient = patience or self._patience(action.patience)
                frame = self._during(
                    parts, act, patient, show if last else "never", seen,
                    press=isinstance(action, (ButtonUp, Click, ClickElement)),
                    aimed=[self.view.to_screen(point) for point in _aimed(action)],
                    known=known if place == 0 else 0,
                    keys=isinstance(action, _KEYS),
                )  # fmt: skip
                frames.append(replace(frame, told=told))
                done(frames[-1])
            return frames

        return await self._take(turn)

    def _done(self, parts: Runtime, plan: Plan) -> dict[str, object]:
        """Do what is planned, and tell of it redacted and short."""
        cut = self.settings.vault.cut
        try:
            told = plan(parts.body) or {}
        except NotTyped as failure:
            raise failure.shortened(cut) from None
        return {
            key: cut(value, _LONGEST_TOLD) if isinstance(value, str) else value
            for key, value in told.items()
        }

    def _under(self, parts: Runtime, at: Point | None) -> str:
        """The names of what is under a point of the screenshot, None: under the pointer.

        What nobody tells of may be what deletes.
        """
        place = parts.hands.where() if at is None else self.view.to_screen(at)
        try:
            found = parts.elements.under(place)[:2]
        except Slow:
            found = []
        return " ".join(node.name for node in found) if found else "delete"

    @contextmanager
    def _permitted(self, parts: Runtime, place: int, permit: Permit | None) -> Generator[None]:
        """Have each touch permitted right before it is sent."""

        def before(touch: PendingInput) -> None:
            assert permit
            situation = InputContext(touch, place, parts.elements, parts.windows, self.view)
            try:
                permit(situation)
            except Slow as why:
                raise NotTold from why
            unseen = situation.unseen
            if unseen and unseen.window not in self._unseen:
                self._unseen.add(unseen.window)
                self._notices.append(_unseen(unseen))

        parts.hands.before = before if permit else None
        try:
            yield
        finally:
            parts.hands.before = None

    async def open(self, target: str, *, show: Show = "auto", seen: int = 0) -> Frame:
        """Open an application by name, or a URL or file with the application it belongs to.

        Raises:
            NoSuchApplication: No application has this name.
            NotDone: The program showed no window within 12 s, and nothing else changed.
        """

        def turn(parts: Runtime) -> Frame:
            command = self._command(target, parts.session)
            self._before(parts, lambda _: history.risk_of_opening(target, parts.session.home))
            return self._open(parts, command, show, seen)

        return await self._take(turn)

    # Looking

    async def look(self, *, show: Show = "always", seen: int = 0, marks: bool = False) -> Frame:
        """Take a screenshot of the desktop as it is now.

        Args:
            show: Whether the frame carries a picture.
            seen: The `look` of the last picture the caller has.
            marks: Draw a numbered box around all that can be used; the numbers are refs.
        """

        def turn(parts: Runtime) -> Frame:
            if not marks:
                return self._frame(parts, show, seen)
            scene = parts.sight.read(pixels=False)
            usable = [one for one in scene.elements if one.usable and not _empty_cell(one)]
            boxes = [
                (one.ref.lstrip("e"), self.view.region_to_picture(one.seen))
                for one in usable
                if one.seen
            ]
            budget, cursor = self.settings.budget, self.settings.cursor
            picture = parts.eyes.picture(self.view, budget, cursor=cursor, marks=boxes)
            frame = self._frame(parts, "never", seen)
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
                        title=self._clean(group.layer.title),
                        application=self._clean(group.layer.application),
                    ),
                    elements=[self._shown(one) for one in group.elements],
                )
                for group in scene.groups
            ]
            return self._frame(parts, "never", 0), replace(scene, groups=groups)

        return await self._take(turn)

    async def focus(self) -> Element | None:
        """What has the keyboard focus, if a program tells."""

        def turn(parts: Runtime) -> Element | None:
            focus = parts.sight.focus()
            return focus and self._shown(focus)

        return await self._take(turn)

    async def find(self, text: str = "", role: str = "", most: int = 10) -> Found:
        """What has a text, a role or both: exact before near, visible before hidden."""

        def turn(parts: Runtime) -> Found:
            found = parts.sight.find(text, role, most)
            return replace(
                found,
                elements=[self._shown(one) for one in found.elements],
                near=[self._shown(one) for one in found.near],
                untold=[self._clean(one) for one in found.untold],
            )

        return await self._take(turn)

    async def untold(self) -> list[str]:
        """Which windows do not tell what they show now, and why."""
        groups = await self._take(lambda parts: parts.sight.read(pixels=False).groups)
        return [self._clean(one) for one in unreadable(groups)]

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

        def look(parts: Runtime, last: bool) -> Element | None:
            try:
                found = parts.sight.pick(named, role, nth)
            except (NoSuchElement, Ambiguous):
                if last:
                    raise
                return None
            shown = self._shown(found)
            return shown if last or fits(shown) else None

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

        until = time.monotonic() + seconds
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
                return found and self._shown(found), self._frame(parts, show, seen)
            return None

        return await self._looking(look, until)

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
            return replace(self._frame(parts, "never", 0), picture=picture)

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
            return self._told(parts, found, show, seen)

        return await self._looking(look, start + seconds)

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

        before: Pixels | None = None

        def look(parts: Runtime, last: bool) -> tuple[bool, Frame] | None:
            nonlocal before
            before = parts.eyes.pixels() if before is None else before
            changed = parts.eyes.change(before, part) is not None
            return (changed, self._frame(parts, show, seen)) if changed or last else None

        return await self._looking(look, time.monotonic() + seconds)

    async def wait_for_window(
        self, title: str, seconds: float, *, gone: bool = False, show: Show = "auto", seen: int = 0
    ) -> tuple[bool, Frame]:
        """Wait until a window has this text in its title, or none has; False when in vain."""
        wanted = title.casefold()

        def look(parts: Runtime, last: bool) -> tuple[bool, Frame] | None:
            there = any(wanted in one.title.casefold() for one in parts.windows.list())
            found = there is not gone
            return (found, self._frame(parts, show, seen)) if found or last else None

        return await self._looking(look, time.monotonic() + seconds)

    async def rest(self, seconds: float, *, show: Show = "auto", seen: int = 0) -> Frame:
        """Let time pass, and say what has changed meanwhile."""
        before: Pixels | None = None
        meanwhile: Rect | None = None
        start = time.monotonic()

        def look(parts: Runtime, last: bool) -> Frame | None:
            nonlocal before, meanwhile
            if before is None:
                before, meanwhile = parts.eyes.pixels(), parts.eyes.meanwhile()
            if not last:
                return None
            now = parts.eyes.during(lambda: None, self._patience(_AT_ONCE))
            changed = parts.eyes.change(before)
            end = End.STILL if changed and now.end is End.UNCHANGED else now.end
            return self._told(parts, Seen(changed, meanwhile, end, None, now.settled), show, seen)

        return await self._looking(look, start + seconds, ask=False)

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

    # Windows and clipboard

    async def windows(self) -> list[windows.Window]:
        """The open windows, the one on top last; their rectangles in pixels of the screenshot."""
        listed = await self._take(lambda parts: parts.windows.list())
        return [
            replace(
                one,
                rect=self.view.region_to_picture(one.rect),
                title=self._clean(one.title),
                application=self._clean(one.application),
            )
            for one in listed
        ]

    async def manage(
        self,
        what: Literal["focus", "close", "move", "maximise", "minimise"],
        window: str,
        to: Rect | None = None,
        *,
        show: Show = "auto",
        seen: int = 0,
    ) -> Frame:
        """Focus, close, move, maximise or minimise the window with this id or title.

        Raises:
            NoSuchWindow: There is none.
        """
        if what == "move" and to is None:
            raise BadText("To move a window, give rect [x, y, width, height].")
        place = to and self.view.region_to_screen(to)

        def turn(parts: Runtime) -> Frame:
            found = parts.windows.find(window)

            def act() -> None:
                match what:
                    case "focus":
                        parts.windows.focus(found)
                    case "close":
                        parts.windows.close(found)
                    case "maximise":
                        parts.windows.maximise(found)
                    case "minimise":
                        parts.windows.minimise(found)
                    case "move":
                        assert place is not None
                        parts.windows.move(found, place)

            return self._during(parts, act, self._patience(Patience()), show, seen)

        return await self._take(turn)

    async def copy(self, text: str) -> None:
        """Put text on the clipboard.

        Raises:
            BadText: It is too long or no valid Unicode.
        """
        _check_clipboard(text)
        await self._take(lambda parts: parts.clipboard.own(text))

    async def clipboard(self) -> str | None:
        """The text on the clipboard; None when there is none.

        Raises:
            NotDone: The program that owns it does not hand it out.
        """
        return await self._take(lambda parts: parts.clipboard.read())

    # People

    @property
    def runtime(self) -> Runtime:
        """The parts that run it now, for tests and for measuring; they take no turns.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._parts is None:
            raise DesktopClosed
        return self._parts

    @contextmanager
    def watch(self) -> Generator[Viewer]:
        """Watch the screen, whatever the desktop is busy with, for as long as the context lasts.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._parts is None:
            raise DesktopClosed
        viewer = self._stream.watch()
        try:
            yield viewer
        finally:
            viewer.close()

    # What a person does is a turn that comes before all that wait and looks at nothing afterwards:
    # the person looks. Points are pixels of the screen.

    async def point(self, x: int, y: int, buttons: int) -> None:
        """Move the pointer, and press and release the buttons that have changed.

        Args:
            x: A column of the screen.
            y: A row of the screen.
            buttons: Bit 0 the left one, then middle, right, wheel up, down, left and right, back
                and forward.

        Raises:
            OffScreen: There is no such pixel; nothing was done.
        """
        screen, at = self.view.screen, Point(x, y)
        if not screen.holds(at):
            raise OffScreen(x, y, screen.width, screen.height)
        await self._take_next(lambda parts: parts.console.point(at, buttons))

    async def key(self, keysym: int, *, down: bool) -> None:
        """Press a key and keep it down, repeat one that is down, or release one.

        Args:
            keysym: The character or key it is on the person's side.
            down: Whether it goes down.

        Raises:
            NotDone: No key of this desktop has it.
        """
        await self._take_next(lambda parts: parts.console.key(keysym, down=down))

    async def bring(self, text: str) -> None:
        """Put a person's text on the clipboard.

        Raises:
            BadText: It is too long or no valid Unicode.
        """
        _check_clipboard(text)
        await self._take_next(lambda parts: parts.clipboard.own(text))

    async def leave(self) -> None:
        """Release every key and button that a person holds."""
        await self._take_next(lambda parts: parts.console.release_all())

    async def copied(self) -> str | None:
        """What a program has put on the clipboard; None if it is no text, or from outside.

        Does not wait for the desktop's turn.

        Raises:
            DesktopClosed: It is closed.
            NotDone: The program does not hand it out.
        """
        parts = self._parts
        if parts is None:
            raise DesktopClosed
        return await asyncio.to_thread(parts.clipboard.read_foreign)

    # Files

    async def files(self, path: str = "~", offset: int = 0) -> Listing:
        """What is in a folder of the home, from the entry at `offset` on.

        Raises:
            Impossible: There is no such folder in the home.
        """
        return await self._take(lambda parts: self._home(parts).list(path, offset))

    async def upload(self, path: str, data: bytes, *, replace: bool = False) -> Put:
        """Put a file into the home, whole or not at all.

        Raises:
            Impossible: The path is not possible, the content too large, or there is a file already.
            FileFailed: It could not be written, such as on a full disk.
        """

        def turn(parts: Runtime) -> Put:
            self._before(parts, lambda _: "before a file is replaced" if replace else "")
            return self._home(parts).put(path, data, replace=replace)

        return await self._take(turn)

    async def download(
        self, path: str, encoding: Encoding = "auto", offset: int = 0, most: int = 1 << 30
    ) -> Download:
        """Take a file out of the home, or as much of it as goes into one answer.

        Args:
            path: Where it is.
            encoding: How to send it; `auto` shows pictures, and takes what is text for text.
            offset: The byte to begin with.
            most: Bytes.

        Raises:
            Impossible: There is no such file in the home, or it holds a secret.
        """
        settings = self.settings

        def turn(parts: Runtime) -> Download:
            home = self._home(parts)
            if encoding == "auto" and offset == 0:
                shown = home.show(path, settings.longest, settings.budget)
                if shown:
                    return shown
            return home.take(path, encoding, offset, most)

        return await self._take(turn)

    def _home(self, parts: Runtime) -> Home:
        session = parts.session
        return Home(session.box, session.home, session.uid, self.settings.vault)

    # Undo

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Those there are, the oldest first."""
        return list(self._history.made)

    def album(self) -> Picture | None:
        """What the screen showed at each checkpoint, small; None when there is none."""
        shown = [(one.name, one.picture) for one in self._history.made]
        return album(shown, self.settings.budget) if shown else None

    async def checkpoint(self, note: str = "") -> Checkpoint:
        """Remember the home and the programs as they are now.

        Raises:
            NoUndo: The desktop has no walls.
        """
        return await self._take(lambda parts: self._checkpoint(parts, note, automatic=False))

    async def rollback(
        self, name: str = "", *, show: Show = "auto", seen: int = 0, keep: bool = False
    ) -> tuple[Restored, Frame]:
        """Take everything back to a checkpoint: the home, and the programs that ran then.

        What was done outside the desktop, such as a mail that was sent, stays done.

        Args:
            name: Of the checkpoint; the last one if it is empty.
            show: Whether the frame carries a picture.
            seen: The `look` of the last picture the caller has.
            keep: Make a checkpoint of what is there now before, so that this can be undone.

        Raises:
            NoUndo: The desktop has no walls.
            NoSuchCheckpoint: There is none of this name; nothing was done.
            NotKept: What is there now cannot be kept; nothing was done.
        """

        def turn(parts: Runtime) -> tuple[Restored, Frame]:
            if not parts.session.walled:
                raise NoUndo
            chosen = self._history.find(name)
            parts.hands.release_all()
            if keep:
                note = f"before rolling back to {chosen.name}"
                self._checkpoint(parts, note, automatic=True, spare=chosen)
            back = threading.Event()

            def act() -> None:
                self._go_back(parts.session, chosen)
                back.set()
                self._lost(RolledBack(chosen.name))
                parts.tree.reset()
                parts.elements.forget()
                parts.pages.forget()
                for argv in chosen.programs:
                    with suppress(CannotStart):
                        parts.session.launch(argv)
                wanted = len(chosen.windows)
                parts.eyes.wait_until(lambda: len(parts.windows.list()) >= wanted, _BACK_WITHIN)
                with suppress(NoSuchWindow, error.XError):  # it may just have closed
                    parts.windows.focus(parts.windows.find(chosen.active))

            try:
                frame = self._during(parts, act, _BACK, show, seen)
                return history.restored(chosen, self._running(parts)[1]), frame
            except (error.ConnectionClosedError, ScreenShotError, OSError) as why:
                if not back.is_set():
                    raise
                self._not_back(parts.session, why, files=True)

        return await self._take(turn, tells=True)

    def _go_back(self, session: Session, to: Checkpoint) -> None:
        try:
            session.go_back(to.folder)
        except (Broken, OSError) as why:
            self._not_back(session, why, files=session.lies_on(to.folder))

    def _not_back(self, session: Session, why: Exception, *, files: bool) -> NoReturn:
        """A rollback failed: start the display again over what there is.

        Raises:
            NotRolledBack: Always.
        """
        said = str(why) if isinstance(why, Broken) else "a part of the desktop did not answer"
        if isinstance(why, OSError) and why.strerror:
            said = why.strerror
        if session.lost.wait(1) and session.lost_part != "the rollback":
            said = f"{session.lost_part} ended meanwhile"
        elif isinstance(why, ProgramFailed):
            said = why.cause
        logger.error("a rollback of desktop %s failed: %s", self.settings.name, why)
        self._leave(session)
        down = ""
        try:
            self._revive("the rollback", programs=False)
        except Broken as again:
            down = again.cause if isinstance(again, ProgramFailed) else str(again)
        raise self._lost(NotRolledBack(said, files=files, down=down)) from why

    def _checkpoint(
        self, parts: Runtime, note: str, *, automatic: bool, spare: Checkpoint | None = None
    ) -> Checkpoint:
        session = parts.session
        if not session.walled:
            raise NoUndo
        self._history.count += 1
        name = f"c{self._history.count}"
        shown = parts.windows.list()
        programs, names = self._running(parts)
        kept = session.keep(name)
        small = View.fitting(self.settings.width, self.settings.height, _THUMBNAIL)
        made = Checkpoint(
            name, time.time(), self.settings.vault.scrub(note), automatic, kept.folder, kept.size,
            programs,
            names,
            [self._clean(one.title) for one in shown],
            next((one.title for one in shown if one.active), ""),
            parts.eyes.picture(small, self.settings.budget, cursor=False),
        )  # fmt: skip
        for gone in self._history.add(made, kept.new, spare):
            session.forget(gone.folder)
        return made

    def _running(self, parts: Runtime) -> tuple[list[list[str]], list[str]]:
        """The commands that bring back what has windows, and the name of each window's program."""
        pids = [parts.windows.pid(one.id) for one in parts.windows.list()]
        commands: dict[int, list[str]] = {}
        for pid in dict.fromkeys(pids):
            if pid > 1 and (told := parts.session.box.commands([pid])):
                commands[pid] = history.again(*told[0])
        names = [history.name_of(commands.get(pid, ())) or "unknown" for pid in pids]
        return list(commands.values()), names

    def _before(self, parts: Runtime, risk: Callable[[str], str]) -> None:
        """Make a checkpoint unasked before what is risky, or if the last one is old."""
        if not parts.session.walled:
            return
        active = parts.windows.active()
        reason = risk(active.application if active else "")
        if self._history.due(reason):
            note = reason or "in between"
            try:
                made = self._checkpoint(parts, note, automatic=True)
            except NotKept as why:
                self._history.failed(reason)
                self._notices.append(f"no checkpoint could be made {note}: {why}")
            else:
                self._notices.append(f"checkpoint {made.name} was made {note}.")

    # Turns

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that is to join its own from outside.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._parts is None:
            raise DesktopClosed
        return self._parts.session.outside

    @property
    def walled(self) -> bool:
        """Whether walls separate it from this machine."""
        return self.settings.walls != "none"

    @property
    def painted(self) -> int:
        """A number that changes when anything is painted on the screen."""
        return self._parts.watcher.count if self._parts else 0

    @property
    def holding(self) -> bool:
        """Whether a key or button is held down from one turn to the next."""
        return self._parts is not None and self._parts.hands.holding

    async def let_go(self) -> None:
        """Release every key and button."""
        await self._take(lambda parts: parts.hands.release_all())

    async def start(self) -> None:
        await self._run(self._start)

    async def close(self) -> None:
        """End every program of the desktop; what is asked of it afterwards is refused."""
        with suppress(DesktopClosed):
            await self._run(self._stop)
        self._thread.shutdown(wait=False)
        await asyncio.to_thread(self._stream.close)

    async def _take(self, work: Callable[[Runtime], T], *, tells: bool = False) -> T:
        """Take a turn; a caller who has not been told of all losses may only look.

        Args:
            work: What is done in it.
            tells: Whether its result tells the caller of the losses there were in it.
        """
        known = knowledge.get()
        losses = 0

        def turn() -> T:
            nonlocal losses
            try:
                if known and known.acts and known.losses != self.losses:
                    raise LostBefore(self.loss)
                return self._safely(work)
            finally:
                losses = self.losses  # a later turn may lose more before this one is told

        try:
            done = await self._run(turn)
        except Loss:
            if known:
                known.losses = losses
            raise
        if known and tells:
            known.losses = losses
        return done

    async def _take_next(self, work: Callable[[Runtime], None]) -> None:
        """Take a turn before all that wait; cancelling it does not stop it."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                done.set_result(self._safely(work))
            except BaseException as why:  # noqa: BLE001 - it is raised again where it was asked for
                done.set_exception(why)

        self._urgent.append(run)
        try:
            self._thread.submit(self._do_urgent)
        except RuntimeError as ended:
            raise DesktopClosed from ended
        await asyncio.shield(asyncio.wrap_future(done))

    def _do_urgent(self) -> None:
        while self._urgent:
            self._urgent.popleft()()

    async def _run(self, work: Callable[[], T]) -> T:
        """Run work on the desktop's thread, in order; cancelling it waits until it has let go."""
        turn = Turn()

        def run() -> T:
            self._do_urgent()
            self._turn = turn
            return work()

        try:
            future = self._thread.submit(run)
        except RuntimeError as ended:
            raise DesktopClosed from ended
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            turn.given_up.set()
            with anyio.CancelScope(shield=True), suppress(SandboxError):
                if not future.cancelled():
                    await asyncio.wrap_future(future)
            raise

    def _safely(self, work: Callable[[Runtime], T]) -> T:
        """Do work of one turn; whatever goes wrong, nothing stays pressed that was not before."""
        if self._parts is None:
            if self._remains is None:
                raise DesktopClosed
            self._restart()
        parts = self._parts
        assert parts
        if parts.session.lost.is_set():
            self._restart()
        if parts.cut:
            self._reconnect()
        if parts.restarts != parts.session.restarts:
            parts.restarts = parts.session.restarts
            parts.tree.reset()  # the buses may be others
            parts.elements.forget()
            parts.pages.forget()
        held = parts.hands.holding
        try:
            done = work(parts)
        except Cancelled:
            parts.hands.release_all()
            raise
        except (error.ConnectionClosedError, ScreenShotError) as failure:
            self._reconnect(failure)
        except OSError as failure:
            if parts.cut or parts.session.lost.is_set():
                self._reconnect(failure)
            raise NoAnswer(failure.strerror or "") from failure
        except error.XError as failure:
            if not held:
                parts.hands.release_all()
            raise Broken(
                f"The X server refused a request ({type(failure).__name__}); a window may just "
                "have closed. Take a screenshot and try again."
            ) from failure
        if parts is self._parts and parts.cut:
            self._reconnect()  # what it found may come from a connection that was cut
        return done

    def _start(self) -> None:
        settings = self.settings
        began = time.monotonic()
        if settings.below.exists():
            sweep_folders(settings.below)
        try:
            start_session(
                settings.below, settings.name, settings.width, settings.height, self._keymap,
                None if settings.walls == "none" else settings.enclosure, self._notices.append,
                self._connect, self._remains,
            )  # fmt: skip
        except BaseException:
            self._disconnect()
            raise
        self._remains = None
        assert self._parts
        self._stream.follow(self._parts.lens)
        logger.info("desktop %s is up after %.2f s", settings.name, time.monotonic() - began)

    def _connect(self, session: Session) -> None:
        self._parts = Runtime(session, self._keymap, self.view, lambda: self._turn)

    def _disconnect(self) -> Session | None:
        """Close all connections; the session they were to."""
        parts, self._parts = self._parts, None
        if parts is None:
            return None
        self._stream.lose()
        parts.close()
        return parts.session

    def _stop(self) -> None:
        if session := self._disconnect():
            session.close()
        if self._remains:
            self._remains.discard()
            self._remains = None

    def _reconnect(self, failure: Exception | None = None) -> NoReturn:
        """Connect to the display anew; if it has died, start it again over the same files.

        Raises:
            ConnectionsLost: There are new connections.
            DesktopLost: There is a new display.
        """
        assert self._parts
        session = self._parts.session
        if session.lost.wait(1):
            self._restart(failure)
        logger.warning("connections of desktop %s were cut: %s", self.settings.name, failure)
        self._disconnect()
        try:
            session.hang_wallpaper()
            self._connect(session)
        except (error.DisplayError, error.ConnectionClosedError, ScreenShotError, OSError) as why:
            logger.warning("the display takes no connections: %s", why)
            self._leave(session)
            self._restart(why)
        assert self._parts
        self._stream.follow(self._parts.lens)
        raise self._lost(ConnectionsLost()) from failure

    def _leave(self, session: Session) -> None:
        self._disconnect()
        self._remains = session.leave()

    def _restart(self, failure: Exception | None = None) -> NoReturn:
        """Start the display again over the home and the checkpoints, with the programs of the last.

        Raises:
            DesktopLost: It is up.
            NotRestarted: It is not; the next call tries again.
        """
        what = "its display"
        if self._parts:
            session = self._parts.session
            what = session.lost_part
            self._leave(session)
        kept = len(self._history.made)
        try:
            started = self._revive(what)
        except Broken as why:
            said = why.cause if isinstance(why, ProgramFailed) else str(why)
            raise NotRestarted(said, kept) from why
        raise self._lost(DesktopLost(what, kept, started)) from failure

    def _lost(self, loss: _Loss) -> _Loss:
        self.loss = str(loss)
        self.losses += 1
        return loss

    def _revive(self, what: str, *, programs: bool = True) -> list[str]:
        """Start another session over what remains; the names of the programs that it started."""
        logger.error("desktop %s is started again: %s ended", self.settings.name, what)
        self._notices.clear()
        self._unseen.clear()
        self._start()
        assert self._parts
        again, self._revived = self._revived, time.monotonic()
        started: list[str] = []
        # What ran may be what ended the display: it is not started twice in a row.
        if programs and self._history.made and self._revived - again > _REVIVED_AGAIN:
            for argv in self._history.made[-1].programs:
                with suppress(CannotStart):
                    self._parts.session.launch(argv)
                    started.append(history.name_of(argv))
        return started

    # Frames

    def _patience(self, usual: Patience) -> Patience:
        return replace(usual, deadline=max(usual.deadline, self.settings.deadline))

    def _during(
        self,
        parts: Runtime,
        act: Callable[[], None],
        patience: Patience,
        show: Show,
        seen: int,
        *,
        press: bool = False,
        aimed: Sequence[Point] = (),
        known: int = 0,
        keys: bool = False,
    ) -> Frame:
        """Act and wait; after a `press`, a small change where it was is no answer.

        Whether the `aimed` points have changed since the look that is `known` is told, and if the
        press, or the `keys`, may have gone elsewhere.
        """
        parts.hands.pressed.clear()
        near = parts.hands.pressed
        warning = ""
        found: list[tuple[Grabs, Sequence[Layer]]] = []

        def grabbed(grabs: Grabs) -> None:
            if not parts.hands.holding:  # a button that is held is a grab, too
                found.append((grabs, parts.windows.layers()))

        what = parts.eyes.during(
            act, patience, near=lambda: near if press else (), aimed=aimed, known=known,
            grabbed=grabbed,
        )  # fmt: skip
        for grabs, layers in found:
            warning = taken(grabs, layers, near[-1:] if press else (), keys=keys)
        if what.silent:
            warning = silent(self._clean(parts.windows.title(what.silent)))
        return replace(self._told(parts, what, show, seen), warning=warning)

    def _told(self, parts: Runtime, what: Seen, show: Show, seen: int) -> Frame:
        changed = what.changed and self.view.region_to_picture(what.changed)
        meanwhile = what.meanwhile and self.view.region_to_picture(what.meanwhile)
        part = self._part(changed, meanwhile) if show == "changed" else None
        return replace(
            self._frame(parts, show, seen, part, tries=_TRIES if what.end in _AT_REST else 1),
            changed=changed,
            meanwhile=meanwhile,
            end=what.end,
            first_change_ms=None if what.first_change is None else round(what.first_change * 1e3),
            settle_ms=round(what.settled * 1e3),
            loading=what.loading,
            stale=what.stale,
        )

    def _frame(
        self, parts: Runtime, show: Show, seen: int, part: Rect | None = None, *, tries: int = 0
    ) -> Frame:
        """The screen as it is, and what is told of it; the focus too if there are `tries`.

        The window and the focus are read after the picture; what is painted meanwhile makes it
        taken again, up to so many times, so that they are those of the picture.
        """
        while True:
            parts.eyes.pixels()
            picture = self._picture(parts, show, parts.eyes.look != seen, part)
            active = parts.windows.active()
            focus = parts.sight.focus() if tries else None
            tries -= 1
            if tries <= 0 or parts.eyes.fresh():
                break
        look = parts.eyes.look  # a picture is of the newest there is
        parts.eyes.answer()
        parts.session.look_at_group()
        self._frames += 1
        return Frame(
            self._frames,
            look,
            self.view,
            self.view.to_picture(parts.hands.where()),
            self._clean(active.title) if active else "",
            picture,
            focus=focus and self._shown(focus),
            notices=tuple(self._clean(self._notices.popleft()) for _ in range(len(self._notices))),
            part=part,
        )

    def _picture(self, parts: Runtime, show: Show, new: bool, part: Rect | None) -> Picture | None:
        settings = self.settings
        if part:
            return parts.eyes.part(self.view, part, settings.budget)
        if show == "always" or (show == "auto" and new):
            return parts.eyes.picture(self.view, settings.budget, cursor=settings.cursor)
        return None

    def _part(self, *changed: Rect | None) -> Rect | None:
        """What to show of a change: a little more than changed, so that it can be understood."""
        around = Rect.around([one for one in changed if one])
        if around is None:
            return None
        edge = _EDGE
        wider = Rect(
            around.x - edge, around.y - edge, around.width + 2 * edge, around.height + 2 * edge
        )
        return wider.overlap(self.view.picture)

    def _shown(self, element: Element) -> Element:
        """An element with its places in pixels of the screenshot, and its text redacted."""
        return replace(
            element,
            name=self._clean(element.name),
            text=element.text and self._clean(element.text),
            rect=self.view.region_to_picture(element.rect),
            seen=element.seen and self.view.region_to_picture(element.seen),
            point=self.view.to_picture(element.point),
        )

    def _clean(self, text: str) -> str:
        return self.settings.vault.scrub_piece(text)

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

    # Opening

    def _command(self, target: str, session: Session) -> desktop_entries.Command:
        """What opens a URL, a file of the home, or an application of a name."""
        if not target.strip() or "\0" in target:
            raise BadText("Name an application, a URL or a file to open.")
        return desktop_entries.command(
            target, desktop_entries.installed(session.applications), session.home
        )

    def _open(
        self, parts: Runtime, command: desktop_entries.Command, show: Show, seen: int
    ) -> Frame:
        argv = command.argv
        before = {window.id: window.title for window in parts.windows.list()}
        silent = parts.session.said(argv[0])

        def shown() -> bool:
            """A new window, or another title: a browser may open a tab in a window it has."""
            return any(before.get(one.id) != one.title for one in parts.windows.list())

        def loaded() -> bool:
            """Whether the empty page is there; until it is, it may take the address bar over."""
            return any(command.address in one.title for one in parts.windows.list())

        def start() -> None:
            box = parts.session.box
            pid = parts.session.launch(argv)
            parts.eyes.wait_until(lambda: shown() or not box.running(pid), _WINDOW_WITHIN)
            if not shown() and not box.running(pid) and box.wait(pid) == 0:
                parts.eyes.wait_until(shown, _HANDED_OVER_WITHIN)
            if command.address and parts.eyes.wait_until(loaded, _WINDOW_WITHIN):
                parts.hands.press(sequence("ctrl+l"))
                parts.hands.type(command.address)
                parts.hands.press(sequence("Return"))

        frame = self._during(parts, start, _STARTING, show, seen)
        if frame.changed is None and not shown():
            words = parts.session.last_words(argv[0], silent)
            raise NotDone(
                f"{Path(argv[0]).name} was started, showed no window and changed nothing; "
                + (f"it said: {words}" if words else "it said nothing about why.")
            )
        return frame


@asynccontextmanager
async def open_desktop(
    settings: DesktopOptions, keymap: Keymap | None = None
) -> AsyncGenerator[Desktop]:
    """Run a desktop for as long as the context lasts.

    Raises:
        CannotStart: A program is missing or did not get ready.
    """
    desktop = Desktop(settings, keymap or Keymap())
    try:
        await desktop.start()
        yield desktop
    finally:
        with anyio.CancelScope(shield=True):
            await desktop.close()


def _check_clipboard(text: str) -> None:
    if len(text) > LONGEST_CLIPBOARD:
        raise BadText(
            f"The text has {len(text)} characters; the clipboard takes {LONGEST_CLIPBOARD}."
        )
    if any(0xD800 <= ord(char) < 0xE000 for char in text):
        raise BadText("The text has half of a surrogate pair; send it as valid Unicode.")


def _unseen(layer: Layer) -> str:
    name = layer.title or layer.application or "this window"
    return (
        f"“{name}” does not tell what it shows: rules of the policy about texts cannot see into it."
    )


def _risk(action: Action, under: Callable[[Point | None], str]) -> Callable[[str], str]:
    """Why an action is risky in the program of a class of windows; empty when it is not.

    Args:
        action: What is to be done.
        under: The names of what is under a point of the screenshot; None: under the pointer.
    """
    match action:
        case Press(keys) | Hold(keys) | KeyDown(keys):
            return lambda program: history.risk_of_keys(program, keys)
        case Type(text):
            return lambda program: history.risk_of_text(program, text)
        case Click():
            return lambda program: (
                history.risk_of_click(program, under(action.at))
                if program.casefold() in history.FILE_MANAGERS
                else ""
            )
        case ClickElement(named):
            return lambda program: history.risk_of_click(program, named)
        case _:
            return lambda program: ""


def _aimed(action: Action) -> Sequence[Point]:
    """The points that an action presses because of what its caller was shown."""
    match action:
        case Click(at=Point() as at):
            return [at]
        case Drag(path=path):
            return [path[0], path[-1]]
        case _:
            return ()


def _empty_cell(element: Element) -> bool:
    return element.role == "table cell" and element.text == ""

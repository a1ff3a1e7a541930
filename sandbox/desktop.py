"""One desktop, seen and touched in turns.

Every verb is a single turn on the desktop's own thread: act, wait until the screen rests, look.
Turns come strictly in the order they were asked for, so no two callers can get between each
other's press and release. A turn that is cancelled lets go of what it held and ends within a
second; when the display dies, the turn says so and a fresh desktop takes its place.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Literal

import anyio

from .acting import Asked
from .actions import Action, Wait
from .checkpoints import history
from .checkpoints.history import Checkpoint, Restored
from .errors import BadText, DesktopClosed, OffScreen
from .frames import Frame, Show
from .geometry import Point, Rect
from .home.files import Download, Encoding, Home, Listing, Put
from .imaging.image import Picture, album
from .input.authorization import Permit
from .lifecycle import Knowledge
from .observing import ObservedDesktop
from .opening import command_for, open_target
from .options import DesktopOptions
from .runtime import Runtime
from .screen.broadcast import Viewer
from .screen.settle import Patience
from .x11 import windows
from .x11.keymap import Keymap

__all__ = ["LONGEST_CLIPBOARD", "Desktop", "DesktopOptions", "Knowledge", "open_desktop"]

LONGEST_CLIPBOARD = 1_000_000  # characters


class Desktop(ObservedDesktop):
    """A running desktop; made by `open_desktop`."""

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

        asked = Asked(show, seen, known, patience, permit)
        return await self._take(lambda parts: self._acting.run(parts, actions, plans, asked, done))

    async def open(self, target: str, *, show: Show = "auto", seen: int = 0) -> Frame:
        """Open an application by name, or a URL or file with the application it belongs to.

        Raises:
            NoSuchApplication: No application has this name.
            NotDone: The program showed no window within 12 s, and nothing else changed.
        """

        def turn(parts: Runtime) -> Frame:
            command = command_for(target, parts.session)
            home = parts.session.home
            self._undo.before(parts, lambda _: history.risk_of_opening(target, home))
            return open_target(parts, self._frames, command, show, seen)

        return await self._take(turn)

    # Windows and clipboard

    async def windows(self) -> list[windows.Window]:
        """The open windows, the one on top last; their rectangles in pixels of the screenshot."""
        listed = await self._take(lambda parts: parts.windows.list())
        return [
            replace(
                one,
                rect=self.view.region_to_picture(one.rect),
                title=self._frames.clean(one.title),
                application=self._frames.clean(one.application),
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

            return self._frames.during(parts, act, self._frames.patience(Patience()), show, seen)

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

    @contextmanager
    def watch(self) -> Generator[Viewer]:
        """Watch the screen, whatever the desktop is busy with, for as long as the context lasts.

        Raises:
            DesktopClosed: It is closed.
        """
        if self._life.runtime is None:
            raise DesktopClosed
        viewer = self._life.stream.watch()
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
        await self._life.take_next(lambda parts: parts.console.point(at, buttons))

    async def key(self, keysym: int, *, down: bool) -> None:
        """Press a key and keep it down, repeat one that is down, or release one.

        Args:
            keysym: The character or key it is on the person's side.
            down: Whether it goes down.

        Raises:
            NotDone: No key of this desktop has it.
        """
        await self._life.take_next(lambda parts: parts.console.key(keysym, down=down))

    async def press(self, keysyms: Sequence[int]) -> None:
        """Press keys of a person's in order and release them in reverse, with nothing in between.

        Raises:
            NotDone: No key of this desktop has one of them.
        """

        def turn(parts: Runtime) -> None:
            for keysym in keysyms:
                parts.console.key(keysym, down=True)
            for keysym in reversed(keysyms):
                parts.console.key(keysym, down=False)

        await self._life.take_next(turn)

    async def bring(self, text: str) -> None:
        """Put a person's text on the clipboard.

        Raises:
            BadText: It is too long or no valid Unicode.
        """
        _check_clipboard(text)
        await self._life.take_next(lambda parts: parts.clipboard.own(text))

    async def leave(self) -> None:
        """Release every key and button that a person holds."""
        await self._life.take_next(lambda parts: parts.console.release_all())

    async def copied(self) -> str | None:
        """What a program has put on the clipboard; None if it is no text, or from outside.

        Does not wait for the desktop's turn.

        Raises:
            DesktopClosed: It is closed.
            NotDone: The program does not hand it out.
        """
        parts = self._life.runtime
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
            self._undo.before(parts, lambda _: "before a file is replaced" if replace else "")
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
        return list(self._kept.made)

    def album(self) -> Picture | None:
        """What the screen showed at each checkpoint, small; None when there is none."""
        shown = [(one.name, one.picture) for one in self._kept.made]
        return album(shown, self.settings.budget) if shown else None

    async def checkpoint(self, note: str = "") -> Checkpoint:
        """Remember the home and the programs as they are now.

        Raises:
            NoUndo: The desktop has no walls.
        """
        return await self._take(lambda parts: self._undo.make(parts, note, automatic=False))

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
            NotKept: With `keep`, what is there now cannot be kept; nothing was done.
        """

        return await self._take(
            lambda parts: self._undo.roll_back(parts, name, show, seen, keep=keep), tells=True
        )


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

"""The life of a desktop's session: its start, its end, and another one in its place when it dies.

All but `take` and `take_next` run in a turn, on the desktop's thread. Callers are told of each loss
once, before what they send reaches a desktop they have not seen.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from mss.exception import ScreenShotError
from Xlib import error

from .checkpoints import programs
from .checkpoints.history import CheckpointHistory
from .checkpoints.programs import LastPrograms, ran
from .checkpoints.saved import record_of, restore, save_pictures
from .errors import (
    Broken,
    Cancelled,
    CannotStart,
    ConnectionsLost,
    DesktopClosed,
    DesktopLost,
    Loss,
    LostBefore,
    NoAnswer,
    NotKept,
    NotRestarted,
    ProgramFailed,
)
from .geometry import View
from .notices import Notices
from .options import DesktopOptions
from .runtime import Runtime
from .screen.broadcast import Broadcast
from .session.folder import sweep_folders
from .session.home_store import HomeStore, StoreUnusable, open_store
from .session.reopen import layers_record, reopened
from .session.session import Remains, Session, start_session
from .turns import TurnQueue
from .x11.keymap import Keymap

logger = logging.getLogger(__name__)

T = TypeVar("T")
_Loss = TypeVar("_Loss", bound=Loss)
_REVIVED_AGAIN = 60.0  # seconds
_TRIED_AGAIN = 1.0  # seconds; all who watch ask at once, and each start costs a fifth of one


@dataclass(slots=True)
class Knowledge:
    """What the caller of a turn knows of losses.

    Args:
        losses: How many they were told of; it grows when they are told in a turn of theirs.
        acts: Whether they may send input: what was meant for a lost desktop is not done.
    """

    losses: int
    acts: bool


class Lifecycle:
    """Keeps a session running.

    Args:
        settings: What the desktop is like.
        keymap: Of its keyboard.
        view: How callers count pixels.
        turns: When its callers may use it.
        notices: What callers are told besides.
        kept: The checkpoints, which outlive a session.
    """

    def __init__(
        self,
        settings: DesktopOptions,
        keymap: Keymap,
        view: View,
        turns: TurnQueue,
        notices: Notices,
        kept: CheckpointHistory,
    ) -> None:
        self.runtime: Runtime | None = None
        self.loss = ""
        """How what callers saw was lost last; empty when nothing was."""
        self.losses = 0
        self.stream = Broadcast(settings.width, settings.height)
        self._settings = settings
        self._keymap = keymap
        self._view = view
        self._turns = turns
        self._notices = notices
        self._history = kept
        self._store: HomeStore | None = None
        self._remains: Remains | None = None
        """What is left of a session that was lost, until another has taken it over."""
        self._revived = -math.inf
        self._failed = -math.inf, ""
        """When the display could not be started again last, and why."""
        self._ran = LastPrograms()
        self._reopened: dict[int, Sequence[str]] = {}
        """What was started again when the desktop was taken up."""

    async def take(
        self, work: Callable[[Runtime], T], known: "Knowledge | None", *, tells: bool = False
    ) -> T:
        """Take a turn; a caller who has not been told of all losses may only look.

        Args:
            work: What is done in it.
            known: What the caller knows of losses; None: nobody keeps account of it.
            tells: Whether its result tells the caller of the losses there were in it.
        """
        losses = 0

        def turn() -> T:
            nonlocal losses
            try:
                if known and known.acts and known.losses != self.losses:
                    raise LostBefore(self.loss)
                done = self._safely(work)
                self._see_programs()
                return done
            finally:
                losses = self.losses  # a later turn may lose more before this one is told

        try:
            done = await self._turns.take(turn)
        except Loss:
            if known:
                known.losses = losses
            raise
        if known and tells:
            known.losses = losses
        return done

    async def take_next(self, work: Callable[[Runtime], None]) -> None:
        """Take a turn before all that wait; cancelling it does not stop it."""
        await self._turns.take_next(lambda: self._safely(work))

    def _safely(self, work: Callable[[Runtime], T]) -> T:
        """Do work of one turn; whatever goes wrong, nothing stays pressed that was not before."""
        if self.runtime is None:
            if self._remains is None:
                raise DesktopClosed
            self._restart()
        parts = self.runtime
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
        if parts is self.runtime and parts.cut:
            self._reconnect()  # what it found may come from a connection that was cut
        return done

    def _see_programs(self) -> None:
        """Remember what has windows: it is started again if the display dies."""
        if (parts := self.runtime) is None:
            return

        def running() -> list[list[str]]:
            found = parts.running()[0]
            parts.session.box.commands([])  # who has ended took the windows along: nothing is known
            return found

        with suppress(error.XError, error.ConnectionClosedError, OSError, Broken):
            if self._ran.look(parts.windows.numbers(), running):
                self.save_or_tell()

    def start(self) -> None:
        settings = self._settings
        began, taken_up = time.monotonic(), False
        if settings.below.exists():
            sweep_folders(settings.below)
        if settings.stay and not self._store:
            self._take_up(settings.stay)
            taken_up = self._remains is not None
        try:
            start_session(
                settings.below, settings.name, settings.width, settings.height, self._keymap,
                None if settings.walls == "none" else settings.enclosure, self._notices.add,
                self._connect, self._remains, self._store,
            )  # fmt: skip
        except BaseException:
            self._disconnect()
            raise
        self._remains = None
        assert self.runtime
        self.runtime.session.home_layers.changed = self.save
        if taken_up and settings.reopen:
            self._reopen()
        self.save_or_tell()
        self.stream.follow(self.runtime.lens)
        logger.info("desktop %s is up after %.2f s", settings.name, time.monotonic() - began)

    def _take_up(self, folder: Path) -> None:
        """Go on with what a desktop that stays left when it ended.

        Raises:
            CannotStart: It cannot be gone on with, or another server has it.
        """
        settings = self._settings
        store = open_store(folder)
        try:
            record = store.read()
            self._remains = reopened(
                settings.below, settings.name, store, record, walled=settings.walls != "none"
            )
            restore(self._history, record, store.pictures, folder / "kept")
            self._ran.commands = ran(record)
        except ValueError as why:
            store.close()
            raise StoreUnusable(folder, "its record is damaged") from why
        except BaseException:
            store.close()
            raise
        self._store = store

    def save(self) -> None:
        """Write what is to be known of a desktop that stays, however it ends.

        Raises:
            NotKept: It could not be written.
        """
        if not self._store or not self.runtime:
            return
        session = self.runtime.session
        layers = session.home_layers
        try:
            save_pictures(self._history, self._store.pictures)
            self._store.write(
                {
                    "name": self._settings.name,
                    "walled": session.walled,
                    "size": [self._settings.width, self._settings.height],
                    "used": time.time(),
                    "programs": [*self._ran.commands, *self._starting(session)],
                    **layers_record(layers.layers, layers.below, layers.pending),
                    **record_of(self._history),
                }
            )
        except OSError as why:
            raise NotKept(why.strerror or "its record could not be written") from why

    def save_or_tell(self) -> None:
        """Write it, or tell the next caller that it is not."""
        try:
            self.save()
        except NotKept as why:
            self._notices.add(f"after its end this desktop will not be as it is now: {why}")

    def _starting(self, session: Session) -> list[Sequence[str]]:
        """Programs that were started again, run and have shown no window yet."""
        shown = {programs.name_of(argv) for argv in self._ran.commands}
        return [
            argv
            for pid, argv in self._reopened.items()
            if programs.name_of(argv) not in shown and session.box.has(pid)
        ]

    def _reopen(self) -> None:
        """Start the programs that ran when the desktop ended."""
        assert self.runtime
        for argv in self._ran.commands:
            with suppress(CannotStart):
                self._reopened[self.runtime.session.launch(argv)] = argv
        self._ran.commands = ()

    def _connect(self, session: Session) -> None:
        self.runtime = Runtime(session, self._keymap, self._view, lambda: self._turns.now)

    def _disconnect(self) -> Session | None:
        """Close all connections; the session they were to."""
        parts, self.runtime = self.runtime, None
        if parts is None:
            return None
        self.stream.lose()
        parts.close()
        return parts.session

    def stop(self) -> None:
        if self._store:
            self._see_programs()
        if session := self._disconnect():
            session.close()
        if self._remains:
            self._remains.discard()
            self._remains = None
        if self._store:
            self._store.close()
            self._store = None

    def _reconnect(self, failure: Exception | None = None) -> NoReturn:
        """Connect to the display anew; if it has died, start it again over the same files.

        Raises:
            ConnectionsLost: There are new connections.
            DesktopLost: There is a new display.
        """
        assert self.runtime
        session = self.runtime.session
        if session.lost.wait(1):
            self._restart(failure)
        logger.warning("connections of desktop %s were cut: %s", self._settings.name, failure)
        self._disconnect()
        try:
            session.hang_wallpaper()
            self._connect(session)
        except (error.DisplayError, error.ConnectionClosedError, ScreenShotError, OSError) as why:
            logger.warning("the display takes no connections: %s", why)
            self.leave(session)
            self._restart(why)
        assert self.runtime
        self.stream.follow(self.runtime.lens)
        raise self.lost(ConnectionsLost()) from failure

    def leave(self, session: Session) -> None:
        self._disconnect()
        self._remains = session.leave()

    def _restart(self, failure: Exception | None = None) -> NoReturn:
        """Start the display again over the home and the checkpoints, with the programs that ran.

        Raises:
            DesktopLost: It is up.
            NotRestarted: It is not; a call a second later tries again.
        """
        what = "its display"
        if self.runtime:
            session = self.runtime.session
            what = session.lost_part
            self.leave(session)
        kept = len(self._history.made)
        failed, why_not = self._failed
        if time.monotonic() - failed < _TRIED_AGAIN:
            raise NotRestarted(why_not, kept)
        try:
            started = self.revive(what)
        except Broken as why:
            said = why.cause if isinstance(why, ProgramFailed) else str(why)
            self._failed = time.monotonic(), said
            raise NotRestarted(said, kept) from why
        raise self.lost(DesktopLost(what, kept, started)) from failure

    def lost(self, loss: _Loss) -> _Loss:
        self.loss = str(loss)
        self.losses += 1
        return loss

    def revive(self, what: str, *, restart: bool = True) -> list[str]:
        """Start another session over what remains; the names of the programs that it started."""
        logger.error("desktop %s is started again: %s ended", self._settings.name, what)
        self._notices.clear()
        self.start()
        assert self.runtime
        again, self._revived = self._revived, time.monotonic()
        started: list[str] = []
        # What ran may be what ended the display: it is not started twice in a row.
        self._ran.forget_windows()
        if restart and self._revived - again > _REVIVED_AGAIN:
            for argv in self._ran.commands:
                with suppress(CannotStart):
                    self.runtime.session.launch(argv)
                    started.append(programs.name_of(argv))
        return started

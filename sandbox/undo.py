"""Checkpoints of a running desktop: made when asked for and before what is risky, and rolled back
to. Its files and programs come back; what left the desktop stays done."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from mss.exception import ScreenShotError
from Xlib import error

from .checkpoints import history
from .checkpoints.history import Checkpoint, CheckpointHistory, Restored
from .errors import (
    Broken,
    CannotStart,
    NoSuchWindow,
    NotKept,
    NotRolledBack,
    NoUndo,
    ProgramFailed,
    RolledBack,
)
from .frame_builder import FrameBuilder
from .frames import Frame, Show
from .geometry import View
from .lifecycle import Lifecycle
from .notices import Notices
from .options import DesktopOptions
from .runtime import Runtime
from .screen.settle import Patience
from .session.session import Session

logger = logging.getLogger(__name__)

# After an undo all windows are there when the wait begins; it goes on while a program computes.
_BACK = Patience(first=0.5, quiet=0.2, deadline=10.0)
_BACK_WITHIN = 8.0  # seconds programs have to show their windows after an undo
_THUMBNAIL = 320  # pixels; the longer side


class Undo:
    """Makes checkpoints and goes back to them, in the turns of its callers.

    Args:
        settings: What the desktop is like.
        life: Its session.
        frames: Makes the frames.
        notices: What callers are told besides.
        kept: The checkpoints.
    """

    def __init__(
        self,
        settings: DesktopOptions,
        life: Lifecycle,
        frames: FrameBuilder,
        notices: Notices,
        kept: CheckpointHistory,
    ) -> None:
        self._settings = settings
        self._life = life
        self._frames = frames
        self._notices = notices
        self._history = kept

    def roll_back(
        self, parts: Runtime, name: str, show: Show, seen: int, *, keep: bool
    ) -> tuple[Restored, Frame]:
        """Take everything back to a checkpoint; see `Desktop.rollback`."""
        if not parts.session.walled:
            raise NoUndo
        chosen = self._history.find(name)
        parts.hands.release_all()
        if keep:
            note = f"before rolling back to {chosen.name}"
            self.make(parts, note, automatic=True, spare=chosen)
        back = threading.Event()

        def act() -> None:
            self._go_back(parts.session, chosen)
            back.set()
            self._life.lost(RolledBack(chosen.name))
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
            frame = self._frames.during(parts, act, _BACK, show, seen)
            return history.restored(chosen, parts.running()[1]), frame
        except (error.ConnectionClosedError, ScreenShotError, OSError) as why:
            if not back.is_set():
                raise
            self._not_back(parts.session, why, None)

    def make(
        self, parts: Runtime, note: str, *, automatic: bool, spare: Checkpoint | None = None
    ) -> Checkpoint:
        """Make a checkpoint of what is there now.

        Args:
            parts: Where it is.
            note: What it is for.
            automatic: Whether nobody asked for it.
            spare: An older one that must not go for it.

        Raises:
            NoUndo: The desktop has no walls.
        """
        session = parts.session
        if not session.walled:
            raise NoUndo
        self._history.count += 1
        name = f"c{self._history.count}"
        shown = parts.windows.list()
        programs, names = parts.running()
        kept = session.keep(name)
        small = View.fitting(self._settings.width, self._settings.height, _THUMBNAIL)
        made = Checkpoint(
            name, time.time(), self._settings.vault.scrub(note), automatic, kept.folder, kept.size,
            programs,
            names,
            [self._frames.clean(one.title) for one in shown],
            next((one.title for one in shown if one.active), ""),
            parts.eyes.picture(small, self._settings.budget, cursor=False),
        )  # fmt: skip
        surplus = self._history.add(made, kept.new, spare)
        self._life.save_or_tell()  # before any of their files go
        for gone in surplus:
            session.home_layers.forget(gone.folder)
        return made

    def before(self, parts: Runtime, risk: Callable[[str], str]) -> None:
        """Make a checkpoint unasked before what is risky, or if the last one is old."""
        if not parts.session.walled:
            return
        active = parts.windows.active()
        reason = risk(active.application if active else "")
        if self._history.due(reason):
            note = reason or "in between"
            try:
                made = self.make(parts, note, automatic=True)
            except NotKept as why:
                self._history.failed(reason)
                self._notices.add(f"no checkpoint could be made {note}: {why}")
            else:
                self._notices.add(f"checkpoint {made.name} was made {note}.")

    def _go_back(self, session: Session, to: Checkpoint) -> None:
        try:
            session.go_back(to.folder)
        except (Broken, OSError) as why:
            self._not_back(session, why, to)

    def _not_back(self, session: Session, why: Exception, to: Checkpoint | None) -> NoReturn:
        """A rollback failed: start the display again over what there is.

        Args:
            session: The session it failed in.
            why: What went wrong.
            to: Where to; None when the files are known to be back.

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
        logger.error("a rollback of desktop %s failed: %s", self._settings.name, why)
        self._life.leave(session)
        files = to is None or session.home_layers.lies_on(to.folder)
        down = ""
        try:
            self._life.revive("the rollback", restart=False)
        except Broken as again:
            down = again.cause if isinstance(again, ProgramFailed) else str(again)
        raise self._life.lost(NotRolledBack(said, files=files, down=down)) from why

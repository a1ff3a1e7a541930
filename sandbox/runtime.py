"""What drives a running session: its connections, its input and its captures."""

import logging
from collections.abc import Callable
from contextlib import suppress

from mss.exception import ScreenShotError
from Xlib import error

from .accessibility.atspi.tree import AccessibilityTree
from .accessibility.elements import Elements
from .accessibility.pages import Pages
from .accessibility.reach import Reach
from .actions import (
    ActionContext,
)
from .activity.cpu import Activity
from .activity.requests import Traffic
from .checkpoints import programs
from .errors import (
    DesktopLost,
)
from .geometry import View
from .imaging.ocr import Ocr
from .input.drag_and_drop import Dragging
from .input.driver import InputDriver
from .input.form_values import Values
from .input.guarded_dialogs import Guarded
from .input.text_entry import TextEntry
from .input.viewer_input import ViewerInput
from .screen.capture import ScreenCapture
from .screen.live_capture import LiveCapture
from .screen.locator import Locator
from .secrets.redaction import Redactor
from .session.session import Session
from .turns import Turn
from .x11 import windows
from .x11.damage import DamageMonitor
from .x11.keymap import Keymap
from .x11.selections import Clipboard

logger = logging.getLogger(__name__)


class Runtime:
    """What a running session is driven with; closed in the reverse order."""

    def __init__(
        self, session: Session, keymap: Keymap, view: View, turn: Callable[[], Turn]
    ) -> None:
        self.session = session
        self.restarts = session.restarts
        self.display = session.x.connect()
        self.camera = session.x.camera(self.display)
        self.display.set_error_handler(_quiet)
        self.watcher = DamageMonitor(session.x.connect())
        self.clipboard = Clipboard(session.x.connect())
        self.windows = windows.Windows(self.display)
        activity = Activity(session.keeper.pid, session.x.pid)
        self.dragging = Dragging(
            session.x.connect(),
            self.windows,
            self.watcher,
            activity,
            lambda seconds: self.hands.rest(seconds),
        )
        self.hands = InputDriver(
            self.display,
            keymap,
            self.clipboard,
            reload=lambda: session.x.load_keymap(keymap.text()),
            gave_up=lambda: turn().given_up.is_set(),
            rest=lambda seconds: turn().rest(seconds),
            dragging=self.dragging,
        )
        self.console = ViewerInput(self.display, keymap, self.hands.keep_keymap)
        self.tree = AccessibilityTree(session.reach)
        self.elements = Elements(self.tree, self.windows)
        self.masks = Redactor(self.tree, self.windows, self.elements)
        self.pages = Pages(self.tree, self.elements, self.windows)
        self.traffic = Traffic(lambda: _speaking(session, activity))
        self.eyes = ScreenCapture(
            self.camera,
            self.display,
            self.watcher,
            activity,
            self.traffic,
            self.masks,
            self.pages.shown,
            gave_up=lambda: turn().given_up.is_set(),
        )
        self.ocr = Ocr(gave_up=lambda: turn().given_up.is_set())
        self.hands.ignored = Guarded(self.elements, self.windows, self.watcher).left
        reach = Reach(self.elements, self.tree, self.windows)
        self.sight = Locator(self.elements, reach, self.eyes, self.ocr, view)
        typist = TextEntry(self.hands, self.sight, self.tree, self.masks)
        values = Values(typist, self.hands, self.sight, self.tree)
        self.body = ActionContext(self.hands, self.sight, typist, values)

    def lens(self) -> LiveCapture:
        """A second look at the screen, for another thread.

        Raises:
            DesktopLost: The display has died.
        """
        if self.session.lost.is_set():
            raise DesktopLost
        x, tree = self.session.x, AccessibilityTree(self.session.reach)
        return LiveCapture(x.connect(), x.camera, tree, self.masks, self.clipboard.window)

    def running(self) -> tuple[list[list[str]], list[str]]:
        """The commands that bring back what has windows, and the name of each window's program."""
        pids = [self.windows.pid(one.id) for one in self.windows.list()]
        commands: dict[int, list[str]] = {}
        for pid in dict.fromkeys(pids):
            if pid > 1 and (told := self.session.box.commands([pid])):
                commands[pid] = programs.again(*told[0])
        names = [programs.name_of(commands.get(pid, ())) or "unknown" for pid in pids]
        return list(commands.values()), names

    @property
    def cut(self) -> bool:
        """Whether a connection to the display was closed from its other end."""
        ours = (self.display.display.socket_error, self.watcher.cut, self.clipboard.cut)
        return any(ours) or self.dragging.cut

    def close(self) -> None:
        """Close the connections; the display may be dead already."""
        self.eyes.forget()
        self.ocr.close()
        self.traffic.close()
        self.tree.close()
        self.clipboard.close()
        self.dragging.close()
        self.watcher.close()
        with suppress(error.ConnectionClosedError):
            self.display.close()
        with suppress(ScreenShotError):
            self.camera.close()


def _speaking(session: Session, activity: Activity) -> list[int]:
    """The processes whose connections leave the desktop: its network filter, if it has one."""
    if session.proxy is None:
        return activity.pids
    return [session.proxy.pid] if session.proxy.pid else []


def _quiet(failure: error.XError, request: object) -> None:
    """A window may vanish between two requests."""
    logger.debug("X error: %s", failure)

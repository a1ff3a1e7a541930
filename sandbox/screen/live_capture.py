"""A second look at a running desktop, for those who watch: connections of its own, on one thread.

It waits for painting (XDamage), the pointer's shape (XFixes) and place (XInput 2), new text on the
clipboard and another size of the screen; and it grabs what was painted, with secrets covered.
"""

import select
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import mss
import numpy as np
from mss.exception import ScreenShotError
from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import damage, xfixes, xinput

from ..accessibility.atspi.tree import AccessibilityTree
from ..geometry import Point, Rect
from ..imaging.image import Pixels
from ..secrets.redaction import Redactor
from ..x11.windows import Windows
from .stream_redaction import StreamRedaction

_LOOKED = 0.5  # seconds between two looks at where secrets are while nothing is painted
_CORNER = Rect(0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The shape of the pointer: rows of blue, green, red, alpha, with colours times alpha."""

    width: int
    height: int
    hot: Point
    """The pixel that points."""
    pixels: bytes


@dataclass(slots=True)
class News:
    """What has happened since the last look."""

    painted: bool = False
    shape: bool = False
    moved: bool = False
    copied: bool = False
    resized: bool = False


class LiveCapture:
    """Everything needs the one thread that made it.

    Args:
        display: A connection of its own, which it closes.
        camera: Opens a connection that grabs pixels, which it closes.
        tree: Asks programs where fields are; it closes it.
        masks: What may not be seen.
        own_clipboard: The window that owns what was put on the clipboard from outside.
    """

    def __init__(
        self,
        display: Display,
        camera: Callable[[Display], mss.MSS],
        tree: AccessibilityTree,
        masks: Redactor,
        own_clipboard: int,
    ) -> None:
        self._display = display
        self._tree = tree
        self._masks = masks.through(tree, Windows(display))
        self._own_clipboard = own_clipboard
        self._veil = StreamRedaction()
        self._looked: float | None = None
        self._root = display.screen().root
        display.set_error_handler(_quiet)
        with ExitStack() as opened:
            opened.callback(self._close_display)
            self._camera = camera(display)
            opened.callback(self._close_camera)
            size = self._root.get_geometry()
            self.screen = Rect(0, 0, size.width, size.height)
            self._listen()
            self._at_end = opened.pop_all()

    def _listen(self) -> None:
        display, root = self._display, self._root
        root.change_attributes(event_mask=X.StructureNotifyMask)
        display.damage_query_version()
        self._damage_event = _first_event(display, "DAMAGE")
        self._damage = root.damage_create(damage.DamageReportBoundingBox)
        display.xfixes_query_version()
        self._xfixes_event = _first_event(display, "XFIXES")
        display.xfixes_select_cursor_input(root, xfixes.XFixesDisplayCursorNotifyMask)
        display.xfixes_select_selection_input(
            root, display.intern_atom("CLIPBOARD"), xfixes.XFixesSetSelectionOwnerNotifyMask
        )
        display.xinput_query_version()
        root.xinput_select_events([(xinput.AllMasterDevices, xinput.RawMotionMask)])
        display.sync()
        self._painted: Rect | None = self.screen

    @property
    def due(self) -> float | None:
        """When to grab again though nothing is painted; None: never."""
        times = [self._veil.due, self._looked and self._looked + _LOOKED]
        return min((one for one in times if one is not None), default=None)

    @property
    def dirty(self) -> bool:
        """Whether anything was painted that was not grabbed."""
        return self._painted is not None

    def wait(self, bell: int, until: float | None) -> News:
        """Return when something happened, the bell can be read, or at a time.

        Raises:
            ConnectionClosedError: The display has died.
        """
        if not self._display.pending_events():
            left = None if until is None else max(0.0, until - time.monotonic())
            select.select([self._display, bell], [], [], left)
        return self._take(self._display.pending_events())

    def grab(self, shown: Pixels) -> tuple[Rect, Pixels] | None:
        """Pixels that may be shown, and which part of the screen they are; None: none may be now.

        Args:
            shown: What was shown last.

        Raises:
            ScreenShotError: The display has died or has another size.
        """
        typed = self._masks.typed
        found = None if typed is None else self._grab(shown)
        if typed is None or self._masks.typed != typed:
            self._painted = self.screen
            return None
        return found

    def _grab(self, shown: Pixels) -> tuple[Rect, Pixels]:
        before = self._masks.hidden()
        # What was covered until now may show again without being painted.
        part = self.screen if before or self._looked else self._painted or _CORNER
        self._painted = None
        self._display.damage_subtract(self._damage)
        # Before the pixels are read: what is painted from here on is told again.
        self._display.sync()
        pixels = self._read(part)
        after = self._masks.hidden()
        if after and part != self.screen:
            part, before = self.screen, after
            pixels = self._read(part)
            after = self._masks.hidden()
        now = time.monotonic()
        self._looked = now if before or after else None
        if part == self.screen:
            pixels = self._veil.over(shown, before, pixels, after, now)
        return part, pixels

    def cursor(self) -> Cursor:
        """The shape of the pointer as it is now."""
        found = self._display.xfixes_get_cursor_image(self._root)
        pixels = np.array(found.cursor_image, np.uint32).astype("<u4").tobytes()
        return Cursor(found.width, found.height, Point(found.xhot, found.yhot), pixels)

    def where(self) -> Point:
        """Where the pointer is."""
        found = self._root.query_pointer()
        return Point(found.root_x, found.root_y)

    def close(self) -> None:
        self._at_end.close()

    def _close_display(self) -> None:
        self._tree.close()
        with suppress(error.ConnectionClosedError):
            self._display.close()

    def _close_camera(self) -> None:
        with suppress(ScreenShotError):
            self._camera.close()

    def _read(self, part: Rect) -> Pixels:
        place = {"left": part.x, "top": part.y, "width": part.width, "height": part.height}
        shot = self._camera.grab(place)
        return np.frombuffer(shot.raw, np.uint8).reshape(part.height, part.width, 4)

    def _take(self, pending: int) -> News:
        news = News()
        for _ in range(pending):
            seen = self._display.next_event()
            if seen.type == self._damage_event:
                area = seen.area
                rect = Rect(area.x, area.y, area.width, area.height).overlap(self.screen)
                if rect:
                    news.painted = True
                    self._painted = Rect.around([rect, self._painted or rect])
            elif seen.type == self._xfixes_event:
                news.copied |= seen.owner.id != self._own_clipboard if seen.owner else False
            elif seen.type == self._xfixes_event + xfixes.XFixesCursorNotify:
                news.shape = True
            elif seen.type == X.ConfigureNotify:
                size = (seen.width, seen.height)
                news.resized |= size != (self.screen.width, self.screen.height)
            else:
                news.moved = True
        return news


def _quiet(failure: error.XError, request: object) -> None:
    """A window may vanish between two requests."""


def _first_event(display: Display, name: str) -> int:
    extension = display.query_extension(name)
    assert extension, "Xvfb has it built in"
    return extension.first_event

"""What eyes can do on a desktop: look, see what changed, wait for rest. One thread at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mss
import numpy as np
from mss.exception import ScreenShotError
from Xlib.display import Display

from .activity import Activity
from .errors import Cancelled
from .geometry import Rect, View
from .masks import Masks
from .picture import Picture, Pixels, covered, difference, draw_over, encode, marked, png, resized
from .settle import End, Patience, Settling
from .watcher import Watcher
from .windows import Windows

_STEP = 0.05  # seconds between two looks at whether a program is still at work


@dataclass(frozen=True, slots=True)
class Seen:
    """How the screen answered an action; rectangles are pixels of the screen."""

    changed: Rect | None
    """What the action changed; None when nothing that is not a blinking caret."""
    meanwhile: Rect | None
    """What had changed between the last answer and the action."""
    end: End
    first_change: float | None
    """Seconds from the input to the first change."""
    settled: float
    """Seconds from the input to the last change that counted."""


class Eyes:
    """The pixels of one desktop.

    Args:
        camera: A connection that grabs pixels, which its owner closes.
        display: A connection for questions about windows and the cursor, which its owner closes.
        watcher: Knows what is painted.
        activity: Knows which programs are at work.
        masks: What may not be seen.
        gave_up: Whether the caller has given up; asked while waiting.
    """

    def __init__(
        self,
        camera: mss.MSS,
        display: Display,
        watcher: Watcher,
        activity: Activity,
        masks: Masks,
        gave_up: Callable[[], bool],
    ) -> None:
        self._camera = camera
        self._display = display
        self._watcher = watcher
        self._activity = activity
        self._masks = masks
        self._masked: Sequence[Rect] = ()
        self._gave_up = gave_up
        self._windows = Windows(display)
        self._painted = -1
        self._pixels = self._grab()
        self._answered = self._pixels
        self._carets: frozenset[Rect] = frozenset()
        self._look = 1
        display.xfixes_query_version()

    @property
    def look(self) -> int:
        """Grows by one whenever the screen is seen to have changed."""
        return self._look

    def pixels(self) -> Pixels:
        """The screen as it is now."""
        self._watcher.catch_up()
        if self._painted != self._watcher.count or self._masks.rects() != self._masked:
            before, self._pixels = self._pixels, self._grab()
            if self._differs(before, self._pixels):
                self._look += 1
        return self._pixels

    def picture(
        self, view: View, budget: int, *, cursor: bool, marks: Sequence[tuple[str, Rect]] = ()
    ) -> Picture:
        """The whole screen in at most `budget` bytes.

        Args:
            view: The size of the picture.
            budget: The most bytes.
            cursor: Whether to draw the pointer.
            marks: Labels and rectangles, in pixels of the picture, to draw.
        """
        pixels = self.pixels()
        if cursor:
            pixels = self._with_cursor(pixels)
        width, height = view.picture.width, view.picture.height
        if marks:
            pixels = marked(resized(pixels, width, height), marks)
        return encode(pixels, width, height, budget)

    def part(self, view: View, region: Rect, budget: int) -> Picture:
        """A region of the picture of the whole screen, as large as it is there."""
        place = view.region_to_screen(region)
        part = self.pixels()[place.y : place.bottom, place.x : place.right]
        return encode(part, region.width, region.height, budget)

    def lossless(self) -> Picture:
        """The whole screen, pixel for pixel."""
        return png(self.pixels())

    def zoom(self, region: Rect, within: Rect, budget: int) -> Picture:
        """A region of the screen, scaled to the largest picture that fits `within`."""
        part = self.pixels()[region.y : region.bottom, region.x : region.right]
        scale = min(within.width / region.width, within.height / region.height)
        width, height = round(region.width * scale), round(region.height * scale)
        return encode(part, max(1, width), max(1, height), budget)

    def answer(self) -> None:
        """What is seen now is what the caller is told; `meanwhile` counts from here."""
        self._answered = self._pixels

    def during(self, act: Callable[[], None], patience: Patience, *, afresh: bool = False) -> Seen:
        """Act, and wait until the screen has come to rest.

        Args:
            act: What to do.
            patience: How long to wait for what.
            afresh: Whether what moved before already counts too.

        Raises:
            Cancelled: The caller gave up.
        """
        before = self.pixels()
        meanwhile = self._differs(self._answered, before)
        self._activity.begin()
        count = self._painted
        earlier = [] if afresh else self._watcher.recent()
        settling = Settling(patience, time.monotonic(), earlier)
        act()
        settling.sent(time.monotonic())
        end = self._rest(settling, count)
        self._carets = settling.carets
        after = self.pixels()
        changed = self._differs(before, after)
        self._activity.end()
        first = settling.first
        last = settling.last
        return Seen(
            changed,
            meanwhile,
            End.UNCHANGED if changed is None and end is End.STILL else end,
            None if first is None else max(0.0, first - settling.start),
            0.0 if last is None else max(0.0, last - settling.start),
        )

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is true, asking again after each painting; False when in vain.

        Raises:
            Cancelled: The caller gave up.
        """
        until = time.monotonic() + seconds
        while True:
            count = self._watcher.count
            if true():
                return True
            if time.monotonic() >= until:
                return False
            if self._gave_up():
                raise Cancelled
            # Titles and the like change without painting, so ask now and then anyway.
            self._watcher.catch_up()
            self._watcher.wait(count, min(until, time.monotonic() + 0.1))

    def change(self, before: Pixels, region: Rect | None = None) -> Rect | None:
        """Where the screen, or a region of it, looks different than before; None where it does not.

        Args:
            before: What `pixels` gave.
            region: In pixels of the screen; None: all of it.
        """
        now = self.pixels()
        if region is None:
            return self._differs(before, now)
        part = np.s_[region.y : region.bottom, region.x : region.right]
        return difference(before[part], now[part])

    def meanwhile(self) -> Rect | None:
        """What has changed since the last answer."""
        return self._differs(self._answered, self.pixels())

    def _rest(self, settling: Settling, count: int) -> End:
        window = self._windows.active_id()
        ping = self._watcher.ping(window) if window else None
        while True:
            for when, rect in self._watcher.since(count):
                settling.painted(when, rect)
                count += 1
            due, why = settling.end()
            now = time.monotonic()
            if self._gave_up():
                raise Cancelled
            at_work = self._activity.at_work()
            if now < due:
                self._watcher.wait(count, min(due, now + _STEP))
            elif why is End.DEADLINE or why is End.ANIMATING:
                return why
            elif at_work or (ping is not None and not self._watcher.answered(ping)):
                settling.hold(now + _STEP)
            else:
                return why

    def _differs(self, before: Pixels, after: Pixels) -> Rect | None:
        if before is after or difference(before, after, self._carets) is None:
            return None
        return difference(before, after)

    def _grab(self) -> Pixels:
        self._painted = self._watcher.count
        before = self._masks.rects()
        try:
            shot = self._camera.grab(self._camera.monitors[0])
        except AssertionError as death:  # what mss 10.2 says of a connection that died meanwhile
            raise ScreenShotError("the connection to the display ended") from death
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        # What moved while it was grabbed is covered where it was and where it is.
        self._masked = self._masks.rects()
        hidden = [*before, *self._masked]
        return covered(pixels, hidden) if hidden else pixels

    def _with_cursor(self, pixels: Pixels) -> Pixels:
        found = self._display.xfixes_get_cursor_image(self._display.screen().root)
        words = np.array(found.cursor_image, np.uint32).reshape(found.height, found.width)
        image = np.ascontiguousarray(words).view(np.uint8).reshape(found.height, found.width, 4)
        return draw_over(pixels, image, found.x - found.xhot, found.y - found.yhot)

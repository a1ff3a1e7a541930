"""What eyes can do on a desktop: look, see what changed, wait for rest. One thread at a time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import mss
import numpy as np
from mss.exception import ScreenShotError
from Xlib.display import Display

from ..accessibility.atspi.bus import Key, Silent
from ..accessibility.pages import Page
from ..activity.cpu import Activity
from ..activity.requests import Traffic
from ..errors import Cancelled
from ..geometry import Point, Rect, View
from ..imaging.image import (
    Picture,
    Pixels,
    covered,
    difference,
    draw_over,
    encode,
    marked,
    png,
    resized,
)
from ..imaging.press_echo import local
from ..secrets.redaction import Redactor
from ..x11.damage import DamageMonitor, Grabs
from ..x11.windows import Window, Windows
from .settle import End, Patience, Settling

_STEP = 0.05  # seconds between two looks at whether a program is still at work
_SILENT = 1.0  # seconds after which a program that has not handled its input is told
_OWED = 1.65  # seconds within which what changed nothing may be answered: timers of 1.5 s, a frame
_LATE = 0.15  # seconds by which an answer may be later than the one before
_SHOWN = 0.5  # seconds a program has to show an answer that nothing has come of yet
_REMEMBERED = 10.0  # seconds for which answers are expected to be as late as one that was seen
_ANSWERS = 4  # answers kept, 4 bytes a pixel each; so many clients may take turns
_AROUND = 8  # pixels around a point that belong to it
_THIN = 2  # pixels; as wide as a caret
_TITLED = 0.3  # seconds within which a browser sets its title; Chromium collects them for 0.2
_USUAL_FIRST = Patience().first


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
    loading: int = 0
    """How many requests sent since the input were in flight when the wait ended."""
    stale: bool = False
    """Whether what was pressed had changed since the answer that its place was taken from."""
    silent: int = 0
    """The window with the focus, if it had not handled its input when the wait ended."""


@dataclass(slots=True)
class _Wait:
    """One wait for the screen to come to rest."""

    settling: Settling
    before: Pixels
    title: tuple[int, str]
    patience: Patience
    near: Sequence[Point] = ()
    afresh: bool = False
    """Whether what was asked for before the wait counts too."""
    page: Key | None = None
    """A page that was being loaded when it was last looked at."""
    entitled: bool = False
    """Whether a title was waited for that a browser was about to set."""
    local_only: bool = False
    """Whether nothing has changed but how something that was pressed looks."""
    loading: int = 0
    silent: int = 0
    """A window that has not handled its input."""

    def came(self, title: tuple[int, str]) -> None:
        """Another window or title came with the act: it is not waited for again."""
        if title != self.title:
            self.title = title
            self.settling.news(time.monotonic())

    def seen(self, end: End, changed: Rect | None, meanwhile: Rect | None, *, stale: bool) -> Seen:
        """How the screen answered, the wait being over."""
        start, first, last = self.settling.start, self.settling.first, self.settling.last
        return Seen(
            changed,
            meanwhile,
            End.UNCHANGED if changed is None and end is End.STILL else end,
            None if first is None else max(0.0, first - start),
            0.0 if last is None else max(0.0, last - start),
            self.loading if end is End.LOADING else 0,
            stale,
            self.silent,
        )


class ScreenCapture:
    """The pixels of one desktop.

    Args:
        camera: A connection that grabs pixels, which its owner closes.
        display: A connection for questions about windows and the cursor, which its owner closes.
        watcher: Knows what is painted.
        activity: Knows which programs are at work.
        traffic: Knows which of their requests are in flight.
        masks: What may not be seen.
        page: The page that a window shows, if it is a browser's.
        gave_up: Whether the caller has given up; asked while waiting.
    """

    def __init__(
        self,
        camera: mss.MSS,
        display: Display,
        watcher: DamageMonitor,
        activity: Activity,
        traffic: Traffic,
        masks: Redactor,
        page: Callable[[Window | None], Page | None],
        gave_up: Callable[[], bool],
    ) -> None:
        self._camera = camera
        self._display = display
        self._watcher = watcher
        self._activity = activity
        self._traffic = traffic
        self._owed = 0.0  # when an action was sent whose answer has not been seen
        self._late: tuple[float, float] = (0.0, 0.0)  # how late an answer was, and when it came
        self._masks = masks
        self._masked: Sequence[Rect] = ()
        self._page = page
        self._loading_anyway: Key | None = None  # a page that was being loaded before the action
        self._gave_up = gave_up
        self._windows = Windows(display)
        self._painted = -1
        self._pixels = self.grab()
        self._carets: frozenset[Rect] = frozenset()
        self._look = 1
        self._answered = self._pixels
        self._answers: OrderedDict[int, Pixels] = OrderedDict({1: self._pixels})
        """What the last answers were about, by look."""
        display.xfixes_query_version()

    def forget(self) -> None:
        """Let go of all pixels: who still refers to these eyes is not to keep 30 MB of them."""
        self._pixels = self._answered = self._pixels[:0, :0].copy()
        self._answers.clear()

    @property
    def look(self) -> int:
        """Grows by one whenever the screen is seen to have changed."""
        return self._look

    def pixels(self) -> Pixels:
        """The screen as it is now."""
        self._watcher.catch_up()
        return self._newest()

    def _newest(self) -> Pixels:
        """The screen as far as its paintings have been counted."""
        if self._painted != self._watcher.count or self._masks.rects() != self._masked:
            before, self._pixels = self._pixels, self.grab()
            if self._differs(before, self._pixels):
                self._look += 1
        return self._pixels

    def fresh(self) -> bool:
        """Whether nothing was painted since the screen was looked at last."""
        self._watcher.catch_up()
        return self._painted == self._watcher.count

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
        self._answered = self._answers[self._look] = self._pixels
        self._answers.move_to_end(self._look)
        while len(self._answers) > _ANSWERS:
            self._answers.popitem(last=False)

    def during(
        self,
        act: Callable[[], None],
        patience: Patience,
        *,
        afresh: bool = False,
        near: Callable[[], Sequence[Point]] = tuple,
        aimed: Sequence[Point] = (),
        known: int = 0,
        grabbed: Callable[[Grabs], None] = lambda grabs: None,
    ) -> Seen:
        """Act, and wait until the screen has come to rest.

        Args:
            act: What to do.
            patience: How long to wait for what.
            afresh: Whether what moved before, and what was asked for before, already counts too.
            near: Tells afterwards where something was pressed, on the screen: a small change there
                is not taken for the answer.
            aimed: Points of the screen that the caller chose by what it was shown.
            known: The look of that, to tell whether they are stale; else the last answer's.
            grabbed: Told before the act if programs have input devices to themselves.

        Raises:
            Cancelled: The caller gave up.
        """
        grabs = self._watcher.grabs()
        before = self._newest()
        if any(grabs):
            grabbed(grabs)
        meanwhile = self._differs(self._answered, before)
        self._activity.begin()
        count = self._painted
        earlier = self._watcher.recent()
        start = time.monotonic()
        if not afresh:
            self._traffic.begin(start)
            patience = self._expecting(patience, start, meanwhile, earlier)
        settling = Settling(patience, start, [] if afresh else earlier)
        wait = _Wait(settling, before, self._title(), patience, afresh=afresh)
        act()
        wait.came(self._title())
        wait.near = near()
        stale = any(self._stale(at, before, known) and not wait.settling.moves(at) for at in aimed)
        wait.settling.sent(time.monotonic())
        end = self._rest(wait, count)
        self._carets = wait.settling.carets
        changed = self._differs(before, self.pixels())
        self._activity.end()
        if not afresh and _patient(patience):
            self._owed = start if changed is None or wait.local_only else 0.0
        return wait.seen(end, changed, meanwhile, stale=stale)

    def _stale(self, at: Point, now: Pixels, known: int) -> bool:
        """Whether a place looked different in an earlier answer; a caret does not count."""
        then = self._answers.get(known, self._answered)
        left, top = max(0, at.x - _AROUND), max(0, at.y - _AROUND)
        part = np.s_[top : at.y + _AROUND, left : at.x + _AROUND]
        changed = difference(then[part], now[part]) if then.shape == now.shape else None
        return changed is not None and changed.width > _THIN

    def _expecting(
        self,
        patience: Patience,
        start: float,
        meanwhile: Rect | None,
        earlier: Sequence[tuple[float, Rect]],
    ) -> Patience:
        """Wait longer for the first change where answers were seen to come that late."""
        if start - self._owed > _OWED:
            self._owed = 0.0
        if self._owed and meanwhile and earlier and earlier[-1][0] > self._owed:
            self._late = earlier[-1][0] - self._owed, start
            self._owed = 0.0
        late, when = self._late
        if start - when < _REMEMBERED and _patient(patience):
            return replace(patience, first=max(patience.first, late + _LATE))
        return patience

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

    def _rest(self, wait: "_Wait", count: int) -> End:
        settling, sent = wait.settling, time.monotonic()
        holds = wait.patience.requests and wait.patience.first > 0
        window, ping = 0, None

        def ask(active: int) -> None:
            nonlocal window, ping
            if active != window:
                window, ping = active, self._watcher.ping(active) if active else None

        def silent() -> bool:
            return ping is not None and not self._answered_ping(ping, window)

        ask(self._windows.active_id())
        while True:
            for when, rect in self._watcher.since(count):
                settling.painted(when, rect)
                count += 1
            due, why = settling.end()
            now = time.monotonic()
            if self._gave_up():
                raise Cancelled
            at_work = self._activity.at_work()
            wait.loading = self._traffic.waiting() if holds else 0
            if now < due:
                self._watcher.wait(count, min(due, now + _STEP))
            elif why is End.DEADLINE:
                self._loading_anyway = wait.page
                wait.loading += wait.page is not None
                wait.silent = window if silent() else 0
                return End.LOADING if wait.loading else why
            elif wait.loading or (why is not End.ANIMATING and at_work):
                settling.hold(now + _STEP)
            elif why is End.ANIMATING:
                if now < self._shown_by(wait):
                    settling.hold(now + _STEP)
                    continue
                wait.silent = window if now - sent > _SILENT and silent() else 0
                return why
            elif silent() or self._page_comes(wait, sent):
                settling.hold(now + _STEP)
            elif (title := self._title()) != wait.title:
                wait.title = title
                ask(title[0])
                settling.news(now)
            elif now < self._not_before(wait, sent):
                settling.hold(now + _STEP)
            else:
                return why

    def _answered_ping(self, ping: int, window: int) -> bool:
        """Whether a window has handled its input, or is gone."""
        return self._watcher.answered(ping) or not self._windows.exists(window)

    def _not_before(self, wait: "_Wait", sent: float) -> float:
        """Until when to wait although something has changed and all is at rest.

        A pressed button that lights up is no answer yet. And what changes soon after an action that
        was not answered belongs to that one: this one's answer is as late again.
        """
        until = 0.0
        if not _patient(wait.patience):
            return until
        if wait.near:
            now = self._at_rest(wait.before, wait.settling.animations())
            wait.local_only = local(wait.before, now, wait.near)
            if wait.local_only:
                until = max(sent + wait.patience.first, self._shown_by(wait))
        if self._owed and wait.settling.first is not None:
            late = wait.settling.first - self._owed
            if late <= _OWED:
                until = max(until, sent + late + _LATE)
        return until

    def _at_rest(self, before: Pixels, animations: Sequence[Rect]) -> Pixels:
        """The screen now, as it was before where it is painted all the time."""
        now = self.pixels()
        if not animations or now is before or now.shape != before.shape:
            return now
        now = now.copy()
        for one in animations:
            part = np.s_[one.y : one.bottom, one.x : one.right]
            now[part] = before[part]
        return now

    def _shown_by(self, wait: "_Wait") -> float:
        """Until when a program has time to show what it was answered, if it has shown nothing.

        A spinner or a pressed button goes on until then; a busy machine may take a while.
        """
        answered = self._traffic.answered
        if not _patient(wait.patience) or wait.settling.fresh > answered:
            return 0.0
        return answered + _SHOWN

    def _page_comes(self, wait: "_Wait", sent: float) -> bool:
        """Whether a browser is still loading a page, or is about to set the title to its name."""
        if not wait.patience.requests or wait.settling.first is None:
            return False
        wait.page, active = None, self._windows.active()
        try:
            page = self._page(active)
        except Silent:
            return time.monotonic() - sent < _TITLED
        if active is None or page is None:
            return False
        if not page.busy:
            self._loading_anyway = None
        elif wait.afresh or page.key != self._loading_anyway:
            wait.page = page.key
            return True
        if page.entitles(active.title):
            if wait.entitled:
                wait.title = active.id, active.title
            return False
        wait.entitled = time.monotonic() - sent < _TITLED
        return wait.entitled

    def _title(self) -> tuple[int, str]:
        active = self._windows.active()
        return (active.id, active.title) if active else (0, "")

    def _differs(self, before: Pixels, after: Pixels) -> Rect | None:
        if before is after or difference(before, after, self._carets) is None:
            return None
        return difference(before, after)

    def grab(self) -> Pixels:
        """Read the whole screen, whether or not anything was painted."""
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


def _patient(patience: Patience) -> bool:
    """Whether an answer is waited for, and not only what a program shows at once."""
    return patience.requests and patience.first >= _USUAL_FIRST

"""A plain X client that covers the screen and remembers what reached it."""

import select
import threading
import time
from dataclasses import dataclass

from Xlib import XK, X
from Xlib.protocol import event, rq
from Xlib.xobject.fontable import Font

from gloveport.sandbox.x11.server import XServer

NOTHING = 0.3  # seconds without an event that count as silence


@dataclass(frozen=True)
class Press:
    """A button went down: its number, where, and the modifiers that were held."""

    button: int
    x: int
    y: int
    state: int = 0


@dataclass(frozen=True)
class Release:
    button: int
    x: int
    y: int
    state: int = 0


@dataclass(frozen=True)
class Key:
    """A key went down: its first keysym's name and the modifiers that were held."""

    name: str
    state: int = 0


@dataclass(frozen=True)
class KeyUp:
    name: str
    state: int = 0


@dataclass(frozen=True)
class Moved:
    x: int
    y: int


Happening = Press | Release | Key | KeyUp | Moved
_BUTTONS = 0x1F00  # of an event's state: which buttons were held


class Witness:
    def __init__(self, x: XServer, *, motion: bool = False) -> None:
        self._x = x.connect()
        self._reaction: threading.Thread | None = None
        screen = self._x.screen()
        mask = X.ButtonPressMask | X.ButtonReleaseMask | X.KeyPressMask | X.KeyReleaseMask
        self._window = screen.root.create_window(
            0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, screen.root_depth,
            background_pixel=0x3366CC, override_redirect=True,
            event_mask=mask | X.ExposureMask | (X.PointerMotionMask if motion else 0),
        )  # fmt: skip
        self._window.map()
        while self._next(5).type != X.Expose:
            pass
        self._window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self._x.sync()

    def saw(self) -> Happening:
        """Wait for the next thing that happens."""
        while True:
            if happening := self._read(self._next(5)):
                return happening

    def saw_all(self, count: int) -> list[Happening]:
        return [self.saw() for _ in range(count)]

    def saw_nothing(self) -> bool:
        """Whether nothing has happened, nor happens for a while."""
        until = time.monotonic() + NOTHING
        while (left := until - time.monotonic()) > 0:
            try:
                if self._read(self._next(left)):
                    return False
            except TimeoutError:
                return True
        return True

    def paint(self, colour: int, x: int, y: int, width: int, height: int) -> None:
        """Fill a rectangle with a colour, 0xRRGGBB."""
        brush = self._window.create_gc(foreground=colour)
        self._window.fill_rectangle(brush, x, y, width, height)
        brush.free()
        self._x.sync()

    def put(self, pixels: bytes, width: int, height: int) -> None:
        """Show pixels of blue, green, red, unused at the top left."""
        brush = self._window.create_gc()
        rows = 200_000 // (width * 4)  # a request takes no more
        for y in range(0, height, rows):
            high = min(rows, height - y)
            part = pixels[y * width * 4 : (y + high) * width * 4]
            self._window.put_image(brush, 0, y, width, high, X.ZPixmap, 24, 0, part)
        brush.free()
        self._x.sync()

    def wear_cursor(self, shape: int) -> None:
        """Give the pointer a shape of the cursor font."""
        font = self._x.open_font("cursor")
        assert isinstance(font, Font)
        black, white = (0, 0, 0), (65535, 65535, 65535)
        cursor = font.create_glyph_cursor(font, shape, shape + 1, black, white)
        self._window.change_attributes(cursor=cursor)
        self._x.sync()

    def paint_when_pressed(self, colour: int, x: int, y: int, width: int, height: int) -> None:
        """Fill a rectangle once a button is pressed."""

        def react() -> None:
            self.saw()
            self.paint(colour, x, y, width, height)

        self._reaction = threading.Thread(target=react)
        self._reaction.start()

    def close(self) -> None:
        if self._reaction:
            self._reaction.join()
        self._x.close()

    def _read(self, seen: rq.Event) -> Happening | None:
        match seen:
            case event.ButtonPress():
                return Press(seen.detail, seen.event_x, seen.event_y, seen.state & ~_BUTTONS)
            case event.ButtonRelease():
                return Release(seen.detail, seen.event_x, seen.event_y, seen.state & ~_BUTTONS)
            case event.KeyPress():
                return Key(self._key(seen.detail), seen.state & ~_BUTTONS)
            case event.KeyRelease():
                return KeyUp(self._key(seen.detail), seen.state & ~_BUTTONS)
            case event.MotionNotify():
                return Moved(seen.event_x, seen.event_y)
            case _:
                return None

    def _key(self, keycode: int) -> str:
        keysym = self._x.keycode_to_keysym(keycode, 0)
        named = {
            value: name.removeprefix("XK_")
            for name, value in sorted(vars(XK).items(), reverse=True)
            if name.startswith("XK_")
        }
        return named.get(keysym, f"0x{keysym:x}")

    def _next(self, seconds: float) -> rq.Event:
        if not self._x.pending_events() and not select.select([self._x], [], [], seconds)[0]:
            raise TimeoutError("the witness saw nothing")
        return self._x.next_event()

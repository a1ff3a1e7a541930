"""The windows of a desktop, through the window manager (EWMH)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from Xlib import X, error
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from ..errors import NoSuchWindow
from ..geometry import Rect
from ..names import clean

_PAGER = 2  # EWMH source indication: a request of the user, which no focus prevention refuses
_HIDDEN_FROM_LISTS = {f"_NET_WM_WINDOW_TYPE_{kind}" for kind in ("DESKTOP", "DOCK", "SPLASH")}
# Properties are what programs say, of any length, so X is never asked for all of one.
_LONGEST_TEXT = 256  # units of 4 bytes; a name of 200 characters, all of them emoji, has fewer
_LONGEST_LIST = 1024  # windows; those on top, if there are more
_LONGEST_SET = 32  # types or states of a window; EWMH knows 14 and 13


@dataclass(frozen=True, slots=True)
class Window:
    """One window as its user sees it; `rect` is its contents on the screen, without the frame."""

    id: int
    title: str
    application: str
    rect: Rect
    active: bool
    minimised: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing the screen is made of: a window with its frame, a menu, the panel."""

    window: int
    """The program's own window; the frame around it is the window manager's."""
    pid: int
    """The process it says it belongs to; 0 when it does not say."""
    title: str
    application: str
    outer: Rect
    """All that it covers, the frame included."""
    inner: Rect
    """Its contents."""
    popup: bool
    """Whether it is a menu, a tool tip or the like, which no window manager frames."""
    dock: bool
    """Whether it is a panel."""
    active: bool


class Windows:
    """Lists and moves windows. Used by one thread at a time.

    Args:
        display: A connection that its owner closes.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root

    def list(self) -> list[Window]:
        """The open windows, the one on top last; panels and the desktop itself are left out."""
        active = self.active_id()
        stack = self._numbers(self._root, "_NET_CLIENT_LIST_STACKING")
        found = [self._describe(number, active) for number in stack]
        return [window for window in found if window]

    def numbers(self) -> frozenset[int]:
        """The ids of all windows, those included that are left out of lists."""
        return frozenset(self._numbers(self._root, "_NET_CLIENT_LIST"))

    def active_id(self) -> int:
        """The window that has the focus; 0 when none has."""
        return next(iter(self._numbers(self._root, "_NET_ACTIVE_WINDOW")), 0)

    def active(self) -> Window | None:
        active = self.active_id()
        return self._describe(active, active) if active else None

    def layers(self) -> Sequence[Layer]:
        """Everything that is on the screen, the topmost first; the wallpaper is left out."""
        framed = {
            self._topmost(number): number
            for number in self._numbers(self._root, "_NET_CLIENT_LIST")
        }
        active = self.active_id()
        found = [
            self._layer(one.id, framed.get(one.id), active)
            for one in reversed(self._root.query_tree().children)
        ]
        return [layer for layer in found if layer]

    def find(self, asked: str) -> Window:
        """The window with this id ("0x1e00003") or this title, whole or in part; the topmost one.

        Raises:
            NoSuchWindow: There is none; the error lists the titles there are.
        """
        windows = self.list()
        wanted = clean(asked).casefold()
        ways: tuple[Callable[[Window], bool], ...] = (
            lambda window: wanted in (f"0x{window.id:x}", str(window.id)),
            lambda window: window.title.casefold() == wanted,
            lambda window: wanted in window.title.casefold(),
            lambda window: window.application.casefold() == wanted,
        )
        for fits in ways if wanted else ():
            for window in reversed(windows):
                if fits(window):
                    return window
        raise NoSuchWindow(asked, [window.title for window in windows])

    def exists(self, window: int) -> bool:
        """Whether a window has not been closed; it may be minimised."""
        try:
            self._window(window).get_attributes()
        except error.BadWindow:
            return False
        return True

    def focus(self, window: Window) -> None:
        """Raise a window, un-minimised, and give it the focus."""
        self._send(window.id, "_NET_ACTIVE_WINDOW", [_PAGER, X.CurrentTime, self.active_id()])

    def close(self, window: Window) -> None:
        """Ask a window to close; its program may ask back."""
        self._send(window.id, "_NET_CLOSE_WINDOW", [X.CurrentTime, _PAGER])

    def move(self, window: Window, to: Rect) -> None:
        """Give the frame's top left corner a place and the contents a size."""
        self._maximise(window, add=False)
        everything = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | _PAGER << 12
        self._send(
            window.id, "_NET_MOVERESIZE_WINDOW", [everything, to.x, to.y, to.width, to.height]
        )

    def maximise(self, window: Window) -> None:
        self._maximise(window, add=True)

    def minimise(self, window: Window) -> None:
        self._send(window.id, "WM_CHANGE_STATE", [3])  # IconicState

    def pid(self, window: int) -> int:
        """The process a window says it belongs to; 0 when it does not say."""
        return next(iter(self._numbers(self._window(window), "_NET_WM_PID")), 0)

    def title(self, window: int) -> str:
        """The title of a window; empty when it is gone."""
        try:
            return self._title(self._window(window))
        except (error.BadWindow, error.BadDrawable):
            return ""

    def _maximise(self, window: Window, *, add: bool) -> None:
        both = [
            self._display.intern_atom(f"_NET_WM_STATE_MAXIMIZED_{way}") for way in ("VERT", "HORZ")
        ]
        self._send(window.id, "_NET_WM_STATE", [int(add), *both, _PAGER])

    def _describe(self, number: int, active: int) -> Window | None:
        """None when the window has gone or is none for people."""
        window = self._window(number)
        try:
            kinds = self._set(window, "_NET_WM_WINDOW_TYPE")
            if any(self._display.intern_atom(kind) in kinds for kind in _HIDDEN_FROM_LISTS):
                return None
            size = window.get_geometry()
            corner = window.translate_coords(self._root, 0, 0)
            hidden = self._display.intern_atom("_NET_WM_STATE_HIDDEN")
            return Window(
                number,
                self._title(window),
                self._class(window),
                Rect(-corner.x, -corner.y, size.width, size.height),
                number == active,
                hidden in self._set(window, "_NET_WM_STATE"),
            )
        except (error.BadWindow, error.BadDrawable):
            return None

    def _topmost(self, number: int) -> int:
        """The child of the root that holds a window: its frame, or itself."""
        window = self._window(number)
        try:
            while (parent := window.query_tree().parent) != self._root:
                if not parent:
                    break
                window = parent
        except error.BadWindow:
            pass
        return window.id

    def _layer(self, number: int, client: int | None, active: int) -> Layer | None:
        """None when it does not show."""
        outside, inside = self._window(number), self._window(client or number)
        try:
            attributes = outside.get_attributes()
            if attributes.map_state != X.IsViewable:
                return None
            outer, inner = self._place(outside), self._place(inside)
            if outer.width < 3 or outer.height < 3:
                return None
            if client is None and attributes.win_class == X.InputOnly:
                return None
            dock = self._display.intern_atom("_NET_WM_WINDOW_TYPE_DOCK")
            return Layer(
                inside.id, self.pid(inside.id), self._title(inside), self._class(inside), outer,
                inner, client is None, dock in self._set(inside, "_NET_WM_WINDOW_TYPE"),
                inside.id == active,
            )  # fmt: skip
        except (error.BadWindow, error.BadDrawable):
            return None

    def _place(self, window: XWindow) -> Rect:
        size = window.get_geometry()
        corner = window.translate_coords(self._root, 0, 0)
        edge = size.border_width
        return Rect(
            -corner.x - edge, -corner.y - edge, size.width + 2 * edge, size.height + 2 * edge
        )

    def _title(self, window: XWindow) -> str:
        names = ("_NET_WM_VISIBLE_NAME", "_NET_WM_NAME", "WM_NAME")
        return next((said for name in names if (said := self._said(window, name))), "")

    def _class(self, window: XWindow) -> str:
        """The second of the two names in WM_CLASS (ICCCM, 4.1.2.5), of the application."""
        return self._said(window, "WM_CLASS", part=1)

    def _said(self, window: XWindow, name: str, part: int = 0) -> str:
        """The text of a property, or one of its parts, each of which ends with a zero byte."""
        found = self._property(window, name, _LONGEST_TEXT)
        if found is None or found.format != 8:
            return ""
        of_utf8 = found.property_type == self._display.intern_atom("UTF8_STRING")
        parts = bytes(found.value).split(b"\0", part + 1) if part else [bytes(found.value)]
        if part >= len(parts):
            return ""
        if of_utf8:  # the last character may be cut in two
            return clean(parts[part].decode("utf-8", "ignore" if found.bytes_after else "replace"))
        return clean(parts[part].decode("latin-1"))

    def _numbers(self, window: XWindow, name: str) -> Sequence[int]:
        try:
            found = self._property(window, name, _LONGEST_LIST)
            if found and found.bytes_after:  # what is on top comes last
                skipped = found.bytes_after // 4
                found = self._property(window, name, _LONGEST_LIST, skipped)
        except error.BadWindow:
            return []
        return list(found.value) if found and found.format == 32 else []

    def _set(self, window: XWindow, name: str) -> set[int]:
        """The atoms of a property."""
        found = self._property(window, name, _LONGEST_SET)
        return set(found.value) if found and found.format == 32 else set()

    def _property(self, window: XWindow, name: str, most: int, skipped: int = 0) -> Any:
        """At most so many units of 4 bytes of a property; None where there is none."""
        atom = self._display.intern_atom(name)
        return window.get_property(atom, X.AnyPropertyType, skipped, most)

    def _window(self, number: int) -> XWindow:
        return self._display.create_resource_object("window", number)

    def _send(self, window: int, name: str, data: Sequence[int]) -> None:
        message = event.ClientMessage(
            window=window,
            client_type=self._display.intern_atom(name),
            data=(32, [*data, *[0] * (5 - len(data))]),
        )
        mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
        self._root.send_event(message, event_mask=mask)
        self._display.flush()

"""Opens an application, a URL or a file, and waits for its window."""

from pathlib import Path

from .errors import BadText, NotDone
from .frame_builder import FrameBuilder
from .frames import Frame, Show
from .runtime import Runtime
from .screen.settle import Patience
from .session import desktop_entries
from .session.session import Session
from .x11.keysyms import sequence

# A starting program shows an empty window first and goes on after a pause.
_STARTING = Patience(first=1.0, quiet=0.5, deadline=10.0)
_WINDOW_WITHIN = 12.0  # seconds a started program has to show a window
_HANDED_OVER_WITHIN = 5.0  # seconds for it to appear when the program had another one show it


def command_for(target: str, session: Session) -> desktop_entries.Command:
    """What opens a URL, a file of the home, or an application of a name."""
    if not target.strip() or "\0" in target:
        raise BadText("Name an application, a URL or a file to open.")
    return desktop_entries.command(
        target, desktop_entries.installed(session.applications), session.home
    )


def open_target(
    parts: Runtime, frames: FrameBuilder, command: desktop_entries.Command, show: Show, seen: int
) -> Frame:
    argv = command.argv
    before = {window.id: window.title for window in parts.windows.list()}
    silent = parts.session.folder.said(argv[0])

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

    frame = frames.during(parts, start, _STARTING, show, seen)
    if frame.changed is None and not shown():
        words = parts.session.folder.last_words(argv[0], silent)
        raise NotDone(
            f"{Path(argv[0]).name} was started, showed no window and changed nothing; "
            + (f"it said: {words}" if words else "it said nothing about why.")
        )
    return frame

"""An X server of our own: Xvfb with its own cookie, and connections to it."""

import os
import secrets
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mss
from Xlib import X, error
from Xlib.display import Display

from ..errors import CannotStart
from .grab_control import ignore_grabs, ignore_grabs_of_camera

# Families of an Xauthority entry (Xauth(3)). libxcb takes the wild entry; python-xlib only the
# local one with this machine's name.
_FAMILY_LOCAL, _FAMILY_WILD = 256, 65535
_COOKIE = b"MIT-MAGIC-COOKIE-1"
_SOCKETS = Path("/tmp/.X11-unix")  # where every X client looks
_PATH = "/usr/local/bin:/usr/bin:/bin"
_MOST_DISPLAYS = 1000
_STARTS = 0.02  # seconds; a server listens on its socket right after it has made it
_connecting = threading.Lock()
_EVENT = 32  # bytes (X11 protocol, encoding of events)
_LONGS = 32  # bits of each number in a ClientMessage; we know none that has smaller ones
_SENT = 0x80  # of the kind of an event that a program has sent

INSIDE = ":0"
"""The display of a server whose socket has a folder of its own, to programs that see it there."""

Start = Callable[[Sequence[str], Sequence[int]], int]


class _Connection(Display):
    """Reads the keymap once it is asked about it: 16,000 keysyms, half the time to connect.

    A program can send us an event of any kind and content (SendEvent), and some kinds python-xlib
    cannot read. So of those only the kinds are taken that programs are to send.
    """

    _keymap_read = False

    def __init__(self, display: str) -> None:
        super().__init__(display)
        inner: Any = self.display
        # Xlib takes the numbers of RandR's own errors for those of the core: BadValue would become
        # an object without the number of its request, which no reader of errors expects.
        inner.error_classes = dict(error.xerror_class)
        read: Callable[[int], None] = inner.parse_event_response

        def read_wanted(kind: int) -> None:
            if kind & _SENT and not _wanted(kind & ~_SENT, inner.data_recv[1]):
                inner.data_recv = bytes(inner.data_recv[_EVENT:])
            else:
                read(kind)

        inner.parse_event_response = read_wanted

    def _update_keymap(self, first_keycode: int, count: int) -> None:
        self._keymap_read = False

    def keycode_to_keysym(self, keycode: int, index: int) -> int:
        self._read_keymap()
        return super().keycode_to_keysym(keycode, index)

    def keysym_to_keycode(self, keysym: int) -> int:
        self._read_keymap()
        return super().keysym_to_keycode(keysym)

    def keysym_to_keycodes(self, keysym: int) -> Iterable[tuple[int, int]]:
        self._read_keymap()
        return super().keysym_to_keycodes(keysym)

    def _read_keymap(self) -> None:
        if not self._keymap_read:
            first, last = self.display.info.min_keycode, self.display.info.max_keycode
            super()._update_keymap(first, last - first + 1)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
            self._keymap_read = True


def _wanted(kind: int, detail: int) -> bool:
    """Whether an event that a program has sent may be one that it should send."""
    return kind == X.SelectionNotify or (kind == X.ClientMessage and detail == _LONGS)


@dataclass(frozen=True, slots=True)
class XServer:
    """A running X server: its pid, the number of its display, and the file with its cookie."""

    pid: int
    number: int
    xauthority: Path
    inside: str
    """The display as the programs of the desktop name it."""
    claim: socket.socket | None = None
    """Held for as long as nobody else may have the number."""

    @property
    def display(self) -> str:
        return f":{self.number}"

    @property
    def files(self) -> tuple[Path, Path]:
        """The lock and the socket it leaves behind when it is killed."""
        return _files(self.number)

    def release(self) -> None:
        """Let others have its number."""
        if self.claim:
            self.claim.close()

    def connect(self) -> Display:
        """Open a connection that no program's grab of the server stops; its owner closes it.

        Raises:
            DisplayError: There is no server any more.
        """
        # Xlib leaves a socket open that finds no server, and asks for one over TCP then: nobody
        # else is to be shown the cookie.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                socket_file = self.files[1]
                probe.connect(f"{'' if socket_file.exists() else chr(0)}{socket_file}")
            except OSError as why:
                raise error.DisplayConnectionError(self.display, str(why)) from why
        with self._authorised(), redirect_stdout(sys.stderr):
            display = _Connection(f"unix/{self.display}")
        ignore_grabs(display)
        return display

    def camera(self, display: Display) -> mss.MSS:
        """Open a connection that grabs pixels through shared memory; its owner closes it.

        Args:
            display: Another connection to this server.
        """
        with self._authorised():
            camera = mss.MSS(display=self.display)
        ignore_grabs_of_camera(camera, display)
        return camera

    def load_keymap(self, source: str) -> None:
        """Replace the keymap; every client is told.

        Raises:
            CannotStart: `xkbcomp` is missing or refused the map.
        """
        try:
            done = subprocess.run(
                ["xkbcomp", "-w0", "-", self.display], input=source.encode(), timeout=20,
                capture_output=True, env={"PATH": _PATH, "XAUTHORITY": str(self.xauthority)},
                check=False,
            )  # fmt: skip
        except FileNotFoundError as missing:
            raise CannotStart("xkbcomp", "it is not installed (x11-xkb-utils)") from missing
        if done.returncode:
            raise CannotStart("The keymap", done.stderr.decode(errors="replace").strip()[-200:])

    @contextmanager
    def _authorised(self) -> Generator[None]:
        """libxcb and python-xlib both look for the cookie only where XAUTHORITY points."""
        environ = os.environ  # noqa: TID251 - the two libraries offer no other way
        with _connecting:
            before = environ.get("XAUTHORITY")
            environ["XAUTHORITY"] = str(self.xauthority)
            try:
                yield
            finally:
                if before is None:
                    del environ["XAUTHORITY"]
                else:
                    environ["XAUTHORITY"] = before


def start_xserver(
    start: Start,
    xauthority: Path,
    keymap: Path,
    width: int,
    height: int,
    *,
    seen_as: Path | None = None,
    sockets: Path | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> XServer:
    """Start Xvfb on the first free display and return once it accepts connections.

    With a folder of its own for its socket, that is display 0 to programs which see that folder.

    Args:
        start: Starts a program that inherits some descriptors and returns its pid.
        xauthority: The file of `write_cookie`.
        keymap: A folder of keymap files, as the server sees it.
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
        seen_as: The path of that file behind walls.
        sockets: The folder its socket appears in, where that is not everybody's.
        meanwhile: What else has to be done, while it gets ready.

    Raises:
        CannotStart: Xvfb is missing, or did not get ready within 10 s.
    """
    _make_sockets_folder()
    ready, told = os.pipe()
    try:
        pid = start(
            [
                "Xvfb", *([INSIDE, "-nolisten", "local"] if sockets else []), "-displayfd",
                "{fd:0}", "-screen", "0", f"{width}x{height}x24", "-xkbdir", str(keymap), "-auth",
                str(seen_as or xauthority), "-nolisten", "tcp", "-noreset", "-dpi", "96",
            ],
            [told],
        )  # fmt: skip
        os.close(told)
        told = -1
        meanwhile()
        number = _number(ready)
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)
    if sockets is None:
        return XServer(pid, number, xauthority, f":{number}")
    shown, claim = _link(sockets / f"X{number}")
    return XServer(pid, shown, xauthority, INSIDE, claim)


def _make_sockets_folder() -> None:
    """Make the folder that all users of this machine have their X servers' sockets in."""
    try:
        _SOCKETS.mkdir()
        _SOCKETS.chmod(0o1777)  # mkdir is held to the umask
    except FileExistsError:
        pass
    except OSError as why:
        raise CannotStart("Xvfb", f"{_SOCKETS} cannot be made: {why.strerror}") from why
    if os.access(_SOCKETS, os.W_OK):
        return
    if os.statvfs(_SOCKETS).f_flag & os.ST_RDONLY:
        raise CannotStart("Xvfb", f"{_SOCKETS} is on a read-only file system")
    raise CannotStart(
        "Xvfb",
        f"this user may not write to {_SOCKETS}, which is for all users; have its owner or root "
        f"say: chmod 1777 {_SOCKETS}",
    )


def _link(made: Path) -> tuple[int, socket.socket]:
    """Give a server that has its socket elsewhere a display that clients of this machine find.

    Returns:
        The number of the display, the first that no other server has, and what keeps others from
        taking it: Xvfb looks for a free number by abstract sockets alone, not by locks.
    """
    last = ""
    for number in range(_MOST_DISPLAYS):
        lock, link = _files(number)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0{link}")
        except OSError:
            claim.close()
            continue
        _remove_stale(lock)
        try:
            fd = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
        except FileExistsError:
            claim.close()
            continue
        except OSError as why:
            claim.close()
            raise CannotStart("Xvfb", f"{lock} cannot be made: {why.strerror}") from why
        try:
            with os.fdopen(fd, "w") as file:
                file.write(f"{os.getpid():10d}\n")  # other servers ask whether this process lives
            link.unlink(missing_ok=True)
            link.symlink_to(made)
        except OSError as why:  # the socket of another user, or no room
            last = f"{why.filename or lock}: {why.strerror}"
            lock.unlink(missing_ok=True)
            claim.close()
            continue
        return number, claim
    if last:
        raise CannotStart("Xvfb", f"no display could be taken; {last}")
    raise CannotStart("Xvfb", f"all displays up to :{_MOST_DISPLAYS} are taken")


def _files(number: int) -> tuple[Path, Path]:
    return Path(f"/tmp/.X{number}-lock"), _SOCKETS / f"X{number}"


def _remove_stale(lock: Path) -> None:
    """Remove the lock of a server whose process is gone, as every X server does."""
    if _is_stale(lock):
        with suppress(OSError):
            lock.unlink()


def _is_stale(lock: Path) -> bool:
    """Whether the server that made a lock is gone, or only waits for its parent to notice."""
    try:
        pid = int(lock.read_text())
    except (OSError, ValueError):
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return state in "ZX"


def sweep_displays() -> None:
    """Remove the locks and sockets of this user's X servers that were killed."""
    for lock in Path("/tmp").glob(".X*-lock"):
        number = lock.name[2 : -len("-lock")]
        with suppress(OSError):
            if number.isdecimal() and lock.lstat().st_uid == os.getuid() and _is_stale(lock):
                _, place = _files(int(number))
                if not _listens(place):
                    place.unlink(missing_ok=True)
                    lock.unlink()
    # With -displayfd, Xvfb makes no lock.
    for place in _SOCKETS.glob("X*"):
        with suppress(OSError):
            ours = place.lstat().st_uid == os.getuid()
            if ours and not Path(f"/tmp/.{place.name}-lock").exists() and not _listens(place):
                time.sleep(_STARTS)
                if not _listens(place):
                    place.unlink()


def _listens(place: Path) -> bool:
    """Whether somebody listens on a socket, as far as can be known."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        tried.setblocking(False)
        try:
            tried.connect(str(place))
        except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
    return True


def _number(ready: int, seconds: float = 10) -> int:
    """Read the number of the display; Xvfb writes the digits and the newline separately."""
    said = b""
    while not said.endswith(b"\n"):
        if not select.select([ready], [], [], seconds)[0]:
            raise CannotStart("Xvfb", f"it was not ready after {seconds:g} s")
        part = os.read(ready, 16)
        if not part:
            raise CannotStart("Xvfb", "it ended while starting")
        said += part
    return int(said)


def write_cookie(path: Path, *hosts: str) -> None:
    """Write a new cookie for an X server to a file of its own.

    Entries without a display number stand for all of them: this file knows one server.

    Args:
        path: The file.
        hosts: The names that its clients' machines have, besides this one's.
    """
    cookie = secrets.token_bytes(16)
    path.touch(mode=0o600)
    path.write_bytes(
        b"".join(
            struct.pack(">H", family)
            + b"".join(struct.pack(">H", len(part)) + part for part in (host, b"", _COOKIE, cookie))
            for family, host in (
                *((_FAMILY_LOCAL, host.encode()) for host in (socket.gethostname(), *hosts)),
                (_FAMILY_WILD, b""),
            )
        )
    )

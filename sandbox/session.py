"""Everything one desktop runs: X server, window manager, buses, panel; started and ended as one.

All of it lives below one private folder and in one box of processes. Closing the session, or
killing its owner, ends every process and removes the folder.
"""

import json
import logging
import os
import re
import secrets
import select
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .box import Box, sweep
from .errors import CannotStart
from .keymap import Keymap
from .xserver import XServer, start_xserver

logger = logging.getLogger(__name__)

_OWN_PROGRAMS, _OWN_ENTRIES = ".local/bin", ".local/share/applications"
_DESK = Path(__file__).with_name("desk")
_MARK = "GLOVEPORT_DESKTOP"
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/games"
_AT_SPI = (
    Path("/usr/libexec/at-spi-bus-launcher"),
    Path("/usr/lib/at-spi2-core/at-spi-bus-launcher"),
)

_ENTRIES = Path("/usr/share/applications")
# A browser without first-run pages, bubbles and chatter.
_CHROMIUM = (
    "--no-first-run", "--no-default-browser-check", "--hide-crash-restore-bubble",
    "--password-store=basic", "--force-renderer-accessibility", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--start-maximized", "--disable-gpu",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folder:
    """The private folder of one desktop, 0700; nothing of ours trusts what appears in `run`."""

    path: Path

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def run(self) -> Path:
        """Sockets of the session: the buses and the ready signal."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def mark(self) -> str:
        """The environment variable that all programs of this desktop have, as NAME=value."""
        return f"{_MARK}={self.path}"


def make_folder(below: Path, name: str) -> Folder:
    """Make the folder of a new desktop.

    Raises:
        CannotStart: `below` exists and is not a directory of this user's own.
    """
    try:
        below.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = below.lstat()
        if below.is_symlink() or not below.is_dir() or found.st_uid != os.getuid():
            why = f"{below} is not a directory of this user"
            raise CannotStart("The desktop", why) from None
    folder = Folder(below / f"{name}-{secrets.token_hex(4)}")
    for path in (folder.path, folder.home, folder.run, folder.log):
        path.mkdir(mode=0o700)
    return folder


def sweep_folders(below: Path) -> None:
    """Remove what desktops left here whose owner and box were both killed."""
    for folder in [Folder(path) for path in below.glob("*") if (path / "owner").is_file()]:
        owner = (folder.path / "owner").read_text().split()
        if len(owner) != 2 or _born(int(owner[0])) != owner[1]:
            logger.warning("removing %s, whose owner was killed", folder.path)
            sweep(folder.mark, [folder.path])


class Session:
    """The running desktop; see `start`.

    `lost` is set when the X server or the box has died: nothing of the session works any more.
    """

    def __init__(self, folder: Folder, box: Box, x: XServer, lost: threading.Event) -> None:
        self.folder = folder
        self.box = box
        self.x = x
        self.lost = lost
        self.env = _environment(folder, x)

    def launch(self, argv: Sequence[str], *, keep: bool = False) -> int:
        """Start a program of the desktop and return its pid.

        Raises:
            CannotStart: The program is missing or may not be run.
        """
        name = Path(argv[0]).name
        log = self.folder.log / f"{name}.log"
        return self.box.start(argv, self.env, self.folder.home, log=log, keep=keep)

    @property
    def home(self) -> Path:
        """The home of this desktop's programs."""
        return self.folder.home

    @property
    def bus(self) -> str:
        """The address of the session bus."""
        return self.env["DBUS_SESSION_BUS_ADDRESS"]

    @property
    def applications(self) -> Path:
        """The folder of this desktop's own desktop entries."""
        return self.folder.home / _OWN_ENTRIES

    def said(self, program: str) -> int:
        """How many bytes the runs of a program have written so far."""
        log = self.folder.log / f"{Path(program).name}.log"
        return log.stat().st_size if log.is_file() else 0

    def last_words(self, program: str, after: int = 0) -> str:
        """The last line a program wrote, `after` so many bytes; empty when it said nothing."""
        log = self.folder.log / f"{Path(program).name}.log"
        wrote = log.read_bytes()[after:] if log.is_file() else b""
        lines = wrote.decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """End every program and remove the folder."""
        self.box.close()


def start_session(below: Path, name: str, width: int, height: int, keymap: Keymap) -> Session:
    """Start a desktop and return when its window manager takes windows.

    Args:
        below: The folder that holds the folders of desktops.
        name: The desktop's name.
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
        keymap: What the keyboard can type.

    Raises:
        CannotStart: A program is missing or did not get ready.
    """
    folder = make_folder(below, name)
    lost = threading.Event()
    vital: set[int] = set()

    def ended(pid: int, status: int) -> None:
        logger.debug("process %d of %s ended with %d", pid, folder.path.name, status)
        if pid in vital:
            lost.set()

    box = Box(folder.mark, ended)
    try:
        vital.add(box.pid)
        (folder.path / "owner").write_text(f"{os.getpid()} {_born(os.getpid())}")
        box.remove_at_end(folder.path)

        def start(argv: Sequence[str], fds: Sequence[int] = (), env: Mapping[str, str] = {}) -> int:
            log = folder.log / f"{Path(argv[0]).name}.log"
            return box.start(argv, {"PATH": _PATH, **env}, folder.path, log=log, fds=fds)

        bus_ready, bus_told = os.pipe()
        bus = folder.run / "bus"
        start(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog",
               f"--address=unix:path={bus}", "--print-address={fd:0}"], [bus_told])  # fmt: skip
        os.close(bus_told)
        x = start_xserver(start, folder.path, width, height)
        vital.add(x.pid)
        box.remove_at_end(*x.files)
        session = Session(folder, box, x, lost)
        _furnish(folder)
        x.load_keymap(keymap.text())  # before the window manager, which grabs its keys anew on each
        _wait_for(bus_ready, "The session bus")
        os.close(bus_ready)
        _start_programs(session)
    except BaseException:
        box.close()
        raise
    return session


def _start_programs(session: Session) -> None:
    """Start the window manager and, once it takes windows, what shows windows of its own.

    openbox leaves windows invisible that were mapped before its main loop runs; only its startup
    command tells when that is.
    """
    fifo = session.folder.run / "wm-ready"
    os.mkfifo(fifo, 0o600)
    ready = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        config = str(_DESK / "openbox.xml")
        session.launch(
            ["openbox", "--config-file", config, "--startup", f"sh -c 'echo ready > {fifo}'"],
            keep=True,
        )
        for launcher in _AT_SPI:
            if launcher.exists():
                session.launch([str(launcher), "--launch-immediately", "--a11y=1"], keep=True)
                break
        _wait_for(ready, "openbox")
    finally:
        os.close(ready)
    fifo.unlink()
    if shutil.which("tint2", path=_PATH):
        session.launch(
            ["tint2", "-c", str(session.folder.home / ".config/tint2/tint2rc")], keep=True
        )


def _wait_for(ready: int, what: str, seconds: float = 10) -> None:
    if not select.select([ready], [], [], seconds)[0]:
        raise CannotStart(what, f"it was not ready after {seconds:g} s")
    if not os.read(ready, 4096):
        raise CannotStart(what, "it ended while starting")


def _furnish(folder: Folder) -> None:
    """Put the settings of the desktop's programs into its home."""
    home = folder.home
    for below in ("Desktop", "Documents", "Downloads", ".config/gtk-3.0", ".config/gtk-4.0"):
        (home / below).mkdir(parents=True)
    for kit in ("gtk-3.0", "gtk-4.0"):
        shutil.copy(_DESK / "settings.ini", home / ".config" / kit)
    _furnish_chromium(home)
    office = home / ".config/libreoffice/4/user"
    office.mkdir(parents=True)
    shutil.copy(_DESK / "registrymodifications.xcu", office)
    panel = (_DESK / "tint2rc").read_text()
    entries = [found for names in _LAUNCHERS if (found := _first_entry(home, names))]
    (home / ".config/tint2").mkdir()
    (home / ".config/tint2/tint2rc").write_text(
        panel + "".join(f"launcher_item_app = {entry}\n" for entry in entries)
    )


_CHROMIUM_PREFERENCES = {
    "autofill": {"credit_card_enabled": False, "profile_enabled": False},
    "bookmark_bar": {"show_on_all_tabs": False},
    "browser": {"check_default_browser": False},
    "credentials_enable_service": False,
    "homepage": "about:blank",
    "profile": {
        "default_content_setting_values": {"geolocation": 2, "notifications": 2},
        "password_manager_enabled": False,
    },
    "search": {"suggest_enabled": False},
    "translate": {"enabled": False},
}
_LAUNCHERS = (
    ("chromium", "firefox-esr", "firefox"),
    ("thunar", "pcmanfm"),
    ("org.xfce.mousepad", "mousepad"),
    ("lxterminal", "debian-xterm", "xterm"),
)


# Chromium refuses to start where it cannot have a sandbox of its own: as root, and where neither a
# user namespace nor its set-uid helper is allowed to work (a container, a chroot). Bit 21 is
# CAP_SYS_ADMIN, which the helper needs.
_CHROMIUM_WRAPPER = """\
#!/bin/sh
of_status() {{ sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }}
helper_works() {{
  [ -u /usr/lib/chromium/chrome-sandbox ] && [ "$(of_status NoNewPrivs)" = 0 ] &&
    [ $((0x$(of_status CapBnd) >> 21 & 1)) = 1 ]
}}
[ "$(id -u)" != 0 ] && {{ unshare --user true 2>/dev/null || helper_works; }} ||
  set -- --no-sandbox --test-type "$@"
exec {system} {flags} "$@"
"""


def _first_entry(home: Path, names: Sequence[str]) -> Path | None:
    folders = (home / _OWN_ENTRIES, _ENTRIES)
    entries = (folder / f"{name}.desktop" for name in names for folder in folders)
    return next((entry for entry in entries if entry.exists()), None)


def _furnish_chromium(home: Path) -> None:
    """Let everything that starts Chromium start it with our flags, the menu included."""
    system = Path("/usr/bin/chromium")
    entry = _ENTRIES / "chromium.desktop"
    if not system.exists() or not entry.exists():
        return
    wrapper = home / _OWN_PROGRAMS / "chromium"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(_CHROMIUM_WRAPPER.format(system=system, flags=" ".join(_CHROMIUM)))
    wrapper.chmod(0o700)
    (home / _OWN_ENTRIES).mkdir(parents=True)
    ours = re.sub(rf"^Exec={system}", f"Exec={wrapper}", entry.read_text(), flags=re.MULTILINE)
    (home / _OWN_ENTRIES / entry.name).write_text(ours)
    preferences = home / ".config/chromium/Default/Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps(_CHROMIUM_PREFERENCES))


def _environment(folder: Folder, x: XServer) -> dict[str, str]:
    """The whole environment of the desktop's programs: nothing of the server's own leaks in."""
    name, value = folder.mark.split("=", 1)
    return {
        name: value,
        "PATH": f"{folder.home / _OWN_PROGRAMS}:{_PATH}",
        "HOME": str(folder.home),
        "USER": "user",
        "LOGNAME": "user",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": ":/etc/localtime",
        "DISPLAY": x.display,
        "XAUTHORITY": str(x.xauthority),
        "XDG_RUNTIME_DIR": str(folder.run),
        "XDG_CURRENT_DESKTOP": "gloveport",
        "XDG_SESSION_TYPE": "x11",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder.run / 'bus'}",
        "GDK_BACKEND": "x11",
        "QT_QPA_PLATFORM": "xcb",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "GSK_RENDERER": "cairo",  # GTK 4 without a graphics card: its GL takes 10 times as long
        "ACCESSIBILITY_ENABLED": "1",
        "GNOME_ACCESSIBILITY": "1",
        "QT_ACCESSIBILITY": "1",
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    }


def _born(pid: int) -> str | None:
    """When a process started, in clock ticks since boot (proc(5), field 22); None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[19]

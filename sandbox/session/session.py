"""Everything one desktop runs: X server, window manager, buses, panel; started and ended as one.

All of it lives below one private folder and in one box of processes, behind walls if there are to
be any (isolation/bubblewrap.py). Closing the session, or killing its owner, ends every process and
removes the folder.
"""

import logging
import os
import select
import signal
import stat
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from Xlib import error
from Xlib.display import Display

from ..errors import Broken, CannotStart
from ..home.populate import OWN_ENTRIES, PANEL, WINDOW_MANAGER, populate_home
from ..home.wallpaper import hang
from ..isolation import bubblewrap
from ..isolation.bubblewrap import BubblewrapCommands, Limits
from ..isolation.egress import EgressPolicy, Internet, Proxy
from ..isolation.process_tree import HUNG, ProcessTree
from ..x11.keymap import Keymap
from ..x11.memory_limit import MemoryWatch
from ..x11.server import INSIDE, start_xserver, write_cookie
from ..x11.watchdog import Pulse
from .control_groups import ControlGroups, tree
from .environment import SEARCH_PATH, GuestPaths, environment_of, own_program, through_proxy
from .folder import MARK, Folder, give_folder, make_folder, taken, told_by
from .home_layers import HomeLayers, Remains, Snapshot
from .home_store import HomeStore

logger = logging.getLogger(__name__)

_X = "the X server"

PROXY = 3128  # the port that HTTP proxies are known to use
# Seconds programs that stay have to save before the X server ends; each box around waits longer.
_GRACE, _LONGER = 6.0, 3.5
_TOLD_WITHIN = 10.0  # seconds until a box that says nothing more is known to have ended
# What is kept for a desktop, by the name of its program, and what programs that ran lack then.
_BLIND = "; programs that ran then may tell nothing of what they show until they are started anew"
_KEPT = {
    "dbus-daemon": ("the session bus", _BLIND),
    "at-spi-bus-launcher": ("the accessibility bus", _BLIND),
    "openbox": ("the window manager", ""),
    "tint2": ("the panel", ""),
}
_AT_SPI = (
    Path("/usr/libexec/at-spi-bus-launcher"),
    Path("/usr/lib/at-spi2-core/at-spi-bus-launcher"),
)


@dataclass(frozen=True, slots=True)
class IsolationOptions:
    """What a desktop behind walls may do.

    Args:
        limits: How much it may use.
        network: Where it may connect to.
        internet: What stands for the internet in tests.
    """

    limits: Limits = field(default_factory=Limits)
    network: EgressPolicy = field(default_factory=EgressPolicy)
    internet: Internet | None = None


class Session:
    """The running desktop; see `start_session`.

    `lost` is set when a process has ended without which nothing of the session works; `lost_part`
    tells which. Its files outlive it: `leave` ends it and tells what remains for another session.

    What depends on which process, and what happens when it ends:

        outer init, keeper   namespaces, the mounted home   the session is lost
        X server             all windows                    the session is lost
        programs' init       all programs                   the session is lost
        session bus          accessibility, some programs   started again, and told
        at-spi launcher      accessibility                  started again, and told
        openbox, tint2       frames, focus, panel           started again, and told

    Attributes:
        keeper: The box that has the namespaces, with the X server.
        box: The box of the programs. Without walls all boxes are one.
    """

    def __init__(
        self,
        folder: Folder,
        enclosure: IsolationOptions | None,
        told: Callable[[str], None],
        remains: Remains | None = None,
    ) -> None:
        self.folder = folder
        self._remains = remains
        self._enclosure = enclosure
        self._told = told
        self.lost = threading.Event()
        self.lost_part = "its processes"
        self._vital: dict[int, str] = {}
        self.groups: ControlGroups | None = None
        """What the kernel counts for it, behind walls."""
        self._pulse: Pulse | None = None
        self._xmemory: MemoryWatch | None = None
        self.restarts = 0
        """How many times a program that is kept has ended."""
        self._at_end = ExitStack()
        self._seen = GuestPaths(folder.home, folder.run, folder.xauthority, folder.mark)
        self._walls: BubblewrapCommands | None = None
        self.uid = os.getuid()
        self.proxy: Proxy | None = None
        held = [folder.store.lock] if folder.store else []
        self._outer = self.keeper = ProcessTree(folder.mark, self._ended, folder.log, held)
        self._outer.remove_at_end(folder.path)
        self._vital[self._outer.pid] = "the parent of all its processes"
        self.box = self._outer
        self.home_layers = HomeLayers(folder, self._outer, remains)
        """What is kept of the home, and what it lies on."""

    def start(
        self, width: int, height: int, keymap: Keymap, meanwhile: Callable[["Session"], None]
    ) -> None:
        """Start everything and return when the window manager takes windows.

        Args:
            width: Of the screen, in pixels.
            height: Of the screen, in pixels.
            keymap: What the keyboard can type.
            meanwhile: What else to do, once there is an X server.
        """
        folder = self.folder
        if not self._remains:
            base = folder.base if self._enclosure else folder.home
            seen_as = bubblewrap.HOME if self._enclosure else folder.home
            populate_home(base, seen_as, lasts=folder.store is not None)
        write_cookie(folder.xauthority, bubblewrap.HOST)
        for path, text in keymap.files().items():
            (folder.xkb / path).parent.mkdir(exist_ok=True)
            (folder.xkb / path).write_text(text)
        if self._enclosure:
            self._begin_walls(self._enclosure.limits)
        if self._remains:
            self.home_layers.clear()
        self.x = start_xserver(
            self._start_x, folder.xauthority, bubblewrap.XKB if self._walls else folder.xkb, width,
            height, seen_as=self._seen.xauthority, sockets=folder.x11 if self._walls else None,
            meanwhile=self._end_walls,
        )  # fmt: skip
        self._at_end.callback(self.x.release)
        self._vital[self.x.pid] = _X
        if self.groups:
            self.groups.part_x(self.x.pid)
        self._outer.remove_at_end(*self.x.files)
        if not self._walls:
            self.env = environment_of(self._seen, self.x.inside, walled=False)
            self._start_bus()
        self._pulse = Pulse(self.x.connect, self._end_hung_x)
        self._xmemory = MemoryWatch(self.x.connect, self.x.pid, bubblewrap.X_MEMORY, self._told)
        with self._starting():
            self.hang_wallpaper()
            meanwhile(self)

    def _wait_for(self, ready: int, what: str, seconds: float = 10) -> None:
        until = time.monotonic() + seconds
        while not select.select([ready], [], [], 0.1)[0]:
            if self.lost.is_set():
                raise CannotStart(what, f"{self.lost_part} ended")
            if time.monotonic() >= until:
                raise CannotStart(what, f"it was not ready after {seconds:g} s")
        if not os.read(ready, 4096):
            raise CannotStart(what, "it ended while starting")

    def hang_wallpaper(self) -> None:
        """Paint the background; it stays as long as a connection of its own."""
        display = self.x.connect()
        self._at_end.callback(_close, display)
        hang(display)

    def _begin_walls(self, limits: Limits) -> None:
        """Make what both boxes are in."""
        folder = self.folder
        self.uid = self._remains.uid if self._remains else bubblewrap.own_user(taken(folder))
        self._seen = GuestPaths(
            bubblewrap.HOME, bubblewrap.RUN, bubblewrap.XAUTHORITY, f"{MARK}=walled"
        )
        self._walls = BubblewrapCommands(
            folder.x11, folder.xauthority, folder.xkb, folder.home, folder.run, limits
        )
        if not self._remains:
            give_folder(folder, self.uid)
        log = folder.log / "keeper.log"
        below = sorted({folder.path, folder.lasting})
        self.keeper = ProcessTree.keeper(
            self._outer, self.uid, bubblewrap.SHARED, log, self._ended, below
        )
        self._vital[self.keeper.pid] = "the process that holds its home"
        if folder.store:
            self._outer.end_gently(_GRACE + 2 * _LONGER, self.keeper.pid)
        self.home_layers.keeper = self.keeper
        self.groups = ControlGroups(folder.path.name, self._outer, self._told)
        self._walls.grouped = self.groups.limit(self.keeper.pid, limits)

    def _end_walls(self) -> None:
        """Make the programs' box, while the X server gets ready."""
        if not self._enclosure:
            return
        self.home_layers.mount()
        self._enter()
        inner = self._enclosure
        way_out = self.keeper.listen(PROXY)
        self.proxy = Proxy(inner.network, way_out, self._told, inner.internet)
        self._at_end.callback(self.proxy.close)
        self.env = environment_of(self._seen, INSIDE) | through_proxy(PROXY)
        self._start_bus()

    def launch(self, argv: Sequence[str], *, keep: bool = False, fds: Sequence[int] = ()) -> int:
        """Start a program of the desktop and return its pid, as the desktop counts.

        Raises:
            CannotStart: The program is missing or may not be run.
        """
        log = self.folder.log / f"{Path(argv[0]).name}.log"
        return self.box.start(argv, self.env, self._seen.home, log=log, keep=keep, fds=fds)

    @property
    def walled(self) -> bool:
        """Whether the desktop is behind walls."""
        return self._walls is not None

    @property
    def home(self) -> Path:
        """The home of this desktop's programs, as they see it."""
        return self._seen.home

    @property
    def applications(self) -> Path:
        """The folder of this desktop's own desktop entries, as they were at first."""
        return (self.folder.base if self._walls else self.folder.home) / OWN_ENTRIES

    @property
    def outside(self) -> dict[str, str]:
        """The environment of a program that is to join the desktop from outside."""
        return {
            **self.env,
            "DISPLAY": self.x.display,
            "XAUTHORITY": str(self.folder.xauthority),
        }

    @contextmanager
    def reach(self, address: str = "") -> Generator[tuple[str, int | None]]:
        """A D-Bus address inside, the session bus's if none is given, as we can connect to it.

        Yields:
            The address, and the user to say that we are; None: our own. Both hold within the block,
            in this thread only.

        Raises:
            FileNotFoundError: There is no such socket.
        """
        address = address or self.env["DBUS_SESSION_BUS_ADDRESS"]
        inside = Path(address.partition("unix:path=")[2].split(",")[0].split(";")[0])
        if not inside.is_relative_to(self._seen.run):
            raise FileNotFoundError(f"the bus {address[:100]!r} is none of this desktop's")
        run = self.folder.run
        fd = bubblewrap.socket_in(run, run / inside.relative_to(self._seen.run))
        try:
            with bubblewrap.as_user(self.uid):
                yield f"unix:path=/proc/self/fd/{fd}", bubblewrap.UID if self._walls else None
        finally:
            os.close(fd)

    def keep(self, name: str) -> Snapshot:
        """Copy what has changed in the home since the desktop started or went back.

        Raises:
            NotKept: The disk of this machine is full; nothing was kept.
        """
        frozen = self.groups.frozen() if self.groups else None
        with frozen or self.box.frozen():
            return self.home_layers.keep(name)

    def go_back(self, kept: Path) -> None:
        """End all programs, give the home the state of a copy, and start the desktop's own again.

        The X server goes on. When this fails, the session is lost; its files and copies are not.

        Raises:
            CannotStart: A step failed.
        """
        self._vital.pop(self.box.pid, None)
        self.home_layers.depart()
        if self.lost.is_set():
            raise CannotStart("The rollback", f"{self.lost_part} ended")
        try:
            self.keeper.signal(self.box.pid, signal.SIGKILL)
            self.box.close()
            self.home_layers.go_back(kept)
            self._enter()
            self._start_bus()
            with self._starting():
                pass
        except BaseException:
            if not self.lost.wait(_TOLD_WITHIN if self.keeper.over else 0):  # that may be why
                self.lost_part = "the rollback"
                self.lost.set()
            raise

    def leave(self) -> Remains:
        """End every program, and keep the folder for another session."""
        self._outer.spare(self.folder.path)
        self._end()
        return self.home_layers.remains(self.uid)

    def close(self) -> None:
        """End every program and remove the folder."""
        self._end()
        self.folder.release()

    def _end(self) -> None:
        if self._pulse:
            self._pulse.close()
        if self.folder.store:  # its programs save what they have
            self.box.hang_up()
            self.keeper.hang_up()
        self._outer.close()
        for box in (self.keeper, self.box):
            if box is not self._outer:
                box.close()
        if self._xmemory:  # only now: it may wait for an X server that hangs
            self._xmemory.close()
        self._at_end.close()

    def _end_hung_x(self) -> None:
        self._vital[self.x.pid] = "the X server hung and"
        with suppress(Broken):
            self.keeper.signal(self.x.pid, signal.SIGKILL)

    def _program_ended(self, pid: int, status: int) -> None:
        """Only the box itself matters, also when it gives no answer."""
        if status == HUNG:
            self._ended(pid, status)

    def _restarted(self, name: str, again: bool) -> None:
        """A program that is kept has ended."""
        if name not in _KEPT:
            return
        self.restarts += 1
        how = "was started again" if again else "ends again and again, and is left alone"
        self._told(f"{_KEPT[name][0]} ended and {how}{_KEPT[name][1]}.")

    def _ended(self, pid: int, status: int) -> None:
        logger.debug("process %d of %s ended with %d", pid, self.folder.path.name, status)
        # Programs that a part started end with it, and may be told of first.
        takes_others = pid == self.keeper.pid and self.lost_part == _X
        if pid in self._vital and (takes_others or not self.lost.is_set()):
            self.lost_part = self._vital[pid]
            self.lost.set()

    def _start_x(self, argv: Sequence[str], fds: Sequence[int]) -> int:
        given = fds
        if self._walls:
            argv, given = self._walls.x_server(argv, fds)
        try:
            log = self.folder.log / "Xvfb.log"
            return self.keeper.start(argv, {"PATH": SEARCH_PATH}, Path("/"), log=log, fds=given)
        finally:
            for fd in given[len(fds) :]:
                os.close(fd)

    def _enter(self) -> None:
        """Start the programs' box."""
        assert self._walls
        log = self.folder.log / "box.log"
        self.box = ProcessTree.inside(
            self.keeper, self._walls.desktop, log, self._program_ended, self._told, self._restarted
        )
        self._vital[self.box.pid] = "the parent of its programs"
        if self.folder.store:
            self.box.end_gently(_GRACE)
            self.keeper.end_gently(_GRACE + _LONGER, self.box.pid)
        if self.groups and self.groups.freezer:
            self.box.commands([])  # once it answers, what it starts is in the group as it is
            self.groups.freezer.add(tree(self.box.pid))

    def _start_bus(self) -> None:
        """Start the session bus; a descriptor tells when it is ready."""
        self._bus_ready, told = os.pipe()
        self.launch(
            [
                own_program("dbus-daemon"), "--session", "--nofork", "--nopidfile", "--nosyslog",
                f"--address={self.env['DBUS_SESSION_BUS_ADDRESS']}", "--print-address={fd:0}",
            ],
            keep=True, fds=[told],
        )  # fmt: skip
        os.close(told)

    @contextmanager
    def _starting(self) -> Generator[None]:
        """Start the window manager and, when it takes windows at the end of the block, the others.

        openbox leaves windows invisible that were mapped before its main loop runs; only its
        startup command tells when that is.
        """
        self._wait_for(self._bus_ready, "The session bus")
        os.close(self._bus_ready)
        fifo = self.folder.run / "wm-ready"
        os.mkfifo(fifo, 0o600)
        os.chown(fifo, self.uid, -1, follow_symlinks=False)
        ready = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        if not stat.S_ISFIFO(os.fstat(ready).st_mode):
            raise CannotStart("openbox", "something took the place of its signal")
        home = self._seen.home
        try:
            told = f"sh -c 'echo ready > {self._seen.run / fifo.name}'"
            config = str(home / WINDOW_MANAGER)
            argv = [own_program("openbox"), "--config-file", config, "--startup", told]
            self.launch(argv, keep=True)
            yield
            self._wait_for(ready, "openbox")
        finally:
            os.close(ready)
        fifo.unlink(missing_ok=True)
        for launcher in _AT_SPI:
            if launcher.exists():
                self.launch([str(launcher), "--launch-immediately", "--a11y=1"], keep=True)
                break
        if (panel := own_program("tint2")) != "tint2":
            self.launch([panel, "-c", str(home / PANEL)], keep=True)


def start_session(
    below: Path,
    name: str,
    width: int,
    height: int,
    keymap: Keymap,
    enclosure: IsolationOptions | None = None,
    told: Callable[[str], None] = lambda said: None,
    meanwhile: Callable[[Session], None] = lambda session: None,
    remains: Remains | None = None,
    store: HomeStore | None = None,
) -> Session:
    """Start a desktop and return when its window manager takes windows.

    Args:
        below: The folder that holds the folders of desktops.
        name: The desktop's name.
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
        keymap: What the keyboard can type.
        enclosure: What it may do behind its walls; None: no walls.
        told: Told, from threads of ours, what a program was kept from.
        meanwhile: What else to do, once there is an X server; if it fails, the desktop ends.
        remains: What another session left; this one goes on with its files, and leaves them when it
            cannot start.
        store: What has the home of a new desktop that stays.

    Raises:
        CannotStart: A program is missing or did not get ready, or there can be no walls here.
    """
    if enclosure and (why := bubblewrap.why_not()):
        raise CannotStart(
            "The desktop",
            f"there can be no walls around it here ({why}). In a container, run it with "
            "--security-opt seccomp=unconfined --security-opt systempaths=unconfined; or say "
            "--walls none to do without: then its programs can reach all that this user can",
        )
    try:
        folder = remains.folder if remains else make_folder(below, name, store)
        session = Session(folder, enclosure, told, remains)
        try:
            session.start(width, height, keymap, meanwhile)
        except BaseException:
            if remains:
                session.leave()
            else:
                session.close()
            raise
    except OSError as why:
        raise CannotStart("The desktop", told_by(why)) from why
    return session


def _close(display: Display) -> None:
    with suppress(error.ConnectionClosedError):
        display.close()

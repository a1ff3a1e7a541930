"""Everything one desktop runs: X server, window manager, buses, panel; started and ended as one.

All of it lives below one private folder and in one box of processes, behind walls if there are to
be any (isolation/bubblewrap.py). Closing the session, or killing its owner, ends every process and
removes the folder.
"""

import logging
import os
import select
import shutil
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

from ..errors import Broken, CannotStart, NotKept
from ..home.populate import OWN_ENTRIES, PANEL, WINDOW_MANAGER, populate_home
from ..home.wallpaper import hang
from ..isolation import bubblewrap
from ..isolation.bubblewrap import BubblewrapCommands, Limits
from ..isolation.cgroups import (
    Freezer,
    Group,
    make_freezer,
    make_group,
    x_group,
)
from ..isolation.egress import EgressPolicy, Internet, Proxy
from ..isolation.process_tree import HUNG, ProcessTree
from ..x11.keymap import Keymap
from ..x11.memory_limit import MemoryWatch
from ..x11.server import INSIDE, start_xserver, write_cookie
from ..x11.watchdog import Pulse
from .environment import SEARCH_PATH, GuestPaths, environment_of
from .folder import MARK, Folder, make_folder

logger = logging.getLogger(__name__)

_X = "the X server"

PROXY = 3128  # the port that HTTP proxies are known to use
# Takes a home back: what has changed is moved away at once, and removed later: 10,000 files take
# seconds. All that needs room on the disk is made first; when a step fails, what was moved is moved
# back. What programs left among the sockets is moved by the keeper, whom no mode of a folder keeps
# out. What tells Chromium that a browser runs goes too; all links on the way there are the
# programs' own, so none is followed.
_REWIND = """\
home=$1 upper=$2 work=$3 gone=$4 layers=$5 copied=$6 run=$7
back() {
  [ -d "$gone/upper" ] && rm -rf "$upper" && mv "$gone/upper" "$upper"
  [ -d "$gone/work" ] && rm -rf "$work" && mv "$gone/work" "$work"
  exit 1
}
mkdir "$gone" "$gone/run" && mkdir -m 700 "$gone/new-work" || exit
if [ "$copied" ]; then cp -a --reflink=auto "$copied" "$gone/new"; else mkdir -m 700 "$gone/new"; fi
[ $? = 0 ] || exit
umount "$home" || exit
mv "$upper" "$gone/upper" && mv "$work" "$gone/work" && mv "$gone/new-work" "$work" &&
  mv "$gone/new" "$upper" && mount -t overlay overlay -o "$layers" "$home" || back
find "$run" -mindepth 1 -maxdepth 1 -exec mv -t "$gone/run" -- {} +
mv "$gone" "$gone.done"
[ -L "$home/.config" ] || [ -L "$home/.config/chromium" ] ||
  rm -f "$home"/.config/chromium/Singleton*
"""
# Prepares a folder whose session ended for another: sockets go, and a rollback that was cut short
# is taken back.
_CLEAR = """\
upper=$1 work=$2 kept=$3; shift 3
for gone in "$kept"/gone-*; do
  case "$gone" in *.done) continue;; esac
  [ -d "$gone/upper" ] && rm -rf "$upper" && mv "$gone/upper" "$upper"
  [ -d "$gone/work" ] && rm -rf "$work" && mv "$gone/work" "$work"
done
chmod -R u+rwX "$@"
find "$@" -mindepth 1 -delete
"""
# Seconds to take a home back: moving takes milliseconds, copying up to 2 GB what the disk needs.
_MOVED_WITHIN, _COPIED_WITHIN = 20.0, 300.0
_TOLD_WITHIN = 10.0  # seconds until a box that says nothing more is known to have ended
_LAST_BYTES = 1 << 16  # of a log that are looked through for its last line
# What is kept for a desktop, by the name of its program, and what programs that ran lack then.
_BLIND = "; programs that ran then may tell nothing of what they show until they are started anew"
_KEPT = {
    "dbus-daemon": ("the session bus", _BLIND),
    "at-spi-bus-launcher": ("the accessibility bus", _BLIND),
    "openbox": ("the window manager", ""),
    "tint2": ("the panel", ""),
}
_UNCOUNTED = 512 << 20  # bytes of the kernel's for a desktop, such as what it caches of files
_OF_OURS = 64  # processes and threads of a desktop that are none of its programs'
_MOST_LAYERS = 8  # of a home; each is looked through for a file, and mount(2) takes a page of names
_WAY_OUT = {
    **{
        name: f"http://127.0.0.1:{PROXY}"
        for scheme in ("http", "https")
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    },
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1"),
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of what has changed in a home.

    Args:
        folder: Where it is.
        size: Bytes its files take on the disk.
        new: Those of them that it does not share with the copy before.
    """

    folder: Path
    size: int
    new: int


@dataclass(frozen=True, slots=True)
class Remains:
    """What is kept of a session that ended: its files, and how the copies lie on each other."""

    folder: Folder
    uid: int
    layers: tuple[Path, ...]
    below: dict[Path, tuple[Path, ...]]
    forgotten: set[Path]

    def discard(self) -> None:
        """Remove all of it."""
        box = ProcessTree(self.folder.mark, lambda pid, status: None)
        box.remove_at_end(self.folder.path)
        box.close()
        self.folder.release()


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
        self.group: Group | None = None
        """The control group that limits it, where one can be made."""
        self.freezer: Freezer | None = None
        """What stops its programs while a checkpoint is made; without one, signals do."""
        self._pulse: Pulse | None = None
        self._xmemory: MemoryWatch | None = None
        self._killed = 0
        self.restarts = 0
        """How many times a program that is kept has ended."""
        self._at_end = ExitStack()
        self._seen = GuestPaths(folder.home, folder.run, folder.xauthority, folder.mark)
        self._walls: BubblewrapCommands | None = None
        self.uid = os.getuid()
        self._layers: tuple[Path, ...] = ()
        """Copies that the home lies on since it went back, the newest first."""
        self._below: dict[Path, tuple[Path, ...]] = {}
        """The layers each copy was made over."""
        self._forgotten: set[Path] = set()
        self._at: Path | None = None
        """The copy the home went back to last; None while it goes back."""
        self._last: Path | None = None
        """The last copy since the home went back."""
        self.proxy: Proxy | None = None
        if remains:
            self._layers, self._below = remains.layers, remains.below
            self._forgotten = remains.forgotten
        self._outer = self.keeper = ProcessTree(folder.mark, self._ended, folder.log)
        self._outer.remove_at_end(folder.path)
        self._vital[self._outer.pid] = "the parent of all its processes"
        self.box = self._outer

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
            populate_home(base, bubblewrap.HOME if self._enclosure else folder.home)
        write_cookie(folder.xauthority, bubblewrap.HOST)
        for path, text in keymap.files().items():
            (folder.xkb / path).parent.mkdir(exist_ok=True)
            (folder.xkb / path).write_text(text)
        if self._enclosure:
            self._begin_walls(self._enclosure.limits)
        if self._remains:
            self._clear()
        self.x = start_xserver(
            self._start_x, folder.xauthority, bubblewrap.XKB if self._walls else folder.xkb, width,
            height, seen_as=self._seen.xauthority, sockets=folder.x11 if self._walls else None,
            meanwhile=self._end_walls,
        )  # fmt: skip
        self._at_end.callback(self.x.release)
        self._vital[self.x.pid] = _X
        self._part_x()
        self._outer.remove_at_end(*self.x.files)
        if not self._walls:
            self.env = environment_of(self._seen, self.x.inside)
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
        taken = {path.stat().st_uid for path in folder.path.parent.iterdir()}
        self.uid = self._remains.uid if self._remains else bubblewrap.own_user(taken)
        self._seen = GuestPaths(
            bubblewrap.HOME, bubblewrap.RUN, bubblewrap.XAUTHORITY, f"{MARK}=walled"
        )
        self._walls = BubblewrapCommands(
            folder.x11, folder.xauthority, folder.xkb, folder.home, folder.run, limits
        )
        if not self._remains:
            _give(folder.path, self.uid)
        log = folder.log / "keeper.log"
        self.keeper = ProcessTree.keeper(self._outer, self.uid, bubblewrap.SHARED, log, self._ended)
        self._vital[self.keeper.pid] = "the process that holds its home"
        self._join_group(limits)

    def _join_group(self, limits: Limits) -> None:
        """Have the kernel hold all of the desktop to its limits, where that is possible."""
        memory, processes = limits.memory + _UNCOUNTED, limits.processes + _OF_OURS
        group = make_group(self.folder.path.name, memory, processes)
        if group:
            self._outer.remove_at_end(*group.folders)
            try:
                group.add(self.keeper.pid)
            except OSError as why:
                logger.warning("a desktop is in no control group: %s", why)
            else:
                self.group = group
                if self._walls:
                    self._walls.grouped = True
        self.freezer = make_freezer(self.folder.path.name, self.group)
        if self.freezer:
            self._outer.remove_at_end(self.freezer.folder)

    def _part_x(self) -> None:
        """Give the X server a group of its own: memory that programs take does not end it."""
        group = self.group and make_group(
            x_group(self.folder.path.name), bubblewrap.X_MEMORY + _UNCOUNTED, _OF_OURS
        )
        if group:
            self._outer.remove_at_end(*group.folders)
            for pid in tree(self.x.pid):
                with suppress(OSError):
                    group.add(pid)

    def _end_walls(self) -> None:
        """Make the programs' box, while the X server gets ready."""
        if not self._enclosure:
            return
        mount = ["mount", "-t", "overlay", "overlay", "-o", self._overlay, str(self.folder.home)]
        self.keeper.run(mount, self.folder.log / "mount.log")
        self._enter()
        inner = self._enclosure
        way_out = self.keeper.listen(PROXY)
        self.proxy = Proxy(inner.network, way_out, self._told, inner.internet)
        self._at_end.callback(self.proxy.close)
        self.env = environment_of(self._seen, INSIDE) | _WAY_OUT
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
        kept = self.folder.kept / name
        try:
            with self._still():
                size, new = self.keeper.copy(self.folder.upper, kept, self._last)
        except NotKept:
            self._remove(kept)
            raise
        self._last = kept
        self._below[kept] = self._layers
        return Snapshot(kept, size, new)

    def forget(self, kept: Path) -> None:
        """Remove a copy, as soon as no other lies on it."""
        self._forgotten.add(kept)
        self._remove_forgotten()

    def _remove_forgotten(self) -> None:
        needed = set(self._layers)
        for kept, below in self._below.items():
            if kept not in self._forgotten:
                needed.update(below)
        for kept in self._forgotten - needed:
            del self._below[kept]
            self._forgotten.discard(kept)
            if kept == self._last:  # a clone of it may be half made
                self._last = None
            self._remove(kept)

    def _remove(self, folder: Path) -> None:
        argv = ["nice", "-n", "19", "rm", "-rf", str(folder)]  # nobody waits for it
        self.keeper.start(argv, {"PATH": SEARCH_PATH}, Path("/"))

    def go_back(self, kept: Path) -> None:
        """End all programs, give the home the state of a copy, and start the desktop's own again.

        The X server goes on. When this fails, the session is lost; its files and copies are not.

        Raises:
            CannotStart: A step failed.
        """
        self._vital.pop(self.box.pid, None)
        self._last = self._at = None
        before = self._layers
        if self.lost.is_set():
            raise CannotStart("The rollback", f"{self.lost_part} ended")
        try:
            self.keeper.signal(self.box.pid, signal.SIGKILL)
            self.box.close()
            self._layers = (kept, *self._below[kept])
            copied = None
            if len(self._layers) > _MOST_LAYERS:
                self._layers, copied = self._below[kept], kept
            try:
                self._rewind(copied)
            except BaseException:
                self._layers = before
                raise
            self._at = kept
            self._remove_forgotten()
            self._enter()
            self._start_bus()
            with self._starting():
                pass
        except BaseException:
            if not self.lost.wait(_TOLD_WITHIN if self.keeper.over else 0):  # that may be why
                self.lost_part = "the rollback"
                self.lost.set()
            raise

    def lies_on(self, kept: Path) -> bool:
        """Whether the home went back to a copy last."""
        return self._at == kept

    def _rewind(self, copied: Path | None) -> None:
        """Take away what has changed in the home, which then is its layers and this copy."""
        folder = self.folder
        gone = folder.kept / f"gone-{time.monotonic_ns()}"
        paths = map(str, (folder.home, folder.upper, folder.work, gone))
        argv = [
            "sh",
            "-c",
            _REWIND,
            "sh",
            *paths,
            self._overlay,
            str(copied or ""),
            str(folder.run),
        ]
        seconds = _COPIED_WITHIN if copied else _MOVED_WITHIN
        self.keeper.run(argv, folder.log / "rewind.log", seconds=seconds)
        self._remove(gone.with_name(f"{gone.name}.done"))

    def _clear(self) -> None:
        """Make a folder ready whose session has ended."""
        folder = self.folder
        places = (folder.upper, folder.work, folder.kept, folder.run, folder.x11)
        argv = ["sh", "-c", _CLEAR, "sh", *map(str, places)]
        self.keeper.run(argv, folder.log / "clear.log")
        for left in folder.kept.iterdir():  # what was about to be removed, and begun clones
            if left.name.startswith("gone-") or left.name.endswith("+"):
                self._remove(left)

    def look_at_group(self) -> None:
        """Tell if the kernel has ended programs since the last look."""
        if self.group and (killed := self.group.killed) > self._killed:
            count, self._killed = killed - self._killed, killed
            self._told(
                f"the kernel has ended {count} {'program' if count == 1 else 'programs'}: all of "
                "the desktop together used more memory than it may, files in /tmp and /dev/shm "
                "included."
            )

    def said(self, program: str) -> int:
        """How many bytes the runs of a program have written so far."""
        log = self.folder.log / f"{Path(program).name}.log"
        return log.stat().st_size if log.is_file() else 0

    def last_words(self, program: str, after: int = 0) -> str:
        """The last line a program wrote, `after` so many bytes; empty when it said nothing."""
        log = self.folder.log / f"{Path(program).name}.log"
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(max(after, log.stat().st_size - _LAST_BYTES))
            wrote = file.read(_LAST_BYTES)
        lines = wrote.decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")

    def leave(self) -> Remains:
        """End every program, and keep the folder for another session."""
        self._outer.spare(self.folder.path)
        self._end()
        return Remains(self.folder, self.uid, self._layers, self._below, self._forgotten)

    def close(self) -> None:
        """End every program and remove the folder."""
        self._end()
        self.folder.release()

    def _end(self) -> None:
        if self._pulse:
            self._pulse.close()
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

    @property
    def _overlay(self) -> str:
        """The options that mount the home."""
        folder = self.folder
        lower = ":".join(map(str, (*self._layers, folder.base)))
        return f"lowerdir={lower},upperdir={folder.upper},workdir={folder.work},userxattr"

    def _start_x(self, argv: Sequence[str], fds: Sequence[int]) -> int:
        given: Sequence[int] = fds
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
        if self.freezer:
            self.box.commands([])  # once it answers, what it starts is in the group as it is
            self.freezer.add(tree(self.box.pid))

    @contextmanager
    def _still(self) -> Generator[None]:
        """No program runs meanwhile: by the kernel where it can, else by signals."""
        if self.freezer and self.freezer.freeze():
            try:
                yield
            finally:
                self.freezer.thaw()
        else:
            with self.box.frozen():
                yield

    def _start_bus(self) -> None:
        """Start the session bus; a descriptor tells when it is ready."""
        self._bus_ready, told = os.pipe()
        self.launch(
            [
                _own("dbus-daemon"), "--session", "--nofork", "--nopidfile", "--nosyslog",
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
            self.launch([_own("openbox"), "--config-file", config, "--startup", told], keep=True)
            yield
            self._wait_for(ready, "openbox")
        finally:
            os.close(ready)
        fifo.unlink(missing_ok=True)
        for launcher in _AT_SPI:
            if launcher.exists():
                self.launch([str(launcher), "--launch-immediately", "--a11y=1"], keep=True)
                break
        if (panel := _own("tint2")) != "tint2":
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
        folder = remains.folder if remains else make_folder(below, name)
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
        about = f"{why.filename}: " if why.filename else ""
        raise CannotStart("The desktop", f"{about}{why.strerror or 'no answer in time'}") from why
    return session


def tree(pid: int) -> list[int]:
    """A process and all below it, parents first."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _give(folder: Path, uid: int) -> None:
    """Let the desktop's user own its folder."""
    if uid != os.getuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)


def _own(program: str) -> str:
    """The path of a program of the desktop itself: none of the home takes its place."""
    return shutil.which(program, path=SEARCH_PATH) or program


def _close(display: Display) -> None:
    with suppress(error.ConnectionClosedError):
        display.close()

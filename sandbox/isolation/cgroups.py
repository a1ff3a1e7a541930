"""A control group for the processes of a desktop, where this machine lets us make one.

With it the kernel holds all of a desktop together to its memory and processes at once, also memory
that no program is charged with (files in /dev/shm, pipes), and shares the processors fairly between
desktops, however many programs each has. Without one, what the programs' box is held to
(bubblewrap.py, supervisor) is all there is.

cgroup v2 wherever it has a controller, v1 elsewhere (cgroups(7)). Root may make groups; others may
where a part of the tree is theirs, as in a systemd service with Delegate=yes.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "gloveport-"
_SERVER = "gloveport"  # our own group, if need be: in v2 a group has either processes or groups
_PROCESSES = "cgroup.procs"
_KILLED = ("memory.events", "memory.oom_control")  # of v2 and v1; both have a line "oom_kill N"
_FROZEN_WITHIN = 5.0  # seconds; a process that waits for a disk stops afterwards
_GONE_WITHIN = 1.0  # seconds; what was killed stays in its group for a moment
_WANTED = ("memory", "pids", "cpu")


@dataclass(frozen=True, slots=True)
class Group:
    """A group; in v1 a folder for each controller."""

    folders: tuple[Path, ...]

    def add(self, pid: int) -> None:
        """Put a process into it, with all it starts from now on."""
        for folder in self.folders:
            (folder / _PROCESSES).write_text(str(pid))

    @property
    def killed(self) -> int:
        """How many of its processes the kernel has killed because there was no more memory."""
        for told in (folder / name for folder in self.folders for name in _KILLED):
            with suppress(OSError):
                for line in told.read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0


def make_group(name: str, memory: int, processes: int) -> Group | None:
    """Make a group; None where none can be made.

    Args:
        name: Finds it again.
        memory: Bytes its processes may use together; none of them in swap.
        processes: Processes and threads there may be.
    """
    settings = {  # of v1 and v2; what a kernel without swap accounting has not is left out
        "memory": (
            {
                "memory.limit_in_bytes": memory,
                "memory.memsw.limit_in_bytes": memory,
                "memory.kmem.tcp.limit_in_bytes": memory // 4,
            },
            {"memory.max": memory, "memory.swap.max": 0},
        ),
        "pids": ({"pids.max": processes}, {"pids.max": processes}),
        "cpu": ({"cpu.shares": 512}, {"cpu.weight": 50}),  # half of what is usual
    }
    made: dict[Path, None] = {}
    for controller, (place, version) in _places().items():
        folder = place / f"{_PREFIX}{name}"
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            made[folder] = None
            for setting, value in settings[controller][version - 1].items():
                if (folder / setting).exists():
                    (folder / setting).write_text(str(value))
    return Group(tuple(made)) if made else None


@dataclass(frozen=True, slots=True)
class Freezer:
    """A group whose processes the kernel stops and lets go on, unseen by them and their parents."""

    folder: Path
    version: int

    def add(self, pids: Iterable[int]) -> None:
        """Put processes into it, with all they start from now on; what has ended is left out."""
        for pid in pids:
            with suppress(OSError):
                (self.folder / _PROCESSES).write_text(str(pid))

    def freeze(self) -> bool:
        """Stop all; False, and none is, if they have not stopped in time or cannot be."""
        until = time.monotonic() + _FROZEN_WITHIN
        try:
            self._set(frozen=True)
            while not self._frozen():
                if time.monotonic() > until:
                    self.thaw()
                    return False
                time.sleep(0.001)
        except OSError:
            return False
        return True

    def thaw(self) -> None:
        """Let them go on."""
        with suppress(FileNotFoundError):  # the group went with its last process
            self._set(frozen=False)

    def _set(self, *, frozen: bool) -> None:
        if self.version == 1:
            (self.folder / "freezer.state").write_text("FROZEN" if frozen else "THAWED")
        else:
            (self.folder / "cgroup.freeze").write_text("1" if frozen else "0")

    def _frozen(self) -> bool:
        if self.version == 1:
            return (self.folder / "freezer.state").read_text().strip() == "FROZEN"
        return "frozen 1" in (self.folder / "cgroup.events").read_text().splitlines()


def make_freezer(name: str, group: Group | None) -> Freezer | None:
    """Make a group that can be frozen; None where none can be made.

    Args:
        name: As of the group; finds it again.
        group: The group of the desktop; in v2 it is made below that.
    """
    folder, version = None, 1
    if place := _places(("freezer",)).get("freezer"):
        folder = place[0] / f"{_PREFIX}{name}"
    elif group and (group.folders[0] / "cgroup.freeze").exists():
        folder, version = group.folders[0] / "programs", 2
    if folder is None:
        return None
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return Freezer(folder, version)


def controllers() -> list[str]:
    """What groups can be made of here; none if none can be made."""
    return [f"{one} (v{version})" for one, (_, version) in sorted(_places().items())]


def x_group(name: str) -> str:
    """The name of the group of a desktop's X server, beside that of its programs."""
    return f"{name}-x"


def find_group(name: str) -> list[Path]:
    """The folders of a group that somebody left behind."""
    places = {place for place, _ in _places((*_WANTED, "freezer")).values()}
    names = (name, x_group(name))
    folders = [place / f"{_PREFIX}{one}" for place in places for one in names]
    found = [folder for folder in folders if folder.exists()]
    inner = [below for one in found if (below := one / "programs").exists()]
    return [*inner, *found]


def remove_group(folders: Iterable[Path]) -> None:
    """Remove a group whose processes have ended, or are about to."""
    until = time.monotonic() + _GONE_WITHIN
    for folder in folders:
        while folder.exists():
            try:
                folder.rmdir()
            except OSError:
                if time.monotonic() > until:
                    break
                time.sleep(0.01)


def _places(wanted: Iterable[str] = _WANTED) -> dict[str, tuple[Path, int]]:
    """Where groups can be made that a controller works on, and the version of its tree."""
    own: dict[str, str] = {}
    found: dict[str, tuple[Path, int]] = {}
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:  # a kernel without
        return found
    for line in groups:
        _, controllers, group = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), group)
    for line in mounts:
        mount, _, of = line.partition(" - ")
        root, folder = mount.split()[3:5]
        kind, _, options = of.split(" ", 2)
        controllers = set(options.split(",")) & set(wanted) if kind == "cgroup" else {""}
        if kind in ("cgroup", "cgroup2"):
            for one in controllers & own.keys():
                if place := _place(Path(folder), root, own[one]):
                    if one:
                        found.setdefault(one, (place, 1))
                    else:
                        found |= dict.fromkeys(_delegated(place), (place, 2))
    return found


def _place(folder: Path, root: str, group: str) -> Path | None:
    """Where a group is, in a mount of the tree below `root`; None if nothing can be made there."""
    if not Path(group).is_relative_to(root):
        return None
    place = folder / Path(group).relative_to(root)
    place = place.parent if place.name == _SERVER else place
    return place if os.access(place, os.W_OK) else None


def _delegated(place: Path) -> list[str]:
    """The controllers of v2 that work on groups in a group, after we have had them do so."""
    control = place / "cgroup.subtree_control"
    with suppress(OSError):
        missing = set((place / "cgroup.controllers").read_text().split()) & set(_WANTED)
        missing -= set(control.read_text().split())
        inner = (place / "cgroup.type").exists()  # which the root has not
        if missing and inner and (place / _PROCESSES).read_text().split() == [str(os.getpid())]:
            (place / _SERVER).mkdir(exist_ok=True)
            (place / _SERVER / _PROCESSES).write_text(str(os.getpid()))
        for controller in missing:
            with suppress(OSError):
                control.write_text(f"+{controller}")
        return [one for one in control.read_text().split() if one in _WANTED]
    return []

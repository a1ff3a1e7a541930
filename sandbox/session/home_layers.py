"""The home of a desktop behind walls: what has changed, over copies of it, over how it was made.

Copies are made for checkpoints. After a rollback the home lies on a copy, and what changes from
then on is apart from it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import NotKept
from ..isolation.process_tree import ProcessTree
from .environment import SEARCH_PATH
from .folder import Folder

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
# Removes what tells browsers and LibreOffice that they still run. Links on the way there are the
# programs' own: find follows none.
_UNLOCK = """\
cd "$1" || exit
find . -maxdepth 5 -path ./.cache -prune -o -type l -name 'Singleton*' -exec rm -f {} +
find . -mindepth 3 -maxdepth 4 \\( -path './.mozilla/*/lock' -o -path './.thunderbird/*/lock' \\
  -o -path './.config/libreoffice/*/.lock' \\) -exec rm -f {} +
"""
# Seconds to take a home back: moving takes milliseconds, copying up to 2 GB what the disk needs.
_MOVED_WITHIN, _COPIED_WITHIN = 20.0, 300.0
_MOST_LAYERS = 8  # of a home; each is looked through for a file, and mount(2) takes a page of names


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


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A rollback that is not over: where to, the layers before it, and what is there once done."""

    to: Path
    before: tuple[Path, ...]
    done: Path


@dataclass(frozen=True, slots=True)
class Pending:
    """A rollback that has begun.

    Args:
        gone: The folder that what has changed is moved to; `.done` is added to it at the end.
        layers: What the home lies on then.
    """

    gone: str
    layers: tuple[Path, ...]


class HomeLayers:
    """What is kept of a home, and what it lies on.

    Args:
        folder: Where the desktop lives.
        keeper: The box that mounts the home.
        remains: What another session left, to go on with.
    """

    def __init__(self, folder: Folder, keeper: ProcessTree, remains: Remains | None) -> None:
        self.folder, self.keeper = folder, keeper
        self.changed: Callable[[], None] = lambda: None
        """Told before and after the home goes back, for what is to be known after a sudden end."""
        self._layers: tuple[Path, ...] = ()
        """Copies that the home lies on since it went back, the newest first."""
        self._below: dict[Path, tuple[Path, ...]] = {}
        """The layers each copy was made over."""
        self._forgotten: set[Path] = set()
        self._at: Path | None = None
        """The copy the home went back to last; None while it goes back."""
        self._last: Path | None = None
        """The last copy since the home went back."""
        self._goes_on = remains is not None
        self._under_way: UnderWay | None = None
        if remains:
            self._layers, self._below = remains.layers, remains.below
            self._forgotten = remains.forgotten

    def remains(self, uid: int) -> Remains:
        """What another session needs to go on with them; the keeper has ended."""
        self._end_rollback()
        return Remains(self.folder, uid, self._layers, self._below, self._forgotten)

    def mount(self) -> None:
        """Mount the home for the first time."""
        mount = ["mount", "-t", "overlay", "overlay", "-o", self._overlay, str(self.folder.home)]
        self.keeper.run(mount, self.folder.log / "mount.log")
        if self._goes_on:
            self._unlock()

    def _unlock(self) -> None:
        argv = ["sh", "-c", _UNLOCK, "sh", str(self.folder.home)]
        self.keeper.run(argv, self.folder.log / "unlock.log")

    @property
    def layers(self) -> tuple[Path, ...]:
        """Copies that the home lies on, the newest first; while it goes back, those before."""
        return self._under_way.before if self._under_way else self._layers

    @property
    def pending(self) -> Pending | None:
        """How it will lie once it has gone back; None when it does not."""
        going = self._under_way
        return Pending(going.done.stem, self._layers) if going else None

    @property
    def below(self) -> Mapping[Path, tuple[Path, ...]]:
        """The layers each copy was made over."""
        return self._below

    @property
    def _overlay(self) -> str:
        """The options that mount the home."""
        folder = self.folder
        lower = ":".join(map(str, (*self._layers, folder.base)))
        return f"lowerdir={lower},upperdir={folder.upper},workdir={folder.work},userxattr"

    def keep(self, name: str) -> Snapshot:
        """Copy what has changed in the home since the desktop started or went back; nothing writes.

        Raises:
            NotKept: The disk of this machine is full; nothing was kept.
        """
        kept = self.folder.kept / name
        try:
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

    def depart(self) -> None:
        """The home leaves the copy it lies on."""
        self._last = self._at = None

    def go_back(self, kept: Path) -> None:
        """Give the home the state of a copy, while no program runs.

        Raises:
            CannotStart: A step failed; the home is as it was.
            Broken: It is not known how far it came until the keeper has ended; see `remains`.
        """
        gone = self.folder.kept / f"gone-{time.time_ns()}"
        self._under_way = UnderWay(kept, self._layers, gone.with_name(f"{gone.name}.done"))
        self._layers = (kept, *self._below[kept])
        copied = None
        if len(self._layers) > _MOST_LAYERS:
            self._layers, copied = self._below[kept], kept
        done = self._under_way.done
        try:
            self.changed()
        except BaseException:
            self._end_rollback()
            raise
        self._rewind(copied, gone)
        self._at, self._under_way = kept, None
        self.changed()
        self._remove(done)
        self._remove_forgotten()

    def lies_on(self, kept: Path) -> bool:
        """Whether the home went back to a copy last."""
        return self._at == kept

    def _rewind(self, copied: Path | None, gone: Path) -> None:
        """Take away what has changed in the home, which then is its layers and this copy."""
        folder = self.folder
        asked = {
            "home": str(folder.home), "upper": str(folder.upper), "work": str(folder.work),
            "options": self._overlay, "copy": str(copied or ""), "run": str(folder.run),
            "gone": str(gone),
        }  # fmt: skip
        self.keeper.roll_back(asked, seconds=_COPIED_WITHIN if copied else _MOVED_WITHIN)

    def _end_rollback(self) -> None:
        """Take account of a rollback that failed, once nothing works at it any more."""
        if at := self._under_way:
            if at.done.exists():  # all steps were done, and then something ended
                self._at = at.to
            else:
                self._layers = at.before
        self._under_way = None

    def clear(self) -> None:
        """Make a folder ready whose session has ended."""
        folder = self.folder
        places = (folder.upper, folder.work, folder.kept, folder.run, folder.x11)
        argv = ["sh", "-c", _CLEAR, "sh", *map(str, places)]
        self.keeper.run(argv, folder.log / "clear.log")
        self._unlock()  # of a home that is not mounted
        self._remove_forgotten()
        for left in folder.kept.iterdir():  # what was about to be removed, and begun clones
            if left.name.startswith("gone-") or left.name.endswith("+"):
                self._remove(left)

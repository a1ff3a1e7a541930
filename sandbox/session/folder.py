"""The private folders that desktops live in, and those that ended ones left."""

import fcntl
import logging
import os
import re
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CannotStart
from ..isolation.cgroups import (
    find_group,
    remove_group,
)
from ..isolation.process_tree import sweep
from ..x11.server import sweep_displays
from .home_store import HomeStore, give_all

logger = logging.getLogger(__name__)


MARK = "GLOVEPORT_DESKTOP"

_LAST_BYTES = 1 << 16  # of a log that are looked through for its last line
_A_FOLDER = re.compile("-[0-9a-f]{8}$")  # the name of a folder of a desktop; see `make_folder`


@dataclass(frozen=True, slots=True)
class Folder:
    """The private folder of one desktop, 0700; nothing of ours trusts what appears in `run`."""

    path: Path
    lock: int = field(default=-1, compare=False, repr=False)
    """A descriptor that holds the lock of its owner, for as long as there is one."""
    store: HomeStore | None = field(default=None, compare=False)
    """What has the home and its copies, if they outlive the desktop."""

    def said(self, program: str) -> int:
        """How many bytes the runs of a program have written so far."""
        log = self.log / f"{Path(program).name}.log"
        return log.stat().st_size if log.is_file() else 0

    def last_words(self, program: str, after: int = 0) -> str:
        """The last line a program wrote, `after` so many bytes; empty when it said nothing."""
        log = self.log / f"{Path(program).name}.log"
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(max(after, log.stat().st_size - _LAST_BYTES))
            wrote = file.read(_LAST_BYTES)
        lines = wrote.decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")

    def release(self) -> None:
        """Own it no longer."""
        if self.lock >= 0:
            os.close(self.lock)

    @property
    def lasting(self) -> Path:
        """The folder of the home and its copies."""
        return self.store.path if self.store else self.path

    @property
    def home(self) -> Path:
        """The home; behind walls, where the keeper mounts it over `base`."""
        return self.lasting / "home"

    @property
    def base(self) -> Path:
        """The home as it was at first; never written to again."""
        return self.lasting / "base"

    @property
    def upper(self) -> Path:
        """What has changed in the home since, as overlayfs keeps it."""
        return self.lasting / "upper"

    @property
    def work(self) -> Path:
        """Overlayfs's own."""
        return self.lasting / "work"

    @property
    def run(self) -> Path:
        """Sockets of the session: the buses and the ready signal."""
        return self.path / "run"

    @property
    def x11(self) -> Path:
        """The X server's socket, behind walls."""
        return self.path / "x11"

    @property
    def xauthority(self) -> Path:
        return self.path / "Xauthority"

    @property
    def xkb(self) -> Path:
        """The keymap, as the X server reads it."""
        return self.path / "xkb"

    @property
    def kept(self) -> Path:
        """Checkpoints."""
        return self.lasting / "kept"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def mark(self) -> str:
        """The environment variable that all programs of this desktop have, as NAME=value."""
        return f"{MARK}={self.path}"


def make_folder(below: Path, name: str, store: HomeStore | None = None) -> Folder:
    """Make the folder of a new desktop.

    Args:
        below: The folder it is made in.
        name: The desktop's name.
        store: What has its home and copies, if they are to outlive it.

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
    if os.getuid() == 0:
        below.chmod(0o711)  # the users of desktops must get through to their folders
    path = below / f"{name}-{secrets.token_hex(4)}"
    with _one_at_a_time(below):
        path.mkdir(mode=0o700)
        folder = Folder(path, _owned(path), store)
    try:
        for path in (
            folder.home, folder.base, folder.upper, folder.work, folder.run, folder.x11, folder.xkb,
            folder.kept, folder.log,
        ):  # fmt: skip
            path.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.release()
        raise
    return folder


def give_folder(folder: Folder, uid: int) -> None:
    """Let the desktop's user own its new folder."""
    give_all(uid, folder.path, *([folder.store.path] if folder.store else []))


def told_by(why: OSError) -> str:
    """What the kernel says, and of which file."""
    about = f"{why.filename}: " if why.filename else ""
    return f"{about}{why.strerror or 'no answer in time'}"


def taken(folder: Folder) -> set[int]:
    """The users of other desktops here, whether they run or not."""
    places = [folder.path.parent, *([folder.store.path.parent] if folder.store else [])]
    mine = {folder.path, folder.lasting}
    return {path.stat().st_uid for below in places for path in below.iterdir() if path not in mine}


def sweep_folders(below: Path) -> None:
    """Remove what desktops left here, and on the machine, whose owner and box were both killed."""
    with _one_at_a_time(below):
        left = [
            Folder(path, lock)
            for path in below.iterdir()
            if _A_FOLDER.search(path.name) and path.is_dir() and not path.is_symlink()
            if (lock := _owned(path)) >= 0
        ]
    for folder in left:
        logger.warning("removing %s, whose owner was killed", folder.path)
        sweep(folder.mark, [])
        remove_group(find_group(folder.path.name))
        sweep(folder.mark, [folder.path])
        folder.release()
    sweep_displays()


@contextmanager
def _one_at_a_time(below: Path) -> Generator[None]:
    """Let no other server make or sweep a folder here meanwhile: one without an owner is dead."""
    fd = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _owned(path: Path) -> int:
    """Own a folder: a descriptor that holds its lock, which ends with us; -1: another owns it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path / "owner", flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd

"""The folder of a desktop that stays: its home, its checkpoints and its record, between runs.

One process at a time has it: the lock of the folder itself (flock) is held by the server and by the
parent of the desktop's processes, so after `kill -9` of the server it is free once all have ended.
"""

import fcntl
import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import Broken, CannotStart

FORMAT = 1
"""Of what is in the folder; raised when an older gloveport could not use it."""

_RECORD = "desktop.json"
_ENDS_WITHIN = 25.0  # seconds the processes of a killed server have to end
_SPARE = 256 << 20  # bytes that must be free on the disk: browsers corrupt profiles without room
_MOST_RECORD = 16 << 20  # bytes; 20 checkpoints with their commands take less than one


class StoreUnusable(CannotStart):
    def __init__(self, path: Path, why: str) -> None:
        Broken.__init__(self, f"The desktop kept in {str(path)[-150:]} is out of reach: {why}.")


@dataclass(frozen=True, slots=True)
class HomeStore:
    """An opened folder; see `open_store`.

    Args:
        path: Where it is, 0700.
        lock: A descriptor of it that holds its lock.
    """

    path: Path
    lock: int

    @property
    def pictures(self) -> Path:
        """The folder of the checkpoints' pictures."""
        return self.path / "pictures"

    def read(self) -> dict[str, Any]:
        """Return what was written last; empty for a new desktop.

        Raises:
            StoreUnusable: It cannot be read.
        """
        return read_record(self.path)

    def write(self, record: Mapping[str, Any]) -> None:
        """Replace the record, whole or not at all, also when the power fails.

        Raises:
            OSError: It could not be written, such as on a full disk.
        """
        write_whole(self.path / _RECORD, json.dumps(record).encode())

    def close(self) -> None:
        """Let another have it, as soon as all processes of the desktop have ended."""
        os.close(self.lock)


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a desktop that stays; empty if it has none.

    Raises:
        StoreUnusable: It cannot be read.
    """
    try:
        fd = os.open(path / _RECORD, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            found: Any = json.loads(file.read(_MOST_RECORD))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as why:
        raise StoreUnusable(path, f"its {_RECORD} cannot be read") from why
    if not isinstance(found, dict):
        raise StoreUnusable(path, f"its {_RECORD} is no record")
    return cast(dict[str, Any], found)


def open_store(path: Path, *, known: bool = True) -> HomeStore:
    """Take the folder of a desktop that stays, which is made if it is missing.

    Args:
        path: Where it is.
        known: Whether it has to be of a format that is known, and to have room.

    Raises:
        StoreUnusable: Another server has it, it is another user's, a later gloveport's, or the disk
            is full.
    """
    try:
        _make(path)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as why:
        raise StoreUnusable(path, why.strerror or "it cannot be opened") from why
    try:
        _take(fd, path)
        _check_owner(fd, path)
        if known:
            check_format(path)
        free = os.fstatvfs(fd)
        if known and free.f_bavail * free.f_frsize < _SPARE:
            raise StoreUnusable(
                path, f"the disk has less than {_SPARE >> 20} MB left; `gloveport desktops` lists "
                "what yours take"
            )  # fmt: skip
    except BaseException:
        os.close(fd)
        raise
    return HomeStore(path, fd)


def check_format(path: Path) -> None:
    """Refuse a folder that this gloveport does not know; a new one gets the format.

    Raises:
        StoreUnusable: It is of another format.
    """
    file = path / "format"
    try:
        said = file.read_bytes()[:20].decode("ascii", "replace").strip()
    except FileNotFoundError:
        if any(path.iterdir()):
            raise StoreUnusable(
                path, "its format is not known: the file `format` is missing"
            ) from None
        write_whole(file, f"{FORMAT}\n".encode())
        return
    except OSError as why:
        raise StoreUnusable(path, f"its format cannot be read: {why.strerror}") from why
    if said != str(FORMAT):
        shown = said if re.fullmatch(r"[0-9.]{1,8}", said) else "unknown"
        raise StoreUnusable(
            path, f"its format is {shown}, and this gloveport knows {FORMAT}; use the gloveport "
            "that wrote it, or another --name"
        )  # fmt: skip


def holder(path: Path) -> int:
    """The process that took the lock of a folder; 0 when it is free."""
    found = path.stat()
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == place:
            return int(words[4])
    return 0


def write_whole(file: Path, data: bytes) -> None:
    """Write a file (0600) whole or not at all, also when the power fails."""
    new = file.with_name(f"{file.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def give_all(uid: int, *folders: Path) -> None:
    """Let a user own folders with all that is in them, however deep."""
    if folders and uid != os.getuid():
        argv = ["chown", "-hR", f"{uid}:{uid}", "--", *map(str, folders)]
        subprocess.run(argv, check=True, env={"PATH": "/usr/bin:/bin"}, cwd="/")


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)


def _take(fd: int, path: Path) -> None:
    """Take the lock; what a killed server left has a moment to end."""
    until = time.monotonic() + _ENDS_WITHIN
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            has = holder(path)
            if time.monotonic() > until or (has and has != os.getpid() and _lives(has)):
                raise StoreUnusable(
                    path, f"process {has or '?'} has it open; end that with `gloveport stop NAME`, "
                    "or use another --name"
                ) from None  # fmt: skip
            time.sleep(0.02)
        else:
            return


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _check_owner(fd: int, path: Path) -> None:
    found = os.fstat(fd)
    if found.st_uid != os.getuid() and os.getuid() != 0:
        raise StoreUnusable(path, "it belongs to another user; use another --name")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.fchmod(fd, 0o700)

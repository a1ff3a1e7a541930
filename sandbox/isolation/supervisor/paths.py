"""Folders of any depth: paths longer than the kernel takes at once, sizes and removal."""

import errno
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .system import PATH

SMALLEST = 4096  # bytes that a file counts at least: it takes a place in the disk's own tables
LONGEST_PATH = 3800  # bytes that the kernel takes at once (4,096), less a name of 255
STEP = 900  # characters of a long path at a time, of four bytes at the most
MOST_DEEP = 100_000  # characters of a path; each time one is opened anew, 110 folders are
MOST_OPENED = 200  # folders on the way to deep ones that are kept open
LOG_MOST = 8 << 20  # bytes a log may have
GONE_WITHIN = 1.0  # seconds, of what was killed
# Opens nothing, and follows nothing: the descriptor stands for what is there, be it a link.
NAME_IT = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove a folder, however deep, also what is in folders that nobody may look into."""
    remove = ["rm", "-rf", "--", str(path)]
    for argv in (remove, ["chmod", "-R", "u+rwX", "--", str(path)], remove):
        if path.exists():
            subprocess.run(argv, env={"PATH": PATH}, stderr=subprocess.DEVNULL)


class Tree:
    """Paths below a folder that are longer than the kernel takes at once (PATH_MAX, 4,096 bytes).

    They are reached through descriptors of folders on the way, of which some are kept open.

    Args:
        top: The folder.
    """

    def __init__(self, top: str) -> None:
        self.top = top
        self.opened: dict[str, int] = {}

    def path(self, name: str) -> str:
        """A path for a system call; it holds until the next of a long name is asked for.

        Args:
            name: Below the top, such as "/folder/file"; empty for the top itself.

        Raises:
            OSError: A folder on the way is gone, or it is far too long.
        """
        if self.reaches(name):
            return self.top + name
        if len(name) > MOST_DEEP:
            raise OSError(errno.ENAMETOOLONG, "a folder of the home is too deep")
        at, begin = self.top, 0
        while len(name) - begin > STEP:
            end = name.rfind("/", begin + 1, begin + STEP)
            fd = self.opened.pop(name[:end], None)
            if fd is None:
                fd = os.open(at + name[begin:end], NAME_IT | os.O_DIRECTORY)
            self.opened[name[:end]] = fd
            if len(self.opened) > MOST_OPENED:
                os.close(self.opened.pop(next(iter(self.opened))))
            at, begin = f"/proc/self/fd/{fd}", end
        return at + name[begin:]

    def reaches(self, name: str) -> bool:
        """Whether a path needs no descriptors."""
        return len(os.fsencode(self.top + name)) < LONGEST_PATH

    def close(self) -> None:
        for fd in self.opened.values():
            os.close(fd)
        self.opened.clear()


def shorten(logs: Path) -> None:
    """Empty what has grown too long; who writes there goes on at its beginning."""
    for log in logs.iterdir():
        with suppress(OSError):
            if stat.S_ISREG(log.lstat().st_mode) and log.lstat().st_size > LOG_MOST:
                os.truncate(log, 0)


def all_below(tree: Tree) -> Iterator[tuple[str, os.stat_result]]:
    """All that is below a folder, as far as it can be read: names, and what they are.

    Not os.walk, which goes no deeper than Python's stack.
    """
    folders = [""]
    for place in folders:
        with suppress(OSError), os.scandir(tree.path(place)) as entries:
            for entry in entries:
                name = f"{place}/{entry.name}"
                with suppress(OSError):
                    told = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(told.st_mode):
                        folders.append(name)
                    yield name, told


def taken(folder: Path) -> int:
    """Bytes that the files below a folder take."""
    tree = Tree(str(folder))
    total = sum(max(SMALLEST, told.st_blocks * 512) for _, told in all_below(tree))
    tree.close()
    return total


def in_use(folder: Path) -> int:
    """Bytes in use on the file system a folder is on."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def removed_after(path: Path) -> tuple[bool, int]:
    """Sorts what is removed: groups, inner ones first, and files before folders."""
    group = (path / "cgroup.procs").exists()
    return path.is_dir() and not path.is_symlink() and not group, -len(path.parts)


def thaw(folders: list[Path]) -> None:
    """Let go on what an owner froze that died meanwhile: what is frozen cannot end by itself."""
    for folder in folders:
        for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            with suppress(OSError):
                if (folder / name).exists():
                    (folder / name).write_text(word)


def remove_group(folder: Path) -> None:
    """Remove a control group; what was killed stays in it for a moment."""
    until = time.monotonic() + GONE_WITHIN
    while time.monotonic() < until:
        try:
            return folder.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.01)
    return None

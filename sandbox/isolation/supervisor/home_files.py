"""Files of the home, opened for the owner and never through a link."""

import ctypes
import os
import stat
from contextlib import ExitStack, suppress
from typing import Any

from .paths import NAME_IT
from .system import libc

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
RENAME_NOREPLACE = 1


class InTheWay(Exception):
    """A part of a path is something that is not gone through, opened or replaced."""

    def __init__(self, part: int, found: str) -> None:
        super().__init__(part, found)
        self.part, self.found = part, found


class Files:
    """Opens files of the home for our owner, who reads and writes them; nothing here waits.

    Programs change the home as they like at any moment. So each part of a path is opened from the
    one before and never followed, what it is is seen from the descriptor, and only a regular file
    is opened for more than that.

    Args:
        asked: The message: "home", "path" (its parts, none of them dots), and for "new" and "place"
            the name of a "temporary" file, whether it may "replace" one, and for "place" whether to
            "keep" it.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.path: list[str] = asked["path"]
        self.at = 0
        self.opened = ExitStack()

    def serve(self, passed: list[int]) -> tuple[dict[str, Any], list[int]]:
        """What to answer, and the descriptors to hand out."""
        for fd in passed:
            self.opened.callback(os.close, fd)
        with self.opened:
            try:
                if "place" in self.asked:
                    self.place(passed[0])
                    return {}, []
                if self.asked["open"] == "folder":
                    folder = self.walk(self.path)
                    return {}, [os.open(".", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)]
                if self.asked["open"] == "file":
                    return {}, [self.file(self.walk(self.path[:-1]))]
                return self.new(self.walk(self.path[:-1], make=True))
            except InTheWay as what:
                return {"at": what.part, "found": what.found}, []
            except OSError as why:
                return {"at": self.at, "error": why.strerror, "number": why.errno}, []

    def walk(self, parts: list[str], *, make: bool = False) -> int:
        """The folder that these parts lead to; those that are missing are made if asked to."""
        here = self.own(os.open(self.asked["home"], NAME_IT | os.O_DIRECTORY))
        for self.at, part in enumerate(parts):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            here = self.named(here, part)
            self.must_be("folder", os.fstat(here))
        self.at = len(self.path) - 1
        return here

    def file(self, folder: int) -> int:
        named = self.named(folder, self.path[-1])
        self.must_be("file", os.fstat(named))
        # Of a file that another program has a lease on, opening would wait.
        return os.open(f"/proc/self/fd/{named}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def new(self, folder: int) -> tuple[dict[str, Any], list[int]]:
        """A new file with a name of its own in the folder, and the folder, for `place`."""
        mode, replaces = 0o644, False
        with suppress(FileNotFoundError):
            there = os.stat(self.path[-1], dir_fd=folder, follow_symlinks=False)
            self.must_be("file" if self.asked["replace"] else "nothing", there)
            mode, replaces = stat.S_IMODE(there.st_mode) & 0o777, True
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        made = os.open(self.asked["temporary"], flags, 0o600, dir_fd=folder)
        os.fchmod(made, mode)
        return {"replaces": replaces}, [made, os.dup(folder)]

    def place(self, folder: int) -> None:
        """Give a new file its name, or remove it."""
        self.at = len(self.path) - 1
        temporary, name = self.asked["temporary"], self.path[-1]
        try:
            if not self.asked["keep"]:
                return
            flags = 0 if self.asked["replace"] else RENAME_NOREPLACE
            old, new = os.fsencode(temporary), os.fsencode(name)
            if libc.renameat2(folder, old, folder, new, flags):
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)

    def named(self, folder: int, part: str) -> int:
        return self.own(os.open(part, NAME_IT, dir_fd=folder))

    def must_be(self, wanted: str, there: os.stat_result) -> None:
        found = KINDS.get(stat.S_IFMT(there.st_mode), "other")
        if found != wanted:
            raise InTheWay(self.at, found)

    def own(self, fd: int) -> int:
        self.opened.callback(os.close, fd)
        return fd

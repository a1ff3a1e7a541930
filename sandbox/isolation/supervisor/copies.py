"""Copies of the home for checkpoints."""

import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

from .paths import Tree
from .processes import mapped_files
from .system import NICE, PATH, die_with_parent

CERTAIN = 100_000_000  # nanoseconds; the clock of files moves every 1 to 10 ms
MOST_KNOWN = 200_000  # files of a copy that the next one begins with
ARGUMENTS = 500_000  # bytes; the kernel takes four times as many for one process


class SnapshotCopier:
    """Copies of a folder that nobody writes to while it is copied, for undo.

    A copy begins as a clone of the last one, made of hard links in advance, and takes over what has
    changed since: few of the 10,000 files of a home. A file has not if its number, size and time
    of change (ctime, which programs cannot set) are as they were. Two kinds of files are copied
    always: those that changed right before the last copy, as the clock of files may not have moved
    since, and those that a program had mapped into its memory to write to, as pages that are
    written again need not change a file's times.
    """

    def __init__(self) -> None:
        self.last = ""
        self.folders: set[str] = set()
        self.files: set[str] = set()
        self.known: dict[str, tuple[int, int, int]] = {}
        """What is certain of files of the last copy: number, ctime in ns, and size."""
        self.cloning = 0
        """The process that makes the clone."""
        self.clone = ""

    def make(self, folder: str, to: str, last: str) -> tuple[int, int]:
        """Copy a folder.

        Args:
            folder: Of which folder.
            to: Where there is nothing yet.
            last: The copy before, if the folder has gone on from there; else empty.

        Returns:
            Bytes that all files take on the disk, and those that are new ones.

        Raises:
            OSError: Something could not be copied; the text says what.
        """
        if last != self.last or not self.cloned():
            self.forget()
        try:
            return self.take_over(folder, to)
        except OSError:
            self.forget()
            raise

    def take_over(self, folder: str, to: str) -> tuple[int, int]:
        there, here = Tree(folder), Tree(to)
        try:
            return self.take_from(there, here)
        finally:
            there.close()
            here.close()

    def take_from(self, there: Tree, here: Tree) -> tuple[int, int]:
        now, mapped = time.time_ns(), mapped_files()
        known: dict[str, tuple[int, int, int]] = {}
        folders, files, changed, total, new = [""], set[str](), list[str](), 0, 0
        for place in folders:
            for entry in os.scandir(there.path(place)):
                name = f"{place}/{entry.name}"
                told = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(told.st_mode):
                    folders.append(name)
                    continue
                files.add(name)
                total += told.st_blocks * 512
                mark = (told.st_ino, told.st_ctime_ns, told.st_size)
                if self.known.get(name) != mark:
                    changed.append(name)
                    new += told.st_blocks * 512
                if now - told.st_ctime_ns > CERTAIN and not name.endswith(mapped):
                    known[name] = mark
        if self.clone:
            Path(self.clone).rename(here.top)
            self.clone = ""
        for name in self.files - files:
            Path(here.path(name)).unlink()
        for name in sorted(self.folders - set(folders), reverse=True):
            Path(here.path(name)).rmdir()
        for name in folders:
            if name not in self.folders:
                Path(here.path(name)).mkdir()
        copy_files(there, here, changed)
        for place in reversed(folders):
            shutil.copystat(there.path(place), here.path(place), follow_symlinks=False)
        self.last, self.known, self.files, self.folders = here.top, known, files, set(folders)
        if len(files) < MOST_KNOWN:
            self.begin_clone()
        return total, new

    def begin_clone(self) -> None:
        self.clone = f"{self.last}+"
        argv = ["nice", "-n", str(NICE), "cp", "-al", self.last, self.clone]
        program = subprocess.Popen(argv, env={"PATH": PATH}, preexec_fn=die_with_parent)
        program.returncode = 0  # reaped by reap() or cloned(), not by Popen
        self.cloning = program.pid

    def ended(self, pid: int, status: int) -> bool:
        """Whether this was the process that makes the clone."""
        if pid != self.cloning:
            return False
        self.cloning = 0
        if status:
            self.forget()
        return True

    def cloned(self) -> bool:
        """Whether there is a clone of the last copy; waits for it."""
        if self.cloning:
            self.ended(*os.waitpid(self.cloning, 0))
        return self.clone != ""

    def forget(self) -> None:
        """Begin anew: the next copy is a whole one."""
        if self.cloning:
            os.kill(self.cloning, signal.SIGKILL)
            self.ended(*os.waitpid(self.cloning, 0))
        if self.clone:
            program = subprocess.Popen(["rm", "-rf", self.clone], env={"PATH": PATH})
            program.returncode = 0
        self.last = self.clone = ""
        self.known, self.files, self.folders = {}, set(), set()


def copy_files(there: Tree, here: Tree, names: list[str]) -> None:
    """Copy files of one tree into the folders of another, which are there.

    Raises:
        OSError: One could not be copied; the text says which.
    """
    short = [name for name in names if there.reaches(name) and here.reaches(name)]
    long = set(names) - set(short)
    copy = ["cp", "-a", "--reflink=auto", "--remove-destination"]
    while short:
        some, room = list[str](), ARGUMENTS
        while short and room > 0:
            some.append(f".{short.pop()}")
            room -= len(os.fsencode(some[-1]))
        run([*copy, "--parents", "-t", here.top, "--", *some], there.top)
    for name in long:
        ends = there.path(name), here.path(name)
        run([*copy, "-T", "--", *ends], "/", (*there.opened.values(), *here.opened.values()))


def run(argv: list[str], folder: str, fds: tuple[int, ...] = ()) -> None:
    done = subprocess.run(
        argv, cwd=folder, env={"PATH": PATH}, stderr=subprocess.PIPE, pass_fds=fds
    )
    if done.returncode < 0:
        raise OSError("a step was killed")
    if done.returncode:
        # "cp: error copying 'a' to 'b': No space left on device": paths of the host are not told.
        lines = done.stderr.decode(errors="replace").strip().split("\n")
        raise OSError(lines[-1].rpartition(": ")[2][:100] or "a file could not be read")

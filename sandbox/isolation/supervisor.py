"""The parent of every process in one desktop; the main program of a process of its own.

It starts what its owner tells it to over a socket, reports what ended, starts again what must not
end, and when the owner closes the socket, or dies, it ends every process below it and removes the
paths it was told to. Orphans inside the desktop become its children (PR_SET_CHILD_SUBREAPER), so
nothing that was started here can outlive it.

The socket carries one JSON object a packet (SOCK_SEQPACKET):
    asked     {"id": 1, "start": [argv], "env": {}, "cwd": "/", "log": false, "keep": false}
                  with the file descriptors the program inherits; "{fd:0}" in argv stands for the
                  number of the first of them; with "log" the last of them is its output
              {"id": 2, "signal": 15, "pid": 123}
              {"id": 3, "listen": 3128}
              {"id": 4, "freeze": true}      stop all programs, or let them go on; only as PID 1
              {"id": 5, "commands": [pids]}  what processes run
              {"id": 6, "fork": uid, "pages": 123}
                  be the root of namespaces of its own in a fork, as a user where this is root, with
                  the descriptors of its socket and its output; `pages`: see `share_less`
              {"id": 7, "open": "folder" | "file" | "new", ...}  {"id": 8, "place": ...}
                  files of the home; see `Files`
              {"id": 9, "copy": "folder", "to": "folder", "last": "folder"}  see `Copies`
              {"remove": [paths]}  {"id": 10, "spare": "path"}  at the end; not after all
    answered  {"id": 1, "pid": 123, "started": true}  {"id": 1, "error": "why"}  also of a fork
              {"id": 3} with the descriptor of a socket that listens on 127.0.0.1
              {"id": 4}  {"id": 5, "commands": [[[argv], "directory"]]}
              {"id": 7, "replaces": false} with descriptors, {"id": 8}, or both with "at", the part
                  of the path that stands in the way, and "found", what it is, or "error", why
              {"id": 9, "bytes": 123, "new": 12}, or "error", why
    told      {"ended": 123, "status": 0}  {"restarted": 123, "pid": 456}
              {"notice": "what was ended because it used more than it may"}

A second argument, a JSON object, says what the box may use: see `Watch`, `shorten`.
"""

import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
PACKET = 1 << 18
# A program that must be kept but ends this often is left alone (in how many seconds).
TRIES, WITHIN = 5, 10.0

# Seconds between two looks at what programs use. Reading takes 1 ms with a browser.
CALM, WORRIED = 0.25, 0.05
NEARLY = 0.9  # of the processes there may be: a bomb is ended before nothing else can start
MANY = 50  # processes that take all memory together, none of them much: they are a bomb too
IN_MEMORY = ("/dev/shm", "/tmp", "/var/tmp")  # folders whose files are memory
ALMOST = 0.8  # of such a folder that is in use before it is said
FEW = 4  # processes that hold most of the files in memory; else who wrote them has ended
YOUNG = 10.0  # seconds; processes of a bomb that hides in many sessions are no older
DISK_STEP = 32 << 20  # bytes gone from the disk after which the home is counted again at once
COUNTED_EVERY = 10.0  # seconds; something else may free as much of the disk as is written here
COUNTING = 0.01  # the share of time that this may take
SMALLEST = 4096  # bytes that a file counts at least: it takes a place in the disk's own tables
CERTAIN = 100_000_000  # nanoseconds; the clock of files moves every 1 to 10 ms
LONGEST_PATH = 3800  # bytes that the kernel takes at once (4,096), less a name of 255
STEP = 900  # characters of a long path at a time, of four bytes at the most
MOST_DEEP = 100_000  # characters of a path; each time one is opened anew, 110 folders are
MOST_OPENED = 200  # folders on the way to deep ones that are kept open
MOST_KNOWN = 200_000  # files of a copy that the next one begins with
MOST_SAID = 30_000  # bytes of arguments in one answer; JSON makes six of one at the most
STOPPED_WITHIN = 5.0  # seconds; a process that waits for a disk stops afterwards
ARGUMENTS = 500_000  # bytes; the kernel takes four times as many for one process
LOG_MOST, LOG_EVERY = 8 << 20, 1.0  # bytes a log may have, and seconds between two looks
GONE_WITHIN = 1.0  # seconds, of what was killed
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
# Programs yield to the server and the X server, and are the first that a short machine ends.
NICE, OOM_SCORE = 5, 500

# Opens nothing, and follows nothing: the descriptor stands for what is there, be it a link.
NAME_IT = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
RENAME_NOREPLACE = 1
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os.nice(NICE)


def enter_namespaces(uid: int) -> None:
    """Be root in namespaces of our own for users, mounts, System V memory and the network.

    The same as `setpriv --reuid=UID ... unshare --user --map-root-user --mount --ipc --net`.
    """
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # another user has lost it, and with it these files
    maps = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    succeed(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET))
    Path("/proc/self/setgroups").write_text("deny")
    for name, outside in maps.items():
        Path("/proc/self", name).write_text(f"0 {outside} 1")
    succeed(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    die_with_parent()  # only now: another user has lost this too


def succeed(failed: int) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def children(pid: int) -> list[int]:
    """Pids of all direct children, adopted orphans and those of other threads included."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it may have ended
            found += map(int, (thread / "children").read_text().split())
    return found


def descendants() -> list[int]:
    """Children of children; those of who ends meanwhile become ours later."""
    found: list[int] = []
    queue = children(os.getpid())
    while queue:
        pid = queue.pop()
        found.append(pid)
        with suppress(OSError):
            queue += children(pid)
    return found


def fill(word: str, fds: list[int]) -> str:
    for place, fd in enumerate(fds):
        word = word.replace(f"{{fd:{place}}}", str(fd))
    return word


def commands(pids: list[int]) -> list[tuple[list[str], str]]:
    """The arguments and directory of each process that is there, as far as they fit an answer."""
    found: list[tuple[list[str], str]] = []
    room = MOST_SAID
    for pid in pids:
        with suppress(OSError):
            with Path(f"/proc/{pid}/cmdline").open("rb") as file:
                argv = file.read(room + 1)
            directory = str(Path(f"/proc/{pid}/cwd").readlink())
            if (size := len(argv) + len(os.fsencode(directory))) <= room:
                room -= size
                words = argv.rstrip(b"\0").split(b"\0")
                found.append(([word.decode(errors="replace") for word in words], directory))
    return found


def states() -> dict[int, tuple[int, str]]:
    """The parent and the state of each process but this one (proc(5), fields 4 and 3)."""
    found: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != "1":
            with suppress(OSError):
                told = (folder / "stat").read_bytes().rpartition(b")")[2].split()
                found[int(folder.name)] = (int(told[1]), told[0].decode())
    return found


def stop_all() -> list[int]:
    """Stop all that runs; only for PID 1.

    Parents have stopped before children are asked to: no shell sees its job stop.

    Returns:
        What was stopped, in this order; what had been before is not among it.
    """
    stopped: list[int] = []
    until = time.monotonic() + STOPPED_WITHIN
    while time.monotonic() < until:
        there = states()
        running = {pid for pid, (_, state) in there.items() if state not in "TtZX"}
        if not running:
            break
        # What was asked to already may take a moment, and so do those below it.
        for pid in running:
            above = there[pid][0]
            while above in there and above not in running:
                above = there[above][0]
            if above not in there and pid not in stopped:
                kill(pid, signal.SIGSTOP)
                stopped.append(pid)
    return stopped


def go_on(stopped: list[int]) -> None:
    """Let what was stopped go on, children before parents."""
    for pid in reversed(stopped):
        kill(pid, signal.SIGCONT)


def remove_tree(path: Path) -> None:
    """Remove a folder, however deep, also what is in folders that nobody may look into."""
    remove = ["rm", "-rf", "--", str(path)]
    for argv in (remove, ["chmod", "-R", "u+rwX", "--", str(path)], remove):
        if path.exists():
            subprocess.run(argv, env={"PATH": PATH}, stderr=subprocess.DEVNULL)


def listening(port: int) -> socket.socket:
    """Switch the loopback on, which a new network namespace has off, and listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING)
        with suppress(PermissionError):  # not a namespace of our own: it is on
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)
    return socket.create_server(("127.0.0.1", port))


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
    if done.returncode:
        # "cp: error copying 'a' to 'b': No space left on device": paths of the host are not told.
        lines = done.stderr.decode(errors="replace").strip().split("\n")
        raise OSError(lines[-1].rpartition(": ")[2][:100] or "a file could not be read")


def mapped_files() -> tuple[str, ...]:
    """The ends of the paths of all files that processes below have mapped to write to."""
    found: set[str] = set()
    for pid in descendants():
        with suppress(OSError):
            maps = os.fsdecode(Path(f"/proc/{pid}/maps").read_bytes())
            for line in maps.split("\n"):
                words = line.split(maxsplit=5)  # addresses, rights, ..., path
                if len(words) == 6 and words[1].startswith("rw") and words[1].endswith("s"):
                    found.add("/" + words[5].rpartition("/")[2])
    return tuple(found)


def share_less(pages: int) -> None:
    """Bound the memory of System V segments, which belong to no process, in a namespace of ours."""
    Path("/proc/sys/kernel/shmall").write_text(str(pages))


def shorten(logs: Path) -> None:
    """Empty what has grown too long; who writes there goes on at its beginning."""
    for log in logs.iterdir():
        with suppress(OSError):
            if stat.S_ISREG(log.lstat().st_mode) and log.lstat().st_size > LOG_MOST:
                os.truncate(log, 0)


class Process(NamedTuple):
    """What /proc/PID/stat tells (proc(5)); `resident` with what it shares, in bytes."""

    pid: int
    name: str
    session: int
    threads: int
    born: float
    resident: int


def processes() -> list[Process]:
    """All but this one."""
    found: list[Process] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != "1":
            with suppress(OSError):
                head, _, tail = (folder / "stat").read_bytes().rpartition(b")")
                told = tail.split()
                named = head.partition(b"(")[2].decode(errors="replace")
                session, threads, born = int(told[3]), int(told[17]), int(told[19]) / TICKS
                resident = int(told[21]) * PAGE
                found.append(Process(int(folder.name), named, session, threads, born, resident))
    return found


def own_memory(process: Process) -> int:
    """Bytes that would be free without it."""
    try:
        told = Path(f"/proc/{process.pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(told[1]) - int(told[2])) * PAGE


def shared_memory(process: Process, devices: set[int]) -> int:
    """Bytes of files in memory that it has mapped, or that it holds open; whichever is more."""
    mapped = 0
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        mapped = int(next(line for line in lines if line.startswith("RssShmem:")).split()[1]) << 10
    held: dict[tuple[int, int], int] = {}
    with suppress(OSError):
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(OSError):
                found = fd.stat()
                if found.st_dev in devices:
                    held[found.st_dev, found.st_ino] = found.st_blocks * 512
    return max(mapped, sum(held.values()))


def written(process: Process) -> int:
    """Bytes it has caused to be written to disks so far."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process.pid}/io").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])
    return 0


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


def memory_left() -> int:
    """Bytes that programs of the whole machine can still have (MemAvailable in proc(5))."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) << 10


def kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def end_first(pid: int) -> None:
    """Have a machine that is short of memory end a program first, whatever it says itself."""
    with suppress(OSError, ValueError):
        score = Path(f"/proc/{pid}/oom_score_adj")
        if int(score.read_text()) < OOM_SCORE:
            score.write_text(str(OOM_SCORE))


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def said_name(process: Process) -> str:
    """Its name, which it may have chosen itself."""
    return "".join(sign for sign in process.name if sign.isprintable()) or "a program"


class ResourceWatchdog:
    """Ends what uses more than it may; only for PID 1, which sees all programs and nothing else.

    Resource limits count by the process, all but the number of processes; control groups are rarely
    ours to use. So what all programs use is looked at, and the files in memory and of the home.

    Args:
        memory: Bytes of all programs together.
        processes: Processes and threads.
        disk: Bytes of the folders.
        spare: Bytes of memory that are left to the machine; 0 where the kernel sees to that.
        folders: Where files stay on the disk of this machine, all on the same: the home first.
    """

    def __init__(
        self, memory: int, processes: int, disk: int, spare: int, folders: list[str]
    ) -> None:
        self.spare = spare
        self.memory, self.processes, self.disk = memory, processes, disk
        self.folders = [Path(folder) for folder in folders]
        self.pause = CALM
        self.shared = {Path(folder).stat().st_dev: Path(folder) for folder in IN_MEMORY}
        self.full: set[int] = set()
        self.free = self.available()
        self.wrote: dict[int, int] = {}
        self.count_after = 0.0
        self.count_anyway = time.monotonic() + COUNTED_EVERY
        self.said_full = False

    def look(self) -> str:
        """Look at everything once; what was ended and why, empty when all is well."""
        running = processes()
        self.pause = CALM
        for one in running:
            end_first(one.pid)
        if sum(one.threads for one in running) >= NEARLY * self.processes:
            rule = f"the desktop may have {self.processes} processes and threads."
            return self.end_bomb(running, rule)
        return (
            self.look_at_machine(running)
            or self.look_at_memory(running)
            or self.look_at_disk(running)
        )

    def look_at_machine(self, running: list[Process]) -> str:
        """End what was started last when the whole machine has no memory left.

        Programs can take memory that counts as nobody's, such as what waits in sockets.
        """
        left = memory_left() if self.spare else self.spare
        if left >= self.spare or not running:
            return ""
        self.pause = WORRIED
        began: dict[int, float] = {}
        for one in running:
            began[one.session] = min(one.born, began.get(one.session, one.born))
        youngest = max(began, key=lambda session: began[session])
        ended = [one for one in running if one.session == youngest]
        for one in ended:
            kill(one.pid, signal.SIGKILL)
        return (
            f"{said_name(min(ended, key=lambda one: one.born))} and what it had started, "
            f"{len(ended)} processes, were ended: "
            f"this machine had {megabytes(left)} of memory left."
        )

    def end_bomb(self, running: list[Process], rule: str) -> str:
        sessions = Counter[int]()
        for one in running:
            sessions[one.session] += one.threads
        largest, size = sessions.most_common(1)[0]
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - YOUNG
        spread = size < self.processes / 4

        def of_bomb(one: Process) -> bool:
            return one.born > age if spread else one.session == largest

        ended: dict[int, Process] = {}
        # What is stopped makes no more of itself, so this ends.
        while new := [one for one in processes() if of_bomb(one) and one.pid not in ended]:
            for one in new:
                kill(one.pid, signal.SIGSTOP)
                ended[one.pid] = one
        for pid in ended:
            kill(pid, signal.SIGKILL)
        if not ended:
            return ""
        first = min(ended.values(), key=lambda one: one.born)
        return (
            f"{said_name(first)} and what it had started, {len(ended)} processes, were ended: "
            f"{rule}"
        )

    def look_at_memory(self, running: list[Process]) -> str:
        files = sum(in_use(folder) for folder in self.shared.values())
        if sum(one.resident for one in running) + files <= self.memory / 2:
            return self.look_at_folders()
        own = {one.pid: own_memory(one) for one in running}
        used = sum(own.values()) + files
        if used <= self.memory:
            self.pause = WORRIED if used > self.memory / 2 else CALM
            return self.look_at_folders()
        devices = set(self.shared)
        blame = {one.pid: own[one.pid] + shared_memory(one, devices) for one in running}
        largest = max(running, key=lambda one: blame[one.pid], default=None)
        rule = f"all programs of the desktop together may use {megabytes(self.memory)}"
        mostly_files = files > used / 2
        if largest and blame[largest.pid] >= used / (FEW if mostly_files else MANY):
            kill(largest.pid, signal.SIGKILL)
            much = megabytes(blame[largest.pid])
            return f"{said_name(largest)} was ended: it used {much} of memory, and {rule}."
        # The largest is not to blame: it may be the desktop's.
        if not mostly_files:
            return self.end_bomb(running, f"{rule} of memory.")
        self.remove_files(used - self.memory)
        return f"Files in {' and '.join(IN_MEMORY)} were removed: they are memory, and {rule}."

    def remove_files(self, most: int) -> None:
        """Remove files in memory, the largest first, until so many bytes are free."""
        trees = [Tree(str(folder)) for folder in self.shared.values()]
        found = [
            (told.st_blocks * 512, place, name)
            for place, tree in enumerate(trees)
            for name, told in all_below(tree)
            if not stat.S_ISDIR(told.st_mode)
        ]
        for size, place, name in sorted(found, reverse=True):
            if most > 0:
                with suppress(OSError):
                    Path(trees[place].path(name)).unlink()
                    most -= size
        for tree in trees:
            tree.close()

    def look_at_folders(self) -> str:
        """What is said once when a folder in memory is nearly full."""
        for device, folder in self.shared.items():
            found = os.statvfs(folder)
            full = 1 - found.f_bavail / found.f_blocks
            if full < ALMOST:
                self.full.discard(device)
            elif device not in self.full:
                self.full.add(device)
                size = megabytes(found.f_blocks * found.f_frsize)
                return f"{folder} is {full:.0%} full, of {size}: programs that need it may fail."
        return ""

    def look_at_disk(self, running: list[Process]) -> str:
        free = self.available()
        self.free = max(free, self.free)
        now = time.monotonic()
        grew = self.free - free >= DISK_STEP
        if now < (self.count_after if grew else self.count_anyway):
            return ""
        before, self.wrote = self.wrote, {one.pid: written(one) for one in running}
        self.free = free
        used = sum(taken(folder) for folder in self.folders)
        cost, now = time.monotonic() - now, time.monotonic()
        self.count_after = now + 10 * cost
        self.count_anyway = now + max(COUNTED_EVERY, cost / COUNTING)
        if used <= self.disk:
            self.said_full = False
            return ""
        grown = {pid: wrote - before.get(pid, 0) for pid, wrote in self.wrote.items()}
        most = max(running, key=lambda one: grown[one.pid], default=None)
        rule = (
            f"the files of the desktop take {megabytes(used)} and may take {megabytes(self.disk)}; "
            f"remove some in {' or '.join(str(folder) for folder in self.folders)}."
        )
        if most is None or grown[most.pid] < DISK_STEP / 2:
            said, self.said_full = self.said_full, True
            return "" if said else f"The disk is full: {rule}"
        kill(most.pid, signal.SIGKILL)
        return f"{said_name(most)} was ended while it wrote: {rule}"

    def available(self) -> int:
        """Bytes free on the disk the home is on."""
        found = os.statvfs(self.folders[0])
        return found.f_bavail * found.f_frsize


def removed_after(path: Path) -> tuple[bool, int]:
    """Sorts what is removed: groups, inner ones first, and files before folders."""
    group = (path / "cgroup.procs").exists()
    return path.is_dir() and not path.is_symlink() and not group, -len(path.parts)


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


class Box:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.kept: dict[int, tuple[dict[str, Any], list[float]]] = {}
        self.remove: list[Path] = []
        self.copies = SnapshotCopier()
        self.stopped: list[int] = []

    def start(self, asked: dict[str, Any], passed: list[int]) -> int:
        output = passed.pop() if asked["log"] else os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        argv = [fill(word, passed) for word in asked["start"]]
        try:
            program = subprocess.Popen(
                argv,
                env=asked["env"],
                cwd=asked["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
                pass_fds=tuple(passed),
            )
        finally:
            for fd in (output, *passed):
                os.close(fd)
        program.returncode = 0  # reaped by reap(), not by Popen
        if os.getpid() == 1:
            end_first(program.pid)
        if asked["keep"]:
            self.kept[program.pid] = (asked, [])
        return program.pid

    def fork(self, asked: dict[str, Any], passed: list[int]) -> int:
        """A box in namespaces of its own, without the time another interpreter takes to start."""
        if pid := os.fork():
            for fd in passed:
                os.close(fd)
            return pid
        try:
            signal.set_wakeup_fd(-1)
            os.setsid()
            for place, fd in enumerate((passed[1], passed[1], passed[0]), 1):
                os.dup2(fd, place)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            enter_namespaces(asked["fork"])
            share_less(asked["pages"])
            live(Box(socket.socket(fileno=3)))
        finally:
            if failure := sys.exc_info()[1]:
                sys.excepthook(type(failure), failure, failure.__traceback__)
            os._exit(failure is not None)

    def serve(self, asked: dict[str, Any], passed: list[int]) -> None:
        if "remove" in asked:
            self.remove += [Path(path) for path in asked["remove"]]
        elif "spare" in asked:
            self.remove = [path for path in self.remove if str(path) != asked["spare"]]
            self.tell({"id": asked["id"]})
        elif "signal" in asked:
            self.kept.pop(asked["pid"], None)
            with suppress(ProcessLookupError):
                os.kill(asked["pid"], asked["signal"])
            self.tell({"id": asked["id"], "pid": asked["pid"]})
        elif "freeze" in asked:
            if os.getpid() == 1:  # anywhere else this would be all processes of the user
                go_on(self.stopped)
                self.stopped = stop_all() if asked["freeze"] else []
            self.tell({"id": asked["id"]})
        elif "copy" in asked:
            try:
                total, new = self.copies.make(asked["copy"], asked["to"], asked["last"])
                self.tell({"id": asked["id"], "bytes": total, "new": new})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        elif "commands" in asked:
            self.tell({"id": asked["id"], "commands": commands(asked["commands"])})
        elif "open" in asked or "place" in asked:
            told, fds = Files(asked).serve(passed)
            self.tell({"id": asked["id"], **told}, *fds)
        elif "listen" in asked:
            try:
                self.tell({"id": asked["id"]}, listening(asked["listen"]).detach())
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        else:
            if asked.get("keep") and asked["log"]:
                asked["output"] = os.dup(passed[-1])
            try:
                pid = self.fork(asked, passed) if "fork" in asked else self.start(asked, passed)
                self.tell({"id": asked["id"], "pid": pid, "started": True})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})

    def tell(self, message: dict[str, Any], *handed: int) -> None:
        """Send a message with descriptors, which are closed here; one too long becomes an error."""
        try:
            socket.send_fds(self.sock, [json.dumps(message).encode()], handed)
        except OSError as why:
            if why.errno == errno.EMSGSIZE and "id" in message:
                error = {"id": message["id"], "error": "the answer is too long"}
                with suppress(OSError):
                    self.sock.send(json.dumps(error).encode())
        for fd in handed:
            os.close(fd)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self.copies.ended(pid, status):
                continue
            asked, ends = self.kept.pop(pid, (None, list[float]()))
            now = time.monotonic()
            ends = [end for end in ends if now - end < WITHIN] + [now]
            if asked and len(ends) < TRIES:
                try:
                    output = [os.dup(asked["output"])] if asked["log"] else []
                    asked["start"] = [word for word in asked["start"] if "{fd:" not in word]
                    again = self.start(asked, output)
                except OSError:
                    pass
                else:
                    self.kept[again] = (asked, ends)
                    name = Path(asked["start"][0]).name
                    self.tell({"restarted": pid, "pid": again, "name": name})
                    continue
            if asked:
                self.tell({"gave_up": Path(asked["start"][0]).name})
            self.tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def end(self) -> None:
        """End everything below: ask, wait up to a second, then kill what is left."""
        self.kept.clear()
        for number, seconds in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
            until = time.monotonic() + seconds
            told: set[int] = set()
            while (living := descendants()) and time.monotonic() < until:
                for pid in set(living) - told:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                told |= set(living)
                self.drain()
        # What is found by the name of a folder goes before it: the next start looks for folders.
        for path in sorted(self.remove, key=removed_after):
            if (path / "cgroup.procs").exists():
                remove_group(path)
            elif path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                with suppress(OSError):
                    path.unlink()

    def drain(self) -> None:
        signal.sigtimedwait([signal.SIGCHLD], 0.02)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def live(box: Box, watch: ResourceWatchdog | None = None, logs: Path | None = None) -> None:
    """Serve the owner until it goes; then end everything."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    due = 0.0
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    stopped: list[int] = []
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C is the owner's to handle
    while not stopped:
        pause = watch.pause if watch else LOG_EVERY if logs else None
        ready, _, _ = select.select([box.sock, bell], [], [], pause)
        if logs and time.monotonic() >= due:
            shorten(logs)
            due = time.monotonic() + LOG_EVERY
        if watch and (said := watch.look()):
            box.tell({"notice": said})
        if bell in ready:
            os.read(bell, 4096)
            box.reap()
        if box.sock in ready:
            try:
                data, passed, _, _ = socket.recv_fds(box.sock, PACKET, 16)
            except ConnectionError:
                break
            if not data:
                break
            asked: dict[str, Any] = json.loads(data)
            try:
                box.serve(asked, passed)
            except Exception as why:  # noqa: BLE001 - whoever asked waits for an answer
                box.tell({"id": asked.get("id"), "error": f"{type(why).__name__}"})
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    box.end()


def main() -> None:
    if os.getpid() == 1:  # behind walls: programs of the same user must not read or trace it
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    may: dict[str, Any] = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    watch = ResourceWatchdog(**may) if "memory" in may else None
    logs = Path(may["logs"]) if "logs" in may else None
    live(Box(socket.socket(fileno=int(sys.argv[1]))), watch, logs)


if __name__ == "__main__":
    main()

"""The processes of a box as /proc shows them: to list, stop, end and measure them."""

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MOST_SAID = 30_000  # bytes of arguments in one answer; JSON makes six of one at the most
MOST_HELD = 50  # files of one process
HOLD = (b"chrom", b"soffice")  # how the names of programs begin that hold what they show
STOPPED_WITHIN = 5.0  # seconds; a process that waits for a disk stops afterwards
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
OOM_SCORE = 500  # programs are the first that a short machine ends


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


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def end_gently(but: set[int]) -> list[int]:
    """Ask the programs below us to end, so that they save what they have; those that were asked.

    Some are left alone with what is below them: the bus, without which others end at once. So are
    the parts of a program, such as a browser's, which have a parent of the same name. Chromium
    saves cookies and tabs at SIGINT; at SIGTERM it ends at once and drops what was not written.
    """
    asked: list[int] = []
    queue = [(pid, "") for pid in children(os.getpid()) if pid not in but]
    while queue:
        pid, above = queue.pop()
        with suppress(OSError):
            name = Path(f"/proc/{pid}/comm").read_text()
            queue += [(below, name) for below in children(pid)]
            if name != above:
                chromium = name.startswith("chrom")
                os.kill(pid, signal.SIGINT if chromium else signal.SIGTERM)
                asked.append(pid)
    return asked


def commands(pids: list[int]) -> list[tuple[list[str], str, list[str]]]:
    """The arguments, directory and `held` files of each process there is, as far as they fit."""
    found: list[tuple[list[str], str, list[str]]] = []
    room = MOST_SAID
    for pid in pids:
        with suppress(OSError):
            with Path(f"/proc/{pid}/cmdline").open("rb") as file:
                argv = file.read(room + 1)
            directory = str(Path(f"/proc/{pid}/cwd").readlink())
            program = re.split(b"[ \0]", argv, maxsplit=1)[0].rpartition(b"/")[2]
            files = held(pid) if program.startswith(HOLD) else []
            size = len(argv) + sum(len(os.fsencode(one)) for one in (directory, *files))
            if size <= room:
                room -= size
                words = argv.rstrip(b"\0").split(b"\0")
                found.append(([word.decode(errors="replace") for word in words], directory, files))
    return found


def held(pid: int) -> list[str]:
    """The files that tell what a program shows: locks of Chromium's profiles, locked documents."""
    found: list[str] = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            file = link.readlink()
            lock = file.with_name(f".~lock.{file.name}#")  # as office programs do
            if str(file).endswith("/Session Storage/LOCK") or lock.is_file():
                found.append(str(file))
    return sorted(set(found))[:MOST_HELD]


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


def said_name(process: Process) -> str:
    """Its name, which it may have chosen itself."""
    return "".join(sign for sign in process.name if sign.isprintable()) or "a program"

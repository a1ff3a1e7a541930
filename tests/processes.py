"""Waiting for something to become true, whether a process lives, and which there are."""

import time
from collections.abc import Callable
from pathlib import Path


def until(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def command(pid: int) -> str:
    """The name of a process's program; empty if the process has ended."""
    return _read(Path(f"/proc/{pid}/comm")).strip()


def children(pid: int) -> list[int]:
    """The children of a process; none if it has ended."""
    lists = [_read(task / "children") for task in Path(f"/proc/{pid}/task").glob("*")]
    return [int(child) for each in lists for child in each.split()]


def run_time(pid: int) -> int:
    """Nanoseconds of processor time of a process's first thread; 0 if it has ended."""
    return int((_read(Path(f"/proc/{pid}/schedstat")) or "0").split()[0])


def parents() -> dict[int, int]:
    """The parent of each process of the machine that has not ended meanwhile."""
    stats = {int(p.name): _read(p / "stat") for p in Path("/proc").glob("[0-9]*")}
    return {pid: int(stat.rpartition(")")[2].split()[1]) for pid, stat in stats.items() if stat}


def pids_of(name: str, mark: str) -> list[int]:
    """The processes of a desktop whose command has a name in it."""
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if name in _read(process / "cmdline") and mark in _read(process / "environ")
    ]


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:
        return ""

"""Waiting for something to become true, whether a process lives, and which there are."""

import time
from collections.abc import Callable
from pathlib import Path


def until(true: Callable[[], bool], seconds: float = 5) -> bool:
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

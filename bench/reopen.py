"""A desktop that stays: seconds from its start to its first picture, and kill -9 in a row.

python bench/reopen.py [CYCLES]
"""

import asyncio
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import anyio

from gloveport.sandbox.desktop import DesktopOptions, open_desktop

HOME = 200 << 20  # bytes
FILES = 2000


def options(folder: Path) -> DesktopOptions:
    return DesktopOptions(folder / "run", walls="bwrap", stay=folder / "homes/work")


async def fill(folder: Path) -> None:
    async with open_desktop(options(folder)) as desktop:
        part = HOME // FILES
        for number in range(FILES):
            await desktop.upload(f"~/Documents/{number % 50}/{number}", secrets.token_bytes(part))


async def reopen(folder: Path) -> float:
    began = time.perf_counter()
    async with open_desktop(options(folder)) as desktop:
        await desktop.look()
        return time.perf_counter() - began


async def die(folder: Path, cycle: int) -> None:
    """Write one more file, make a checkpoint, and be killed while another is made."""
    async with open_desktop(options(folder)) as desktop:
        listing = await desktop.files("~/Downloads")
        found = {entry.name for entry in listing.entries}
        assert found == {str(one) for one in range(cycle)}, found
        await desktop.upload(f"~/Downloads/{cycle}", b"there")
        made = await desktop.checkpoint(str(cycle))
        if cycle % 2:
            await desktop.rollback(made.name)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desktop.checkpoint, "cut short")
            await anyio.sleep(0.01 * (cycle % 5))
            os.kill(os.getpid(), signal.SIGKILL)


def locked(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def main() -> None:
    if len(sys.argv) > 2:
        asyncio.run(die(Path(sys.argv[1]), int(sys.argv[2])))
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory(prefix="gp") as name, suppress(KeyboardInterrupt):
        folder = Path(name)
        asyncio.run(fill(folder))
        took = sorted(asyncio.run(reopen(folder)) for _ in range(5))
        print(
            f"{HOME >> 20} MB home, first picture after {took[2]:.2f} s "
            f"({took[0]:.2f} to {took[4]:.2f})"
        )
        survived = 0
        for cycle in range(cycles):
            died = subprocess.run([sys.executable, __file__, name, str(cycle)], check=False)
            survived += died.returncode == -signal.SIGKILL
        until = time.monotonic() + 20
        while locked(folder / "homes/work") and time.monotonic() < until:
            time.sleep(0.1)
        left = int(locked(folder / "homes/work"))
        print(f"{survived} of {cycles} kill -9 with all files after it, {left} locks left")


if __name__ == "__main__":
    main()

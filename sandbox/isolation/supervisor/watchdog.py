"""Ends what uses more than the desktop may."""

import os
import signal
import stat
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from .paths import Tree, all_below, in_use, taken
from .processes import (
    Process,
    end_first,
    kill,
    memory_left,
    own_memory,
    processes,
    said_name,
    shared_memory,
    written,
)

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


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


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

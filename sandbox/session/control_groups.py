"""What the kernel limits and stops for one desktop, where control groups can be made."""

import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ..isolation import bubblewrap
from ..isolation.bubblewrap import Limits
from ..isolation.cgroups import Freezer, Group, make_freezer, make_group, x_group
from ..isolation.process_tree import ProcessTree

logger = logging.getLogger(__name__)

_UNCOUNTED = 512 << 20  # bytes of the kernel's for a desktop, such as what it caches of files
_OF_OURS = 64  # processes and threads of a desktop that are none of its programs'


class ControlGroups:
    """The groups of one desktop.

    Args:
        name: The desktop's folder's.
        outer: Removes them when the desktop ends.
        told: Told when the kernel has ended programs.
    """

    def __init__(self, name: str, outer: ProcessTree, told: Callable[[str], None]) -> None:
        self._name, self._outer, self._told = name, outer, told
        self.group: Group | None = None
        """The one that limits it, where one can be made."""
        self.freezer: Freezer | None = None
        """What stops its programs while a checkpoint is made; without one, signals do."""
        self._killed = 0

    def limit(self, keeper: int, limits: Limits) -> bool:
        """Have the kernel hold all of the desktop to its limits; False where it cannot.

        Args:
            keeper: The process that all others come from.
            limits: Of its programs.
        """
        memory, processes = limits.memory + _UNCOUNTED, limits.processes + _OF_OURS
        group = make_group(self._name, memory, processes)
        if group:
            self._outer.remove_at_end(*group.folders)
            try:
                group.add(keeper)
            except OSError as why:
                logger.warning("a desktop is in no control group: %s", why)
            else:
                self.group = group
        self.freezer = make_freezer(self._name, self.group)
        if self.freezer:
            self._outer.remove_at_end(self.freezer.folder)
        return self.group is not None

    def part_x(self, pid: int) -> None:
        """Give the X server a group of its own: memory that programs take does not end it."""
        group = self.group and make_group(
            x_group(self._name), bubblewrap.X_MEMORY + _UNCOUNTED, _OF_OURS
        )
        if group:
            self._outer.remove_at_end(*group.folders)
            for one in tree(pid):
                with suppress(OSError):
                    group.add(one)

    def frozen(self) -> AbstractContextManager[None] | None:
        """No program runs within this; None where the kernel cannot stop them."""
        return self._thawed() if self.freezer and self.freezer.freeze() else None

    @contextmanager
    def _thawed(self) -> Generator[None]:
        assert self.freezer
        try:
            yield
        finally:
            self.freezer.thaw()

    def look(self) -> None:
        """Tell if the kernel has ended programs since the last look."""
        if self.group and (killed := self.group.killed) > self._killed:
            count, self._killed = killed - self._killed, killed
            self._told(
                f"the kernel has ended {count} {'program' if count == 1 else 'programs'}: all of "
                "the desktop together used more memory than it may, files in /tmp and /dev/shm "
                "included."
            )


def tree(pid: int) -> list[int]:
    """A process and all below it, parents first."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found

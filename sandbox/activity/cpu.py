"""Is a program of the desktop still at work? Its time since a moment, in nanoseconds, by process.

A page can look still while the program behind it computes. Only main threads are counted
(/proc/PID/schedstat): there is one line to read for each process, precise to the nanosecond. What
it waited for a processor counts as well: on a busy machine a program at work may get little.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_AT_WORK = 0.25  # of one core; a caret and a small animation take less, a working program all of it
_WINDOW = 0.04  # seconds a share is measured over
_STALE = 1.0  # seconds after which the list of processes is read anew


@dataclass(frozen=True, slots=True)
class _Sample:
    when: float
    used: dict[int, int]


class Activity:
    """Watches the processes below one.

    Args:
        root: The process all others descend from.
        ignored: A process that does not count, nor what it started: the X server, which works for
            all of them.
    """

    def __init__(self, root: int, ignored: int) -> None:
        self._root = root
        self._ignored = ignored
        self._pids: list[int] = []
        self._listed = 0.0
        self._samples: list[_Sample] = []
        self._usual: dict[int, float] = {}
        self._rest = _Sample(time.monotonic(), {})

    @property
    def pids(self) -> list[int]:
        """The processes there were when last looked, at most a second ago while an action waits."""
        return list(self._pids)

    def begin(self) -> None:
        """An action begins: what has worked all along does not count."""
        now = self._sample()
        seconds = now.when - self._rest.when
        if seconds > 0.2:
            self._usual = {
                pid: (used - self._rest.used[pid]) / seconds / 1e9
                for pid, used in now.used.items()
                if pid in self._rest.used
            }
        self._samples = [now]

    def end(self) -> None:
        """The action's wait has ended: from here on, work is what goes on anyway."""
        self._rest = self._sample()

    def at_work(self) -> bool:
        """Whether the programs use more of a core right now than they did before the action."""
        now = self._sample()
        self._samples.append(now)
        old = [sample for sample in self._samples if now.when - sample.when >= _WINDOW]
        if not old:
            return True  # too soon to tell
        self._samples = self._samples[len(old) - 1 :]
        seconds = now.when - old[-1].when
        share = sum(
            max(0.0, (used - old[-1].used.get(pid, 0)) / seconds / 1e9 - self._usual.get(pid, 0.0))
            for pid, used in now.used.items()
        )
        return share >= _AT_WORK

    def _sample(self) -> _Sample:
        now = time.monotonic()
        if now - self._listed > _STALE:
            self._pids = below(self._root, self._ignored)
            self._listed = now
        used: dict[int, int] = {}
        for pid in self._pids:
            with suppress(OSError, ValueError):
                on, waiting, _ = (_PROC / str(pid) / "schedstat").read_text().split()
                used[pid] = int(on) + int(waiting)
        return _Sample(now, used)


def below(root: int, ignored: int = 0) -> list[int]:
    """All descendants of a process but those of another, whichever thread started them."""
    found: list[int] = []
    queue = [root]
    while queue:
        pid = queue.pop()
        with suppress(OSError):
            for thread in (_PROC / str(pid) / "task").iterdir():
                told = (thread / "children").read_text().split()
                children = [int(child) for child in told if int(child) != ignored]
                found += children
                queue += children
    return found

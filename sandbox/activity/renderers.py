"""Has a browser's page handled what was sent to it? Asked of the kernel, by thread.

Chromium draws pages in processes of their own, whose main threads handle in order what they are
sent. When a main thread has woken since, and all threads that pass messages sleep, it is handled.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .cpu import below

_PROC = Path("/proc")
_RENDERER = b"--type=renderer"
_PASS_MESSAGES = ("Chrome_ChildIOT", "Chrome_IOThread")  # names end after 15 characters


@dataclass(slots=True)
class Renderers:
    """The processes that draw the pages of one browser.

    Args:
        browser: Its main process.
    """

    browser: int
    _threads: list[Path] = field(default_factory=list[Path], init=False)
    """All that must sleep: main threads, and those that pass messages."""
    _woken: dict[Path, str] = field(default_factory=dict[Path, str], init=False)
    """By main thread of a renderer: how often it had gone to sleep when the question was asked."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._woken)

    def begin(self) -> None:
        """Something is about to be sent to one of them."""
        mains = [pid for pid in below(self.browser) if _is_renderer(pid)]
        self._woken = {main: _status(main)[1] for main in map(_main, mains)}
        threads = [one for pid in (self.browser, *mains) for one in _message_threads(pid)]
        self._threads = [*threads, _main(self.browser), *self._woken]

    def rested(self) -> bool:
        """Whether one of them has gone to sleep since the beginning, and all do now."""
        if any(_status(one)[0] not in ("S", "") for one in self._threads):
            return False
        return any(_status(one)[1] != before for one, before in self._woken.items())


def _main(pid: int) -> Path:
    return _PROC / str(pid) / "task" / str(pid)


def _message_threads(pid: int) -> list[Path]:
    found: list[Path] = []
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                if (thread / "comm").read_text().strip() in _PASS_MESSAGES:
                    found.append(thread)
    return found


def _is_renderer(pid: int) -> bool:
    try:
        return _RENDERER in (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def _status(thread: Path) -> tuple[str, str]:
    """Its state, as a letter, and how often it went to sleep; empty when it has ended."""
    state = count = ""
    with suppress(OSError):
        for line in (thread / "status").read_text().splitlines():
            if line.startswith("State:"):
                state = line.split()[1]
            elif line.startswith("voluntary_ctxt_switches:"):
                count = line.split()[1]
    return state, count

"""Checkpoints: which there are, how many are kept, and before what one is made unasked."""

import math
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import NoSuchCheckpoint, SandboxError
from ..imaging.image import Picture
from ..x11.keysyms import sequence
from ..x11.terminals import TERMINALS

MOST, MOST_AUTOMATIC = 20, 10
MOST_BYTES = 2 << 30  # of all of them
EVERY = 600.0  # seconds; how old the last checkpoint may be when something is done
_AGAIN = 60.0  # seconds in which the same reason makes no second one

FILE_MANAGERS = {"thunar", "pcmanfm", "nautilus", "org.gnome.nautilus", "nemo", "caja"}
# Keysyms: Return, KP_Enter, Linefeed; Delete, KP_Delete; both Control keys. With Control, m and j
# are the characters that Return sends, and o runs a line of a shell's history.
_ENTERS, _DELETE_KEYS, _CONTROLS = {0xFF0D, 0xFF8D, 0xFF0A}, {0xFFFF, 0xFF9F}, {0xFFE3, 0xFFE4}
_CONTROL_ENTERS = {"m", "M", "j", "J", "o", "O"}
_DELETES = re.compile(r"\b(delete|trash|remove)\b|删除|回收站|清空", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The home as it was at a moment, and what ran then.

    Args:
        name: Such as "c3"; never used again.
        when: Seconds since the epoch.
        note: Why it was made.
        automatic: Whether nobody asked for it.
        folder: Where its files are.
        size: Of its files, in bytes.
        programs: What had windows, as it can be started again.
        shown: Their names, one for each window.
        windows: The titles of these.
        active: The title of the one with the focus; empty when none had it.
        picture: The screen, small.
    """

    name: str
    when: float
    note: str
    automatic: bool
    folder: Path
    size: int
    programs: Sequence[Sequence[str]]
    shown: Sequence[str]
    windows: Sequence[str]
    active: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a rollback.

    Args:
        checkpoint: What was gone back to.
        back: The programs that have windows again, one name a window.
        missing: Those that have not, or have fewer than at the checkpoint, one name a window.
    """

    checkpoint: Checkpoint
    back: Sequence[str]
    missing: Sequence[str]


def restored(to: Checkpoint, shown: Sequence[str]) -> Restored:
    """Compare what a checkpoint had with what has windows now.

    Args:
        to: The checkpoint.
        shown: The programs of the windows now, one name a window.
    """
    wanted, there = Counter(to.shown), Counter(shown)
    missing = wanted - there
    return Restored(to, [*(wanted - missing).elements()], [*missing.elements()])


@dataclass(slots=True)
class CheckpointHistory:
    """The checkpoints of one desktop, the oldest first."""

    made: list[Checkpoint] = field(default_factory=list[Checkpoint])
    count: int = 0
    _last: float = -math.inf
    """When the last was made, on the monotonic clock."""
    _reasons: dict[str, float] = field(default_factory=dict[str, float])
    _takes: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes each takes on the disk besides what it shares with the one before."""

    def takes(self, one: Checkpoint) -> int:
        """Bytes that one takes on the disk besides what it shares with the one before."""
        return self._takes[one.name]

    def take_up(self, one: Checkpoint, takes: int) -> None:
        """Add one that was made when the desktop ran before, after all there are."""
        self.made.append(one)
        self._takes[one.name] = takes
        self.count = max(self.count, int(one.name[1:]))

    def find(self, name: str) -> Checkpoint:
        """The checkpoint of a name; the last one if it is empty.

        Raises:
            NoSuchCheckpoint: There is none.
        """
        for one in reversed(self.made):
            if name in ("", one.name):
                return one
        raise NoSuchCheckpoint(name, [one.name for one in self.made])

    def due(self, reason: str) -> bool:
        """Whether something that is about to be done calls for a checkpoint of its own.

        Args:
            reason: Why it is risky; empty when it is not.
        """
        now = time.monotonic()
        if reason:
            if now - self._reasons.get(reason, -math.inf) < _AGAIN:
                return False
            self._reasons[reason] = now
            return True
        return bool(self.made) and now - self._last >= EVERY

    def failed(self, reason: str) -> None:
        """None could be made: the next time it is tried again."""
        self._reasons.pop(reason, None)

    def add(
        self, made: Checkpoint, takes: int, spare: Checkpoint | None = None
    ) -> list[Checkpoint]:
        """Keep one more.

        Args:
            made: That one.
            takes: Bytes of its files that it does not share with the one before.
            spare: One that must not go.

        Returns:
            Those that have to go, automatic ones first.
        """
        self.made.append(made)
        self._last = time.monotonic()
        self._takes[made.name] = takes
        gone: list[Checkpoint] = []
        while (drop := self._surplus(spare)) is not None:
            after = self.made[self.made.index(drop) + 1]
            self.made.remove(drop)
            # What it shares with the next stays on the disk.
            takes = self._takes[after.name] + self._takes.pop(drop.name)
            self._takes[after.name] = min(after.size, takes)
            gone.append(drop)
        return gone

    def _surplus(self, spare: Checkpoint | None) -> Checkpoint | None:
        older = [one for one in self.made[:-1] if one is not spare]
        automatic = [one for one in older if one.automatic]
        if older and (len(self.made) > MOST or sum(self._takes.values()) > MOST_BYTES):
            return (automatic or older)[0]
        if len([one for one in self.made if one.automatic]) > MOST_AUTOMATIC and automatic:
            return automatic[0]
        return None


def risk_of_keys(application: str, keys: str) -> str:
    """Why keys are risky in a program; empty when they are not.

    Args:
        application: The class of the window with the focus.
        keys: What is pressed, such as "y Return" or "ctrl+m".
    """
    program = application.casefold()
    try:
        chords = sequence(keys)
    except SandboxError:  # it will be refused
        return ""
    for chord in chords:
        ends = chord.key in _ENTERS or (
            _CONTROLS.intersection(chord.held) and chord.key in _CONTROL_ENTERS
        )
        if program in TERMINALS and ends:
            return "before a command in a terminal"
        if program in FILE_MANAGERS and chord.key in _DELETE_KEYS:
            return "before a delete in the file manager"
    return ""


def risk_of_text(application: str, text: str) -> str:
    """Why typing a text is risky in a program; empty when it is not."""
    ends = any(sign in text for sign in "\n\r")
    return "before a command in a terminal" if ends and application.casefold() in TERMINALS else ""


def risk_of_click(application: str, named: str) -> str:
    """Why clicking something is risky; empty when it is not."""
    if application.casefold() in FILE_MANAGERS and _DELETES.search(named):
        return "before a delete in the file manager"
    return ""


def risk_of_opening(target: str, home: Path) -> str:
    """Why opening something is risky; empty when it is not."""
    path = home / target.removeprefix("file://").removeprefix("~/")
    if path.is_relative_to(home / "Downloads"):
        return "before something downloaded is opened"
    return ""

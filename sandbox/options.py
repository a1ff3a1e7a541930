"""What a desktop is like."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .secrets.store import SecretStore
from .session.session import IsolationOptions


@dataclass(frozen=True, slots=True)
class DesktopOptions:
    """What a desktop is like.

    Args:
        below: The folder its private folder is made in.
        name: Its name.
        width: Of the screen, in pixels.
        height: Of the screen, in pixels.
        longest: The longer side of a screenshot, in pixels; a larger screen is scaled down.
        budget: The most bytes a picture may have.
        cursor: Whether screenshots show the pointer.
        deadline: Seconds after which an action's wait ends, whatever still moves.
        walls: What separates it from this machine; `auto` takes the best there is and refuses to
            start without.
        enclosure: What it may do behind its walls; without them nothing is limited.
        vault: Secrets that may be typed by name.
        stay: The folder that keeps its home and checkpoints when it has ended, and is gone on with
            if there is one; None: they end with it.
        reopen: Whether the programs are started again that ran when it ended.
    """

    below: Path
    name: str = "main"
    width: int = 1280
    height: int = 800
    longest: int = 1456
    budget: int = 500_000
    cursor: bool = False
    deadline: float = 3.0
    walls: Literal["auto", "bwrap", "none"] = "none"
    enclosure: IsolationOptions = field(default_factory=IsolationOptions)
    vault: SecretStore = field(default_factory=SecretStore)
    stay: Path | None = None
    reopen: bool = True

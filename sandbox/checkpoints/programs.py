"""The programs that have windows, and the commands that start them again with what they showed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from ..x11.terminals import TERMINALS

_PYTHON = ("/usr/bin/python3", "-I", "-c")
# Chromium opens the windows of several profiles only as it does after an update: when its state
# says that it was to start anew, and which profiles were open, which it writes every 10 s only.
_OPEN_PROFILES = """\
import json, os, sys
folder, profiles, *command = sys.argv[1:]
path = os.path.join(folder, "Local State")
try:
    with open(path) as file:
        state = json.load(file)
except (OSError, ValueError):
    state = {}
state.setdefault("profile", {})["last_active_profiles"] = json.loads(profiles)
state.setdefault("was", {})["restarted"] = True
with open(path + ".new", "w") as file:
    json.dump(state, file)
os.replace(path + ".new", path)
os.execvp(command[0], command)
"""
_PROFILE_LOCK = "/Session Storage/LOCK"
# What runs a command in a terminal; it would be run a second time.
_RUNS = ("-e", "-x", "--")
_RUNS_BY_NAME = ("--command", "--execute")


@dataclass(slots=True)
class LastPrograms:
    """The programs that had windows when last looked at, for when the display dies."""

    commands: Sequence[Sequence[str]] = ()
    _windows: frozenset[int] | None = field(default=None)

    def look(self, windows: frozenset[int], running: Callable[[], Sequence[Sequence[str]]]) -> bool:
        """Ask what runs if the windows are others than when last looked at.

        Args:
            windows: The ids of those there are.
            running: The commands that start their programs again.

        Returns:
            Whether it is others that run.
        """
        before = self.commands
        if windows != self._windows:
            self.commands = running()
            self._windows = windows
        return self.commands != before

    def forget_windows(self) -> None:
        """The display is another: its windows are new, whatever their ids."""
        self._windows = None


def ran(record: Mapping[str, Any]) -> list[list[str]]:
    """The commands of programs that were written down.

    Raises:
        ValueError: They are none.
    """
    found: object = record.get("programs", [])
    if not isinstance(found, list):
        raise ValueError("programs is no list")
    commands: list[list[str]] = []
    for argv in cast(list[object], found):
        words = cast(list[object], argv) if isinstance(argv, list) else []
        if not words or not all(isinstance(word, str) for word in words):
            raise ValueError("a command is no list of words")
        commands.append([str(word) for word in words])
    return commands


def name_of(command: Sequence[str]) -> str:
    """The program of a command that `again` made, without its folder."""
    words = list(command)
    if words[:2] == ["env", "-C"]:
        words = words[3:]
    elif tuple(words[:3]) == _PYTHON and words[3:4] == [_OPEN_PROFILES]:
        words = words[6:]
    return Path(words[0]).name if words else ""


def again(argv: Sequence[str], directory: str, held: Sequence[str] = ()) -> list[str]:
    """The command that brings a program back, with what it had open where that is known.

    Args:
        argv: How it was started.
        directory: Where it runs.
        held: The locks of Chromium's profiles, and the documents of LibreOffice, that it has open.
    """
    program = Path(argv[0].partition(" ")[0]).name  # Chromium writes all its words as one
    if program.startswith(("chromium", "chrome")):
        return _chromium(" ".join(argv).split(" "), held)
    if program.startswith("firefox"):
        return [argv[0]]  # after it was ended, it opens what it had open by itself
    within = ["env", "-C", directory] if directory else []
    if program == "soffice.bin":
        documents = held or [one for one in argv[1:] if not one.startswith("-")]
        return [*within, "soffice", "--norestore", *documents]
    if program in TERMINALS:
        argv = [argv[0], *_without_command(argv[1:])]
    return [*within, *argv]


def _chromium(words: Sequence[str], held: Sequence[str]) -> list[str]:
    profiles = [Path(one.removesuffix(_PROFILE_LOCK)) for one in held]
    folder = [one for one in words if one.startswith("--user-data-dir=")][:1]
    if profiles and folder:  # the words do not tell where a name with a space ends
        folder = [f"--user-data-dir={profiles[0].parent}"]
    command = ["chromium", *folder, "--restore-last-session"]
    names = sorted(one.name for one in profiles)
    if len(names) > 1:
        return [*_PYTHON, _OPEN_PROFILES, str(profiles[0].parent), json.dumps(names), *command]
    return [*command, *(f"--profile-directory={name}" for name in names)]


def _without_command(words: Iterable[str]) -> Iterable[str]:
    return takewhile(lambda one: one not in _RUNS and not one.startswith(_RUNS_BY_NAME), words)

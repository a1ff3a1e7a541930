"""The applications installed on the machine, as their desktop entries tell (freedesktop.org)."""

import configparser
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import NoSuchApplication

_ENTRIES = (Path("/usr/local/share/applications"), Path("/usr/share/applications"))
# What people call the applications of the desktop, besides their names.
_ROLES = {
    "browser": ("chromium", "firefox-esr", "firefox", "falkon", "epiphany"),
    "web browser": ("chromium", "firefox-esr", "firefox", "falkon", "epiphany"),
    "chrome": ("chromium", "google-chrome"),
    "google chrome": ("google-chrome", "chromium"),
    "firefox": ("firefox-esr", "firefox"),
    "terminal": ("lxterminal", "xfce4-terminal", "gnome-terminal", "debian-xterm", "xterm"),
    "files": ("thunar", "pcmanfm", "nautilus"),
    "file manager": ("thunar", "pcmanfm", "nautilus"),
    "editor": ("org.xfce.mousepad", "mousepad", "gedit"),
    "text editor": ("org.xfce.mousepad", "mousepad", "gedit"),
    "notepad": ("org.xfce.mousepad", "mousepad", "gedit"),
    "spreadsheet": ("libreoffice-calc",),
    "excel": ("libreoffice-calc",),
    "word": ("libreoffice-writer",),
}


@dataclass(frozen=True, slots=True)
class Application:
    """One desktop entry: its id (file name without .desktop), its name, and what it runs."""

    id: str
    name: str
    command: tuple[str, ...]
    """With %U and the like; see `argv`."""

    def argv(self, documents: Sequence[str] = ()) -> list[str]:
        """The command with files or URLs in the place the entry has for them."""
        argv: list[str] = []
        for word in self.command:
            if word in ("%U", "%F"):
                argv += documents
            elif word in ("%u", "%f"):
                argv += documents[:1]
            elif word == "%c":
                argv.append(self.name)
            elif not re.fullmatch(r"%[a-zA-Z]", word):
                argv.append(word.replace("%%", "%"))
        placed = any(word in ("%U", "%F", "%u", "%f") for word in self.command)
        return argv if placed else [*argv, *documents]


def installed(own: Path) -> list[Application]:
    """The applications that show in menus, by name.

    Args:
        own: The folder of the user's own entries, which replace the system's.
    """
    found: dict[str, Application | None] = {}
    for folder in (own, *_ENTRIES):
        for entry in folder.glob("*.desktop"):
            if entry.stem not in found:
                found[entry.stem] = _read(entry)
    return sorted((one for one in found.values() if one), key=lambda one: one.name.casefold())


def find(asked: str, applications: Sequence[Application]) -> Application:
    """The application with this id, name or command, or the one that plays this role.

    Raises:
        NoSuchApplication: There is none; the error names near ones.
    """
    wanted = asked.strip().casefold()
    by_id = {one.id.casefold(): one for one in applications}
    for role in (wanted, *_ROLES.get(wanted, ())):
        if role in by_id:
            return by_id[role]
    for one in applications:
        if wanted in (one.name.casefold(), Path(one.command[0]).name.casefold()):
            return one
    raise NoSuchApplication(asked, [one.name for one in applications])


def _read(entry: Path) -> Application | None:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keys are case-sensitive
    try:
        parser.read(entry, encoding="utf-8")
        section = parser["Desktop Entry"]
        command = tuple(shlex.split(section["Exec"]))
    except (configparser.Error, KeyError, UnicodeDecodeError, ValueError):
        return None
    if section.get("Type") != "Application" or not command:
        return None
    if "true" in (section.get("NoDisplay"), section.get("Hidden")):
        return None
    if section.get("Terminal") == "true":
        return None
    return Application(entry.stem, section.get("Name", entry.stem), command)

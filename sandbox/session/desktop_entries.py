"""The applications installed on the machine, as their desktop entries tell (freedesktop.org)."""

import configparser
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..errors import NoHandler, NoSuchApplication
from .launch_targets import parse_target

_ENTRIES = (Path("/usr/local/share/applications"), Path("/usr/share/applications"))
_HANDLES = "x-scheme-handler/"
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
    "gedit": ("gedit", "org.gnome.gedit", "org.gnome.texteditor", "org.xfce.mousepad", "mousepad"),
    "explorer": ("thunar", "pcmanfm", "nautilus"),
    "nautilus": ("org.gnome.nautilus", "nautilus", "thunar", "pcmanfm"),
    "gnome-terminal": ("org.gnome.terminal", "gnome-terminal", "lxterminal", "xfce4-terminal"),
    "konsole": ("org.kde.konsole", "konsole", "lxterminal", "xfce4-terminal"),
    "spreadsheet": ("libreoffice-calc",),
    "calc": ("libreoffice-calc",),
    "excel": ("libreoffice-calc",),
    "word": ("libreoffice-writer",),
    "powerpoint": ("libreoffice-impress",),
}


@dataclass(frozen=True, slots=True)
class Application:
    """One desktop entry: its id (file name without .desktop), its name, and what it runs."""

    id: str
    name: str
    command: tuple[str, ...]
    """With %U and the like; see `argv`."""
    words: str = ""
    """What else it may be called: its generic name and keywords."""
    types: frozenset[str] = frozenset()
    """The MIME types it opens, x-scheme-handler/SCHEME among them."""

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


@dataclass(frozen=True, slots=True)
class Command:
    """What opens something."""

    argv: list[str]
    address: str = ""
    """What to enter into the browser's address bar once its window is there."""


def command(target: str, applications: Sequence[Application], home: Path) -> Command:
    """Return what opens an application by its name, a URL, a host or a file.

    Args:
        target: What a person would type into a launcher or an address bar.
        applications: Those there are; see `installed`.
        home: What `~` stands for.

    Raises:
        NoSuchApplication: It is a name, and none or several applications have it.
        NoHandler: It is a link that no application opens.
    """
    meant = parse_target(target)
    named = _named(meant.text.removeprefix("http://"), applications) if meant.guessed else None
    if named:  # such as org.xfce.mousepad, which looks like a host
        return Command(named.argv())
    match meant.kind:
        case "page":
            return Command(find("browser", applications).argv([meant.text]))
        case "address":
            blank = f"data:text/html,<title>{quote(meant.text)}</title>"
            return Command(find("browser", applications).argv([blank]), meant.text)
        case "file":
            path = home / meant.text[2:] if meant.text.startswith("~") else Path(meant.text)
            return Command(["gio", "open", str(path)])
        case "link":
            scheme = meant.text.partition(":")[0]
            app = next((one for one in applications if _HANDLES + scheme in one.types), None)
            if app is None:
                raise NoHandler(scheme)
            return Command(app.argv([meant.text]))
        case "name":
            return Command(find(meant.text, applications).argv())


def find(asked: str, applications: Sequence[Application]) -> Application:
    """The application with this id, name or command, the one that plays this role, or the only one
    whose name, else whose description, has all these words in it.

    Raises:
        NoSuchApplication: There is none, or several; the error names near ones.
    """
    if found := _named(asked, applications):
        return found
    wanted = set(re.findall(r"\w+", asked.casefold()))
    for words in (_name_words, _all_words):
        near = [one for one in applications if wanted and wanted <= words(one)]
        if len(near) == 1:
            return near[0]
        if near:
            raise NoSuchApplication(asked, [one.name for one in near])
    raise NoSuchApplication(asked, [one.name for one in applications])


def _named(asked: str, applications: Sequence[Application]) -> Application | None:
    wanted = asked.strip().casefold()
    by_id = {one.id.casefold(): one for one in applications}
    for role in (wanted, *_ROLES.get(wanted, ())):
        if role in by_id:
            return by_id[role]
    for one in applications:
        if wanted in (one.name.casefold(), Path(one.command[0]).name.casefold()):
            return one
    return None


def _name_words(one: Application) -> set[str]:
    return set(re.findall(r"\w+", f"{one.name} {one.id}".casefold()))


def _all_words(one: Application) -> set[str]:
    return _name_words(one) | set(re.findall(r"\w+", one.words.casefold()))


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
    return Application(
        entry.stem,
        section.get("Name", entry.stem),
        command,
        f"{section.get('GenericName', '')} {section.get('Keywords', '')}",
        frozenset(filter(None, section.get("MimeType", "").split(";"))),
    )

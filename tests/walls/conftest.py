"""A walled desktop, and the same attempt made inside it and outside."""

import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from attempts import PYTHON, Attempt, run_inside

from gloveport.sandbox.isolation.bubblewrap import Limits, why_not
from gloveport.sandbox.session.session import IsolationOptions, Session, start_session
from gloveport.sandbox.x11.keymap import Keymap


@pytest.fixture(scope="session")
def below(open_folder: Path) -> Path:
    """The folder of walled desktops."""
    if why := why_not():
        pytest.skip(f"there can be no walls here: {why}")
    return open_folder


@pytest.fixture(scope="module")
def walled(below: Path, keymap: Keymap) -> Generator[Session]:
    session = start_session(
        below, "walled", 640, 480, keymap, IsolationOptions(Limits(processes=400))
    )
    yield session
    session.close()


@pytest.fixture
def inside(walled: Session) -> Attempt:
    """Runs a Python program in the desktop; what it printed."""

    def run(code: str, *given: object) -> str:
        return run_inside(walled, code, *given)

    return run


@pytest.fixture
def outside() -> Attempt:
    """Runs the same program on this machine, with all rights in namespaces of its own."""

    def run(code: str, *given: object) -> str:
        rights = [] if os.getuid() == 0 else ["unshare", "--map-root-user", "--mount", "--net"]
        argv = [*rights, PYTHON, "-c", code, *(str(one) for one in given)]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        return ran.stdout + ran.stderr

    return run

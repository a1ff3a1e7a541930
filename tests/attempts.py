"""Programs that try to get out of a desktop."""

from collections.abc import Callable
from pathlib import Path

from gloveport.sandbox.session.session import Session

Attempt = Callable[..., str]

PYTHON = "/usr/bin/python3"  # the only one there is inside


def run_inside(session: Session, code: str, *given: object) -> str:
    """Run a Python program in a desktop; what it printed."""
    log = session.folder.log / f"{Path(PYTHON).name}.log"
    before = session.folder.said(PYTHON)
    argv = [PYTHON, "-c", code, *(str(one) for one in given)]
    session.box.wait(session.launch(argv))
    return log.read_bytes()[before:].decode()

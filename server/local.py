"""This user's own server: where its socket is, and how to get one running."""

import fcntl
import logging
import os
import select
import socket
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_READY_WITHIN = 30.0  # seconds a cold machine has to start a desktop


class NoServer(Exception):
    """The local server did not start; its text says why."""


def connectable(path: Path) -> bool:
    """Whether a server listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def ensure_server(path: Path, arguments: Sequence[str]) -> None:
    """Start `gloveport serve` on a Unix socket unless one listens there already.

    The server lives on after us; several callers at once start only one.

    Args:
        path: The socket; its folder is this user's own.
        arguments: Options for `serve`.

    Raises:
        NoServer: It did not get ready.
    """
    if connectable(path):
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path.with_suffix(".lock")):
        if connectable(path):
            return
        _start(path, arguments)


def _start(path: Path, arguments: Sequence[str]) -> None:
    log = path.with_suffix(".log")
    ready, told = os.pipe()
    try:
        with log.open("wb") as output:
            subprocess.Popen(
                [
                    sys.executable, "-m", "gloveport.server.cli", "serve", "--own",
                    "--socket", str(path), "--ready-fd", str(told), *arguments,
                ],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, pass_fds=[told],
            )  # fmt: skip
        os.close(told)
        told = -1
        if not select.select([ready], [], [], _READY_WITHIN)[0] or not os.read(ready, 16):
            said = log.read_text(errors="replace").strip().splitlines()
            why = said[-1] if said else f"it said nothing within {_READY_WITHIN:.0f} s"
            raise NoServer(f"gloveport serve did not start: {why} (more in {log})")
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold a lock that ends with us."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""This user's own servers: how to reach one by its name, start it, ask what it is, and end it.

A server holds a lock for life (`NAME.lock`), so there is one of each name; its clients find it by
its Unix socket in the state folder (state_folder.py).
"""

import fcntl
import http.client
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

from .state_folder import NoServer, State

logger = logging.getLogger(__name__)

_READY_WITHIN = 30.0  # seconds a cold machine has to start a desktop
_ENDS_WITHIN = 15.0  # seconds a server has to end its desktops


class Running(Exception):
    """A server of this name runs already; its text says which and what works."""


def connectable(path: Path) -> bool:
    """Whether a server listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def about(state: State, name: str) -> dict[str, Any] | None:
    """Return what a running server says of itself; None if none of this name answers.

    Keys: `pid`, `version`, `url`, `options`, `started_by`, and what it says now: `instance`,
    `attended`, `desktops`.
    """
    path = state.socket(name)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            packed = connection.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
            )
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            said: Any = json.loads(answer.read(1 << 16))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    now = cast(dict[str, Any], said) if isinstance(said, dict) else {}
    return {**state.read_info(name), "pid": struct.unpack("3i", packed)[0], **now}


@contextmanager
def only_one(state: State, name: str) -> Generator[None]:
    """Hold the lock of a server's name for as long as it lives.

    Raises:
        Running: Another server holds it.
    """
    with state.socket(name).with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Running(_running(state, name)) from None
        yield


def ensure_server(state: State, name: str, arguments: Sequence[str]) -> bool:
    """Start `gloveport serve` unless a server of this name runs.

    The server lives on after us; several callers at once start only one. One of another version
    that nobody uses is replaced.

    Args:
        state: Where its socket is.
        name: Its name.
        arguments: Options for `serve`.

    Returns:
        Whether one was started.

    Raises:
        NoServer: It did not get ready.
    """
    if connectable(state.socket(name)) and not _outdated(state, name):
        return False
    with _alone(state.socket(name).with_suffix(".starting")):
        if connectable(state.socket(name)):
            if not _outdated(state, name):
                return False
            stop(state, name)
        _start(state, name, arguments)
    return True


def stop(state: State, name: str) -> bool:
    """End a server and its desktops; False: none of this name runs.

    Raises:
        NoServer: It does not end.
    """
    found = about(state, name)
    if found is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(found["pid"], signal.SIGTERM)
    until = time.monotonic() + _ENDS_WITHIN
    while time.monotonic() < until:
        with suppress(Running), only_one(state, name):
            return True
        time.sleep(0.02)
    raise NoServer(f"The server {name} (process {found['pid']}) did not end. Run: kill -9 PID")


def _outdated(state: State, name: str) -> bool:
    """Whether a running server is of another version and nobody uses it."""
    found = about(state, name)
    ours = version("gloveport")
    if found is None or found.get("version", ours) == ours:
        return False
    if found.get("attended"):
        logger.warning(
            "the server %s is of version %s, not %s; `gloveport stop %s` ends it",
            name, found["version"], ours, name,
        )  # fmt: skip
        return False
    logger.warning("replacing the server %s of version %s", name, found["version"])
    return True


def _running(state: State, name: str) -> str:
    found = about(state, name) or {}
    where = f" at {found['url']}" if found.get("url") else ""
    whose = ", started by a client" if found.get("started_by") == "client" else ""
    return (
        f"A server named {name} already runs{where} (process {found.get('pid', '?')}{whose}). "
        f"`gloveport live` shows it, `gloveport stop {name}` ends it, --name OTHER serves another."
    )


def _start(state: State, name: str, arguments: Sequence[str]) -> None:
    log = state.socket(name).with_suffix(".log")
    ready, told = os.pipe()
    try:
        with _log_file(log) as output:
            # Neither the folder a client happens to stand in nor PYTHON* variables decide what
            # code runs (-P, cwd): a project's own json.py is not for us.
            subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "gloveport.server.cli", "serve", "--own",
                    "--name", name, "--state-dir", str(state.folder),
                    "--ready-fd", str(told), *arguments,
                ],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                start_new_session=True, pass_fds=[told],
            )  # fmt: skip
        os.close(told)
        told = -1
        if not select.select([ready], [], [], _READY_WITHIN)[0]:
            raise NoServer(f"It was not ready within {_READY_WITHIN:.0f} s. Its log is {log}")
        said = os.read(ready, 4096).decode(errors="replace").strip()
        if said != "ready":
            raise NoServer(f"{said or _last_line(log)} (log: {log})")
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("gloveport: ") if lines else "It ended and said nothing"


def _log_file(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold a lock that ends with us."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

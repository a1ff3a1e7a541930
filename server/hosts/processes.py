"""Desktops as processes of one machine: starts a `gloveport serve` for each, finds and ends it.

Each holds the lock `ID.lock` in its host's folder for life, so that whether it runs is known
without asking it, also by a gateway that was started later.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .assertion import Relayed, new_secret
from .base import NotPlaced, Placed, Spec, new_id

_READY_WITHIN = 45.0  # seconds a cold, loaded machine has to start a desktop
_ENDS_WITHIN = 15.0  # seconds a server has to end its desktop
_KILLED_WITHIN = 5.0  # seconds the kernel has to end a process that was killed
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_CHILDREN: dict[str, subprocess.Popen[bytes]] = {}
"""The servers that this process started, by id, until they have ended and are reaped."""


def start(
    folder: Path, slot: str, owner: str, key: str, spec: Spec, *, host: str, tied: bool = False
) -> Placed:
    """Start the server of a desktop, and return once it answers.

    Args:
        folder: A folder of this user alone.
        slot: Whose and which desktop it is; see `slot_of`.
        owner: Whose.
        key: What they call it.
        spec: What it is like.
        host: The address it listens on.
        tied: End it when the thread that starts it ends, and so with this process.

    Raises:
        NotPlaced: It did not start.
    """
    id = new_id(slot)
    relayed = Relayed(id, new_secret(), spec.address)
    relayed.write(folder / f"{id}.relayed")
    log = folder / f"{id}.log"
    ready, told = os.pipe()
    with log.open("wb") as output:
        log.chmod(0o600)
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "gloveport.server.cli", "serve", "--host", host,
                "--port", "0", "--name", id, "--state-dir", str(folder), "--own",
                "--relayed", str(folder / f"{id}.relayed"), "--ready-fd", str(told),
                "--ttl", str(spec.idle), *spec.options,
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
            start_new_session=True, pass_fds=[told], env=_environment(),
            preexec_fn=_tie if tied else None,
        )  # fmt: skip
    os.close(told)
    try:
        within = bool(select.select([ready], [], [], _READY_WITHIN)[0])
        if not within or os.read(ready, 64).strip() != b"ready":
            process.kill()
            process.wait()
            why = _last_line(log) if within else f"it was not ready in {_READY_WITHIN:.0f} s"
            forget(folder, id)
            raise NotPlaced(why)
    finally:
        os.close(ready)
    url = str(_json(folder / f"{id}.json")["url"])
    _CHILDREN[id] = process
    return Placed(id, owner, key, url, relayed.secret, os.uname().nodename)


def wait(id: str) -> None:
    """Wait until the server of a desktop that this process started has ended."""
    if process := _CHILDREN.get(id):
        process.wait()


def _reap() -> None:
    for id, process in list(_CHILDREN.items()):
        if process.poll() is not None:
            _CHILDREN.pop(id, None)


def _environment() -> dict[str, str]:
    """What a desktop's server is started with: nothing of an engine or of its credentials."""
    kept = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "XDG_CONFIG_HOME")
    given = dict(os.environ)  # noqa: TID251 - made smaller for another process
    return {name: given[name] for name in kept if name in given}


def _tie() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def runs(folder: Path, id: str) -> bool:
    """Whether the server of a desktop runs."""
    _reap()
    try:
        with (folder / f"{id}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        # Processes that it has forked hold the lock too, and end a moment after it.
        process = _json(folder / f"{id}.json").get("pid")
        return process is None or _lives(process)
    return False


def _lives(process: int) -> bool:
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] not in ("Z", "X")


def end(folder: Path, id: str) -> None:
    """End a desktop's server and wait until it has ended.

    Raises:
        NotPlaced: It does not end, even when killed.
    """
    for number, within in ((signal.SIGTERM, _ENDS_WITHIN), (signal.SIGKILL, _KILLED_WITHIN)):
        if runs(folder, id) and (process := _json(folder / f"{id}.json").get("pid")):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        if _until(lambda: not runs(folder, id), within):
            forget(folder, id)
            return
    raise NotPlaced(f"and the server of {id} that should have ended runs on")


def forget(folder: Path, id: str) -> None:
    """Remove the files of a desktop's server that has ended."""
    for kind in ("relayed", "sock", "lock", "json", "log", "token", "starting"):
        (folder / f"{id}.{kind}").unlink(missing_ok=True)


def _until(done: Callable[[], bool], seconds: float) -> bool:
    latest = time.monotonic() + seconds
    while not done():
        if time.monotonic() > latest:
            return False
        time.sleep(0.02)
    return True


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("gloveport: ") if lines else "its server ended and said nothing"

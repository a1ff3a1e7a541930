"""The owner's end of a box of processes; boxinit.py is the other end.

Everything a desktop runs is started through here, so that one closed socket ends all of it, also
when the owner was killed.
"""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from .errors import CannotStart

logger = logging.getLogger(__name__)

_INIT = Path(__file__).with_name("boxinit.py")
_PACKET = 1 << 18


class Box:
    """Starts programs that end with us.

    Args:
        mark: An environment variable, `NAME=value`, that every program of the box has and no
            other; it finds what outlived a killed box.
        ended: Called from the box's own thread with the pid and exit status (negative: the
            signal) of each program that ended and was not kept, and last of the box itself.
    """

    def __init__(self, mark: str, ended: Callable[[int, int], None]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._mark = mark
        self._ended = ended
        self._remove: list[Path] = []
        self._answers: dict[int, SimpleQueue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._count = 0
        with theirs:
            self._init = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_INIT), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env={}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="gloveport-box", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process all others in the box descend from."""
        return self._init.pid

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        *,
        log: Path | None = None,
        fds: Sequence[int] = (),
        keep: bool = False,
    ) -> int:
        """Start a program and return its pid.

        Args:
            argv: The program and its arguments; never a shell line.
            env: Its whole environment.
            cwd: The directory it starts in.
            log: A file its output is appended to.
            fds: Descriptors it inherits; "{fd:0}" in `argv` stands for the number of the first.
            keep: Start it again when it ends.

        Raises:
            CannotStart: The program is missing or may not be run.
        """
        answer = self._ask(
            {
                "start": list(argv),
                "env": dict(env),
                "cwd": str(cwd),
                "log": str(log) if log else None,
                "keep": keep,
            },
            fds,
        )
        if "error" in answer:
            raise CannotStart(argv[0], str(answer["error"]))
        return int(answer["pid"])

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a program of the box; one that was kept is kept no longer."""
        self._ask({"signal": number, "pid": pid})

    def remove_at_end(self, *paths: Path) -> None:
        """Remove these files and folders after the last program has ended."""
        self._remove += paths
        self._send({"remove": [str(path) for path in paths]})

    def close(self) -> None:
        """End every program of the box and wait until none is left."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._init.wait() != 0:
            sweep(self._mark, self._remove)
        self._reader.join()
        self._socket.close()

    def _ask(self, message: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        answer: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        with self._lock:
            self._count += 1
            number = self._count
            self._answers[number] = answer
        self._send({"id": number, **message}, fds)
        if (said := answer.get()) is None:
            raise CannotStart("The program", "the desktop's processes have ended")
        return said

    def _send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._socket, [json.dumps(message).encode()], list(fds))
        except OSError as error:
            raise CannotStart("The program", "the desktop's processes have ended") from error

    def _read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(_PACKET)
            except OSError:
                break
            if not packet:
                break
            message = json.loads(packet)
            if "ended" in message:
                self._ended(message["ended"], message["status"])
            elif "restarted" in message:
                logger.warning("process %d ended and was started again", message["restarted"])
            else:
                self._answers.pop(message["id"]).put(message)
        for answer in list(self._answers.values()):
            answer.put(None)
        self._ended(self._init.pid, self._init.wait())


def sweep(mark: str, remove: Sequence[Path]) -> None:
    """End every process whose environment holds `mark`, then remove these files and folders."""
    for found in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in found.read_bytes().split(b"\0"):
                os.kill(int(found.parent.name), signal.SIGKILL)
    for path in remove:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

"""The owner's end of a box of processes; `supervisor` is the other end.

Everything a desktop runs is started through here, so that one closed socket ends all of it, also
when the owner was killed.
"""

import errno
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import Broken, CannotStart, NotKept, ProgramFailed
from .cgroups import remove_group

logger = logging.getLogger(__name__)

# Not by its whole name: that would import all that `gloveport` does.
_INIT = "import sys; sys.path.append(sys.argv.pop(1)); from supervisor.main import main; main()"
_PACKET = 1 << 18
_MOST_HANDED = 2  # descriptors with one message
_ANSWERED = 20.0  # seconds; all but a copy is done in milliseconds
HUNG = -1000  # the status of a box that gave no answer; no process ends with it
_COPIED = 300.0  # seconds; of 2 GB on a slow disk


class ProcessTree:
    """Starts programs that end with us.

    Args:
        mark: An environment variable, `NAME=value`, that every program of the box has and no
            other; it finds what outlived a killed box.
        ended: Called from the box's own thread with the pid and exit status (negative: the
            signal) of each program that ended and was not kept, and last of the box itself.
        logs: A folder of logs that are emptied when they grow too long.
        held: Descriptors that stay open until its last program has ended.
    """

    def __init__(
        self,
        mark: str,
        ended: Callable[[int, int], None],
        logs: Path | None = None,
        held: Sequence[int] = (),
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        may = {"logs": str(logs)} if logs else {}
        with theirs:
            init = subprocess.Popen(
                [
                    sys.executable, "-I", "-S", "-c", _INIT, str(Path(__file__).parent),
                    str(theirs.fileno()), json.dumps(may),
                ],
                pass_fds=[theirs.fileno(), *held], env={}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._sweep = lambda: sweep(mark, self._remove)
        self._attach(ours, init.pid, init.wait, ended)

    @classmethod
    def keeper(
        cls,
        outer: "ProcessTree",
        uid: int,
        pages: int,
        log: Path,
        ended: Callable[[int, int], None],
        folders: Sequence[Path],
    ) -> "ProcessTree":
        """A fork of a box, in namespaces of its own, where it is root.

        Args:
            outer: The box.
            uid: Who it is outside, where this program is root.
            pages: Of memory that its programs may have in System V segments.
            log: A file its output is appended to.
            ended: As for a box.
            folders: Those it needs, to be in reach for that user.
        """

        def start(channel: int) -> int:
            asked = {"fork": uid, "pages": pages, "folders": [*map(str, folders)]}
            return outer._start(asked, [channel], log, "The desktop")

        return cls._below(outer, start, ended)

    @classmethod
    def inside(
        cls,
        outer: "ProcessTree",
        command: Callable[[int], tuple[Sequence[str], Sequence[int]]],
        log: Path,
        ended: Callable[[int, int], None],
        told: Callable[[str], None] = lambda said: None,
        restarted: Callable[[str, bool], None] = lambda name, again: None,
    ) -> "ProcessTree":
        """A box in a box.

        Args:
            outer: The box it is a program of.
            command: The command that runs `supervisor` on the descriptor of a socket, and the
                descriptors it inherits, that one first.
            log: A file its output is appended to.
            ended: As for a box.
            told: Told, from the box's own thread, what was ended because it used too much.
            restarted: Told, from that thread, the name of a program that is kept and has ended, and
                whether it was started again; it is not if it ends too often.
        """

        def start(channel: int) -> int:
            argv, fds = command(channel)
            try:
                return outer.start(argv, {"PATH": "/usr/bin:/bin"}, Path("/"), log=log, fds=fds)
            finally:
                for fd in fds[1:]:
                    os.close(fd)

        return cls._below(outer, start, ended, told, restarted)

    @classmethod
    def _below(
        cls,
        outer: "ProcessTree",
        start: Callable[[int], int],
        ended: Callable[[int, int], None],
        told: Callable[[str], None] = lambda said: None,
        restarted: Callable[[str, bool], None] = lambda name, again: None,
    ) -> "ProcessTree":
        box = cls.__new__(cls)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            pid = start(theirs.fileno())
        box._sweep = lambda: None  # its own namespace of processes ends with it
        box._attach(ours, pid, lambda: outer.wait(pid), ended, told, restarted)
        return box

    def _attach(
        self,
        ours: socket.socket,
        pid: int,
        wait: Callable[[], int],
        ended: Callable[[int, int], None],
        told: Callable[[str], None] = lambda said: None,
        restarted: Callable[[str, bool], None] = lambda name, again: None,
    ) -> None:
        self._restarted = restarted
        self.pid = pid
        """The process all others in the box descend from, as seen by its starter."""
        self._socket = ours
        self._wait = wait
        self._ended = ended
        self._told = told
        self._remove: list[Path] = []
        self._answers: dict[int, SimpleQueue[dict[str, Any] | None]] = {}
        self._programs: dict[int, Future[int]] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._over = False
        self._reader = threading.Thread(target=self._read, name="gloveport-box", daemon=True)
        self._reader.start()

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
        asked = {
            "start": list(argv),
            "env": dict(env),
            "cwd": str(cwd),
            "log": log is not None,
            "keep": keep,
        }
        return self._start(asked, fds, log, argv[0])

    def _start(self, asked: dict[str, Any], fds: Sequence[int], log: Path | None, name: str) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        output = [os.open(log, flags, 0o600)] if log else []
        try:
            answer = self._ask(asked, [*fds, *output])
        finally:
            for fd in output:
                os.close(fd)
        if "error" in answer:
            raise CannotStart(name, str(answer["error"]))
        return int(answer["pid"])

    def wait(self, pid: int) -> int:
        """Wait until a program has ended; its exit status, negative for a signal."""
        return self._programs[pid].result()

    @property
    def over(self) -> bool:
        """Whether it says nothing more; `ended` is told of it a moment later."""
        return self._over

    def running(self, pid: int) -> bool:
        """Whether a program runs."""
        return not self._programs[pid].done()

    def has(self, pid: int) -> bool:
        """Whether it started a program of this number, which runs."""
        return pid in self._programs and self.running(pid)

    def run(self, argv: Sequence[str], log: Path, *, seconds: float = _ANSWERED) -> None:
        """Run a program of ours to its end.

        Raises:
            CannotStart: It is missing.
            ProgramFailed: It failed, or was not done within so many seconds and was killed.
        """
        log.unlink(missing_ok=True)
        pid = self.start(argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, Path("/"), log=log)
        status = None
        try:
            status = self._programs[pid].result(timeout=seconds)
        except TimeoutError:
            with suppress(CannotStart):
                self.signal(pid, signal.SIGKILL)
        if status != 0:
            said = log.read_text(errors="replace") if log.exists() else ""
            raise ProgramFailed(Path(argv[0]).name, said, status)

    def listen(self, port: int) -> socket.socket:
        """A socket that listens on 127.0.0.1 of the box's own network.

        Raises:
            CannotStart: The port is taken.
        """
        answer = self._ask({"listen": port})
        if "error" in answer:
            raise CannotStart(f"Port {port} of the desktop", str(answer["error"]))
        return socket.socket(fileno=answer["handed"][0])

    def copy(self, folder: Path, to: Path, last: Path | None) -> tuple[int, int]:
        """Copy a folder that nobody writes to meanwhile.

        Args:
            folder: Of which folder.
            to: Where there is nothing yet.
            last: The copy before, if the folder has gone on from there: what has not changed since
                is shared with it.

        Returns:
            Bytes that all its files take on the disk, and those of them that are new.

        Raises:
            NotKept: It could not be copied; some of it may be there.
        """
        asked = {"copy": str(folder), "to": str(to), "last": str(last or "")}
        answer = self._ask(asked, seconds=_COPIED)
        if "error" in answer:
            raise NotKept(str(answer["error"]))
        return answer["bytes"], answer["new"]

    def roll_back(self, asked: Mapping[str, str], *, seconds: float) -> None:
        """Take the home back, in the words of `supervisor`; no program runs.

        Raises:
            ProgramFailed: A step failed; the files are as before.
            Broken: It was not done within so many seconds, or the box ended meanwhile.
        """
        answer = self._ask({"rollback": dict(asked)}, seconds=seconds)
        if "error" in answer:
            raise ProgramFailed("The rollback", str(answer["error"]), 1)

    def files(self, asked: Mapping[str, object], fds: Sequence[int] = ()) -> dict[str, Any]:
        """Ask for a file of the home, in the words of `supervisor`.

        Returns:
            What it answered; its "handed" are descriptors for the caller to close.
        """
        return self._ask(dict(asked), fds)

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a program of the box; one that was kept is kept no longer."""
        self._ask({"signal": number, "pid": pid})

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Stop all programs of a box that has processes of its own, for the time of a copy.

        By signals; who was stopped before stays so.
        """
        self._ask({"freeze": True})
        try:
            yield
        finally:
            self._ask({"freeze": False})

    def commands(self, pids: Sequence[int]) -> list[tuple[list[str], str, list[str]]]:
        """The arguments and directory of each of some processes, and what it holds open.

        That is the lock of each profile of Chromium, and each document of LibreOffice. Left out is
        what is gone, and what has more arguments than fit an answer.
        """
        told = self._ask({"commands": list(pids)}).get("commands", [])
        return [(argv, directory, held) for argv, directory, held in told]

    def end_gently(self, seconds: float, first: int = 0) -> None:
        """At the end, let a process end by itself, and only then end all others.

        Args:
            seconds: It may take.
            first: That process; 0: of all programs those that no part of another are.
        """
        self._ask({"grace": seconds, "first": first})

    def remove_at_end(self, *paths: Path) -> None:
        """Remove these files and folders after the last program has ended."""
        self._remove += paths
        self._send({"remove": [str(path) for path in paths]})

    def spare(self, path: Path) -> None:
        """Do not remove a path at the end after all."""
        self._remove.remove(path)
        with suppress(Broken):  # who is dead removes nothing
            self._ask({"spare": str(path)})

    def hang_up(self) -> None:
        """Have the box end every program, as it does when its owner has died."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End every program of the box and wait until none is left."""
        self.hang_up()
        if self._wait() != 0:
            self._sweep()
        self._reader.join()
        self._socket.close()

    def _ask(
        self, message: dict[str, Any], fds: Sequence[int] = (), *, seconds: float = _ANSWERED
    ) -> dict[str, Any]:
        """Ask and wait for the answer; who gives none in time is taken for dead.

        Raises:
            CannotStart: The message is too long, or the box has ended.
            Broken: There was no answer in time.
        """
        answer: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        with self._lock:
            self._count += 1
            number = self._count
            if self._over:
                raise CannotStart("The program", "the desktop's processes have ended")
            self._answers[number] = answer
        try:
            self._send({"id": number, **message}, fds)
            said = answer.get(timeout=seconds)
        except Empty:
            self._ended(self.pid, HUNG)
            raise Broken(
                f"The desktop's processes gave no answer within {seconds:g} s; its display is "
                "started again with the next call."
            ) from None
        finally:
            self._answers.pop(number, None)
        if said is None:
            raise CannotStart("The program", "the desktop's processes have ended")
        return said

    def _send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._socket, [json.dumps(message).encode()], list(fds))
        except OSError as error:
            why = "the desktop's processes have ended"
            if error.errno == errno.EMSGSIZE:
                why = "its name and arguments are too long"
            raise CannotStart("The program", why) from error

    def _read(self) -> None:
        """Take what the box says until it ends; then whoever waits for an answer is told so."""
        try:
            self._take_messages()
        finally:
            with self._lock:
                self._over = True
                waiting = list(self._answers.values())
            for answer in waiting:
                answer.put(None)
            for program in list(self._programs.values()):
                if not program.done():
                    program.set_result(-signal.SIGKILL)
            self._ended(self.pid, self._wait())

    def _take_messages(self) -> None:
        while True:
            try:
                packet, handed, _, _ = socket.recv_fds(self._socket, _PACKET, _MOST_HANDED)
            except OSError:
                break
            if not packet:
                break
            message: dict[str, Any] = {**json.loads(packet), "handed": handed}
            if "ended" in message:
                if ended := self._programs.get(message["ended"]):
                    ended.set_result(message["status"])
                self._ended(message["ended"], message["status"])
            elif "notice" in message:
                logger.warning("%s", message["notice"])
                self._told(message["notice"])
            elif "restarted" in message:
                self._programs[message["pid"]] = Future()
                logger.warning("process %d ended and was started again", message["restarted"])
                self._restarted(message["name"], True)
            elif "gave_up" in message:
                self._restarted(message["gave_up"], False)
            else:
                if "started" in message:
                    self._programs[message["pid"]] = Future()
                if answer := self._answers.get(message["id"]):
                    answer.put(message)
                else:  # nobody waits for it any more
                    for fd in handed:
                        os.close(fd)


def sweep(mark: str, remove: Sequence[Path]) -> None:
    """End every process whose environment holds `mark`, then remove these files and folders."""
    for found in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in found.read_bytes().split(b"\0"):
                os.kill(int(found.parent.name), signal.SIGKILL)
    groups = [path for path in remove if (path / "cgroup.procs").exists()]
    remove_group(sorted(groups, key=lambda path: -len(path.parts)))  # inner ones first
    # Folders last: by them the next start finds what is left of a desktop.
    for path in sorted(remove, key=lambda path: path.is_dir() and not path.is_symlink()):
        if path in groups:
            continue
        if path.is_dir() and not path.is_symlink():
            _remove_folder(path)
        else:
            path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    """Remove a folder, also what is in folders that nobody may look into, as overlays make them."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        return
    for parent, names, _ in os.walk(path):
        for below in (Path(parent, name) for name in names):
            if not below.is_symlink():
                with suppress(OSError):
                    below.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        logger.warning("%s could not be removed whole", path)

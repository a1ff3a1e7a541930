"""The process itself: serves its owner over the socket, reaps children, and ends everything."""

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .copies import SnapshotCopier
from .home_files import Files
from .paths import remove_group, remove_tree, removed_after, shorten, thaw
from .processes import commands, descendants, end_first, end_gently, go_on, runs, stop_all
from .rollback import Rollback
from .system import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    die_with_parent,
    enter_namespaces,
    libc,
    listening,
    share_less,
)
from .watchdog import ResourceWatchdog

PACKET = 1 << 18
# A program that must be kept but ends this often is left alone (in how many seconds).
TRIES, WITHIN = 5, 10.0
LOG_EVERY = 1.0  # seconds between two looks at logs


def fill(word: str, fds: list[int]) -> str:
    for place, fd in enumerate(fds):
        word = word.replace(f"{{fd:{place}}}", str(fd))
    return word


class Box:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.kept: dict[int, tuple[dict[str, Any], list[float]]] = {}
        self.remove: list[Path] = []
        self.copies = SnapshotCopier()
        self.stopped: list[int] = []
        self.first = 0
        """The process that has time to end by itself before all others are ended."""
        self.grace = 0.0
        """Seconds that it has, or, for the first process of a namespace, its programs."""

    def start(self, asked: dict[str, Any], passed: list[int]) -> int:
        output = passed.pop() if asked["log"] else os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        argv = [fill(word, passed) for word in asked["start"]]
        try:
            program = subprocess.Popen(
                argv,
                env=asked["env"],
                cwd=asked["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
                pass_fds=tuple(passed),
            )
        finally:
            for fd in (output, *passed):
                os.close(fd)
        program.returncode = 0  # reaped by reap(), not by Popen
        if os.getpid() == 1:
            end_first(program.pid)
        if asked["keep"]:
            self.kept[program.pid] = (asked, [])
        return program.pid

    def fork(self, asked: dict[str, Any], passed: list[int]) -> int:
        """A box in namespaces of its own, without the time another interpreter takes to start."""
        if pid := os.fork():
            for fd in passed:
                os.close(fd)
            return pid
        try:
            signal.set_wakeup_fd(-1)
            os.setsid()
            for place, fd in enumerate((passed[1], passed[1], passed[0]), 1):
                os.dup2(fd, place)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            enter_namespaces(asked["fork"], asked["folders"])
            share_less(asked["pages"])
            live(Box(socket.socket(fileno=3)))
        finally:
            if failure := sys.exc_info()[1]:
                sys.excepthook(type(failure), failure, failure.__traceback__)
            os._exit(failure is not None)

    def serve(self, asked: dict[str, Any], passed: list[int]) -> None:
        if "remove" in asked:
            self.remove += [Path(path) for path in asked["remove"]]
        elif "spare" in asked:
            self.remove = [path for path in self.remove if str(path) != asked["spare"]]
            self.tell({"id": asked["id"]})
        elif "grace" in asked:
            self.first, self.grace = asked["first"], asked["grace"]
            self.tell({"id": asked["id"]})
        elif "signal" in asked:
            self.kept.pop(asked["pid"], None)
            with suppress(ProcessLookupError):
                os.kill(asked["pid"], asked["signal"])
            self.tell({"id": asked["id"], "pid": asked["pid"]})
        elif "freeze" in asked:
            if os.getpid() == 1:  # anywhere else this would be all processes of the user
                go_on(self.stopped)
                self.stopped = stop_all() if asked["freeze"] else []
            self.tell({"id": asked["id"]})
        elif "copy" in asked:
            try:
                total, new = self.copies.make(asked["copy"], asked["to"], asked["last"])
                self.tell({"id": asked["id"], "bytes": total, "new": new})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        elif "rollback" in asked:
            try:
                Rollback(asked["rollback"]).make()
                self.tell({"id": asked["id"]})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        elif "commands" in asked:
            self.tell({"id": asked["id"], "commands": commands(asked["commands"])})
        elif "open" in asked or "place" in asked:
            told, fds = Files(asked).serve(passed)
            self.tell({"id": asked["id"], **told}, *fds)
        elif "listen" in asked:
            try:
                self.tell({"id": asked["id"]}, listening(asked["listen"]).detach())
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        else:
            if asked.get("keep") and asked["log"]:
                asked["output"] = os.dup(passed[-1])
            try:
                pid = self.fork(asked, passed) if "fork" in asked else self.start(asked, passed)
                self.tell({"id": asked["id"], "pid": pid, "started": True})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})

    def tell(self, message: dict[str, Any], *handed: int) -> None:
        """Send a message with descriptors, which are closed here; one too long becomes an error."""
        try:
            socket.send_fds(self.sock, [json.dumps(message).encode()], handed)
        except OSError as why:
            if why.errno == errno.EMSGSIZE and "id" in message:
                error = {"id": message["id"], "error": "the answer is too long"}
                with suppress(OSError):
                    self.sock.send(json.dumps(error).encode())
        for fd in handed:
            os.close(fd)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self.copies.ended(pid, status):
                continue
            asked, ends = self.kept.pop(pid, (None, list[float]()))
            now = time.monotonic()
            ends = [end for end in ends if now - end < WITHIN] + [now]
            if asked and len(ends) < TRIES:
                try:
                    output = [os.dup(asked["output"])] if asked["log"] else []
                    asked["start"] = [word for word in asked["start"] if "{fd:" not in word]
                    again = self.start(asked, output)
                except OSError:
                    pass
                else:
                    self.kept[again] = (asked, ends)
                    name = Path(asked["start"][0]).name
                    self.tell({"restarted": pid, "pid": again, "name": name})
                    continue
            if asked:
                self.tell({"gave_up": Path(asked["start"][0]).name})
            self.tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def end(self) -> None:
        """End everything below: ask, wait up to a second, then kill what is left."""
        thaw(self.remove)
        go_on(self.stopped)
        others = {*self.kept}
        self.kept.clear()
        until = time.monotonic() + self.grace
        gently = [self.first] if self.first else end_gently(others) if self.grace else []
        while any(map(runs, gently)) and time.monotonic() < until:
            self.drain()
        for number, seconds in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
            until = time.monotonic() + seconds
            told: set[int] = set()
            while (living := descendants()) and time.monotonic() < until:
                for pid in set(living) - told:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                told |= set(living)
                self.drain()
        # What is found by the name of a folder goes before it: the next start looks for folders.
        for path in sorted(self.remove, key=removed_after):
            if (path / "cgroup.procs").exists():
                remove_group(path)
            elif path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                with suppress(OSError):
                    path.unlink()

    def drain(self) -> None:
        signal.sigtimedwait([signal.SIGCHLD], 0.02)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def live(box: Box, watch: ResourceWatchdog | None = None, logs: Path | None = None) -> None:
    """Serve the owner until it goes; then end everything."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    due = 0.0
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    stopped: list[int] = []
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C is the owner's to handle
    while not stopped:
        pause = watch.pause if watch else LOG_EVERY if logs else None
        ready, _, _ = select.select([box.sock, bell], [], [], pause)
        if logs and time.monotonic() >= due:
            shorten(logs)
            due = time.monotonic() + LOG_EVERY
        if watch and (said := watch.look()):
            box.tell({"notice": said})
        if bell in ready:
            os.read(bell, 4096)
            box.reap()
        if box.sock in ready:
            try:
                data, passed, _, _ = socket.recv_fds(box.sock, PACKET, 16)
            except ConnectionError:
                break
            if not data:
                break
            asked: dict[str, Any] = json.loads(data)
            try:
                box.serve(asked, passed)
            except Exception as why:  # noqa: BLE001 - whoever asked waits for an answer
                box.tell({"id": asked.get("id"), "error": f"{type(why).__name__}"})
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    box.end()


def main() -> None:
    if os.getpid() == 1:  # behind walls: programs of the same user must not read or trace it
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    may: dict[str, Any] = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    watch = ResourceWatchdog(**may) if "memory" in may else None
    logs = Path(may["logs"]) if "logs" in may else None
    live(Box(socket.socket(fileno=int(sys.argv[1]))), watch, logs)

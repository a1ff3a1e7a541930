"""The parent of every process in one desktop; run as a script, never imported.

It starts what its owner tells it to over a socket, reports what ended, starts again what must not
end, and when the owner closes the socket, or dies, it ends every process below it and removes the
paths it was told to. Orphans inside the desktop become its children (PR_SET_CHILD_SUBREAPER), so
nothing that was started here can outlive it.

The socket carries one JSON object a packet (SOCK_SEQPACKET):
    asked     {"id": 1, "start": [argv], "env": {}, "cwd": "/", "log": false, "keep": false}
                  with the file descriptors the program inherits; "{fd:0}" in argv stands for the
                  number of the first of them; with "log" the last of them is its output
              {"id": 2, "signal": 15, "pid": 123}
              {"id": 3, "listen": 3128}
              {"id": 4, "freeze": true}      stop all programs, or let them go on; only as PID 1
              {"id": 5, "commands": [pids]}  what processes run
              {"remove": [paths]}
    answered  {"id": 1, "pid": 123, "started": true}  {"id": 1, "error": "why"}
              {"id": 3} with the descriptor of a socket that listens on 127.0.0.1
              {"id": 4}  {"id": 5, "commands": [[[argv], "directory"]]}
    told      {"ended": 123, "status": 0}  {"restarted": 123, "pid": 456}
"""

import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
PACKET = 1 << 18
# A program that must be kept but ends this often is left alone (in how many seconds).
TRIES, WITHIN = 5, 10.0

libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children(pid: int) -> list[int]:
    """Pids of all direct children, adopted orphans included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants() -> list[int]:
    """Children of children started by another thread are missed; they become ours later."""
    found: list[int] = []
    queue = children(os.getpid())
    while queue:
        pid = queue.pop()
        found.append(pid)
        with suppress(OSError):
            queue += children(pid)
    return found


def fill(word: str, fds: list[int]) -> str:
    for place, fd in enumerate(fds):
        word = word.replace(f"{{fd:{place}}}", str(fd))
    return word


def commands(pids: list[int]) -> list[tuple[list[str], str]]:
    """The arguments and directory of each process that is there."""
    found: list[tuple[list[str], str]] = []
    for pid in pids:
        with suppress(OSError):
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            words = [word.decode(errors="replace") for word in argv]
            found.append((words, str(Path(f"/proc/{pid}/cwd").readlink())))
    return found


def opened(again: Callable[..., object], path: str, why: object) -> None:
    """Remove what is in a folder nobody may look into, as an overlay leaves one."""
    with suppress(OSError):
        Path(path).chmod(0o700)
        if again is os.rmdir or again is os.unlink:
            again(path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def listening(port: int) -> socket.socket:
    """Switch the loopback on, which a new network namespace has off, and listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING)
        with suppress(PermissionError):  # not a namespace of our own: it is on
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)
    return socket.create_server(("127.0.0.1", port))


class Box:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.kept: dict[int, tuple[dict[str, Any], list[float]]] = {}
        self.remove: list[Path] = []

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
        if asked["keep"]:
            self.kept[program.pid] = (asked, [])
        return program.pid

    def serve(self, asked: dict[str, Any], passed: list[int]) -> None:
        if "remove" in asked:
            self.remove += [Path(path) for path in asked["remove"]]
        elif "signal" in asked:
            self.kept.pop(asked["pid"], None)
            with suppress(ProcessLookupError):
                os.kill(asked["pid"], asked["signal"])
            self.tell({"id": asked["id"], "pid": asked["pid"]})
        elif "freeze" in asked:
            if os.getpid() == 1:  # anywhere else this would be all processes of the user
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGSTOP if asked["freeze"] else signal.SIGCONT)
            self.tell({"id": asked["id"]})
        elif "commands" in asked:
            self.tell({"id": asked["id"], "commands": commands(asked["commands"])})
        elif "listen" in asked:
            try:
                self.tell({"id": asked["id"]}, listening(asked["listen"]))
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})
        else:
            if asked["keep"] and asked["log"]:
                asked["output"] = os.dup(passed[-1])
            try:
                pid = self.start(asked, passed)
                self.tell({"id": asked["id"], "pid": pid, "started": True})
            except OSError as error:
                self.tell({"id": asked["id"], "error": error.strerror or str(error)})

    def tell(self, message: dict[str, Any], *handed: socket.socket) -> None:
        with suppress(OSError):
            fds = [one.fileno() for one in handed]
            socket.send_fds(self.sock, [json.dumps(message).encode()], fds)
        for one in handed:
            one.close()

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            asked, ends = self.kept.pop(pid, (None, list[float]()))
            now = time.monotonic()
            ends = [end for end in ends if now - end < WITHIN] + [now]
            if asked and len(ends) < TRIES:
                try:
                    output = [os.dup(asked["output"])] if asked["log"] else []
                    again = self.start(asked, output)
                except OSError:
                    pass
                else:
                    self.kept[again] = (asked, ends)
                    self.tell({"restarted": pid, "pid": again, "started": True})
                    continue
            self.tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def end(self) -> None:
        """End everything below: ask, wait up to a second, then kill what is left."""
        self.kept.clear()
        for number, seconds in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
            until = time.monotonic() + seconds
            told: set[int] = set()
            while (living := descendants()) and time.monotonic() < until:
                for pid in set(living) - told:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                told |= set(living)
                self.drain()
        for path in self.remove:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, onerror=opened)
            else:
                with suppress(OSError):
                    path.unlink()

    def drain(self) -> None:
        signal.sigtimedwait([signal.SIGCHLD], 0.02)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def main() -> None:
    if os.getpid() == 1:  # behind walls: programs of the same user must not read or trace it
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sock = socket.socket(fileno=int(sys.argv[1]))
    box = Box(sock)
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    stopped: list[int] = []
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C is the owner's to handle
    while not stopped:
        ready, _, _ = select.select([sock, bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
            box.reap()
        if sock in ready:
            try:
                data, passed, _, _ = socket.recv_fds(sock, PACKET, 16)
            except ConnectionError:
                break
            if not data:
                break
            box.serve(json.loads(data), passed)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    box.end()


if __name__ == "__main__":
    main()

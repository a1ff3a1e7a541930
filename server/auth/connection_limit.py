"""Connections of strangers are bounded: how many there are, and how long each may take to say who
it is.

A listening socket counts what it accepts. A connection that has not been authenticated within
`SECONDS` is closed, and one that comes when there are too many takes the place of the oldest that
has not been. So half-open connections stop nobody, and descriptors are left for the Unix socket,
whose other end must be this user's own process or root's (SO_PEERCRED).
"""

import asyncio
import errno
import logging
import os
import resource
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""How long a connection may take to send a request that is let in."""
MOST = 1000
"""Connections over TCP at once; fewer where there are few descriptors."""
_DESCRIPTORS = 1 << 16  # enough for anything; some systems allow a billion
_LOGGED_EACH = 10.0  # seconds between two lines about the same
_SHORT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Connections:
    """The TCP connections of one server. Used on the event loop only.

    Args:
        most: How many there may be at once; half as many from one address.
        seconds: How long one may take to be proven.
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self.most = most
        self._seconds = seconds
        self._open: dict[tuple[str, int], _Connection] = {}
        self._unproven: dict[tuple[str, int], None] = {}
        self._said = 0.0

    def admit(self, connection: "_Connection", peer: tuple[str, int]) -> bool:
        """Count a connection; False: there is no place for it."""
        near = [one for one in self._open if one[0] == peer[0]]
        if len(self._open) >= self.most and not self._drop(list(self._unproven)):
            return False
        if len(near) >= self.most // 2 and not self._drop([a for a in near if a in self._unproven]):
            return False
        self._open[peer] = connection
        self._unproven[peer] = None
        connection.closed = lambda: self._forget(peer, connection)
        asyncio.get_running_loop().call_later(self._seconds, self._expire, peer, connection)
        return True

    def prove(self, peer: tuple[str, int] | None) -> None:
        """Let the connection of a request that was let in stay."""
        if peer:
            self._unproven.pop(peer, None)

    def say(self, what: str) -> None:
        """Log a line, unless one was logged a moment ago."""
        now = time.monotonic()
        if now - self._said > _LOGGED_EACH:
            self._said = now
            logger.warning("%s", what)

    def _drop(self, oldest_first: list[tuple[str, int]]) -> bool:
        self.say("too many connections: the oldest that is not authenticated is closed")
        if not oldest_first:
            return False
        self._shut(oldest_first[0])
        return True

    def _expire(self, peer: tuple[str, int], connection: "_Connection") -> None:
        if peer in self._unproven and self._open.get(peer) is connection:
            self._shut(peer)

    def _shut(self, peer: tuple[str, int]) -> None:
        self._unproven.pop(peer, None)
        connection = self._open.pop(peer)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _forget(self, peer: tuple[str, int], connection: "_Connection") -> None:
        if self._open.get(peer) is connection:
            del self._open[peer]
            self._unproven.pop(peer, None)


class _Connection(socket.socket):
    """An accepted socket that tells when it is closed."""

    closed: Callable[[], None] | None = None

    def close(self) -> None:
        super().close()
        if self.closed:
            self.closed, told = None, self.closed
            told()


class Listener(socket.socket):
    """A listening socket whose connections are bounded (TCP), or this user's own (Unix).

    asyncio's own loop accepts through it; others may not call `accept`.
    """

    connections: Connections | None = None
    _spare = -1

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection that may stay.

        Raises:
            BlockingIOError: There is none.
        """
        try:
            plain, address = super().accept()
        except OSError as why:
            if why.errno not in _SHORT_OF:
                raise
            self._turn_away()
            raise BlockingIOError from None
        accepted = _Connection(self.family, self.type, self.proto, fileno=plain.detach())
        if not self._may_stay(accepted, address):
            accepted.close()
            raise BlockingIOError
        return accepted, address

    def _may_stay(self, accepted: _Connection, address: Any) -> bool:
        if self.family == socket.AF_UNIX:
            return peer_uid(accepted) in (os.geteuid(), 0)
        return self.connections is None or self.connections.admit(accepted, address[:2])

    def _turn_away(self) -> None:
        """Accept one connection by the descriptor kept for this, and close it at once."""
        if self.connections:
            self.connections.say("out of file descriptors: a connection was turned away")
        if self._spare < 0:
            return
        os.close(self._spare)
        self._spare = -1
        with suppress(OSError):
            super().accept()[0].close()
        self.keep_spare()

    def keep_spare(self) -> None:
        """Hold a descriptor back, to be able to close what comes when there are no others."""
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        super().close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end of a Unix socket (unix(7))."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", packed)[1]


def raise_descriptors() -> int:
    """Raise this process's limit of open files as far as it may go; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _DESCRIPTORS) if hard != resource.RLIM_INFINITY else _DESCRIPTORS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft

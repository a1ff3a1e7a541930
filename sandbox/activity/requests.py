"""Which requests of a desktop's programs are in flight: asked of the kernel, by TCP connection.

The kernel says of each connection when data was last sent and when last received (sock_diag(7),
`tcp_info`). One that has sent since an action and has received nothing after that waits for an
answer. Whatever is spoken on it (HTTP, TLS, WebSocket) stays unread. With HTTP/2 all requests to a
server share a connection: what is small and follows an answer at once acknowledges it, and what is
sent beside a long poll is a request of its own; of several at once the first answer counts for all,
but for one that was in flight when the action began.

With a network filter these are the filter's connections to the outside, without walls those of the
programs themselves. Where the kernel does not tell, nothing counts as in flight.
"""

import errno
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

_PROC = Path("/proc")
# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG = 4
_BY_FAMILY, _ERROR, _DONE = 20, 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_INFO = 2
_LISTENING = 10
# Established, closed for sending by the other side, and listening.
_STATES = 1 << 1 | 1 << 8 | 1 << _LISTENING
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBBI48s")
_MESSAGE = struct.Struct("=BBBB48sIIIII")
_ATTRIBUTE = struct.Struct("=HH")
_LAST_SENT, _LAST_RECEIVED = 44, 52  # bytes into tcp_info; milliseconds ago
_RECEIVED_BYTES, _SEGMENTS_SENT, _SENT_BYTES = 128, 156, 200
_LEAST = 208
_EQUAL = 1e-5  # seconds; both are told in milliseconds before one moment
_TICK = 0.01  # seconds; the kernel's clock for these times goes in steps of 1 to 10 ms
_AFTER = 0.15  # seconds a program has to show what it was answered, or to ask for more
_ENDLESS = 5.0  # seconds without an answer after which a connection is one that only listens
# What acknowledges in HTTP/2: one or two updates of windows, or a ping, in a record of TLS 1.3
# (RFC 9113, 6; RFC 8446, 5.2); Chromium sends the first within a moment of what it received.
_CONTROL = (13 + 22, 2 * 13 + 22, 17 + 22)  # bytes; a request has more
_PONG = 17 + 22  # bytes received that answer a ping, and no request
_AT_ONCE, _SOON = 0.03, 0.25  # seconds from an answer to what acknowledges it
_DOUBTED = 1.0  # seconds for what may be a request, or may acknowledge an answer
_ANEW = 0.1  # seconds from the answer to a long poll to the next one
_STREAM = 1.0  # seconds that an answer is waited for while more of it comes


@dataclass(slots=True)
class _Connection:
    """One connection; times are seconds on the monotonic clock."""

    remote: bytes
    sent: float
    received: float
    count: int
    """Bytes received."""
    segments: int
    """How many segments with data were sent."""
    out: int
    """Bytes sent."""
    answered: float = 0.0
    """When the first answer since the action came; 0 when none has."""
    listens: bool = False
    """Whether what it sends is not answered soon: a long poll, or news that need no answer."""

    unanswered: bool = False
    doubted: float = 0.0
    """When something was sent that follows an answer at once and may acknowledge it, or ask."""
    beside: float = 0.0
    """When the first was sent of what was sent while it listened, and has not been answered."""
    owed: float = 0.0
    """When the action began, if a request from before it was in flight; 0 once it is answered."""
    mute: bool = False
    """Whether what is sent while it listens is never answered."""

    def first(self) -> None:
        """Judge it by what the kernel says when it is seen first."""
        self._ask(self)

    def now(self, new: "_Connection") -> None:
        """Take over what the kernel says now."""
        got, said, before = new.count > self.count, new.segments > self.segments, self.unanswered
        after, out = new.sent - new.received, new.out - self.out
        if new.count - self.count == _PONG:
            got, self.unanswered = False, before or (said and out > max(_CONTROL))
        elif said or got:
            self._ask(new)
            trails = self.unanswered and said and after < _AT_ONCE
            if self.unanswered and _acknowledges(after, out):
                self.unanswered = before and not got
            doubted = (trails and got and not before) or (said and out in _CONTROL)
            self.doubted = new.sent if self.unanswered and doubted else 0.0
        if got and self.owed:
            # The answer to what was sent before the action; one to what was sent since is to come.
            self.unanswered = self.unanswered or max(self.sent, new.sent) > self.owed
            self.owed = 0.0
        if got:
            # Who is answered while it listens has more than one request on the way.
            self.listens = self.listens and not self.beside
            self.beside, self.mute = 0.0, False
        elif said and self.unanswered and self.listens and out not in _CONTROL:
            anew = not before and new.sent - new.received < _ANEW
            self.beside = self.beside or (0.0 if anew else new.sent)
        self.sent, self.received, self.out = new.sent, new.received, new.out
        self.segments, self.count = new.segments, new.count

    def holds(self, now: float) -> bool:
        """Whether what was sent last waits for an answer, if it is none of those that wait long."""
        if self.beside:
            return not self.mute
        return not self.listens and not (self.doubted and now - self.doubted >= _DOUBTED)

    def _ask(self, new: "_Connection") -> None:
        same = (new.segments, new.count) == (self.segments, self.count)
        if new.segments == 0 or new.sent < new.received - _EQUAL:
            self.unanswered = False
        elif new.count == 0 or new.sent > new.received + _EQUAL:
            self.unanswered = True
        elif not same:  # in the same tick: who waited and has sent since has asked for more
            self.unanswered = self.unanswered and new.segments > self.segments


@dataclass(slots=True)
class Traffic:
    """Watches the connections of some processes. Used by one thread at a time.

    Args:
        pids: The processes whose connections count.
    """

    pids: Callable[[], Iterable[int]]
    _began: float = field(default=0.0, init=False)
    _known: dict[int, _Connection] = field(default_factory=dict[int, _Connection], init=False)
    _others: set[int] = field(default_factory=set[int], init=False)
    """Sockets of other programs, by inode."""
    _asked: frozenset[int] = field(default=frozenset(), init=False)
    """The processes there were when their sockets were looked for."""
    _patient: dict[bytes, int] = field(default_factory=dict[bytes, int], init=False)
    """By remote address: how many connections stood there unanswered when last looked at."""
    _ended: float = field(default=0.0, init=False)
    """When a connection ended that had sent something since the action."""
    answered: float = field(default=0.0, init=False)
    """When a request sent since the action was last answered; 0 when none was."""
    _socket: socket.socket | None = field(default=None, init=False)
    _works: bool = field(default=True, init=False)

    @property
    def known(self) -> bool:
        """Whether the kernel tells of connections at all."""
        return self._works

    def begin(self, when: float) -> None:
        """An action begins: what was sent before does not count."""
        self._began, self._ended, self.answered = when, 0.0, 0.0
        self._look()
        self._patient.clear()
        for one in self._known.values():
            old = when - one.sent > _ENDLESS
            one.listens = one.listens or (one.unanswered and old and not one.doubted)
            one.mute = one.mute or (0 < one.beside < when - _ENDLESS)
            if one.listens and one.unanswered:
                self._patient[one.remote] = self._patient.get(one.remote, 0) + 1
            one.answered = 0.0
            one.owed = when if one.unanswered and not (one.listens or one.doubted) else 0.0

    def waiting(self) -> int:
        """How many requests sent since the action are in flight, or were answered just now."""
        self._look()
        now = time.monotonic()
        spared = dict(self._patient)
        for one in self._known.values():
            if one.listens and one.unanswered and one.sent < self._began - _TICK:
                # It still listens; no other stands in for it.
                spared[one.remote] = spared.get(one.remote, 0) - 1
        total = int(now - self._ended < _AFTER)
        for one in self._known.values():
            if not one.segments:
                continue
            if one.sent < self._began - _TICK:
                continue
            if one.unanswered:
                one.answered = 0.0
                if spared.get(one.remote, 0) > 0 and not one.beside:
                    spared[one.remote] -= 1
                else:
                    total += one.holds(now)
                continue
            if not one.answered:
                one.answered = now
            self.answered = max(self.answered, one.received)
            recent = now - one.received < _AFTER
            total += recent and now - one.answered < _STREAM
        return total

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _look(self) -> None:
        if not self._works:
            return
        try:
            found = list(self._all())
        except OSError as why:
            logger.info(
                "the kernel tells of no connections (%s)", errno.errorcode.get(why.errno or 0)
            )
            self._works = False
            return
        inodes = {inode for inode, _ in found}
        pids = frozenset(self.pids())
        if pids != self._asked or inodes - self._known.keys() - self._others:
            self._asked = pids
            self._others = inodes - _sockets(pids)
        for inode, now in found:
            if inode in self._others:
                continue
            if inode in self._known:
                self._known[inode].now(now)
            else:
                now.first()
                self._known[inode] = now
        for gone in self._known.keys() - inodes:
            if self._known.pop(gone).sent >= self._began - _TICK:
                self._ended = self.answered = time.monotonic()

    def _all(self) -> Iterator[tuple[int, _Connection]]:
        """Every connection that was made from here, by inode."""
        messages = list(self._messages())
        served = {
            fields[4][:2] for fields in (_MESSAGE.unpack_from(message) for message, _ in messages)
            if fields[1] == _LISTENING
        }  # fmt: skip
        for message, now in messages:
            fields = _MESSAGE.unpack_from(message)
            if fields[4][:2] not in served and (told := _told(message, fields[4], now)):
                yield fields[-1], told

    def _messages(self) -> Iterator[tuple[bytes, float]]:
        """What the kernel says of each connection, and when."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
            self._socket.settimeout(1)
        for family in (socket.AF_INET, socket.AF_INET6):
            asked = _ASKED.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _STATES, bytes(48))
            head = _HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST | _DUMP, 1, 0)
            self._socket.send(head + asked)
            now, done = time.monotonic(), False
            while not done:
                data = self._socket.recv(1 << 18)
                place = 0
                while place + _HEADER.size <= len(data) and not done:
                    length, kind, *_ = _HEADER.unpack_from(data, place)
                    if kind == _ERROR or length < _HEADER.size:
                        raise OSError(errno.EOPNOTSUPP, "sock_diag is refused")
                    done = kind == _DONE
                    if not done:
                        yield data[place + _HEADER.size : place + length], now
                    place += length + 3 & ~3


def _acknowledges(after: float, out: int) -> bool:
    """Whether so many bytes, so many seconds after something was received, ask for nothing."""
    return out <= max(_CONTROL) and (after < _AT_ONCE or (after < _SOON and out in _CONTROL))


def _sockets(pids: Iterable[int]) -> set[int]:
    """The inodes of all sockets that processes have open."""
    inodes: set[int] = set()
    for pid in pids:
        with suppress(OSError):
            for entry in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    name = str(entry.readlink())
                    if name.startswith("socket:["):
                        inodes.add(int(name[8:-1]))
    return inodes


def _told(message: bytes, address: bytes, now: float) -> _Connection | None:
    """What `tcp_info` in a message says; None where it is not there."""
    place = _MESSAGE.size
    while place + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, place)
        if length < _ATTRIBUTE.size:
            return None
        if kind == _INFO and length >= _ATTRIBUTE.size + _LEAST:
            info = place + _ATTRIBUTE.size
            (sent,) = struct.unpack_from("=I", message, info + _LAST_SENT)
            (received,) = struct.unpack_from("=I", message, info + _LAST_RECEIVED)
            (count,) = struct.unpack_from("=Q", message, info + _RECEIVED_BYTES)
            (segments,) = struct.unpack_from("=I", message, info + _SEGMENTS_SENT)
            (out,) = struct.unpack_from("=Q", message, info + _SENT_BYTES)
            remote = address[2:4] + address[20:36]
            return _Connection(remote, now - sent / 1e3, now - received / 1e3, count, segments, out)
        place += length + 3 & ~3
    return None

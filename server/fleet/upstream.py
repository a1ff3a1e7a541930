"""HTTP to the servers beside the desktops: kept connections, and no request is ever sent twice.

A connection is used again only while it is fresh and silent: uvicorn closes one after five seconds
without a request, and a request on a closed connection may or may not have arrived.
"""

import select
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import anyio
import h11
from anyio.abc import SocketAttribute, SocketStream

Headers = Sequence[tuple[bytes, bytes]]

_CONNECTS_WITHIN = 2.0  # seconds
_FRESH = 3.0  # seconds without a request; uvicorn closes after 5
_CHUNK = 1 << 18  # bytes read at once: a picture in one or two reads
# A machine that vanished is noticed within 5 s: data it does not acknowledge, or no sign of life.
_SILENCE = (
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4000),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class NotReached(Exception):
    """No connection to a server could be made; nothing was sent."""


class Broken(Exception):
    """The connection to a server broke after something was sent."""


@dataclass(slots=True, eq=False)
class _Connection:
    stream: SocketStream
    http: h11.Connection
    used: float

    @property
    def usable(self) -> bool:
        """Whether a request can be sent on it as if it was new."""
        raw = self.stream.extra(SocketAttribute.raw_socket)
        silent = not select.select([raw], [], [], 0)[0]  # readable: closed, or out of step
        return silent and time.monotonic() - self.used < _FRESH


class Answer:
    """What a server answers; its body is read part by part."""

    def __init__(self, upstream: "Upstream", at: tuple[str, int], connection: _Connection) -> None:
        self._upstream, self._at, self._connection = upstream, at, connection
        self._ended = False
        self.status = 0
        self.headers: Headers = ()

    async def start(self) -> None:
        """Read the status and the headers."""
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        if not isinstance(event, h11.Response):
            raise Broken
        self.status, self.headers = event.status_code, event.headers.raw_items()

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes; then the connection is kept for another request."""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)
        self._ended = True  # from now on the connection may be another request's
        await self._upstream.keep(self._at, self._connection)

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([part async for part in self.parts()])

    async def close(self) -> None:
        """End the connection unless the answer has ended; the server sees that nobody waits."""
        if not self._ended:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._connection.stream)

    async def _next(self) -> h11.Event:
        connection = self._connection
        try:
            while (event := connection.http.next_event()) is h11.NEED_DATA:
                try:
                    data = await connection.stream.receive(_CHUNK)
                except anyio.EndOfStream:
                    data = b""
                connection.http.receive_data(data)
        except (h11.RemoteProtocolError, anyio.BrokenResourceError, OSError):
            raise Broken from None
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise Broken
        assert isinstance(event, h11.Event)
        return event


class Upstream:
    """Connections to the servers beside the desktops."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[_Connection]] = defaultdict(list)

    async def send(
        self, at: tuple[str, int], method: str, target: str, headers: Headers, body: bytes
    ) -> Answer:
        """Send a request, once, and return its answer once it begins.

        Args:
            at: Address and port of the server.
            method: Such as POST.
            target: Path and query.
            headers: All but Host and Content-Length.
            body: The whole body.

        Raises:
            NotReached: Nothing was sent.
            Broken: It was sent, and no whole answer came.
        """
        connection = await self._connection(at)
        answer = Answer(self, at, connection)
        host = f"[{at[0]}]:{at[1]}" if ":" in at[0] else f"{at[0]}:{at[1]}"
        length = [(b"content-length", str(len(body)).encode())] if body or method == "POST" else []
        request = h11.Request(
            method=method, target=target, headers=[(b"host", host.encode()), *headers, *length]
        )
        sent = connection.http.send(request) or b""
        if body:
            sent += connection.http.send(h11.Data(data=body)) or b""
        sent += connection.http.send(h11.EndOfMessage()) or b""
        try:
            try:
                await connection.stream.send(sent)
            except (anyio.BrokenResourceError, OSError):
                raise Broken from None
            await answer.start()
        except BaseException:
            await answer.close()
            raise
        return answer

    async def answers(self, at: tuple[str, int]) -> bool:
        """Whether a server answers: one that dies may hold its sockets for a moment longer."""
        try:
            with anyio.fail_after(_CONNECTS_WITHIN):
                answer = await self.send(at, "GET", "/healthz", (), b"")
                await answer.body()
        except (NotReached, Broken, TimeoutError):
            return False
        return True

    async def _connection(self, at: tuple[str, int]) -> _Connection:
        while self._kept[at]:
            connection = self._kept[at].pop()
            if connection.usable:
                return connection
            await anyio.aclose_forcefully(connection.stream)
        await self._prune()
        try:
            with anyio.fail_after(_CONNECTS_WITHIN):
                stream = await anyio.connect_tcp(*at)
        except (OSError, TimeoutError):
            raise NotReached from None
        raw = stream.extra(SocketAttribute.raw_socket)
        for option in _SILENCE:
            raw.setsockopt(*option)
        return _Connection(stream, h11.Connection(h11.CLIENT), time.monotonic())

    async def keep(self, at: tuple[str, int], connection: _Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        if connection.http.our_state is h11.DONE and connection.http.their_state is h11.DONE:
            connection.http.start_next_cycle()
            connection.used = time.monotonic()
            self._kept[at].append(connection)
        else:  # the server ends it after this answer
            await anyio.aclose_forcefully(connection.stream)

    async def _prune(self) -> None:
        """Close the connections that nobody may use again, such as those to desktops that ended."""
        old: list[_Connection] = []
        for at, kept in list(self._kept.items()):
            old += [one for one in kept if not one.usable]
            self._kept[at] = [one for one in kept if one not in old]
            if not self._kept[at]:
                del self._kept[at]
        for connection in old:
            await anyio.aclose_forcefully(connection.stream)

    async def close(self) -> None:
        """Close the connections that are kept."""
        for kept in self._kept.values():
            for connection in kept:
                await anyio.aclose_forcefully(connection.stream)
        self._kept.clear()

"""The network proxy's process; run with `python -m`, never imported.

HTTP CONNECT and plain HTTP, one request a connection: what else a client sends on it is dropped,
so that no second request slips through to a host that was not asked for. Names are resolved once,
and what was checked is what is connected to.

    argv    the descriptor of a listening socket
    stdin   one JSON object, see egress.py; its end ends this process
    stdout  a JSON string a line: why an attempt was refused
"""

import asyncio
import concurrent.futures.thread
import encodings.idna
import ipaddress
import json
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h11

from ..errors import BadNetwork
from .confine import only_serve
from .egress import HOST_INTERNAL, EgressPolicy, normal, reachable

HEAD_WITHIN, CONNECTED_WITHIN = 15, 10  # seconds
STAGGERED = 0.25  # seconds until the next address is tried (RFC 8305, 5)
MOST = 256  # connections at a time
CHUNK = 1 << 16
# How names are resolved, by libraries that are loaded for it; and what Python may load of itself.
_READABLE = ("/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo",
             "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")  # fmt: skip
_PYTHON = {Path(one).resolve() for one in (sys.prefix, sys.base_prefix, Path(__file__).parent)}
_MEMORY = 2 << 30  # bytes of address space; a thread that resolves a name has 8 MB for its stack
# Loaded at the first name otherwise, when another user's Python may not be readable any more.
_LOADED = (concurrent.futures.thread, encodings.idna)
# Headers that are for the next hop only (RFC 9110, 7.6.1), and those that we write ourselves.
HOP_BY_HOP = {
    b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"host", b"proxy-connection",
    b"proxy-authorization", b"proxy-authenticate",
}  # fmt: skip


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(Exception):
    """The text says what was asked and why it cannot be."""

    def __init__(self, asked: str, why: str, status: int = 403) -> None:
        super().__init__(f"{asked} was refused: {why}.")
        self.status = status


def http_place(target: str) -> tuple[str, str]:
    """Return the host and port of a request's URL.

    Raises:
        Refused: It is no http: URL.
    """
    try:
        url = urlsplit(target)
        host, port = url.hostname, url.port
    except ValueError:
        raise Refused(target[:200], "this is no URL", 400) from None
    if url.scheme != "http" or not host:
        raise Refused(target[:200], "no http: URL")
    return host, str(80 if port is None else port)


async def refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    """Answer a request that goes nowhere."""
    body = why.encode()
    head = f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with suppress(OSError):
        writer.write(head.encode() + body)
        await writer.drain()


class Worker:
    def __init__(self, config: dict[str, Any]) -> None:
        self.network = EgressPolicy.parse(config["network"])
        self.names: dict[str, str] = config["names"]
        self.reachable: list[str] = config["reachable"]
        self.room = asyncio.Semaphore(MOST)
        self.used: dict[asyncio.Task[Any] | None, float] = {}
        """When the connection of a program that a task serves was last used, on the loop's clock;
        never again, once it has been ended."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.room.locked():  # nobody can tell idle ones from dead ones, which stay for ever
            idle = min(self.used, key=lambda one: self.used[one])
            self.used[idle] = inf
            if idle:
                idle.cancel()
        async with self.room:
            task = asyncio.current_task()
            self.use(task)
            try:
                with suppress(OSError, TimeoutError, asyncio.CancelledError):
                    await self.answer(reader, writer)
            except h11.RemoteProtocolError:
                await refuse(writer, 400, "This is no request that a proxy takes.\n")
            finally:
                del self.used[task]
                writer.close()

    def use(self, task: asyncio.Task[Any] | None) -> None:
        if self.used.get(task) != inf:
            self.used[task] = asyncio.get_running_loop().time()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = h11.Connection(h11.SERVER)
        async with asyncio.timeout(HEAD_WITHIN):
            request = await next_event(client, reader)
        if not isinstance(request, h11.Request):
            return
        try:
            if request.method == b"CONNECT":
                host, _, port = request.target.decode("ascii", "replace").rpartition(":")
                upstream = await self.connect(host, port)
            else:
                upstream = await self.connect(
                    *http_place(request.target.decode("ascii", "replace"))
                )
        except Refused as why:
            if why.status == 403:
                print(json.dumps(str(why)), flush=True)  # noqa: T201 - the owner reads it
            await refuse(writer, why.status, f"{why} The --network option of gloveport decides.\n")
            return
        used = partial(self.use, asyncio.current_task())
        try:
            if request.method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                upstream[1].write(client.trailing_data[0])
                await together(relay(reader, upstream[1], used), relay(upstream[0], writer, used))
            else:
                sending = asyncio.ensure_future(forward(client, reader, request, upstream[1]))
                try:
                    await relay(upstream[0], writer, used)
                finally:
                    sending.cancel()
                    await asyncio.wait([sending])
        finally:
            upstream[1].close()

    async def connect(self, host: str, port: str) -> Connected:
        asked = f"{host[:200]}:{port[:20]}"
        try:
            name = normal(host)
            number = int(port) if port.isdecimal() and len(port) < 6 else 0
        except BadNetwork:
            raise Refused(asked, "this is no host name") from None
        if not 0 < number < 65536:
            raise Refused(asked, "this is no port")
        if why := self.network.refuses(name, number):
            raise Refused(asked, why)
        try:
            async with asyncio.timeout(CONNECTED_WITHIN):
                return await connected(await self.resolve(name, asked), number)
        except TimeoutError:
            why = f"it did not answer in {CONNECTED_WITHIN} s"
            raise Refused(asked, why, 504) from None
        except OSError as failure:
            raise Refused(asked, failure.strerror or "it cannot be reached", 502) from failure

    async def resolve(self, name: str, asked: str) -> list[str]:
        """The addresses of a host that may be connected to, in the order to try them."""
        if name == HOST_INTERNAL:
            return ["127.0.0.1"]
        if self.names:
            if name not in self.names:
                raise OSError(socket.EAI_NONAME, "there is no host of this name")
            found = self.names[name].split(",")
        else:
            loop = asyncio.get_running_loop()
            infos = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found = [str(info[4][0]) for info in infos]
        may = [one for one in found if reachable(one) or self.stands_for_the_internet(one)]
        if may:
            return alternating(may)
        raise Refused(asked, f"{found[0]} is an address of a private network, not of the internet")

    def stands_for_the_internet(self, address: str) -> bool:
        return any(
            ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in self.reachable
        )


def alternating(addresses: list[str]) -> list[str]:
    """Addresses in their order, those of IPv6 and IPv4 by turns: one of them may not work here."""
    kinds = [[one for one in addresses if (":" in one) is six] for six in (True, False)]
    kinds.sort(key=lambda kind: kind[:1] != addresses[:1])
    pairs = zip_longest(*kinds)
    return [one for pair in pairs for one in pair if one]


async def connected(addresses: list[str], port: int) -> Connected:
    """Connect to the first address that answers; another is tried meanwhile (RFC 8305).

    Raises:
        OSError: None can be reached.
    """
    left, trying, failure = list(addresses), set[asyncio.Task[Connected]](), OSError()
    try:
        while left or trying:
            if left:
                trying.add(asyncio.create_task(asyncio.open_connection(left.pop(0), port)))  # noqa: TID251 - each ends below
            wait = asyncio.wait(
                trying, timeout=STAGGERED if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for one in (await wait)[0]:
                trying.remove(one)
                try:
                    return one.result()
                except OSError as why:
                    failure = why
        raise failure
    finally:
        for one in trying:
            one.cancel()
            one.add_done_callback(abandon)


def abandon(attempt: "asyncio.Task[Connected]") -> None:
    """Close a connection that came second."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[1].close()


async def next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event | type:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(CHUNK))
    return event


async def forward(
    client: h11.Connection,
    reader: asyncio.StreamReader,
    request: h11.Request,
    writer: asyncio.StreamWriter,
) -> None:
    """Send one request on, as from ourselves."""
    url = urlsplit(request.target.decode("ascii"))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    headers = [(name, value) for name, value in request.headers if name not in HOP_BY_HOP]
    upstream = h11.Connection(h11.CLIENT)
    first = h11.Request(
        method=request.method,
        target=target,
        headers=[(b"Host", host.encode()), *headers, (b"Connection", b"close")],
    )
    writer.write(upstream.send(first) or b"")
    while True:
        event = await next_event(client, reader)
        if isinstance(event, h11.Data):
            writer.write(upstream.send(h11.Data(data=event.data)) or b"")
        elif isinstance(event, h11.EndOfMessage):
            writer.write(upstream.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            return
        else:
            raise ConnectionError
        await writer.drain()


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    used: Callable[[], None] = lambda: None,
) -> None:
    while data := await reader.read(CHUNK):
        used()
        writer.write(data)
        await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things until all are done or one fails."""
    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)


async def main() -> None:
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    worker = Worker(json.loads(await stdin.readline()))
    listening = socket.socket(fileno=int(sys.argv[1]))
    only_serve([*map(Path, _READABLE), *_PYTHON], _MEMORY, network=True)
    await asyncio.start_server(worker.serve, sock=listening)
    await stdin.read()


if __name__ == "__main__":
    asyncio.run(main())

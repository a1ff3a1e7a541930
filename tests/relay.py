"""A stretch of network that can be cut."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream


@dataclass(eq=False)
class Relay:
    """Passes bytes on to a server while it is whole."""

    port: int
    url: str = ""
    whole: bool = True
    _flows: anyio.Event = field(default_factory=lambda: _set(anyio.Event()))
    _open: set[anyio.CancelScope] = field(default_factory=set[anyio.CancelScope])

    def cut(self) -> None:
        """End what passes, and let nothing pass."""
        self.whole = False
        for passing in self._open:
            passing.cancel()

    def mend(self) -> None:
        self.whole = True

    def stop(self) -> None:
        """Keep what is sent, as a network that has gone silent does."""
        self._flows = anyio.Event()

    def go_on(self) -> None:
        """Let pass what was kept."""
        self._flows.set()

    async def _pass(
        self, source: SocketStream, sink: SocketStream, both: anyio.CancelScope
    ) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for data in source:
                await self._flows.wait()
                await sink.send(data)
        both.cancel()

    async def serve(self, near: SocketStream) -> None:
        if not self.whole:
            near.extra(SocketAttribute.raw_socket).setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )  # closes with a reset, as a router would
            await near.aclose()
            return
        async with near, await anyio.connect_tcp("127.0.0.1", self.port) as far:
            async with anyio.create_task_group() as tasks:
                self._open.add(tasks.cancel_scope)
                tasks.start_soon(self._pass, near, far, tasks.cancel_scope)
                await self._pass(far, near, tasks.cancel_scope)
            self._open.discard(tasks.cancel_scope)


def _set(event: anyio.Event) -> anyio.Event:
    event.set()
    return event


@asynccontextmanager
async def relayed(url: str) -> AsyncGenerator[Relay]:
    """A way to a server; it ends with all that passes."""
    port = urlsplit(url).port
    assert port
    relay = Relay(port)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, relay.serve)
        here = listener.extra(SocketAttribute.local_port)
        relay.url = f"http://127.0.0.1:{here}"
        yield relay
        tasks.cancel_scope.cancel()

"""Runs a gateway: the desktops of a host behind one address."""

import contextlib
import signal
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from .auth.connection_limit import MOST, Connections, raise_descriptors
from .auth.middleware import Door, Keys
from .auth.principal import PERSON
from .auth.sign_in_links import FIRST_CODE, HOME
from .fleet.directory import Directory
from .fleet.gateway import Gateway
from .hosts.base import Host, Spec
from .serve import address_of, answering_http, end_on_signal, listen


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How to serve the desktops of a host.

    Args:
        host: What runs the desktops; made once the gateway's address is known.
        spec: What a desktop is like that is opened without more words; its address is set here.
        address: Address to listen on.
        port: TCP port; 0: any free one.
        names: Names the gateway is also reached by.
        keys: What knows the tokens that callers must show.
        origins: Origins of other pages that may speak to the gateway.
        proxies: Addresses of proxies whose X-Forwarded-For and -Proto are believed.
        pace: Calls a second of one token.
        local: A Unix socket for this user's own clients, if any.
    """

    host: Host
    spec: Spec = field(default_factory=Spec)
    address: str = "127.0.0.1"
    port: int = 8750
    names: tuple[str, ...] = ()
    keys: tuple[Keys, ...] = ()
    origins: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    pace: float = 50.0
    local: Path | None = None


@dataclass(frozen=True, slots=True)
class FleetServed:
    """A gateway that answers.

    Args:
        url: Where programs and browsers of this machine reach it.
        live: Path of the page of all desktops, with a code for the first who opens it.
        port: Its TCP port.
    """

    url: str
    live: str
    port: int


async def serve_fleet(
    settings: FleetSettings, ready: Callable[[FleetServed], None] = lambda served: None
) -> bool:
    """Serve until told to end by SIGTERM or SIGINT; the desktops run on.

    Returns:
        Whether SIGINT ended it.

    Raises:
        NoAddress: The address is taken.
    """
    ended, signals = anyio.Event(), list[int]()
    async with serving_fleet(settings) as served, anyio.create_task_group() as tasks:
        await tasks.start(end_on_signal, ended, signals)
        ready(served)
        await ended.wait()
        tasks.cancel_scope.cancel()
    return signal.SIGINT in signals


@contextlib.asynccontextmanager
async def serving_fleet(settings: FleetSettings) -> AsyncGenerator[FleetServed]:
    """Serve for as long as the context lasts; see `serve_fleet`."""
    connections = Connections(min(MOST, raise_descriptors() // 2))
    with (
        contextlib.ExitStack() as sockets,
        listen(settings.address, settings.port, settings.local, sockets, connections) as (
            listening,
            port,
        ),
    ):
        url = address_of(settings.address, port)
        door = Door(
            frozenset({"127.0.0.1", "localhost", "::1", settings.address, *settings.names}),
            settings.keys,
            settings.pace,
            address=url,
            origins=settings.origins,
            connections=connections,
        )
        spec = _reached_at(settings.spec, url)
        gateway = Gateway(Directory(settings.host, spec), door)
        code = door.passes.code(PERSON, HOME, FIRST_CODE)
        try:
            async with answering_http(gateway.app, settings.proxies, listening):
                yield FleetServed(url, f"/live/{HOME}?code={code}", port)
        finally:
            with anyio.CancelScope(shield=True):
                await settings.host.close()


def _reached_at(spec: Spec, url: str) -> Spec:
    return Spec(spec.options, spec.idle, spec.cores, spec.memory, url)

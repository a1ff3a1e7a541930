"""Runs the server: a desktop, its web face, and an end that leaves nothing behind."""

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import uvicorn
from anyio.abc import TaskStatus
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gloveport.sandbox import desktop
from gloveport.sandbox.desktop import Desktop, open_desktop

from .auth.connection_limit import MOST, Connections, Listener, raise_descriptors
from .auth.middleware import PEER, Door, Keys
from .auth.principal import PERSON
from .auth.sign_in_links import FIRST_CODE
from .control.policy import Policy
from .heap import keep_small
from .hosts.desktops import IDLE
from .hosts.notify import notify
from .http import Web
from .mcp.server import DesktopServer
from .view import vnc_session

logger = logging.getLogger(__name__)

_LAST_CALLS = 3  # seconds running calls have to end once the server is told to


class NoAddress(Exception):
    """The server cannot listen where it was told to; its text says why and what works."""

    def __init__(self, host: str, port: int, why: Exception) -> None:
        said = why.strerror if isinstance(why, OSError) and why.strerror else "no such port"
        super().__init__(
            f"{host}:{port} cannot be listened on: {said}. --port 0 takes a free port, --host "
            "names an address of this machine. If it is your own server: `gloveport status`."
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve.

    Args:
        desktop: What the desktop is like.
        host: Address to listen on; empty: no TCP at all.
        port: TCP port; 0: any free one.
        names: Names the server is also reached by.
        keys: What knows the tokens that callers over TCP must show.
        origins: Origins of other pages that may speak to the server.
        proxies: Addresses of proxies whose X-Forwarded-For and -Proto are believed.
        pace: Calls a second of one token.
        local: A Unix socket for this user's own clients, if any.
        ttl: End after so many seconds without a client; 0: never.
        groups: Opt-in groups of tools.
        policy: What agents may do, and what needs a person's yes.
        most: How many desktops there may be.
        desktop_ttl: Seconds without a call after which one that was opened is closed.
        homes: The folder that desktops are kept in that clients open by a name; None: none is kept.
        notify: An address that is told of each question to a person; empty: none.
        address: Where people reach the live view, if that is a gateway; empty: this server.
    """

    desktop: desktop.DesktopOptions
    host: str = "127.0.0.1"
    port: int = 8750
    names: tuple[str, ...] = ()
    keys: tuple[Keys, ...] = ()
    origins: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    pace: float = 50.0
    local: Path | None = None
    ttl: float = 0
    groups: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
    most: int = 1
    desktop_ttl: float = IDLE
    homes: Path | None = None
    notify: str = ""
    address: str = ""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are ours: see `serve`."""
        yield


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers calls."""

    desktop: Desktop
    port: int
    """Its TCP port; 0: it has none."""
    url: str
    """Where programs and browsers of this machine reach it; empty: nowhere."""
    live: str
    """Path of its live view, with a code for the first who opens it where a token is asked for."""
    ended: anyio.Event
    """Set when it was told to end."""
    signals: list[int]
    """Signals that told it to end."""


async def serve(settings: Settings, ready: Callable[[Served], None] = lambda served: None) -> bool:
    """Serve one desktop until told to end by SIGTERM or SIGINT, or nobody needed it for long.

    Args:
        settings: How to serve.
        ready: Told where, once calls are answered.

    Returns:
        Whether SIGINT ended it.

    Raises:
        CannotStart: The desktop did not start.
        NoAddress: The address is taken.
    """
    async with serving(settings) as served:
        ready(served)
        await served.ended.wait()
    return signal.SIGINT in served.signals


@contextlib.asynccontextmanager
async def serving(settings: Settings, *, receive_signals: bool = True) -> AsyncGenerator[Served]:
    """Serve one desktop for as long as the context lasts; see `serve`.

    Args:
        settings: How to serve.
        receive_signals: Let SIGTERM and SIGINT set `ended`; else they are the caller's.
    """
    connections = Connections(min(MOST, raise_descriptors() // 2))
    with (
        contextlib.ExitStack() as sockets,
        listen(settings.host, settings.port, settings.local, sockets, connections) as (
            listening,
            port,
        ),
    ):
        async with _answering(settings) as server:
            running = server.desks.first.desktop
            hosts = frozenset({"127.0.0.1", "localhost", "::1", settings.host, *settings.names})
            url = address_of(settings.host, port)
            server.desks.address = settings.address or url
            door = Door(
                hosts,
                settings.keys,
                settings.pace,
                address=server.desks.address,
                origins=settings.origins,
                connections=connections,
            )
            web = Web(server, running, door)
            ended, signals = anyio.Event(), list[int]()
            async with answering_http(web.app, settings.proxies, listening):
                try:
                    async with anyio.create_task_group() as meanwhile:
                        if receive_signals:
                            await meanwhile.start(end_on_signal, ended, signals)
                        meanwhile.start_soon(keep_small)
                        if settings.notify:
                            meanwhile.start_soon(notify, server.desks, settings.notify)
                        if settings.ttl:
                            meanwhile.start_soon(_end_when_idle, ended, web, settings.ttl)
                        live = _live(door, running.settings.name)
                        yield Served(running, port, url, live, ended, signals)
                        meanwhile.cancel_scope.cancel()
                finally:
                    web.close()


@contextlib.asynccontextmanager
async def answering_http(
    app: ASGIApp, proxies: Sequence[str], sockets: list[socket.socket]
) -> AsyncGenerator[None]:
    """Answer HTTP and WebSocket on some sockets for as long as the context lasts.

    Args:
        app: What answers.
        proxies: Addresses of proxies whose X-Forwarded-For and -Proto are believed.
        sockets: Those that `listen` opened.
    """
    http = _Server(
        uvicorn.Config(
            behind_proxies(app, proxies),
            loop="asyncio",  # it accepts through our own sockets
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_LAST_CALLS,
            **vnc_session.UVICORN,
        )
    )
    async with anyio.create_task_group() as until_ended:
        until_ended.start_soon(_serve_until_told, http, sockets)
        try:
            while not http.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.002)
            yield
        finally:
            http.should_exit = True


async def _serve_until_told(http: uvicorn.Server, sockets: list[socket.socket]) -> None:
    """Serve until `should_exit`: cut off, uvicorn logs a traceback of its lifespan."""
    with anyio.CancelScope(shield=True):
        await http.serve(sockets)


@contextlib.asynccontextmanager
async def _answering(settings: Settings) -> AsyncGenerator[DesktopServer]:
    """Open the desktop, and make what answers the calls to it and to those that are opened."""
    async with open_desktop(settings.desktop) as running:
        server = DesktopServer(
            running,
            settings.groups,
            settings.policy,
            most=settings.most,
            idle=settings.desktop_ttl,
            homes=settings.homes,
        )
        async with server.desks.running():
            yield server


def address_of(host: str, port: int) -> str:
    """Where browsers of this machine reach what listens there; empty: nowhere."""
    if not port:
        return ""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def behind_proxies(app: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """Return an app that believes what some proxies say of their clients, and nobody else."""
    if not proxies:
        return app
    proxied = ProxyHeadersMiddleware(cast(Any, app), list(proxies))

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        scope[PEER] = scope.get("client")
        await proxied(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return run


def _live(door: Door, desktop: str) -> str:
    return f"/live/{desktop}?code={door.passes.code(PERSON, desktop, FIRST_CODE)}"


@contextlib.contextmanager
def listen(
    host: str,
    port: int,
    local: Path | None,
    closing: contextlib.ExitStack,
    connections: Connections,
) -> Generator[tuple[list[socket.socket], int]]:
    """Open the sockets of a server; yield them and the TCP port.

    Args:
        host: Address to listen on; empty: no TCP.
        port: TCP port; 0: any free one.
        local: A Unix socket for this user's own clients, if any.
        closing: Closes them.
        connections: Bounds those over TCP.

    Raises:
        NoAddress: The address is taken.
    """
    listening: list[socket.socket] = []
    mine = 0
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say TCP.
        tcp = closing.enter_context(Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        tcp.connections = connections
        tcp.keep_spare()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind((host, port))
        except (OSError, OverflowError) as why:
            raise NoAddress(host, port, why) from why
        port = tcp.getsockname()[1]
        listening.append(tcp)
    else:
        port = 0
    if local:
        unix = closing.enter_context(Listener(socket.AF_UNIX, socket.SOCK_STREAM))
        local.unlink(missing_ok=True)
        unix.bind(str(local))
        local.chmod(0o600)
        mine = local.stat().st_ino
        listening.append(unix)
    try:
        yield listening, port
    finally:
        if local:
            with contextlib.suppress(FileNotFoundError):
                if local.stat().st_ino == mine:  # not the socket of one that came after
                    local.unlink()


async def end_on_signal(
    ended: anyio.Event,
    signals: list[int],
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Set `ended` once SIGTERM or SIGINT comes; a second one ends this process at once."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for number in received:
            if ended.is_set():  # told twice: now; the desktop's box ends by itself
                os._exit(128 + number)
            signals.append(number)
            ended.set()


async def _end_when_idle(ended: anyio.Event, web: Web, seconds: float) -> None:
    """End once nobody has needed the server for so long."""
    needed = time.monotonic()
    while not ended.is_set():
        if web.needed:
            needed = time.monotonic()
        idle = time.monotonic() - max(needed, web.last_call)
        if idle >= seconds:
            logger.info("nobody needed the desktop for %.0f s", idle)
            ended.set()
        await anyio.sleep(min(1.0, seconds / 4))

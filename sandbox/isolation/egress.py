"""Where a walled desktop may connect to, and the proxy that holds it to that.

A desktop's own network has nothing but a loopback; the one way out is an HTTP proxy that listens
there. The socket was made inside and is accepted on outside, so nothing listens on this machine.
"""

import ipaddress
import json
import logging
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from ..errors import BadNetwork

logger = logging.getLogger(__name__)

HOST_INTERNAL = "host.internal"
"""The name by which a desktop reaches the loopback of this machine, where it may."""

_PORTS = (80, 443)
_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# Our own table, as Python's changes between its releases: the special-purpose registries of IANA,
# whose few addresses that are on the internet nobody browses, and what clouds use besides.
_IPV4_SPECIAL = [
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's own
    )
]  # fmt: skip
_IPV6_INTERNET = ipaddress.IPv6Network("2000::/3")  # all that has been given away so far
_IPV6_SPECIAL = [
    ipaddress.IPv6Network(one)
    for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]  # fmt: skip
# What browsers ask by themselves (updates, lists of bad sites, telemetry): refused like all else
# where that is the rule, but no news to who uses the desktop.
_CHATTER = re.compile(
    r"((update|clientservices|(safebrowsing|optimizationguide-pa)[a-z-]*)\.googleapis\.com"
    r"|clients\d?\.google(usercontent)?\.com|([a-z0-9-]+\.)*gvt1\.com"
    r"|(detectportal|[a-z-]+\.settings\.services|firefox-settings-attachments\.cdn)\.(firefox\.com"
    r"|mozilla\.(com|net))|([a-z0-9-]+\.)*(services|cdn)\.mozilla\.(com|net)"
    r"|incoming\.telemetry\.mozilla\.org|aus5\.mozilla\.org|ads\.mozilla\.org)"
    r"(:\d+)? was refused"
)
_AGAIN_AFTER = 0.1  # seconds
_ONCE_IN = 5.0  # seconds in which the same refusal is told once


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Where programs may connect to.

    Args:
        kind: Nowhere, anywhere but this machine and private addresses, or some hosts.
        hosts: With `allow`: names or `*.` and a name, and the port, or 0 for 80 and 443.
        ports: With `open`: ports besides 80 and 443.
    """

    kind: Literal["none", "open", "allow"] = "none"
    hosts: tuple[tuple[str, int], ...] = ()
    ports: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "EgressPolicy":
        """Read `none`, `open`, `open:8443`, or `allow=a.com,*.b.org,c.org:8443,host.internal:8000`.

        Raises:
            BadNetwork: It is something else.
        """
        if text in ("none", "open"):
            return cls(text)
        if text.startswith("open:"):
            return cls("open", ports=tuple(_port(text, one) for one in text[5:].split(",")))
        kind, _, listed = text.partition("=")
        if kind != "allow" or not listed:
            raise BadNetwork(text, "write none, open, open:8443, or allow=a.com,*.b.org")
        return cls("allow", tuple(_host(one.strip()) for one in listed.split(",")))

    def __str__(self) -> str:
        hosts = ",".join(f"{name}:{port}" if port else name for name, port in self.hosts)
        ports = ",".join(map(str, self.ports))
        return f"allow={hosts}" if hosts else f"{self.kind}:{ports}" if ports else self.kind

    def refuses(self, host: str, port: int) -> str:
        """Why programs may not connect to a host; empty when they may.

        Args:
            host: As `normal` makes it.
            port: The TCP port.
        """
        if self.kind == "none":
            return "this desktop has no network"
        if self.kind == "open":
            if host == HOST_INTERNAL:
                return f"{HOST_INTERNAL} has to be allowed by name"
            if port in (*_PORTS, *self.ports):
                return ""
            return (
                f"only ports 80 and 443 may be reached; --network open:{port} allows this one too"
            )
        ports: set[int] = set()
        for name, allowed in self.hosts:
            if host == name or (name.startswith("*.") and host.endswith(name[1:])):
                ports |= {allowed} if allowed else set(_PORTS)
        if port in ports:
            return ""
        if ports:
            return f"only port {' and '.join(map(str, sorted(ports)))} of it may be reached"
        names = ", ".join(name for name, _ in self.hosts)
        return f"this desktop may only reach {names}"


def normal(host: str) -> str:
    """A host's name as it is compared: lower case, IDNA, without a last dot.

    Raises:
        BadNetwork: This is neither a name nor an address.
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError as failure:
        raise BadNetwork(host, "this is no host name") from failure
    # A name that ends in a number (WHATWG URL), such as 0x7f.1, is an address to the C library.
    if not _NAME.fullmatch(name) or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rpartition(".")[2]):
        raise BadNetwork(host, "this is no host name")
    return name


def reachable(address: str) -> bool:
    """Whether an address is on the internet, and neither private, nor local, nor of a cloud."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return reachable(str(ip.ipv4_mapped))
        return ip in _IPV6_INTERNET and not any(ip in one for one in _IPV6_SPECIAL)
    return not any(ip in one for one in _IPV4_SPECIAL)


@dataclass(frozen=True, slots=True)
class Internet:
    """What stands for the internet in tests, which must not reach the real one.

    Args:
        names: Addresses by name; empty: the system's resolver.
        reachable: Addresses that count as on the internet.
    """

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    reachable: tuple[str, ...] = ()


class Proxy:
    """The way out of a desktop: a process of its own, from the first connection on; ends with us.

    Args:
        network: Where it lets programs connect to.
        listening: The socket it accepts on; now its own.
        refused: Told a sentence about each attempt that was refused, from a thread of ours.
        internet: For tests.
    """

    def __init__(
        self,
        network: EgressPolicy,
        listening: socket.socket,
        refused: Callable[[str], None],
        internet: Internet | None = None,
    ) -> None:
        self._config = {
            "network": str(network),
            "names": dict(internet.names) if internet else {},
            "reachable": list(internet.reachable) if internet else [],
        }
        self._listening = listening
        self._refused = refused
        self._closing = False
        self._told: dict[str, float] = {}
        self.worker: subprocess.Popen[bytes] | None = None
        """The process that is asked which hosts are reached."""
        self._server = threading.Thread(target=self._serve, name="gloveport-proxy", daemon=True)
        self._server.start()

    @property
    def pid(self) -> int | None:
        """Of the process, once somebody has connected."""
        return self.worker and self.worker.pid

    def close(self) -> None:
        self._closing = True
        # The worker first: it shares the socket, and accepts from a closed one for ever in vain.
        if self.worker:
            self.worker.kill()
            self.worker.wait()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
        self._server.join()
        self._listening.close()

    def _start(self) -> subprocess.Popen[bytes]:
        fd = self._listening.fileno()
        worker = subprocess.Popen(
            [sys.executable, "-I", "-m", "gloveport.sandbox.isolation.egress_worker", str(fd)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[fd],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, cwd="/", start_new_session=True,
        )  # fmt: skip
        assert worker.stdin
        worker.stdin.write(json.dumps(self._config).encode() + b"\n")
        worker.stdin.flush()  # and it stays open: its end tells the worker that we have ended
        return worker

    def _serve(self) -> None:
        """Have a process as soon as somebody connects, and again when it has ended."""
        waiting = select.poll()
        waiting.register(self._listening, select.POLLIN)
        while waiting.poll() and not self._closing:
            self.worker = worker = self._start()
            if self._closing:
                worker.kill()
            assert worker.stdin
            assert worker.stdout
            with worker.stdout as told, worker.stdin:
                for line in told:
                    self._tell(json.loads(line))
            if worker.wait() and not self._closing:
                logger.warning("the network proxy ended; the next connection starts it again")
                time.sleep(_AGAIN_AFTER)

    def _tell(self, why: str) -> None:
        now = time.monotonic()
        if now - self._told.get(why, -_ONCE_IN) >= _ONCE_IN:
            self._told = {one: when for one, when in self._told.items() if now - when < _ONCE_IN}
            self._told[why] = now
            logger.info("%s", why)
            if not _CHATTER.match(why):
                self._refused(why)


def _host(text: str) -> tuple[str, int]:
    name, colon, port = text.partition(":")
    wild = name.startswith("*.")
    plain = normal(name.removeprefix("*."))
    number = _port(text, port) if colon else 0
    if plain == HOST_INTERNAL and not colon:
        raise BadNetwork(text, f"say which port of this machine, as in {HOST_INTERNAL}:8000")
    return f"*.{plain}" if wild else plain, number


def _port(text: str, port: str) -> int:
    """A port in the text of an option."""
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        raise BadNetwork(text, f"{port[:20]!r} is no port")
    return int(port)

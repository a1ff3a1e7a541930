"""Which user of this machine a connection over loopback comes from, as the kernel tells.

The kernel is asked for the one socket (sock_diag(7), a few microseconds); where it has no such
interface, /proc/net/tcp lists all there are, which takes milliseconds.
"""

import os
import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

Address = tuple[str, int]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp_states.h
_SOCK_DIAG, _BY_FAMILY, _REQUEST, _ERROR, _LISTENING = 4, 20, 1, 2, 10
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBxI")
_ID = struct.Struct("!HH16s16sIQ")
_TOLD = struct.Struct("=BBBB48sIIIII")
_ANY_STATE, _NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def is_own(peer: Address, here: Address) -> bool:
    """Whether a TCP connection was made by this process's own user, or by root.

    Args:
        peer: Address and port of the other end.
        here: Address and port of ours.

    Returns:
        False also where the kernel does not tell: then nobody knows.
    """
    user = _asked(peer, here)
    return (_listed(peer, here) if user is None else user) in (os.geteuid(), 0)


def _asked(peer: Address, here: Address) -> int | None:
    """The user of the socket that has `peer` as its own address and `here` as its other end's."""
    own, other = _host(peer), _host(here)
    family = socket.AF_INET if isinstance(own, IPv4Address) else socket.AF_INET6
    ends = (own.packed.ljust(16, b"\0"), other.packed.ljust(16, b"\0"))
    wanted = _ID.pack(peer[1], here[1], *ends, 0, _NO_COOKIE)
    body = _ASKED.pack(family, socket.IPPROTO_TCP, 0, _ANY_STATE) + wanted
    message = _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(message)
            answer = kernel.recv(4096)
    except OSError:
        return None
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind != _BY_FAMILY:
        return None
    _, state, _, _, found, _, _, _, user, _ = _TOLD.unpack_from(answer, _HEADER.size)
    same = _ID.unpack(found)[:4] == (peer[1], here[1], *ends)
    return user if same and state != _LISTENING else None


def _listed(peer: Address, here: Address) -> int | None:
    """The same by the tables of all sockets; those of IPv6 have IPv4 ones too, in its clothes."""
    wanted = [f" {_hex(peer, mapped=one)} {_hex(here, mapped=one)} " for one in (False, True)]
    for table in _TABLES:
        try:
            text = table.read_text("ascii")
        except OSError:
            continue
        for line in (text[at : text.find("\n", at)] for at in map(text.find, wanted) if at >= 0):
            return int(line.split()[6])  # after the addresses: state, queues, timer, retries
    return None


def _hex(address: Address, *, mapped: bool) -> str:
    """An address as the tables write it: words of 32 bits in the machine's own order."""
    host = _host(address)
    if isinstance(host, IPv4Address) and mapped:
        host = IPv6Address(f"::ffff:{host}")
    words = struct.unpack(f"={len(host.packed) // 4}I", host.packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"


def _host(address: Address) -> IPv4Address | IPv6Address:
    host = ip_address(address[0])
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return mapped or host

"""Desktops behind a gateway, as tests look at them: by their processes."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gloveport.server.hosts.base import Placed, Spec
from gloveport.server.hosts.ray_node import Node, environment
from gloveport.server.stdio.state_folder import made_token

SPEC = Spec(("--size", "400x320", "--policy", "none"), idle=120)


def process_of(placed: Placed) -> int:
    """The process that runs a desktop's server, which is named in its command."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and placed.id.encode() in words:
            return int(folder.name)
    raise AssertionError(f"no process serves {placed.id}")


@contextmanager
def ray_head(folder: Path, cores: int) -> Generator[str]:
    """A Ray head on this machine, with room for two desktops a core; yields its address."""
    node, token = Node(folder), folder / "fleet.token"
    made_token(token)
    os.environ.update(environment(token))  # noqa: TID251 - Ray's driver reads nothing else
    address = f"127.0.0.1:{free_port()}"
    node.start(address, "127.0.0.1", token, dict(os.environ), cores)  # noqa: TID251 - handed on
    try:
        yield address
    finally:
        node.end()


def free_port() -> int:
    """A port that is free, and no port of Ray's own choice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def inside(placed: Placed) -> int:
    """A process of the programs in a desktop, which has the desktop's own network."""
    above, ours = {process_of(placed)}, Path("/proc/self/ns/net").readlink()
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            theirs = (folder / "ns/net").readlink()
        except OSError:
            continue
        if parent in above:
            above.add(int(folder.name))
            if theirs != ours and b"DISPLAY=" in (folder / "environ").read_bytes():
                return int(folder.name)
    raise AssertionError(f"no program of {placed.id} runs behind walls")

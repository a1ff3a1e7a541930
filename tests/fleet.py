"""Desktops behind a gateway, as tests look at them: by their processes."""

from pathlib import Path

from gloveport.server.hosts.base import Placed, Spec

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

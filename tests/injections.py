"""Faults that the kernel makes: system calls of a running program fail, or are held."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from processes import until


@contextmanager
def injected(pid: int, calls: str, what: str) -> Generator[None]:
    """Have the kernel do something else at system calls of what a process starts."""
    argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}"]
    with subprocess.Popen([*argv, "-e", f"inject={calls}:{what}", "-p", str(pid)]) as tracer:
        try:
            assert until(lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text())
            yield
        finally:
            tracer.kill()

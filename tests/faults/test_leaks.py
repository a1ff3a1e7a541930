"""What was lost leaves nothing in the server: no connection, thread, descriptor or pixel of it."""

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
from answers import call
from attempts import run_inside
from desks import capture_of, session_of
from mcp import Client
from mss import MSS
from processes import children, until
from vandals import KILL_CLIENTS
from Xlib.display import Display

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.screen.capture import ScreenCapture
from gloveport.sandbox.session.session import Session
from gloveport.server.heap import keep_small, resident, trim

LOOKS = ("screenshot", "read_screen", "windows", "find")
VICTIMS: dict[str, Callable[[Session], int]] = {
    "X": lambda session: session.x.pid,
    "keeper": lambda session: session.keeper.pid,
    "init of the programs": lambda session: children(session.box.pid)[0],
}
OWN = ("gloveport.sandbox.", "gloveport.server.")


def held() -> Counter[str]:
    """How many there are of all that is opened and closed, of threads, and of descriptors."""
    gc.collect()
    kinds = (Display, MSS, Session, ScreenCapture)
    found = Counter(
        type(one).__qualname__
        for one in gc.get_objects()
        if isinstance(one, kinds)
        or (str(type(one).__module__).startswith(OWN) and hasattr(one, "close"))
    )
    found["threads"] = threading.active_count()
    found["descriptors"] = len(list(Path("/proc/self/fd").iterdir()))
    return found


async def lose(desktop: Desktop, agent: Client, victim: str) -> None:
    """Lose what is there to a fault, and use what came after it."""
    session = session_of(desktop)
    if victim == "connections":
        run_inside(session, KILL_CLIENTS)
    else:
        os.kill(VICTIMS[victim](session), signal.SIGKILL)
        assert until(session.lost.is_set)
    for tool in LOOKS:
        given = {"text": "x"} if tool == "find" else {}
        await call(agent, tool, **given)


async def test_losses_leave_nothing_in_the_server(desktop: Desktop, agent: Client) -> None:
    faults = (*VICTIMS, "connections")
    for fault in faults:
        await lose(desktop, agent, fault)
    before = held()
    assert before["Session"] >= 1  # another test of this process may have one
    for fault in faults:
        await lose(desktop, agent, fault)
    with anyio.move_on_after(10):
        while not held() <= before:  # noqa: ASYNC110 - the last one's threads may still be ending
            await anyio.sleep(0.05)
    assert held() <= before


async def test_pixels_of_a_lost_display_are_freed_at_once(desktop: Desktop, agent: Client) -> None:
    await call(agent, "screenshot")
    gc.collect()
    eyes = capture_of(desktop)
    pixels = weakref.ref(eyes.pixels())
    gc.disable()
    try:
        await lose(desktop, agent, "X")
        assert pixels() is None
    finally:
        gc.enable()


def test_memory_that_is_free_in_pieces_goes_back_to_the_machine() -> None:
    pieces = [bytes(2000) for _ in range(40_000)]
    most = resident()
    kept = pieces[::10]
    del pieces
    trim()
    assert resident() < most - (40 << 20)
    assert len(kept) == 4000


THREADS = """
import ctypes, threading
from gloveport.server.heap import prepare
prepare()
together = threading.Barrier(8)
def take():
    held = [bytes(3000) for _ in range(1000)]
    together.wait()
for _ in range(8): threading.Thread(target=take).start()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b'/dev/stdout', b'w'))
libc.malloc_info(0, out), libc.fflush(out)
"""


def test_threads_of_a_server_allocate_from_one_place() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True, timeout=50
    )
    assert ran.stdout.count("<heap nr=") == 1


async def test_what_only_refers_to_itself_is_found_by_its_size() -> None:
    class Loop:
        def __init__(self) -> None:
            self.itself = self
            self.pixels = np.ones(64 << 20, np.uint8)

    gc.disable()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_small, 0.02)
            await anyio.lowlevel.checkpoint()
            gone = weakref.ref(Loop())
            with anyio.fail_after(20):
                while gone() is not None:  # noqa: ASYNC110 - nothing tells
                    await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
    finally:
        gc.enable()

"""A rollback that fails, at whatever step: the home is whole, all is kept, and the cause is named.

strace makes system calls of the real programs fail, or holds them while something is killed.
"""

import os
import signal
import time
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import anyio
import pytest
from answers import call, facts, refusal
from attempts import run_inside
from desks import session_of
from injections import injected
from mcp import Client
from processes import children, until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import ProgramFailed
from gloveport.sandbox.isolation.process_tree import ProcessTree
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap

MOUNT = "mount,fsopen,fsconfig,fsmount"
RENAME = "rename,renameat,renameat2"
HELD = "delay_enter=1000000"  # microseconds


@pytest.fixture(scope="module")
async def desktop(anyio_backend: str, below: Path, keymap: Keymap) -> AsyncGenerator[Desktop]:
    async with open_desktop(
        DesktopOptions(below, width=640, height=480, walls="bwrap"), keymap
    ) as one:
        yield one


def write(desktop: Desktop, text: str) -> None:
    run_inside(session_of(desktop), f"open('/home/user/thesis', 'w').write({text!r})")


def read(desktop: Desktop) -> str:
    return run_inside(session_of(desktop), "print(open('/home/user/thesis').read(), end='')")


# System calls of the process that takes the home back, what becomes of them, and why it failed.
# There are four renames of the home's own folders; the last of all says that all is done.
KEEPER_ENDED = "the process that holds its home ended"
FAULTS: list[tuple[str, str, str]] = [
    ("mkdir", "error=ENOSPC:when=3", "No space left on device"),
    ("umount2", "error=EBUSY", "Device or resource busy"),
    (RENAME, "error=EROFS", "Read-only file system"),
    (RENAME, "error=EROFS:when=2", "Read-only file system"),
    (RENAME, "error=EROFS:when=4", "Read-only file system"),
    (RENAME, "error=EROFS:when=5+", "Read-only file system"),
    (MOUNT, "error=ENOMEM", "Cannot allocate memory"),
    (RENAME, "signal=KILL:when=2", KEEPER_ENDED),
    (MOUNT, "signal=KILL", KEEPER_ENDED),
    ("sendmsg", HELD, KEEPER_ENDED),  # all is done, but nobody says so
    ("umount2", HELD, "the X server ended"),
]


async def kill(session: Session, calls: str) -> None:
    """End the X server once all that needs room is made; the home's process once all is done."""
    answering = calls == "sendmsg"
    made, victim = ("gone-*.done", session.keeper) if answering else ("gone-*/new", session.x)
    there = partial(until, lambda: any(session.folder.kept.glob(made)))
    assert await anyio.to_thread.run_sync(there)
    os.kill(victim.pid, signal.SIGKILL)


@pytest.mark.parametrize(("calls", "fault", "why"), FAULTS)
async def test_home_and_checkpoints_outlive_a_rollback_that_fails(
    desktop: Desktop, agent: Client, calls: str, fault: str, why: str
) -> None:
    write(desktop, "first")
    made: str = facts(await call(agent, "checkpoint"))["checkpoint"]
    write(desktop, "second")
    session, said = session_of(desktop), ""

    with injected(session.keeper.pid, calls, fault):
        async with anyio.create_task_group() as tasks:
            if fault == HELD:
                tasks.start_soon(kill, session, calls)
            said = refusal(await call(agent, "rollback", to=made))
    assert said.startswith("The rollback failed: ")
    assert why in said
    assert str(session.folder.path) not in said
    taken_back = "The files were taken back" in said
    assert taken_back or "The files are as before it" in said
    assert taken_back == (fault == HELD)
    assert len(said) <= 400
    assert read(desktop) == ("first" if taken_back else "second")
    facts(await call(agent, "screenshot"))
    listed = facts(await call(agent, "checkpoint", action="list"))["checkpoints"]
    assert made in [one["checkpoint"] for one in listed]
    facts(await call(agent, "rollback", to=made))
    assert read(desktop) == "first"


def test_a_step_that_hangs_is_ended(tmp_path: Path) -> None:
    box = ProcessTree(f"GLOVEPORT_DESKTOP={tmp_path}", lambda pid, status: None)
    try:
        with pytest.raises(ProgramFailed) as failed:
            box.run(["sleep", "1000"], tmp_path / "log", seconds=0.1)
        assert failed.value.cause == "it was not done in time"
        assert until(lambda: not children(box.pid))
    finally:
        box.close()


async def test_what_could_not_start_again_is_started_once_the_cause_is_gone(
    desktop: Desktop, agent: Client, caplog: pytest.LogCaptureFixture
) -> None:
    write(desktop, "first")
    made: str = facts(await call(agent, "checkpoint"))["checkpoint"]
    write(desktop, "second")
    session = session_of(desktop)
    xkb, away = session.folder.xkb, session.folder.path / "away"
    xkb.rename(away)  # no X server starts without
    with injected(session.keeper.pid, "umount2", "error=EBUSY"):
        said = refusal(await call(agent, "rollback", to=made))
    assert "The files are as before it; all checkpoints are kept" in said
    assert "the display is down" in said
    said = refusal(await call(agent, "screenshot"))
    assert "could not be started again" in said
    assert "No such file or directory" in said
    assert "The files of the home and" in said
    caplog.clear()
    began = time.monotonic()
    while time.monotonic() - began < 0.5:  # many who ask at once do not start it each time
        assert "could not be started again" in refusal(await call(agent, "screenshot"))
    assert len([one for one in caplog.messages if "is started again" in one]) <= 1
    away.rename(xkb)
    await anyio.sleep(1)  # as the answer says
    assert "The display is up again" in refusal(await call(agent, "screenshot"))
    assert read(desktop) == "second"
    facts(await call(agent, "rollback", to=made))
    assert read(desktop) == "first"

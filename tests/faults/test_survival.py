"""Whatever ends or is cut, the files of the home and the checkpoints are kept, and it is said."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from answers import call, facts, refusal
from attempts import run_inside
from desks import session_of
from mcp import Client
from processes import children, until

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.session.session import Session


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def outer(session: Session) -> int:
    """The parent of all processes, which the keeper is a child of."""
    status = Path(f"/proc/{session.keeper.pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def write(desktop: Desktop, text: str) -> None:
    run_inside(session_of(desktop), f"open('/home/user/thesis', 'w').write({text!r})")


def read(desktop: Desktop) -> str:
    return run_inside(session_of(desktop), "print(open('/home/user/thesis').read(), end='')")


VICTIMS: dict[str, Callable[[Session], int]] = {
    "outer init": outer,
    "keeper": lambda session: session.keeper.pid,
    "box of X": lambda session: session.x.pid,
    "X": lambda session: tree(session.x.pid)[-1],
    "box of the programs": lambda session: session.box.pid,
    "init of the programs": lambda session: children(session.box.pid)[0],
}


@pytest.mark.parametrize("victim", VICTIMS)
async def test_files_and_checkpoints_outlive(desktop: Desktop, agent: Client, victim: str) -> None:
    write(desktop, "first")
    facts(await call(agent, "checkpoint", note="first"))
    write(desktop, "second")
    facts(await call(agent, "checkpoint", note="second"))
    facts(await call(agent, "rollback", to="c1"))
    write(desktop, "third")
    session = session_of(desktop)
    os.kill(VICTIMS[victim](session), signal.SIGSEGV)
    with suppress(ProcessLookupError):  # the first signal has ended it
        os.kill(VICTIMS[victim](session), signal.SIGKILL)
    assert until(session.lost.is_set)
    said = refusal(await call(agent, "screenshot"))
    assert "The files of its home and 2 checkpoints are kept" in said
    assert read(desktop) == "third"
    listed = facts(await call(agent, "checkpoint", action="list"))
    assert [one["checkpoint"] for one in listed["checkpoints"]] == ["c1", "c2"]
    for name, text in (("c2", "second"), ("c1", "first")):
        facts(await call(agent, "rollback", to=name))
        assert read(desktop) == text


@pytest.mark.parametrize("victim", ["X", "init of the programs", "keeper"])
async def test_the_programs_that_ran_come_back_once_not_those_of_a_checkpoint(
    desktop: Desktop, agent: Client, victim: str
) -> None:
    write(desktop, "text")
    facts(await call(agent, "open", target="xterm"))
    facts(await call(agent, "checkpoint"))
    facts(await call(agent, "open", target="thunar"))
    facts(await call(agent, "checkpoint"))
    facts(await call(agent, "rollback", to="c1"))
    session_of(desktop).launch(["mousepad", "/home/user/thesis"])
    facts(await call(agent, "wait_for", event="window", text="thesis", seconds=20))
    # A terminal that was given a command is started without: it is not run twice.
    command = ["xterm", "-T", "making", "-e", "sh", "-c", "echo >> ran; exec sleep 99"]
    session_of(desktop).launch(command)
    facts(await call(agent, "wait_for", event="window", text="making", seconds=20))
    for names in ("xterm, mousepad", "no program"):
        session = session_of(desktop)
        os.kill(VICTIMS[victim](session), signal.SIGKILL)
        assert until(session.lost.is_set)
        assert f"{names} w" in refusal(await call(agent, "screenshot"))
        if names != "no program":
            for text in ("making", "thesis"):
                found = await call(agent, "wait_for", event="window", text=text, seconds=20)
                assert facts(found)["happened"]
            titles = [one["title"] for one in facts(await call(agent, "windows"))["windows"]]
            assert len(titles) == 3, titles
    assert run_inside(session_of(desktop), "print(len(open('/home/user/ran').read()))") == "1\n"


async def test_what_was_noticed_of_the_lost_display_is_not_told_of_the_next(
    desktop: Desktop, agent: Client
) -> None:
    facts(await call(agent, "open", target="xterm"))
    facts(await call(agent, "key", text="Return"))
    os.kill(session_of(desktop).x.pid, signal.SIGKILL)
    refusal(await call(agent, "screenshot"))
    assert "notices" not in facts(await call(agent, "screenshot"))


KILL_CLIENTS = """
import ctypes
x = ctypes.CDLL('libX11.so.6')
x.XOpenDisplay.restype = ctypes.c_void_p
d = ctypes.c_void_p(x.XOpenDisplay(None))
handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda d, e: 0)
x.XSetErrorHandler(handler)
print(x.XDefaultRootWindow(d) > 0)
import sys
own = x.XCreateSimpleWindow(d, x.XDefaultRootWindow(d), 0, 0, 1, 1, 0, 0, 0) >> 21
for client in range(1, 64):
    if client != own:
        for low in range(0, 6):
            x.XKillClient(d, ctypes.c_ulong((client << 21) + low))
        x.XSync(d, 0)
"""


@pytest.mark.parametrize("tool", ["windows", "screenshot", "clipboard", "read_screen"])
async def test_connections_that_a_program_cut_are_made_anew(
    desktop: Desktop, agent: Client, tool: str
) -> None:
    write(desktop, "kept")
    facts(await call(agent, "open", target="xterm"))
    run_inside(session_of(desktop), KILL_CLIENTS)
    given = {"action": "list"} if tool == "windows" else {}
    given = {"action": "read"} if tool == "clipboard" else given
    said = refusal(await call(agent, tool, **given))
    assert "connections to the display were cut" in said
    facts(await call(agent, "screenshot"))
    facts(await call(agent, "left_click", coordinate=[5, 5]))
    facts(await call(agent, "clipboard", action="write", text="again"))
    assert facts(await call(agent, "clipboard", action="read"))["text"] == "again"
    assert read(desktop) == "kept"


LEFT = """
import os
run = os.environ['XDG_RUNTIME_DIR']
os.makedirs(run + '/x/y')
os.chmod(run + '/x', 0)
os.chdir(run)
for _ in range(1200):
    os.mkdir('deep'); os.chdir('deep')
"""


async def test_a_rollback_whatever_programs_left_among_the_sockets(
    desktop: Desktop, agent: Client
) -> None:
    write(desktop, "precious")
    facts(await call(agent, "checkpoint"))
    write(desktop, "spoiled")
    run_inside(session_of(desktop), LEFT)
    facts(await call(agent, "rollback"))
    assert read(desktop) == "precious"

"""Whatever programs do, the processes of a desktop answer each request."""

import os
import signal

import anyio
import pytest
from answers import call, facts, refusal, text
from attempts import PYTHON, run_inside
from desks import session_of
from mcp import Client
from processes import children, command, until

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import CannotStart

# A window of this process, which has as many arguments as it was given.
WINDOW = """
import ctypes, time
x = ctypes.CDLL('libX11.so.6')
x.XOpenDisplay.restype = ctypes.c_void_p
d = ctypes.c_void_p(x.XOpenDisplay(None))
w = x.XCreateSimpleWindow(d, x.XDefaultRootWindow(d), 0, 0, 200, 200, 0, 0, 0)
x.XStoreName(d, w, b'wordy')
atom = x.XInternAtom(d, b'_NET_WM_PID', 0)
import os
pid = ctypes.c_long(os.getpid())
x.XChangeProperty(d, w, atom, 6, 32, 0, ctypes.byref(pid), 1)
x.XMapWindow(d, w)
x.XFlush(d)
time.sleep(1000)
"""


@pytest.mark.parametrize("length", [10, 1_000, 40_000, 130_000])
async def test_a_checkpoint_of_a_program_with_many_arguments(
    desktop: Desktop, agent: Client, length: int
) -> None:
    session = session_of(desktop)
    session.launch([PYTHON, "-c", WINDOW, "x" * 10])
    starter = f"""
import subprocess, sys
subprocess.Popen([sys.executable, '-c', sys.argv[1], *['\\x01' * {length}] * 3])
"""
    session.launch([PYTHON, "-c", starter, WINDOW])
    facts(await call(agent, "wait_for", event="window", text="wordy", seconds=10))
    assert until(lambda: len(session.box.commands([])) == 0)
    facts(await call(agent, "checkpoint"))
    facts(await call(agent, "screenshot"))


async def test_a_target_of_any_length_is_answered(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    session.launch(["/bin/true", *["x" * 1000] * 100])
    with pytest.raises(CannotStart, match="too long"):
        session.launch(["/bin/true", *["x" * 1000] * 1000])
    assert not session.lost.is_set()
    said = refusal(await call(agent, "open", target="file:///home/user/" + "x" * 300_000))
    assert "have ended" not in said
    facts(await call(agent, "screenshot"))


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("dbus-daemon", "the session bus ended and was started again"),
        ("openbox", "the window manager ended and was started again"),
        ("at-spi-bus-laun", "the accessibility bus ended and was started again"),
    ],
)
async def test_what_is_kept_is_started_again_and_told(
    desktop: Desktop, agent: Client, program: str, told: str
) -> None:
    session = session_of(desktop)
    init = children(session.box.pid)[0]

    def running() -> list[int]:
        return [pid for pid in children(init) if command(pid) == program]

    assert until(lambda: len(running()) == 1)
    (first,) = running()
    os.kill(first, signal.SIGKILL)
    assert until(lambda: session.restarts > 0 and running() not in ([], [first]))
    said = ""
    for _ in range(
        50
    ):  # the bus of accessibility ends with the bus of the session, and may be first
        said += str(facts(await call(agent, "screenshot")).get("notices", ""))
        if told in said:
            break
        await anyio.sleep(0.2)
    assert told in said
    facts(await call(agent, "open", target="mousepad"))
    with anyio.fail_after(40):  # a loaded machine takes a while
        while 'menu "Search"' not in text(await call(agent, "read_screen")):
            await call(agent, "wait_for", event="change", seconds=1)


async def test_an_init_that_hangs_is_answered_and_replaced(desktop: Desktop, agent: Client) -> None:
    run_inside(session_of(desktop), "open('/home/user/thesis', 'w').write('kept')")
    os.kill(children(session_of(desktop).box.pid)[0], signal.SIGSTOP)
    assert "gave no answer" in refusal(await call(agent, "open", target="xterm"))
    assert "are kept" in refusal(await call(agent, "screenshot"))
    told = run_inside(session_of(desktop), "print(open('/home/user/thesis').read())")
    assert told == "kept\n"


async def test_an_x_server_that_hangs_is_answered_and_replaced(
    desktop: Desktop, agent: Client
) -> None:
    run_inside(session_of(desktop), "open('/home/user/thesis', 'w').write('kept')")
    server = session_of(desktop).x.pid
    while below := children(server):
        server = below[-1]
    assert command(server) == "Xvfb"
    os.kill(server, signal.SIGSTOP)
    said = refusal(await call(agent, "left_click", coordinate=[5, 5]))
    if "the X server hung and ended" not in said:  # what waits itself says so sooner
        assert until(session_of(desktop).lost.is_set, 60)
        said = refusal(await call(agent, "screenshot"))
    assert "the X server hung and ended. The files of its home are kept" in said
    facts(await call(agent, "left_click", coordinate=[5, 5]))
    told = run_inside(session_of(desktop), "print(open('/home/user/thesis').read())")
    assert told == "kept\n"

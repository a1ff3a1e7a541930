"""A checkpoint does not disturb what runs: jobs stay as they are."""

from pathlib import Path

import pytest
from answers import call, facts
from attempts import PYTHON
from desks import session_of
from mcp import Client
from processes import pids_of, until

from gloveport.sandbox.desktop import Desktop

ROUNDS = 60


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def fresh_log(desktop: Desktop, name: str) -> str:
    log = session_of(desktop).folder.log / f"{name}.log"
    return log.read_text() if log.exists() else ""


# A shell with job control on a terminal of its own, and what it says while its job is in front.
SHELL = """
import os, pty, sys, time
def read(fd):
    try: data = os.read(fd, 4096)
    except OSError: sys.exit()
    sys.stdout.write(data.decode(errors='replace')); sys.stdout.flush()
    return data
pid, fd = pty.fork()
if pid == 0:
    os.environ['PS1'] = 'ready>'
    os.execv('/bin/bash', ['bash', '--norc', '-i'])
seen = b''
while b'ready>' not in seen: seen += read(fd)
os.write(fd, sys.argv[1].encode() + b'\\n')
while True: read(fd)
"""


@pytest.fixture(params=["kernel", "signals"])
def way(request: pytest.FixtureRequest, desktop: Desktop) -> str:
    """By the kernel where there is a group, and as without one."""
    groups = session_of(desktop).groups
    assert groups
    if request.param == "kernel" and groups.freezer is None:
        pytest.skip("no freezer can be made here")
    if request.param == "signals":
        groups.freezer = None
    return str(request.param)


@pytest.mark.usefixtures("way")
async def test_a_job_in_front_stays_there(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    session.launch([PYTHON, "-c", SHELL, "sleep 1234"])
    mark = "GLOVEPORT_DESKTOP"

    def sleeping() -> list[int]:
        return [pid for pid in pids_of("sleep\0001234", mark) if not command_is_python(pid)]

    assert until(lambda: len(sleeping()) == 1, 10)
    for _ in range(ROUNDS):
        facts(await call(agent, "checkpoint"))
    (pid,) = sleeping()
    assert state(pid) == "S"
    assert "Stopped" not in fresh_log(desktop, "python3")


@pytest.mark.usefixtures("way")
async def test_what_was_stopped_stays_stopped(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    session.launch([PYTHON, "-c", SHELL, "(sleep 4321) & sleep 0.1; kill -STOP $!"])

    def stopped() -> list[int]:
        return [pid for pid in pids_of("4321", "GLOVEPORT_DESKTOP") if state(pid) == "T"]

    assert until(lambda: len(stopped()) >= 1, 10)
    before = stopped()
    for _ in range(5):
        facts(await call(agent, "checkpoint"))
        assert stopped() == before


@pytest.mark.usefixtures("way")
async def test_nothing_runs_while_the_home_is_copied(desktop: Desktop, agent: Client) -> None:
    """Two files that are written one after the other are never further apart than one write."""
    session = session_of(desktop)
    code = """
import os
one, two = (os.open('/home/user/' + name, os.O_CREAT | os.O_WRONLY) for name in ('one', 'two'))
number = 0
while True:
    number += 1
    os.pwrite(one, b'%20d' % number, 0); os.pwrite(two, b'%20d' % number, 0)
"""
    for place in range(3):
        session.launch(
            [PYTHON, "-c", code.replace("one'", f"one{place}'").replace("two'", f"two{place}'")]
        )
    written = [session.folder.upper / f"two{place}" for place in range(3)]
    assert until(lambda: all(one.exists() and one.stat().st_size for one in written), 20)
    for _ in range(10):
        name = facts(await call(agent, "checkpoint"))["checkpoint"]
        for place in range(3):
            kept = session.folder.kept / name
            numbers = [int((kept / f"{part}{place}").read_text()) for part in ("one", "two")]
            assert numbers[0] - numbers[1] in (0, 1)


def command_is_python(pid: int) -> bool:
    return "python" in str(Path(f"/proc/{pid}/exe").readlink())

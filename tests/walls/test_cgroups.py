"""Control groups: what a desktop is held to, shares, and leaves behind."""

import os
import socket
import subprocess
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from answers import call, facts
from attempts import PYTHON, run_inside
from bombs import LIMITS
from desks import session_of
from mcp import Client
from processes import children, run_time, until

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.isolation.cgroups import (
    Group,
    controllers,
    find_group,
    make_group,
    remove_group,
)
from gloveport.sandbox.session import control_groups
from gloveport.sandbox.session.session import IsolationOptions, start_session, tree
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

MIB = 1 << 20
TAKE = """
import sys
sys.stdin.read()
held = bytes(b'x' * (200 << 20))
print('held')
"""
FORK = """
import os, sys, time
sys.stdin.read()
made = 0
try:
    for _ in range(50):
        if os.fork() == 0: time.sleep(2); os._exit(0)
        made += 1
except OSError as why: print(why.strerror)
print(made)
"""
FILL = """
import socket, struct, sys
sys.stdin.read()
family, kind = map(int, "%s".split())
held = []
while len(held) < 120:
    if family == socket.AF_UNIX:
        pair = socket.socketpair(family, kind)
    else:
        there, here = socket.socket(family, kind), socket.socket(family, kind)
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        there.bind(('127.0.0.1', 0))
        here.settimeout(2)
        if kind == socket.SOCK_STREAM: there.listen()
        try: here.connect(there.getsockname())
        except OSError: break
        pair = here, there.accept()[0] if kind == socket.SOCK_STREAM else there
    held += pair
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    pair[0].setblocking(False)
    try:
        for _ in range(100): pair[0].send(bytes(60_000))
    except OSError: pass
waits = 0
for one in held:
    told = struct.unpack('=9I', one.getsockopt(socket.SOL_SOCKET, 55, 36))  # SO_MEMINFO
    waits += told[0] + told[5]  # received, and to be sent
print(waits >> 20)
"""
SPIN = """
import time
until = time.monotonic() + 60
while time.monotonic() < until: pass
"""

pytestmark = pytest.mark.skipif(
    not {"memory", "pids", "cpu"} <= {one.split()[0] for one in controllers()},
    reason="no control group can be made here",
)


@pytest.fixture
def group() -> Generator[Group]:
    made = make_group("test", 64 * MIB, 20)
    assert made
    yield made
    remove_group(made.folders)


def run_in(group: Group, code: str) -> str:
    """Run a program in a group; what it printed."""
    with subprocess.Popen(
        [PYTHON, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        group.add(program.pid)
        return program.communicate(timeout=30)[0]


def test_a_program_of_a_group_that_takes_too_much_is_killed(group: Group) -> None:
    assert run_in(group, "print('small')") == "small\n"
    assert group.killed == 0
    assert run_in(group, TAKE) == ""
    assert group.killed == 1


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_what_waits_in_sockets_counts_as_memory_of_a_group(
    group: Group, family: int, kind: int
) -> None:
    said = run_in(group, FILL % f"{int(family)} {int(kind)}")
    assert group.killed == 1 if not said else int(said) <= 64


def test_a_group_has_no_more_processes_than_it_may(group: Group) -> None:
    assert run_in(group, FORK) == "Resource temporarily unavailable\n19\n"


def test_a_group_is_found_by_its_name_and_removed(group: Group) -> None:
    assert set(find_group("test")) == set(group.folders)
    held = subprocess.Popen(["sleep", "60"])
    group.add(held.pid)
    held.kill()  # and it is in the group until somebody waits for it
    held.wait()
    remove_group(group.folders)
    assert find_group("test") == []


async def test_an_answer_tells_what_the_kernel_has_ended(below: Path, keymap: Keymap) -> None:
    settings = DesktopOptions(below, width=640, height=480, walls="bwrap")
    async with open_desktop(settings, keymap) as desktop, Client(DesktopServer(desktop)) as client:
        session = session_of(desktop)
        folders = find_group(session.folder.path.name)
        (limit,) = [
            one
            for folder in folders
            for name in ("memory.max", "memory.limit_in_bytes")
            if (one := folder / name).exists() and not folder.name.endswith("-x")
        ]
        assert int(limit.read_text()) == (4096 + 512) * MIB
        limit.write_text(str(400 * MIB))
        assert run_inside(session, "print(len(bytes(b'x' * (600 << 20))))") == ""
        (notice,) = facts(await call(client, "screenshot"))["notices"]
        assert notice.startswith("the kernel has ended 1 program: all of the desktop together used")
        assert run_inside(session, "print('still here')") == "still here\n"
        assert "notices" not in facts(await call(client, "screenshot"))
    assert find_group(session.folder.path.name) == []


@pytest.mark.parametrize("grouped", [True, False])
def test_desktops_share_processors_however_many_programs_they_have(
    below: Path, keymap: Keymap, monkeypatch: pytest.MonkeyPatch, *, grouped: bool
) -> None:
    if not grouped:
        monkeypatch.setattr(control_groups, "make_group", no_group)
    processors = len(os.sched_getaffinity(0))
    busy = start_session(below, "busy", 640, 480, keymap, IsolationOptions())
    calm = start_session(below, "calm", 640, 480, keymap, IsolationOptions())
    try:
        greedy = [busy.launch([PYTHON, "-c", SPIN]) for _ in range(5 * processors)]
        modest = [calm.launch([PYTHON, "-c", SPIN]) for _ in range(processors)]
        time.sleep(1)
        before = used(busy.box.pid), used(calm.box.pid)
        time.sleep(3)
        theirs, ours = used(busy.box.pid) - before[0], used(calm.box.pid) - before[1]
        assert all(busy.box.running(one) for one in greedy)
        assert all(calm.box.running(one) for one in modest)
    finally:
        busy.close()
        calm.close()
    assert (ours / (ours + theirs) > 0.33) == grouped


def test_a_desktop_that_no_group_takes_starts_without(
    below: Path, keymap: Keymap, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_groups, "make_group", lost_group)
    session = start_session(below, "alone", 640, 480, keymap, IsolationOptions())
    try:
        assert "a desktop is in no control group: [Errno 2] No such file" in caplog.text
        assert run_inside(session, "print('works')") == "works\n"
    finally:
        session.close()


def lost_group(name: str, memory: int, processes: int) -> Group:
    return Group((Path(f"/sys/fs/cgroup/{name}"),))


def no_group(name: str, memory: int, processes: int) -> None:
    return None


def used(pid: int) -> int:
    """Nanoseconds of processor time of a process and all below it."""
    total, below = 0, [pid]
    while below:
        one = below.pop()
        total += run_time(one)
        below += children(one)
    return total


SOCKETS = """
import os, socket, time
held = []
for _ in range(8):
    if os.fork() == 0:
        for _ in range(1500):
            pair = socket.socketpair()
            for one in pair:
                one.setblocking(False)
                try:
                    while True: one.send(bytes(100_000))
                except OSError: pass
            held.append(pair)
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""


def groups_of(pids: list[int]) -> set[str]:
    """Our groups for memory that processes are in."""
    lines = [
        line
        for pid in pids
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        if "memory" in line or line.startswith("0::")
    ]
    return {line.rpartition("/")[2] for line in lines if "gloveport-" in line}


async def test_memory_that_programs_take_does_not_end_the_x_server(
    below: Path, keymap: Keymap
) -> None:
    settings = DesktopOptions(
        below, width=320, height=240, walls="bwrap", enclosure=IsolationOptions(limits=LIMITS)
    )
    async with open_desktop(settings, keymap) as desktop, Client(DesktopServer(desktop)) as agent:
        session = session_of(desktop)
        (name,) = {one.name for one in find_group(session.folder.path.name) if "-x" in one.name}
        assert groups_of(tree(session.x.pid)) == {name}
        assert groups_of(tree(session.box.pid)) == {name.removesuffix("-x")}
        assert session.groups
        group = session.groups.group
        assert group
        session.launch([PYTHON, "-c", SOCKETS])
        assert until(lambda: group.killed > 0, 60)
        facts(await call(agent, "left_click", coordinate=[5, 5]))
        assert session_of(desktop) is session
        assert not session.lost.is_set()
    assert find_group(session.folder.path.name) == []


def memory_left() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) << 10


async def test_a_machine_without_groups_keeps_some_memory(
    below: Path, keymap: Keymap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets are memory of no program; 2 GB are let go here, which others may use meanwhile."""
    monkeypatch.setattr(control_groups, "make_group", no_group)
    spare = memory_left() - 2048 * MIB
    limits = replace(LIMITS, spare=spare)
    settings = DesktopOptions(
        below, width=320, height=240, walls="bwrap", enclosure=IsolationOptions(limits=limits)
    )
    async with open_desktop(settings, keymap) as desktop, Client(DesktopServer(desktop)) as agent:
        session = session_of(desktop)
        session.launch([PYTHON, "-c", SOCKETS])
        said = ""
        with anyio.fail_after(60):
            while not ("python3 and what it had started" in said and "of memory left" in said):
                said = str(facts(await call(agent, "mouse_move", coordinate=[5, 5])).get("notices"))
        assert until(lambda: memory_left() > spare - 256 * MIB, 30)
        assert not session.lost.is_set()

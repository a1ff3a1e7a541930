"""Folders deeper than a path may be long: undo, limits and the end of the desktop reach them."""

import os
from pathlib import Path

import anyio
import pytest
from answers import call, facts
from attempts import PYTHON, run_inside
from bombs import MIB
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.isolation.bubblewrap import Limits
from gloveport.sandbox.session.session import IsolationOptions
from gloveport.sandbox.x11.keymap import Keymap

DIG = """
import os, sys
os.chdir(sys.argv[1])
for n in range(int(sys.argv[2])):
    os.mkdir(sys.argv[3]); os.chdir(sys.argv[3])
    if n % 10 == 0: open('note', 'w').write(f'{sys.argv[4]} {n}')
open('last', 'w').write(sys.argv[4])
"""
CLIMB = """
import os, sys
os.chdir(sys.argv[1])
told = []
while True:
    if os.path.exists('note'): told.append(open('note').read())
    if not os.path.isdir(sys.argv[2]): break
    os.chdir(sys.argv[2])
print(len(told), told[-1], open('last').read() if os.path.exists('last') else 'none')
"""
CHANGE = """
import os, sys
os.chdir('/home/user/deep')
while os.path.isdir(sys.argv[1]): os.chdir(sys.argv[1])
open('last', 'w').write('second'); open('more', 'w').write('second')
"""
SLOWLY = """
import os, time
file = os.open('/home/user/big', os.O_CREAT | os.O_WRONLY)
for _ in range(60): os.write(file, os.urandom(5 << 20)); os.fsync(file); time.sleep(0.2)
time.sleep(60)
"""
SHAPES = {
    "long names": (40, "x" * 200),
    "many levels": (600, "deep down"),
    "wide letters": (60, "小" * 80),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_undo_reaches_them(desktop: Desktop, agent: Client, shape: str) -> None:
    count, name = SHAPES[shape]
    session = session_of(desktop)
    run_inside(session, "import os; os.mkdir('/home/user/deep')")
    run_inside(session, DIG, "/home/user/deep", count, name, "first")
    before = run_inside(session, CLIMB, "/home/user/deep", name)
    assert before.endswith("first\n")
    for _ in range(2):  # the second begins with a clone of the first
        facts(await call(agent, "checkpoint"))
    run_inside(session, CHANGE, name)
    facts(await call(agent, "checkpoint"))
    run_inside(session, "import subprocess; subprocess.run(['rm', '-rf', '/home/user/deep'])")
    facts(await call(agent, "rollback"))
    assert run_inside(session, CLIMB, "/home/user/deep", name).endswith("second\n")
    facts(await call(agent, "rollback", to="c1"))
    assert run_inside(session, CLIMB, "/home/user/deep", name) == before


async def test_limits_count_them_and_the_end_removes_them(below: Path, keymap: Keymap) -> None:
    limits = Limits(disk=60 * MIB)
    settings = DesktopOptions(
        below, width=640, height=480, walls="bwrap", enclosure=IsolationOptions(limits=limits)
    )
    async with open_desktop(settings, keymap) as desktop:
        session = session_of(desktop)
        run_inside(session, "import os; os.mkdir('/home/user/deep')")
        run_inside(session, DIG, "/home/user/deep", 600, "deep down", "first")
        eat = DIG.replace("open('last'", "open('big', 'wb').write(bytes(90 << 20)); open('last'")
        session.launch([PYTHON, "-c", eat, "/home/user", "1", "e", "x"])
        notices: list[str] = []

        async def said() -> bool:
            notices.extend((await desktop.look(show="never")).notices)
            return any("may take" in one for one in notices)

        for _ in range(300):  # a minute
            if await said():
                break
            await anyio.sleep(0.2)
        assert any("may take" in one for one in notices), notices
        assert not session.lost.is_set()
        folder = session.folder.path
    assert until(lambda: not folder.exists(), 20)


async def test_a_limit_holds_while_others_free_as_much_of_the_disk(
    below: Path, keymap: Keymap, tmp_path: Path
) -> None:
    limits, other = Limits(disk=60 * MIB), tmp_path / "other"
    settings = DesktopOptions(
        below, width=640, height=480, walls="bwrap", enclosure=IsolationOptions(limits=limits)
    )
    left = 600 * MIB
    other.write_bytes(bytes(left))
    os.sync()
    async with open_desktop(settings, keymap) as desktop:
        session_of(desktop).launch([PYTHON, "-c", SLOWLY])
        notices: list[str] = []
        for _ in range(300):  # a minute
            notices.extend((await desktop.look(show="never")).notices)
            if any("may take" in one for one in notices):
                break
            left = max(0, left - 20 * MIB)
            os.truncate(other, left)
            await anyio.sleep(0.2)
        assert any("may take" in one for one in notices), notices

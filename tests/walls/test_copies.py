"""What checkpoints share of a home's files, and that each still has its own state."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from attempts import PYTHON, run_inside
from desks import session_of
from processes import until

from gloveport.sandbox.checkpoints.history import Checkpoint, CheckpointHistory
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import NotKept
from gloveport.sandbox.imaging.image import Picture
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap

MB = 1_000_000
LAY_OUT = """
import os, time
os.makedirs('/home/user/data/deep')
for n in range(50): open(f'/home/user/data/{n}', 'wb').write(os.urandom(100_000))
open('/home/user/data/deep/note', 'w').write('first')
os.symlink('../3', '/home/user/data/deep/link')
os.mkfifo('/home/user/data/pipe')
time.sleep(0.3)
"""
SUMS = """
import hashlib, os
for root, folders, names in sorted(os.walk('/home/user/data')):
    folders.sort()
    for name in sorted(names):
        path = os.path.join(root, name)
        if os.path.islink(path): print(path, os.readlink(path))
        elif os.path.isfile(path): print(path, hashlib.sha1(open(path, 'rb').read()).hexdigest())
        told = os.lstat(path)
        print(path, oct(told.st_mode), told.st_mtime_ns, told.st_size)
    told = os.stat(root)
    print(root, oct(told.st_mode), told.st_mtime_ns)
"""
# A page of a mapped file that was written once is written again without the kernel's notice.
MAPPED = """
import mmap, os, time
path = '/home/user/mapped'
open(path, 'wb').write(bytes(4096))
held = mmap.mmap(os.open(path, os.O_RDWR), 4096)
held[0:5] = b'first'
time.sleep(0.5)
print('first', os.stat(path).st_ctime_ns, flush=True)
while not os.path.exists('/run/user/1000/go'): time.sleep(0.01)
held[0:5] = b'later'
print('later', os.stat(path).st_ctime_ns, flush=True)
time.sleep(60)
"""
# Chromium starts its processes like this.
BY_A_THREAD = f"""
import os, threading, time
def work():
    if os.fork() == 0: exec({MAPPED!r}, {{}})
    time.sleep(60)
threading.Thread(target=work).start()
"""

CHANGES: dict[str, str] = {
    "content in place": "open('/home/user/data/7', 'r+b').write(b'x')",
    "content of the same size and time": """
import os
told = os.stat('/home/user/data/7')
open('/home/user/data/7', 'r+b').write(b'x')
os.utime('/home/user/data/7', ns=(told.st_atime_ns, told.st_mtime_ns))
""",
    "rights": "import os; os.chmod('/home/user/data/7', 0o600)",
    "replaced": "import os; os.rename('/home/user/data/8', '/home/user/data/7')",
    "removed": "import os; os.unlink('/home/user/data/7')",
    "a folder renamed": "import os; os.rename('/home/user/data/deep', '/home/user/data/other')",
    "a folder made a file": """
import os, shutil
shutil.rmtree('/home/user/data/deep'); open('/home/user/data/deep', 'w').write('file')
""",
    "a link": """
import os
os.unlink('/home/user/data/deep/link'); os.symlink('../4', '/home/user/data/deep/link')
""",
    "a hard link": """
import os
os.link('/home/user/data/7', '/home/user/data/deep/again')
open('/home/user/data/deep/again', 'r+b').write(b'x')
""",
    "nothing": "",
}


@pytest.fixture
async def walled_desktop(
    anyio_backend: str, below: Path, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    settings = DesktopOptions(below, width=640, height=480, walls="bwrap")
    async with open_desktop(settings, keymap) as desktop:
        yield desktop


@pytest.mark.parametrize("change", CHANGES)
async def test_each_checkpoint_has_its_own_state(walled_desktop: Desktop, change: str) -> None:
    run_inside(session_of(walled_desktop), LAY_OUT)
    states: dict[str, str] = {}
    for code in ("", CHANGES[change], "open('/home/user/data/1', 'w').write('last')"):
        assert run_inside(session_of(walled_desktop), code) == ""
        states[(await walled_desktop.checkpoint()).name] = sums(walled_desktop)
    assert len(set(states.values())) == (2 if change == "nothing" else 3)
    for name in ("c2", "c3", "c1", "c2"):
        await walled_desktop.rollback(name)
        assert sums(walled_desktop) == states[name], name


def sums(desktop: Desktop) -> str:
    said = run_inside(session_of(desktop), SUMS)
    assert said.count("\n") > 50
    return said


async def test_what_has_not_changed_is_kept_once(walled_desktop: Desktop) -> None:
    session = session_of(walled_desktop)
    run_inside(session, LAY_OUT)
    one, two = session.keep("one"), session.keep("two")
    assert one.new == one.size
    assert 5 * MB < one.size == two.size
    assert two.new < MB / 10
    assert shared(session, "data/7")
    run_inside(session, CHANGES["content in place"])
    three = session.keep("three")
    assert 0.1 * MB < three.new < 0.2 * MB
    assert (three.folder / "data/7").read_bytes()[:1] == b"x"
    assert not shared(session, "data/7")
    assert shared(session, "data/9")


def shared(session: Session, name: str) -> bool:
    """Whether all copies of a file are one."""
    # What ends in + is the beginning of the next one.
    copies = [kept / name for kept in session.folder.kept.iterdir() if kept.name[-1] != "+"]
    assert len(copies) > 1
    return len({copy.stat().st_ino for copy in copies}) == 1


async def test_a_copy_whose_last_one_was_removed_has_everything(walled_desktop: Desktop) -> None:
    session = session_of(walled_desktop)
    run_inside(session, LAY_OUT)
    one = session.keep("one")
    before = sums(walled_desktop)
    session.home_layers.forget(one.folder)  # while the next copy's beginning is made of it
    two = session.keep("two")
    assert until(lambda: not one.folder.exists())
    assert (two.size, two.new) == (one.size, one.size)
    session.go_back(two.folder)
    assert sums(walled_desktop) == before


async def test_a_copy_after_one_that_failed_is_whole(walled_desktop: Desktop) -> None:
    session = session_of(walled_desktop)
    run_inside(session, LAY_OUT)
    session.keep("one")
    kept = session.folder.kept
    assert until(lambda: (kept / "one+/data/deep/note").exists())
    shutil.rmtree(kept / "one+")
    with pytest.raises(NotKept):
        session.keep("two")
    assert until(lambda: [one.name for one in kept.iterdir()] == ["one"])
    three = session.keep("three")
    assert three.new == three.size
    session.go_back(three.folder)
    assert run_inside(session, "print(open('/home/user/data/deep/note').read())") == "first\n"


async def test_after_going_back_nothing_old_is_taken_for_unchanged(walled_desktop: Desktop) -> None:
    session = session_of(walled_desktop)
    run_inside(session, LAY_OUT)
    session.keep("one")
    two = session.keep("two")
    session.go_back(two.folder)
    run_inside(session, "open('/home/user/data/7', 'r+b').write(b'x')")
    three = session.keep("three")
    assert (three.folder / "data/7").read_bytes()[:1] == b"x"
    assert (two.folder / "data/7").stat().st_ino != (three.folder / "data/7").stat().st_ino
    run_inside(session, "open('/home/user/data/7', 'r+b').write(b'y')")
    session.go_back(three.folder)
    assert run_inside(session, "print(open('/home/user/data/7', 'rb').read(1))") == "b'x'\n"


@pytest.mark.parametrize("code", [MAPPED, BY_A_THREAD], ids=["program", "child of a thread"])
async def test_memory_of_a_program_that_is_a_file(walled_desktop: Desktop, code: str) -> None:
    session = session_of(walled_desktop)
    session.launch([PYTHON, "-c", code])
    log = session.folder.log / "python3.log"
    assert until(lambda: "first" in log.read_text())
    one = session.keep("one")
    run_inside(session, "open('/run/user/1000/go', 'w')")
    assert until(lambda: "later" in log.read_text())
    first, later = (line.split()[1] for line in log.read_text().splitlines())
    assert first == later  # times tell nothing of it
    two = session.keep("two")
    assert (one.folder / "mapped").read_bytes()[:5] == b"first"
    assert (two.folder / "mapped").read_bytes()[:5] == b"later"


def test_what_a_dropped_checkpoint_shared_is_counted_for_the_next() -> None:
    history = CheckpointHistory()
    assert history.add(made("c1", 900 * MB), 900 * MB) == []
    for name in ("c2", "c3"):
        assert history.add(made(name, 1000 * MB), 100 * MB) == []
    # 2,200 MB by now; what c1 had, the next one may have still.
    gone = history.add(made("c4", 2000 * MB), 1100 * MB)
    assert [one.name for one in gone] == ["c1", "c2"]
    assert history.add(made("c5", 2000 * MB), 40 * MB) == []


def made(name: str, size: int) -> Checkpoint:
    picture = Picture(b"", "image/png", 1, 1)
    return Checkpoint(name, 0.0, "", False, Path(name), size, [], [], [], "", picture)

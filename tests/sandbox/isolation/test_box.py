"""Processes that end with their owner, whichever way it goes."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Generator
from pathlib import Path
from queue import SimpleQueue

import pytest
from processes import alive, until

from gloveport.sandbox.errors import CannotStart
from gloveport.sandbox.isolation.process_tree import ProcessTree

ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def ends() -> SimpleQueue[tuple[int, int]]:
    return SimpleQueue()


@pytest.fixture
def box(ends: SimpleQueue[tuple[int, int]], tmp_path: Path) -> Generator[ProcessTree]:
    box = ProcessTree(f"GLOVEPORT_TEST={tmp_path}", lambda pid, status: ends.put((pid, status)))
    yield box
    box.close()


def test_a_program_gets_the_environment_it_is_given_and_nothing_else(
    box: ProcessTree, ends: SimpleQueue[tuple[int, int]], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    pid = box.start(["env"], {**ENV, "WORD": "小米"}, tmp_path, log=log)
    assert ends.get(timeout=5) == (pid, 0)
    assert set(log.read_text().splitlines()) == {"PATH=/usr/bin:/bin", "WORD=小米"}


def test_a_program_inherits_the_descriptors_it_is_given(box: ProcessTree, tmp_path: Path) -> None:
    ready, told = os.pipe()
    box.start(["sh", "-c", "echo hello >&{fd:0}"], ENV, tmp_path, fds=[told])
    os.close(told)
    with os.fdopen(ready) as pipe:
        assert pipe.read() == "hello\n"


def test_the_end_of_a_program_is_told(
    box: ProcessTree, ends: SimpleQueue[tuple[int, int]], tmp_path: Path
) -> None:
    pid = box.start(["sh", "-c", "exit 3"], ENV, tmp_path)
    assert ends.get(timeout=5) == (pid, 3)


def test_a_program_that_is_missing_is_refused_in_words(box: ProcessTree, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"^no-such-program did not start: No such file"):
        box.start(["no-such-program"], ENV, tmp_path)


def test_a_program_that_must_be_kept_is_started_again(box: ProcessTree, tmp_path: Path) -> None:
    count = tmp_path / "count"
    box.start(["sh", "-c", f"echo x >> {count}; exec sleep 60"], ENV, tmp_path, keep=True)
    assert until(count.exists)
    first = int(Path(f"/proc/{box.pid}/task/{box.pid}/children").read_text())
    os.kill(first, signal.SIGKILL)
    assert until(lambda: count.read_text() == "x\nx\n")


def test_a_program_that_cannot_stay_up_is_left_alone(box: ProcessTree, tmp_path: Path) -> None:
    count = tmp_path / "count"
    box.start(["sh", "-c", f"echo x >> {count}"], ENV, tmp_path, keep=True)
    assert until(lambda: count.exists() and len(count.read_text().split()) == 5)
    assert not until(lambda: len(count.read_text().split()) > 5, 0.5)


def test_closing_the_box_ends_orphans_and_the_deaf_and_removes_what_was_asked(
    tmp_path: Path,
) -> None:
    box = ProcessTree(f"GLOVEPORT_TEST={tmp_path}", lambda pid, status: None)
    pids, gone = tmp_path / "pids", tmp_path / "gone"
    gone.mkdir()
    (gone / "file").touch()
    box.remove_at_end(gone)
    deaf = "trap '' TERM; sh -c 'echo $$ >> {0}; exec sleep 60' & echo $$ >> {0}; exec sleep 60"
    box.start(["sh", "-c", deaf.format(pids)], ENV, tmp_path)
    box.start(["sh", "-c", f"(setsid sh -c 'echo $$ >> {pids}; exec sleep 60' &)"], ENV, tmp_path)
    assert until(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    box.close()
    assert [pid for pid in map(int, pids.read_text().split()) if alive(pid)] == []
    assert not gone.exists()


OWNER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from gloveport.sandbox.isolation.process_tree import ProcessTree
    folder = Path(sys.argv[1])
    mark = f"GLOVEPORT_TEST={folder}"
    box = ProcessTree(mark, lambda pid, status: None)
    box.remove_at_end(folder / "gone")
    name, value = mark.split("=")
    env = {"PATH": "/usr/bin:/bin", name: value}
    orphan = "(setsid sh -c 'echo $$ >> pids; exec sleep 60' &)"
    box.start(["sh", "-c", "echo $$ >> pids; exec sleep 60"], env, folder)
    box.start(["sh", "-c", orphan], env, folder)
    print(box.pid, flush=True)
    sys.stdin.read()
    box.close()
""")


@pytest.fixture
def owner(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    (tmp_path / "gone").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as owner:  # fmt: skip
        yield owner
        owner.kill()


def test_everything_ends_when_the_owner_is_killed(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    assert owner.stdout
    box = int(owner.stdout.readline())
    assert until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    owner.kill()
    started = [box, *map(int, pids.read_text().split())]
    assert until(lambda: not any(map(alive, started)))
    assert until(lambda: not (tmp_path / "gone").exists())


def test_everything_ends_when_the_box_is_killed_and_its_owner_closes_it(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    assert owner.stdout
    box = int(owner.stdout.readline())
    assert until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    os.kill(box, signal.SIGKILL)
    owner.communicate("")
    assert [pid for pid in map(int, pids.read_text().split()) if alive(pid)] == []
    assert not (tmp_path / "gone").exists()

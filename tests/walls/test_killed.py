"""kill -9 of any part of a walled desktop: no process is left of it, and it works again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import call, facts, refusal
from attempts import run_inside
from desks import session_of
from mcp import Client
from processes import alive, children, until

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.isolation.cgroups import find_group
from gloveport.sandbox.session.folder import sweep_folders
from gloveport.sandbox.session.session import IsolationOptions, Session, start_session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def traces(processes: list[int], paths: list[Path]) -> list[str]:
    """What is left of processes, of files, and of mounts of the first of these."""
    left = [str(path) for path in paths if path.exists() or path.is_symlink()]
    left += [str(pid) for pid in processes if alive(pid)]
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            left += [str(mounts)] if str(paths[0]) in mounts.read_text() else []
        except OSError:
            continue
    return left


def outer(session: Session) -> int:
    """The parent of all processes, which the keeper is a child of."""
    status = Path(f"/proc/{session.keeper.pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def all_of(session: Session) -> list[Path]:
    """What there is of a desktop on the machine, its folder first."""
    return [session.folder.path, *session.x.files, *find_group(session.folder.path.name)]


VICTIMS: dict[str, Callable[[Session], int]] = {
    "outer init": outer,
    "keeper": lambda session: session.keeper.pid,
    "box of X": lambda session: session.x.pid,
    "X": lambda session: tree(session.x.pid)[-1],
    "box of the programs": lambda session: session.box.pid,
    "init of the programs": lambda session: children(session.box.pid)[0],
}


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_killed_part_leaves_no_process_and_is_made_anew(
    below: Path, keymap: Keymap, victim: str
) -> None:
    settings = DesktopOptions(below, width=640, height=480, walls="bwrap")
    async with open_desktop(settings, keymap) as desktop, Client(DesktopServer(desktop)) as client:
        session = session_of(desktop)
        facts(await call(client, "open", target="terminal"))
        processes = tree(outer(session))
        paths = all_of(session)
        assert len(processes) > 8
        assert len(traces(processes, paths)) > len(processes)
        os.kill(VICTIMS[victim](session), signal.SIGKILL)
        assert until(session.lost.is_set)
        assert "are kept" in refusal(await call(client, "screenshot"))
        fresh = session_of(desktop)
        assert until(lambda: not any(map(alive, processes)))
        facts(await call(client, "left_click", coordinate=[5, 5]))
        assert run_inside(fresh, "print('alive')") == "alive\n"
        processes, paths = tree(outer(fresh)), all_of(fresh)
    assert traces(processes, paths) == []


OWNER = """
import sys
from pathlib import Path
from gloveport.sandbox.isolation.cgroups import find_group
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.session.session import IsolationOptions, start_session
session = start_session(Path(sys.argv[1]), "killed", 640, 480, Keymap(), IsolationOptions())
session.launch(["xterm"])
group = find_group(session.folder.path.name)
print(session.keeper.pid, session.folder.path, *group, *session.x.files, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("also_the_init", [False, True], ids=["server", "server and outer init"])
def test_a_killed_server_leaves_nothing(below: Path, keymap: Keymap, also_the_init: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(below)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as owner:  # fmt: skip
        assert owner.stdout
        keeper, *rest = owner.stdout.readline().split()
        paths = [Path(one) for one in rest]
        (init,) = [pid for pid in children(owner.pid) if int(keeper) in children(pid)]
        processes = [owner.pid, *tree(init)]
        assert len(processes) > 8
        if also_the_init:
            os.kill(owner.pid, signal.SIGSTOP)  # or it would end in order what its init ran
            os.kill(init, signal.SIGKILL)
        owner.kill()
    if also_the_init:
        assert until(lambda: not any(map(alive, processes)))
        sweep_folders(below)  # as the next desktop does
    assert until(lambda: traces(processes, paths) == []), traces(processes, paths)
    again = start_session(below, "again", 640, 480, keymap, IsolationOptions())
    assert run_inside(again, "print('alive')") == "alive\n"
    again.close()

"""Machines unlike the one this was made on: a desktop starts there, or the true reason is said."""

import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from processes import alive, children, until

from gloveport.sandbox.isolation.cgroups import find_group
from gloveport.sandbox.session.folder import sweep_folders

START = """
import os, resource, sys
from pathlib import Path
from gloveport.sandbox.errors import CannotStart
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.session.session import IsolationOptions, start_session
os.umask(int(sys.argv[3], 8))
enclosure = IsolationOptions() if sys.argv[2] == 'walls' else None
try:
    session = start_session(Path(sys.argv[1]), "odd", 320, 240, Keymap(), enclosure)
except CannotStart as why:
    print(f"{why}")
else:
    session.box.wait(session.launch(["/bin/sh", "-c", "ulimit -n; ulimit -H -n"]))
    print(f"{os.stat('/tmp/.X11-unix').st_mode & 0o7777:o}", session.folder.said("sh") > 0)
    print((session.folder.log / "sh.log").read_text().split())
    session.close()
"""


def start(below: str, *, walls: str = "walls", umask: str = "022", before: str = "true") -> str:
    """Start a desktop after a command of a shell, in mounts of their own; what was said."""
    script = f'{before} && exec "$@"'
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    ran = subprocess.run(
        [*argv, sys.executable, "-c", START, below, walls, umask],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    return ran.stdout + ran.stderr


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
ROOT = Path(__file__).parents[2]
_IN_TMP = len(ROOT.relative_to("/tmp").parts) if ROOT.is_relative_to("/tmp") else 0


def other_tmp(inodes: int = 0) -> str:
    """A command that puts another /tmp over this one; a checkout in it stays there."""
    most = f",nr_inodes={inodes + _IN_TMP}" if inodes else ""
    mount = f"mount -t tmpfs -o mode=1777{most} tmpfs /tmp"
    if not _IN_TMP:
        return mount
    root = shlex.quote(str(ROOT))
    kept = f"mount --bind {root} /mnt && {mount}"
    return f"cd / && {kept} && mkdir -p {root} && mount --bind /mnt {root}"


EMPTY = other_tmp()


@needs_root
@pytest.mark.parametrize("walls", ["walls", "none"])
@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_the_folder_of_all_x_servers_is_made_for_all(walls: str, umask: str) -> None:
    assert start("/tmp/below", walls=walls, umask=umask, before=EMPTY).startswith("1777 True")


@needs_root
@pytest.mark.parametrize("hard", [1024, 2000, 4095, 4096, 5000])
def test_a_machine_that_lets_few_files_be_open(below: Path, hard: int) -> None:
    said = start(str(below), before=f"ulimit -n {hard}")
    assert f"['{min(4096, hard)}', '{min(4096, hard)}']" in said


@needs_root
@pytest.mark.parametrize(
    ("before", "why"),
    [
        (f"{other_tmp(3)} && mkdir /tmp/below", "No space left"),
        (other_tmp(30), "No space left"),
        (f"{EMPTY} && mkdir -p /tmp/below && mount -o remount,ro /tmp", "Read-only file system"),
        (
            f"{EMPTY} && mkdir /tmp/.X11-unix && mount -t tmpfs -o ro tmpfs /tmp/.X11-unix",
            "/tmp/.X11-unix is on a read-only file system",
        ),
        (f"{EMPTY} && touch /tmp/below", "/tmp/below is not a directory of this user"),
    ],
)
@pytest.mark.parametrize("walls", ["walls", "none"])
def test_a_desktop_that_cannot_start_says_the_true_reason(
    before: str, why: str, walls: str
) -> None:
    said = start("/tmp/below", walls=walls, before=before)
    assert why in said
    assert "Traceback" not in said
    assert len(said) < 400


OWNER = """
import sys
from pathlib import Path
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.session.session import IsolationOptions, start_session
session = start_session(Path(sys.argv[1]), "killed", 320, 240, Keymap(), IsolationOptions())
session.launch(["xterm"])
print("up", flush=True)
sys.stdin.read()
"""


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def kill_all(pid: int) -> None:
    """Kill a process and all below it at once: none sees another end."""
    stopped: set[int] = set()
    while new := set(tree(pid)) - stopped:
        for one in new:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGSTOP)
        stopped |= new
    for one in stopped:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    assert until(lambda: not any(map(alive, stopped - {pid})))


def left_on_the_machine(below: Path) -> list[str]:
    """Folders, links into them, locks of nobody, and control groups."""
    left = list(below.iterdir())
    groups = [group for path in left for group in find_group(path.name)]
    links = [one for one in Path("/tmp/.X11-unix").glob("X*") if one.is_symlink()]
    left += [one for one in links if one.readlink().is_relative_to(below)]
    return [str(one) for one in (*left, *groups)]


@pytest.mark.parametrize("moment", [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, None])
def test_everything_killed_at_once_leaves_nothing_to_the_next_start(
    open_folder: Path, moment: float | None
) -> None:
    below = open_folder / f"killed-at-{moment}"
    locks = set(Path("/tmp").glob(".X*-lock"))
    groups = set(all_groups())
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(below)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        if moment is None:
            assert owner.stdout.readline() == b"up\n"
        else:
            until(lambda: below.exists() and any(below.iterdir()), 20)
            time.sleep(moment)  # the moment is what is tried
        mine = [group for group in all_groups() if group not in groups and "killed-" in group.name]
        kill_all(owner.pid)
    assert moment is not None or list(below.iterdir())
    sweep_folders(below)
    assert left_on_the_machine(below) == []
    assert not [group for group in mine if group.exists()]
    for lock in set(Path("/tmp").glob(".X*-lock")) - locks:
        assert until(lambda lock=lock: not lock.exists() or alive(int(lock.read_text())))


def all_groups() -> list[Path]:
    return [path for path in Path("/sys/fs/cgroup").glob("**/gloveport-*") if path.is_dir()]


def test_a_folder_is_swept_by_its_lock_and_not_by_the_number_of_a_process(
    open_folder: Path,
) -> None:
    below = open_folder / "locked"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(below)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"up\n"
        (folder,) = below.iterdir()
        assert stat.S_IMODE((folder / "owner").stat().st_mode) == 0o600
        for _ in range(20):  # whoever reads or writes it, as a server of another pid namespace
            sweep_folders(below)
            (folder / "owner").write_text("1 1")
        assert folder.exists()
        assert len(tree(owner.pid)) > 8
        (below / "not-a-desktop").mkdir()
        (below / "half-made-0123abcd").mkdir()
        sweep_folders(below)
        assert sorted(below.iterdir()) == sorted([folder, below / "not-a-desktop"])
        owner.kill()
    assert until(lambda: not folder.exists())


STRANGER = 61999
AS_STRANGER = [
    "setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
]  # fmt: skip
"""Another user, who may read this checkout wherever it is."""
COMMANDS = ("status", "stop", "live", "serve --port 0", "stdio", "doctor")
RUN_USER = f"{EMPTY} && mkdir -p /run/user && mount -t tmpfs tmpfs /run/user"
OWN_RUN = f"{RUN_USER} && mkdir -p /run/user/{STRANGER}"


def commands_said(before: str) -> dict[str, str]:
    """What each command says to another user, after a command of a shell in mounts of its own."""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{before} && exec "$@"']
    said: dict[str, str] = {}
    for command in COMMANDS:
        ran = subprocess.run(
            [*argv, "sh", *AS_STRANGER, "env", "-i", f"PATH={os.defpath}", "HOME=/nowhere",
             sys.executable, "-P", "-m", "gloveport.server.cli", *command.split()],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert ran.returncode != 0, (command, ran)
        said[command] = ran.stdout + ran.stderr
    return said


@needs_root
@pytest.mark.parametrize(
    ("before", "why"),
    [
        (f"{RUN_USER} && mkdir /tmp/gloveport-{STRANGER}",
         f"/tmp/gloveport-{STRANGER} belongs to another user."),
        (f"{OWN_RUN}/gloveport && chown {STRANGER} /run/user/{STRANGER}",
         f"/run/user/{STRANGER}/gloveport belongs to another user."),
        (f"{RUN_USER} && mount -o remount,ro /tmp",
         f"/tmp/gloveport-{STRANGER} cannot be used: Read-only file system."),
    ],
)  # fmt: skip
def test_every_command_names_a_state_folder_that_cannot_be_used(before: str, why: str) -> None:
    for command, said in commands_said(before).items():
        assert why in said, (command, said)
        assert "Traceback" not in said


@needs_root
@pytest.mark.parametrize("owner", [0, STRANGER])
@pytest.mark.parametrize("said_to_be", [f"/run/user/{STRANGER}", "/run/user/0", "/nowhere", ""])
def test_the_runtime_folder_that_the_environment_names_does_not_matter(
    owner: int, said_to_be: str
) -> None:
    """It may be somebody else's, missing, or one that nothing can be written to."""
    before = (
        f"{OWN_RUN} /run/user/0 && chmod 700 /run/user/0 && chmod 500 /run/user/{STRANGER} && "
        f"chown {owner} /run/user/{STRANGER}"
    )
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{before} && exec "$@"']
    ran = subprocess.run(
        [*argv, "sh", *AS_STRANGER, "env", "-i", f"PATH={os.defpath}",
         f"XDG_RUNTIME_DIR={said_to_be}", sys.executable, "-P", "-m", "gloveport.server.cli",
         "status"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (3, "")
    assert ran.stdout.startswith("No server of yours runs.")

"""What a desktop runs comes up whole and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from processes import alive, command, until

from gloveport.sandbox.errors import CannotStart
from gloveport.sandbox.isolation.process_tree import sweep
from gloveport.sandbox.session.folder import Folder, make_folder, sweep_folders
from gloveport.sandbox.session.session import Session, start_session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.x11.server import XServer


def marked(folder: Folder) -> list[int]:
    """Every process that belongs to the desktop in a folder."""
    found: list[int] = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if folder.mark.encode() in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
        except OSError:
            pass
    return found


def traces(folder: Folder, x: XServer) -> list[str]:
    left = [str(path) for path in (folder.path, *x.files) if path.exists()]
    processes = [str(pid) for pid in (*marked(folder), x.pid) if alive(pid)]
    return left + processes


@pytest.fixture
def own(tmp_path: Path, keymap: Keymap) -> Session:
    return start_session(tmp_path, "own", 640, 480, keymap)


def test_a_closed_session_leaves_nothing_behind(own: Session) -> None:
    for program in ("xterm", "mousepad"):
        own.launch([program])
    assert until(lambda: len(marked(own.folder)) >= 5)
    own.close()
    assert traces(own.folder, own.x) == []


OWNER = """
import sys
from pathlib import Path
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.session.session import start_session
session = start_session(Path(sys.argv[1]), "killed", 640, 480, Keymap())
session.launch(["xterm"])
print(session.folder.path, session.x.pid, session.x.number, session.box.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("also_the_box", [False, True], ids=["owner", "owner and box"])
def test_killing_leaves_nothing_behind(also_the_box: bool, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as owner:  # fmt: skip
        assert owner.stdout
        path, xpid, number, box = owner.stdout.readline().split()
        folder = Folder(Path(path))
        x = XServer(int(xpid), int(number), folder.xauthority, f":{number}")
        assert until(lambda: len(marked(folder)) >= 4)
        owner.kill()
        if also_the_box:
            os.kill(int(box), signal.SIGKILL)
    if also_the_box:
        assert until(lambda: not alive(x.pid))
        sweep_folders(tmp_path)  # as the next desktop does
    assert until(lambda: traces(folder, x) == [])


def test_the_folders_of_living_desktops_are_not_swept(own: Session, tmp_path: Path) -> None:
    sweep_folders(tmp_path)
    assert own.folder.path.exists()
    own.close()


def test_a_stale_lock_is_survived(tmp_path: Path, keymap: Keymap) -> None:
    while True:
        first = start_session(tmp_path, "first", 640, 480, keymap)
        number = first.x.number
        first.close()
        lock, stale = Path(f"/tmp/.X{number}-lock"), Path(f"/tmp/.X11-unix/X{number}")
        with suppress(OSError), socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(str(stale))
            break  # else another desktop of this machine has the number now
    lock.write_text(f"{2**22 - 1:>10}\n")
    second = start_session(tmp_path, "second", 640, 480, keymap)
    second.x.connect().close()
    second.close()  # and no more is removed here: the number may be another desktop's by now


def test_the_display_is_closed_to_who_has_no_cookie(session: Session) -> None:
    hello = b"l\0" + (11).to_bytes(2, "little") + bytes(8)  # X protocol 11.0, no authorization
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.settimeout(5)
        nobody.connect(str(session.x.files[1]))
        nobody.sendall(hello)
        answer = b"".join(iter(lambda: nobody.recv(256), b""))
    assert answer[0] == 0
    assert b"Authorization required" in answer


def test_the_display_is_not_on_the_network(session: Session) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 6000 + session.x.number)) != 0


def test_the_folder_is_its_owner_s_alone(session: Session) -> None:
    assert session.folder.path.stat().st_mode & 0o777 == 0o700
    assert session.x.xauthority.stat().st_mode & 0o777 == 0o600


def test_programs_see_nothing_of_the_server_s_environment(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    probe = session.folder.home / "environment"
    session.launch(["sh", "-c", f"env > {probe}.new && mv {probe}.new {probe}"])
    assert until(probe.exists)
    seen = dict(line.split("=", 1) for line in probe.read_text().splitlines() if "=" in line)
    assert seen.pop("PWD") == seen["HOME"]
    assert set(seen) - {"_", "SHLVL", "OLDPWD"} == set(session.env)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(CannotStart, match="is not a directory of this user"):
        make_folder(link, "x")


def test_a_sweep_spares_processes_with_another_mark(own: Session, tmp_path: Path) -> None:
    sweep(f"GLOVEPORT_DESKTOP={tmp_path / 'other'}", [])
    assert alive(own.x.pid)
    own.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_sweep_of_a_plain_user_removes_folders_that_nobody_may_enter(open_folder: Path) -> None:
    left = open_folder / "left"
    for path in (left, left / "work", left / "work" / "work"):  # as an overlay makes them
        path.mkdir()
        os.chown(path, 1234, 1234)
    (left / "link").symlink_to("/etc")
    (left / "work" / "work").chmod(0)
    open_folder.chmod(0o777)
    code = (
        "import sys; from pathlib import Path; "
        "from gloveport.sandbox.isolation.process_tree import sweep; "
        "sweep('GLOVEPORT_DESKTOP=none', [Path(sys.argv[1])])"
    )
    user = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    subprocess.run([*user, sys.executable, "-P", "-c", code, left], check=True)
    open_folder.chmod(0o711)
    assert not left.exists()


def test_the_window_manager_is_started_again_when_it_dies(own: Session) -> None:
    def managers() -> list[int]:
        return [pid for pid in marked(own.folder) if command(pid) == "openbox"]

    (first,) = managers()
    os.kill(first, signal.SIGKILL)
    assert until(lambda: len(found := managers()) == 1 and found != [first])
    own.close()

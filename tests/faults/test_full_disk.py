"""On a full disk undo says so, loses nothing that is kept, and works again once there is room."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gloveport.sandbox.isolation.bubblewrap import why_not

FULL = """
import json, os, subprocess, sys
from pathlib import Path
sys.path += sys.argv[2:]
import anyio
from answers import call, text
from attempts import run_inside
from desks import session_of
from mcp import Client
from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.server.mcp.server import DesktopServer

below = Path(sys.argv[1])
below.chmod(0o711)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=711", "none", below], check=True)
READ = "print(open('/home/user/note').read(), end='')"

def fill():
    with (below / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True: file.write(bytes(size))
            except OSError: pass

async def main():
    options = DesktopOptions(below / "d", width=640, height=480, walls="bwrap")
    async with open_desktop(options) as desktop:
        async with Client(DesktopServer(desktop)) as client:
            async def tell(tool, **given):
                result = await call(client, tool, **given)
                said.append([tool, bool(result.is_error), text(result)])
            said = []
            write = "open('/home/user/note', 'w').write({!r})"
            run_inside(session_of(desktop), write.format("first"))
            await tell("checkpoint")
            run_inside(session_of(desktop), write.format("second"))
            big = "import os; open('/home/user/big', 'wb').write(os.urandom(3 << 20))"
            run_inside(session_of(desktop), big)
            fill()
            await tell("checkpoint")
            await tell("screenshot")
            await tell("rollback", to="c1")
            await tell("screenshot")
            await tell("checkpoint", action="list")
            (below / "filler").unlink()
            await tell("rollback", to="c1")
            said.append(["read", False, run_inside(session_of(desktop), READ)])
            await tell("checkpoint")
            print(json.dumps(said))

anyio.run(main)
"""


def test_nothing_is_lost_and_the_service_goes_on(open_folder: Path) -> None:
    if why := why_not():
        pytest.skip(f"there can be no walls here: {why}")
    if os.getuid():
        pytest.skip("only root can mount a small disk that walled desktops reach")
    below = open_folder / "full"
    below.mkdir()
    here = str(Path(__file__).parent.parent)
    ran = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", FULL, str(below), here],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ran.stdout, ran.stderr[-3000:]
    said: list[tuple[str, bool, str]] = json.loads(ran.stdout.splitlines()[-1])
    first, refused, look, back, again, listed, room, read, last = said
    assert not first[1], first
    assert refused[1], refused
    assert refused[2] == "The home could not be copied: No space left on device."
    assert not look[1], look
    assert "No space left" in back[2] if back[1] else json.loads(back[2])["back_to"] == "c1", back
    assert not again[1], again
    assert [one["checkpoint"] for one in json.loads(listed[2])["checkpoints"]] == ["c1"]
    assert not room[1], room
    assert read[2] == "first"
    assert not last[1], last

"""Files in and out of a desktop's home, over MCP, judged by what a program inside has and sees."""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from answers import call, facts, picture, refusal
from attempts import run_inside
from desks import session_of
from mcp import Client
from mcp_types import Tool
from PIL import Image
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.home.files import MOST_TEXT, MOST_UPLOADED
from gloveport.sandbox.isolation.bubblewrap import why_not
from gloveport.sandbox.secrets.store import SecretStore
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

SECRET = "correct-horse-77"
SPELT = b"q!Z"  # what the other secret is the base64 of
VAULT = SecretStore.of({"MAIL": SECRET, "SHORT": base64.b64encode(SPELT).decode()})
CANARY = f"canary-{secrets.token_hex(8)}"


@pytest.fixture(scope="module", params=["none", "bwrap"])
async def home(
    request: pytest.FixtureRequest,
    anyio_backend: str,
    open_folder: Path,
    keymap: Keymap,
) -> AsyncGenerator[Desktop]:
    """A desktop without walls, and one behind them."""
    if request.param == "bwrap" and (why := why_not()):
        pytest.skip(f"there can be no walls here: {why}")
    settings = DesktopOptions(open_folder, width=640, height=480, walls=request.param, vault=VAULT)
    async with open_desktop(settings, keymap) as running:
        yield running


@pytest.fixture
async def agent(home: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(home, frozenset({"files"}))) as client:
        yield client


def inside(desktop: Desktop, code: str, *given: object) -> str:
    """Run Python in the home of a desktop."""
    return run_inside(session_of(desktop), "import os, sys\n" + code, *given)


def held(desktop: Desktop, path: str) -> bytes:
    """What a program finds in a file."""
    show = "print(open(os.path.expanduser(sys.argv[1]), 'rb').read().hex())"
    return bytes.fromhex(inside(desktop, show, path))


@contextmanager
def made(desktop: Desktop, code: str) -> Generator[None]:
    """Something a program makes in ~/made, for the length of a block."""
    said = inside(desktop, f"os.mkdir('made'); os.chdir('made')\n{code}\nprint('made')")
    assert said == "made\n"
    try:
        yield
    finally:
        inside(desktop, "import shutil; os.chmod('made', 0o700); shutil.rmtree('made')")


def left(desktop: Desktop) -> str:
    """The files of an upload that did not go through."""
    find = "print([one for _, _, files in os.walk('.') for one in files if '.upload' in one])"
    return inside(desktop, find).strip()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("note.txt", "one\ntwo\n"),
        ("小米官方旗舰店 🥭.txt", "小米官方旗舰店 🥭 é\r\n"),
        ("folder/that is/new/empty.md", ""),
        ("-rf", "null"),
    ],
)
async def test_text_goes_in_and_comes_out_as_it_was(
    home: Desktop, agent: Client, name: str, text: str
) -> None:
    size = len(text.encode())
    put = facts(await call(agent, "upload", path=f"~/{name}", content=text))
    assert put == {"ok": True, "path": f"~/{name}", "size": size, "replaced": False}
    assert held(home, f"~/{name}") == text.encode()
    told = facts(await call(agent, "download", path=name))
    assert (told["encoding"], told["text"], told["size"]) == ("text", text, size)
    assert "next_offset" not in told
    assert left(home) == "[]"


async def test_any_bytes_go_in_and_come_out_as_they_were(home: Desktop, agent: Client) -> None:
    data = bytes(range(256)) * 9
    content = base64.encodebytes(data).decode()  # in lines
    await call(agent, "upload", path="~/data.bin", content=content, encoding="base64")
    assert held(home, "~/data.bin") == data
    told = facts(await call(agent, "download", path="~/data.bin"))
    assert told["encoding"] == "base64"
    assert base64.b64decode(told["base64"]) == data


async def test_a_large_file_comes_in_parts_that_fit_an_answer(home: Desktop, agent: Client) -> None:
    inside(home, "open('large', 'wb').write(os.urandom(1 << 20) + b'\\0')")
    found, offset = b"", 0
    while True:
        result = await call(agent, "download", path="~/large", offset=offset)
        assert len(result.model_dump_json()) <= 1_000_000
        told = facts(result)
        found += base64.b64decode(told["base64"])
        if "next_offset" not in told:
            break
        assert told["next_offset"] > offset
        offset = told["next_offset"]
    assert found == held(home, "~/large")


async def test_a_long_text_comes_in_parts_of_whole_characters(home: Desktop, agent: Client) -> None:
    text = "a" + "小米" * MOST_TEXT
    await call(agent, "upload", path="~/long.txt", content=text)
    found, offset, calls = "", 0, 0
    while offset is not None:
        told = facts(await call(agent, "download", path="~/long.txt", offset=offset))
        found, offset, calls = found + told["text"], told.get("next_offset"), calls + 1
    assert found == text
    assert calls == 7


async def test_the_largest_upload_and_one_that_is_larger(home: Desktop, agent: Client) -> None:
    data = base64.b64encode(os.urandom(MOST_UPLOADED)).decode()
    put = await call(agent, "upload", path="~/largest", content=data, encoding="base64")
    assert facts(put)["size"] == MOST_UPLOADED
    assert refusal(await call(agent, "upload", path="~/more", content="x" * 10_000_001)) == (
        "~/more would have 10,000,001 bytes; upload takes at most 10,000,000. Nothing was written."
    )
    assert inside(home, "print(os.path.getsize('largest'), os.path.exists('more'))") == (
        "10000000 False\n"
    )


async def test_a_file_is_replaced_only_when_asked_and_as_a_whole(
    home: Desktop, agent: Client
) -> None:
    inside(home, "open('run.sh', 'w').write('old'); os.chmod('run.sh', 0o755)")
    assert refusal(await call(agent, "upload", path="~/run.sh", content="new")) == (
        "There is a ~/run.sh already; choose another name, or say replace=true. "
        "Nothing was written."
    )
    assert held(home, "~/run.sh") == b"old"
    put = facts(await call(agent, "upload", path="~/run.sh", content="new", replace=True))
    assert put["replaced"] is True
    assert held(home, "~/run.sh") == b"new"
    assert inside(home, "print(oct(os.stat('run.sh').st_mode))") == "0o100755\n"


async def test_what_is_uploaded_is_the_desktop_s_own(home: Desktop, agent: Client) -> None:
    await call(agent, "upload", path="~/own/file", content="x")
    change = "open('own/file', 'a').write('y'); os.unlink('own/file'); os.rmdir('own'); print('ok')"
    assert inside(home, change) == "ok\n"


async def test_a_list_tells_what_there_is(home: Desktop, agent: Client) -> None:
    code = """
import socket
open('b.tar.gz', 'w').write('12345'); os.utime('b.tar.gz', (0, 0)); os.mkdir('c 小米')
os.symlink('/etc/passwd', 'a'); os.mkfifo('d'); open(b'e\\xff', 'w').close()
"""
    with made(home, code):
        told = facts(await call(agent, "files_list", path="~/made"))
    assert told["path"] == "~/made"
    assert told["total"] == 5
    shown = [(one["name"], one["type"], one.get("size")) for one in told["entries"]]
    assert shown == [
        ("a", "link", None),
        ("b.tar.gz", "file", 5),
        ("c 小米", "folder", None),
        ("d", "other", None),
        ("e\\xff", "file", 0),
    ]
    packed = told["entries"][1]
    assert packed["mime"] == "application/gzip"
    assert packed["modified"] == "1970-01-01T00:00:00+00:00"


async def test_a_long_list_goes_on(home: Desktop, agent: Client) -> None:
    with made(home, "for n in range(700): open('%03d' % n + 'x' * 200, 'w').close()"):
        names: list[str] = []
        offset: int | None = 0
        while offset is not None:
            result = await call(agent, "files_list", path="~/made", offset=offset)
            assert len(result.model_dump_json()) < 60_000
            told = facts(result)
            names += [one["name"][:3] for one in told["entries"]]
            offset = told.get("next_offset")
    assert names == [f"{n:03}" for n in range(700)]


LINKS = """
os.symlink(sys.argv[1], 'file')
os.symlink(os.path.dirname(sys.argv[1]), 'folder')
os.symlink('/', 'root')
os.symlink('.', 'here')
os.symlink('/proc/self/root', 'self')
"""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file of the host that everybody may read."""
    file = tmp_path / "canary"
    file.write_text(CANARY)
    for path, mode in ((file, 0o666), (tmp_path, 0o777), (tmp_path.parent, 0o711)):
        path.chmod(mode)
    return file


def untouched(canary: Path) -> bool:
    return canary.read_text() == CANARY and [*canary.parent.iterdir()] == [canary]


async def test_no_link_is_followed(home: Desktop, agent: Client, canary: Path) -> None:
    inside(home, "os.mkdir('links'); os.chdir('links')" + LINKS, canary)
    inside(home, "open('links/real', 'w').write('x')")
    own = canary.relative_to("/")
    linked = [
        "file",
        "folder/canary",
        f"root/{own}",
        "here/real",
        f"self/{own}",
        f"here/root/{own}",
    ]
    for name in linked:
        first = name.split("/")[0]
        why = (
            f"~/links/{first} is a link. Links are not followed, wherever they lead: "
            "name what it leads to."
        )
        said = [
            await call(agent, "download", path=f"~/links/{name}"),
            await call(agent, "upload", path=f"~/links/{name}", content="x", replace=True),
        ]
        assert [refusal(one) for one in said] == [why, why]
    for name in ("folder", "root", "self/etc"):
        assert "is a link" in refusal(await call(agent, "files_list", path=f"~/links/{name}"))
        new = await call(agent, "upload", path=f"~/links/{name}/new/x", content="x")
        assert "is a link" in refusal(new)
    assert untouched(canary)
    assert inside(home, "print(os.path.islink('links/file'))") == "True\n"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "~/../x", "../x", "~/a/../../x", "/proc/self/root/etc/passwd", "/", "a\0b",
     "~/\ud800", "", "~/" + "x/" * 2500, "//etc/passwd", "~/Documents/.."],
)  # fmt: skip
async def test_paths_out_of_the_home_are_refused(home: Desktop, path: str) -> None:
    server = DesktopServer(home, frozenset({"files"}))
    for name, more in (("download", {}), ("files_list", {}), ("upload", {"content": "x"})):
        # Not by a client: some of these do not go over the wire.
        result: Any = await server.call_tool(name, {"path": path, **more})
        assert refusal(result).endswith(
            'is no path in the home of this desktop; give one such as "~/Documents/note.txt", '
            'without "..".'
        )


async def test_the_home_as_programs_call_it_is_a_path(home: Desktop, agent: Client) -> None:
    own = session_of(home).home
    put = await call(agent, "upload", path=f"{own}/absolute", content="x")
    assert facts(put)["path"] == "~/absolute"
    assert facts(await call(agent, "files_list", path=str(own)))["path"] == "~"


SPECIAL = {
    "fifo": "os.mkfifo('x')",
    "socket": "import socket; socket.socket(socket.AF_UNIX).bind('x')",
}


@pytest.mark.parametrize("kind", SPECIAL)
async def test_what_is_no_file_is_not_opened(home: Desktop, agent: Client, kind: str) -> None:
    why = (
        "~/made/x is neither a file nor a folder (a pipe, a socket or a device) and is not opened."
    )
    with made(home, SPECIAL[kind]), anyio.fail_after(5):
        assert refusal(await call(agent, "download", path="~/made/x")) == why
        put = await call(agent, "upload", path="~/made/x", content="x", replace=True)
        assert refusal(put) == why
        assert refusal(await call(agent, "download", path="~/made/x/y")) == why
        assert refusal(await call(agent, "files_list", path="~/made/x")) == why


async def test_a_device_is_not_opened(home: Desktop, agent: Client) -> None:
    """Programs cannot make one, so the test does, where it may."""
    session = session_of(home)
    if session.walled or os.getuid() != 0:
        pytest.skip("no device can be made here")
    device = session.folder.home / "null"
    try:
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device can be made here")
    assert "is neither a file nor" in refusal(await call(agent, "download", path="~/null"))
    device.unlink()


LEASE = """
import fcntl, time
fd = os.open('leased', os.O_RDWR | os.O_CREAT)
try: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as why: print(why.strerror)
open('ready', 'w').close()
while os.path.exists('ready'): time.sleep(0.02)
"""


async def test_a_file_that_would_keep_us_waiting_does_not(home: Desktop, agent: Client) -> None:
    session = session_of(home)
    code = f"import os, signal; signal.signal(signal.SIGIO, signal.SIG_IGN)\n{LEASE}"
    pid = session.launch(["/usr/bin/python3", "-c", code])
    wait = "import time\nwhile not os.path.exists('ready'): time.sleep(0.01)"
    inside(home, wait)
    with anyio.fail_after(5):
        said = await call(agent, "download", path="~/leased")
    if said.is_error:
        assert refusal(said) == "~/leased cannot be read: another program has it to itself."
    inside(home, "os.unlink('ready')")
    session.box.wait(pid)


async def test_a_file_without_permission_says_so(home: Desktop, agent: Client) -> None:
    with made(home, "open('x', 'w').close(); os.chmod('x', 0); os.mkdir('y', 0o500)"):
        if os.getuid() == 0 and not session_of(home).walled:
            pytest.skip("root may read everything")
        said = refusal(await call(agent, "download", path="~/made/x"))
        assert said == "~/made/x cannot be read: Permission denied."
        said = refusal(await call(agent, "upload", path="~/made/y/x", content="x"))
        assert said == "~/made/y/x cannot be written: Permission denied. Nothing was written."


async def test_names_that_are_too_long_are_refused(home: Desktop, agent: Client) -> None:
    said = refusal(await call(agent, "upload", path="~/" + "x" * 256, content="x"))
    assert said.endswith("x cannot be written: File name too long. Nothing was written.")


SWAP = """
import ctypes
os.makedirs('race/real', exist_ok=True); os.symlink(sys.argv[1], 'race/link')
open('race/on', 'w').close()
libc, here, exchange = ctypes.CDLL(None), -100, 2
while os.path.exists('race/on'):
    libc.renameat2(here, b'race/real', here, b'race/link', exchange)
"""


async def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(
    home: Desktop, agent: Client, canary: Path
) -> None:
    session = session_of(home)
    code = "import os, sys\n" + SWAP
    pid = session.launch(["/usr/bin/python3", "-c", code, str(canary.parent)])
    inside(home, "import time\nwhile not os.path.exists('race/on'): time.sleep(0.01)")
    went = stopped = 0
    until = time.monotonic() + 20
    while (went + stopped < 300 or not went or not stopped) and time.monotonic() < until:
        put = await call(agent, "upload", path="~/race/real/canary", content="x", replace=True)
        got = await call(agent, "download", path="~/race/real/canary")
        assert got.is_error or facts(got)["text"] == "x"
        went, stopped = went + (not put.is_error), stopped + bool(put.is_error)
    inside(home, "os.unlink('race/on')")
    session.box.wait(pid)
    assert untouched(canary)
    assert went
    assert stopped


FULL = """
import subprocess, sys
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
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=711", "none", below], check=True)

async def main():
    async with open_desktop(DesktopOptions(below / "d", width=640, height=480)) as desktop:
        async with Client(DesktopServer(desktop, frozenset({"files"}))) as client:
            said = {}
            for n in range(4):
                put = await call(client, "upload", path=f"~/{n}", content="x" * 9_000_000)
                said[n] = text(put)
                if put.is_error: break
            print(said[n])
            put = await call(client, "upload", path="~/0", content="y" * 9_000_000, replace=True)
            print(text(put))
            look = "import os; print(sorted(os.listdir('.'))); print(open('0').read(1))"
            print(run_inside(session_of(desktop), look), end="")

anyio.run(main)
"""


def test_a_full_disk_is_said_and_leaves_no_half_a_file(tmp_path: Path) -> None:
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    here = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [*namespace, sys.executable, "-c", FULL, str(tmp_path), here],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    lines = ran.stdout.splitlines()
    assert len(lines) == 4, ran.stderr
    assert lines[0].endswith("cannot be written: No space left on device. Nothing was written.")
    assert lines[1] == "~/0 cannot be written: No space left on device. Nothing was written."
    assert ".upload" not in lines[2]
    assert lines[3] == "x"


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "PNG"), ("P", "PNG"), ("L", "JPEG")])
async def test_a_picture_is_shown(home: Desktop, agent: Client, mode: str, kind: str) -> None:
    name, file = f"~/{mode}.{kind.lower()}", BytesIO()
    Image.linear_gradient("L").resize((3000, 1500)).convert(mode).save(file, kind)
    content = base64.b64encode(file.getvalue()).decode()
    await call(agent, "upload", path=name, content=content, encoding="base64")
    got = await call(agent, "download", path=name)
    shown = picture(got)
    assert shown
    told = facts(got)
    assert (told["encoding"], told["shown"]) == ("picture", [1456, 728])
    drawn = Image.open(BytesIO(base64.b64decode(shown.data)))
    assert drawn.size == (1456, 728)
    assert len(got.model_dump_json()) <= 1_000_000
    raw = facts(await call(agent, "download", path=name, encoding="base64"))
    assert base64.b64decode(raw["base64"]) == file.getvalue()


@pytest.mark.parametrize("spoil", ["cut", "garbage", "huge", "gif"])
async def test_what_only_looks_like_a_picture_is_not_shown(
    home: Desktop, agent: Client, spoil: str
) -> None:
    file = BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "GIF" if spoil == "gif" else "PNG")
    data = bytearray(file.getvalue())
    if spoil == "cut":
        del data[900:]
    elif spoil == "garbage":
        data[60:200] = os.urandom(140)
    elif spoil == "huge":
        data[16:24] = (1 << 16).to_bytes(4) * 2
    content = base64.b64encode(data).decode()
    await call(agent, "upload", path=f"~/{spoil}.png", content=content, encoding="base64")
    got = await call(agent, "download", path=f"~/{spoil}.png")
    assert picture(got) is None
    assert base64.b64decode(facts(got)["base64"]) == data


async def test_a_secret_does_not_come_out(home: Desktop, agent: Client) -> None:
    write = "open('{0}', 'wb').write({1!r})"
    wide = SECRET.encode("utf-16-le")
    for name, data in (("s.bin", b"\0\xff" + SECRET.encode()), ("w.bin", b"\0\xff\1" + wide)):
        inside(home, write.format(name, data))
        why = (
            f"~/{name} holds the value of 'MAIL', so it is not handed out as it is; "
            'encoding="text" gives it without that.'
        )
        for more in ({}, {"encoding": "base64"}, {"encoding": "base64", "offset": 9}):
            assert refusal(await call(agent, "download", path=f"~/{name}", **more)) == why
    inside(home, write.format("s.txt", f"a {SECRET} b".encode()))
    told = facts(await call(agent, "download", path="~/s.txt"))
    assert told["text"] == "a [secret MAIL] b"
    for offset in (5, 10, 17):
        told = facts(await call(agent, "download", path="~/s.txt", offset=offset))
        assert told["text"] == "[secret MAIL] b"
    told = facts(await call(agent, "download", path="~/s.txt", limit=16))
    assert told["text"] == "a [secret MAIL]"


async def test_base64_that_happens_to_spell_a_secret_is_not_damaged(
    home: Desktop, agent: Client
) -> None:
    data = b"\0\xff!" * 10 + SPELT + b"\xfe" * 30
    content = base64.b64encode(data).decode()
    await call(agent, "upload", path="~/spells", content=content, encoding="base64")
    found, offset = b"", 0
    while offset is not None:
        told = facts(await call(agent, "download", path="~/spells", offset=offset))
        found, offset = found + base64.b64decode(told["base64"]), told.get("next_offset")
    assert found == data


async def test_bad_calls_are_said_and_write_nothing(home: Desktop, agent: Client) -> None:
    bad = await call(agent, "upload", path="~/bad", content="a!", encoding="base64")
    assert refusal(bad) == "The content is not base64. Nothing was written."
    beyond = await call(agent, "download", path="~/bad")
    assert refusal(beyond) == "There is no ~/bad; files_list tells what is there."
    await call(agent, "upload", path="~/bad", content="abc")
    beyond = await call(agent, "download", path="~/bad", offset=4)
    assert refusal(beyond) == "offset 4 is not possible; it goes from 0 to 3 bytes."
    folder = await call(agent, "upload", path="~/Documents", content="x", replace=True)
    assert refusal(folder) == (
        "~/Documents is a folder, not a file; files_list tells what is in it."
    )


async def test_nothing_stays_open(home: Desktop, agent: Client) -> None:
    """Neither here nor in the parent of the programs."""
    session = session_of(home)

    def count() -> list[int]:
        inits = [Path("/proc/self/fd"), Path(f"/proc/{session.box.pid}/fd")]
        return [len(list(one.iterdir())) for one in inits]

    async def all_of_it() -> None:
        await call(agent, "upload", path="~/count/x", content="x", replace=True)
        await call(agent, "upload", path="~/count/x", content="x")
        await call(agent, "download", path="~/count/x")
        await call(agent, "download", path="~/count/x/y")
        await call(agent, "files_list", path="~/count")

    await all_of_it()
    before = count()
    for _ in range(20):
        await all_of_it()
    # What is about to be closed on the other side of a socket takes a moment.
    assert until(lambda: all(now <= was for now, was in zip(count(), before, strict=True))), count()


@pytest.fixture
async def tools(agent: Client) -> list[Tool]:
    return (await agent.list_tools()).tools


async def test_the_tools_are_there_only_when_asked_for(home: Desktop, tools: list[Tool]) -> None:
    added = [tool for tool in tools if tool.name in ("files_list", "upload", "download")]
    assert len(added) == 3
    for tool in added:
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        for parameter in tool.input_schema["properties"].values():
            assert parameter["description"]
    listed = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in added]
    assert len(json.dumps(listed, ensure_ascii=False)) / 4 < 700  # tokens
    async with Client(DesktopServer(home)) as usual:
        names = {tool.name for tool in (await usual.list_tools()).tools}
    assert not names & {"files_list", "upload", "download"}


async def test_what_is_replaced_can_be_had_back(home: Desktop, keymap: Keymap) -> None:
    if not home.walled:
        pytest.skip("without walls there is no undo")
    async with (
        open_desktop(home.settings, keymap) as own,
        Client(DesktopServer(own, frozenset({"files"}))) as agent,
    ):
        await call(agent, "upload", path="~/precious", content="before")
        await call(agent, "upload", path="~/precious", content="after", replace=True)
        (made,) = facts(await call(agent, "checkpoint", action="list"))["checkpoints"]
        assert made["note"] == "before a file is replaced"
        await call(agent, "rollback")
        told = facts(await call(agent, "download", path="~/precious"))
        assert told["text"] == "before"

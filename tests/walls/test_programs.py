"""Programs behind walls work, reach what they may without a click, and nothing else."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from attempts import run_inside
from desks import session_of
from processes import children, until
from sites import site

from gloveport.sandbox.actions import ClickElement, Type
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import NotDone
from gloveport.sandbox.isolation.egress import EgressPolicy, Internet
from gloveport.sandbox.session.session import IsolationOptions, Session
from gloveport.sandbox.x11.keymap import Keymap

NAME = "小米官方旗舰店"
PAGE = b"<title>arrived</title><input aria-label=Search autofocus><button>Go</button>"


@pytest.fixture(scope="module")
async def shop(
    anyio_backend: str, below: Path, keymap: Keymap
) -> AsyncGenerator[tuple[Desktop, int, list[bytes]]]:
    """A walled desktop that may reach one site and nothing else; its port and what it was asked."""
    with site(PAGE) as (port, heads):
        network = EgressPolicy.parse(f"allow=a.example:{port}")
        internet = Internet({"a.example": "127.0.0.1"}, ("127.0.0.0/8",))
        enclosure = IsolationOptions(network=network, internet=internet)
        settings = DesktopOptions(below, width=1024, height=700, walls="bwrap", enclosure=enclosure)
        async with open_desktop(settings, keymap) as desktop:
            yield desktop, port, heads


Shop = tuple[Desktop, int, list[bytes]]


def sandboxes(session: Session, mark: bytes) -> list[tuple[int, int]]:
    """For each process with a mark on its command line: its filters, and namespaces of its own.

    Read from outside: what is in a sandbox shows itself to no other program.
    """
    own = {"user", "pid", "net"}
    init = children(session.box.pid)[0]
    found: list[tuple[int, int]] = []
    for pid in descendants(init):
        if mark in Path(f"/proc/{pid}/cmdline").read_bytes():
            status = Path(f"/proc/{pid}/status").read_text()
            filters = int(status.split("Seccomp_filters:")[1].split()[0])
            spaces = [
                Path(f"/proc/{pid}/ns/{one}").readlink()
                != Path(f"/proc/{init}/ns/{one}").readlink()
                for one in own
            ]
            found.append((filters, sum(spaces)))
    return found


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


async def test_curl(shop: Shop) -> None:
    desktop, port, heads = shop
    get = "import subprocess, sys; print(subprocess.run(['curl', '-sS', sys.argv[1]]).returncode)"
    assert "arrived" in run_inside(session_of(desktop), get, f"http://a.example:{port}/curl")
    assert heads[-1].startswith(b"GET /curl ")
    assert "was refused" in run_inside(session_of(desktop), get, "http://b.example/")
    frame = await desktop.look()
    assert frame.notices == (
        "b.example:80 was refused: this desktop may only reach a.example.",
    )  # fmt: skip
    assert (await desktop.look()).notices == ()


async def test_chromium_with_its_own_sandbox(shop: Shop) -> None:
    desktop, port, heads = shop
    await desktop.open(f"http://a.example:{port}/chromium")
    assert until(lambda: any(head.startswith(b"GET /chromium ") for head in heads))
    found, _ = await desktop.wait_for_window("arrived", 10)
    assert found
    frame = await desktop.do(Type(NAME, into="Search"))
    assert frame.told["typed"] == "verified"
    ask = """
import glob
for one in glob.glob('/proc/[0-9]*'):
    argv = open(one + '/cmdline', 'rb').read()
    if b'chromium' not in argv.split(b'\\0')[0]: continue
    if b'--type=renderer' in argv:
        print(open(one + '/status').read().split('Seccomp_filters:')[1].split()[0])
    if b'--no-sandbox' in argv: print('none')
"""
    filters = run_inside(session_of(desktop), ask).split()
    assert filters
    assert set(filters) == {"2"}
    if os.getuid() == 0:
        assert set(sandboxes(session_of(desktop), b"--type=renderer")) == {(2, 3)}
    frame = await desktop.open("http://c.example/page")
    assert any(notice.startswith("c.example") for notice in frame.notices)


async def test_firefox(shop: Shop) -> None:
    desktop, port, heads = shop
    argv = ["firefox-esr", f"http://a.example:{port}/firefox"]
    session_of(desktop).launch(argv)
    found, _ = await desktop.wait_for_window("arrived — mozilla", 30)
    assert found, (await desktop.windows(), session_of(desktop).folder.last_words("firefox-esr"))
    assert any(head.startswith(b"GET /firefox ") for head in heads)
    if os.getuid() == 0:  # the box's filter, and one or two of its own; it unshares the network
        found = sandboxes(session_of(desktop), b"-isForBrowser")
        assert found
        assert all(filters >= 2 and spaces >= 2 for filters, spaces in found)


async def test_a_port_inside_is_reached_directly(shop: Shop) -> None:
    serve = """
import http.server, subprocess, threading
inside = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=inside.serve_forever, daemon=True).start()
url = f'http://localhost:{inside.server_port}/'
print(subprocess.run(['curl', '-sS', url], capture_output=True, text=True).stdout)
"""
    assert "Directory listing" in run_inside(session_of(shop[0]), serve)


async def test_a_gtk_program(shop: Shop) -> None:
    desktop, _, _ = shop
    await desktop.open("mousepad")
    frame = await desktop.do(Type(NAME))
    assert frame.told["typed"] == "verified"
    await desktop.do(ClickElement("File"))
    _, scene = await desktop.read()
    names = {one.name for group in scene.groups for one in group.elements}
    assert any(name.startswith("Save") for name in names)


async def test_what_cannot_start_says_why(shop: Shop) -> None:
    with pytest.raises(NotDone, match="No such file"):
        await shop[0].open("/home/user/none.txt")

"""A program that has the X server to itself stops neither the picture nor the way back."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, decoded, facts, picture
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

# The X protocol by hand: there is no library for it inside. With a second connection that is
# stopped, to show that the grab holds.
GRAB = """
import os, socket, struct, sys, time
def connect():
    name = os.environ['DISPLAY'].partition(':')[2].partition('.')[0]
    raw = open(os.environ['XAUTHORITY'], 'rb').read(); cookie = raw[-16:]
    s = socket.socket(socket.AF_UNIX); s.connect('/tmp/.X11-unix/X' + name)
    hello = struct.pack('<BxHHHHxx', 0x6c, 11, 0, 18, 16)
    s.sendall(hello + b'MIT-MAGIC-COOKIE-1' + bytes(2) + cookie)
    status, length = struct.unpack('<BxxxxxH', s.recv(8))
    assert status == 1
    setup = b''
    while len(setup) < length * 4: setup += s.recv(length * 4 - len(setup))
    s.base, vendor, formats = struct.unpack('<4xI8xH3xB', setup[:22])
    s.root, = struct.unpack_from('<I', setup, 32 + (vendor + 3) // 4 * 4 + 8 * formats)
    return s
class Socket(socket.socket): __slots__ = ('base', 'root')
socket.socket = Socket
first, second = connect(), connect()
focus = struct.pack('<BxH', 43, 1)   # GetInputFocus, a round trip
first.sendall(struct.pack('<BxH', 36, 1) + focus)   # GrabServer
first.recv(32)
second.sendall(focus); second.settimeout(1)
try: second.recv(32); print('not grabbed', flush=True)
except TimeoutError: print('grabbed', flush=True)
time.sleep(0.5)
# CreateWindow: 100x100 at 20,30, white, and the window manager is not asked; MapWindow
first.sendall(struct.pack('<BBHIIhhHHHHIIII', 1, 0, 10, first.base, first.root, 20, 30, 100, 100, 0,
                          1, 0, 2 | 512, 0xffffff, 1))
first.sendall(struct.pack('<BxHI', 8, 2, first.base) + focus)
first.recv(32)
print('drawn', flush=True)
time.sleep(60)
"""


@pytest.fixture
async def walled(anyio_backend: str, below: Path, keymap: Keymap) -> AsyncGenerator[Desktop]:
    settings = DesktopOptions(below, width=640, height=480, walls="bwrap")
    async with open_desktop(settings, keymap) as desktop:
        yield desktop


async def test_a_grab_of_the_server(walled: Desktop) -> None:
    session = session_of(walled)
    async with Client(DesktopServer(walled)) as agent:
        before = await call(agent, "checkpoint", note="before the grab")
        session.launch(["/usr/bin/python3", "-c", GRAB])
        log = session.folder.log / "python3.log"
        assert until(lambda: "drawn" in log.read_text())
        assert log.read_text() == "grabbed\ndrawn\n"
        seen = decoded(picture(await call(agent, "screenshot")))
        assert seen.getpixel((70, 80)) == (255, 255, 255)
        assert facts(await call(agent, "mouse_move", coordinate=[300, 200]))["cursor"] == [300, 200]
        await call(agent, "rollback", to=facts(before)["checkpoint"])
        moved = facts(await call(agent, "open", target="terminal"))
        assert moved["window"]

"""What programs put in the way of our own side: sockets, buses and pipes that are something else.

Each trap is one that works: what follows it gets where it leads.
"""

import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest
from answers import call, facts, text
from attempts import PYTHON, run_inside
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.isolation import bubblewrap
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

RUN = bubblewrap.RUN


@asynccontextmanager
async def fresh(below: Path, keymap: Keymap) -> AsyncGenerator[tuple[Desktop, Client]]:
    """A desktop whose buses nobody has connected to yet."""
    settings = DesktopOptions(below, width=640, height=480, walls="bwrap")
    async with (
        open_desktop(settings, keymap) as desktop,
        Client(DesktopServer(desktop)) as client,
    ):
        yield desktop, client


@contextmanager
def host_socket(path: Path) -> Generator[Callable[[], int]]:
    """A socket of this machine that everybody may connect to; how many did since last asked."""
    with socket.socket(socket.AF_UNIX) as listening:
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o711)
        listening.bind(str(path))
        path.chmod(0o777)
        listening.listen()
        listening.setblocking(False)

        def connected() -> int:
            count = 0
            while True:
                try:
                    listening.accept()[0].close()
                except BlockingIOError:
                    return count
                count += 1

        try:
            yield connected
        finally:
            path.unlink()


def connects(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(path))


async def still_answers(client: Client, session: Session) -> None:
    """Whatever the buses are, the tools answer in time and programs run."""
    for name in ("read_screen", "screenshot"):
        began = time.monotonic()
        said = await call(client, name)
        assert not said.is_error, text(said)
        assert time.monotonic() - began < 50  # what every call is promised
    facts(await call(client, "left_click", coordinate=[5, 5]))
    assert run_inside(session, "print('alive')") == "alive\n"


async def test_a_session_bus_that_is_a_link_to_a_socket_of_the_host(
    below: Path, keymap: Keymap
) -> None:
    async with fresh(below, keymap) as (desktop, client):
        session = session_of(desktop)
        host = below / "host" / "socket"
        with host_socket(host) as connected:
            swap = "import os, sys; os.unlink(sys.argv[1]); os.symlink(sys.argv[2], sys.argv[1])"
            run_inside(session, swap, RUN / "bus", host)
            connects(session.folder.run / "bus")
            assert connected() == 1
            await still_answers(client, session)
            assert connected() == 0


async def test_an_accessibility_bus_below_a_link_to_a_folder_of_the_host(
    below: Path, keymap: Keymap
) -> None:
    async with fresh(below, keymap) as (desktop, client):
        session = session_of(desktop)
        folder = session.folder.run / "at-spi"
        assert until(lambda: any(folder.glob("bus*")))
        (bus,) = folder.glob("bus*")
        host = below / "host" / bus.name
        with host_socket(host) as connected:
            swap = """
import os, sys
os.rename(sys.argv[1], sys.argv[1] + '-kept'); os.symlink(sys.argv[2], sys.argv[1])
"""
            run_inside(session, swap, RUN / "at-spi", host.parent)
            connects(bus)
            assert connected() == 1
            await still_answers(client, session)
            assert connected() == 0


@pytest.mark.parametrize(
    "trap",
    [
        "os.mkfifo(path)",
        "os.mkdir(path)",
        "open(path, 'w').close()",
        "os.symlink(path, path)",
        # Connects, and is never answered.
        "import socket, time; s = socket.socket(1); s.bind(path); s.listen(9);on(); time.sleep(60)",
        # Full from the start.
        "import socket, time; s = socket.socket(1); s.bind(path); s.listen(0);"
        "t = socket.socket(1); t.connect(path); on(); time.sleep(60)",
        # Speaks, but nonsense.
        "import socket, threading; s = socket.socket(1); s.bind(path); s.listen(9); on()\n"
        "while True:\n"
        "    c = s.accept()[0]; c.send(b'OK ' + b'0' * 32 + b'\\r\\n' + b'AGREE_UNIX_FD\\r\\n')\n"
        "    threading.Thread(target=lambda: c.send(os.urandom(1 << 16))).start()",
    ],
    ids=["fifo", "folder", "file", "loop", "deaf", "full", "nonsense"],
)
async def test_a_session_bus_that_is_none(below: Path, keymap: Keymap, trap: str) -> None:
    async with fresh(below, keymap) as (desktop, client):
        session = session_of(desktop)
        code = f"""
import os, sys
path = {str(RUN / "bus")!r}
def on(): open('/home/user/on', 'w').close()
os.unlink(path)
{trap}
on()
"""
        session.launch([PYTHON, "-c", code])
        run_inside(session, "import os, time\nwhile not os.path.exists('on'): time.sleep(0.01)")
        await still_answers(client, session)


LIAR = """
import sys
from gi.repository import Gio, GLib
told = sys.argv[1]
about = Gio.DBusNodeInfo.new_for_xml('''<node><interface name="org.a11y.Bus">
<method name="GetAddress"><arg type="s" direction="out"/></method></interface></node>''')
def answer(connection, sender, path, interface, method, given, call):
    open('/home/user/asked', 'a').write('x')
    call.return_value(GLib.Variant('(s)', (told,)))
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
bus.register_object('/org/a11y/bus', about.interfaces[0], answer, None, None)
replace = Gio.BusNameOwnerFlags.REPLACE
Gio.bus_own_name_on_connection(bus, 'org.a11y.Bus', replace,
                               lambda *a: open('/home/user/owns', 'w').close(), None)
GLib.MainLoop().run()
"""


@pytest.mark.parametrize(
    "address",
    [
        "unix:path={host}",
        f"unix:path={RUN}/../../../../../../../../../../../..{{host}}",
        f"unix:path={RUN}//{{host}}",
        f"unix:path={RUN}/x,unix:path={{host}}",
        "unix:abstract={host}",
        "tcp:host=127.0.0.1,port=1",
        "unixexec:path=/usr/bin/touch,argv1={host}.made",
        f"unix:path={RUN}/link",
        f"unix:path={RUN}",
        "unix:path=",
        "",
    ],
)
async def test_an_address_of_the_accessibility_bus_that_leads_out(
    below: Path, keymap: Keymap, address: str
) -> None:
    async with fresh(below, keymap) as (desktop, client):
        session = session_of(desktop)
        host = below / "host" / "socket"
        with host_socket(host) as connected:
            link = "import os, sys; os.symlink(sys.argv[1], sys.argv[2])"
            run_inside(session, link, host, RUN / "link")
            session.launch([PYTHON, "-c", LIAR, address.format(host=host)])
            wait = "import os, time\nwhile not os.path.exists('owns'): time.sleep(0.01)"
            with anyio.fail_after(10):
                await anyio.to_thread.run_sync(run_inside, session, wait)
            await still_answers(client, session)
            assert connected() == 0
            assert run_inside(session, "print(open('asked').read() > '')") == "True\n"
        assert [*host.parent.iterdir()] == []


# Would run in the place of the session bus after an undo, as the first program of all, if the home
# could say what the bus is.
EVIL_BUS = """#!/usr/bin/python3
import os, sys, threading
run, host = '/run/user/1000/', sys.argv and {host!r}
def swap():
    os.symlink(host, run + 'trap')
    while True:
        try: os.lstat(run + 'wm-ready')
        except OSError: continue
        os.rename(run + 'trap', run + 'wm-ready')
        open('/home/user/sprung', 'w').close()
        return
if os.fork() == 0: swap(); os._exit(0)
os.execv('/usr/bin/dbus-daemon', sys.argv)
"""


async def test_a_session_bus_planted_in_the_home(below: Path, keymap: Keymap) -> None:
    canary = below / "canary"
    canary.write_text("")
    canary.chmod(0o666)
    before = canary.stat()
    async with fresh(below, keymap) as (desktop, client):
        session = session_of(desktop)
        plant = """
import os, sys
os.makedirs('.local/bin', exist_ok=True)
open('.local/bin/dbus-daemon', 'w').write(sys.argv[1]); os.chmod('.local/bin/dbus-daemon', 0o755)
"""
        run_inside(session, plant, EVIL_BUS.format(host=str(canary)))
        facts(await call(client, "checkpoint"))
        facts(await call(client, "rollback"))
        assert run_inside(session, "import os; print(os.path.exists('sprung'))") == "False\n"
        await still_answers(client, session_of(desktop))
    after = canary.stat()
    assert (after.st_uid, after.st_gid, after.st_size) == (before.st_uid, before.st_gid, 0)
    assert after.st_mtime_ns == before.st_mtime_ns
    canary.unlink()


@pytest.mark.parametrize(
    ("folder", "most"), [("/tmp", 1024), ("/var/tmp", 16), ("/dev", 0)]
)  # fmt: skip
def test_no_disk_in_memory_is_larger_than_it_says(walled: Session, folder: str, most: int) -> None:
    fill = """
import os, sys
folder, most = sys.argv[1], int(sys.argv[2])
try:
    with open(folder + '/fill', 'wb', 0) as file:
        for count in range(most + 8): file.write(bytes(1 << 20))
    print('all')
except OSError as why: print(why.strerror)
try: os.unlink(folder + '/fill')
except OSError: pass
"""
    why = "No space left on device\n" if most else "Read-only file system\n"
    assert run_inside(walled, fill, folder, most) == why

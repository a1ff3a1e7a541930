"""A desktop with a name of its own is there again after its server has ended, however it ended."""

import fcntl
import os
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest
from answers import call, facts
from mcp import Client, StdioServerParameters
from processes import alive, until

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.server.stdio.local_servers import about
from gloveport.server.stdio.state_folder import State

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
# A site that one is in by four kinds of storage; /in signs in, every other page tells in its title.
SITE = b"""<title>loading</title><script>
const opened = new Promise(done => {
  const asked = indexedDB.open('site', 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore('kept');
  asked.onsuccess = () => done(asked.result);
});
const asked = request => new Promise(done => { request.onsuccess = () => done(request.result); });
(async () => {
  const store = mode => opened.then(db => db.transaction('kept', mode).objectStore('kept'));
  if (location.pathname == '/in') {
    document.cookie = 'lasting=1; max-age=99999';
    document.cookie = 'session=1';
    localStorage.local = '1';
    await asked((await store('readwrite')).put('1', 'indexed'));
    location.replace('/');
  } else {
    const indexed = await asked((await store('readonly')).get('indexed'));
    document.title = ['In:', ...document.cookie.split('; ').map(one => one.split('=')[0]).sort(),
      ...Object.keys(localStorage), indexed ? 'indexed' : ''].join(' ') + '.';
  }
})();
</script>"""
IN = "In: lasting session local indexed."


@pytest.fixture(scope="module")
def runtime() -> Generator[Path]:
    """A state folder with a short name, as a Unix socket needs; what is kept is below it."""
    with tempfile.TemporaryDirectory(prefix="gp") as folder:
        yield Path(folder)


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(SITE)))
        self.end_headers()
        self.wfile.write(SITE)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def site() -> Generator[int]:
    """A web server of the site; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as serving:
        serving.daemon_threads = True  # a browser keeps its connections
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        try:
            yield serving.server_port
        finally:
            serving.shutdown()


@contextmanager
def ended(runtime: Path, name: str) -> Generator[None]:
    """End the server of a name afterwards."""
    try:
        yield
    finally:
        if pid := server(runtime, name):
            end(pid, signal.SIGTERM)


def server(runtime: Path, name: str) -> int:
    return (about(State(runtime), name) or {"pid": 0})["pid"]


def end(pid: int, number: int) -> None:
    os.kill(pid, number)
    assert until(lambda: not alive(pid))


def client(runtime: Path, name: str, *options: str) -> Client:
    args = ["stdio", "--name", name, "--size", "640x480", "--state-dir", str(runtime)]
    given = [*COMMAND[1:], *args, "--policy", "none", "--tools", "files", *options]
    environment = {"PATH": os.environ["PATH"]}  # noqa: TID251
    return Client(StdioServerParameters(command=COMMAND[0], args=given, env=environment))


async def titles(asking: Client) -> list[str]:
    return [one["title"] for one in facts(await call(asking, "windows"))["windows"]]


async def shows(asking: Client, title: str) -> list[str]:
    """Wait until a window's title has this in it; all titles then."""
    told = await call(asking, "wait_for", event="window", text=title, seconds=40)
    assert facts(told)["happened"], await titles(asking)
    return await titles(asking)


@pytest.mark.timeout(180)
async def test_logins_tabs_files_and_checkpoints_survive_kill_9_and_a_stop(runtime: Path) -> None:
    with site() as port, ended(runtime, "work"):
        network = ("--network", f"allow=host.internal:{port}")
        async with client(runtime, "work", *network) as asking:
            await call(asking, "upload", path="~/note.txt", content="kept")
            made = facts(await call(asking, "checkpoint", note="before"))["checkpoint"]
            await call(asking, "upload", path="~/later.txt", content="after")
            await call(asking, "open", target=f"http://host.internal:{port}/in")
            await shows(asking, IN)
        for number in (signal.SIGKILL, signal.SIGTERM):
            end(server(runtime, "work"), number)
            async with client(runtime, "work", *network) as asking:
                assert await shows(asking, IN)
                told = facts(await call(asking, "download", path="~/note.txt"))
                assert told["text"] == "kept"
                assert not facts(await call(asking, "find", text="Restore pages?"))["found"]
        async with client(runtime, "work", *network) as asking:
            facts(await call(asking, "rollback", to=made))
            listed = str(facts(await call(asking, "files_list")))
            assert "note.txt" in listed
            assert "later.txt" not in listed
    kept = runtime / "homes" / "work"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    fd = os.open(kept, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nothing of it runs any more
    os.close(fd)


async def test_nothing_is_kept_of_what_has_no_name_or_is_ephemeral(runtime: Path) -> None:
    for name, options in (("main", ()), ("once", ("--ephemeral",))):
        with ended(runtime, name):
            async with client(runtime, name, *options) as asking:
                await call(asking, "upload", path="~/note.txt", content="kept")
        assert not (runtime / "homes" / name).exists()


# Dies while its programs are frozen, as they are for a copy.
DIES_FROZEN = """
import asyncio, os, signal, sys
from pathlib import Path
from gloveport.sandbox.desktop import DesktopOptions, open_desktop

async def main(folder):
    options = DesktopOptions(folder / "run", walls="bwrap", stay=folder / "homes/frozen")
    async with open_desktop(options) as desktop:
        await desktop.upload("~/note.txt", b"kept")
        session = desktop._life.runtime.session
        with (session.groups and session.groups.frozen()) or session.box.frozen():
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_one_that_was_killed_while_it_was_copied_opens_again(runtime: Path) -> None:
    died = await anyio.run_process(
        [sys.executable, "-c", DIES_FROZEN, str(runtime)], check=False, stderr=None
    )
    assert died.returncode == -signal.SIGKILL
    options = DesktopOptions(runtime / "run", walls="bwrap", stay=runtime / "homes/frozen")
    async with open_desktop(options) as desktop:  # it waits until the other has ended
        assert (await desktop.download("~/note.txt")).content == "kept"

"""Endurance: agents work on three desktops while parts of them are killed, hung and filled.

    .venv/bin/python bench/soak.py [MINUTES] [--picture FILE] [--every SECONDS] [--seed N]

One server as a user starts it, three desktops, two MCP clients over the wire that call every tool
but those that need a person, a watcher of the live view, and a fault in one desktop every 30 s. A
failure is a call that takes longer than the 50 s each promises, an answer that is no sentence, a
desktop that is not up at the end, a file that is not there then as it was written, and a process,
folder or mount that outlives the server. Prints calls and refusals by kind, and draws memory,
descriptors and processes. Needs root: the faults are made from outside, and the server has a
/tmp of its own in a mount namespace, whatever else there is on this machine.
"""

import argparse
import base64
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from processes import children, command
from vandals import EATER, FILLER, KILL_CLIENTS, LIAR, STORM, STORMS
from viewers import viewing
from views import viewing as at_the_page
from web import bearer

HANG = 50.0  # seconds; what each call promises
DESKTOPS = 3
OWN = "tmp"  # in the folder of the run: what the server has for /tmp, where desktops live
COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
PROGRAMS = ("mousepad", "xterm", "Chromium", "thunar", "data:text/html,<button>Go</button><input>")
SAMPLE = 5.0  # seconds
_FREE_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d.,]*")


@dataclass
class Files:
    """What the files of one desktop must be; one client at a time writes."""

    now: dict[str, bytes] = field(default_factory=dict[str, bytes])
    kept: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    unsure: dict[str, set[bytes]] = field(default_factory=dict[str, set[bytes]])
    """What else a file may be, where a call did not say whether it was done; b"" is none."""
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass
class Report:
    calls: Counter[str] = field(default_factory=Counter[str])
    refusals: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])
    taken: list[float] = field(default_factory=list[float])
    samples: list[tuple[float, dict[str, float]]] = field(
        default_factory=list[tuple[float, dict[str, float]]]
    )
    began: float = field(default_factory=time.monotonic)

    def fail(self, what: str) -> None:
        what = f"{time.monotonic() - self.began:6.0f} s  {what}"
        print(f"FAILURE {what}", flush=True)
        self.failures.append(what)


@dataclass(frozen=True)
class Server:
    pid: int
    url: str
    token: str
    state: Path


@contextmanager
def running(folder: Path) -> Generator[Server]:
    token = base64.b16encode(os.urandom(20)).decode()
    (folder / "token").write_text(token)
    (folder / "token").chmod(0o600)
    own = folder / OWN
    own.mkdir()
    own.chmod(0o1777)
    mount = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"']
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*mount, str(own), "/tmp", *COMMAND,
             "serve", "--port", "0", "--size", "1024x768", "--desktops", str(DESKTOPS),
             "--state-dir", str(folder), "--token-file", str(folder / "token"), "--walls", "bwrap",
             "--policy", "none", "--tools", "files,low-level"],
            stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        url = next((one.split()[1] for one in lines if one.startswith("  MCP ")), "")
        if not url or not any("Ctrl+C" in line for line in lines):
            raise RuntimeError((folder / "server.log").read_text()[-2000:])
        yield Server(process.pid, url.removesuffix("/mcp"), token, folder)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            print("FAILURE the server did not end within 60 s", flush=True)
            process.kill()


class Agent:
    """One MCP client that calls whatever there is, on the desktops it is given."""

    def __init__(
        self, client: Client, names: Sequence[str], files: dict[str, Files], report: Report,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self._client, self._names, self._files = client, names, files
        self._report, self._chance = report, chance

    async def call(self, desktop: str, tool: str, **given: Any) -> dict[str, Any] | str:
        """What a tool answered: its facts, or the sentence it refused with."""
        began = time.monotonic()
        self._report.calls[tool] += 1
        with anyio.move_on_after(HANG + 25):
            result = await self._client.call_tool(tool, {"desktop": desktop, **given})
            taken = time.monotonic() - began
            self._report.taken.append(taken)
            if taken > HANG:
                self._report.fail(f"{tool} of {desktop} took {taken:.1f} s")
            assert isinstance(result, CallToolResult)
            last = result.content[-1]
            said = last.text if isinstance(last, TextContent) else ""
            if not result.is_error:
                return dict(json.loads(said)) if said.startswith("{") else {"text": said}
            kind = _FREE_TEXT.sub("…", said)[:110]
            self._report.refusals[kind] += 1
            if not said or "Traceback" in said or len(said) > 20_000:
                self._report.fail(f"{tool} answered {said[:300]!r}")
            return said
        self._report.fail(f"{tool} of {desktop} gave no answer within {HANG + 25:g} s")
        return "no answer"

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            desktop = self._chance.choice(self._names)
            doing = self._chance.choice(
                (self.act,) * 8 + (self.look,) * 6 + (self.write, self.undo)
            )
            try:
                await doing(desktop)
            except Exception as why:  # noqa: BLE001 - a call failed that should have answered
                self._report.fail(f"{doing.__name__} of {desktop}: {type(why).__name__} {why}")
                await anyio.sleep(1)

    async def act(self, desktop: str) -> None:
        pick, at = self._chance.choice, self._at
        tools: list[tuple[str, dict[str, Any]]] = [
            ("left_click", {"coordinate": at()}), ("double_click", {"coordinate": at()}),
            ("triple_click", {"coordinate": at()}), ("right_click", {"coordinate": at()}),
            ("middle_click", {"coordinate": at()}), ("mouse_move", {"coordinate": at()}),
            ("left_click_drag", {"start_coordinate": at(), "coordinate": at()}),
            ("left_mouse_down", {}), ("left_mouse_up", {}),
            ("scroll", {"coordinate": at(), "scroll_direction": pick(("up", "down")),
                        "scroll_amount": 3}),
            ("type", {"text": pick(("hello world ", "小米官方旗舰店", "naïve café\n"))}),
            ("key", {"text": pick(("Return", "ctrl+a", "Escape", "alt+F4", "Tab"))}),
            ("hold_key", {"text": "shift", "duration": 0.2}), ("wait", {"duration": 0.2}),
            ("key_down", {"text": "a"}), ("key_up", {"text": "a"}),
            ("open", {"target": pick(PROGRAMS)}),
            ("clipboard", {"action": "write", "text": "x" * self._chance.randint(1, 100_000)}),
            ("windows", {"action": pick(("focus", "close", "maximize")),
                         "window": pick(("xterm", "Mousepad", "Chromium", "user"))}),
            ("click_element", {"target": pick(("File", "Go", "Edit"))}),
            ("actions", {"actions": [{"action": "mouse_move", "coordinate": at()},
                                     {"action": "left_click"}, {"action": "key", "text": "a"}]}),

        ]  # fmt: skip
        tool, given = pick(tools)
        await self.call(desktop, tool, **given)

    async def look(self, desktop: str) -> None:
        pick = self._chance.choice
        tools: list[tuple[str, dict[str, Any]]] = [
            ("screenshot", {}), ("zoom", {"region": [10, 10, 400, 300]}), ("cursor_position", {}),
            ("read_screen", {}), ("find", {"text": pick(("File", "user", "Go"))}),
            ("windows", {}), ("clipboard", {}), ("checkpoint", {"action": "list"}),
            ("files_list", {}), ("desktops", {}), ("show_desktop", {}),
            ("wait_for", {"event": pick(("still", "change")), "seconds": 2}),
            ("wait_for", {"event": "text", "text": "Go", "seconds": 1}),
        ]  # fmt: skip
        tool, given = pick(tools)
        await self.call(desktop, tool, **given)

    def _at(self) -> list[int]:
        return [self._chance.randrange(1024), self._chance.randrange(768)]

    async def write(self, desktop: str) -> None:
        files = self._files[desktop]
        async with files.lock:
            name = f"~/soak/{self._chance.randrange(40)}.bin"
            data = self._chance.randbytes(self._chance.choice((10, 5_000, 300_000)))
            told = await self.call(
                desktop, "upload", path=name, content=base64.b64encode(data).decode(),
                encoding="base64", replace=True,
            )  # fmt: skip
            if isinstance(told, dict):
                files.now[name] = data
                files.unsure.pop(name, None)
            elif "Nothing was written" not in told:
                files.unsure.setdefault(name, set()).add(data)
            await self.compare(desktop, self._chance.choice(sorted(files.now) or [name]))

    async def compare(self, desktop: str, name: str) -> bool:
        """Read a file and see that it is what was written; False when it could not be read."""
        files = self._files[desktop]
        got, offset = b"", 0
        while True:
            told = await self.call(
                desktop, "download", path=name, encoding="base64", offset=offset, limit=400_000
            )
            if isinstance(told, str):
                if "There is no" not in told:
                    return False
                got = b""
                break
            got += base64.b64decode(told["base64"])
            if not (offset := told.get("next_offset", 0)):
                break
        may = files.unsure.get(name, set[bytes]()) | {files.now.get(name, b"")}
        if got not in may:
            self._report.fail(
                f"{name} of {desktop} has {len(got)} bytes, not one of {sorted(map(len, may))}"
            )
        if got:
            files.now[name] = got
        else:
            files.now.pop(name, None)
        files.unsure.pop(name, None)
        return True

    async def undo(self, desktop: str) -> None:
        files = self._files[desktop]
        async with files.lock:
            if not files.kept or self._chance.random() < 0.6:
                told = await self.call(desktop, "checkpoint", note="soak")
                if isinstance(told, dict) and not files.unsure:
                    files.kept[str(told["checkpoint"])] = dict(files.now)
                return
            listed = await self.call(desktop, "checkpoint", action="list")
            if isinstance(listed, str):
                return
            there = {one["checkpoint"] for one in listed["checkpoints"]}
            for gone in set(files.kept) - there:
                del files.kept[gone]
            if not files.kept:
                return
            to = self._chance.choice(sorted(files.kept))
            told = await self.call(desktop, "rollback", to=to)
            before, after = files.now, files.kept[to]
            if isinstance(told, dict):
                files.now = dict(after)
                files.unsure.clear()
            else:
                for name in before.keys() | after.keys():
                    files.unsure.setdefault(name, set()).add(after.get(name, b""))
            for name in list(before.keys() | after.keys())[:3]:
                await self.compare(desktop, name)


@dataclass(frozen=True)
class Victim:
    """The processes of one desktop, as they are now."""

    outer: int
    names: dict[str, list[int]]
    init: int

    def inside(self, code: str, *given: object) -> None:
        """Run a program among those of the desktop, and do not wait for it."""
        environ = Path(f"/proc/{self.names['openbox'][0]}/environ").read_bytes().split(b"\0")
        subprocess.Popen(
            ["nsenter", "-t", str(self.init), "-U", "-m", "-p", "-n", "-i", "-S", "1000", "-G",
             "1000", "env", "-C", "/", "-i", *(one for one in environ if one),
             "timeout", "-s", "KILL", "20", "/usr/bin/python3", "-c", code, *map(str, given)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.defpath},
        )  # fmt: skip


def tree(pid: int) -> list[int]:
    return [pid, *(below for child in children(pid) for below in tree(child))]


def victims(server: int) -> list[Victim]:
    """The desktops of the server that are up."""
    found: list[Victim] = []
    for outer in children(server):
        names: dict[str, list[int]] = {}
        for pid in tree(outer):
            names.setdefault(command(pid), []).append(pid)
        if "openbox" in names and "Xvfb" in names:
            status = Path(f"/proc/{names['openbox'][0]}/status").read_text()
            init = int(re.findall(r"PPid:\s+(\d+)", status)[0])
            found.append(Victim(outer, names, init))
    return found


def kill(*names: str, number: int = signal.SIGKILL) -> Callable[[Victim], None]:
    def make(victim: Victim) -> None:
        for name in names:
            for pid in victim.names.get(name, []):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    return make


def hang(*names: str) -> Callable[[Victim], None]:
    """Stop programs for good."""
    return kill(*names, number=signal.SIGSTOP)


FAULTS: dict[str, Callable[[Victim], None]] = {
    "X killed": kill("Xvfb"),
    "X hangs": hang("Xvfb"),
    "window manager killed": kill("openbox"),
    "window manager hangs": hang("openbox"),
    "buses killed": kill("dbus-daemon"),
    "accessibility killed": kill("at-spi-bus-laun"),
    "connections cut": lambda victim: victim.inside(KILL_CLIENTS),
    "programs hang": hang("mousepad", "chromium", "xterm", "thunar"),
    "programs killed": kill("mousepad", "xterm"),
    "pixmaps eaten": lambda victim: victim.inside(EATER, 1024, 8),
    "storm: painted": lambda victim: victim.inside(STORM, STORMS["painted"]),
    "storm: resized": lambda victim: victim.inside(STORM, STORMS["resized"]),
    "lies: types": lambda victim: victim.inside(LIAR, "types"),
    "lies: nothing": lambda victim: victim.inside(LIAR, "empty"),
    "lies: 30 MB": lambda victim: victim.inside(LIAR, "long"),
    "lies: silence": lambda victim: victim.inside(LIAR, "mute"),
    "disk filled": lambda victim: victim.inside(FILLER),
    "programs' init killed": lambda victim: os.kill(victim.init, signal.SIGKILL),
}


async def vandalise(
    server: Server, every: float, until: float, report: Report, chance: random.Random
) -> None:
    order: list[str] = []
    while time.monotonic() + every < until:
        await anyio.sleep(every)
        there = victims(server.pid)
        if not there:
            continue
        if not order:
            order = chance.sample(sorted(FAULTS), len(FAULTS))
        name = order.pop()
        report.faults[name] += 1
        print(f"{time.monotonic() - report.began:6.0f} s  {name}", flush=True)
        with suppress(OSError):
            FAULTS[name](chance.choice(there))


async def watch(server: Server, report: Report, until: float) -> None:
    """Watch the first desktop as a browser does, and come back when the view is closed."""
    while time.monotonic() < until:
        try:
            at = f"ws{server.url.removeprefix('http')}/live/main/rfb"
            async with (
                at_the_page(server.url, token=server.token) as page,
                viewing(at, origin=server.url, headers=page.cookie) as viewer,
            ):
                report.calls["(views opened)"] += 1
                while time.monotonic() < until:
                    await viewer.ask()
                    with anyio.move_on_after(10):
                        await viewer.take_update(3600)
                        report.calls["(updates seen)"] += 1
        except Exception as why:  # noqa: BLE001 - it is counted, and the view opened again
            report.refusals[f"(view) {type(why).__name__}: {str(why)[:80]}"] += 1
            await anyio.sleep(1)


def measure(server: Server) -> dict[str, float]:
    family = tree(server.pid)
    resident = 0
    with suppress(OSError, StopIteration):
        status = Path(f"/proc/{server.pid}/status").read_text().splitlines()
        resident = int(next(one for one in status if one.startswith("VmRSS")).split()[1])
    return {
        "memory of the server, MB": resident / 1024,
        "descriptors of the server": len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
        "threads of the server": len(list(Path(f"/proc/{server.pid}/task").iterdir())),
        "processes below it": len(family) - 1,
    }


async def sample(server: Server, report: Report, until: float) -> None:
    while time.monotonic() < until:
        with suppress(OSError):
            report.samples.append((time.monotonic() - report.began, measure(server)))
        await anyio.sleep(SAMPLE)


@asynccontextmanager
async def connected(server: Server) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=120, headers=bearer(server.token)) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
    ):
        yield client


async def soak(server: Server, minutes: float, every: float, seed: int) -> Report:
    report, chance = Report(), random.Random(seed)
    async with connected(server) as first, connected(server) as second:
        names = ["main"]
        for _ in range(DESKTOPS - 1):
            opened = await first.call_tool("desktops", {"action": "open"})
            assert isinstance(opened, CallToolResult)
            assert isinstance(opened.content[-1], TextContent)
            names.append(json.loads(opened.content[-1].text)["opened"])
        files = {name: Files() for name in names}
        agents = [
            Agent(client, some, files, report, random.Random(seed + place))
            for place, (client, some) in enumerate(((first, names[:2]), (second, names[1:])), 1)
        ]
        until = time.monotonic() + minutes * 60
        async with anyio.create_task_group() as tasks:
            for agent in agents:
                tasks.start_soon(agent.work, until)
            tasks.start_soon(watch, server, report, until)
            tasks.start_soon(vandalise, server, every, until, report, chance)
            tasks.start_soon(sample, server, report, until)
        for name in names:
            await agents[0].call(name, "screenshot")  # says what was started again
            if isinstance(said := await agents[0].call(name, "screenshot"), str):
                report.fail(f"{name} is not up at the end: {said[:200]}")
            for path in list(files[name].now):
                if not await agents[0].compare(name, path):
                    report.fail(f"{path} of {name} could not be read at the end")
            report.calls["(files compared at the end)"] += len(files[name].now)
    return report


def leftovers(state: Path) -> list[str]:
    """What is left of the desktops after the server has ended."""
    left = [str(path) for path in (state / OWN).glob("*/desktops/*")]
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            if str(state / OWN) in mounts.read_text():  # a process in a namespace of the server's
                left.append(str(mounts))
    return left


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """By how much it grows an hour, by least squares over the second half."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        return 0.0
    return statistics.linear_regression(*zip(*half, strict=True)).slope * 3600


def draw(report: Report, file: Path) -> None:
    """Each measure over time, one below the other."""
    names = list(report.samples[0][1])
    width, each = 1000, 150
    image = Image.new("RGB", (width, each * len(names)), "white")
    pen = ImageDraw.Draw(image)
    end = report.samples[-1][0] or 1
    for place, name in enumerate(names):
        values = [(when, one[name]) for when, one in report.samples]
        top, most = place * each, max(value for _, value in values) or 1
        points = [
            (60 + when / end * (width - 80), top + each - 15 - value / most * (each - 45))
            for when, value in values
        ]
        pen.text((10, top + 5), f"{name}: most {most:.0f}, {slope(values):+.1f} an hour", "black")
        pen.line(points, fill="navy", width=2)
        pen.line((60, top + each - 15, width - 20, top + each - 15), fill="grey")
    image.save(file)


def tell(report: Report, left: Sequence[str]) -> None:
    seconds = report.samples[-1][0] if report.samples else 0
    print(f"\n{sum(report.calls.values())} calls in {seconds / 60:.1f} minutes")
    for counted in (report.calls, report.faults, report.refusals):
        print()
        for name, count in counted.most_common():
            print(f"  {count:6}  {name}")
    if report.taken:
        ordered = sorted(report.taken)
        print(f"\nmedian {statistics.median(ordered):.3f} s, "
              f"99 of 100 within {ordered[int(len(ordered) * 0.99)]:.1f} s, "
              f"longest {ordered[-1]:.1f} s")  # fmt: skip
    for name in report.samples[0][1] if report.samples else ():
        values = [(when, one[name]) for when, one in report.samples]
        print(f"  {name}: {values[0][1]:.0f} at first, {values[-1][1]:.0f} at the end, "
              f"{slope(values):+.1f} an hour in the second half")  # fmt: skip
    for one in (*report.failures, *(f"left: {one}" for one in left)):
        print(f"FAILURE {one}")
    print(f"{len(report.failures)} failures, {len(left)} leftovers")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("minutes", type=float, nargs="?", default=10)
    parser.add_argument("--every", type=float, default=30, help="seconds between faults")
    parser.add_argument("--picture", type=Path, help="where to draw what was measured, as PNG")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="where to keep the server's log")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gloveport-soak-", dir="/var/tmp") as below:
        folder = Path(below)
        folder.chmod(0o711)
        with running(folder) as server:
            report = anyio.run(soak, server, asked.minutes, asked.every, asked.seed)
        left = leftovers(folder)
        if asked.log:
            asked.log.write_bytes((folder / "server.log").read_bytes())
    tell(report, left)
    if asked.picture:
        draw(report, asked.picture)
    return bool(report.failures or left)


if __name__ == "__main__":
    sys.exit(main())

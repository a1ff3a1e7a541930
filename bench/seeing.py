"""How fast, how exact and how cheap seeing is, side by side with the usual ways, in one run.

    .venv/bin/python bench/seeing.py [tree] [find] [points] [tokens] [--clicks N]

    tree    read a page of 500 things, and walk the same tree as most tools do
    find    a text by the tree, and by OCR of the whole screen (needs the extra: ocr)
    points  click N random things, by the points that reading gave, in windows of five toolkits and
            on screens of four sizes; their own records say what was hit
    tokens  what the demo's errand costs a model by text alone, against a picture a step

Machines are noisy: read the ratios, not the milliseconds.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from mcp import Client

from gloveport.clients.desk import DeskClient, connect
from gloveport.clients.practice.shop import Shop, open_shop
from gloveport.clients.scripted.reader import Reader
from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.actions import Click
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.screen.settle import Patience
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from accessible import ACCESSIBLE, COMPONENT, accessibility_bus, asked, property_of
from desks import session_of
from fields import field, site
from processes import until
from web import served

PICTURE = 1280 * 800 // 768  # tokens of a screenshot, one for each 28 x 28 pixels or so
SIZES = ((1280, 800), (1920, 1080), (2560, 1440), (3840, 2160))
KINDS = ("gtk3", "gtk4", "qt", "chromium", "firefox")
ROUNDS = 15
_AT_ONCE = Patience(first=0.0, quiet=0.0)
_TILES = [f"Tile {place}" for place in range(24)]


async def timed(name: str, work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1e3)
    median = statistics.median(taken)
    print(f"  {name:<48} {median:8.1f} ms   n={rounds}")
    return median


@asynccontextmanager
async def opened_page(desktop: Desktop, folder: Path, html: str) -> AsyncGenerator[None]:
    """A page in Chromium, once it is in view."""
    session = session_of(desktop)
    path = folder / "page.txt"
    done = "<script>fetch('/value', {method: 'POST', body: ''})</script>"
    with site(
        path, f"<!doctype html><meta charset=utf-8><title>bench</title>{html}{done}".encode()
    ) as url:
        browser = str(session.folder.home / ".local/bin/chromium")
        pid = session.launch([browser, f"--user-data-dir={folder / 'profile'}", url])
        assert await anyio.to_thread.run_sync(lambda: until(path.exists, 30))
        await desktop.wait_until_still(10)
        await anyio.sleep(4)  # a browser has things to do for a while after it has started
        yield
        session.box.signal(pid, 15)
        await anyio.to_thread.run_sync(lambda: until(lambda: not Path(f"/proc/{pid}").exists()))


async def bench_tree(desktop: Desktop, folder: Path) -> None:
    print("\nRead a page of 500 things (target: 150 ms)")
    buttons = "".join(f"<button style='width:48px;font-size:9px'>B{n}</button>" for n in range(480))
    async with opened_page(desktop, folder, buttons), Client(DesktopServer(desktop)) as client:
        await timed("warm up", lambda: client.call_tool("read_screen", {}), 3)
        ours = await timed("read_screen", lambda: client.call_tool("read_screen", {}))
        naive = await timed("a walk, six questions for each node", lambda: walk(desktop), 3)
        print(f"  the walk takes {naive / ours:.1f} x as long")


async def walk(desktop: Desktop) -> int:
    """What a recursive walk costs: children, role, states, name, interfaces and place of each."""

    pids = {one.pid for one in desktop.runtime.windows.layers()}
    count = 0
    async with accessibility_bus(session_of(desktop)) as bus:
        root = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
        (programs,) = await asked(bus, root, f"{ACCESSIBLE}.GetChildren")
        level: list[tuple[str, str]] = []
        for name, path in programs:
            dbus = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
            ask_pid = "org.freedesktop.DBus.GetConnectionUnixProcessID"
            if (await asked(bus, dbus, ask_pid, "s", name))[0] in pids:
                level.append((name, path))
        while level:
            key = level.pop()
            count += 1
            for member in ("GetRole", "GetState", "GetInterfaces"):
                await asked(bus, key, f"{ACCESSIBLE}.{member}")
            await property_of(bus, key, ACCESSIBLE, "Name")
            if not key[1].endswith("root"):
                await asked(bus, key, f"{COMPONENT}.GetExtents", "u", 0)
            (children,) = await asked(bus, key, f"{ACCESSIBLE}.GetChildren")
            level += [(one[0], one[1]) for one in children]
    return count


async def bench_find(desktop: Desktop, folder: Path) -> None:
    print("\nFind a text on a shop's page (targets: 100 ms by tree, 1,500 ms by OCR)")
    words = "".join(
        f"<div style='display:inline-block;width:210px;margin:4px'><h3>小米手机 {n} Pro</h3>"
        f"<p>¥{1000 + 37 * n} 已售 {n * 13}</p><button>加入购物车 {n}</button></div>"
        for n in range(20)
    )
    async with opened_page(desktop, folder, words), Client(DesktopServer(desktop)) as client:
        await timed("by the tree", lambda: client.call_tool("find", {"text": "加入购物车 7"}))
        whole = Rect(0, 0, 1280, 800)

        shade = itertools.count()

        async def read() -> int:
            parts = desktop.runtime
            pixels = parts.eyes.pixels().copy()
            pixels[0, 0, 0] = next(shade) % 256  # what looks the same is not read twice
            return len(await anyio.to_thread.run_sync(parts.ocr.read, pixels, whole))

        lines = await read()  # starts the engine
        await timed(f"by OCR of 1280x800, {lines} lines", read, 7)


async def bench_points(folder: Path, keymap: Keymap, clicks: int) -> None:
    print(f"\nClick {clicks} random things by the points that reading gave (target: all hit)")
    each = -(-clicks // (len(SIZES) * len(KINDS)))
    hit = made = 0
    for width, height in SIZES:
        settings = DesktopOptions(folder / f"{width}", width=width, height=height)
        async with open_desktop(settings, keymap) as desktop:
            for kind in KINDS:
                with field(session_of(desktop), kind, folder, "form") as opened:
                    points = await tiles(desktop)
                    chosen = random.Random(f"{kind}{width}").choices(_TILES, k=each)
                    for tile in chosen:
                        one = points[tile]
                        await desktop.do(Click(one.point), show="never", patience=_AT_ONCE)

                    clicked = await anyio.to_thread.run_sync(recorded, opened.path, len(chosen))
                    right = sum(a == b for a, b in zip(chosen, clicked, strict=False))
                    hit, made = hit + right, made + len(chosen)
                    print(f"  {width}x{height} {kind:<9} {right} of {len(chosen)}")
    print(f"  in all: {hit} of {made}")


def recorded(path: Path, many: int) -> list[str]:
    """The tiles that were clicked by a window's own record, once there are so many."""
    until(lambda: len(json.loads(path.read_text())["clicked"]) >= many, 10)
    return json.loads(path.read_text())["clicked"]


async def tiles(desktop: Desktop) -> dict[str, Element]:
    shown, _ = await desktop.wait_until_shown("Tile 23", 30, role="button")
    assert shown
    await desktop.wait_until_still(5)
    _, scene = await desktop.read()
    return {one.name: one for one in scene.elements if one.name in _TILES}


async def bench_tokens(desktop: Desktop) -> None:
    print("\nThe demo's errand by text alone (target: 0.4 x a picture a step)")
    shop = Shop()
    async with served(desktop) as server, open_shop(shop) as url, connect(f"{server}/mcp") as desk:
        steps = 0

        def told(_: object) -> None:
            nonlocal steps
            steps += 1

        reader = Reader(_Blind(desk.mcp), told)
        await reader.buy(url)
        assert shop.done
        tokens = sum(map(cost, reader.characters))
        print(f"  {steps} steps, {len(reader.characters)} answers, about {tokens} tokens")
        print(f"  {tokens / steps:.0f} a step against {PICTURE} for a picture: "
              f"{tokens / steps / PICTURE:.2f} x")  # fmt: skip


class _Blind(DeskClient):
    """Sees to it that no picture comes."""

    async def call(self, name: str, /, **arguments: object):
        answer = await super().call(name, **arguments)
        assert not answer.data, name
        return answer


def cost(text: str) -> int:
    """About how many tokens a text is: four Latin characters, or one of the others."""
    plain = sum(char.isascii() for char in text)
    return plain // 4 + len(text) - plain


async def main(which: Sequence[str], clicks: int) -> None:
    keymap = Keymap()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with open_desktop(DesktopOptions(folder / "d"), keymap) as desktop:
            if "tree" in which:
                await bench_tree(desktop, folder)
            if "find" in which:
                await bench_find(desktop, folder)
            if "tokens" in which:
                await bench_tokens(desktop)
        if "points" in which:
            await bench_points(folder, keymap, clicks)


if __name__ == "__main__":
    names = ("tree", "find", "points", "tokens")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("which", nargs="*", choices=[[], *names], default=[])
    parser.add_argument("--clicks", type=int, default=2000)
    given = parser.parse_args()
    anyio.run(main, given.which or names, given.clicks)

"""How late watchers see a change, and what they cost the one who acts: python bench/live.py

A program paints when a button is pressed, so an act is a click, and a change is what it paints.
Watchers are a process of their own that decodes every update, as browsers are.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from answers import call
from desks import session_of
from mcp import Client
from viewers import Viewer, viewing, watched
from views import viewing as at_the_page
from web import served
from witness import Witness

from gloveport.sandbox.actions import Click
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.geometry import Point

ROUNDS = 15
CROWDS = (1, 5, 20)
COLOURS = count(0x101010, 0x0103)  # each paints another one
AREA = (100, 100, 500, 350)  # x, y, width, height: half a window
ACTS = 12


async def _watch(viewer: Viewer) -> None:
    """Tell each new colour in the middle of the area, and when it was seen."""
    last = -1
    while True:
        await viewer.ask()
        await viewer.take_update(3600)
        colour = viewer.colour(AREA[0] + 5, AREA[1] + 5)
        if colour != last:
            last = colour
            print(json.dumps([colour, time.monotonic()]), flush=True)


async def crowd(url: str, size: int) -> None:
    """Watch as so many; the first tells what it sees."""

    async def quiet(viewer: Viewer) -> None:
        while True:
            await viewer.ask()
            await viewer.take_update(3600)

    async def one(place: int) -> None:
        async with viewing(url) as viewer:
            await (quiet(viewer) if place < size - 1 else _watch(viewer))

    await asyncio.gather(*(one(place) for place in range(size)))


@contextmanager
def watchers(url: str, size: int) -> Generator["subprocess.Popen[str] | None"]:
    if not size:
        yield None
        return
    argv = [sys.executable, __file__, url, str(size)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


async def lateness(url: str, witness: Witness, size: int) -> float:
    """Median milliseconds from a change to the decoded picture of the last of `size` watchers."""
    taken: list[float] = []
    with watchers(url, size) as started:
        assert started
        assert started.stdout
        lines = started.stdout
        await asyncio.to_thread(lines.readline)
        for _ in range(ROUNDS):
            await asyncio.sleep(0.15)
            colour = next(COLOURS)
            began = time.monotonic()
            await asyncio.to_thread(witness.paint, colour, *AREA)
            while True:
                seen, when = json.loads(await asyncio.to_thread(lines.readline))
                if seen == colour:
                    break
            taken.append((when - began) * 1e3)
    return statistics.median(taken)


async def acting(desktop: Desktop, witness: Witness) -> float:
    """Milliseconds from a click to the picture of what it changed, once."""
    witness.paint_when_pressed(next(COLOURS), *AREA)
    began = time.monotonic()
    frame = await desktop.do(Click(Point(640, 400)))
    assert frame.picture
    return (time.monotonic() - began) * 1e3


async def taking(desktop: Desktop) -> list[float]:
    """Milliseconds from when a person asks for control to when an agent's action is refused."""
    taken: list[float] = []
    async with (
        served(desktop) as url,
        Client(f"{url}/mcp") as client,
        at_the_page(url) as ada,
    ):
        for _ in range(ROUNDS):
            await call(client, "screenshot")
            began = time.monotonic()
            await ada.do("take")
            assert (await call(client, "key", text="a")).is_error
            taken.append((time.monotonic() - began) * 1e3)
            await ada.do("hand_back")
    return taken


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_desktop(DesktopOptions(Path(folder) / "d")) as desktop,
            watched(desktop) as url,
        ):
            witness = Witness(session_of(desktop).x)
            print("change -> decoded update, ms median, 1280x800")
            for size in CROWDS:
                print(f"  {size:3} watchers  {await lateness(url, witness, size):6.1f}")
            taken: dict[int, list[float]] = {0: [], 20: []}
            for _ in range(4):  # side by side: the machine's mood is the same for both
                for size, times in taken.items():
                    with watchers(url, size) as started:
                        if started and started.stdout:
                            await asyncio.to_thread(started.stdout.readline)
                        times += [await acting(desktop, witness) for _ in range(ACTS // 4)]
            print("act -> settled picture, ms median")
            for size, times in taken.items():
                print(f"  {size:3} watchers  {statistics.median(times):6.1f}")
            ratio = statistics.median(taken[20]) / statistics.median(taken[0])
            print(f"  20 watchers add {100 * (ratio - 1):.0f} %")
            refused = statistics.median(await taking(desktop))
            print(f"take control -> agent refused, ms median\n  {refused:6.1f}")
            witness.close()


if __name__ == "__main__":
    asyncio.run(main() if len(sys.argv) == 1 else crowd(sys.argv[1], int(sys.argv[2])))

"""What walls and undo cost, beside a desktop without walls, in one run.

    .venv/bin/python bench/walls.py [ready] [act] [undo] [again] [bombs]

    ready   a desktop from nothing to its first answer (target: 0.3 s)
    act     a key in an editor until the screen rests (target: 5 % more)
    undo    checkpoint and rollback of a home of 200 MB in 10,000 files, with editor and browser
            running (targets: 0.2 s and 1.5 s)
    again   100 rollbacks; what they leave behind
    bombs   the longest answer while programs use more than they may (target: 1 s); that to an
            action waits for programs at work, 3 s at most

Machines are noisy: read the ratios, not the milliseconds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio

from gloveport.sandbox.actions import Move, Press
from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.session.session import IsolationOptions
from gloveport.sandbox.x11.keymap import Keymap

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from attempts import PYTHON, run_inside
from bombs import FILES, FORKS, HOG, LIMITS
from desks import session_of
from leftovers import left_by

STARTS, KEYS, UNDOS, ROLLBACKS = 8, 60, 5, 100
PAUSE = 1.0  # seconds between two, as for whoever does something in between
KEYMAP = Keymap()
HOME_OF_10_000 = """
import os
for folder in range(100):
    os.makedirs(f'/home/user/data/{folder}')
    for n in range(100):
        open(f'/home/user/data/{folder}/{n}', 'wb').write(os.urandom(20_000))
print('made')
"""


def behind_walls(below: Path) -> DesktopOptions:
    return DesktopOptions(below, walls="bwrap")


async def bench_ready(below: Path) -> None:
    print("\nReady (target: 300 ms behind walls)")
    taken: dict[str, list[float]] = {"none": [], "bwrap": []}
    for _ in range(STARTS):
        for walls in ("none", "bwrap"):
            began = time.perf_counter()
            async with open_desktop(DesktopOptions(below, walls=walls), KEYMAP) as desktop:
                await desktop.look()
                taken[walls].append((time.perf_counter() - began) * 1e3)
    tell_both(taken)


async def bench_act(below: Path) -> None:
    print("\nA key in an editor until the screen rests (target: 5 % more)")
    taken: dict[str, list[float]] = {"none": [], "bwrap": []}
    async with (
        open_desktop(DesktopOptions(below, walls="none"), KEYMAP) as bare,
        open_desktop(behind_walls(below), KEYMAP) as walled,
    ):
        for desktop in (bare, walled):
            await desktop.open("mousepad")
        for place in range(KEYS):
            for walls, desktop in (("none", bare), ("bwrap", walled)):
                began = time.perf_counter()
                await desktop.do(Press("a" if place % 20 else "Return"))
                taken[walls].append((time.perf_counter() - began) * 1e3)
    tell_both(taken)


def tell_both(taken: dict[str, list[float]]) -> None:
    for walls, one in taken.items():
        print(
            f"  walls {walls:<6} median {statistics.median(one):7.1f} ms, "
            f"least {min(one):7.1f} ms   n={len(one)}"
        )
    bare, walled = (statistics.median(taken[walls]) for walls in ("none", "bwrap"))
    print(f"  {walled / bare:.2f} x as long behind walls")


async def bench_undo(below: Path) -> None:
    print("\nUndo with 200 MB in 10,000 files (targets: 200 ms and 1,500 ms)")
    async with open_desktop(behind_walls(below), KEYMAP) as desktop:
        assert run_inside(session_of(desktop), HOME_OF_10_000) == "made\n"
        await timed("checkpoint, all files new", desktop.checkpoint, 1)
        await timed("checkpoint, nothing open", desktop.checkpoint)
        await timed("rollback, nothing open", desktop.rollback)
        await desktop.open("mousepad")
        await timed("checkpoint, editor", desktop.checkpoint)
        await timed("rollback, editor", desktop.rollback)
        await desktop.open("data:text/html,<title>page</title><h1>page</h1>")
        await anyio.sleep(5)  # a browser has things to do for a while after it has started
        await timed("checkpoint, editor and browser", desktop.checkpoint)
        await timed("rollback, editor and browser", desktop.rollback)


async def timed(name: str, work: Callable[[], Awaitable[object]], times: int = UNDOS) -> None:
    taken: list[float] = []
    for _ in range(times):
        await anyio.sleep(PAUSE)
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1e3)
    print(
        f"  {name:<34} median {statistics.median(taken):7.1f} ms, "
        f"most {max(taken):7.1f} ms   n={times}"
    )


async def bench_again(below: Path) -> None:
    print(f"\n{ROLLBACKS} rollbacks (target: nothing left behind)")
    async with open_desktop(behind_walls(below), KEYMAP) as desktop:
        await desktop.open("mousepad")
        await desktop.checkpoint()
        await desktop.rollback()
        before = left_by(session_of(desktop))
        for _ in range(ROLLBACKS):
            await desktop.rollback()
        after = left_by(session_of(desktop))
    for what, count in before.items():
        print(f"  {what:<24} {count:6} before, {after[what]:6} after")


async def bench_bombs(below: Path) -> None:
    print("\nThe longest answer while programs use more than they may (target: 1,000 ms)")
    bombs = {
        "memory": HOG,
        "processes": FORKS.format(own="pass"),
        "processes, each a session": FORKS.format(own="os.setsid()"),
        "disk": FILES.format(folder="/home/user"),
    }
    for name, code in bombs.items():
        settings = DesktopOptions(below, walls="bwrap", enclosure=IsolationOptions(limits=LIMITS))
        async with open_desktop(settings, KEYMAP) as desktop:
            session_of(desktop).launch([PYTHON, "-c", code])
            longest, ended = {"look": 0.0, "act": 0.0}, ""
            until = time.monotonic() + 15
            while not ended and time.monotonic() < until:
                for what in longest:
                    began = time.perf_counter()
                    if what == "look":
                        frame = await desktop.look(show="always")
                    else:
                        frame = await desktop.do(Move(desktop.view.picture.centre))
                    taken = (time.perf_counter() - began) * 1e3
                    longest[what] = max(longest[what], taken)
                    ended += " ".join(frame.notices)
            print(
                f"  {name:<28} look {longest['look']:7.1f} ms, act {longest['act']:7.1f} ms   "
                f"{ended[:80] or 'nothing was ended'}"
            )


BENCHES = {
    "ready": bench_ready, "act": bench_act, "undo": bench_undo, "again": bench_again,
    "bombs": bench_bombs,
}  # fmt: skip


async def bench(names: Sequence[str], below: Path) -> None:
    for name in names:
        await BENCHES[name](below)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help=", ".join(BENCHES))
    asked: list[str] = parser.parse_args().names or list(BENCHES)
    if unknown := set(asked) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    with tempfile.TemporaryDirectory(prefix="gloveport-bench-") as folder:
        Path(folder).chmod(0o711)  # a desktop has a user of its own, who must get through
        anyio.run(bench, asked, Path(folder) / "desktops")

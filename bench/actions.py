"""Speed side by side with the usual ways, in one run: medians, ratios, and how often each is right.

    .venv/bin/python bench/actions.py [start] [screenshot] [click] [policy] [settle] [typing]
        [paint]

Without names, all of them; with --rounds N, so often (seconds of painting). Needs xdotool
and scrot for the other side.
Machines are noisy: read the ratios, not the milliseconds.
"""

import argparse
import base64
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import cast

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, ImageContent
from naive import Naive, pillow_png
from PIL import Image
from situations import SITUATIONS, WHERE, colour, pages

from gloveport.sandbox.actions import Action, Click, Move, Press, Type
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.geometry import Point
from gloveport.sandbox.imaging.image import png
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.control.policy import BUILT_IN, Ruling, load

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fields import KINDS, field

Times = dict[str, list[float]]
_CALL = 5_000  # characters


def timed(times: Times, name: str, work: Callable[[], object]) -> None:
    began = time.perf_counter()
    work()
    times.setdefault(name, []).append((time.perf_counter() - began) * 1e3)


def report(title: str, times: Times, ours: str) -> None:
    """One line per way: median milliseconds, and how many times ours it is."""
    print(f"\n{title}")
    base = statistics.median(times[ours])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"  {name:<44} {median:9.1f} ms   {median / base:6.1f} x   n={len(taken)}")


@asynccontextmanager
async def fresh(folder: Path, keymap: Keymap) -> AsyncGenerator[tuple[Desktop, Session]]:
    async with open_desktop(DesktopOptions(folder), keymap) as desktop:
        yield desktop, desktop.runtime.session


async def start(folder: Path, rounds: int) -> None:
    times: Times = {}
    began = time.perf_counter()
    keymap = Keymap()
    times["keymap, once per server"] = [(time.perf_counter() - began) * 1e3]
    for _ in range(rounds):
        began = time.perf_counter()
        async with fresh(folder, keymap) as (desktop, _):
            times.setdefault("desktop ready", []).append((time.perf_counter() - began) * 1e3)
            await desktop.look()
            times.setdefault("and its first picture", []).append(
                (time.perf_counter() - began) * 1e3
            )
            began = time.perf_counter()
        times.setdefault("ended", []).append((time.perf_counter() - began) * 1e3)
    report("Start-up (target: ready within 500 ms)", times, "desktop ready")


async def screenshot(folder: Path, rounds: int) -> None:
    times: Times = {}
    async with fresh(folder, Keymap()) as (desktop, session):
        with pages() as url:
            await desktop.open(f"{url}/0")
            await desktop.wait_until_still(5)
            parts = desktop.runtime
            naive, camera = Naive(session.env), session.x.camera(parts.display)
            eyes = parts.eyes

            def ours() -> str:
                return base64.b64encode(png(eyes.grab()).data).decode()

            for _ in range(rounds):
                timed(times, "ours: shared memory, up filter, isal", ours)
                timed(times, "scrot, file, base64", naive.scrot)
                timed(times, "mss + Pillow PNG, base64", lambda: pillow_png(camera))
            camera.close()
    report(
        "Lossless screenshot to base64 (target: >= 6 x faster than scrot)", times, next(iter(times))
    )


async def click(folder: Path, rounds: int) -> None:
    """A click whose page reacts in 50 ms, until the picture is there: over stdio, and naively."""
    times: Times = {}
    right = {"ours, over stdio": 0, "xdotool + 2 s + scrot": 0}
    server = StdioServerParameters(
        command=sys.executable,
        args=[
            "-P",
            "-m",
            "gloveport.server.cli",
            "stdio",
            "--ttl",
            "5",
            "--walls",
            "none",
            "--state-dir",
            str(folder),
        ],
        env={"PATH": "/usr/bin:/bin"},
    )
    async with AsyncExitStack() as stack:
        url = stack.enter_context(pages())
        client = await stack.enter_async_context(Client(server))
        await client.call_tool("open", {"target": f"{url}/1"})
        env = _environment(folder)
        await client.call_tool("wait_for", {"event": "still"})
        shown = await _where(client)
        naive, number = Naive(env), 0
        for _ in range(rounds):
            began = time.perf_counter()
            result = await client.call_tool("left_click", {"coordinate": list(shown)})
            times.setdefault("ours, over stdio", []).append((time.perf_counter() - began) * 1e3)
            number += 1
            assert isinstance(result, CallToolResult)
            right["ours, over stdio"] += _shows(result, shown, number)
        for _ in range(max(3, rounds // 5)):
            timed(times, "xdotool + 2 s + scrot", lambda: naive.click_and_look(*shown))
            number += 1
            right["xdotool + 2 s + scrot"] += 1
    report(
        "Click to settled picture, page reacts in 50 ms (target: <= 200 ms, >= 10 x)",
        times,
        "ours, over stdio",
    )
    print(f"  pictures that show the reaction: {right['ours, over stdio']} of {rounds}")


async def policy(folder: Path, rounds: int) -> None:
    """What it costs to look what a click would press, with the built-in rules: click and picture,
    and keys, side by side with no rules."""
    times: Times = {}
    rules = Ruling(load(BUILT_IN), "left_click")
    async with fresh(folder, Keymap()) as (desktop, _):
        with pages() as url:
            await desktop.open(f"{url}/1")
            await desktop.wait_until_still(5)
            at = Point(*await _where_desktop(desktop))
            touches: tuple[tuple[str, Action], ...] = (
                ("click", Click(at)), ("key a", Press("a")), ("key Return", Press("Return")),
                ("pointer moved", Move(at)),
            )  # fmt: skip
            for _ in range(rounds):
                for name, touch in touches:
                    for ruled, permit in (("no rules", None), ("rules", rules.of_input())):
                        began = time.perf_counter()
                        await desktop.do(touch, show="always", permit=permit)
                        taken = (time.perf_counter() - began) * 1e3
                        times.setdefault(f"{name}, {ruled}", []).append(taken)
    report("Policy, in Chromium", times, "click, no rules")


async def settle(folder: Path, rounds: int) -> None:
    """Clicks in every situation: is the picture the new one, and how long did it take?"""
    print("\nSettling (target: 0 early returns)")
    early = total = 0
    async with fresh(folder, Keymap()) as (desktop, _):
        with pages() as url:
            for place, name in enumerate(SITUATIONS):
                await desktop.open(f"{url}/{place}")
                await desktop.wait_until_still(5)
                taken: list[float] = []
                wrong = 0
                shown = await _where_desktop(desktop)
                for number in range(1, rounds + 1):
                    began = time.perf_counter()
                    frame = await desktop.do(Click(Point(*shown)), show="always")
                    taken.append((time.perf_counter() - began) * 1e3)
                    assert frame.picture
                    wrong += not _is(frame.picture.data, shown, number)
                    await desktop.wait_until_still(2, show="never")
                early, total = early + wrong, total + rounds
                median = statistics.median(taken)
                print(f"  {name:<44} {median:9.1f} ms   early {wrong} of {rounds}", flush=True)
    print(f"  in all: {early} early returns in {total} actions")


async def paint(folder: Path, seconds: int) -> None:
    """What two minutes of 60 frames a second over the whole screen add to each action after them.

    The same action is timed on two desktops in turn, of which one has seen them.
    """
    times: Times = {}
    async with (
        fresh(folder / "calm", Keymap()) as (calm, _),
        fresh(folder / "painted", Keymap()) as (painted, session),
    ):
        argv = [sys.executable, str(Path(__file__).with_name("painter.py")), str(seconds)]
        done = await anyio.run_process(argv, env=session.env)
        for turn in range(60):
            for name, desktop in (("calm", calm), ("after the painting", painted)):
                began = time.perf_counter()
                await desktop.do(Move(Point(300 + turn, 300)), show="never")
                times.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
    report(f"An action after {int(done.stdout)} paintings of the screen", times, "calm")
    added = statistics.median(times["after the painting"]) - statistics.median(times["calm"])
    print(f"  added to each action: {added:+.1f} ms (target: at most 5)")


async def typing(folder: Path, rounds: int, only: Sequence[str] = ()) -> None:
    """20,000 mixed characters into every toolkit, also stalled; and a few by xdotool.

    They are typed in calls of 5,000 into an emptied field: a field that holds more takes longer for
    each character, whoever types it.
    """
    print("\nTyping (target: >= 1,000 characters/s, 0 errors, also in stalled programs)")
    line = "小米官方旗舰店 The quick brown fox; Übergröße, naïve café – €9.99 😀🎉 Привет!\n"
    text = (line * (_CALL // len(line) + 1))[:_CALL]
    async with fresh(folder, Keymap()) as (desktop, session):
        for kind in only or KINDS:
            await _typed_by_us(desktop, session, kind, folder, text, 4 * rounds)
            await _typed_by_us(desktop, session, kind, folder, text, 1, stalled=True)
        for kind in only or ("gtk3", "chromium"):
            await _typed_by_xdotool(desktop, session, kind, folder, text[:300])


async def _typed_by_us(
    desktop: Desktop,
    session: Session,
    kind: str,
    folder: Path,
    text: str,
    calls: int,
    *,
    stalled: bool = False,
) -> None:
    seconds, wrong = 0.0, 0
    with field(session, kind, folder) as opened, ExitStack() as stalling:
        await desktop.wait_until_still(10)
        if stalled:
            stalling.enter_context(opened.stalled())
        for call in range(calls):
            if call and kind in ("xterm", "lxterminal"):
                asked = opened.value() + text
            else:
                asked = text
                if call:
                    await desktop.do(Press("ctrl+a Delete"), show="never")
                    await anyio.to_thread.run_sync(opened.holds, "", 10)
            began = time.perf_counter()
            await desktop.do(Type(text), show="never")
            await anyio.to_thread.run_sync(opened.holds, asked, 120)
            seconds += time.perf_counter() - began
            wrong += _wrong(asked, opened.value())
    name = f"{kind}{', stalled' if stalled else ''}"
    speed = calls * len(text) / seconds
    print(f"  {name:<24} {speed:9.0f} chars/s   {wrong} wrong of {calls * len(text)}", flush=True)


async def _typed_by_xdotool(
    desktop: Desktop, session: Session, kind: str, folder: Path, text: str
) -> None:
    await anyio.run_process(["setxkbmap", "us"], env=session.env)
    with field(session, kind, folder) as opened:
        await desktop.wait_until_still(10)
        began = time.perf_counter()
        await anyio.to_thread.run_sync(Naive(session.env).type, text)
        seconds = time.perf_counter() - began
        await anyio.to_thread.run_sync(opened.holds, text, 3)
        wrong = _wrong(text, opened.value())
    name, speed = f"{kind}, xdotool", len(text) / seconds
    print(f"  {name:<24} {speed:9.0f} chars/s   {wrong} wrong of {len(text)}")


def _wrong(asked: str, came: str) -> int:
    """How many characters were changed, lost or added (Levenshtein's distance)."""
    if asked == came:
        return 0
    row = list(range(len(came) + 1))
    for place, char in enumerate(asked, 1):
        last, row[0] = row[0], place
        for other, there in enumerate(came, 1):
            last, row[other] = (
                row[other],
                min(row[other] + 1, row[other - 1] + 1, last + (char != there)),
            )
    return row[-1]


def _environment(folder: Path) -> dict[str, str]:
    """The environment of the desktop that a bridge started, as one of its programs has it."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = found.read_bytes().split(b"\0")
            if b"serve" in words and str(folder).encode() in words:
                return _of_child(int(found.parent.name))
        except OSError:
            continue
    raise RuntimeError("no server was found")


def _of_child(server: int) -> dict[str, str]:
    for found in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = found.read_bytes().decode(errors="replace").split("\0")
            stat = (found.parent / "stat").read_text()
        except OSError:
            continue
        values = dict(word.split("=", 1) for word in words if "=" in word)
        if "GLOVEPORT_DESKTOP" in values and "DISPLAY" in values:
            box = int(stat.rpartition(")")[2].split()[1])
            owner = Path(f"/proc/{box}/stat").read_text().rpartition(")")[2].split()[1]
            if int(owner) == server:
                return values
    raise RuntimeError("no program of the desktop was found")


async def _where(client: Client) -> tuple[int, int]:
    result = await client.call_tool("screenshot", {})
    assert isinstance(result, CallToolResult)
    return _square(_data(result), 0)


async def _where_desktop(desktop: Desktop) -> tuple[int, int]:
    frame = await desktop.look()
    assert frame.picture
    return _square(frame.picture.data, 0)


def _square(data: bytes, number: int) -> tuple[int, int]:
    """The middle of the square, in pixels of the picture."""
    with Image.open(BytesIO(data)) as image:
        pixels = image.convert("RGB").load()
        assert pixels
        found = [
            (x, y)
            for y in range(0, image.height, 4)
            for x in range(0, image.width, 4)
            if _near(pixels[x, y], colour(number))
        ]
    if len(found) < 100:
        raise RuntimeError(f"the page does not show its square at {WHERE}")
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return (min(xs) + max(xs)) // 2, (min(ys) + max(ys)) // 2


def _is(data: bytes, at: tuple[int, int], number: int) -> bool:
    with Image.open(BytesIO(data)) as image:
        return _near(image.convert("RGB").getpixel(at), colour(number))


def _shows(result: CallToolResult, at: tuple[int, int], number: int) -> bool:
    return _is(_data(result), at, number)


def _data(result: CallToolResult) -> bytes:
    image = result.content[0]
    assert isinstance(image, ImageContent), "the answer has no picture"
    return base64.b64decode(image.data)


def _near(pixel: object, wanted: tuple[int, int, int]) -> bool:
    red, green, blue = cast(tuple[int, int, int], pixel)
    return all(abs(one - other) <= 5 for one, other in zip((red, green, blue), wanted, strict=True))


PARTS = {
    "start": start,
    "screenshot": screenshot,
    "click": click,
    "policy": policy,
    "settle": settle,
    "typing": typing,
    "paint": paint,
}
USUAL = {
    "start": 10,
    "screenshot": 25,
    "click": 30,
    "policy": 20,
    "settle": 20,
    "typing": 1,
    "paint": 120,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all")
    parser.add_argument("--rounds", type=int, help="how often")
    given = parser.parse_args()
    for name in given.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="gp") as folder:
            anyio.run(PARTS[name], Path(folder), given.rounds or USUAL[name])


if __name__ == "__main__":
    main()

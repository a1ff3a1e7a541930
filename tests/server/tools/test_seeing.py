"""Reading the screen and acting by name, in windows of every toolkit, judged by their own state."""

import json
import os
import random
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from answers import call, decoded, facts, picture, refusal, text
from desks import session_of
from fields import SYSTEM_PYTHON, Field, field, page_in, page_in_chromium
from mcp import Client
from PIL import ImageChops
from processes import pids_of, until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

KINDS = ("gtk3", "gtk4", "qt", "chromium", "firefox")
SHOP = "Grüße, 小米官方旗舰店 😀"


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop of the usual size; windows are opened and closed by each test."""
    below = tmp_path_factory.mktemp("wide")
    async with open_desktop(DesktopOptions(below), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


@contextmanager
def form(desktop: Desktop, kind: str, folder: Path) -> Generator[Field]:
    with field(session_of(desktop), kind, folder, "form") as opened:
        yield opened


@contextmanager
def page(desktop: Desktop, folder: Path, html: str) -> Generator[Field]:
    with page_in_chromium(session_of(desktop), folder, html) as opened:
        yield opened


async def shown(client: Client, name: str, role: str = "button") -> None:
    """Wait until something is there to be used, as a client would."""
    waited = await call(client, "wait_for", event="enabled", text=name, role=role, seconds=30)
    assert facts(waited)["happened"], name


def state(of: Field) -> Any:
    return json.loads(of.value())


async def top_window(client: Client, windows: int) -> str:
    """The id of the topmost window, once there are so many."""
    with anyio.fail_after(20):
        while True:
            listed = facts(await call(client, "windows"))["windows"]
            if len(listed) == windows:
                return listed[-1]["id"]
            await call(client, "wait_for", event="change", seconds=1)


async def outline(client: Client, **narrowed: Any) -> list[str]:
    """The lines of the screen in words, without what tells about the answer itself."""
    result = await call(client, "read_screen", **narrowed)
    assert not result.is_error, text(result)
    return text(result).split("\n")[1:]


def line_of(lines: list[str], words: str) -> str:
    (found,) = [line for line in lines if f" {words}" in line]
    return found


def ref(line: str) -> str:
    return line.split()[0]


def point(line: str) -> list[int]:
    (place,) = [word for word in line.split() if word.replace(",", "").isdecimal() and "," in word]
    return [int(number) for number in place.split(",")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_form_is_filled_in_by_name(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with form(wide, kind, tmp_path) as opened:
        await shown(client, "Apply")
        typed = await call(client, "type", text=SHOP, into="Name", screenshot="never")
        secret = await call(client, "type", text="s3cret", into="Secret", screenshot="never")
        notes = await call(client, "set", target="Notes", value="one\ntwo", screenshot="never")
        ticked = await call(client, "set", target="Subscribe", value="on", screenshot="never")
        moved = await call(client, "set", target="Volume", value="70", screenshot="never")
        chosen = await call(client, "set", target="Colour", value="blue", screenshot="never")
        clicked = await call(client, "click_element", target="Apply", screenshot="never")
        lines = await outline(client)

        assert facts(typed)["typed"] == "verified"
        assert facts(secret)["typed"] == "unverified: a password is never read back"
        assert {facts(one)["set"] for one in (notes, ticked, moved, chosen)} == {"verified"}
        assert facts(clicked)["clicked"].endswith("button Apply")
        wanted: dict[str, Any] = {
            "name": SHOP, "secret": "s3cret", "notes": "one\ntwo", "subscribed": True,
            "applied": 1, "volume": 70, "colour": "blue", "clicked": [],
        }  # fmt: skip
        assert until(lambda: state(opened) == wanted), state(opened)
        assert f'= "{SHOP}"' in line_of(lines, 'entry "Name"')
        assert line_of(lines, 'check box "Subscribe"').endswith(" checked")
        assert not [line for line in lines if "s3cret" in line]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_click_point_is_within_what_it_names(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with form(wide, kind, tmp_path) as opened:
        await shown(client, "Tile 23")
        lines = await outline(client, query="Tile")
        tiles = [f"Tile {place}" for place in random.Random(kind).sample(range(24), 10)]
        for tile in tiles:
            at = point(line_of(lines, f'button "{tile}"'))
            await call(client, "left_click", coordinate=at, screenshot="never")
        assert until(lambda: state(opened)["clicked"] == tiles), state(opened)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (2560, 1440), (3840, 2160)])
async def test_points_are_those_of_the_screenshot_on_large_screens(
    width: int, height: int, tmp_path: Path, keymap: Keymap
) -> None:
    settings = DesktopOptions(tmp_path / "d", width=width, height=height)
    async with open_desktop(settings, keymap) as large, Client(DesktopServer(large)) as client:
        with form(large, "gtk3", tmp_path) as opened:
            await shown(client, "Tile 23")
            marked = await call(client, "screenshot", marks=True)
            lines = await outline(client, query="Tile")
            for tile in ("Tile 0", "Tile 13", "Tile 23"):
                at = point(line_of(lines, f'button "{tile}"'))
                await call(client, "left_click", coordinate=at, expect=tile, screenshot="never")
            assert until(lambda: state(opened)["clicked"] == ["Tile 0", "Tile 13", "Tile 23"])
            assert decoded(picture(marked)).size == tuple(facts(marked)["size"])
            assert max(facts(marked)["size"]) == 1456


# What Calc completes, corrects or takes for another value when it is typed.
CELLS = {
    "Banana": "Banana", "Ba": "Ba", "teh teh": "teh teh", "SMall": "SMall", "'1/2": "1/2",
    "'007": "007", "007": "7", "12.50": "12.5", "(c)": "(c)",
}  # fmt: skip


@pytest.mark.timeout(150)
async def test_calc_cells_are_read_and_written_by_name(wide: Desktop, client: Client) -> None:
    opened = await call(client, "open", target="spreadsheet", screenshot="never")
    assert facts(opened)["window"].endswith("LibreOffice Calc")
    try:
        await shown(client, "B2", "table cell")
        for cell, value in (("B2", "小米 7"), ("C3", "12"), ("C4", "30")):
            told = facts(await call(client, "set", target=cell, value=value, screenshot="never"))
            assert told["set"] == "verified"
        summed = await call(client, "set", target="C5", value="=C3+C4", screenshot="never")
        assert facts(summed)["set"] == "unverified: a formula shows its result; look"
        cells = await outline(client, query="table cell")
        held = [line.split(" ", 3)[3].rsplit(" ", 1)[0] for line in cells if line[0] == "e"]
        assert held == ['"B2" = "小米 7"', '"C3" = "12"', '"C4" = "30"', '"C5" = "42"']
        said: list[str] = []
        for place, value in enumerate(CELLS):
            done = await call(
                client, "set", target=f"A{place + 2}", value=value, screenshot="never"
            )
            said.append(facts(done)["set"])
        why = refusal(await call(client, "set", target="C6", value="one\ttwo"))
        assert "holds one line without tabs" in why
        lines = await outline(client, query="table cell")
        for place, (value, holds) in enumerate(CELLS.items()):
            assert f'= "{holds}"' in line_of(lines, f'table cell "A{place + 2}"'), value
            exact = holds == value.removeprefix("'")
            assert said[place] == ("verified" if exact else f"changed by the cell: {holds!r}")
    finally:
        for pid in pids_of("soffice.bin", session_of(wide).folder.mark):
            os.kill(pid, signal.SIGKILL)


async def test_since_tells_only_what_changed(wide: Desktop, client: Client, tmp_path: Path) -> None:
    with form(wide, "gtk3", tmp_path):
        await shown(client, "Apply")
        before = text(await call(client, "read_screen"))
        frame = int(before.split("\n")[0].split()[1])
        await call(client, "set", target="Subscribe", value="on", screenshot="never")
        lines = await outline(client, since=frame)
        named = [line.split('"')[1] for line in lines if line[0] == "e"]
        unknown = text(await call(client, "read_screen", since=999_999))
    assert set(named) == {"Name", "Subscribe"}  # the focus has moved
    assert "frame 999999 is not remembered, so this is all" in unknown


async def test_what_is_read_can_be_narrowed(wide: Desktop, client: Client, tmp_path: Path) -> None:
    with form(wide, "gtk3", tmp_path):
        await shown(client, "Apply")
        whole = await outline(client)
        x, y = point(line_of(whole, 'button "Tile 9"'))
        around = await outline(client, region=[x - 5, y - 5, x + 5, y + 5])
        none = await call(client, "read_screen", window="no such window")
        assert [line.split('"')[1] for line in around[1:]] == ["Tile 9"]
        assert "nothing that fits is seen" in text(none)
        assert len(await outline(client, query="check box")) == 2


async def test_a_long_screen_is_told_in_parts(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    many = "".join(
        f"<button aria-label='a fairly long label for a small button, number {n}'>{n}</button>"
        for n in range(1500)
    )
    small = (
        "<style>button { all: unset; font-size: 4px; width: 16px; display: inline-block }</style>"
    )
    with page(wide, tmp_path, small + many):
        await shown(client, "a fairly long label for a small button, number 1")
        first = text(await call(client, "read_screen", query="fairly"))
        assert len(first) <= 50_000
        last = first.split("\n")[-1]
        assert "more lines; go on with offset=" in last
        rest = text(
            await call(client, "read_screen", query="fairly", offset=int(last.split("=")[1]))
        )
        refs = [ref(line) for part in (first, rest) for line in part.split("\n") if line[0] == "e"]
        assert len(refs) == len(set(refs)) > 500


async def test_find_puts_exact_before_fuzzy(wide: Desktop, client: Client, tmp_path: Path) -> None:
    names = "<button>小米官方旗店</button><button>小米官方旗舰店</button><button>小米</button>"
    with page(wide, tmp_path, names):
        await shown(client, "小米官方旗店")
        exact = facts(await call(client, "find", text="小米官方旗舰店"))["found"]
        part = facts(await call(client, "find", text="小米官", role="button"))["found"]
        near = facts(await call(client, "find", text="小米官方旗旗店", role="button"))
    assert [line.split('"')[1] for line in exact] == ["小米官方旗舰店"]
    assert [line.split('"')[1] for line in part] == ["小米官方旗店", "小米官方旗舰店"]
    assert near["found"] == []
    assert {line.split('"')[1] for line in near["near"]} == {"小米官方旗店", "小米官方旗舰店"}


async def test_a_guess_is_never_clicked(wide: Desktop, client: Client, tmp_path: Path) -> None:
    html = "<button onclick='keep(1)'>小米官方旗店</button>"
    with page(wide, tmp_path, html) as opened:
        await shown(client, "小米官方旗店")
        why = refusal(await call(client, "click_element", target="小米官方旗舰店"))
        assert why.startswith("Nothing on the screen is called '小米官方旗舰店'; near are '")
        assert opened.value() == ""


async def test_two_of_a_name_are_told_apart(wide: Desktop, client: Client, tmp_path: Path) -> None:
    html = """<div style="display:flex;gap:300px">
      <div><h3>Redmi</h3><button onclick="keep('Redmi')">Buy</button></div>
      <div><h3>Civi</h3><button onclick="keep('Civi')">Buy</button></div></div>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Buy")
        why = refusal(await call(client, "click_element", target="Buy"))
        (second,) = [part for part in why.split(";") if "near Civi" in part]
        await call(client, "click_element", target=second.split()[0], screenshot="never")
        assert until(lambda: opened.value() == "Civi")


async def test_what_is_gone_is_not_clicked(wide: Desktop, client: Client, tmp_path: Path) -> None:
    html = """<button id=first onclick="this.remove()">Vanish</button>
      <button onclick="keep('hit')">Below</button>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Vanish")
        gone = ref(line_of(await outline(client), 'button "Vanish"'))
        await call(client, "click_element", target=gone, screenshot="never")
        why = refusal(await call(client, "click_element", target=gone))
        unknown = refusal(await call(client, "click_element", target="e99999"))
        assert why.startswith(f"{gone}, button 'Vanish', is not there any more;")
        assert unknown.startswith("There is no element 'e99999'; refs such as e12 come from")
        assert opened.value() == ""


async def test_what_something_lies_over_is_not_clicked(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = """<button onclick="keep('under')" style="position:absolute;top:200px">Under</button>
      <button onclick="keep('over')" style="position:absolute;top:150px;height:200px;width:300px;
        display:none">Over</button>
      <button onclick="document.querySelectorAll('button')[1].style.display=''">Show</button>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Under")
        under = ref(line_of(await outline(client), 'button "Under"'))
        await call(client, "click_element", target="Show", screenshot="never")
        await shown(client, "Over")
        why = refusal(await call(client, "click_element", target=under))
        assert why.startswith(f"{under}, 'Under', is covered by button 'Over';"), why
        assert opened.value() == ""


async def test_a_window_over_another_hides_what_is_in_it(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with form(wide, "gtk3", tmp_path) as below:
        await shown(client, "Apply")
        hidden = ref(line_of(await outline(client), 'button "Apply"'))
        (tmp_path / "above").mkdir()
        with form(wide, "qt", tmp_path / "above"):
            top = await top_window(client, 2)
            await call(client, "windows", action="move", window=top, rect=[200, 100, 800, 600])
            why = refusal(await call(client, "click_element", target=hidden))
            assert why.startswith(f"{hidden}, 'Apply', is covered by the window 'form';"), why
        assert state(below)["applied"] == 0


async def test_what_is_scrolled_away_is_found_and_brought_into_view(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = """<button>Top</button><div style="height:3000px"></div>
      <button onclick="keep('hit')">Far below</button>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Top")
        found = facts(await call(client, "find", text="Far below"))["found"]
        never = facts(
            await call(client, "wait_for", event="element", text="Far below", seconds=0.5)
        )
        await call(client, "click_element", target="Far below", screenshot="never")
        assert [line.endswith(" hidden") for line in found] == [True]
        assert not never["happened"]
        assert until(lambda: opened.value() == "hit")


async def test_a_disabled_button_is_not_clicked_but_waited_for(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = """<button id=late disabled onclick="keep('hit')">Late</button>
      <button onclick="setTimeout(() => late.disabled = false, 600)">Start</button>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Start")
        why = refusal(await call(client, "click_element", target="Late"))
        await call(client, "click_element", target="Start", screenshot="never")
        waited = facts(
            await call(client, "wait_for", event="enabled", text="Late", screenshot="never")
        )
        await call(client, "click_element", target="Late", screenshot="never")
        assert ", button 'Late', is disabled;" in why
        assert waited["happened"]
        assert ' button "Late" ' in waited["seen"]
        assert until(lambda: opened.value() == "hit")


async def test_a_stale_click_is_refused_before_it_is_made(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with form(wide, "gtk3", tmp_path) as opened:
        await shown(client, "Apply")
        at = point(line_of(await outline(client), 'button "Apply"'))
        why = refusal(await call(client, "left_click", coordinate=at, expect="Delete"))
        await call(client, "left_click", coordinate=at, expect="apply", screenshot="never")
        await call(client, "left_click", coordinate=at, expect="button", screenshot="never")
        assert why == (
            f"'Delete' was expected at ({at[0]}, {at[1]}), but button 'Apply' is there. "
            "Nothing was clicked."
        )
        assert until(lambda: state(opened)["applied"] == 2)


async def test_text_is_waited_for_and_for_its_end(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = """<p id=p></p>
      <button onclick="setTimeout(() => p.textContent = '已发货', 500)">Go</button>
      <button onclick="setTimeout(() => p.textContent = '', 500)">Stop</button>"""
    with page(wide, tmp_path, html):
        await shown(client, "Go")
        await call(client, "click_element", target="Go", screenshot="never")
        came = facts(await call(client, "wait_for", event="text", text="已发货", seconds=20))
        await call(client, "click_element", target="Stop", screenshot="never")
        went = facts(await call(client, "wait_for", event="text_gone", text="已发货", seconds=20))
        never = facts(
            await call(client, "wait_for", event="element", text="已发货", role="link", seconds=0.5)
        )
    assert came["happened"]
    assert "已发货" in came["seen"]
    assert went["happened"]
    assert not never["happened"]


# Typing


async def test_other_text_in_a_field_is_no_success(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = "<input aria-label=Code oninput='this.value = this.value.replace(/b/, String())'>"
    with page(wide, tmp_path, html):
        await shown(client, "Code", "entry")
        why = refusal(await call(client, "type", text="abc", into="Code"))
    assert why == "'abc' was typed, but 'ac' arrived: pasting it gave no better."


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_a_field_that_offers_completions_has_the_focus(
    wide: Desktop, client: Client, tmp_path: Path, browser: str
) -> None:
    html = """<input aria-label=City list=cities oninput="keep(this.value)">
      <datalist id=cities><option>Berlin<option>Bern<option>Bergen</datalist>"""
    with page_in(session_of(wide), browser, tmp_path, html) as opened:
        waited = await call(client, "wait_for", event="enabled", text="City", seconds=30)
        assert facts(waited)["happened"]
        await call(client, "type", text="B", into="City", screenshot="never")
        offered = await call(client, "wait_for", event="text", text="Bergen", seconds=10)
        told = facts(await call(client, "type", text="e", screenshot="never"))
        assert told["typed"] == "verified", facts(offered)
        assert until(lambda: opened.value() == "Be")


async def test_text_that_did_not_arrive_is_pasted(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = """<input aria-label=Shop oninput="keep(this.value)"><script>
      document.querySelector("input").addEventListener("beforeinput", event => {
        if (event.inputType === "insertText" && event.data === "舰") event.preventDefault();
      });</script>"""
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Shop", "entry")
        told = facts(
            await call(client, "type", text="小米官方旗舰店", into="Shop", screenshot="never")
        )
        assert told["typed"] == "verified"
        assert told["repaired"] == "'小米官方旗店' had arrived first"
        assert until(lambda: opened.value() == "小米官方旗舰店")


async def test_a_field_that_takes_nothing_is_no_success(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = "<input aria-label=Full maxlength=0>"
    with page(wide, tmp_path, html):
        await shown(client, "Full", "entry")
        why = refusal(await call(client, "type", text="abc", into="Full"))
    assert why == "'abc' was typed, but nothing arrived: the field took nothing."


async def test_text_goes_to_the_end_of_a_field_and_into_a_selection(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = "<input aria-label=Place value='Zürich' oninput='keep(this.value)'>"
    with page(wide, tmp_path, html) as opened:
        await shown(client, "Place", "entry")
        added = facts(await call(client, "type", text=" HB", into="Place", screenshot="never"))
        assert until(lambda: opened.value() == "Zürich HB")
        await call(client, "key", text="ctrl+a", screenshot="never")
        replaced = facts(await call(client, "type", text="Genève", screenshot="never"))
        assert until(lambda: opened.value() == "Genève")
    assert (added["typed"], replaced["typed"]) == ("verified", "verified")


async def test_what_cannot_be_read_back_is_said(wide: Desktop, client: Client) -> None:
    session = session_of(wide)
    pid = session.launch(["xterm"])
    try:
        await call(client, "wait_for", event="window", text="xterm")
        told = facts(await call(client, "type", text="echo hi", screenshot="never"))
        into = refusal(await call(client, "type", text="x", into="nothing like it"))
        assert told["typed"] == "unverified: no program tells what has the keyboard focus"
        assert into.startswith("Nothing on the screen is called 'nothing like it';")
    finally:
        session.box.signal(pid, signal.SIGKILL)


async def test_a_batch_works_by_name_too(wide: Desktop, client: Client, tmp_path: Path) -> None:
    with form(wide, "qt", tmp_path) as opened:
        await shown(client, "Apply")
        steps = [
            {"action": "type", "text": "Ada", "into": "Name"},
            {"action": "set", "target": "Subscribe", "value": "on"},
            {"action": "click_element", "target": "Apply"},
        ]
        told = facts(await call(client, "actions", actions=steps, screenshot="never"))
        assert told["steps"][0]["typed"] == "verified"
        assert told["steps"][1]["set"] == "verified"
        assert until(lambda: state(opened)["applied"] == 1)
        assert (state(opened)["name"], state(opened)["subscribed"]) == ("Ada", True)


# The second eye

CANVAS = """<canvas width=700 height=300 style="border:1px solid"></canvas><script>
const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d");
pen.font = "28px 'Noto Sans CJK SC'";
pen.fillText("新游戏 New game", 60, 80);
pen.fillText("Quit 退出", 60, 200);
canvas.onclick = event => {
  keep(event.offsetY < 140 ? "new" : "quit");
  pen.clearRect(0, 100, 700, 200);
};
</script>"""


async def test_text_in_a_canvas_is_read_found_and_clicked(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, CANVAS) as opened:
        await call(client, "wait_for", event="text", text="退出", seconds=40)
        lines = await outline(client)
        read = [line for line in lines if line.startswith("o")]
        assert [line.split('"')[1] for line in read] == ["新游戏 New game", "Quit 退出"]
        found = facts(await call(client, "find", text="退出"))["found"]
        assert found[0].startswith("o")
        x, _ = point(found[0])
        assert x > 100  # the word, not the line
        stale = ref(line_of(lines, '"Quit 退出"'))
        await call(client, "click_element", target=ref(found[0]), screenshot="never")
        assert until(lambda: opened.value() == "quit")
        why = refusal(await call(client, "click_element", target=stale))
        assert why.startswith(f"{stale}, text 'Quit 退出', is not there any more;")


async def test_a_program_without_accessibility_is_read_off_the_pixels(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    session = session_of(wide)
    program = tmp_path / "hello.sh"
    program.write_text("echo 'Battery at 87 percent'; sleep 1000")
    pid = session.launch(
        ["xterm", "-fs", "14", "-fa", "DejaVu Sans Mono", "-e", "sh", str(program)]
    )
    try:
        waited = await call(client, "wait_for", event="text", text="87 percent", seconds=40)
        lines = await outline(client)
        assert facts(waited)["happened"]
        (heading,) = [line for line in lines if line.startswith("# window")]
        assert heading.endswith("whose program does not tell what it shows")
        assert line_of(lines, '"Battery at 87 percent"').startswith("o")
    finally:
        session.box.signal(pid, signal.SIGKILL)


async def test_the_reader_of_pixels_may_be_killed(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with page(wide, tmp_path, CANVAS):
        await call(client, "wait_for", event="text", text="退出", seconds=40)
        (engine,) = _our_readers()
        os.kill(engine, signal.SIGKILL)
        await call(client, "key", text="ctrl+plus", screenshot="never")
        waited = await call(client, "wait_for", event="text", text="新游戏", seconds=40)
        assert facts(waited)["happened"]


async def test_a_hung_program_costs_its_own_lines_only(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with form(wide, "gtk3", tmp_path) as hung:
        await shown(client, "Apply")
        session = session_of(wide)
        session.launch([SYSTEM_PYTHON, str(Path(__file__).parents[2] / "apps/form.py"), "gtk3",
                        str(tmp_path / "other.txt")])  # fmt: skip
        assert until((tmp_path / "other.txt").exists, 20)
        other = await top_window(client, 2)
        await call(client, "windows", action="move", window=other, rect=[400, 300, 620, 440])
        os.kill(hung.pid, signal.SIGSTOP)
        try:
            with anyio.fail_after(15):
                lines = await outline(client)
            headings = [line for line in lines if line.startswith("# window")]
            silent = [line for line in headings if line.endswith("did not answer in time")]
            assert (len(headings), len(silent)) == (2, 1)
            assert [line for line in lines if 'button "Apply"' in line]
        finally:
            os.kill(hung.pid, signal.SIGCONT)
            await call(client, "windows", action="close", window=other)


# Pictures


async def test_only_what_changed_is_sent_when_asked(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with form(wide, "gtk3", tmp_path):
        await shown(client, "Apply")
        ticked = await call(client, "click_element", target="Subscribe", screenshot="changed")
        whole = decoded(picture(await call(client, "screenshot")))
        same = await call(client, "mouse_move", coordinate=[5, 5], screenshot="changed")
        still = await call(client, "mouse_move", coordinate=[6, 6], screenshot="changed")
        x, y, width, height = facts(ticked)["picture_of"]
        part = decoded(picture(ticked))
        assert part.size == (width, height)
        assert width * height < 1280 * 800 / 2
        cut = whole.crop((x, y, x + width, y + height))
        assert ImageChops.difference(part, cut).getbbox() is None
        assert facts(same)["ok"]
        assert picture(still) is None


async def test_marks_number_what_can_be_used(wide: Desktop, client: Client, tmp_path: Path) -> None:
    with form(wide, "gtk3", tmp_path):
        await shown(client, "Apply")
        plain_ = decoded(picture(await call(client, "screenshot")))
        marked = await call(client, "screenshot", marks=True)
        lines = await outline(client)
        x, y = point(line_of(lines, 'button "Tile 9"'))
        around = (x - 45, y - 22, x + 45, y + 22)
        drawn = ImageChops.difference(plain_.crop(around), decoded(picture(marked)).crop(around))
        assert drawn.getbbox() is not None
        assert facts(marked)["marks"] >= 31  # 24 tiles, 3 fields, 3 choices, 2 buttons but Locked


async def test_bad_names_are_refused_in_words(wide: Desktop, client: Client) -> None:
    assert refusal(await call(client, "find")) == "Say what to find: a text, a role, or both."
    assert refusal(await call(client, "click_element", target=" ")) == (
        'Name what to act on, by a ref such as "e12" or by its text.'
    )
    assert refusal(await call(client, "wait_for", event="text")) == (
        'To wait for text, say what for as "text".'
    )
    assert "o12345" in refusal(await call(client, "click_element", target="o12345"))


def _our_readers() -> list[int]:
    """The OCR engines that this process has started."""
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if "gloveport.sandbox.imaging.ocr_worker" in _read(process / "cmdline")
        and f"PPid:\t{os.getpid()}\n" in _read(process / "status")
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

"""Drags in real programs, judged by what the programs took."""

import json
import multiprocessing
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from desks import session_of
from fields import field, page_in_chromium
from processes import until

from gloveport.sandbox.actions import Drag, Press
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.geometry import Point, Rect
from gloveport.sandbox.x11.keymap import Keymap

KITS = ("gtk3", "gtk4", "pyqt5", "pyqt6")
BOARD = """
<style>.column{position:absolute;top:20px;width:200px;height:300px;border:1px solid}
#todo{left:20px}#done{left:350px}#card{margin:8px;height:40px;background:#fc0}</style>
<div class=column id=todo><div id=card draggable=true>Card</div></div>
<div class=column id=done></div>
<script>
const order = [];
card.ondragstart = event => {
  event.dataTransfer.setData("text", "card");
  event.dataTransfer.effectAllowed = "move";
};
for (const column of [todo, done]) {
  column.ondragover = event => { event.preventDefault(); BUSY };
  column.ondrop = event => {
    event.preventDefault();
    column.append(card);
    order.push(column.id);
    keep(order.join(" "));
  };
}
</script>
"""
PAGE = """
<style>body{margin:0}canvas{position:absolute;left:20px;top:120px;border:1px solid}
input{position:absolute;left:20px;top:20px;width:400px}</style>
<input type=range aria-label=Volume min=0 max=100 value=0>
<canvas width=400 height=300 aria-label=Paper role=img></canvas>
<script>
const now = {volume: 0, stroke: []};
const tell = () => keep(JSON.stringify(now));
document.querySelector("input").oninput = event => { now.volume = +event.target.value; tell(); };
const canvas = document.querySelector("canvas");
let down = false;
const point = event => [event.offsetX, event.offsetY];
canvas.onmousedown = event => { down = true; now.stroke = [point(event)]; };
canvas.onpointermove = event => {
  if (down) now.stroke.push(...event.getCoalescedEvents().map(point));
};
canvas.onmouseup = event => { down = false; now.stroke.push(point(event)); tell(); };
</script>
"""


DROP = """
<button style="position:absolute;left:40px;top:60px;width:250px;height:250px">Here</button>
<script>
const here = document.querySelector("button");
here.ondragover = event => event.preventDefault();
here.ondrop = async event => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  keep(`${file.name} ${await file.text()}`);
};
</script>
"""


@pytest.fixture
async def wide(anyio_backend: str, tmp_path: Path, keymap: Keymap) -> AsyncGenerator[Desktop]:
    """A desktop with room for two windows."""
    async with open_desktop(
        DesktopOptions(tmp_path / "d", width=1000, height=700), keymap
    ) as running:
        yield running


@contextmanager
def busy(processes: int) -> Generator[None]:
    """Processes beside the desktop that take all the time they can get."""
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_spin, daemon=True) for _ in range(processes)]
    for one in started:
        one.start()
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.join()


def _spin() -> None:
    while True:
        pass


async def _place(desktop: Desktop, name: str, window: int = 0) -> Rect:
    """Where something with a name is, once it has come to rest."""
    before = None
    for _ in range(100):
        found = (await desktop.find(name)).elements
        seen = [one.rect for one in found if one.seen and window in (0, one.window)]
        if seen and seen == before:
            return seen[0]
        before = seen
        await desktop.rest(0.1)
    raise AssertionError(f"nothing is called {name}")


@pytest.mark.parametrize("processes", [0, 12])
@pytest.mark.parametrize("work", ["", "for (const end = Date.now() + 60; Date.now() < end;);"])
async def test_cards_are_dragged_on_a_board_of_a_page(
    wide: Desktop, tmp_path: Path, processes: int, work: str
) -> None:
    with page_in_chromium(session_of(wide), tmp_path, BOARD.replace("BUSY", work)) as page:
        card = (await _place(wide, "Card")).centre
        ways = [(card, _off(card, 330, 150)), (_off(card, 330, 0), _off(card, 0, 150))]
        with busy(processes):
            for count in range(6):
                await wide.do(Drag(ways[count % 2]), show="never")
                wanted = " ".join(["done", "todo"] * 3).split()[: count + 1]
                assert page.holds(" ".join(wanted)), (count, page.value())


@pytest.mark.parametrize("kind", KITS)
async def test_lists_are_dragged_from(wide: Desktop, tmp_path: Path, kind: str) -> None:
    with field(session_of(wide), kind, tmp_path, "drags") as app:
        for count, fruit in enumerate(("Pear", "Apple", "Pear"), 1):
            start, goal = await _place(wide, fruit), await _place(wide, "Basket")
            await wide.do(Drag([start.centre, goal.centre]), show="never")
            assert app.holds("\n".join(("Pear", "Apple", "Pear")[:count])), app.value()


@pytest.mark.parametrize("source", KITS)
async def test_drags_go_from_one_window_to_another(
    wide: Desktop, tmp_path: Path, source: str
) -> None:
    session = session_of(wide)
    for target in (one for one in KITS if one != source):
        if target == "gtk4" and source.startswith("pyqt"):
            continue  # GTK 4.8 does not take these drops from a hand on a mouse either
        with field(session, target, tmp_path, "drags") as to:
            await wide.wait_for_window(f"drags {target}", 10)
            await wide.manage("move", f"drags {target}", Rect(500, 100, 300, 200))
            with field(session, source, tmp_path, "drags"):
                await wide.wait_for_window(f"drags {source}", 10)
                await wide.manage("move", f"drags {source}", Rect(50, 300, 300, 200))
                ids = {one.title: one.id for one in await wide.windows()}
                start = await _place(wide, "Apple", ids[f"drags {source}"])
                goal = await _place(wide, "Basket", ids[f"drags {target}"])
                await wide.do(Drag([start.centre, goal.centre]), show="never")
                assert to.holds("Apple"), f"{target} took {to.value()!r}"


async def test_a_slider_and_a_canvas_get_the_whole_drag(wide: Desktop, tmp_path: Path) -> None:
    with page_in_chromium(session_of(wide), tmp_path, PAGE) as page:
        slider = await _place(wide, "Volume")
        left, middle = Point(slider.x + 8, slider.centre.y), slider.centre
        await wide.do(Drag([left, middle]), show="never")
        assert page.holds(json.dumps({"volume": 50, "stroke": []}).replace(" ", ""))
        paper = await _place(wide, "Paper")
        path = [Point(paper.x + 1 + 7 * at, paper.y + 1 + 250 * (at % 2)) for at in range(50)]
        await wide.do(Drag(path), show="never")
        assert until(lambda: len(json.loads(page.value())["stroke"]) > 0, 10)
        stroke = json.loads(page.value())["stroke"]
        passed = [[one.x - paper.x - 1, one.y - paper.y - 1] for one in path]
        corners = [one for at, one in enumerate(stroke) if one in passed and one != stroke[at - 1]]
        assert corners == passed
        assert stroke[-1] == passed[-1]


async def test_files_are_dragged_from_folder_to_folder(wide: Desktop) -> None:
    session = session_of(wide)
    home = session.folder.home
    for name, there in (("here", Rect(20, 60, 450, 400)), ("there", Rect(510, 60, 450, 400))):
        (home / name).mkdir()
        (home / name / f"only {name}.txt").touch()
        session.launch(["thunar", str(home / name)])
        found, _ = await wide.wait_for_window(f"{name} - ", 20)
        assert found
        await wide.manage("move", f"{name} - ", there)
    start, goal = await _place(wide, "only here.txt"), await _place(wide, "only there.txt")
    await wide.do(Drag([start.centre, _off(goal.centre, 100, 120)]), show="never")
    assert until(lambda: (home / "there/only here.txt").exists(), 20)
    assert not (home / "here/only here.txt").exists()


async def test_a_file_is_dragged_into_a_page(wide: Desktop, tmp_path: Path) -> None:
    session = session_of(wide)
    (session.folder.home / "here").mkdir()
    (session.folder.home / "here/report.txt").write_text("seven")
    with page_in_chromium(session, tmp_path, DROP) as page:
        session.launch(["thunar", str(session.folder.home / "here")])
        found, _ = await wide.wait_for_window("here - ", 20)
        assert found
        await wide.manage("move", "here - ", Rect(500, 200, 450, 400))
        start, goal = await _place(wide, "report.txt"), await _place(wide, "Here")
        await wide.do(Drag([start.centre, goal.centre]), show="never")
        assert page.holds("report.txt seven"), page.value()


async def test_cells_of_a_sheet_are_selected(wide: Desktop, tmp_path: Path) -> None:
    session = session_of(wide)
    sheet = session.folder.home / "sheet.csv"
    sheet.write_text("".join(f"a{row},b{row},c{row}\n" for row in range(1, 6)))
    await wide.open(str(sheet))
    if (await wide.wait_for_window("Text Import", 40))[0]:
        await wide.do(Press("Return"))
    first, last = await _place(wide, "a2"), await _place(wide, "c4")
    await wide.do(Drag([first.centre, last.centre]), show="never")
    await wide.do(Press("ctrl+c"), show="never")
    wanted = "".join(f"a{row}\tb{row}\tc{row}\n" for row in range(2, 5))
    text = None
    for _ in range(50):
        text = await wide.clipboard()
        if text == wanted:
            break
        await wide.rest(0.1)
    assert text == wanted


def _off(point: Point, right: int, down: int) -> Point:
    return Point(point.x + right, point.y + down)

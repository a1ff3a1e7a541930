"""What stands in a click's way on a page: bars, things that move, dialogs that wait. By its DOM."""

import time
from pathlib import Path

import pytest
from desks import session_of
from fields import page_in_chromium

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.actions import Action, Click, ClickElement, Type
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import Covered, Evasive
from gloveport.sandbox.screen.settle import Patience

AT_ONCE = Patience(first=0.05, quiet=0.02)
BAR = "position:fixed;background:#333;color:#fff;z-index:9"
TALL = "<div style='height:1500px'>top</div>{}<div style='height:1500px'>rest</div>"
BUTTON = "<button onclick='keep(1)'>Go</button>"
COVERED = {
    "below a header": f"<div style='{BAR};top:0;left:0;right:0;height:90px'>Menu</div>"
    + TALL.format(f"<p id=it>{BUTTON}</p>")
    + "<script>onload = () => it.scrollIntoView()</script>",
    "above a footer": f"<div style='{BAR};bottom:0;left:0;right:0;height:90px'>We use cookies</div>"
    + TALL.format(BUTTON),
    "between two bars": f"<div style='{BAR};top:0;left:0;right:0;height:90px'>Menu</div>"
    f"<div style='{BAR};bottom:0;left:0;right:0;height:90px'><b>We</b> use cookies</div>"
    + TALL.format(BUTTON),
    "beside a column": "<div style='overflow:auto;width:400px;height:200px'>"
    "<div style='width:2000px'><div style='position:sticky;left:0;width:120px;height:180px;"
    "float:left;background:#333'>Row</div>"
    f"<div style='position:absolute;left:60px;top:60px' id=it>{BUTTON}</div></div></div>",
    "below the head of a list": "<div style='overflow:auto;width:300px;height:200px;"
    "position:absolute;top:150px'>"
    "<div style='position:sticky;top:0;height:60px;background:#333'>Head</div>"
    + TALL.format(f"<p id=it>{BUTTON}</p>")
    + "</div><script>onload = () => it.scrollIntoView()</script>",
    "while the page scrolls smoothly": "<style>html{scroll-behavior:smooth}</style>"
    f"<div style='{BAR};bottom:0;left:0;right:0;height:90px'>We use cookies</div>"
    + TALL.format(BUTTON),
}  # fmt: skip
MOVES = """
<button id=one style='position:absolute;left:50px;top:80px' onclick='keep(1)'>Offers</button>
<script>let times = 0; one.onmouseenter = () => {
  if (times++ < LIMIT) one.style.left = 50 + 250 * (times % 2) + "px";
}</script>
"""
TWIN = """
<button style='position:absolute;left:50px;top:80px;z-index:-1' onclick='keep(2)'>Offers</button>
"""
DIALOGS = {
    "alert": "alert('Saved'); keep(true)",
    "confirm": "keep(confirm('Delete all?'))",
    "prompt": "keep(prompt('Name?', 'true'))",
}


async def _there(desktop: Desktop, name: str) -> Element:
    """Something once it has come up."""
    for _ in range(100):
        found = [one for one in (await desktop.find(name)).elements if one.name == name]
        if found and found[0].role == "button":
            return found[0]
        await desktop.rest(0.1)
    raise AssertionError(f"no button is called {name}")


@pytest.mark.parametrize("where", COVERED)
async def test_what_lies_under_a_bar_is_scrolled_clear(
    own_desktop: Desktop, tmp_path: Path, where: str
) -> None:
    with page_in_chromium(session_of(own_desktop), tmp_path, COVERED[where]) as page:
        await _there(own_desktop, "Go")
        await own_desktop.do(ClickElement("Go"), show="never")
        assert page.holds("1")


async def test_a_cover_that_stays_is_named_by_what_it_says(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    whole = f"<div style='{BAR};inset:0'><p>Are you of age?</p></div>"
    with page_in_chromium(session_of(own_desktop), tmp_path, BUTTON + whole) as page:
        await _there(own_desktop, "Go")
        with pytest.raises(Covered, match=r"'Go', is covered by .*'Are you of age\?'"):
            await own_desktop.do(ClickElement("Go"), show="never")
        assert page.value() == ""


@pytest.mark.parametrize("other", ["", TWIN], ids=["alone", "from a twin"])
async def test_what_moves_away_once_is_followed(
    own_desktop: Desktop, tmp_path: Path, other: str
) -> None:
    html = MOVES.replace("LIMIT", "1")
    with page_in_chromium(session_of(own_desktop), tmp_path, html + other) as page:
        await _there(own_desktop, "Offers")
        shown = (await own_desktop.find("Offers", "button")).elements
        await own_desktop.do(ClickElement(shown[0].ref), show="never")
        assert page.holds("1")


async def test_what_moves_away_always_is_not_said_to_be_clicked(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    html = MOVES.replace("LIMIT", "99")
    with page_in_chromium(session_of(own_desktop), tmp_path, html) as page:
        await _there(own_desktop, "Offers")
        with pytest.raises(Evasive, match="'Offers', moves away when the pointer comes"):
            await own_desktop.do(ClickElement("Offers"), show="never")
        assert page.value() == ""


@pytest.mark.parametrize("kind", DIALOGS)
@pytest.mark.parametrize("way", ["by name", "by point", "in one batch"])
async def test_a_click_on_a_new_dialog_counts(
    own_desktop: Desktop, tmp_path: Path, kind: str, way: str
) -> None:
    html = f'<button onclick="{DIALOGS[kind]}">Ask</button>'
    with page_in_chromium(session_of(own_desktop), tmp_path, html) as page:
        await _there(own_desktop, "Ask")
        if way == "in one batch":
            both: list[Action] = [ClickElement("Ask"), ClickElement("OK")]
            await own_desktop.do_all(both, show="never")
        else:
            began = time.monotonic()
            await own_desktop.do(ClickElement("Ask"), show="never", patience=AT_ONCE)
            at = (await _there(own_desktop, "OK")).point
            looked = time.monotonic() - began
            press = Click(at) if way == "by point" else ClickElement("OK")
            last = await own_desktop.do(press, show="never")
            waited = str(last.told.get("waited", ""))
            # A machine with much to do may have taken as long to find the button.
            assert "ignores clicks at first" in waited or looked > 0.5
        assert page.holds("true")


async def test_a_click_on_a_dialog_that_has_been_there_does_not_wait(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    html = f'<button onclick="{DIALOGS["confirm"]}">Ask</button>'
    with page_in_chromium(session_of(own_desktop), tmp_path, html) as page:
        await _there(own_desktop, "Ask")
        await own_desktop.do(ClickElement("Ask"), show="never")
        await own_desktop.rest(2.0)
        last = await own_desktop.do(ClickElement("OK"), show="never")
        assert page.holds("true")
        assert "waited" not in last.told


async def test_nothing_behind_a_file_chooser_is_told_to_have_the_focus(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    html = "<label>Up <input type=file></label><input aria-label=Name autofocus>"
    with page_in_chromium(session_of(own_desktop), tmp_path, html):
        opener = await _there(own_desktop, "Up: No file chosen")
        await own_desktop.do(ClickElement(opener.ref), show="never")
        found, _ = await own_desktop.wait_for_window("Open File", 20)
        assert found
        frame = await own_desktop.do(Type("/"), show="never")
        assert frame.window == "Open File"
        (chooser,) = [one.id for one in await own_desktop.windows() if one.title == "Open File"]
        assert frame.focus is None or frame.focus.window == chooser

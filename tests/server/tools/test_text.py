"""Texts are whole: what stands far down in a paragraph is found, waited for and clicked."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import field, page_in_chromium
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

LOOP = "Click to toggle between loop all, loop one and no loop"


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_words_of_a_paragraph_are_found_and_clicked_where_they_stand(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "text") as opened:
        for words in ("golden gate", "silver bridge", "golden   GATE", "tail29"):
            waited = await call(client, "wait_for", event="text", text=words, seconds=20)
            assert facts(waited)["happened"], words
            (found,) = facts(await call(client, "find", text=words))["found"]
            assert words.split()[0].casefold() in found.casefold()
            done = facts(await call(client, "click_element", target=words))
            assert words.split()[0].casefold() in done["clicked"].casefold()
            asked = words.casefold().split()
            assert until(lambda: opened.value().casefold() in asked, 5), opened.value()  # noqa: B023


async def test_words_out_of_view_are_hidden_until_they_are_scrolled_to(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with field(session_of(wide), "chromium", tmp_path, "text") as opened:
        await call(client, "wait_for", event="text", text="golden gate", seconds=20)
        waited = await call(client, "wait_for", event="text", text="iron door", seconds=0.3)
        assert not facts(waited)["happened"]
        (found,) = facts(await call(client, "find", text="iron door"))["found"]
        assert found.endswith(" hidden")
        await call(client, "click_element", target="iron door")
        assert until(lambda: opened.value() in ("iron", "door"), 5), opened.value()


async def test_a_cut_is_shown_and_what_was_cut_can_be_asked_for(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with field(session_of(wide), "chromium", tmp_path, "text"):
        await call(client, "wait_for", event="text", text="golden gate", seconds=20)
        whole = text(await call(client, "read_screen"))
        assert [one for one in whole.split("\n") if '"near0 near1' in one and '…"' in one]
        asked = text(await call(client, "read_screen", query="golden gate"))
        assert "meet at the golden gate tail0" in asked


async def test_the_text_of_a_writer_document_is_read_and_clicked(
    wide: Desktop, client: Client
) -> None:
    await call(client, "open", target="LibreOffice Writer")
    long = " ".join(f"word{number}" for number in range(60))
    await call(client, "wait_for", event="still", seconds=10)
    typed = facts(
        await call(client, "type", text=f"First line\n{long} the golden gate {long}\nEnd")
    )
    assert typed["ok"]
    for words in ("First line", "golden gate", "End"):
        waited = await call(client, "wait_for", event="text", text=words, seconds=10)
        assert facts(waited)["happened"], words
    await call(client, "click_element", target="golden gate", screenshot="never")
    await call(client, "type", text="#", screenshot="never")
    assert "#" in text(await call(client, "read_screen", query="the gol"))  # where the click fell
    await call(client, "key", keys="ctrl+q")
    await call(client, "wait_for", event="window", text="Save Document?", seconds=5)
    await call(client, "click_element", target="Don't Save")
    await call(client, "wait_for", event="window_gone", text="LibreOffice", seconds=10)


async def test_a_short_word_does_not_press_a_long_name_it_is_in(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    html = f"""<button onclick="keep('tip')" title="{LOOP}">&#8635;</button>
      <button onclick="keep('tip')" aria-label="{LOOP}">x</button>
      <button onclick="keep('allow')">Allow</button><button onclick="keep('small')">Small</button>
      <button id=late hidden onclick="keep('all')">All</button>
      <button onclick="document.getElementById('late').hidden = false">Late</button>"""
    with page_in_chromium(session_of(wide), tmp_path, html) as opened:
        await call(client, "wait_for", event="element", text="Allow", role="button", seconds=20)
        for asked in ("All", "all", "loop", "Click", "one", "mal", "llow"):
            why = refusal(await call(client, "click_element", target=asked))
            assert why.startswith(f"Nothing on the screen is called {asked!r}"), why
        assert opened.value() == ""
        await call(client, "click_element", target="Late")
        await call(client, "click_element", target="All")
        assert until(lambda: opened.value() == "all")


async def test_labels_lead_to_their_fields(wide: Desktop, client: Client, tmp_path: Path) -> None:
    html = """<style>.row{margin:8px} span,input,div{vertical-align:middle}</style>
      <div class=row><span>Find:</span> <input id=a></div>
      <div class=row><span>Replace:</span> <input id=b> <input id=c aria-label=Other></div>
      <div class=row><div>Street</div><input id=d></div>
      <div class=row><label for=e>Town</label> <input id=e aria-label=Place></div>
      <div class=row><span>Username</span> <input id=f aria-label=Username></div>
      <script>oninput = e => keep(e.target.id + e.target.value)</script>"""
    with page_in_chromium(session_of(wide), tmp_path, html) as opened:
        await call(client, "wait_for", event="text", text="Street", seconds=20)
        for label, which in (
            ("Find:", "a"), ("Replace:", "b"), ("Street", "d"), ("Username", "f"), ("Other", "c"),
        ):  # fmt: skip
            done = await call(client, "type", text="x", into=label)
            assert facts(done)["typed"] == "verified", text(done)
            assert until(lambda: opened.value() == f"{which}x"), (label, opened.value())  # noqa: B023
        why = refusal(await call(client, "type", text="x", into="user"))
        assert "called 'user'" in why or "takes no text" in why
        assert opened.value() == "cx"


@pytest.mark.parametrize("kind", ["pyqt5", "pyqt6"])
async def test_names_of_qt_are_what_is_written_there(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "names"):
        await call(client, "wait_for", event="element", text="Last", role="button", seconds=20)
        told = text(await call(client, "read_screen", window="names"))
        names = [
            line.split('"')[1] for line in told.split("\n") if line.startswith("e") and '"' in line
        ]
        assert sorted(names) == ["<unknown>", "Fish & chips", "Last", "Play", "a < b > c"]

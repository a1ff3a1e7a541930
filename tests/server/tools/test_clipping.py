"""What a scroll area hides is not told as seen; what it half hides is clicked where it shows."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, facts, text
from desks import session_of
from fields import field
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

OURS = ("First", "Last", "Above", "Below", "Half", "Cut", "Gone", "Item")
KINDS = ("gtk3", "gtk4", "pyqt5", "pyqt6", "chromium", "firefox")


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


async def told(client: Client) -> dict[str, list[int]]:
    """The buttons of the window that are told as seen, and where to click each."""
    found: dict[str, list[int]] = {}
    for line in text(await call(client, "read_screen", query="button")).split("\n"):
        words = line.split('"')
        if words[0].endswith(" button ") and words[1].split(" ")[0] in OURS:
            found[words[1]] = [int(one) for one in words[2].split()[0].split(",")]
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_told_as_seen_is_what_a_click_there_presses(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "scroll") as opened:
        waited = await call(client, "wait_for", event="enabled", text="Last", seconds=30)
        assert facts(waited)["happened"]
        await call(client, "wait_for", event="still", seconds=5)
        pressed: list[str] = []
        first = await told(client)
        for name in first:
            now = await told(client)  # GTK scrolls to what gets the focus
            if name in now:
                await call(client, "left_click", coordinate=now[name], screenshot="never")
                pressed.append(name)
                assert until(lambda: json.loads(opened.value()) == pressed, 3), (name, pressed)
        assert 2 <= len([one for one in pressed if one.startswith("Item")]) <= 8
        assert {"First", "Last"} <= set(pressed)
        assert "Gone" not in first


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_scrolled_out_of_view_is_found_but_not_waited_for(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "scroll") as opened:
        waited = await call(client, "wait_for", event="enabled", text="Last", seconds=30)
        assert facts(waited)["happened"]
        for name in ("Item 0", "Item 29"):
            found = facts(await call(client, "find", text=name, role="button"))["found"]
            hidden = [one.endswith(" hidden") for one in found]
            assert hidden == [True] or (kind == "gtk3" and not hidden), found  # it has no place
            waited = await call(client, "wait_for", event="element", text=name, seconds=0.5)
            assert not facts(waited)["happened"]
            done = await call(client, "click_element", target=name)
            if done.is_error:
                assert name not in json.loads(opened.value())
            else:
                assert until(lambda: json.loads(opened.value())[-1:] == [name], 3)  # noqa: B023

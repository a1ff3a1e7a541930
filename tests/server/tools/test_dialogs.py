"""Dialogs of real programs that were once silent can be read and used by name."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, facts, text
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer


@pytest.fixture
async def desk(tmp_path: Path, keymap: Keymap) -> AsyncGenerator[tuple[Desktop, Client]]:
    async with (
        open_desktop(DesktopOptions(tmp_path / "d"), keymap) as desktop,
        Client(DesktopServer(desktop)) as client,
    ):
        yield desktop, client


Desk = tuple[Desktop, Client]


async def has(client: Client, *names: str) -> str:
    """The screen in words, once it has these names."""
    for name in names:
        waited = await call(client, "wait_for", event="element", text=name, seconds=30)
        assert facts(waited)["happened"], (name, text(await call(client, "read_screen")))
    told = text(await call(client, "read_screen"))
    assert "in time" not in told
    assert "did not tell" not in told
    return told


@pytest.mark.timeout(90)
async def test_a_file_is_saved_by_names_alone_in_a_gtk_dialog(desk: Desk) -> None:
    desktop, client = desk
    home = session_of(desktop).folder.home
    (home / "Documents" / "there.txt").write_text("x")
    await call(client, "open", target="Text Editor")
    await call(client, "type", text="kept")
    await call(client, "key", text="ctrl+s")
    told = await has(client, "Cancel", "Documents")
    assert '# window "Save As"' in told
    typed = facts(await call(client, "type", text="mine.txt", into="Name:"))
    assert typed["typed"] == "verified"
    await call(client, "wait_for", event="enabled", text="Save", role="button", seconds=10)
    saved = await call(client, "click_element", target="Save")
    assert not saved.is_error, text(saved)
    assert until(lambda: any("kept" in one.read_text() for one in home.rglob("mine.txt")), 10)


@pytest.mark.timeout(90)
async def test_a_folder_is_read_and_opened_in_thunar(desk: Desk) -> None:
    desktop, client = desk
    home = session_of(desktop).folder.home
    (home / "Documents" / "report 7.txt").write_text("x")
    await call(client, "open", target="Files")
    await has(client, "Downloads", "Documents")
    await call(client, "key", text="alt+d")
    await call(client, "key", text="ctrl+l")
    await call(client, "type", text=f"{home}/Documents\n")
    await has(client, "report 7.txt")


@pytest.mark.timeout(150)
async def test_options_and_save_of_libreoffice_are_read(desk: Desk) -> None:
    _, client = desk
    await call(client, "open", target="LibreOffice Writer")
    await call(client, "wait_for", event="still", seconds=10)
    await call(client, "key", text="alt+F12")
    told = await has(client, "First name")
    assert "User Data" in told
    await call(client, "click_element", target="Cancel")
    await call(client, "wait_for", event="window_gone", text="Options", seconds=10)
    await call(client, "type", text="some words")
    await call(client, "key", text="ctrl+s")
    told = await has(client, "Cancel", "Name:")
    assert 'entry "Name:' in told

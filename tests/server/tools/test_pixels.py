"""Pixels are read where no program tells what it shows, and only there."""

import os
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from answers import call, facts, text
from desks import session_of
from fields import field
from mcp import Client

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


def engines() -> set[str]:
    """The OCR engines of this machine, by process; one that has just ended does not count."""
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            ours = f"PPid:\t{os.getpid()}\n" in (process / "status").read_text()
            if ours and b"ocr_worker" in (process / "cmdline").read_bytes():
                found.add(process.name)
    return found


@contextmanager
def silent_window(desktop: Desktop) -> Generator[None]:
    session = session_of(desktop)
    pid = session.launch(["xterm", "-title", "mute", "-e", "sh", "-c", "echo hello; sleep 1000"])
    try:
        yield
    finally:
        session.box.signal(pid, 9)


async def test_a_missing_text_starts_no_engine_where_all_is_told(
    desk: Desk, tmp_path: Path
) -> None:
    desktop, client = desk
    with field(session_of(desktop), "gtk3", tmp_path, "form"):
        await call(client, "wait_for", event="element", text="Apply", seconds=20)
        before = engines()
        found = facts(await call(client, "find", text="nowhere to be found"))
        assert found["found"] == []
        assert "note" not in found
        assert engines() == before


async def test_without_the_engine_the_answer_names_the_window_and_what_to_do(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop, client = desk
    monkeypatch.setitem(sys.modules, "rapidocr", None)  # as where the extra is not installed
    with silent_window(desktop):
        await call(client, "wait_for", event="window", text="mute", seconds=20)
        note = facts(await call(client, "find", text="hello"))["note"]
        told = text(await call(client, "read_screen"))
        for said in (note, told):
            assert "reading text off pictures needs an extra" in said
            assert "look at a screenshot for what only pixels show in 'mute'" in said


async def test_a_title_is_text_on_the_screen_for_as_long_as_it_is_in_view(desk: Desk) -> None:
    desktop, client = desk
    with silent_window(desktop):
        waited = await call(client, "wait_for", event="text", text="mute", seconds=20)
        assert facts(waited)["happened"]
        assert len(facts(await call(client, "find", text="mute"))["found"]) == 1
        assert not facts(await call(client, "wait_for", event="text_gone", text="mute", seconds=2))[
            "happened"
        ]
        window = facts(await call(client, "windows"))["windows"][0]["id"]
        await call(client, "windows", action="minimize", window=window)
        gone = await call(client, "wait_for", event="text_gone", text="mute", seconds=20)
        assert facts(gone)["happened"]

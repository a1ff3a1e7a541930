"""An answer says so when input may not have reached what it was meant for."""

import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from answers import call, facts
from desks import session_of
from fields import Field, field
from mcp import Client
from Xlib import X
from Xlib.display import Display

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

NOWHERE = [1270, 20]  # the wallpaper, beside every window


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """One desktop for all tests."""
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


async def warned(client: Client, tool: str, **given: Any) -> str:
    """What an action's answer warns of."""
    return facts(await call(client, tool, screenshot="never", **given)).get("warning", "")


async def place(client: Client, name: str) -> list[int]:
    """The middle of something, once it is there."""
    waited = await call(client, "wait_for", event="enabled", text=name, seconds=30)
    seen = str(facts(waited)["seen"])
    numbers = next(word for word in reversed(seen.split()) if word.replace(",", "").isdigit())
    return [int(number) for number in numbers.split(",")]


@contextmanager
def grabbed(session: Session, device: str) -> Generator[None]:
    """A program that has a device to itself."""
    display: Display = session.x.connect()
    root = display.screen().root
    now, mode = X.CurrentTime, X.GrabModeAsync
    got = (
        root.grab_pointer(False, X.ButtonPressMask, mode, mode, X.NONE, X.NONE, now)
        if device == "pointer"
        else root.grab_keyboard(False, mode, mode, now)
    )
    assert got == X.GrabSuccess
    yield
    display.close()


@pytest.fixture(params=["gtk3", "qt", "chromium"])
def form(request: pytest.FixtureRequest, wide: Desktop, tmp_path: Path) -> Generator[Field]:
    with field(session_of(wide), request.param, tmp_path, "form") as opened:
        yield opened


async def test_a_program_that_hangs_is_said(wide: Desktop, client: Client, form: Field) -> None:
    apply = await place(client, "Apply")
    before = [await warned(client, "left_click", coordinate=apply)]
    before.append(await warned(client, "key", text="Tab"))
    box = session_of(wide).box
    box.signal(form.pid, signal.SIGSTOP)
    clicked = await warned(client, "left_click", coordinate=apply)
    box.signal(form.pid, signal.SIGCONT)
    await call(client, "wait_for", event="still", seconds=20)
    after = await warned(client, "left_click", coordinate=apply)
    assert (before, after) == (["", ""], "")
    assert "has not handled this" in clicked


async def test_a_grab_by_another_program_is_said(
    wide: Desktop, client: Client, tmp_path: Path
) -> None:
    with field(session_of(wide), "gtk3", tmp_path, "form"):
        apply = await place(client, "Apply")
        with grabbed(session_of(wide), "pointer"):
            elsewhere = await warned(client, "left_click", coordinate=NOWHERE)
            keys = await warned(client, "key", text="Tab")
        with grabbed(session_of(wide), "keyboard"):
            kept = await warned(client, "key", text="Tab")
            click = await warned(client, "left_click", coordinate=apply)
        free = await warned(client, "left_click", coordinate=apply)
        typed = await warned(client, "key", text="Tab")
    assert "grabbed the pointer" in elsewhere
    assert "grabbed the keyboard" in kept
    assert (keys, click, free, typed) == ("", "", "", "")


@pytest.mark.parametrize("kind", ["gtk3", "qt5", "qt6"])
async def test_an_open_menu_is_said_only_to_clicks_beside_it(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with field(session_of(wide), kind, tmp_path, "menus"):
        await place(client, "File")
        opened = await warned(client, "click_element", target="File")
        down = await warned(client, "key", text="Down")
        inside = await warned(client, "click_element", target="Save As")
        beside = await warned(client, "left_click", coordinate=NOWHERE)
        after = await warned(client, "left_click", coordinate=NOWHERE)
    assert (opened, down, inside, after) == ("", "", "", "")
    assert "grabbed the pointer" in beside

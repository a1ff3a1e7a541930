"""One object that answers wrongly, or never, costs its own line and nothing else."""

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import APPS, field
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

GOOD = [f"good{number}" for number in range(12)]
MEMBERS = ("all", "GetRole", "GetState", "Name", "GetExtents", "GetChildren", "Parent")
WRONG = (
    "error", "nothing", "text", "number", "float", "infinite", "huge", "texts", "empties", "bits",
    "pairs", "variant", "nested", "long", "many", "itself",
)  # fmt: skip
STYLES = ("children", "collection", "cache")


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


@contextmanager
def hostile(desktop: Desktop, folder: Path, fault: str, style: str) -> Generator[None]:
    session, path = session_of(desktop), folder / f"shown.{style}"
    path.unlink(missing_ok=True)
    pid = session.launch([sys.executable, str(APPS / "hostile.py"), fault, str(path)])
    try:
        assert until(path.exists, 20), session.folder.last_words(sys.executable)
        yield
    finally:
        session.box.signal(pid, 9)
        assert until(lambda: not Path(f"/proc/{pid}").exists(), 10)


def buttons(told: str) -> list[str]:
    lines = [one for one in told.split("\n") if ' button "good' in one]
    return [one.split('"')[1] for one in lines]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("member", MEMBERS)
async def test_a_wrong_answer_costs_its_own_line(
    wide: Desktop, client: Client, tmp_path: Path, member: str, style: str
) -> None:
    for wrong in WRONG:
        with hostile(wide, tmp_path, f"{member}:{wrong}", style):
            await call(client, "wait_for", event="element", text="good11", seconds=10)
            told = text(await call(client, "read_screen"))
            assert sorted(buttons(told)) == sorted(GOOD), (wrong, told)
            assert "in time" not in told, (wrong, told)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("member", MEMBERS)
async def test_no_answer_costs_its_own_line_and_is_said(
    wide: Desktop, client: Client, tmp_path: Path, member: str, style: str
) -> None:
    with (
        field(session_of(wide), "gtk3", tmp_path, "form"),
        hostile(wide, tmp_path, f"{member}:never", style),
    ):
        await call(client, "wait_for", event="element", text="good11", seconds=20)
        told = text(await call(client, "read_screen"))
        assert sorted(buttons(told)) == sorted(GOOD), told
        assert 'button "Tile 23"' in told  # another program's
        if member in ("GetRole", "GetExtents", "all") and style != "cache":
            note = "did not tell all of it in time: 'hostile'"
            assert note in told
            assert note in facts(await call(client, "find", text="xyzzy"))["note"]
            waited = await call(client, "wait_for", event="element", text="xyzzy", seconds=0.2)
            assert note in facts(waited)["note"]
            why = refusal(await call(client, "click_element", target="xyzzy"))
            assert note in why

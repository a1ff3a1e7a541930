"""Text gets into the field that was meant, exactly, and the answer says what came of it.

Judged by the page's own script or the program's own state, never by the answer.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from answers import call, facts
from desks import session_of
from fields import Field, page_in_chromium
from mcp import Client

from gloveport.sandbox.desktop import Desktop, Settings, open_desktop
from gloveport.sandbox.keymap import Keymap
from gloveport.server.app import DesktopServer

BAR = "Address and search bar"


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop of the usual size; windows are opened and closed by each test."""
    async with open_desktop(Settings(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


@contextmanager
def page(desktop: Desktop, folder: Path, html: str) -> Generator[Field]:
    with page_in_chromium(session_of(desktop), folder, html) as opened:
        yield opened


async def told(client: Client, tool: str, **given: Any) -> dict[str, Any]:
    """What a call answers that shows no picture."""
    return facts(await call(client, tool, screenshot="never", **given))


async def shown(client: Client, name: str) -> None:
    """Wait until something is there to be used, as a client would."""
    waited = await call(client, "wait_for", event="enabled", text=name, seconds=30)
    assert facts(waited)["happened"], name


# The browser's own fields

FOCUSED = {
    "input": "<input aria-label=Here>",
    "password": "<input type=password aria-label=Here>",
    "textarea": "<textarea aria-label=Here></textarea>",
    "contenteditable": "<div contenteditable role=textbox aria-label=Here>x</div>",
    "in a frame": '<iframe srcdoc="<input aria-label=Here>"></iframe>',
    "in a shadow": """<div id=host></div><script>
      host.attachShadow({mode: "closed"}).innerHTML = "<input aria-label=Here>"</script>""",
    "button": "<button>Here</button>",
    "select": "<select aria-label=Here><option>one<option>two</select>",
}
KEEPS_PLACE = "<script>onhashchange = () => keep(location.hash)</script>"


@pytest.mark.parametrize("html", FOCUSED.values(), ids=FOCUSED)
async def test_fields_of_the_browser_have_the_focus_after_any_of_the_page(
    wide: Desktop, client: Client, tmp_path: Path, html: str
) -> None:
    with page(wide, tmp_path, html + KEEPS_PLACE) as opened:
        await shown(client, "Here")
        before = await focused(client)
        named = await told(client, "type", text="#named", into=BAR)
        await told(client, "key", text="Return")
        assert opened.holds("#named")
        await focused(client)
        reached = await told(client, "key", text="ctrl+l")
        await told(client, "key", text="End")
        typed = await told(client, "type", text="-again")
        await told(client, "key", text="Return")
        assert opened.holds("#named-again")
        await focused(client)
        asked = await told(client, "key", text="ctrl+d")
        written = await told(client, "type", text="my page")
        await told(client, "key", text="Escape")
    assert before == "Here"
    assert (named["typed"], named["focus"]["name"]) == ("verified", BAR)
    assert (reached["focus"]["name"], typed["typed"]) == (BAR, "verified")
    assert asked["focus"]["name"] == "Bookmark name"
    assert (written["typed"], written["focus"]["text"]) == ("verified", "my page")


async def focused(client: Client) -> str:
    """Click what is called Here, close the list it may open, and say what has the focus."""
    clicked = await told(client, "click_element", target="Here")
    if clicked["focus"]["role"] == "menu item":
        clicked = await told(client, "key", text="Escape")
    return str(clicked["focus"]["name"])

"""What a person did, as the agent is told: over the screen's own wire, into a real page."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from answers import call, facts
from desks import session_of
from fields import page_in_chromium
from mcp import Client
from viewers import EVERYTHING, Viewer, viewing
from views import View
from views import viewing as at_the_page
from web import served
from witness import Witness

from gloveport.sandbox.desktop import Desktop

_FORM = (
    "<body style='margin:0'><input aria-label=City autofocus style='font-size:40px;width:90%'>"
    "<input type=password aria-label=Secret style='font-size:40px;width:90%'>"
)
RETURN, CTRL, TAB, BACKSPACE, SHIFT = 0xFF0D, 0xFFE3, 0xFF09, 0xFF08, 0xFFE1


@asynccontextmanager
async def driving(desktop: Desktop) -> AsyncGenerator[tuple[Client, View, Viewer]]:
    """An agent, and a person who has control by keyboard and mouse."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(desktop))
        client = await stack.enter_async_context(Client(f"{url}/mcp"))
        ada = await stack.enter_async_context(at_the_page(url))
        socket = f"ws{url.removeprefix('http')}/live/main/rfb"
        seen = viewing(socket, EVERYTHING, origin=url, headers=ada.cookie)
        screen = await stack.enter_async_context(seen)
        await call(client, "screenshot")
        await ada.do("take")
        yield client, ada, screen


async def handed_back(client: Client, ada: View) -> str:
    assert (await ada.do("hand_back")).json() == {"ok": True}
    return facts(await call(client, "screenshot"))["handed_back"]


async def typed(screen: Viewer, *keysyms: int | str) -> None:
    for one in keysyms:
        for keysym in [ord(char) for char in one] if isinstance(one, str) else [one]:
            await screen.tap(keysym)


async def test_clicks_drags_and_scrolls_are_told(desktop: Desktop) -> None:
    async with driving(desktop) as (client, ada, screen):
        for x, y, buttons in (
            (100, 90, 0), (100, 90, 1), (100, 90, 0),
            (200, 90, 4), (200, 90, 0),
            (10, 10, 1), (60, 40, 1), (60, 40, 0),
            (300, 200, 16), (300, 200, 0), (300, 200, 16), (300, 200, 0),
        ):  # fmt: skip
            await screen.point(x, y, buttons)
        await ada.until_told("scrolled down at 300,200")
        assert await handed_back(client, ada) == (
            "Ada has used this desktop since you last looked. What they did: clicked at 100,90; "
            "clicked the right button at 200,90; dragged from 10,10 to 60,40; scrolled down at "
            "300,200."
        )


async def test_text_is_told_where_it_is_no_password(desktop: Desktop, tmp_path: Path) -> None:
    with page_in_chromium(session_of(desktop), tmp_path, _FORM):
        async with driving(desktop) as (client, ada, screen):
            await screen.point(100, 100, 1)
            await screen.point(100, 100, 0)
            await ada.until_told("clicked at 100,100")
            await typed(screen, "Züricj", BACKSPACE, "h", TAB)
            await ada.until_told("pressed Tab")
            await typed(screen, "hunter2", RETURN)
            await ada.until_told("pressed Return")
            await screen.key(CTRL, down=True)
            await typed(screen, "a")
            await screen.key(CTRL, down=False)
            await ada.until_told("pressed ctrl+a")
            told = await handed_back(client, ada)
    assert "typed “Zürich” into “City”; pressed Tab" in told
    assert "typed 7 characters; pressed Return; pressed ctrl+a" in told
    assert "hunter2" not in told
    assert not any("hunter2" in one["told"] for one in ada.happened.values())


async def test_where_no_program_tells_of_the_focus_only_how_much_is_told(
    desktop: Desktop, witness: Witness
) -> None:
    async with driving(desktop) as (client, ada, screen):
        await typed(screen, "sudo pw", RETURN)
        await ada.until_told("pressed Return")
        told = await handed_back(client, ada)
    assert "typed 7 characters; pressed Return" in told

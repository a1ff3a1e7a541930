"""People and agents at one desktop, over the wire that the live view speaks."""

import base64
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts, picture, refusal, text
from desks import session_of
from mcp import Client
from views import View, viewing
from web import TOKEN, bearer, served
from witness import Press, Release, Witness

from gloveport.sandbox.desktop import Desktop


@asynccontextmanager
async def shared(desktop: Desktop, mode: str = "auto") -> AsyncGenerator[tuple[Client, View]]:
    """An agent and a person at one desktop."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(desktop))
        client = await stack.enter_async_context(Client(f"{url}/mcp", mode=mode))
        yield client, await stack.enter_async_context(viewing(url))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_while_a_person_drives_an_agent_is_refused_and_may_look(
    desktop: Desktop, witness: Witness, mode: str
) -> None:
    async with shared(desktop, mode) as (client, ada):
        assert (await ada.do("take")).json() == {"ok": True}
        await ada.until(driver={"kind": "person", "name": "Ada"})
        said = refusal(await call(client, "left_click", coordinate=[20, 30]))
        assert said.startswith("Ada has control of this desktop, so nothing was done.")
        assert witness.saw_nothing()
        assert picture(await call(client, "screenshot"))


async def test_a_person_may_hide_the_screen(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada):
        assert (await ada.do("hide", hidden=True)).status_code == 409  # not driving yet
        await ada.do("take")
        assert (await ada.do("hide", hidden=True)).json() == {"ok": True, "hidden": True}
        said = refusal(await call(client, "screenshot"))
        assert said.startswith("Ada has control of this desktop and has hidden the screen.")
        with pytest.raises(Exception, match="has hidden the screen"):
            await client.read_resource("screen://main")
        await ada.do("hand_back")
        assert picture(await call(client, "screenshot"))


async def test_after_a_hand_back_the_agent_looks_before_it_acts(
    desktop: Desktop, witness: Witness
) -> None:
    async with shared(desktop) as (client, ada):
        await call(client, "screenshot")
        await ada.do("take")
        await ada.do("hand_back", note="The captcha is done.")
        said = refusal(await call(client, "left_click", coordinate=[20, 30]))
        assert said == (
            "Ada has used this desktop since you last looked. "
            'They say: "The captcha is done." What you know of the screen is old, so nothing was '
            "done: take a screenshot (or read_screen) and then act."
        )
        assert witness.saw_nothing()
        shown = await call(client, "screenshot")
        assert picture(shown)
        assert facts(shown)["handed_back"] == (
            'Ada has used this desktop since you last looked. They say: "The captcha is done."'
        )
        assert "handed_back" not in facts(await call(client, "screenshot"))
        await call(client, "left_click", coordinate=[20, 30])
        assert witness.saw() == Press(1, 20, 30)


async def test_reading_the_screen_counts_as_looking(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada):
        await call(client, "screenshot")
        await ada.do("take")
        await ada.do("hand_back")
        read = text(await call(client, "read_screen"))
        assert read.startswith("# Ada has used this desktop since you last looked.\n")
        assert facts(await call(client, "mouse_move", coordinate=[5, 5]))["ok"]


async def test_a_new_agent_knows_nothing_that_is_old(desktop: Desktop) -> None:
    async with served(desktop) as url, viewing(url) as ada:
        await ada.do("take")
        await ada.do("hand_back")
        async with Client(f"{url}/mcp") as client:
            assert facts(await call(client, "mouse_move", coordinate=[5, 5]))["ok"]


async def test_taking_over_amid_a_drag_ends_it_and_releases_the_button(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada), anyio.create_task_group() as tasks:
        witness = Witness(session_of(desktop).x)
        said: list[str] = []

        async def drag() -> None:
            steps = [
                {"action": "left_mouse_down"},
                {"action": "wait", "duration": 20},
                {"action": "left_mouse_up"},
            ]
            said.append(refusal(await call(client, "actions", actions=steps)))

        tasks.start_soon(drag)
        assert isinstance(await anyio.to_thread.run_sync(witness.saw), Press)
        with anyio.fail_after(3):
            await ada.do("take")
            assert isinstance(await anyio.to_thread.run_sync(witness.saw), Release)
        assert not desktop.holding
        with anyio.fail_after(3):
            while not said:  # noqa: ASYNC110 - set by a task that has nothing else to tell
                await anyio.sleep(0.01)
        assert said[0].startswith("Ada took control while this was being done.")
        await ada.do("hand_back")
        witness.close()


async def test_wait_for_control_goes_on_when_it_is_handed_back(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada), anyio.create_task_group() as tasks:
        await ada.do("take")
        shown: list[Any] = []

        async def wait() -> None:
            shown.append(await call(client, "wait_for", event="control", seconds=20))

        tasks.start_soon(wait)
        await ada.until_happened("wait_for", ended=False)
        assert picture(await call(client, "screenshot"))  # waiting keeps nobody from looking
        assert not shown
        await ada.do("hand_back", note="go on")
        with anyio.fail_after(3):
            while not shown:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
        told = facts(shown[0])
        assert told["happened"] is True
        assert told["handed_back"].endswith('They say: "go on"')


async def test_pausing_stops_agents_until_they_may_go_on(
    desktop: Desktop, witness: Witness
) -> None:
    async with shared(desktop) as (client, ada):
        await ada.do("pause")
        await ada.until(paused="Ada")
        said = refusal(await call(client, "key", text="a"))
        assert said.startswith("Ada has paused you, so nothing was done.")
        assert witness.saw_nothing()
        assert picture(await call(client, "screenshot"))
        await ada.do("resume")
        assert facts(await call(client, "key", text="a"))["ok"]


async def test_stopping_ends_what_runs(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada), anyio.create_task_group() as tasks:
        said: list[str] = []

        async def wait() -> None:
            said.append(refusal(await call(client, "wait", duration=20)))

        tasks.start_soon(wait)
        await ada.until_happened("wait", ended=False)
        with anyio.fail_after(3):
            await ada.do("stop")
            while not said:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
        assert said[0].startswith("Ada stopped you while this was being done")


async def test_only_one_person_drives(desktop: Desktop) -> None:
    async with served(desktop) as url, viewing(url) as ada, viewing(url, "Bob") as bob:
        await ada.until(watching=["Ada", "Bob"])
        await ada.do("take")
        refused = await bob.do("take")
        assert refused.status_code == 409
        assert refused.json() == {"error": "Ada is in control; ask them to hand back."}
        assert (await bob.do("hand_back")).status_code == 409
        await ada.do("hand_back")
        assert (await bob.do("take")).json() == {"ok": True}


async def test_the_record_tells_what_agents_do_and_shows_what_they_saw(desktop: Desktop) -> None:
    async with shared(desktop) as (client, ada):
        shown = picture(await call(client, "screenshot"))
        await call(client, "left_click", coordinate=[20, 30])
        clicked = await ada.until_happened("left_click")
        assert clicked["at"] == [20, 30]
        assert clicked["told"] == "left click at 20,30"
        assert clicked["who"] == {"kind": "agent", "name": "mcp 0.1.0"}
        looked = await ada.until_happened("screenshot")
        async with httpx2.AsyncClient(trust_env=False) as http:
            kept = await http.get(f"{ada.url}/frames/{looked['frame']}", headers=ada.cookie)
        assert shown
        assert kept.content == base64.b64decode(shown.data)
        assert kept.headers["content-type"] == shown.mime_type


async def test_a_page_that_is_no_page_is_refused(desktop: Desktop) -> None:
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(trust_env=False, headers=bearer(TOKEN)) as http,
    ):
        unknown = await http.post(f"{url}/live/main/do", json={"verb": "take"})
        assert unknown.status_code == 409
        async with viewing(url) as ada:
            assert (await ada.do("fly")).status_code == 422
            like_a_page = {**ada.cookie, "origin": url, "content-type": "application/json"}
            async with httpx2.AsyncClient(trust_env=False, headers=like_a_page) as page:
                assert (await page.post(f"{ada.url}/do", content=b"[1]")).status_code == 422
            assert (await ada.do("hand_back", note=5)).status_code == 422
        assert (await http.get(f"{url}/live/main/frames/99")).status_code == 404

"""Questions on the live view, answered by people in a real browser: what a press counts for, who
still waits, and what is said of a connection that is dead."""

import json
import re
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import anyio
import pytest
from answers import call, facts, text
from anyio.abc import TaskGroup
from desks import session_of
from fields import page_in_chromium
from mcp import Client
from pages import arrive, browsing, person
from playwright.async_api import Browser, Page, expect
from relay import relayed
from web import served, serving_web

from gloveport.sandbox.desktop import Desktop
from gloveport.server.control.policy import BUILT_IN, load
from gloveport.server.mcp.server import DesktopServer

SHOP = """<title>shop</title><button onclick="count()">Send</button>
<script>let sent = 0; const count = () => keep(++sent);</script>"""


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


class Asked:
    """Calls that ask for approval, and what they were answered."""

    def __init__(self, tasks: TaskGroup, client: Client) -> None:
        self._tasks, self._client = tasks, client
        self.answers: dict[str, str] = {}

    def ask(self, reason: str) -> None:
        self._tasks.start_soon(self._ask, reason)

    async def _ask(self, reason: str) -> None:
        answer = await call(self._client, "request_human", reason=reason, kind="approve")
        self.answers[reason] = text(answer)

    async def until(self, count: int) -> None:
        with anyio.fail_after(20):
            while len(self.answers) < count:  # noqa: ASYNC110 - set by calls in other tasks
                await anyio.sleep(0.01)


async def middle(page: Page, name: str, place: int = 0) -> tuple[float, float]:
    button = page.get_by_role("button", name=name, exact=True).nth(place)
    await expect(button).to_be_enabled()
    box = await button.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("phone", [False, True])
async def test_presses_in_one_place_answer_one_question(
    browser: Browser, desktop: Desktop, phone: bool
) -> None:
    """Double clicks of any pace, and of more than two, on the first of three cards."""
    async with (
        served(desktop) as url,
        Client(f"{url}/mcp") as client,
        person(browser, "Ada", phone=phone, width=390 if phone else 1280) as ada,
        anyio.create_task_group() as tasks,
    ):
        page, asked = await arrive(ada, url), Asked(tasks, client)
        reasons = ["May I buy the phone?", "May I wipe the disk?", "May I send the mail?"]
        for place, reason in enumerate(reasons, 1):
            asked.ask(reason)
            await expect(page.locator("article")).to_have_count(place)
        at = 0.0, 0.0
        for place, paces in enumerate([(0.15, 0.3), (0.45,)]):
            at = await middle(page, "Approve", 0)
            press = partial(page.touchscreen.tap if phone else page.mouse.click, *at)
            await press()
            for pace in paces:
                await anyio.sleep(pace)  # how fast a person double clicks
                await press()
            await asked.until(place + 1)
            await expect(page.locator("article")).to_have_count(2 - place)
        assert len(asked.answers) == 2
        assert reasons[2] not in asked.answers
        # A press on what has just moved there is for nothing, too.
        await page.mouse.click(*at)
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_enabled()
        assert len(asked.answers) == 2
        tasks.cancel_scope.cancel()


async def test_questions_are_answered_by_keys_with_a_reason(
    browser: Browser, desktop: Desktop
) -> None:
    async with (
        served(desktop) as url,
        Client(f"{url}/mcp") as client,
        person(browser, "Ada") as ada,
        anyio.create_task_group() as tasks,
    ):
        page, asked = await arrive(ada, url), Asked(tasks, client)
        for place, reason in enumerate(["One?", "Two?"], 1):
            asked.ask(reason)
            await expect(page.locator("article")).to_have_count(place)
        await expect(page.locator(".left").first).to_contain_text("1 of 2")
        approve = page.get_by_role("button", name="Approve", exact=True)
        await expect(approve.nth(1)).to_be_enabled()
        for place in range(2):  # a screen reader hears which question a button answers
            said = await approve.nth(place).get_attribute("aria-describedby")
            words = [await page.locator(f"#{one}").text_content() for one in (said or "").split()]
            assert ["One?", "Two?"][place] in words
        await page.keyboard.press("Alt+a")
        await expect(page.locator("article").first).to_be_focused()
        await page.keyboard.press("y")
        await asked.until(1)
        assert json.loads(asked.answers["One?"])["said"] == "yes"
        second = page.locator("article", has_text="Two?")
        await expect(second).to_be_focused()
        await second.get_by_role("textbox", name="Reason").fill("Not today")
        await expect(page.locator("article")).to_have_count(1)
        refuse = second.get_by_role("button", name="Refuse")
        await expect(refuse).to_be_enabled()
        await refuse.press("Enter")
        await asked.until(2)
        assert json.loads(asked.answers["Two?"]) == {
            "ok": True, "by": "Ada", "said": "no", "note": "Not today",
        }  # fmt: skip


async def test_a_card_says_whether_anybody_still_waits(browser: Browser, desktop: Desktop) -> None:
    server = DesktopServer(desktop)
    server.desks.first.asking.longest = 2
    async with (
        serving_web(server, desktop) as url,
        Client(f"{url}/mcp") as client,
        person(browser, "Ada") as ada,
    ):
        page = await arrive(ada, url)
        async with anyio.create_task_group() as tasks:
            asked = Asked(tasks, client)
            asked.ask("Still there?")
            await expect(page.locator(".asker")).to_contain_text("is waiting for your answer")
            await expect(page.locator("#driver")).to_have_text("mcp 0.1.0 is waiting for you")
            await expect(page).to_have_title(re.compile(r"^\(1\)"))
        await expect(page.locator(".asker")).to_contain_text("stopped waiting")
        await expect(page).to_have_title("main · gloveport")
        server.desks.first.asking.longest = 40
        waits = page.locator("article", has_text="And I?")
        async with anyio.create_task_group() as tasks, Client(f"{url}/mcp") as other:
            asked = Asked(tasks, other)
            asked.ask("And I?")
            await expect(waits.locator(".asker")).to_contain_text("is waiting")
            await expect(page.locator("article").first).to_contain_text("And I?")
            tasks.cancel_scope.cancel()
        await expect(waits.locator(".asker")).to_contain_text("has disconnected")
        # The answer is kept for when it asks again, and the page says so.
        late = page.locator("article", has_text="Still there?")
        await late.get_by_role("button", name="Approve").click()
        await expect(late.locator(".said")).to_contain_text("no longer waits")
        again = await call(client, "request_human", reason="Still there?", kind="approve")
        assert facts(again)["said"] == "yes"


async def test_what_is_approved_is_shown_and_may_be_for_a_site(
    browser: Browser, desktop: Desktop, tmp_path: Any
) -> None:
    with page_in_chromium(session_of(desktop), tmp_path, SHOP) as shop:
        async with (
            serving_web(DesktopServer(desktop, policy=load(BUILT_IN)), desktop) as url,
            Client(f"{url}/mcp") as client,
            Client(f"{url}/mcp") as same,
            person(browser, "Ada") as ada,
            anyio.create_task_group() as tasks,
        ):
            await call(client, "wait_for", event="enabled", text="Send", seconds=30)
            page = await arrive(ada, url)
            tasks.start_soon(partial(call, client, "click_element", target="Send"))
            ring = page.locator(".evidence .ring")
            await expect(ring).to_be_visible()
            card = page.locator("article")
            story = page.locator("#story")
            await expect(card).to_contain_text("May “mcp 0.1.0” press “Send”")
            await expect(story).to_contain_text("wants to click “Send”")
            await page.click("#language")
            await expect(card).to_contain_text("允许“mcp 0.1.0”按下“Send”")
            await expect(story).to_contain_text("要点击“Send”")
            await page.click("#language")
            await expect(page.locator(".evidence img")).not_to_have_js_property("naturalWidth", 0)
            await page.get_by_role("button", name=re.compile(r"Allow on 127\.0\.0\.1")).click()
            with anyio.fail_after(20):
                while shop.value() != "1":  # noqa: ASYNC110 - a file has no event
                    await anyio.sleep(0.01)
            await expect(story).to_contain_text("clicked “Send”")
            await expect(story).not_to_contain_text("wants to")
            assert facts(await call(same, "click_element", target="Send"))["ok"]
            with anyio.fail_after(20):
                while shop.value() != "2":  # noqa: ASYNC110
                    await anyio.sleep(0.01)
            # Who stops the agents takes it back.
            await page.click("#pause")
            await page.click("#resume")
            tasks.start_soon(partial(call, same, "click_element", target="Send"))
            await expect(ring).to_be_visible()
            tasks.cancel_scope.cancel()


async def test_a_dead_network_is_seen_and_what_comes_late_is_not_done(
    browser: Browser, desktop: Desktop
) -> None:
    async with (
        served(desktop) as url,
        person(browser, "Ada") as ada,
        relayed(url) as relay,
    ):
        page = await arrive(ada, relay.url)
        await page.click("#take")
        await expect(page.locator("#driver")).to_have_text("You are in control")
        await expect(page.locator("#link")).to_have_text("connected")
        relay.stop()
        await page.click("#hide")  # before anybody can know
        await expect(page.locator("#hide")).to_have_attribute("aria-busy", "true")
        await expect(page.locator("#trouble")).to_contain_text("Not done")
        await expect(page.locator("body")).to_have_attribute("data-state", "lost", timeout=10_000)
        await expect(page.locator("#link")).to_have_text("no connection")
        await expect(page.locator("#driver")).to_have_text("Not connected")
        await expect(page.locator("#hand_back")).to_be_disabled()
        relay.go_on()
        await expect(page.locator("#driver")).to_have_text("You are in control")
        await expect(page.locator("#hide")).to_have_attribute("aria-pressed", "false")

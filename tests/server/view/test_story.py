"""The list of what happened, as people read it: by the names of elements, in their language, and
without what may be a password."""

import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, facts
from desks import session_of
from fields import page_in_chromium
from mcp import Client
from pages import arrive, browsing, person
from playwright.async_api import Browser, expect
from views import viewing
from web import served

from gloveport.sandbox.desktop import Desktop

SECRET = "h7!kPq"
FORM = """<button id=cart>Add to cart</button>
<p><label>Note <input id=note></label> <label>Password <input type=password></label></p>"""


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


async def test_the_story_names_elements_and_hides_what_may_be_a_password(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    with page_in_chromium(session_of(desktop), tmp_path, FORM):
        async with (
            served(desktop) as url,
            Client(f"{url}/mcp") as client,
            viewing(url, "Bob") as bob,
            person(browser, "Ada", locale="zh-CN") as ada,
        ):
            seen = await call(client, "wait_for", event="enabled", text="Add to cart", seconds=30)
            assert facts(seen)["happened"]
            page = await arrive(ada, url)
            rows = page.locator("#story li")
            found = facts(await call(client, "find", text="Add to cart"))["found"][0]
            x, y = map(int, re.findall(r"\b(\d+),(\d+)\b", found)[0])
            await call(client, "left_click", coordinate=[x, y])
            await expect(rows.first).to_contain_text("点击了“Add to cart”")
            await call(client, "type", into="Note", text="hello")
            await expect(rows.first).to_contain_text("输入了“hello”，位置“Note”")
            steps = [
                {"action": "click_element", "target": "Add to cart"},
                {"action": "type", "into": "Password", "text": SECRET},
            ]
            await call(client, "actions", actions=steps)
            told = rows.filter(has_text="执行了 2 步")
            await expect(told).to_contain_text("点击了“Add to cart”, 输入了 6 个字符")
            # Every way to enter it, with somebody watching; and the field's clear name is told.
            await call(client, "type", into="Password", text=SECRET)
            await expect(rows.first).to_contain_text("输入了 6 个字符，位置“Password”")
            await call(client, "set", target="Password", value=SECRET)
            await call(client, "key", text=" ".join(SECRET.replace("!", "1")))
            await call(client, "clipboard", text=SECRET)
            await call(client, "type", text=SECRET, into="nowhere at all")
            await page.click("#language")
            await expect(rows.last).to_contain_text("waited for: enabled Add to cart")
            whole = await page.content() + json.dumps(bob.happened, ensure_ascii=False)
        async with served(desktop) as url, Client(f"{url}/mcp") as client:
            # Nobody watches yet: nothing was found out, so nothing is shown to who comes later.
            await call(client, "type", into="Password", text=SECRET)
            async with viewing(url, "Bob") as bob:
                event = await bob.until_happened("type")
            assert event["told"] == "type 6 characters"
            whole += json.dumps(bob.happened, ensure_ascii=False)
    for secret in (SECRET, " ".join(SECRET[:2]), "h 7"):
        assert secret not in whole

"""The page of all desktops, the door's own pages, and links that people make for others."""

import re
from collections.abc import AsyncGenerator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import cv2
import httpx2
import numpy as np
import pytest
from answers import call
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pages import arrive, browsing, person
from PIL import Image
from playwright.async_api import Browser, expect
from web import PERSON, TOKEN, bearer, guarded, served

from gloveport.sandbox.desktop import Desktop

HTML = {"accept": "text/html"}
CHINESE = HTML | {"accept-language": "zh-CN,zh;q=0.9"}


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


async def test_the_home_page_signs_in_and_shows_what_happens(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    async with (
        served(desktop, guarded(tmp_path)) as url,
        httpx2.AsyncClient(headers=bearer(TOKEN), trust_env=False, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        person(browser, "Ada") as ada,
        anyio.create_task_group() as tasks,
    ):
        page = await ada.new_page()
        await page.goto(f"{url}/live")
        await page.get_by_label("Token").fill("wrong")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("main")).to_contain_text("This token is not known here.")
        await page.get_by_label("Token").fill(PERSON)
        await page.get_by_role("button", name="Sign in").click()
        card = page.locator("#desktops li")
        await expect(card).to_contain_text("main")
        await expect(card).to_contain_text("No agent is connected")
        await expect(card.locator("img")).not_to_have_js_property("naturalWidth", 0)
        tasks.start_soon(partial(call, client, "request_human", reason="Go on?", kind="approve"))
        await expect(card).to_contain_text("Questions waiting: 1")
        await expect(card).to_contain_text("mcp 0.1.0")
        await card.get_by_role("link").click()
        await expect(page.locator("article")).to_contain_text("Go on?")
        await page.goto(url)
        await expect(card).to_contain_text("main")
        tasks.cancel_scope.cancel()


def decoded(picture: Any) -> str:
    """What a QR code in a grey picture says, to OpenCV; empty if it finds none."""
    return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])  # pyright: ignore[reportUnknownArgumentType] # half typed


async def test_qr_codes_of_every_version_are_read(browser: Browser, desktop: Desktop) -> None:
    draw = """async text => {
      const picture = (await import("/live/static/qr.js")).qr(text);
      if (!picture) return "";
      picture.setAttribute("width", 400);
      return new XMLSerializer().serializeToString(picture);
    }"""
    async with served(desktop) as url, person(browser, "Ada") as ada:
        page = await arrive(ada, url)
        link, blank = f"{url}/live/main?code=", await ada.new_page()
        for length in (1, 17, 18, 32, 53, 60, 78, 106, 134, 154, 192, 230):  # a version's most
            text = (
                (link + "aZ09-_" * 40)[-length:] if length < 40 else (link + "aZ09-_" * 40)[:length]
            )
            await blank.set_content(await page.evaluate(draw, text))
            shown = Image.open(BytesIO(await blank.screenshot())).convert("L")
            assert decoded(np.asarray(shown)) == text, length
        assert await page.evaluate(draw, "a" * 231) == ""


async def test_a_shared_link_is_for_one_for_a_while_and_can_be_taken_back(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    async with (
        served(desktop, guarded(tmp_path)) as url,
        person(browser, "Ada") as hers,
        person(browser, "Bob", locale="zh-CN") as his,
        httpx2.AsyncClient(trust_env=False) as chat,
    ):
        ada = await arrive(hers, url)
        await ada.click("#sharing")
        await ada.click("#share_make")
        await expect(ada.locator("#share_link")).to_have_value(re.compile(r"/live/main\?code="))
        link = await ada.locator("#share_link").input_value()
        await expect(ada.locator("#share_here")).to_be_visible()  # 127.0.0.1 is no phone's address
        await expect(ada.locator("#share_code")).to_be_hidden()
        await expect(ada.locator("#share_list")).to_contain_text("watch, until")
        assert (await chat.get(link, headers={"user-agent": "Slackbot"})).status_code == 200
        bob = await his.new_page()
        await bob.goto(link)
        await expect(bob.locator("body")).to_have_attribute("data-screen", "live")
        await expect(bob.locator("#view_only")).to_be_visible()
        await expect(bob.locator("#take")).to_be_hidden()
        # Who came by a link makes none, and a link opened twice says so in the visitor's language.
        key = await bob.evaluate("localStorage.getItem('gloveport.key')")
        made = await bob.evaluate(
            """async key => (await fetch("/live/main/share", {method: "POST",
                headers: {"Content-Type": "application/json", "X-Gloveport-Key": key},
                body: '{"scope": "view", "hours": 1}'})).status""",
            key,
        )
        assert made == 403
        used = await chat.get(link, headers=CHINESE)
        assert used.status_code == 401
        assert "此链接已被使用或已过期" in used.text
        await ada.get_by_role("button", name="Revoke").click()
        await expect(ada.locator("#share_list li")).to_have_count(0)
        await expect(bob.locator("#veil_text")).to_contain_text("您已退出登录")


@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/", 200, "Sign in to see the desktops", "登录后可查看"),
        ("/live/main", 401, "You are not signed in here", "您尚未登录"),
        ("/live/main?code=x", 401, "has been used or has expired", "已被使用或已过期"),
        ("/mcp", 401, "You are not signed in here", "您尚未登录"),
        ("/live/nothing", 404, "There is nothing at this address", "此地址没有内容"),
    ],
)
async def test_the_door_speaks_to_people(
    desktop: Desktop, tmp_path: Path, path: str, status: int, english: str, chinese: str
) -> None:
    async with (
        served(desktop, guarded(tmp_path)) as url,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        shown = bearer(TOKEN) if status == 404 else {}
        for headers, told in ((HTML, english), (CHINESE, chinese)):
            answer = await http.get(url + path, headers=headers | shown)
            assert answer.status_code == status
            assert answer.headers["content-type"].startswith("text/html")
            assert told in answer.text
        plain = await http.get(url + path, headers=shown)
        if status != 200:
            assert plain.headers["content-type"].startswith("text/plain")

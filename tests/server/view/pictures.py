"""Makes the pictures of the live view in docs/: `.venv/bin/python tests/server/view/pictures.py`.

A server as people start it, behind walls, with two desktops; an agent shops on one of them.
"""

import functools
import re
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import anyio.abc
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

sys.path.insert(0, str(Path(__file__).parents[2]))

from answers import call
from pages import browsing, person, sign_in_link
from playwright.async_api import Browser, Page, expect
from web import bearer

from gloveport.server.auth.token_store import add

GLOVEPORT = str(Path(sys.executable).with_name("gloveport"))
DOCS = Path(__file__).parents[3] / "docs"
SHOP = """<!doctype html><meta charset=utf-8><title>小店 Shop</title><style>
body{font:16px DejaVu Sans,sans-serif;background:#fcfbf7;margin:36px 48px;color:#222}
td{padding:5px 36px 5px 0}button{font:15px sans-serif;padding:10px 20px;border-radius:6px;
border:1px solid #999;background:#fff}.buy{background:#ffd54a;border-color:#e0b020;margin-left:8px}
</style><h1>Your basket</h1><table>
<tr><td>Phone X2, black, 128 GB<td>1<td><b>€ 299.00</b>
<tr><td>Case, transparent<td>1<td><b>€ 12.50</b>
<tr><td>Delivery, Tuesday<td><td><b>€ 4.90</b></table>
<p><label>Note to the shop <input id=note size=34></label><h2>Total € 316.40</h2>
<button onclick="this.textContent='Add another gift card'">Add a gift card</button>
<button class=buy>Buy now</button>"""


@contextmanager
def shop() -> Generator[int]:
    """A page of a shop; gives its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(SHOP.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@asynccontextmanager
async def serving(port: int, folder: Path) -> AsyncGenerator[str]:
    """A server whose desktops reach the shop, with tokens for AGENT and PERSON; its address."""
    command = [
        GLOVEPORT, "serve", "--port", "0", "--desktops", "2", "--state-dir", str(folder / "state"),
        "--network", f"allow=host.internal:{port}", "--tokens", str(folder / "tokens.toml"),
    ]  # fmt: skip
    async with await anyio.open_process(command, stderr=None) as server:
        assert server.stdout
        try:
            printed = ""
            while "/live/" not in printed:
                printed += (await server.stdout.receive()).decode()
            yield re.findall(r"(http://[\d.:]+)/live/", printed)[0]
        finally:
            server.terminate()


@asynccontextmanager
async def agent(url: str, token: str, name: str, version: str) -> AsyncGenerator[Client]:
    who = Implementation(name=name, version=version)
    async with (
        httpx2.AsyncClient(headers=bearer(token), trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), client_info=who) as client,
    ):
        yield client


@asynccontextmanager
async def watching(
    browser: Browser, url: str, token: str, name: str, *, dark: bool = False, phone: bool = False
) -> AsyncGenerator[Page]:
    async with person(browser, name, width=390 if phone else 1280, phone=phone) as who:
        page = await who.new_page()
        await page.emulate_media(color_scheme="dark" if dark else "light")
        await page.goto(await sign_in_link(url, token=token))
        await expect(page.locator("body")).to_have_attribute("data-screen", "live")
        yield page


async def main() -> None:
    with shop() as port, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        token = add(folder / "tokens.toml", "agent", {"scopes": ["control"]})
        hers = add(folder / "tokens.toml", "ada", {"scopes": ["admin", "approve"]})
        async with (
            serving(port, folder) as url,
            agent(f"{url}/mcp", token, "claude-code", "2.1") as client,
            browsing() as browser,
            watching(browser, url, hers, "Ada") as light,
            watching(browser, url, hers, "Ben", dark=True) as dark,
            watching(browser, url, hers, "Cleo", phone=True) as phone,
            anyio.create_task_group() as tasks,
        ):
            await pictures(port, client, light, dark, phone, tasks)
            async with agent(f"{url}/mcp", token, "codex", "8") as other:
                opened = await call(other, "desktops", action="open", name="research")
                assert not opened.is_error, opened
                await call(other, "screenshot")
                await light.context.clear_cookies()
                await light.goto(f"{url}/live")
                await light.get_by_label("Token").fill(hers)
                await light.get_by_role("button", name="Sign in").click()
                cards = light.locator("#desktops li")
                await expect(cards).to_have_count(2)
                for place in range(2):
                    picture = cards.nth(place).locator("img")
                    await expect(picture).not_to_have_js_property("naturalWidth", 0)
                await light.screenshot(path=DOCS / "home.png")
            tasks.cancel_scope.cancel()


async def pictures(
    port: int,
    client: Client,
    light: Page,
    dark: Page,
    phone: Page,
    tasks: anyio.abc.TaskGroup,
) -> None:
    await call(client, "open", target=f"http://host.internal:{port}/")
    await call(client, "wait_for", event="enabled", text="Buy now", seconds=30)
    await call(client, "checkpoint", action="make", note="before the order")
    await call(client, "type", text="Please ring twice", into="Note to the shop")
    await call(client, "click_element", target="Add a gift card")
    for page, name in ((light, "live"), (dark, "live-dark")):
        await expect(page.locator("#story")).to_contain_text("clicked “Add a gift card”")
        await page.screenshot(path=DOCS / f"{name}.png")
    tasks.start_soon(functools.partial(call, client, "click_element", target="Buy now"))
    for page, name in ((light, "approval"), (phone, "phone")):
        await expect(page.locator(".evidence img")).not_to_have_js_property("naturalWidth", 0)
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_enabled()
        await page.screenshot(path=DOCS / f"{name}.png")


if __name__ == "__main__":
    anyio.run(main)

"""The desktop as an MCP App: the page that clients show, in a real browser, by a client's rules."""

import base64
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
from answers import call, refusal
from mcp import Client
from mcp_types import ReadResourceResult, TextResourceContents
from pages import browsing
from playwright.async_api import Page, expect
from web import served
from witness import Witness

from gloveport.sandbox.desktop import Desktop

# What a client's own page does, as MCP Apps (2026-01-26) has it: the app runs in a sandboxed frame
# without an origin, and gets all it knows by messages.
_HOST = """
<!doctype html><title>client</title><body><script>
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  window.opened = []; window.heights = []; window.errors = [];
  const answers = {
    "ui/initialize": () => ({
      protocolVersion: "2026-01-26", hostInfo: { name: "test", version: "1" },
      hostCapabilities: CAPABILITIES, hostContext: { theme: "dark" },
    }),
    "tools/call": params => window.callTool(params.name, params.arguments),
    "ui/open-link": params => { window.opened.push(params.url); return {}; },
  };
  addEventListener("message", async ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data.method === "ui/notifications/initialized") {
      frame.contentWindow.postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-input",
        params: { arguments: {} } }, "*");
      frame.contentWindow.postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-result",
        params: await window.firstResult() }, "*");
    } else if (data.method === "ui/notifications/size-changed") {
      window.heights.push(data.params.height);
    } else if (data.id !== undefined && data.method) {
      const answer = answers[data.method];
      frame.contentWindow.postMessage(answer
        ? { jsonrpc: "2.0", id: data.id, result: await answer(data.params) }
        : { jsonrpc: "2.0", id: data.id, error: { code: -32601, message: data.method } }, "*");
    }
  });
  document.body.append(frame);
  window.start = html => { frame.srcdoc = html; };
</script>
"""


_PICTURE = re.compile("^data:image/png;base64,")


async def exposed(page: Page, name: str, run: Callable[..., Awaitable[Any]]) -> None:
    """Let the page call one of our functions."""
    await page.expose_function(name, run)  # pyright: ignore[reportUnknownMemberType] # not fully typed


def _bytes(source: str) -> bytes:
    """What stands in a data: address."""
    return base64.b64decode(source.partition(",")[2])


async def test_the_app_shows_the_desktop_and_follows_it(desktop: Desktop, witness: Witness) -> None:
    async with served(desktop) as url, Client(f"{url}/mcp") as client, browsing() as browser:
        read = await client.read_resource("ui://gloveport/live")
        assert isinstance(read, ReadResourceResult)
        (app,) = read.contents
        assert isinstance(app, TextResourceContents)

        async def result() -> Any:
            shown = await call(client, "show_desktop")
            return shown.model_dump(by_alias=True, exclude_none=True, mode="json")

        async def tool(name: str, arguments: dict[str, Any]) -> Any:
            assert name == "show_desktop"
            shown = await call(client, name, **arguments)
            return shown.model_dump(by_alias=True, exclude_none=True, mode="json")

        page = await browser.new_page()
        await exposed(page, "callTool", tool)
        await exposed(page, "firstResult", result)
        await page.set_content(_HOST.replace("CAPABILITIES", "{ serverTools: {}, openLinks: {} }"))
        witness.paint(0x123456, 0, 0, 640, 480)
        await page.evaluate("html => start(html)", app.text)
        frame = page.frame_locator("iframe")
        await expect(frame.locator("#status")).not_to_have_text("Waiting for the first picture")
        first = await frame.locator("#screen").get_attribute("src")
        assert first
        assert _bytes(first).startswith(b"\x89PNG")
        witness.paint(0xCC0000, 0, 0, 640, 480)
        await expect(frame.locator("#screen")).not_to_have_attribute("src", first)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                partial(call, client, "request_human", reason="Go on?", kind="approve")
            )
            await expect(frame.locator("#asked")).to_contain_text("Go on?")
            tasks.cancel_scope.cancel()
        await frame.locator("#stop").click()  # the agent, not the picture
        await expect(frame.locator("#status")).to_contain_text("The agent is paused.")
        told = refusal(await call(client, "left_click", coordinate=[20, 30]))
        assert told.startswith("the user of mcp 0.1.0 has paused you")
        seen = await frame.locator("#screen").get_attribute("src") or ""
        witness.paint(0x00CC00, 0, 0, 640, 480)
        await expect(frame.locator("#screen")).not_to_have_attribute("src", seen)
        assert await frame.locator("html").get_attribute("data-theme") == "dark"
        assert await page.evaluate("heights.length") > 0


async def test_where_the_client_passes_no_calls_on_the_first_picture_stays(
    desktop: Desktop,
) -> None:
    async with served(desktop) as url, Client(f"{url}/mcp") as client, browsing() as browser:
        read = await client.read_resource("ui://gloveport/live")
        assert isinstance(read, ReadResourceResult)
        (app,) = read.contents
        assert isinstance(app, TextResourceContents)

        async def result() -> Any:
            shown = await call(client, "show_desktop")
            return shown.model_dump(by_alias=True, exclude_none=True, mode="json")

        page = await browser.new_page()
        await exposed(page, "firstResult", result)
        await page.set_content(_HOST.replace("CAPABILITIES", "{}"))
        await page.evaluate("html => start(html)", app.text)
        frame = page.frame_locator("iframe")
        await expect(frame.locator("#screen")).to_have_attribute("src", _PICTURE)
        await expect(frame.locator("#pause")).to_be_hidden()

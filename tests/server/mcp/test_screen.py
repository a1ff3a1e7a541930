"""The screen as a resource: read, and subscribed to in both eras of the protocol."""

from typing import Any

import anyio
import pytest
from answers import call, decoded, facts, picture
from mcp import Client
from mcp_types import (
    EmptyResult,
    ReadResourceResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    TextResourceContents,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)
from web import served
from witness import Witness

from gloveport.sandbox.desktop import Desktop

SCREEN = "screen://main"


async def told_after(heard: list[str], count: int) -> None:
    with anyio.fail_after(5):
        while len(heard) < count:  # noqa: ASYNC110 - filled by the client's own task
            await anyio.sleep(0.01)


async def test_a_subscriber_of_the_newest_era_hears_of_changes(
    desktop: Desktop, witness: Witness
) -> None:
    async with served(desktop) as url, Client(f"{url}/mcp", mode="auto") as client:
        async with client.listen(resource_subscriptions=[SCREEN]) as news:
            witness.paint(0xAA0000, 5, 5, 40, 40)
            with anyio.fail_after(5):
                first = await anext(aiter(news))
        assert getattr(first, "uri", "") == SCREEN


async def test_a_subscriber_of_the_handshake_era_hears_of_changes_until_it_leaves(
    desktop: Desktop, witness: Witness
) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(str(message.params.uri))

    async with (
        served(desktop) as url,
        Client(f"{url}/mcp", mode="legacy", message_handler=hear) as client,
    ):
        assert client.server_capabilities.resources
        assert client.server_capabilities.resources.subscribe
        # The SDK's own methods for it warn that the newest era has them no more.
        asked = SubscribeRequestParams(uri=SCREEN)
        await client.session.send_request(SubscribeRequest(params=asked), EmptyResult)
        witness.paint(0x00AA00, 5, 5, 40, 40)
        await told_after(heard, 1)
        began = anyio.current_time()
        for step in range(20):  # 20 changes in much less than two seconds
            witness.paint(0x0000AA + step, 5, 5, 40, 40)
            await anyio.sleep(0.02)
        await told_after(heard, 2)
        assert len(heard) <= 2 + 2 * (anyio.current_time() - began)
        left = UnsubscribeRequestParams(uri=SCREEN)
        await client.session.send_request(UnsubscribeRequest(params=left), EmptyResult)
        await anyio.sleep(0.6)  # what was on its way has arrived
        count = len(heard)
        witness.paint(0xAAAA00, 5, 5, 40, 40)
        await anyio.sleep(1.1)  # two rounds
        assert len(heard) == count
        assert set(heard) == {SCREEN}


async def test_the_screen_is_read_as_it_is(desktop: Desktop, witness: Witness) -> None:
    async with served(desktop) as url, Client(f"{url}/mcp") as client:
        witness.paint(0x123456, 10, 10, 50, 50)
        read = await client.read_resource(SCREEN)
        assert isinstance(read, ReadResourceResult)
        assert read.contents[0].mime_type == "image/png"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_desktop_is_shown_in_an_app_and_as_a_picture(
    desktop: Desktop, witness: Witness, mode: Any
) -> None:
    async with served(desktop) as url, Client(f"{url}/mcp", mode=mode) as client:
        (tool,) = [one for one in (await client.list_tools()).tools if one.name == "show_desktop"]
        uri = (tool.meta or {})["ui"]["resourceUri"]
        page = await client.read_resource(uri)
        assert isinstance(page, ReadResourceResult)
        (html,) = page.contents
        assert isinstance(html, TextResourceContents)
        assert html.mime_type == "text/html;profile=mcp-app"
        assert "ui/initialize" in html.text
        witness.paint(0x123456, 10, 10, 50, 50)
        shown = await call(client, "show_desktop")
        assert facts(shown)["ok"]
        assert decoded(picture(shown)).getpixel((20, 20)) == (0x12, 0x34, 0x56)

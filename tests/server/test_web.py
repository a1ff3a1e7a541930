"""What the web face does besides MCP: the live page, attached clients, an end with streams open."""

import anyio
import httpx2
from answers import call, facts
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from web import TOKEN, bearer, served
from witness import Witness

from gloveport.sandbox.desktop import Desktop


async def test_the_live_page_shows_the_screen(desktop: Desktop) -> None:
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(trust_env=False, headers=bearer(TOKEN)) as http,
    ):
        page = await http.get(f"{url}/live/main")
        assert "text/html" in page.headers["content-type"]
        shown = await http.get(f"{url}/live/main/screen")
    assert shown.headers["content-type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")


async def test_what_a_client_holds_is_released_when_it_goes(desktop: Desktop) -> None:
    witness = Witness(session_of(desktop).x)
    headers = {"x-gloveport-client": "one"}
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        async with http.stream("GET", f"{url}/attach/one") as attached:
            beats = attached.aiter_raw()  # kept, for the connection goes with it
            await anext(beats)
            await call(client, "left_mouse_down")
            assert desktop.holding
        with anyio.fail_after(1):
            while desktop.holding:  # noqa: ASYNC110 - a condition of another thread
                await anyio.sleep(0.01)
    witness.close()


async def test_a_client_that_goes_leaves_what_another_holds(desktop: Desktop) -> None:
    witness = Witness(session_of(desktop).x)
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(trust_env=False) as http,
        Client(f"{url}/mcp") as client,
    ):
        await call(client, "left_mouse_down")
        async with http.stream("GET", f"{url}/attach/two") as attached:
            beats = attached.aiter_raw()
            await anext(beats)
        await anyio.sleep(0.1)
        assert desktop.holding
        assert facts(await call(client, "left_mouse_up"))["ok"]
    witness.close()


async def test_the_server_ends_with_streams_open(desktop: Desktop) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        with anyio.fail_after(3):
            async with served(desktop) as url:
                open_stream = http.stream("GET", f"{url}/attach/three")
                attached = await open_stream.__aenter__()
                beats = attached.aiter_raw()
                await anext(beats)
        await open_stream.__aexit__(None, None, None)


async def test_metrics_count_calls_and_tell_who_is_there(desktop: Desktop) -> None:
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(trust_env=False) as http,
        Client(f"{url}/mcp") as client,
    ):
        await call(client, "mouse_move", coordinate=[5, 5])
        await call(client, "mouse_move", coordinate=[5000, 5])
        await call(client, "no_such_tool_" + "x" * 50)
        told = (await http.get(f"{url}/metrics")).text
    assert 'gloveport_calls_total{outcome="answered",tool="mouse_move"} 1.0' in told
    assert 'gloveport_calls_total{outcome="refused",tool="mouse_move"} 1.0' in told
    assert 'gloveport_calls_total{outcome="refused",tool="unknown"} 1.0' in told
    assert 'gloveport_watching{desktop="main"} 0.0' in told
    assert 'gloveport_state{desktop="main",state="free"} 1.0' in told
    assert "gloveport_desktops 1.0" in told

"""One door for every route."""

import anyio
import httpx2
import pytest
from answers import call, facts, picture
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from web import GUARDED, TOKEN, served
from witness import Witness

from gloveport.sandbox.desktop import Desktop

ROUTES = ["/mcp", "/live/main", "/live/main/screen", "/attach/x", "/metrics", "/nothing"]
"""Every route but /healthz."""


async def status(url: str, **headers: str) -> int:
    async with httpx2.AsyncClient(trust_env=False) as http:
        return (await http.get(url, headers=headers, timeout=5)).status_code


@pytest.mark.parametrize("route", [*ROUTES, "/healthz"])
async def test_another_name_is_not_answered(desktop: Desktop, route: str) -> None:
    async with served(desktop) as url:
        assert await status(url + route, host="evil.example:80") == 421


@pytest.mark.parametrize("route", [*ROUTES, "/healthz"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_pages_of_other_sites_are_not_answered(
    desktop: Desktop, route: str, origin: str
) -> None:
    async with served(desktop) as url:
        assert await status(url + route, origin=origin) == 403


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("shown", ["", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_without_the_token_nobody_comes_in(desktop: Desktop, route: str, shown: str) -> None:
    headers = {"authorization": shown} if shown else {}
    async with served(desktop, GUARDED) as url:
        assert await status(url + route, **headers) == 401


async def test_health_is_told_without_a_token(desktop: Desktop) -> None:
    async with served(desktop, GUARDED) as url:
        assert await status(url + "/healthz") == 200


async def test_with_the_token_everything_works(desktop: Desktop) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        served(desktop, GUARDED) as url,
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        assert picture(await call(client, "screenshot"))
        assert await status(f"{url}/live/main", **headers) == 200


async def test_the_live_page_shows_the_screen(desktop: Desktop) -> None:
    async with served(desktop) as url, httpx2.AsyncClient(trust_env=False) as http:
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

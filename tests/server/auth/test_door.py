"""One door for every route: who comes in, to what, and for how long."""

import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import websockets
from answers import call, facts, picture, refusal
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocket, WebSocketDisconnect
from web import LOCAL, TOKEN, bearer, given, guarded, key_in, listening, served, serving_web
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.identity_provider import IdentityProvider
from gloveport.server.auth.middleware import KEY, Door, Guard
from gloveport.server.auth.oauth import OAuth
from gloveport.server.auth.sign_in_links import SignInLinks
from gloveport.server.auth.token_store import remove
from gloveport.server.http import Web
from gloveport.server.mcp.server import DesktopServer

OPEN = {
    "/healthz": "/healthz",
    "/": "/",
    "/live": "/live",
    "/.well-known/oauth-protected-resource": "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/{path:path}": (
        "/.well-known/oauth-protected-resource/mcp"
    ),
}
"""Routes anybody may read, and an address of each."""
LOOKS = {
    "/mcp": "/mcp",
    "/attach/{client}": "/attach/x",
    "/metrics": "/metrics",
    "/d/{desktop}": "/d/main/mcp",
    "/live/static": "/live/static/page.js",
    "/live/-": "/live/-",
    "/live/-/desktops": "/live/-/desktops",
    "/live/{desktop}/shares": "/live/main/shares",
    "/live/{desktop}": "/live/main",
    "/live/{desktop}/events": "/live/main/events",
    "/live/{desktop}/frames/{number:int}": "/live/main/frames/1",
    "/live/{desktop}/checkpoints/{name}": "/live/main/checkpoints/c1",
    "/live/{desktop}/questions/{id}": "/live/main/questions/q1",
    "/live/{desktop}/screen": "/live/main/screen",
}
"""Routes a token that may only look can get."""
POSTS = {
    "/live/{desktop}/link": "/live/main/link",
    "/live/{desktop}/do": "/live/main/do",
    "/live/{desktop}/files": "/live/main/files",
    "/live/{desktop}/share": "/live/main/share",
    "/live/{desktop}/unshare": "/live/main/unshare",
}
"""Routes that are for POST alone."""
FILES = {"/live/{desktop}/files/{name}": "/live/main/files/x"}
"""Routes that take the scope files; see test_hands.py."""
SOCKETS = {"/live/{desktop}/rfb"}
"""Routes that are WebSockets; see the tests at the end."""
NOWHERE = ["/nothing", "/d/main/nothing", "/live/static/nothing.js", "/live/main/rfb"]
"""Addresses no route has for plain HTTP: the door comes first."""
GUARDED = [*LOOKS.values(), *POSTS.values(), *FILES.values(), *NOWHERE]
WRONG = ["", "Bearer wrong", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]


NO_TLS = ssl.create_default_context()  # made once: it takes longer than a request


def method(path: str) -> str:
    return "POST" if path in POSTS.values() else "GET"


@asynccontextmanager
async def asked(url: str, path: str, **headers: str) -> AsyncGenerator[httpx2.Response]:
    """The beginning of an answer: some have no end."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=5, verify=NO_TLS) as http,
        http.stream(method(path), url + path, headers=headers) as answer,
    ):
        yield answer


async def status(url: str, path: str, **headers: str) -> int:
    async with asked(url, path, **headers) as answer:
        return answer.status_code


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return guarded(tmp_path)


@asynccontextmanager
async def person(url: str, token: str, **kind: Any) -> AsyncGenerator[Client]:
    """An MCP client with a token."""
    async with (
        httpx2.AsyncClient(headers=bearer(token), trust_env=False, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), **kind) as client,
    ):
        yield client


def test_every_route_is_in_a_table_above(desktop: Desktop) -> None:
    provider = IdentityProvider("https://issuer.example", "https://box.example/mcp")
    web = Web(DesktopServer(desktop), desktop, Door(LOCAL.hosts, [OAuth(provider)]))
    assert {getattr(route, "path", "?") for route in web.routes} == {
        *OPEN,
        *LOOKS,
        *POSTS,
        *FILES,
        *SOCKETS,
    }


async def test_evil_names_and_origins_get_nothing(desktop: Desktop, tmp_path: Path) -> None:
    good = bearer(TOKEN)
    async with served(desktop, guarded(tmp_path)) as url:
        for path in [*GUARDED, *OPEN.values()]:
            assert await status(url, path, host="evil.example:80", **good) == 421, path
            for origin in (
                "http://evil.example",
                "null",
                "http://127.0.0.1.evil.example",
                "http://[",
            ):
                assert await status(url, path, origin=origin, **good) == 403, (path, origin)
            embedded = {"sec_fetch_site": "cross-site", "sec_fetch_dest": "image"}
            assert await status(url, path, **embedded, **good) == 403, path


async def test_without_a_token_nobody_comes_in(desktop: Desktop, door: Door) -> None:
    async with served(desktop, door) as url:
        for path in GUARDED:
            async with asked(url, path) as answer:
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"] == "Bearer"
        assert await status(url, "/healthz") == 200


@pytest.mark.parametrize("shown", WRONG[1:])
async def test_with_a_wrong_token_nobody_comes_in(desktop: Desktop, door: Door, shown: str) -> None:
    async with served(desktop, door) as url:
        for path in GUARDED[:9]:  # as many as may fail before the door says to wait
            assert await status(url, path, authorization=shown) == 401, path


async def test_a_cookie_or_a_token_elsewhere_is_no_token(desktop: Desktop, door: Door) -> None:
    async with served(desktop, door) as url:
        port = url.rpartition(":")[2]
        for path in ("/mcp", "/live/main", "/attach/x"):
            assert await status(url, path, cookie=f"gloveport-{port}={TOKEN}") == 401
            assert await status(url, f"{path}?access_token={TOKEN}&token={TOKEN}") == 401


async def test_a_token_that_looks_gets_what_there_is_to_see(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    shown = bearer(given(tmp_path, "ada", "view"))
    async with served(desktop, door) as url:
        for path in LOOKS.values():
            assert await status(url, path, **shown) not in (401, 403), path
        assert await status(url, "/live/main/link", **shown) == 200
        async with asked(url, POSTS["/live/{desktop}/do"], **shown) as answer:
            await answer.aread()
            assert answer.status_code == 403
            assert "scope control" in answer.text
        assert await status(url, POSTS["/live/{desktop}/do"], **bearer(TOKEN)) == 409


async def test_health_says_little_to_strangers(desktop: Desktop, door: Door) -> None:
    all_of_it = {"ok", "desktop", "walls"}
    for at, shown, known in (
        (door, {}, {"ok"}),
        (door, bearer(TOKEN), all_of_it),
        (LOCAL, bearer(TOKEN), all_of_it),
    ):
        async with served(desktop, at) as url, asked(url, "/healthz", **shown) as answer:
            await answer.aread()
            assert set(answer.json()) == known
    async with served(desktop, door) as url:
        assert await status(url, "/healthz", **bearer("wrong")) == 401


async def test_a_page_of_the_live_view_is_not_framed_or_embedded(desktop: Desktop) -> None:
    async with served(desktop) as url, asked(url, "/live/main", **bearer(TOKEN)) as answer:
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_token_that_looks_lists_and_calls_what_looks(
    desktop: Desktop, door: Door, tmp_path: Path, witness: Witness, mode: str
) -> None:
    ada = given(tmp_path, "ada", "view")
    async with served(desktop, door) as url:
        async with person(url, TOKEN, mode=mode) as client:
            everything = (await client.list_tools()).tools
        async with person(url, ada, mode=mode) as client:
            listed = await client.list_tools()
            looking = [
                one.name for one in everything if one.annotations and one.annotations.read_only_hint
            ]
            assert "screenshot" in looking
            assert [tool.name for tool in listed.tools] == looking
            assert listed.cache_scope == "private"
            assert picture(await call(client, "screenshot"))
            for name, given_to in (("left_click", {"coordinate": [3, 3]}), ("actions", {})):
                assert refusal(await call(client, name, **given_to)) == (
                    f"Your token does not have the scope control, so {name} was not called. "
                    "tools/list has what it may call."
                )
        async with person(url, TOKEN, mode=mode) as client:
            assert facts(await call(client, "left_click", coordinate=[5, 6]))["ok"]
    assert witness.saw() == Press(1, 5, 6)  # and nothing before it


async def test_a_token_for_another_desktop_does_not_reach_this_one(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    other = given(tmp_path, "ada", "control", desktops=["other"])
    async with served(desktop, door) as url, person(url, other) as client:
        assert refusal(await call(client, "screenshot")) == (
            "Your token is not for the desktop main, so screenshot was not called."
        )
        with pytest.raises(MCPError, match=r"Your token is not for screen://main"):
            await client.read_resource("screen://main")
        for path in ("/live/main", "/live/main/screen", "/d/main/mcp"):
            assert await status(url, path, **bearer(other)) == 403


async def test_a_desktop_is_its_owners_and_no_more_than_a_quota(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    ada, bob = (given(tmp_path, name, "control", quota=1) for name in ("ada", "bob"))
    server = DesktopServer(desktop, most=5)
    desks = server.desks
    async with desks.running(), serving_web(server, desktop, door) as url:
        async with person(url, ada) as client:
            opening = {"action": "open", "size": "400x320"}
            name = facts(await call(client, "desktops", **opening))["opened"]
            assert picture(await call(client, "screenshot", desktop=name))
            assert refusal(await call(client, "desktops", **opening)).startswith(
                "You have 1 desktops, as many as you may"
            )
        async with person(url, bob) as client:
            said = refusal(await call(client, "screenshot", desktop=name))
            assert said.startswith(f"There is no desktop '{name}' of yours")
        async with person(url, given(tmp_path, "eve", "control", desktops=["main"])) as client:
            said = refusal(await call(client, "desktops", **opening))
            assert said.startswith("You may use one desktop here")
        async with person(url, TOKEN) as client:  # who may do everything sees everybody's
            assert picture(await call(client, "screenshot", desktop=name))
        for token, wanted in ((ada, 200), (bob, 404), (TOKEN, 200)):
            assert await status(url, f"/live/{name}", **bearer(token)) == wanted


async def test_a_session_works_with_the_token_that_made_it_alone(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    ada = given(tmp_path, "ada", "control")
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        },
    }
    accept = {"accept": "application/json, text/event-stream"}
    async with (
        served(desktop, door) as url,
        httpx2.AsyncClient(trust_env=False, headers=accept) as http,
    ):
        begun = await http.post(f"{url}/mcp", json=hello, headers=bearer(ada))
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        for token, wanted in ((ada, 200), (TOKEN, 404)):
            answer = await http.post(f"{url}/mcp", json=ask, headers=bearer(token) | session)
            assert answer.status_code == wanted


async def test_attaching_under_anothers_name_does_not_release_what_they_hold(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    witness = Witness(session_of(desktop).x)
    ada = given(tmp_path, "ada", "control")
    named = {"x-gloveport-client": "one"}
    async with (
        served(desktop, door) as url,
        httpx2.AsyncClient(headers=bearer(TOKEN) | named, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        await call(client, "left_mouse_down")
        for token, released in ((ada, False), (TOKEN, True)):
            async with asked(url, "/attach/one", **bearer(token)) as attached:
                await anext(attached.aiter_raw())
            # The server notices a moment later that the connection is gone.
            with anyio.move_on_after(1.0 if released else 0.2):
                while desktop.holding:  # noqa: ASYNC110 - a condition of another thread
                    await anyio.sleep(0.01)
            assert desktop.holding is not released
    witness.close()


async def test_a_token_comes_in_when_it_is_made_and_is_out_when_it_is_removed(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    async with served(desktop, door) as url:
        for _ in range(2):
            ada = bearer(given(tmp_path, "ada", "view"))
            assert await status(url, "/live/main", **ada) == 200
            remove(tmp_path / "tokens.toml", "ada")
            assert await status(url, "/live/main", **ada) == 401
        (tmp_path / "token").write_text("a new token, in place")
        assert await status(url, "/live/main", **bearer(TOKEN)) == 401
        assert await status(url, "/live/main", **bearer("a new token, in place")) == 200


async def test_a_stream_ends_with_its_token(desktop: Desktop, door: Door, tmp_path: Path) -> None:
    ada = bearer(given(tmp_path, "ada", "view"))
    path = "/live/main/events"
    async with served(desktop, door) as url, asked(url, path, **ada) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines)
        remove(tmp_path / "tokens.toml", "ada")
        # Somebody else comes, which is told to all who watch.
        async with asked(url, "/live/main/events?name=Bob", **bearer(TOKEN)):
            with anyio.fail_after(5):
                assert "Bob" not in "".join([line async for line in lines])


async def test_ten_wrong_tokens_from_one_address_are_enough(
    desktop: Desktop, door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gloveport")
    ada = bearer(given(tmp_path, "ada", "view"))
    async with served(desktop, door) as url:
        assert await status(url, "/live/main", **bearer(TOKEN)) == 200
        for number in range(10):
            assert await status(url, "/mcp?code=ab", **bearer(f"guess{number}")) == 401
        async with asked(url, "/mcp", **bearer("guess")) as answer:
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 7
        assert await status(url, "/live/main?code=guess") == 429
        assert await browse(url, await link(url, TOKEN))  # a good link is let in
        assert await status(url, "/mcp") == 401  # who shows nothing guesses nothing
        # Who shows a good token goes on, whoever else is at the same address.
        assert await status(url, "/live/main", **bearer(TOKEN)) == 200
        assert await status(url, "/live/main", **ada) == 200
    ours = [one for one in caplog.records if one.name.startswith("gloveport")]
    said = "\n".join(one.getMessage() for one in ours)
    assert "refused '/mcp'" in said
    assert not any(word in said for word in ("guess", TOKEN, ada["authorization"], "code=ab"))


async def test_a_token_that_calls_too_fast_is_told_to_wait(
    desktop: Desktop, tmp_path: Path
) -> None:
    keys = guarded(tmp_path).keys
    async with served(desktop, Door(LOCAL.hosts, keys, pace=1)) as url:
        async with person(url, TOKEN) as client:
            for _ in range(2):
                assert facts(await call(client, "cursor_position"))["ok"]
            told = refusal(await call(client, "cursor_position"))
            assert told.startswith(
                "Rate limit reached for your token, so cursor_position was not called."
            )
        async with person(url, given(tmp_path, "ada", "view")) as client:
            assert facts(await call(client, "cursor_position"))["ok"]


# Browsers


@asynccontextmanager
async def browsing(url: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=5, verify=NO_TLS) as http:
        yield http


def code_of(path: str) -> dict[str, str]:
    """What a browser posts that opens a link."""
    return {"code": path.partition("code=")[2]}


async def enter(http: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """Open a link and press its button."""
    answer = await http.post(path.partition("?")[0], data=code_of(path))
    if answer.status_code == 200:
        http.headers[KEY] = key_in(answer.text)
    return answer


async def browse(url: str, path: str) -> bool:
    """Whether a browser gets in by a link."""
    async with browsing(url) as http:
        return (await enter(http, path)).status_code == 200


async def link(url: str, token: str, scope: str = "admin") -> str:
    async with browsing(url) as http:
        answer = await http.post(f"/live/main/link?scope={scope}", headers=bearer(token))
        return answer.json()["path"]


async def test_a_link_opens_the_live_view_once_and_is_replaced_by_a_cookie(
    desktop: Desktop, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gloveport")
    async with served(desktop, door) as url, browsing(url) as http, browsing(url) as late:
        path = await link(url, TOKEN)
        for _ in range(2):  # to open it, as previews of chats do, uses nothing up
            opened = await late.get(path)
            assert (opened.status_code, "set-cookie" in opened.headers) == (200, False)
        entered = await http.post("/live/main?view=big", data=code_of(path))
        assert entered.status_code == 200
        assert 'content="0;url=/live/main?view=big"' in entered.text
        http.headers[KEY] = key_in(entered.text)
        cookie = entered.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=strict", "Path=/live", f"Max-Age={12 * 3600}"):
            assert part in cookie
        assert (await http.get("/live/main")).status_code == 200
        assert (await http.get("/live/main/screen")).status_code == 200
        assert (await http.get(path)).status_code == 200  # again, by the cookie
        for refused in (await late.get(path), await late.post("/live/main", data=code_of(path))):
            assert refused.status_code == 401
            assert refused.text == (
                "This link has expired or was already used. Run `gloveport live` for a new one."
            )
            assert "set-cookie" not in refused.headers
    code = path.partition("code=")[2]
    ours = [one for one in caplog.records if one.name.startswith("gloveport")]
    assert ours
    assert not any(code in one.getMessage() for one in ours)


async def test_a_cookie_is_for_the_live_view_alone(desktop: Desktop, door: Door) -> None:
    async with served(desktop, door) as url, browsing(url) as http:
        await enter(http, await link(url, TOKEN))
        (cookie,) = [f"{name}={value}" for name, value in http.cookies.items()]
        for path in ("/mcp", "/attach/x", "/metrics", "/d/main/mcp", "/livex"):
            assert await status(url, path, cookie=cookie) == 401, path
        assert await status(url, "/live/main", cookie=cookie) == 200
        assert await status(url, "/live/other", cookie=cookie) == 403
        # And none makes another link, by which it would last for ever.
        same = {"origin": url, "cookie": cookie, KEY: http.headers[KEY]}
        assert await status(url, "/live/main/link", **same) == 401


async def test_with_a_cookie_only_a_page_of_ours_changes_anything(
    desktop: Desktop, door: Door
) -> None:
    async with served(desktop, door) as url, browsing(url) as http:
        await enter(http, await link(url, TOKEN))
        do = POSTS["/live/{desktop}/do"]
        port = int(url.rpartition(":")[2])
        for origin in (None, f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}"):
            answer = await http.post(do, json={}, headers={"origin": origin} if origin else {})
            assert answer.status_code == 403, origin
        assert (await http.post(do, json={}, headers={"origin": url})).status_code == 409


async def test_a_link_may_allow_less_than_the_token_that_made_it(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    ada = given(tmp_path, "ada", "view")
    async with served(desktop, door) as url:
        for token, scope in ((TOKEN, "view"), (ada, "admin")):
            async with browsing(url) as http:
                await enter(http, await link(url, token, scope))
                assert (await http.get("/live/main")).status_code == 200
                acted = await http.post(POSTS["/live/{desktop}/do"], headers={"origin": url})
                assert acted.status_code == 403
        async with browsing(url) as http:
            answer = await http.post("/live/main/link?scope=all", headers=bearer(TOKEN))
            assert answer.status_code == 422


async def test_a_cookie_dies_with_the_token_that_made_its_link(
    desktop: Desktop, door: Door, tmp_path: Path
) -> None:
    ada = given(tmp_path, "ada", "view")
    async with served(desktop, door) as url, browsing(url) as http:
        path, unused = await link(url, ada), await link(url, ada)
        await enter(http, path)
        assert (await http.get("/live/main")).status_code == 200
        remove(tmp_path / "tokens.toml", "ada")
        assert (await http.get("/live/main")).status_code == 401
        await enter(http, unused)
        assert (await http.get("/live/main")).status_code == 401


async def test_links_and_cookies_end_in_time(desktop: Desktop, tmp_path: Path) -> None:
    now = [1e9]
    door = Door(LOCAL.hosts, guarded(tmp_path).keys, passes=SignInLinks(lambda: now[0]))
    async with served(desktop, door) as url, browsing(url) as http:
        path = await link(url, TOKEN)
        now[0] += 61
        assert (await http.get(path)).status_code == 401
        path = await link(url, TOKEN)
        now[0] += 59
        assert (await http.get(path)).status_code == 200
        assert (await enter(http, path)).status_code == 200
    assert door.passes.grant("") is None


async def test_a_connection_of_unknown_address_is_not_taken_for_this_users_own(door: Door) -> None:
    """Such as one that ended while it was looked at: only the Unix socket needs no token."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    for address in (None, ("127.0.0.1", 8750), ("/run/main.sock", None)):
        scope = {
            "type": "http", "method": "GET", "path": "/metrics", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")], "server": address, "client": None,
        }  # fmt: skip
        await Guard(PlainTextResponse("in"), door)(scope, receive, send)
    assert statuses == [401, 401, 200]


# WebSockets


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@asynccontextmanager
async def echoing(door: Door) -> AsyncGenerator[str]:
    """A server of nothing but a WebSocket behind a door, where the live view has its own."""
    app: ASGIApp = Starlette(routes=[WebSocketRoute("/live/main/rfb", echo)])
    async with listening(Guard(app, door)) as url:
        yield url


def socket(url: str, name: str = "127.0.0.1", **headers: str) -> websockets.connect:
    port = int(url.rpartition(":")[2])
    origin = headers.pop("origin", None)
    return websockets.connect(
        f"ws://{name}:{port}/live/main/rfb",
        host="127.0.0.1",
        additional_headers=headers,
        origin=websockets.Origin(origin) if origin else None,
        proxy=None,
    )


async def denied(connecting: websockets.connect) -> bool:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connecting
    return refused.value.response.status_code == 403


async def test_a_websocket_passes_the_same_door(door: Door, tmp_path: Path) -> None:
    async with echoing(door) as url:
        assert await denied(socket(url))
        assert await denied(socket(url, authorization="Bearer wrong"))
        assert await denied(socket(url, **bearer(TOKEN), origin="http://evil.example"))
        assert await denied(socket(url, name="evil.example", **bearer(TOKEN)))
        async with socket(url, **bearer(given(tmp_path, "ada", "view"))) as opened:
            await opened.send("hello")
            assert await opened.recv() == "hello"


async def test_the_screen_s_websocket_passes_the_door_too(desktop: Desktop, door: Door) -> None:
    async with served(desktop, door) as url:
        assert await denied(socket(url))
        assert await denied(socket(url, authorization="Bearer wrong"))
        assert await denied(socket(url, **bearer(TOKEN), origin="http://evil.example"))
        assert await denied(socket(url, name="evil.example", **bearer(TOKEN)))


async def test_a_websocket_with_a_cookie_takes_a_page_of_ours(door: Door) -> None:
    async with echoing(door) as url, browsing(url) as http:
        await enter(http, await link_of(door))
        (cookie,) = [f"{name}={value}" for name, value in http.cookies.items()]
        known = {"cookie": cookie, KEY: http.headers[KEY]}
        assert await denied(socket(url, **known))
        other = f"http://127.0.0.1:{int(url.rpartition(':')[2]) + 1}"
        assert await denied(socket(url, **known, origin=other))
        assert await denied(socket(url, cookie=cookie, origin=url))
        async with socket(url, **known, origin=url) as opened:
            await opened.send("hello")
            assert await opened.recv() == "hello"


async def link_of(door: Door) -> str:
    """A link, from a door whose server has no route for it."""
    grant = await door.keys[0].grant(TOKEN)
    assert grant
    return f"/live/main?code={door.passes.code(grant, 'main')}"


async def test_a_websocket_closes_when_its_token_is_taken_away(door: Door, tmp_path: Path) -> None:
    ada = bearer(given(tmp_path, "ada", "view"))
    async with echoing(door) as url, socket(url, **ada) as opened:
        remove(tmp_path / "tokens.toml", "ada")
        await opened.send("hello")
        with pytest.raises(websockets.ConnectionClosed), anyio.fail_after(5):
            await opened.recv()
        assert opened.close_code == 1008
        assert opened.close_reason == "Your token is not good any more."

"""A page of another origin neither sees nor drives a desktop, in a real browser and by hand."""

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from pages import arrive, browsing, person, sign_in_link
from playwright.async_api import Browser, Error, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from web import LOCAL, PERSON, TOKEN, bearer, guarded, listening, served, signed_in
from witness import Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.middleware import KEY
from gloveport.server.http import Web
from gloveport.server.mcp.server import DesktopServer


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


@asynccontextmanager
async def evil_page(browser: Browser) -> AsyncGenerator[Page]:
    """A page of another port of this machine, in a browser whose user is signed in elsewhere."""

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse("<title>evil</title>")

    async with (
        listening(Starlette(routes=[Route("/", page)])) as url,
        person(browser, "Eve") as eve,
    ):
        opened = await eve.new_page()
        await opened.goto(url)
        yield opened


# What a page can try, with the key that its own storage has: each returns what it got, or throws
# where the browser or the server says no.
ATTEMPTS = {
    "read the screen": """async u => (await fetch(u + '/live/main/screen',
        {headers: {'X-Gloveport-Key': localStorage.getItem('gloveport.key')}})).status""",
    "read it blind": "async u => (await fetch(u + '/live/main/screen', {mode: 'no-cors'})).type",
    "act blind": """async u => {
        await fetch(u + '/live/main/do', {method: 'POST', mode: 'no-cors', credentials: 'include',
            headers: {'content-type': 'text/plain'}, body: JSON.stringify({verb: 'take'})});
        return 'sent' }""",
    "listen blind": """async u => {
        const stop = new AbortController(); setTimeout(() => stop.abort(), 1000);
        await fetch(u + '/live/main/events?name=evil',
            {mode: 'no-cors', credentials: 'include', signal: stop.signal});
        return 'sent' }""",
    "a socket": """u => new Promise((yes, no) => {
        const s = new WebSocket(u.replace('http', 'ws') + '/live/main/rfb',
            ['binary', 'gloveport.key.' + localStorage.getItem('gloveport.key')]);
        s.onmessage = () => yes('pixels'); s.onclose = () => no(new Error('closed')) })""",
    "mcp": """async u => (await fetch(u + '/mcp', {method: 'POST', mode: 'no-cors',
        body: JSON.stringify({jsonrpc: '2.0', id: 1, method: 'ping'})})).type""",
    "an image": """u => new Promise((yes, no) => { const i = new Image();
        i.onload = () => yes('shown'); i.onerror = () => no(new Error('no'));
        i.src = u + '/live/main/screen' })""",
    "a form": """async u => { const f = document.createElement('form'); f.method = 'post';
        f.action = u + '/live/main'; f.innerHTML = '<input name=code value=x>'; f.target = 'out';
        document.body.append(f); f.submit(); return 'sent' }""",
}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_a_page_of_another_port_gets_nothing(
    browser: Browser, desktop: Desktop, witness: Witness, name: str, attempt: str
) -> None:
    async with served(desktop) as url, evil_page(browser) as evil:
        at = url.replace("127.0.0.1", name)
        # Its user is signed in at the live view in the same browser, so that cookies go along.
        await arrive(evil.context, at)
        tried = f"return await ({ATTEMPTS[attempt]})(u)"
        got = await evil.evaluate(f"async u => {{ try {{ {tried} }} catch {{ return 'no' }} }}", at)
        assert got in ("no", "sent", "opaque"), got  # an opaque answer cannot be read
        async with httpx2.AsyncClient(headers=bearer(TOKEN), trust_env=False) as http:
            metrics = (await http.get(f"{url}/metrics")).text
        assert 'gloveport_state{desktop="main",state="free"} 1.0' in metrics
        assert 'gloveport_watching{desktop="main"} 1.0' in metrics  # the signed-in page alone
        assert await anyio.to_thread.run_sync(witness.saw_nothing)


async def test_the_same_origin_can_do_it_all(browser: Browser, desktop: Desktop) -> None:
    """The attempts above work from the live view itself: what refuses them is the origin."""
    async with served(desktop) as url, person(browser, "Ada") as ada:
        page = await arrive(ada, url)
        assert await page.evaluate(ATTEMPTS["read the screen"], url) == 200
        assert await page.evaluate(ATTEMPTS["a socket"], url) == "pixels"
        # But an image carries no key: its request is no different from a replay of the cookie.
        with pytest.raises(Error):
            await page.evaluate(ATTEMPTS["an image"], url)


# A cookie goes to every port of a host


@asynccontextmanager
async def collecting() -> AsyncGenerator[tuple[str, list[str]]]:
    """A server of another port that keeps the cookies it is sent, on the live view's path."""
    cookies: list[str] = []

    async def page(request: Request) -> HTMLResponse:
        cookies.append(request.headers.get("cookie", ""))
        return HTMLResponse("<title>evil</title>")

    async with listening(Starlette(routes=[Route("/live/{path:path}", page)])) as url:
        yield url, cookies


def requests(desktop: Desktop) -> list[tuple[str, str]]:
    """A request for every route of the server, but for the page's own and those open to all."""
    named = {"{desktop}": "main", "{number:int}": "1", "{name}": "c1", "{client}": "x"}
    asked: list[tuple[str, str]] = []
    for route in Web(DesktopServer(desktop), desktop, LOCAL).routes:
        path: str = getattr(route, "path", "")
        for part, value in named.items():
            path = path.replace(part, value)
        if path not in ("/", "/live", "/healthz", "/live/static", "/live/main", "/live/-"):
            asked += [("GET", path), ("POST", path)]
    return asked


async def raw(url: str, method: str, path: str, headers: dict[str, str]) -> int:
    """Send a request by a socket; the status of the answer."""
    port = int(url.rpartition(":")[2])
    head = {"Host": f"127.0.0.1:{port}", "Origin": url, "Sec-Fetch-Site": "same-origin", **headers}
    if path.endswith("/rfb") and method == "GET":
        head |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    body = '{"verb": "take"}' if method == "POST" else ""
    head |= {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n{body}".encode())
        with anyio.fail_after(10):
            return int((await stream.receive(100)).split()[1])


async def test_a_cookie_that_another_port_was_sent_opens_nothing(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    async with (
        served(desktop, guarded(tmp_path)) as url,
        collecting() as (other, cookies),
        person(browser, "Ada") as ada,
        person(browser, "Eve") as eve,
    ):
        page = await arrive(ada, url)
        key = await page.evaluate("localStorage.getItem('gloveport.key')")
        elsewhere = await ada.new_page()
        await elsewhere.goto(f"{other}/live/x")
        assert await elsewhere.evaluate("localStorage.getItem('gloveport.key')") is None
        stolen = cookies[0]
        assert stolen.startswith("gloveport-")  # or nothing below says anything
        # Eve has a session of her own: her key goes with no other cookie.
        hers = await (await arrive(eve, url)).evaluate("localStorage.getItem('gloveport.key')")
        session = key.partition(".")[0]
        for wrong in ("", hers, key[:-1], f"{session}.", stolen.partition("=")[2]):
            shown = {"Cookie": stolen, **({KEY: wrong} if wrong else {})}
            offered = {"Sec-WebSocket-Protocol": f"binary, gloveport.key.{wrong}"}
            for method, path in requests(desktop):
                refused = (401, 403) if path.endswith("/rfb") else (401,)
                assert await raw(url, method, path, shown) in refused, (wrong, method, path)
                assert await raw(url, method, path, shown | offered) in refused, (wrong, path)
        # With the key the same requests do what they ask for, so that it was the key they lacked.
        whole = {"Cookie": stolen, KEY: key}
        assert await raw(url, "GET", "/live/main/screen", whole) == 200
        assert await raw(url, "POST", "/live/main/do", whole) == 200
        offered = {"Cookie": stolen, "Sec-WebSocket-Protocol": f"binary, gloveport.key.{key}"}
        assert await raw(url, "GET", "/live/main/rfb", offered) == 101


async def test_a_session_lasts_over_reload_tabs_and_links(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada") as ada:
        live = "data-screen", "live"
        page = await arrive(ada, url)
        key = await page.evaluate("localStorage.getItem('gloveport.key')")
        await page.reload()
        await expect(page.locator("body")).to_have_attribute(*live)
        tab = await ada.new_page()
        await tab.goto(f"{url}/live/main")
        await expect(tab.locator("body")).to_have_attribute(*live)
        # A link is not used up by who is signed in, and makes no other person of them.
        link = await sign_in_link(url)
        await tab.goto(link)
        await expect(tab.locator("body")).to_have_attribute(*live)
        assert tab.url == f"{url}/live/main"
        assert await tab.evaluate("localStorage.getItem('gloveport.key')") == key
        # Who has lost the key signs in by the link, cookie or not.
        await tab.evaluate("localStorage.removeItem('gloveport.key')")
        await tab.reload()
        await expect(tab.locator("#veil_text")).to_contain_text("gloveport live")
        await tab.goto(link)
        await expect(tab.locator("body")).to_have_attribute(*live)
        assert await tab.evaluate("localStorage.getItem('gloveport.key')") != key


ROUTES = ["/mcp", "/d/main/mcp", "/live/main", "/live/main/events", "/live/main/do", "/metrics",
          "/live/main/screen", "/attach/x", "/healthz", "/live/static/page.js"]  # fmt: skip
STRANGE = ["http://127.0.0.1:1", "http://localhost:{port}", "https://127.0.0.1:{port}", "null", "",
           "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port}/", "HTTP://EVIL",
           "http://evil.example:{port}", "http://user@127.0.0.1:{port}"]  # fmt: skip


async def test_an_origin_is_scheme_host_and_port(desktop: Desktop) -> None:
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(headers=bearer(TOKEN), trust_env=False, timeout=5) as http,
    ):
        port = url.rpartition(":")[2]
        for path, origin in itertools.product(ROUTES, STRANGE):
            headers = {"origin": origin.format(port=port)}
            async with http.stream("GET", url + path, headers=headers) as answer:
                assert answer.status_code == 403, (path, origin)
        for path in ("/healthz", "/live/main/screen"):
            assert (await http.get(url + path, headers={"origin": url})).status_code == 200
            for other in (url, "http://evil.example"):  # of two it is not said which one asks
                twice = [("origin", url), ("origin", other)]
                assert (await http.get(url + path, headers=twice)).status_code == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
async def test_what_a_browser_calls_another_site_is_refused_but_for_links(
    desktop: Desktop, site: str
) -> None:
    navigates = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    async with (
        served(desktop) as url,
        httpx2.AsyncClient(headers=bearer(TOKEN), trust_env=False, timeout=5) as http,
    ):
        for path in ROUTES:
            async with http.stream("GET", url + path, headers={"sec-fetch-site": site}) as answer:
                assert answer.status_code == 403, path
        went = await http.get(f"{url}/live/main", headers={"sec-fetch-site": site, **navigates})
        assert went.status_code == 200
        framed = {**navigates, "sec-fetch-dest": "iframe", "sec-fetch-site": site}
        assert (await http.get(f"{url}/live/main", headers=framed)).status_code == 403
        posted = await http.post(
            f"{url}/live/main/do", json={}, headers={"sec-fetch-site": site, **navigates}
        )
        assert posted.status_code == 403


HOSTS = ["evil.example", "evil.example@127.0.0.1:{port}", "127.0.0.1:{port}:1", "[::1", "a b",
         "127.0.0.1:" + "9" * 5000, "x" * 5000, ""]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_not_this_one_gets_one_sentence(desktop: Desktop, host: str) -> None:
    async with served(desktop) as url:
        port = int(url.rpartition(":")[2])
        stream = await anyio.connect_tcp("127.0.0.1", port)
        async with stream:
            head = f"GET /live/main HTTP/1.1\r\nHost: {host.format(port=port)}\r\n"
            await stream.send(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            with anyio.fail_after(5):
                answer = (await stream.receive(1 << 16)).decode()
        status, _, body = answer.partition("\r\n\r\n")
        assert status.split()[1] in ("421", "400")
        assert len(body) <= 400
        assert "Traceback" not in answer


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_changes_something_takes_json_alone(desktop: Desktop, kind: str) -> None:
    headers = {**bearer(TOKEN), **({"content-type": kind} if kind else {})}
    body = b'{"verb": "take"}'
    async with served(desktop) as url, httpx2.AsyncClient(trust_env=False) as http:
        for path in ("/live/main/do", "/mcp"):
            answer = await http.post(url + path, content=body, headers=headers)
            assert answer.status_code == 415, path


async def test_a_login_is_not_forged_by_another_site(desktop: Desktop) -> None:
    async with served(desktop) as url, httpx2.AsyncClient(trust_env=False) as http:
        made = await http.post(f"{url}/live/main/link", headers=bearer(PERSON))
        code = {"code": made.json()["path"].partition("code=")[2]}
        for origin in ("http://localhost:1", "null"):
            sent = await http.post(f"{url}/live/main", data=code, headers={"origin": origin})
            assert sent.status_code == 403
        await signed_in(http, url)

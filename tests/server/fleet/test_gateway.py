"""A gateway with real desktops behind it: two gateways, one host, clients of both eras."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts, picture, refusal, text
from fleet import SPEC, inside, process_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from viewers import EVERYTHING, Viewer
from views import viewing
from web import PERSON, bearer, given
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gloveport.server.auth.middleware import KEY
from gloveport.server.auth.token_store import OneToken, TokenFile, table
from gloveport.server.hosts.base import Host
from gloveport.server.hosts.local import LocalHost
from gloveport.server.serve_fleet import FleetSettings, serving_fleet


@dataclass(frozen=True)
class Fleet:
    """Two gateways to the same desktops."""

    urls: tuple[str, str]
    host: Host
    tokens: Path

    @asynccontextmanager
    async def client(
        self, token: str, mode: Any = "auto", at: str = "/mcp", gateway: int = 0
    ) -> AsyncGenerator[Client]:
        url = f"{self.urls[gateway]}{at}"
        async with (
            httpx2.AsyncClient(trust_env=False, headers=bearer(token), timeout=60) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client


@pytest.fixture(scope="module")
async def fleet(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Fleet]:
    folder, tokens = tmp_path_factory.mktemp("fleet"), tmp_path_factory.mktemp("tokens")
    folder.chmod(0o711)
    host = LocalHost(folder, most=3)
    keys = (TokenFile(tokens / "tokens.toml", table), OneToken(PERSON))

    def gateway() -> FleetSettings:
        return FleetSettings(LocalHost(folder, most=3), SPEC, port=0, keys=keys)

    async with serving_fleet(gateway()) as one, serving_fleet(gateway()) as two:
        yield Fleet((one.url, two.url), host, tokens)
        for placed in await host.list():
            await host.release(placed.id)


@pytest.fixture(scope="module")
def ada(fleet: Fleet) -> str:
    """A token that may control, whose desktop main the tests share."""
    return given(fleet.tokens, "ada", "control")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_has_a_desktop_and_opens_more(fleet: Fleet, ada: str, mode: Any) -> None:
    async with fleet.client(ada, mode) as client:
        tools = (await client.list_tools()).tools
        assert all("desktop" in tool.input_schema["properties"] for tool in tools)
        await call(client, "left_click", coordinate=[30, 40])
        opened = facts(await call(client, "desktops", action="open", name="two", size="480x360"))
        assert facts(await call(client, "screenshot", desktop="two"))["size"] == [480, 360]
        await call(client, "left_click", coordinate=[7, 9], desktop=opened["id"])
        assert place(facts(await call(client, "cursor_position"))) == (30, 40)
        assert place(facts(await call(client, "cursor_position", desktop="two"))) == (7, 9)
        listed = facts(await call(client, "desktops"))["desktops"]
        assert sorted(one["name"] for one in listed) == ["main", "two"]
        assert facts(await call(client, "desktops", action="close", name="two"))["ok"]
        said = refusal(await call(client, "screenshot", desktop="two"))
        assert said.startswith("There is no desktop 'two' of yours; there are main.")


def place(told: dict[str, Any]) -> tuple[int, int]:
    return told["x"], told["y"]


@pytest.mark.parametrize("arguments", [
    {"action": "open", "name": "../x"}, {"action": "open", "name": "a" * 33},
    {"action": "open", "name": 5}, {"action": "open", "size": "1x1"},
    {"action": "open", "size": "800"}, {"action": "close", "name": "nix"},
    {"action": "close"}, {"desktop": 7},
])  # fmt: skip
async def test_what_cannot_be_opened_or_closed_is_refused(
    fleet: Fleet, ada: str, arguments: dict[str, Any]
) -> None:
    async with fleet.client(ada) as client:
        before = await fleet.host.list()
        tool = "screenshot" if "desktop" in arguments else "desktops"
        assert len(refusal(await call(client, tool, **arguments))) < 400
        assert await fleet.host.list() == before


async def test_a_session_goes_on_at_another_gateway(fleet: Fleet, ada: str) -> None:
    """The gateways share nothing but the host: in the handshake era too."""
    async with httpx2.AsyncClient(trust_env=False, headers=bearer(ada), timeout=60) as http:
        http.headers["accept"] = "application/json, text/event-stream"
        hello: dict[str, Any] = {"protocolVersion": "2025-06-18", "capabilities": {}}
        hello |= {"clientInfo": {"name": "raw", "version": "1"}}
        first = await http.post(f"{fleet.urls[0]}/mcp", json=rpc("initialize", hello))
        http.headers["mcp-session-id"] = first.headers["mcp-session-id"]
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await http.post(f"{fleet.urls[1]}/mcp", json=ready)).status_code == 202
        asked = rpc("tools/call", {"name": "cursor_position", "arguments": {}})
        for url in fleet.urls:
            answer = (await http.post(f"{url}/mcp", json=asked)).json()
            assert json.loads(answer["result"]["content"][0]["text"])["ok"]
        assert (await http.delete(f"{fleet.urls[1]}/mcp")).status_code == 200
        assert (await http.post(f"{fleet.urls[0]}/mcp", json=asked)).status_code == 404


def rpc(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def test_nobody_reaches_the_desktop_of_another(fleet: Fleet, ada: str) -> None:
    bob = given(fleet.tokens, "bob", "control", quota=0)
    async with fleet.client(ada) as client:
        hers = facts(await call(client, "desktops"))["desktops"][0]
    async with httpx2.AsyncClient(trust_env=False, headers=bearer(bob)) as http:
        for url in fleet.urls:
            for path in (f"/live/{hers['id']}", f"/live/{hers['id']}/screen", "/live/main"):
                answer = await http.get(f"{url}{path}")
                assert answer.status_code == 404, answer.text
            assert (await http.get(f"{url}/fleet")).status_code == 403
            assert (await http.delete(f"{url}/fleet/{hers['id']}")).status_code == 403
            for name in (hers["id"], "main"):
                asked = rpc("tools/call", {"name": "screenshot", "arguments": {"desktop": name}})
                answer = await http.post(f"{url}/mcp", json=asked)
                said = answer.json()["result"]["content"][0]["text"]
                assert said.startswith(f"There is no desktop '{name}' of yours; you have none")
            asked = rpc("tools/call", {"name": "desktops", "arguments": {"action": "open"}})
            said = (await http.post(f"{url}/mcp", json=asked)).json()["result"]
            assert said["isError"]
            assert "no room" in said["content"][0]["text"]


async def test_scopes_hold_beside_the_desktop(fleet: Fleet, ada: str) -> None:
    eve = given(fleet.tokens, "eve", "view")
    async with fleet.client(eve) as client:
        assert "left_click" not in {tool.name for tool in (await client.list_tools()).tools}
        assert picture(await call(client, "screenshot"))
        for tool, arguments in (("left_click", {"coordinate": [1, 1]}), ("desktops", {})):
            assert "scope control" in refusal(await call(client, tool, **arguments))
    hers = next(one for one in await fleet.host.list() if one.key == "main" and "eve" in one.owner)
    await fleet.host.release(hers.id)


async def test_a_person_watches_and_drives_through_the_gateway(fleet: Fleet, ada: str) -> None:
    async with fleet.client(ada) as client:
        hers = facts(await call(client, "desktops"))["desktops"][0]["id"]
        url = fleet.urls[0]
        async with viewing(url, token=PERSON, desktop=hers) as person:
            assert (await person.do("take")).status_code == 200
            await person.until(driver={"kind": "person", "name": "Ada"})
            said = text(await call(client, "left_click", coordinate=[50, 60]))
            assert "Ada" in said, "the lease is beside the desktop"
            key = Subprotocol(f"gloveport.key.{person.cookie[KEY]}")
            headers = {"cookie": person.cookie["cookie"], "origin": url}
            address = f"ws{url.removeprefix('http')}/live/{hers}/rfb"
            async with connect(
                address, additional_headers=headers, subprotocols=[Subprotocol("binary"), key],
                proxy=None, max_size=None,
            ) as socket:  # fmt: skip
                viewer = Viewer(socket)
                await viewer.shake_hands(EVERYTHING)
                await viewer.see()
                await viewer.point(11, 12)
                await viewer.see_until(lambda seen: seen.pointer == (11, 12))
            assert (await person.do("hand_back")).status_code == 200
            listed = await person_gets(person, f"{url}/live/-/desktops", f"{url}/live/-")
            assert hers in [one["name"] for one in listed]
        assert place(facts(await call(client, "cursor_position"))) == (11, 12)


async def person_gets(person: Any, path: str, page: str) -> Any:
    async with httpx2.AsyncClient(trust_env=False, headers=bearer(PERSON)) as http:
        assert (await http.get(page)).status_code == 200
        return (await http.get(path)).json()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_lost_desktop_is_told_and_not_swapped(fleet: Fleet, ada: str, mode: Any) -> None:
    async with fleet.client(ada, mode, gateway=1) as client:
        opened = facts(await call(client, "desktops", action="open", name="frail"))
        lost = await fleet.host.find(opened["id"])

        async def wait() -> None:
            waited = call(client, "wait_for", desktop="frail", event="text", text="never there")
            said.append(refusal(await waited))

        said: list[str] = []
        async with (
            viewing(fleet.urls[1], token=PERSON, desktop=lost.id) as person,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(wait)
            await person.until_happened("wait_for", ended=False)
            os.kill(process_of(lost), signal.SIGKILL)
            with anyio.fail_after(20):
                while not said:  # noqa: ASYNC110 - the call's own answer
                    await anyio.sleep(0.01)
        assert said[0].startswith("The desktop 'frail' is lost: its server has ended"), said
        assert "Whether this call was done is not known" in said[0]
        for _ in range(2):
            again = refusal(await call(client, "screenshot", desktop="frail"))
            assert "Nothing was done" in again
            assert again.startswith("The desktop 'frail' is lost")
        assert picture(await call(client, "screenshot")), "the other desktop is as it was"
        new = facts(await call(client, "desktops", action="open", name="frail"))
        assert new["id"] != opened["id"]
        assert picture(await call(client, "screenshot", desktop="frail"))
        assert facts(await call(client, "desktops", action="close", name="frail"))["ok"]


async def test_requests_at_once_do_not_disturb_each_other(fleet: Fleet, ada: str) -> None:
    """Connections are kept and used again by others, while answers end and clients go."""
    async with fleet.client(ada) as client:
        hers = facts(await call(client, "desktops", action="open"))["id"]
    said: list[int] = []

    async def ask(http: httpx2.AsyncClient) -> None:
        for number in range(40):
            page = await http.get(f"{fleet.urls[0]}/live/{hers}")
            said.append(page.status_code)
            if number % 8 == 0:  # goes before the answer has ended
                async with http.stream("GET", f"{fleet.urls[0]}/live/{hers}/screen"):
                    pass

    async with (
        httpx2.AsyncClient(trust_env=False, headers=bearer(ada), timeout=60) as http,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(8):
            tasks.start_soon(ask, http)
    assert said == [200] * 320


async def test_a_request_is_sent_once_whatever_becomes_of_it(fleet: Fleet) -> None:
    """A server that takes requests and answers nothing gets each of them once."""
    from gloveport.server.fleet.upstream import Broken, Upstream

    taken: list[bytes] = []

    async def take(stream: Any) -> None:
        async with stream:
            head = await stream.receive()
            taken.append(head)
            if b"/first" in head:
                await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                taken.append(await stream.receive())  # kept: the second comes on it, unanswered

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, take)
        upstream = Upstream()
        first = await upstream.send(("127.0.0.1", port), "POST", "/first", [], b"1")
        assert await first.body() == b"ok"
        for path in ("/second", "/third"):
            with pytest.raises(Broken):
                await upstream.send(("127.0.0.1", port), "POST", path, [], b"click")
        tasks.cancel_scope.cancel()
    seen = b"".join(taken)
    assert [seen.count(path) for path in (b"/first", b"/second", b"/third")] == [1, 1, 1]
    await listener.aclose()


_TRIES = """
import os, socket, sys
proxy = os.environ["http_proxy"].rpartition("//")[2].rstrip("/").rsplit(":", 1)
def said(address):
    try:
        with socket.create_connection(address, 3):
            direct = "open"
    except OSError:
        direct = "closed"
    with socket.create_connection((proxy[0], int(proxy[1])), 3) as by:
        name = "%s:%d" % address
        by.sendall(("CONNECT %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n" % (name, name)).encode())
        return direct + " " + by.recv(64).split()[1].decode()
print(",".join(said((one.split(":")[0], int(one.split(":")[1]))) for one in sys.argv[1:]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root enters the network of a desktop")
async def test_programs_of_a_desktop_reach_no_server(fleet: Fleet, ada: str) -> None:
    async with fleet.client(ada) as client:
        hers = facts(await call(client, "desktops"))["desktops"][0]["id"]
    placed = await fleet.host.find(hers)
    pid = inside(placed)
    told = (Path("/proc") / str(pid) / "environ").read_text().split("\0")
    proxy = next(one for one in told if one.startswith("http_proxy=")).partition("=")[2]
    addresses = [one.partition("//")[2] for one in (*fleet.urls, placed.url)]
    ran = await anyio.run_process(
        ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", _TRIES, *addresses],
        env={"http_proxy": proxy},
    )
    assert ran.stdout.decode().strip() == ",".join(["closed 403"] * 3)

"""What every host of desktops keeps: one suite over all of them, with the real engine."""

import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Callable

import anyio
import httpx2
import pytest
from answers import call, facts, picture, refusal
from fleet import SPEC, process_of, ray_head
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gloveport.server.auth.principal import Principal, including
from gloveport.server.hosts.assertion import assertion, new_secret
from gloveport.server.hosts.base import Full, Gone, Host, Placed
from gloveport.server.hosts.local import LocalHost
from gloveport.server.hosts.ray_host import RayHost

ADA = Principal("ada", "token ada", including(["control"]))

Again = Callable[[], Host]


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.fleet)])
async def again(
    anyio_backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Again]:
    """Makes a host with room for two desktops, and another gateway's on the same desktops."""
    folder = tmp_path_factory.mktemp("fleet")
    folder.chmod(0o711)
    with contextlib.ExitStack() as ending:
        if request.param == "ray":
            cluster = ending.enter_context(ray_head(folder, cores=1))
            yield lambda: RayHost(cluster, "127.0.0.1")
            return
        yield lambda: LocalHost(folder, most=2)
    host = LocalHost(folder)
    for placed in await host.list():
        await host.release(placed.id)
    left = {path.suffix for path in folder.iterdir()} - {".starting"}
    assert not left, "what has ended leaves no files"


@pytest.fixture(scope="module")
async def placed(again: Again) -> Placed:
    """Ada's desktop, which tests leave running."""
    return await again().acquire("ada", "work", SPEC)


@pytest.fixture
def host(again: Again) -> Host:
    return again()


async def test_one_key_is_one_desktop_for_every_gateway(
    again: Again, host: Host, placed: Placed
) -> None:
    assert await host.acquire("ada", "work", SPEC) == placed
    assert await again().find(placed.id) == placed
    assert [one.id for one in await host.list("ada")] == [placed.id]
    assert not await host.list("bob")


async def test_gateways_that_ask_at_once_start_one(again: Again, placed: Placed) -> None:
    found: list[Placed] = []

    async def ask() -> None:
        found.append(await again().acquire("bob", "other", SPEC))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
    assert len({one.id for one in found}) == 1
    with pytest.raises(Full, match="no room"):
        await again().acquire("eve", "third", SPEC)
    first = found[0]
    await again().release(first.id)
    await again().release(first.id)
    with pytest.raises(Gone, match=first.id):
        await again().find(first.id)
    assert [one.id for one in await again().list()] == [placed.id]


@pytest.mark.parametrize("id", ["", "d", "../../etc/passwd", "d0-0", "*", "d" * 5000])
async def test_what_is_no_id_is_gone(host: Host, id: str) -> None:
    with pytest.raises(Gone):
        await host.find(id)
    await host.release(id)


async def test_a_killed_desktop_is_gone_and_the_next_is_another(host: Host) -> None:
    first = await host.acquire("bob", "other", SPEC)
    os.kill(process_of(first), signal.SIGKILL)
    with anyio.fail_after(30):
        while await runs(host, first.id):  # noqa: ASYNC110 - the host has no event for it
            await anyio.sleep(0.02)
    second = await host.acquire("bob", "other", SPEC)
    assert second.id != first.id
    with pytest.raises(Gone):
        await host.find(first.id)
    await host.release(second.id)


async def test_its_server_takes_its_own_assertions_alone(placed: Placed) -> None:
    good = assertion(placed.secret, ADA)
    payload, _, signature = good.partition(".")
    stolen = assertion(new_secret(), ADA)
    wrong = [
        "gpr_",
        stolen,
        f"{payload}.",
        f"{payload}x.{signature}",
        signature,
        "gpr_.",
        good[:-1],
    ]
    async with httpx2.AsyncClient(trust_env=False) as http:
        for shown in wrong:
            headers = {"authorization": f"Bearer {shown}"}
            answer = await http.get(f"{placed.url}/live/{placed.id}", headers=headers)
            assert answer.status_code == 401, shown
        answer = await http.get(
            f"{placed.url}/live/{placed.id}", headers={"authorization": f"Bearer {good}"}
        )
        assert answer.status_code == 200


async def test_an_assertion_allows_what_its_scopes_allow(placed: Placed) -> None:
    sees = Principal("eve", "token eve", including(["view"]))
    for who, may in ((ADA, True), (sees, False)):
        headers = {"authorization": f"Bearer {assertion(placed.secret, who)}"}
        async with (
            httpx2.AsyncClient(trust_env=False, headers=headers) as http,
            Client(streamable_http_client(f"{placed.url}/mcp", http_client=http)) as client,
        ):
            assert picture(await call(client, "screenshot"))
            clicked = await call(client, "left_click", coordinate=[20, 30])
            assert facts(clicked)["ok"] if may else "scope control" in refusal(clicked)


async def runs(host: Host, id: str) -> bool:
    try:
        await host.find(id)
    except Gone:
        return False
    return True

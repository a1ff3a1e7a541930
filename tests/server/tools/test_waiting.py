"""Who waits keeps nobody waiting: others act and look at full speed meanwhile."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from web import bearer, given, guarded, served
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.control.call_queue import CallQueue
from gloveport.server.mcp.server import DesktopServer

WAITS: list[tuple[str, dict[str, Any]]] = [
    ("wait", {"duration": 20}),
    ("wait_for", {"event": "text", "text": "never seen", "seconds": 20}),
    ("wait_for", {"event": "window", "text": "never seen", "seconds": 20}),
    ("wait_for", {"event": "change", "region": [0, 0, 8, 8], "seconds": 20}),
    ("wait_for", {"event": "element", "text": "never seen", "seconds": 20}),
]
LOOKS: list[tuple[str, dict[str, Any]]] = [
    ("desktops", {}),
    ("clipboard", {}),
    ("windows", {}),
    ("checkpoint", {"action": "list"}),
    ("cursor_position", {}),
    ("screenshot", {}),
]


@asynccontextmanager
async def client_of(url: str, token: str) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(trust_env=False, headers=bearer(token), timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.fixture
async def witness(desktop: Desktop) -> AsyncGenerator[Witness]:
    seen = Witness(session_of(desktop).x)
    yield seen
    seen.close()


@pytest.mark.parametrize(("name", "waiting"), WAITS)
async def test_others_act_and_look_while_one_waits(
    desktop: Desktop, witness: Witness, tmp_path: Path, name: str, waiting: dict[str, Any]
) -> None:
    door = guarded(tmp_path)
    scope = "control" if name == "wait" else "view"
    token = given(tmp_path, "observer", scope)
    async with (
        served(desktop, door) as url,
        client_of(url, token) as observer,
        client_of(url, given(tmp_path, "actor", "control")) as actor,
        anyio.create_task_group() as tasks,
    ):
        over: list[Any] = []

        async def wait() -> None:
            over.append(await call(observer, name, **waiting))

        tasks.start_soon(wait)
        await anyio.sleep(0.3)  # so that it has begun to wait; sooner is no harm
        for other, given_ in LOOKS:
            facts(await call(actor, other, **given_))
        facts(await call(actor, "left_click", coordinate=[320, 240]))
        assert any(isinstance(one, Press) for one in witness.saw_all(1))
        assert over == []
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("event", ["window", "text"])
async def test_two_waits_see_what_happens_at_the_same_time(desktop: Desktop, event: str) -> None:
    answers: list[Any] = []
    async with Client(DesktopServer(desktop)) as client, anyio.create_task_group() as tasks:

        async def wait() -> None:
            told = await call(client, "wait_for", event=event, text="Mousepad", seconds=40)
            answers.append(facts(told))

        for _ in range(2):
            tasks.start_soon(wait)
        facts(await call(client, "open", target="mousepad"))
    assert [one["happened"] for one in answers] == [True, True]


async def test_a_wait_that_is_cancelled_ends_at_once(desktop: Desktop) -> None:
    with anyio.fail_after(10):
        with anyio.move_on_after(0.5):
            await desktop.wait_until_shown("never seen", 40)
        await desktop.look()


async def test_the_own_later_call_comes_after_a_wait() -> None:
    line, served_ = CallQueue(), list[str]()
    first, second = anyio.Event(), anyio.Event()

    async def serve(who: str, number: int, *, waits: bool = False) -> None:
        async with line.place(who, number, waits=waits):
            if waits:
                first.set()
                await second.wait()
            served_.append(f"{who}{number}")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve("a", 1, waits=True))
        await first.wait()
        tasks.start_soon(serve, "a", 2)
        tasks.start_soon(lambda: serve("a", 3, waits=True))
        tasks.start_soon(serve, "a", 4)
        tasks.start_soon(serve, "b", 1)
        await anyio.wait_all_tasks_blocked()
        assert served_ == ["b1"]
        second.set()
    assert served_ == ["b1", "a1", "a2", "a3", "a4"]

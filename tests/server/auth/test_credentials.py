"""What belongs to a credential and to who holds, where each call comes from a client of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import pytest
from answers import call, facts, refusal
from desks import session_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from views import viewing
from web import TOKEN, bearer, served, serving_web
from witness import Press, Release, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.control.lease import Lease, State
from gloveport.server.control.questions import Questions
from gloveport.server.gate import held
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.mcp.wire import CLIENT_HEADER
from gloveport.server.recording.actor import Actor
from gloveport.server.recording.recorder import Recorder

AT = [300, 300]


@asynccontextmanager
async def a_client(url: str, key: str = "") -> AsyncGenerator[Client]:
    """A client with an id that no other has."""
    headers = bearer(TOKEN) | {CLIENT_HEADER: key or uuid4().hex}
    async with (
        httpx2.AsyncClient(trust_env=False, headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


@asynccontextmanager
async def attached(url: str, key: str = "holder") -> AsyncGenerator[None]:
    """What the bridge of a client keeps open for as long as that is there."""
    async with (
        httpx2.AsyncClient(trust_env=False, headers=bearer(TOKEN), timeout=60) as http,
        http.stream("GET", f"{url}/attach/{key}"),
    ):
        yield


async def once(url: str, name: str, /, **arguments: Any) -> Any:
    """One call of a client that ends then."""
    async with a_client(url) as client:
        return await call(client, name, **arguments)


async def test_a_client_for_each_call_is_told_of_a_hand_back(desktop: Desktop) -> None:
    async with served(desktop) as url:
        facts(await once(url, "screenshot"))
        async with viewing(url) as ada:
            assert (await ada.do("take")).status_code == 200
            assert (await ada.do("hand_back", note="careful!")).status_code == 200
        for _ in range(2):
            said = refusal(await once(url, "left_click", coordinate=AT))
            assert "careful!" in said
            assert "take a screenshot" in said
        assert "careful!" in facts(await once(url, "screenshot"))["handed_back"]
        assert "handed_back" not in facts(await once(url, "screenshot"))
        facts(await once(url, "left_click", coordinate=AT))


async def test_what_is_held_is_released_with_its_holder(desktop: Desktop) -> None:
    server = DesktopServer(desktop)
    witness = Witness(session_of(desktop).x)
    try:
        async with serving_web(server, desktop) as url:
            async with a_client(url, "holder") as holder, a_client(url) as other, attached(url):
                await call(holder, "mouse_move", coordinate=AT)
                await call(holder, "left_mouse_down")
                facts(await call(other, "screenshot"))
                facts(await call(other, "cursor_position"))
                assert isinstance(witness.saw(), Press)
                assert desktop.holding
            assert isinstance(witness.saw(), Release)
            assert not desktop.holding
    finally:
        witness.close()


async def test_what_is_held_is_released_in_time_whoever_else_calls(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "_AT_MOST", 1)
    server = DesktopServer(desktop)
    async with serving_web(server, desktop) as url, anyio.create_task_group() as tasks:
        async with a_client(url) as holder, a_client(url) as other:
            tasks.start_soon(server.desks.first.tend)
            await call(holder, "left_mouse_down")
            assert desktop.holding
            with anyio.fail_after(20):
                while desktop.holding:
                    await call(other, "cursor_position")
        tasks.cancel_scope.cancel()


def test_a_flood_of_questions_drops_none_of_others() -> None:
    questions = Questions(Recorder())
    mine = questions.ask(Actor("agent", "a", "a"), "question", "Mine?", holder="token a")
    for number in range(100):
        who = Actor("agent", f"b{number}", "b")
        questions.ask(who, "question", f"Flood {number}?", holder="token b")
    assert mine in questions.open
    assert len(questions.open) == 21


async def test_calls_that_run_are_told_after_a_pause() -> None:
    lease, ada = Lease(), Actor("person", "ada", "Ada")
    with lease.running(Actor("agent", "a", "a"), anyio.CancelScope(), "acts"):
        lease.pause(ada)
        assert lease.state is State.PAUSED
        lease.resume()
        assert lease.state is State.AGENT
    assert lease.state is State.FREE


async def test_a_reservation_that_a_person_ends_is_told() -> None:
    lease, ada = Lease(), Actor("person", "ada", "Ada")
    lease.reserve(Actor("agent", "a", "Codex"), 60)
    lease.take(ada)
    lease.hand_back(ada)
    assert lease.back
    assert lease.back.did == ("the reservation of Codex ended when they took control",)

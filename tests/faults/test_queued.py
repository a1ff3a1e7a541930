"""A call meant for a desktop that was lost or rolled back does nothing; each caller is told."""

import os
import signal
from contextlib import AsyncExitStack

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from mcp import Client
from mcp_types import CallToolResult, Implementation
from processes import until

from gloveport.sandbox.desktop import Desktop
from gloveport.server.mcp.server import DesktopServer

LOST = "This desktop lost all windows and unsaved work"


@pytest.mark.parametrize("queued", [True, False], ids=["queued", "later"])
async def test_each_caller_is_told_once_before_input_is_sent(
    desktop: Desktop, queued: bool
) -> None:
    server = DesktopServer(desktop)
    said: dict[str, list[CallToolResult]] = {}
    async with AsyncExitStack() as opened:
        first, second, third = [
            await opened.enter_async_context(
                Client(server, client_info=Implementation(name=name, version="1"))
            )
            for name in ("first", "second", "third")
        ]
        for client in (first, second, third):
            facts(await call(client, "screenshot"))
        facts(await call(first, "open", target="xterm"))
        facts(await call(first, "checkpoint"))
        session = session_of(desktop)
        os.kill(session.x.pid, signal.SIGKILL)
        assert session.lost.wait(10)

        async def ask(who: str, client: Client, name: str, **given: object) -> None:
            said.setdefault(who, []).append(await call(client, name, **given))

        async def all_ask() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: ask("first", first, "key", text="a"))
                if queued:
                    tasks.start_soon(lambda: ask("second", second, "type", text="rm -rf x"))
                    tasks.start_soon(lambda: ask("third", third, "read_screen"))

        await all_ask()
        if not queued:
            await ask("second", second, "type", text="rm -rf x")
            await ask("third", third, "read_screen")
        told = [refusal(said[one][0]) for one in ("first", "second")]
        assert all(LOST in one and len(one) <= 400 for one in told)
        assert sum(one.startswith("Nothing was sent. ") for one in told) >= 1
        assert LOST in text(said["third"][0])
        found = facts(await call(first, "wait_for", event="window", text="user@", seconds=10))
        assert "notices" not in found or LOST not in str(found["notices"])
        for client in (first, second, third):
            assert LOST not in text(await call(client, "screenshot"))
            facts(await call(client, "mouse_move", coordinate=[9, 9]))
        shown = await call(second, "read_screen")
        assert "rm -rf" not in text(shown)


@pytest.mark.parametrize("queued", [True, False], ids=["queued", "later"])
async def test_each_other_caller_is_told_of_a_rollback_before_input_is_sent(
    desktop: Desktop, queued: bool
) -> None:
    server = DesktopServer(desktop)
    said: dict[str, CallToolResult] = {}
    async with AsyncExitStack() as opened:
        names = ("first", "typing", "opening", "looking")
        clients = {
            name: await opened.enter_async_context(
                Client(server, client_info=Implementation(name=name, version="1"))
            )
            for name in names
        }
        for client in clients.values():
            facts(await call(client, "screenshot"))
        facts(await call(clients["first"], "open", target="xterm"))
        facts(await call(clients["first"], "checkpoint"))
        for client in clients.values():
            facts(await call(client, "screenshot"))
        before = session_of(desktop).box.pid

        async def ask(who: str, name: str, **given: object) -> None:
            said[who] = await call(clients[who], name, **given)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: ask("first", "rollback"))
            begun = lambda: session_of(desktop).box.pid != before  # noqa: E731
            await anyio.to_thread.run_sync(until, begun if queued else lambda: "first" in said)
            tasks.start_soon(lambda: ask("typing", "type", text="rm -rf x"))
            tasks.start_soon(lambda: ask("opening", "open", target="mousepad"))
            tasks.start_soon(lambda: ask("looking", "screenshot"))
        assert facts(said["first"])["programs"]["back"] == ["xterm"]
        for who in ("typing", "opening"):
            told = refusal(said[who])
            assert told.startswith(
                "Nothing was sent. This desktop was rolled back to checkpoint c1"
            )
            assert len(told) <= 400
        assert "rolled back to checkpoint c1" in text(said["looking"])
        for client in clients.values():
            assert "rolled back" not in text(await call(client, "screenshot"))
            facts(await call(client, "mouse_move", coordinate=[9, 9]))
        shown = text(await call(clients["typing"], "read_screen"))
        assert "rm -rf" not in shown
        assert "Mousepad" not in shown

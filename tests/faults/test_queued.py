"""A call meant for a desktop that is lost does nothing on the next; each caller is told."""

import os
import signal
from contextlib import AsyncExitStack

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from mcp import Client
from mcp_types import CallToolResult, Implementation

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

"""Who waits while the desktop is lost is told of the loss, not of what another screen shows."""

import os
import signal
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from answers import call, facts, refusal
from attempts import PYTHON
from desks import session_of
from mcp import Client
from mcp_types import CallToolResult
from processes import children, until
from vandals import KILL_CLIENTS

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.session.session import Session
from gloveport.server.mcp.server import DesktopServer


def kill_x(session: Session) -> None:
    box = session.x.pid
    os.kill(children(children(box)[0])[0], signal.SIGKILL)
    assert until(session.lost.is_set)


def cut(session: Session) -> None:
    session.box.wait(session.launch([PYTHON, "-c", KILL_CLIENTS]))


LOSSES: dict[str, tuple[Callable[[Session], None], str]] = {
    "X": (kill_x, "lost all windows"),
    "connections": (cut, "connections to the display were cut"),
}
WAITS: dict[str, tuple[str, dict[str, Any]]] = {
    "still": ("wait_for", {"event": "still", "seconds": 20}),
    "change": ("wait_for", {"event": "change", "seconds": 20}),
    "window": ("wait_for", {"event": "window", "text": "nothing of this", "seconds": 20}),
    "window gone": ("wait_for", {"event": "window_gone", "text": "wordy", "seconds": 20}),
    "text": ("wait_for", {"event": "element", "text": "nothing of this", "seconds": 20}),
    "time": ("wait", {"duration": 8}),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("wait", WAITS)
async def test_who_waits_is_told(desktop: Desktop, agent: Client, wait: str, loss: str) -> None:
    shows = ["yes"] if wait == "still" else ["cat"]
    session_of(desktop).launch(["xterm", "-T", "wordy", "-e", *shows])
    facts(await call(agent, "wait_for", event="window", text="wordy"))
    if wait == "change":
        facts(await call(agent, "wait_for", event="still"))
    break_it, words = LOSSES[loss]
    told: dict[str, CallToolResult] = {}

    async def calls(client: Client, tool: str, given: dict[str, Any]) -> None:
        told[tool] = await call(client, tool, **given)

    async with Client(DesktopServer(desktop)) as other, anyio.create_task_group() as tasks:
        tasks.start_soon(calls, agent, *WAITS[wait])
        # It has begun once somebody else's turn comes after its first look.
        for _ in range(3):
            facts(await call(other, "cursor_position"))
        # Who holds a key has the turn, so it is the first to notice.
        tasks.start_soon(calls, other, "hold_key", {"text": "shift", "duration": 3})
        assert await anyio.to_thread.run_sync(until, lambda: desktop.holding)
        await anyio.to_thread.run_sync(break_it, session_of(desktop))
    assert words in refusal(told["hold_key"])
    assert words in refusal(told[WAITS[wait][0]])
    facts(await call(agent, "screenshot"))

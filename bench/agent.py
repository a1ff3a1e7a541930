"""What the agent adds to a call of the desktop, over the wire, with the model's time left out.

    python bench/agent.py [CALLS]

One desktop, one served URL, one scripted model on loopback. Three ways make the same call, which
the desktop answers without waiting for pixels: the bare MCP client; `Hands`, which write a record
to the disk; and the vendor's toolset over `Hands`, as Claude's loop makes it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from anthropic.types.beta import BetaToolUseBlock

from gloveport.clients.agents.claude import MEMBERS, Toolset
from gloveport.clients.agents.loop import Budget, Hands
from gloveport.clients.agents.recorder import Record
from gloveport.clients.desk import connect
from gloveport.sandbox.desktop import DesktopOptions as Desktop
from gloveport.server.serve import Settings, serving


async def main(calls: int) -> None:
    async with AsyncExitStack() as running:
        below = Path(running.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(desktop=Desktop(below / "d", walls="none"), port=0)
        served = await running.enter_async_context(serving(settings))
        desk = await running.enter_async_context(connect(f"http://127.0.0.1:{served.port}/mcp"))
        record = running.enter_context(Record(below / "run"))
        hands = Hands(desk, record, Budget(steps=0))
        toolset = Toolset(hands, set(MEMBERS))
        use = BetaToolUseBlock(
            type="tool_use", id="t", name="cursor_position", input={}, toolset_name="computer"
        )
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "MCP client alone": lambda: desk.call("cursor_position"),
            "hands": lambda: hands.do("cursor_position"),
            "toolset": lambda: toolset.tool_result(use),
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(calls):  # in turns, so that what else the machine does hits all alike
            for name, way in ways.items():
                began = time.perf_counter()
                await way()
                took[name].append((time.perf_counter() - began) * 1e3)
    bare = statistics.median(took["MCP client alone"])
    for name, times in took.items():
        median = statistics.median(times)
        print(f"{name:18} {median:6.2f} ms a call, {median - bare:+6.2f} ms")


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 200)

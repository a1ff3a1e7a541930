"""A desktop under control for tests, and scripted agents that do what a function does."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus
from web import served

from gloveport.clients.agents.loop import Hands
from gloveport.clients.desk import DeskClient, connect
from gloveport.sandbox.desktop import Desktop

MakeHands = Callable[..., Hands]
Work = Callable[[str, Hands], Awaitable[str]]


class Script:
    """A brain that does what a function does."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.told = ""

    async def work(self, task: str, hands: Hands) -> str:
        self.told = task
        return await self._work(task, hands)


@asynccontextmanager
async def deserted(desktop: Desktop) -> AsyncGenerator[DeskClient]:
    """A client of a desktop whose server has gone away since."""
    enough, gone = anyio.Event(), anyio.Event()

    async def serve(*, task_status: TaskStatus[str]) -> None:
        async with served(desktop) as url:
            task_status.started(url)
            await enough.wait()
        gone.set()

    async with anyio.create_task_group() as tasks:
        url = await tasks.start(serve)
        async with connect(f"{url}/mcp") as desk:
            await desk.screenshot()
            enough.set()
            await gone.wait()
            yield desk

"""A desktop of its own for each run of a scenario, and its home for who judges."""

import base64
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from gloveport.clients.desk import connect
from gloveport.clients.scenarios.runner import Answers, MakePlace, Place
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import NoSuchFile

from ..serve import Settings
from .demo import reaching

_PART = 600_000  # bytes of a file in one answer


def places(settings: Settings) -> MakePlace:
    """Makes a server with a desktop of its own for each run."""

    @asynccontextmanager
    async def make(size: tuple[int, int], site: str, answers: Answers) -> AsyncGenerator[Place]:
        width, height = size
        desktop = replace(settings.desktop, width=width, height=height)
        async with AsyncExitStack() as running:
            served, url, token = await reaching(replace(settings, desktop=desktop), site, running)
            desk = await running.enter_async_context(
                connect(f"{served.url}/mcp", token, answers=answers)
            )
            yield Place(desk, _Home(served.desktop), url)

    return make


@dataclass(frozen=True, slots=True)
class _Home:
    """A desktop's home for who judges: not by the tools that are judged."""

    desktop: Desktop

    async def read(self, path: str) -> bytes | None:
        data, size = b"", 1
        while len(data) < size:
            try:
                part = await self.desktop.download(f"~/{path}", "base64", len(data), _PART)
            except NoSuchFile:
                return None
            data, size = data + base64.b64decode(part.content), part.size
        return data

    async def write(self, path: str, data: bytes) -> None:
        await self.desktop.upload(f"~/{path}", data, replace=True)

    async def names(self, path: str) -> list[str]:
        names: list[str] = []
        total = 1
        while len(names) < total:
            try:
                listed = await self.desktop.files(f"~/{path}", len(names))
            except NoSuchFile:
                return []
            names, total = names + [one.name for one in listed.entries], listed.total
            if not listed.entries:
                break
        return names

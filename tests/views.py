"""A person at a live view, by the wire that its page speaks."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2

ADA, BOB = "a" * 32, "b" * 32


class View:
    """A live view without a screen: what its page hears, and what it asks for."""

    def __init__(self, http: httpx2.AsyncClient, url: str, viewer: str) -> None:
        self._http = http
        self.url = url
        self._viewer = viewer
        self.state: dict[str, Any] = {}
        self.happened: dict[int, dict[str, Any]] = {}
        self._news = anyio.Event()

    async def do(self, verb: str, **given: Any) -> httpx2.Response:
        query = {"viewer": self._viewer}
        return await self._http.post(
            f"{self.url}/do", params=query, json={"verb": verb, **given}, timeout=20
        )

    async def until(self, **wanted: Any) -> None:
        """Wait until the state says so."""
        with anyio.fail_after(5):
            while any(self.state.get(key) != value for key, value in wanted.items()):
                await self._news.wait()

    async def until_asked(self) -> list[dict[str, Any]]:
        """Wait until somebody is asked something."""
        with anyio.fail_after(20):
            while not self.state.get("questions"):
                await self._news.wait()
        return self.state["questions"]

    async def until_happened(self, what: str, *, ended: bool = True) -> dict[str, Any]:
        """Wait until something of this name is over, or has begun."""
        with anyio.fail_after(5):
            while True:
                for one in self.happened.values():
                    if one["what"] == what and one["ended"] is ended:
                        return one
                await self._news.wait()

    async def listen(self, name: str) -> None:
        query = {"viewer": self._viewer, "name": name}
        async with self._http.stream("GET", f"{self.url}/events", params=query) as events:
            kind = ""
            async for line in events.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    told = json.loads(line[6:])
                    if kind == "state":
                        self.state = told
                    elif kind == "happening":
                        self.happened[told["number"]] = told
                    self._news.set()
                    self._news = anyio.Event()


@asynccontextmanager
async def viewing(url: str, name: str = "Ada", viewer: str = ADA) -> AsyncGenerator[View]:
    """Watch a desktop of a server."""
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=None) as http,
        anyio.create_task_group() as tasks,
    ):
        view = View(http, f"{url}/live/main", viewer)
        tasks.start_soon(view.listen, name)
        await view.until(desktop="main")
        yield view
        tasks.cancel_scope.cancel()

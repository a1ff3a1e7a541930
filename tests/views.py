"""A person at a live view, by the wire that its page speaks."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from web import PERSON, signed_in

from gloveport.server.auth.middleware import KEY


class View:
    """A live view without a screen: what its page hears, and what it asks for."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http = http
        self.url = url
        self.state: dict[str, Any] = {}
        self.happened: dict[int, dict[str, Any]] = {}
        self._news = anyio.Event()

    async def do(self, verb: str, **given: Any) -> httpx2.Response:
        return await self._http.post(f"{self.url}/do", json={"verb": verb, **given}, timeout=20)

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

    async def until_told(self, told: str) -> None:
        """Wait until something was told in just these words."""
        with anyio.fail_after(10):
            while not any(one["told"] == told for one in self.happened.values()):
                await self._news.wait()

    async def until_happened(self, what: str, *, ended: bool = True) -> dict[str, Any]:
        """Wait until something of this name is over, or has begun."""
        with anyio.fail_after(5):
            while True:
                for one in self.happened.values():
                    if one["what"] == what and one["ended"] is ended:
                        return one
                await self._news.wait()

    async def listen(self, name: str) -> None:
        query = {"name": name}
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

    @property
    def cookie(self) -> dict[str, str]:
        """What its browser sends along to be known by."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        return {"cookie": cookies, KEY: self._http.headers[KEY]}


@asynccontextmanager
async def viewing(
    url: str, name: str = "Ada", *, token: str = PERSON, scope: str = "", desktop: str = "main"
) -> AsyncGenerator[View]:
    """Watch a desktop of a server, signed in by a link made with a token."""
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=None, headers={"origin": url}) as http,
        anyio.create_task_group() as tasks,
    ):
        await signed_in(http, url, token, desktop, scope)
        view = View(http, f"{url}/live/{desktop}")
        tasks.start_soon(view.listen, name)
        await view.until(desktop=desktop)
        yield view
        tasks.cancel_scope.cancel()

"""stdin and stdout to a server's URL: what a client's configuration runs.

Each line from the client is one JSON-RPC message and becomes one POST; answers and the server's own
messages come back as lines. Both eras of the protocol pass: the handshake era, which has a session
and one stream for the server's messages, and the stateless one (2026-07-28), where a request ends
when its connection does. The SDK's client would do this too but takes 0.8 s to import, and some
frameworks start one bridge for each call.
"""

import asyncio
import base64
import json
import logging
import os
import signal
import threading
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.abc
import httpx2

logger = logging.getLogger(__name__)

_ACCEPT = "application/json, text/event-stream"
_VERSION, _METHOD, _NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
_SESSION = "mcp-session-id"
# Ours: who this bridge is, and the place of a tool call among its calls, for several POSTs on
# several connections may overtake each other.
_CLIENT, _PLACE = "x-gloveport-client", "x-gloveport-place"
# The parameter each method's mcp-name header repeats (MCP 2026-07-28, streamable HTTP).
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_LAST_CALLS = 2.0  # seconds running calls have to end once the client's lines have
_LOST = -32000  # JSON-RPC: implementation-defined server error

Message = dict[str, Any]


@dataclass(slots=True)
class Bridge:
    """Passes messages between a client's lines and a server.

    Args:
        url: The server's MCP endpoint.
        http: Connects to it; has the token, if any, among its headers.
        write: Writes one line to the client.
    """

    url: str
    http: httpx2.AsyncClient
    write: Callable[[str], Any]
    _client: str = field(default_factory=lambda: uuid.uuid4().hex)
    _session: str = ""
    _version: str = ""
    _calls: int = 0
    _running: dict[str, anyio.CancelScope] = field(default_factory=dict[str, anyio.CancelScope])

    async def run(self, lines: AsyncGenerator[bytes]) -> None:
        """Pass messages until the client's lines end; running calls then have a moment left."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._attach)
                async for line in lines:
                    await self._take(line, tasks)
                with anyio.move_on_after(_LAST_CALLS):
                    while self._running:  # noqa: ASYNC110 - several tasks, any of which may be last
                        await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(2, shield=True):
                await self._end_session()

    async def _take(self, line: bytes, tasks: anyio.abc.TaskGroup) -> None:
        try:
            message = _object(json.loads(line))
        except ValueError:
            if line.strip():
                await self._fail(None, -32700, "The line is not JSON.")
            return
        if not message:
            await self._fail(None, -32600, "The line is not a JSON-RPC message.")
            return
        if message.get("method") == "notifications/cancelled" and self._stateless(message):
            # Closing the request's connection is the signal in this era.
            asked = json.dumps(_object(message.get("params")).get("requestId"))
            if asked in self._running:
                self._running[asked].cancel()
            return
        headers = self._headers(message)
        if "id" in message and "method" in message:
            if message["method"] == "initialize":
                await self._request(message, line, headers)  # the rest needs its session
            else:
                tasks.start_soon(self._request, message, line, headers)
            return
        await self._post(message, line, headers)
        if message.get("method") == "notifications/initialized":
            tasks.start_soon(self._listen)

    async def _request(self, message: Message, line: bytes, headers: dict[str, str]) -> None:
        """Post a request and pass on its answer; a request always gets one."""
        number = json.dumps(message["id"])
        with anyio.CancelScope() as scope:
            self._running[number] = scope
            try:
                await self._post(message, line, headers)
            finally:
                if self._running.get(number) is scope:
                    del self._running[number]

    async def _post(self, message: Message, line: bytes, headers: dict[str, str]) -> None:
        number = message.get("id") if "method" in message else None
        try:
            async with self.http.stream(
                "POST", self.url, content=line, headers=headers
            ) as response:
                if message.get("method") == "initialize":
                    self._session = response.headers.get(_SESSION, "")
                await self._pass_on(message, response)
        except httpx2.HTTPError as failure:
            logger.warning("the server did not answer: %s", failure)
            if number is not None:
                why = "The desktop server does not answer; it may have ended. Try again."
                await self._fail(number, _LOST, why)

    async def _pass_on(self, message: Message, response: httpx2.Response) -> None:
        number = message.get("id") if "method" in message else None
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind == "text/event-stream":
            async for data in _events(response):
                await self._answer(message, data)
            return
        body = await response.aread()
        if kind == "application/json" and body:
            await self._answer(message, body.decode())
        elif response.status_code >= 400 and number is not None:
            why = body.decode(errors="replace").strip() or f"HTTP status {response.status_code}"
            await self._fail(number, _LOST, why)

    async def _answer(self, message: Message, data: str) -> None:
        said = _object(json.loads(data))
        if message.get("method") == "initialize":
            self._version = str(_object(said.get("result")).get("protocolVersion", ""))
        if said.get("id", 0) is None and "id" in message:
            said["id"] = message["id"]  # an error from before the server had read the id
            data = json.dumps(said)
        await self.write(" ".join(data.splitlines()))

    async def _listen(self) -> None:
        """Pass on what the server says by itself, in the era that has a stream for it."""
        headers = {"accept": "text/event-stream", **self._common()}
        try:
            async with self.http.stream("GET", self.url, headers=headers) as response:
                if response.status_code == 200:
                    async for data in _events(response):
                        await self.write(" ".join(data.splitlines()))
        except httpx2.HTTPError as failure:
            logger.info("the server's own messages ended: %s", failure)

    async def _attach(self) -> None:
        """Hold a connection open: when it breaks, the server releases what this client holds."""
        url = httpx2.URL(self.url).copy_with(path=f"/attach/{self._client}")
        try:
            async with self.http.stream("GET", url) as response:
                async for _ in response.aiter_raw():
                    pass
        except httpx2.HTTPError as failure:
            logger.info("detached: %s", failure)

    async def _end_session(self) -> None:
        if self._session:
            try:
                await self.http.delete(self.url, headers=self._common())
            except httpx2.HTTPError as failure:
                logger.info("the session was not ended: %s", failure)

    async def _fail(self, number: object, code: int, why: str) -> None:
        error = {"code": code, "message": why}
        await self.write(json.dumps({"jsonrpc": "2.0", "id": number, "error": error}))

    def _stateless(self, message: Message) -> bool:
        return not self._session and not self._version

    def _common(self) -> dict[str, str]:
        headers = {_CLIENT: self._client}
        if self._session:
            headers[_SESSION] = self._session
        if self._version:
            headers[_VERSION] = self._version
        return headers

    def _headers(self, message: Message) -> dict[str, str]:
        headers = {"accept": _ACCEPT, "content-type": "application/json", **self._common()}
        if message.get("method") == "tools/call":
            self._calls += 1
            headers[_PLACE] = str(self._calls)
        params = _object(message.get("params"))
        version = _object(params.get("_meta")).get(_META_VERSION)
        if isinstance(version, str):
            method = str(message.get("method", ""))
            headers[_VERSION] = version
            headers[_METHOD] = method
            named = params.get(_NAMED_BY.get(method, ""))
            if isinstance(named, str):
                headers[_NAME] = _header_value(named)
        return headers


def _object(value: Any) -> Message:
    """A JSON object; an empty one for anything else."""
    return cast(Message, value) if isinstance(value, dict) else {}


async def _events(response: httpx2.Response) -> AsyncGenerator[str]:
    """The data of the messages in a stream of server-sent events."""
    data: list[str] = []
    async for line in response.aiter_lines():
        if not line:
            if data and any(data):
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _header_value(value: str) -> str:
    """A name as a header: as it is if it survives there, else in the form MCP has for it."""
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


async def bridge(url: str, token: str, socket: str) -> None:
    """Pass messages between our stdin and stdout and a server until stdin ends.

    Args:
        url: The server's MCP endpoint.
        token: What it asks for; empty: nothing.
        socket: The Unix socket it listens on; empty: it is reached by its URL.
    """
    transport = httpx2.AsyncHTTPTransport(uds=socket) if socket else None
    headers = {"authorization": f"Bearer {token}"} if token else {}
    writing = anyio.Lock()

    async def write(line: str) -> None:
        async with writing:
            await anyio.to_thread.run_sync(_write_all, line.encode() + b"\n")

    # No timeout but for connecting: a tool may take a minute, a subscription for ever.
    patience = httpx2.Timeout(None, connect=10)
    async with (
        httpx2.AsyncClient(
            transport=transport, headers=headers, timeout=patience, trust_env=False
        ) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_cancel_on_signal, tasks.cancel_scope)
        await Bridge(url, http, write).run(_lines())
        tasks.cancel_scope.cancel()


async def _lines() -> AsyncGenerator[bytes]:
    """The lines of stdin, read by a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[bytes] = asyncio.Queue()

    def work() -> None:
        while True:
            part = os.read(0, 1 << 16)
            try:
                loop.call_soon_threadsafe(read.put_nowait, part)
            except RuntimeError:  # the loop has ended
                return
            if not part:
                return

    threading.Thread(target=work, name="gloveport-stdin", daemon=True).start()
    rest = b""
    while part := await read.get():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


async def _cancel_on_signal(bridging: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            bridging.cancel()
            return

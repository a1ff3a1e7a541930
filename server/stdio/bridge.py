"""stdin and stdout to a server's URL: what a client's configuration runs.

Each line from the client is one JSON-RPC message and becomes one POST; answers and the server's own
messages come back as lines. Both eras of the protocol pass: the handshake era, which has a session
and one stream for the server's messages, and the stateless one (2026-07-28), where a request ends
when its connection does. The SDK's client would do this too but takes 0.8 s to import, and some
frameworks start one bridge for each call.

Rule 1: every request gets an answer, whatever the server sends or does.
Rule 2: this user's own server is started when it is needed. `initialize` and `tools/list` do not
    wait for it where the answer is known (greeting.py); the first call does.
Rule 3: a server that has ended is started again, and the next call is answered by saying so: what
    the client knows of the desktop is of the one that is gone. No call is made twice, and none that
    was meant for one desktop is made on another.
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
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.abc
import httpx2

from .greeting import Greeting, greeting
from .state_folder import BadState, NoServer

if TYPE_CHECKING:
    from .autostart import OwnServer

logger = logging.getLogger(__name__)

_ACCEPT = "application/json, text/event-stream"
_VERSION, _METHOD, _NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
_SESSION = "mcp-session-id"
_INSTANCE = "x-gloveport-instance"  # which server is meant; see auth/middleware.py
_GONE = 410  # HTTP: the server that was meant is another one by now
# Ours: who this bridge is, and the place of a tool call among its calls, for several POSTs on
# several connections may overtake each other.
_CLIENT, _PLACE = "x-gloveport-client", "x-gloveport-place"
# The parameter each method's mcp-name header repeats (MCP 2026-07-28, streamable HTTP).
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_LAST_CALLS = 2.0  # seconds running calls have to end once the client's lines have
_LOST = -32000  # JSON-RPC: implementation-defined server error
_AGAIN = 1.0  # seconds until a lost attachment is made again
_NEW = (
    "Desktop lost: its server ended, and everything on it is gone. A new, empty desktop has been "
    "started, and this call was not made on it; take a screenshot before you act."
)
_CUT_OFF = (
    "The connection to the desktop server broke during this call. It may have been done or not: "
    "look before you make it again."
)
_SILENT = "The desktop server does not answer at {url}. Check that it runs, and try again."
_NONSENSE = "The desktop server's answer is not JSON-RPC (HTTP status {status}). Try again."

Message = dict[str, Any]


@dataclass(slots=True)
class Bridge:
    """Passes messages between a client's lines and a server.

    Args:
        url: The server's MCP endpoint.
        http: Connects to it; has the token, if any, among its headers.
        write: Writes one line to the client.
        own: The server, if it is this user's own and to be started when it is needed.
    """

    url: str
    http: httpx2.AsyncClient
    write: Callable[[str], Any]
    own: "OwnServer | None" = None
    _greeting: Greeting | None = None
    _instance: str = ""
    _hello: bytes = b""
    """The line by which the client began a session, to begin another one with."""
    _new: bool = False
    """Whether the client has still to be told that the desktop is another one."""
    _starting: anyio.Lock = field(default_factory=anyio.Lock)
    _ready: anyio.Event = field(default_factory=anyio.Event)
    _why_not: str = ""
    """Why the server does not start, after it was tried."""
    _client: str = field(default_factory=lambda: uuid.uuid4().hex)
    _session: str = ""
    _version: str = ""
    _calls: int = 0
    _running: dict[str, anyio.CancelScope] = field(default_factory=dict[str, anyio.CancelScope])

    async def run(self, lines: AsyncGenerator[bytes]) -> None:
        """Pass messages until the client's lines end; running calls then have a moment left."""
        if self.own and not await anyio.to_thread.run_sync(self._runs):
            self._greeting = greeting(self.own.options)
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

    def _runs(self) -> bool:
        """Whether this user's own server answers now."""
        return self.own is not None and self.own.runs

    async def _find(self) -> str:
        """Have the server running; why it does not, empty if it does."""
        async with self._starting:
            if self._instance or not self.own:
                return ""
            try:
                instance = await anyio.to_thread.run_sync(self.own.ensure)
            except (NoServer, BadState) as why:
                return f"The desktop server did not start: {why}. Run `gloveport doctor`."
            self._instance = instance
            if self._hello and not self._session:
                await self._begin_session()
            self._ready.set()
            return ""

    async def _begin_session(self) -> None:
        """Say hello to a server for a client that said it before, in the handshake era."""
        headers = self._headers(_object(json.loads(self._hello))) | {"accept": _ACCEPT}
        headers.pop(_SESSION, None)
        try:
            answer = await self.http.post(self.url, content=self._hello, headers=headers)
            self._session = answer.headers.get(_SESSION, "")
            told = _object(answer.json()) if answer.status_code == 200 else {}
            self._version = str(_object(told.get("result")).get("protocolVersion", ""))
            note = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
            common = {"accept": _ACCEPT, "content-type": "application/json", **self._common()}
            await self.http.post(self.url, content=note, headers=common)
        except (httpx2.HTTPError, ValueError) as why:
            logger.warning("no new session: %s", why)

    def _forget(self) -> None:
        """The server that was known is gone."""
        if self._instance:
            self._instance, self._session, self._new = "", "", True

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
                self._hello = line
            if self._greeting and (known := self._greeting.answer(message)):
                await self.write(json.dumps(known, ensure_ascii=False, separators=(",", ":")))
                tasks.start_soon(self._find)
            elif message["method"] == "initialize":
                await self._request(message, line, headers)  # the rest needs its session
            else:
                tasks.start_soon(self._request, message, line, headers)
            return
        if message.get("method") == "notifications/initialized":
            tasks.start_soon(self._listen)
            if self._greeting:
                return  # the server hears it when its session begins
        if self._session or not self._hello:
            await self._post(message, line, headers)

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
        for _ in range(2):
            if why := await self._find():
                await self._refuse(message, why)
                return
            if self._new and message.get("method") == "tools/call":
                self._new = False
                await self._refuse(message, _NEW)
                return
            sent = {**headers, **self._common()}
            try:
                async with self.http.stream(
                    "POST", self.url, content=line, headers=sent
                ) as response:
                    lost = response.status_code == _GONE or (
                        response.status_code == 404 and bool(self._session) and self.own is not None
                    )
                    if lost:
                        self._forget()
                        continue
                    if message.get("method") == "initialize":
                        self._session = response.headers.get(_SESSION, "")
                    await self._pass_on(message, response)
                    return
            except httpx2.ConnectError as failure:  # nothing was sent
                logger.warning("the server does not answer: %s", failure)
                self._forget()
                if not self.own:
                    break
            except httpx2.HTTPError as failure:
                logger.warning("the connection to the server broke: %s", failure)
                if self.own and not await anyio.to_thread.run_sync(self._runs):
                    self._forget()  # whatever it did is gone with the desktop
                    continue
                if number is not None:
                    await self._refuse(message, _CUT_OFF)
                return
        await self._refuse(message, _SILENT.format(url=self.url))

    async def _refuse(self, message: Message, why: str) -> None:
        """Answer a request that could not be passed on; a call of a tool is answered in words."""
        if "id" not in message or "method" not in message:
            return
        if message["method"] != "tools/call":
            await self._fail(message["id"], _LOST, why)
            return
        text = {"type": "text", "text": why}
        result: Message = {"content": [text], "isError": True}
        if self._stateless(message):
            result["resultType"] = "complete"
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        await self.write(json.dumps(answer, ensure_ascii=False))

    async def _pass_on(self, message: Message, response: httpx2.Response) -> None:
        number = message.get("id") if "method" in message else None
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind == "text/event-stream":
            async for data in _events(response):
                await self._answer(message, data, response.status_code)
            return
        body = await response.aread()
        if kind == "application/json" and body:
            await self._answer(message, body.decode(errors="replace"), response.status_code)
        elif number is not None:
            why = body.decode(errors="replace").strip() or f"HTTP status {response.status_code}"
            await self._refuse(message, f"The server says: {' '.join(why.split())[:300]}")

    async def _answer(self, message: Message, data: str, status: int) -> None:
        try:
            said = _object(json.loads(data))
        except (ValueError, RecursionError):
            said = {}
        if said.get("jsonrpc") != "2.0":
            await self._refuse(message, _NONSENSE.format(status=status))
            return
        if message.get("method") == "initialize":
            self._version = str(_object(said.get("result")).get("protocolVersion", ""))
        if said.get("id", 0) is None and "id" in message:
            said["id"] = message["id"]  # an error from before the server had read the id
            data = json.dumps(said)
        await self.write(" ".join(data.splitlines()))

    async def _listen(self) -> None:
        """Pass on what the server says by itself, in the era that has a stream for it."""
        while True:
            if self.own:
                await self._ready.wait()
            headers = {"accept": "text/event-stream", **self._common()}
            try:
                async with self.http.stream("GET", self.url, headers=headers) as response:
                    if response.status_code == 200:
                        async for data in _events(response):
                            await self.write(" ".join(data.splitlines()))
                    elif not self.own:
                        return
            except httpx2.HTTPError as failure:
                logger.info("the server's own messages ended: %s", failure)
            await anyio.sleep(_AGAIN)

    async def _attach(self) -> None:
        """Hold a connection open: when it breaks, the server releases what this client holds."""
        url = httpx2.URL(self.url).copy_with(path=f"/attach/{self._client}")
        while True:
            if self.own:
                await self._ready.wait()
            try:
                async with self.http.stream("GET", url, headers=self._common()) as response:
                    if response.status_code == _GONE:
                        self._forget()
                    async for _ in response.aiter_raw():
                        pass
            except httpx2.ConnectError:
                self._forget()
            except httpx2.HTTPError as failure:
                logger.info("detached: %s", failure)
            if self.own and not self._instance:
                self._ready = anyio.Event()  # until the next request has it started again
            await anyio.sleep(_AGAIN)

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
        if self._instance:
            headers[_INSTANCE] = self._instance
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


async def bridge(url: str, token: str, own: "OwnServer | None" = None) -> bool:
    """Pass messages between our stdin and stdout and a server until stdin ends.

    Args:
        url: The server's MCP endpoint.
        token: What it asks for; empty: nothing.
        own: The server, if it is this user's own; it is reached by its Unix socket.

    Returns:
        Whether SIGINT ended it.
    """
    ended_by: list[int] = []
    transport = httpx2.AsyncHTTPTransport(uds=str(own.socket)) if own else None
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
        tasks.start_soon(_cancel_on_signal, tasks.cancel_scope, ended_by)
        await Bridge(url, http, write, own).run(_lines())
        tasks.cancel_scope.cancel()
    return signal.SIGINT in ended_by


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


async def _cancel_on_signal(bridging: anyio.CancelScope, ended_by: list[int]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            ended_by.append(number)
            bridging.cancel()
            return

"""A desktop as a client sees it: tools by name over the MCP wire, answers as values."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INTERNAL_ERROR, CallToolResult, ImageContent, Implementation, TextContent
from PIL import Image

Show = Literal["auto", "always", "never", "changed"]


class Refused(Exception):
    """The server did not do what was asked; the text is its own sentence."""


class Unanswered(Exception):
    """No answer came: it is not known whether what was asked for happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered: its facts, and the picture if it sent one."""

    facts: dict[str, Any]
    """Empty when it answered in words."""
    data: bytes = b""
    """The image file; empty when none was sent."""
    mime: str = ""
    text: str = ""
    """The answer as it was sent."""

    @property
    def image(self) -> Image.Image | None:
        """The picture, decoded; its pixels are the coordinates of all tools."""
        return Image.open(BytesIO(self.data)).convert("RGB") if self.data else None

    @property
    def window(self) -> str:
        """Title of the window with the focus."""
        return str(self.facts.get("window", ""))

    @property
    def changed(self) -> bool:
        """Whether the action changed anything that can be seen."""
        return bool(self.facts.get("changed"))


class DeskClient:
    """Calls the tools of one desktop.

    Every method raises `Refused` when the server refuses, and `Unanswered` when it is gone. Points
    are pixels of the last full screenshot.

    Args:
        mcp: A connected MCP client.
    """

    def __init__(self, mcp: Client) -> None:
        self.mcp = mcp

    async def call(self, name: str, /, **arguments: Any) -> Answer:
        """Call any tool by name."""
        result, text = await self._call(name, arguments)
        facts: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        for part in result.content:
            if isinstance(part, ImageContent):
                return Answer(facts, base64.b64decode(part.data), part.mime_type, text)
        return Answer(facts, text=text)

    async def read_screen(self, *, query: str = "", since: int = 0) -> str:
        """The screen in words: a line with ref, role, name and click point for each thing."""
        _, text = await self._call("read_screen", {"query": query, "since": since})
        return text

    async def screenshot(self) -> Answer:
        return await self.call("screenshot")

    async def click(self, x: int, y: int, *, held: str = "", show: Show = "auto") -> Answer:
        return await self.call("left_click", coordinate=[x, y], text=held, screenshot=show)

    async def type(self, text: str, *, into: str = "", show: Show = "auto") -> Answer:
        """Type, into the field that a ref or a text names, or where the focus is."""
        return await self.call("type", text=text, into=into, screenshot=show)

    async def key(self, keys: str, *, repeat: int = 1, show: Show = "auto") -> Answer:
        return await self.call("key", text=keys, repeat=repeat, screenshot=show)

    async def scroll(
        self, x: int, y: int, direction: Literal["up", "down", "left", "right"], notches: int
    ) -> Answer:
        return await self.call(
            "scroll", coordinate=[x, y], scroll_direction=direction, scroll_amount=notches
        )

    async def open(self, target: str, *, show: Show = "auto") -> Answer:
        """Open an application by name, a URL or a file."""
        return await self.call("open", target=target, screenshot=show)

    async def wait_for(
        self,
        event: Literal[
            "still", "change", "window", "window_gone", "text", "text_gone", "element", "enabled"
        ],
        text: str = "",
        *,
        seconds: float = 10,
        show: Show = "auto",
    ) -> Answer:
        return await self.call("wait_for", event=event, text=text, seconds=seconds, screenshot=show)

    async def clipboard(self) -> str | None:
        """The text on the clipboard; None when there is none."""
        return (await self.call("clipboard")).facts["text"]

    async def _call(self, name: str, arguments: dict[str, Any]) -> tuple[CallToolResult, str]:
        try:
            result = await self.mcp.call_tool(name, arguments)
        except MCPError as why:
            raise Unanswered(str(why)) from why
        assert isinstance(result, CallToolResult)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        if result.is_error:
            raise Refused(text)
        return result, text


@asynccontextmanager
async def connect(
    url: str,
    token: str = "",
    socket: str = "",
    *,
    answers: ElicitationFnT | None = None,
    name: str = "",
) -> AsyncGenerator[DeskClient]:
    """Connect to a server's MCP endpoint, such as http://127.0.0.1:8750/mcp.

    Args:
        url: The endpoint.
        token: What the server asks for, if anything.
        socket: The Unix socket it listens on; empty: it is reached by its URL.
        answers: Puts the server's questions to a person; without it nobody can be asked here.
        name: What people at the live view read; empty: the SDK's.

    Raises:
        Unanswered: There is no such server, or it does not let us in.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = _Patient(httpx2.AsyncHTTPTransport(uds=socket or None))
    async with AsyncExitStack() as open_until_done:
        http = await open_until_done.enter_async_context(
            httpx2.AsyncClient(
                headers=headers, timeout=httpx2.Timeout(70), trust_env=False, transport=transport
            )
        )
        wire = streamable_http_client(url, http_client=http)
        failed: list[Exception] = []
        client = None
        try:
            client = await open_until_done.enter_async_context(
                Client(
                    wire,
                    elicitation_callback=answers,
                    client_info=Implementation(name="gloveport", title=name, version="0")
                    if name
                    else None,
                )
            )
        except* MCPError as group:
            failed = _leaves(group)
        if client is None:
            raise Unanswered(str(failed[0])) from failed[0]
        yield DeskClient(client)


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    """The exceptions that a group of groups comes down to."""
    found: list[Exception] = []
    for one in group.exceptions:
        inner = isinstance(one, ExceptionGroup)
        found += _leaves(cast("ExceptionGroup[Exception]", one)) if inner else [one]
    return found


class _Patient(httpx2.AsyncBaseTransport):
    """Makes a server that is not there an error of the call that found out, not of all calls."""

    def __init__(self, below: httpx2.AsyncBaseTransport) -> None:
        self._below = below

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self._below.handle_async_request(request)
        except httpx2.TransportError as why:
            error = {"code": INTERNAL_ERROR, "message": str(why) or type(why).__name__}
            return httpx2.Response(503, json={"jsonrpc": "2.0", "id": None, "error": error})

    async def aclose(self) -> None:
        await self._below.aclose()

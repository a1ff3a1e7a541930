"""A desktop as a client sees it: tools by name over the MCP wire, answers as values."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image

Show = Literal["auto", "always", "never", "changed"]


class Refused(Exception):
    """The server did not do what was asked; the text is its own sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered: its facts, and the picture if it sent one."""

    facts: dict[str, Any]
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

    Every method raises `Refused` when the server refuses. Points are pixels of the last full
    screenshot.

    Args:
        mcp: A connected MCP client.
    """

    def __init__(self, mcp: Client) -> None:
        self.mcp = mcp

    async def call(self, name: str, /, **arguments: Any) -> Answer:
        """Call any tool by name that answers with facts."""
        result, text = await self._call(name, arguments)
        for part in result.content:
            if isinstance(part, ImageContent):
                return Answer(json.loads(text), base64.b64decode(part.data), part.mime_type, text)
        return Answer(json.loads(text), text=text)

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
        result = await self.mcp.call_tool(name, arguments)
        assert isinstance(result, CallToolResult)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        if result.is_error:
            raise Refused(text)
        return result, text


@asynccontextmanager
async def connect(url: str, token: str = "") -> AsyncGenerator[DeskClient]:
    """Connect to a server's MCP endpoint, such as http://127.0.0.1:8750/mcp."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with AsyncExitStack() as open_until_done:
        http = await open_until_done.enter_async_context(
            httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(70), trust_env=False)
        )
        wire = streamable_http_client(url, http_client=http)
        yield DeskClient(await open_until_done.enter_async_context(Client(wire)))

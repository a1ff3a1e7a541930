"""A server that remembers who called it how, and what it answered."""

import base64
from dataclasses import dataclass, field
from typing import Any

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, ImageContent, InputRequiredResult, TextContent

from gloveport.server.mcp.server import DesktopServer
from gloveport.server.mcp.wire import CLIENT_HEADER


@dataclass(slots=True)
class Watched:
    """What a server has seen."""

    called: list[str] = field(default_factory=list[str])
    """The tools, in the order in which their calls arrived."""
    pictures: list[bytes] = field(default_factory=list[bytes])
    """All that were answered, in order."""
    texts: list[str] = field(default_factory=list[str])
    refusals: list[str] = field(default_factory=list[str])
    protocols: set[str] = field(default_factory=set[str])
    wires: set[str] = field(default_factory=set[str])
    at_once: int = 0
    """The most calls that were unanswered at one time."""


class WatchedServer(DesktopServer):
    watched: Watched
    _unanswered = 0

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        seen = self.watched
        self._unanswered += 1
        seen.called.append(name)
        seen.at_once = max(seen.at_once, self._unanswered)
        request = context.request_context.request if context else None
        assert request is not None
        seen.protocols.add(request.headers.get("mcp-protocol-version", "unsaid"))
        seen.wires.add("stdio" if CLIENT_HEADER in request.headers else "HTTP")
        try:
            result = await super().call_tool(name, arguments, context)
        finally:
            self._unanswered -= 1
        assert isinstance(result, CallToolResult)
        for part in result.content:
            if isinstance(part, ImageContent):
                seen.pictures.append(base64.b64decode(part.data))
            elif isinstance(part, TextContent):
                (seen.refusals if result.is_error else seen.texts).append(part.text)
        return result

"""What each caller reads: the tools their token may call, and the screens it reaches."""

from collections.abc import Set
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from .grants import HERE, passport_of

_SCREEN = "screen://"
_OF_A_SCREEN = {"resources/read", "resources/subscribe"}


class Listing:
    """Takes out of tools/list, in both eras of the protocol, what a token may only read about, and
    refuses screens of desktops it is not for.

    Args:
        looking: Names of the tools that change nothing.
    """

    def __init__(self, looking: Set[str]) -> None:
        self._looking = looking

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.method in _OF_A_SCREEN:
            uri = str((ctx.params or {}).get("uri", ""))
            grant = passport_of(ctx.request).grant
            if uri.startswith(_SCREEN) and not grant.reaches(uri.removeprefix(_SCREEN)):
                raise MCPError(INVALID_PARAMS, f"Your token is not for {uri}.")
        result = await call_next(ctx)
        if ctx.method != "tools/list" or not isinstance(result, dict):
            return result
        grant = passport_of(ctx.request).grant
        if grant == HERE:
            return result
        # The list depends on who reads it, so nobody may keep it for somebody else.
        scope = {"cacheScope": "private"} if "cacheScope" in result else {}
        if grant.may("control"):
            return result | scope
        tools = [tool for tool in result["tools"] if tool["name"] in self._looking]
        return result | scope | {"tools": tools}

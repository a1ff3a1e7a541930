"""The list of tools each caller reads: the ones their token may call."""

from collections.abc import Set
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from .grants import HERE, passport_of


class Listing:
    """Takes out of tools/list, in both eras of the protocol, what a token may only read about.

    Args:
        looking: Names of the tools that change nothing.
    """

    def __init__(self, looking: Set[str]) -> None:
        self._looking = looking

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
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

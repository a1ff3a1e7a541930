"""What each caller reads: the tools their token may call, and the screens it reaches."""

from collections.abc import Mapping
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from ..auth.principal import HERE, Scope, passport_of
from ..hosts.desktops import Desktops

_SCREEN = "screen://"


class ToolFilter:
    """Takes out of tools/list, in both eras of the protocol, what a token may only read about, and
    refuses screens of desktops that are not the caller's, whatever asks for them.

    Args:
        needs: The scope each tool takes.
        desks: The desktops.
    """

    def __init__(self, needs: Mapping[str, Scope], desks: Desktops) -> None:
        self._needs = needs
        self._desks = desks

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        grant = passport_of(ctx.request).grant
        known = {f"{_SCREEN}{name}" for name in self._desks.names(grant)}
        for uri in _screens(ctx.params):
            if uri not in known:
                raise MCPError(INVALID_PARAMS, f"Your token is not for {uri[:80]}.")
        result = await call_next(ctx)
        if ctx.method == "resources/list" and isinstance(result, dict) and "resources" in result:
            seen = [one for one in result["resources"] if _reads(str(one["uri"]), known)]
            return result | {"resources": seen}
        if ctx.method != "tools/list" or not isinstance(result, dict):
            return result
        if grant == HERE.shown:
            return result
        # The list depends on who reads it, so nobody may keep it for somebody else.
        scope = {"cacheScope": "private"} if "cacheScope" in result else {}
        tools = [
            tool for tool in result["tools"] if grant.may(self._needs.get(tool["name"], "control"))
        ]
        return result | scope | {"tools": tools}


def _reads(uri: str, known: set[str]) -> bool:
    return not uri.startswith(_SCREEN) or uri in known


def _screens(value: object, depth: int = 0) -> list[str]:
    """The addresses of screens anywhere among a request's parameters."""
    if isinstance(value, str):
        return [value] if value.startswith(_SCREEN) else []
    if depth > 6 or not isinstance(value, dict | list):
        return []
    held = cast("dict[Any, Any] | list[Any]", value)
    below = held.values() if isinstance(held, dict) else held
    return [uri for each in below for uri in _screens(each, depth + 1)]

"""Tells clients that subscribed to a screen that it has changed, at most twice a second.

Both eras of the protocol are served: `subscriptions/listen` (2026-07-28) through the SDK's bus, and
`resources/subscribe` with a notification on the session's own stream (before).
"""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

_EVERY = 0.5  # seconds
_MOST = 256  # sessions; one that has gone is not heard of, so the oldest are forgotten

Key = tuple[str, str]
"""A session's id and a URI."""


class ScreenSubscriptions(InMemorySubscriptionBus):
    """Who wants to hear of which screen. Used on the event loop only.

    Args:
        painted: For each URI a number that grows when its screen is painted on.
    """

    def __init__(self, painted: Callable[[], Mapping[str, int]]) -> None:
        super().__init__()
        self._painted = painted
        self._listeners_now = 0
        self._sessions: dict[Key, ServerSession] = {}
        self._wanted = anyio.Event()

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        leave = super().subscribe(listener)
        left = False
        self._listeners_now += 1
        self._wanted.set()

        def unsubscribe() -> None:
            nonlocal left
            if not left:
                left = True
                self._listeners_now -= 1
            leave()

        return unsubscribe

    async def on_subscribe(
        self, context: ServerRequestContext[Any, Any], asked: SubscribeRequestParams
    ) -> EmptyResult:
        """A client of the handshake era wants to hear of a URI."""
        key = (_session(context), str(asked.uri))
        self._sessions.pop(key, None)
        self._sessions[key] = context.session
        while len(self._sessions) > _MOST:
            del self._sessions[next(iter(self._sessions))]
        self._wanted.set()
        return EmptyResult()

    async def on_unsubscribe(
        self, context: ServerRequestContext[Any, Any], asked: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._sessions.pop((_session(context), str(asked.uri)), None)
        return EmptyResult()

    async def tell(self) -> None:
        """Tell of changes until cancelled; rests while nobody wants to hear."""
        known = dict(self._painted())
        while True:
            if not self._listeners_now and not self._sessions:
                self._wanted = anyio.Event()
                await self._wanted.wait()
                known = dict(self._painted())
            await anyio.sleep(_EVERY)  # what happened in between is told at once, in one
            now = dict(self._painted())
            for uri in [uri for uri, count in now.items() if known.get(uri) != count]:
                await self.publish(ResourceUpdated(uri=uri))
                for (_, wanted), session in list(self._sessions.items()):
                    if wanted == uri:
                        await session.send_resource_updated(uri)
            known = now


def _session(context: ServerRequestContext[Any, Any]) -> str:
    """A session's id; empty where one connection is one session."""
    request = context.request
    return "" if request is None else request.headers.get("mcp-session-id", "")

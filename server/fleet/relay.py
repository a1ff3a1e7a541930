"""Passes requests, streams and WebSockets on to the server beside a desktop, as they are.

Bodies are not read on the way: a picture passes in the pieces it comes in. The gateway's own
authentication has been done; what goes on is an assertion of who was let in.
"""

from collections.abc import Callable

import anyio
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from ..auth.principal import Passport
from ..hosts.assertion import assertion
from ..hosts.base import Placed, Unreachable
from .directory import Directory, Lost, Unreached, at
from .upstream import Answer, Broken, Headers, NotReached, Upstream

Change = Callable[[Headers], Headers]

_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer"}
# What the gateway has checked or says itself.
_ASKED = _HOP | {
    b"host", b"content-length", b"authorization", b"cookie", b"origin", b"referer", b"forwarded",
    b"expect", b"x-gloveport-key", b"x-gloveport-instance", b"mcp-param-desktop",
}  # fmt: skip
_ANSWERED = _HOP | {
    b"date", b"server", b"x-content-type-options", b"x-frame-options", b"referrer-policy",
    b"cross-origin-resource-policy",
}  # fmt: skip
_UNAUTHORIZED = 401
_POLICY_VIOLATION, _GONE = 1008, 1011  # close codes of WebSocket (RFC 6455)
_BINARY = Subprotocol("binary")
_OPENS_WITHIN = 5.0  # seconds
_DIES_WITHIN = 4.0  # seconds; silence is noticed in as many (upstream.py)
_LOOKED_AT = 0.05  # seconds between two looks


class Relay:
    """Passes on what is meant for a desktop.

    Args:
        directory: Knows where desktops are.
        upstream: Connections to them.
    """

    def __init__(self, directory: Directory, upstream: Upstream) -> None:
        self._directory = directory
        self._upstream = upstream
        self.lost = 0
        """How many requests found their desktop lost."""

    async def send(
        self, placed: Placed, passport: Passport, scope: Scope, target: str, body: bytes,
        headers: Headers = (),
    ) -> Answer:  # fmt: skip
        """Send a request on, and return the answer once it begins.

        It is sent again only where nothing of it had been sent, or the server refused the
        assertion, which it does before it does anything else.

        Args:
            placed: The desktop.
            passport: Who makes the request.
            scope: The request as it came.
            target: Path and query for the desktop's server.
            body: The body.
            headers: In place of those that came of the same name.

        Raises:
            Lost: The desktop has ended.
            Unreached: It is not reached, and may run.
        """
        named = {name for name, _ in headers}
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name not in _ASKED and name not in named and not name.startswith(b"x-forwarded")
        ]
        for attempt in range(2):
            shown = (b"authorization", b"Bearer " + _shown(placed, passport))
            try:
                answer = await self._upstream.send(
                    at(placed), scope["method"], target, [*kept, *headers, shown], body
                )
            except NotReached:
                placed = await self._missed(placed)
                continue
            except Broken:
                placed = await self._missed(placed, sent=True)
                raise Unreached(placed.key, sent=True) from None
            if answer.status != _UNAUTHORIZED or attempt:
                return answer
            await answer.close()  # another server listens there by now
            placed = await self._missed(placed)
        raise Unreached(placed.key, sent=False)

    async def _missed(self, placed: Placed, *, sent: bool = False) -> Placed:
        """The desktop, once its server answers; one that dies closes its sockets before it ends.

        Raises:
            Lost: It has ended.
            Unreached: It is not known whether it has.
        """
        try:
            with anyio.move_on_after(_DIES_WITHIN):
                while True:
                    placed = await self._directory.missed(placed)
                    if await self._upstream.answers(at(placed)):
                        return placed
                    await anyio.sleep(_LOOKED_AT)
        except Lost:
            self.lost += 1
            raise Lost(placed.key, sent=sent) from None
        except Unreachable:
            pass
        raise Unreached(placed.key, sent=sent)

    async def pass_on(
        self, answer: Answer, receive: Receive, send: Send, change: Change = lambda headers: headers
    ) -> None:
        """Send an answer on as it comes, until it ends or the client goes.

        Args:
            answer: The desktop's.
            receive: From the client, whose whole body was read.
            send: To the client.
            change: Changes the headers.
        """

        async def until_gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(until_gone)
                headers = [(n, v) for n, v in answer.headers if n.lower() not in _ANSWERED]
                await send({
                    "type": "http.response.start", "status": answer.status,
                    "headers": list(change(headers)),
                })  # fmt: skip
                try:
                    async for part in answer.parts():
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except Broken:
                    # The client must not take what came for a whole answer: without an end, uvicorn
                    # closes the connection.
                    return
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                tasks.cancel_scope.cancel()
        finally:
            await answer.close()

    async def websocket(
        self, placed: Placed, passport: Passport, websocket: WebSocket, target: str
    ) -> None:
        """Pass a WebSocket on, both ways, until either side ends it."""
        host, port = at(placed)
        offers = [_BINARY] if _BINARY in websocket.scope["subprotocols"] else None
        shown = {"authorization": f"Bearer {_shown(placed, passport).decode()}"}
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            async with connect(
                f"ws://{address}{target}", additional_headers=shown, subprotocols=offers,
                compression=None, max_size=None, open_timeout=_OPENS_WITHIN, proxy=None,
            ) as there:  # fmt: skip
                await websocket.accept(there.subprotocol)
                await _both_ways(websocket, there)
        except InvalidHandshake:
            await websocket.close(_POLICY_VIOLATION, "The desktop does not take this stream.")
        except (OSError, TimeoutError):
            await websocket.close(_GONE, "The desktop's server is not reached.")


async def _both_ways(here: WebSocket, there: ClientConnection) -> None:
    async def up() -> None:
        try:
            while True:
                message = await here.receive()
                if message["type"] == "websocket.disconnect":
                    break
                data = message.get("bytes")
                await there.send(data if data is not None else message.get("text", ""))
        except (ConnectionClosed, WebSocketDisconnect):
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(up)
        try:
            async for data in there:
                await (here.send_text(data) if isinstance(data, str) else here.send_bytes(data))
        except ConnectionClosed:
            pass
        except (WebSocketDisconnect, RuntimeError):  # the browser went at the same time
            tasks.cancel_scope.cancel()
            return
        code, reason = there.close_code or _GONE, there.close_reason or ""
        if code < 1000 or code in (1005, 1006):  # never sent as such (RFC 6455, 7.4.1)
            code = _GONE
        await here.close(code, reason)
        tasks.cancel_scope.cancel()


def _shown(placed: Placed, passport: Passport) -> bytes:
    return assertion(placed.secret, passport.now, passport.session).encode()

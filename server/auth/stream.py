"""A stream that ends once who it is for may not be here any more."""

from collections.abc import Callable

from starlette.types import Message, Receive, Send
from starlette.types import Scope as Asgi


class BoundedStream:
    """What passes between a client and the app, for as long as the client may be here."""

    def __init__(
        self, scope: Asgi, receive: Receive, send: Send, valid: Callable[[], bool]
    ) -> None:
        self._websocket = scope["type"] == "websocket"
        self._receive = receive
        self._send = send
        self._valid = valid
        self._endless = self._websocket
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        await self._end_if_over()
        if not self._ended or message["type"].endswith(".disconnect"):
            return message
        return {"type": "websocket.disconnect" if self._websocket else "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            self._endless = b"content-length" not in names
        else:
            await self._end_if_over()
        if not self._ended:
            await self._send(message)

    async def _end_if_over(self) -> None:
        if self._ended or not self._endless or self._valid():
            return
        self._ended = True
        if self._websocket:
            why = "Your token is not good any more."
            await self._send({"type": "websocket.close", "code": 1008, "reason": why})
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

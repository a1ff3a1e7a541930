"""Request bodies are bounded while they are read, and what is no message gets a sentence."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Send

LARGEST_CALL = 16 << 20  # bytes of an MCP request; text longer than a tool takes gets a sentence
LARGEST = 1 << 16  # bytes of any other request

# By the code of JSON-RPC; the SDK's own texts are those of exceptions.
_REASONS = {
    -32700: "The body is not JSON; send one JSON-RPC message as UTF-8.",
    -32602: (
        "The body is no JSON-RPC message; send one object with jsonrpc, method, params and, for a "
        "request, id."
    ),
}
_OF_EXCEPTIONS = ("Parse error", "Validation error")


class TooLarge(HTTPException):
    """A body is larger than its route takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The request is too large; at most {limit} bytes are taken here.")


def limit_of(path: str) -> int:
    """Return how many bytes the body of a request to a path may have."""
    file = path.startswith("/live/") and path.endswith("/files")
    return LARGEST_CALL if file or takes_messages(path) else LARGEST


def takes_messages(path: str) -> bool:
    """Whether a path is that of an MCP endpoint."""
    parts = path.split("/")
    return parts[1:2] == ["mcp"] or (parts[1:2] == ["d"] and parts[3:4] == ["mcp"])


def declared_too_large(declared: str, limit: int) -> bool:
    """Whether a Content-Length is over a limit, or no number that could be below it."""
    return bool(declared) and not (
        declared.isascii()
        and declared.isdecimal()
        and len(declared) < 12
        and int(declared) <= limit
    )


def counted(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    """Return a `receive` that raises `TooLarge` once more than so many bytes came."""
    left = limit

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge(limit)
        return message

    return receiving


def with_reasons(send: Send) -> Send:
    """Return a `send` that puts a sentence in place of an exception's text in a 400 answer."""
    held: list[Message] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 400:
            held.append(message)
            return
        if not held:
            await send(message)
            return
        held.append(message)
        if message.get("more_body"):
            return
        start, *parts = held
        held.clear()
        body = _reason(b"".join(part.get("body", b"") for part in parts))
        headers = [one for one in start["headers"] if one[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return sending


def _reason(body: bytes) -> bytes:
    try:
        answer: dict[str, Any] = json.loads(body)
        error = answer["error"]
        told = str(error["message"]).startswith(_OF_EXCEPTIONS) and _REASONS.get(error["code"])
    except (ValueError, TypeError, LookupError):
        return body
    if not told:
        return body
    return json.dumps({**answer, "error": {"code": error["code"], "message": told}}).encode()

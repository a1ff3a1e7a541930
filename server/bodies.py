"""Request bodies are bounded while they are read, whatever a Content-Length says."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

LARGEST_CALL = 16 << 20  # bytes of an MCP request; text longer than a tool takes gets a sentence
LARGEST = 1 << 16  # bytes of any other request


class TooLarge(HTTPException):
    """A body is larger than its route takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The request is too large; at most {limit} bytes are taken here.")


def limit_of(path: str) -> int:
    """Return how many bytes the body of a request to a path may have."""
    parts = path.split("/")
    mcp = parts[1:2] == ["mcp"] or (parts[1:2] == ["d"] and parts[3:4] == ["mcp"])
    return LARGEST_CALL if mcp else LARGEST


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

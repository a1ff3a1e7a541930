"""The parts of a call and of its answer, as the SDK has them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp_types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    InputRequiredResult,
    TextContent,
)

from gloveport.sandbox.imaging.image import Picture
from gloveport.sandbox.secrets.store import SecretStore

from ..auth.principal import whose
from ..recording.describe import plain
from ..tools.schema import bounded

CLIENT_HEADER = "x-gloveport-client"

PLACE_HEADER = "x-gloveport-place"

SESSION_HEADER = "mcp-session-id"

_LONGEST_PLACE = 12  # digits of a call's number among its caller's

_LONGEST_TITLE = 60  # characters of what a client calls itself


def scrubbed(
    result: CallToolResult | InputRequiredResult, vault: SecretStore
) -> CallToolResult | InputRequiredResult:
    """An answer without the values of secrets, wherever in it they stand; errors are bounded."""
    if isinstance(result, InputRequiredResult):
        if not vault.names:
            return result
        return result.model_validate(_clean(result.model_dump(by_alias=True), vault))
    content: list[ContentBlock] = []
    for part in result.content:
        if isinstance(part, TextContent):
            text = vault.scrub(part.text)
            # A batch that stopped tells of each step: a list, whose errors are bounded each.
            if result.is_error and not text.startswith("["):
                text = bounded(text)
            part = part.model_copy(update={"text": text})
        content.append(part)
    return result.model_copy(update={"content": content})


def _clean(told: Any, vault: SecretStore) -> Any:
    match told:
        case str():
            return vault.scrub(told)
        case dict():
            return {key: _clean(value, vault) for key, value in told.items()}  # type: ignore[misc] # JSON
        case list():
            return [_clean(value, vault) for value in told]  # type: ignore[misc] # JSON
        case _:
            return told


def caller_name(context: Context[Any, Any] | None) -> str:
    """What tells one caller from another: our bridge's id, the session, or what it calls itself.

    A name is no proof of anything: it decides which pictures are new to whom.
    """
    if context is None:
        return "nobody"
    request = context.request_context.request
    if request is not None:
        for kind, header in (("client", CLIENT_HEADER), ("session", SESSION_HEADER)):
            if found := request.headers.get(header):
                return whose(f"{kind} {found}", request)
    params = context.session.client_params
    if params is None:
        return whose("unknown", request)
    return whose(f"{params.client_info.name} {params.client_info.version}", request)


def title_of(context: Context[Any, Any] | None) -> str:
    """What people know a caller by."""
    params = context.session.client_params if context else None
    if params is None:
        return "an agent"
    info = params.client_info
    return plain(info.title or f"{info.name} {info.version}")[:_LONGEST_TITLE] or "an agent"


def saying(result: CallToolResult, more: Mapping[str, str | list[str]]) -> CallToolResult:
    """An answer that tells more: in its JSON object, or in a line above its text."""
    *before, last = result.content
    assert isinstance(last, TextContent)
    if last.text.startswith("{"):
        both = json.loads(last.text)
        for key, said in more.items():
            both[key] = [*both.get(key, []), *said] if isinstance(said, list) else said
        text = json.dumps(both, ensure_ascii=False, separators=(",", ":"))
    else:
        told = [
            one for said in more.values() for one in ([said] if isinstance(said, str) else said)
        ]
        text = "\n".join([*(f"# {one}" for one in told), last.text])
    return result.model_copy(update={"content": [*before, last.model_copy(update={"text": text})]})


def error_of(result: CallToolResult | InputRequiredResult) -> str:
    """The sentence of a refusal; empty for an answer."""
    if isinstance(result, InputRequiredResult) or not result.is_error:
        return ""
    return " ".join(part.text for part in result.content if isinstance(part, TextContent))


def picture_of(result: CallToolResult | InputRequiredResult) -> Picture | None:
    if isinstance(result, CallToolResult) and result.content:
        first = result.content[0]
        if isinstance(first, ImageContent):
            return Picture(base64.b64decode(first.data), first.mime_type, 0, 0)
    return None


def place_of(context: Context[Any, Any] | None) -> int:
    """Which of its caller's calls this is, if the caller counts them; else 0."""
    request = context.request_context.request if context else None
    said = request.headers.get(PLACE_HEADER, "") if request is not None else ""
    return int(said) if said.isdecimal() and len(said) <= _LONGEST_PLACE else 0


def is_one_client(context: Context[Any, Any] | None) -> bool:
    """Whether no other client can be known by the name of this caller."""
    request = context.request_context.request if context else None
    named = (CLIENT_HEADER, SESSION_HEADER)
    return request is not None and any(header in request.headers for header in named)


async def cancel_if_gone(context: Context[Any, Any] | None, call: anyio.CancelScope) -> None:
    """Cancel a call whose HTTP client has hung up; the SDK does so for the newest protocol only."""
    request = context.request_context.request if context else None
    if request is None:
        return
    while (await request.receive())["type"] != "http.disconnect":
        pass
    call.cancel()

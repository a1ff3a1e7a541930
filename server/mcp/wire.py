"""The wire's two ends: makes a `Call` of the SDK's request, and the SDK's answer of a `Result`.

No structured content: some clients drop the picture for it, others the text.

In the handshake era a client is asked by a request of ours, which travels on its stream for the
server's own messages: an answer in JSON carries nothing else. Since 2026-07-28 it is asked by the
answer to its call, and calls again with what its user said. The SDK seals the id of the question
that goes along.
"""

import base64
import logging
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ContentBlock,
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    ElicitResult,
    ImageContent,
    InputRequiredResult,
    TextContent,
)
from pydantic import ValidationError

from gloveport.sandbox.secrets.store import SecretStore

from ..auth.principal import passport_of, whose
from ..control.call import AsksHow, Call, Reply, Result
from ..control.elicitation import form, message
from ..recording.actor import Actor
from ..recording.describe import plain

logger = logging.getLogger(__name__)

CLIENT_HEADER = "x-gloveport-client"
PLACE_HEADER = "x-gloveport-place"
SESSION_HEADER = "mcp-session-id"

_LONGEST_PLACE = 12  # digits of a call's number among its caller's
_LONGEST_TITLE = 60  # characters of what a client calls itself
_ASKED_IN_ANSWERS = "2026-07-28"  # the first version of the protocol whose answers ask

Answer = CallToolResult | InputRequiredResult


def decoded(name: str, arguments: Mapping[str, Any], context: Context[Any, Any] | None) -> Call:
    """Make a call of what the SDK has read."""
    request = context.request_context.request if context else None
    return Call(
        tool=name,
        arguments=arguments,
        who=Actor("agent", _caller_name(context), _title_of(context)),
        passport=passport_of(request),
        client=WireClient(context),
        number=_number_of(context),
        one_client=_is_one_client(context),
        reply=_reply_of(context),
    )


def encoded(result: Result, vault: SecretStore) -> Answer:
    """Make the SDK's answer of a result that is redacted: the picture first."""
    if asked := result.question:
        params = ElicitRequestFormParams(
            message=vault.scrub(message(asked)), requested_schema=_schema(form(asked))
        )
        return InputRequiredResult(
            input_requests={asked.id: ElicitRequest(params=params)}, request_state=asked.id
        )
    content: list[ContentBlock] = []
    if picture := result.picture:
        data = base64.b64encode(picture.data).decode()
        content.append(ImageContent(type="image", data=data, mime_type=picture.mime))
    texts = filter(None, (result.written, result.text))
    content += [TextContent(type="text", text=text) for text in texts]
    return CallToolResult(content=content, is_error=result.is_error)


class WireClient:
    """The program that makes a call, as the SDK knows it.

    Args:
        context: The SDK's; None stands for a caller within this process.
    """

    def __init__(self, context: Context[Any, Any] | None) -> None:
        self._context = context

    @property
    def asks(self) -> AsksHow:
        """How it can put a question to its user."""
        context = self._context
        able = context.client_capabilities if context else None
        kinds = able.elicitation if able else None
        # Before there were kinds of them, an empty object meant forms.
        if context is None or kinds is None or (kinds.form is None and kinds.url is not None):
            return "never"
        return "in its answer" if (context.protocol_version or "") >= _ASKED_IN_ANSWERS else "now"

    async def ask(self, message: str, form: Mapping[str, Any]) -> Reply | None:
        """Ask its user by a request of ours; None: it could not be asked."""
        assert self._context
        try:
            said = await self._context.session.elicit_form(message, _schema(form))
        except (MCPError, ValidationError) as why:
            logger.info("the client was not asked: %s", why)
            return None
        return _reply(said)

    @property
    def links(self) -> bool:
        """Whether it can send its user to an address, while the call waits."""
        context = self._context
        able = context.client_capabilities if context else None
        offers = bool(able and able.elicitation and able.elicitation.url is not None)
        return offers and (context.protocol_version or "") < _ASKED_IN_ANSWERS if context else False

    async def link(self, message: str, url: str, id: str) -> Reply | None:
        """Offer its user to open an address; None: it could not be offered."""
        assert self._context
        try:
            return _reply(await self._context.session.elicit_url(message, url, id))
        except (MCPError, ValidationError) as why:
            logger.info("the client was not sent to the live view: %s", why)
            return None

    async def gone(self) -> None:
        """Return when its HTTP connection is closed; the SDK ends a call then for the newest
        protocol only."""
        request = self._context.request_context.request if self._context else None
        if request is None:
            await anyio.sleep_forever()
            return
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _schema(form: Mapping[str, Any]) -> ElicitRequestedSchema:
    return dict(form)


def _reply(said: ElicitResult) -> Reply:
    content = said.content or {}
    words = next((value for value in content.values() if isinstance(value, str)), "")
    return Reply(said.action == "accept", dismissed=said.action == "cancel", text=words.strip())


def _reply_of(context: Context[Any, Any] | None) -> tuple[str, Reply] | None:
    """What a call that comes again says to the question it was answered by."""
    if context is None or not context.request_state or not context.input_responses:
        return None
    said = context.input_responses.get(context.request_state)
    return (context.request_state, _reply(said)) if isinstance(said, ElicitResult) else None


def _caller_name(context: Context[Any, Any] | None) -> str:
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


def _title_of(context: Context[Any, Any] | None) -> str:
    """What people know a caller by."""
    params = context.session.client_params if context else None
    if params is None:
        return "an agent"
    info = params.client_info
    return plain(info.title or f"{info.name} {info.version}")[:_LONGEST_TITLE] or "an agent"


def _number_of(context: Context[Any, Any] | None) -> int:
    """Which of its caller's calls this is, if the caller counts them; else 0."""
    request = context.request_context.request if context else None
    said = request.headers.get(PLACE_HEADER, "") if request is not None else ""
    return int(said) if said.isdecimal() and len(said) <= _LONGEST_PLACE else 0


def _is_one_client(context: Context[Any, Any] | None) -> bool:
    """Whether no other client can be known by the name of this caller."""
    request = context.request_context.request if context else None
    named = (CLIENT_HEADER, SESSION_HEADER)
    return request is not None and any(header in request.headers for header in named)

"""What the official conformance suite expects of a server beyond tools that drive a desktop.

The names, texts and schemas are the suite's. Everything else a request passes is the product's: the
door, the web face, the gate, the transport of the SDK.
"""

import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer, Message
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.mcpserver.resources import FunctionResource
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.shared.exceptions import MCPError
from mcp_types import (
    AudioContent,
    CallToolResult,
    ClientCapabilities,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    InputResponses,
    JSONRPCMessage,
    ListRootsRequest,
    ListRootsResult,
    RequestParams,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    Tool,
    UnsubscribeRequestParams,
)
from pydantic import Field
from starlette.applications import Starlette

from gloveport.sandbox.desktop import Desktop
from gloveport.server.mcp.server import DesktopServer

Ctx = Context[Any, Any]
Content = TextContent | ImageContent | AudioContent | EmbeddedResource

MISSING_CAPABILITY = -32021


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


# One red pixel, and a tenth of a second of silence.
_PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + _chunk(b"IEND", b"")
)
_SILENCE = (
    b"RIFF" + struct.pack("<I", 836) + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data" + struct.pack("<I", 800) + b"\x80" * 800
)  # fmt: skip
_PNG = base64.b64encode(_PIXEL).decode()
_WAV = base64.b64encode(_SILENCE).decode()

_SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_TEXT = {"type": "string"}
_USER = _object(
    username={**_TEXT, "description": "User's response"},
    email={**_TEXT, "description": "User's email address"},
)
_DEFAULTS = {
    "type": "object",
    "properties": {
        "name": {**_TEXT, "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {**_TEXT, "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
_PLAIN = ["option1", "option2", "option3"]
_OPTIONS = [{"const": f"value{n}", "title": f"{word} Option"}
            for n, word in enumerate(("First", "Second", "Third"), 1)]  # fmt: skip
_CHOICES = [{**option, "title": option["title"].replace("Option", "Choice")} for option in _OPTIONS]
_ENUMS = {
    "type": "object",
    "properties": {
        "untitledSingle": {**_TEXT, "enum": _PLAIN},
        "titledSingle": {**_TEXT, "oneOf": _OPTIONS},
        "legacyEnum": {
            **_TEXT,
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {**_TEXT, "enum": _PLAIN}},
        "titledMulti": {"type": "array", "items": {"anyOf": _CHOICES}},
    },
}


class _Events(EventStore):
    """What a broken stream carried, for the client that comes back to it."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._kept.append((stream_id, message))
        return str(len(self._kept))

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        last = int(last_event_id)
        stream, _ = self._kept[last - 1]
        for number, (of, message) in enumerate(self._kept[last:], last + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class FixtureServer(DesktopServer):
    """A desktop's server with the suite's tools, resources and prompts.

    Args:
        desktop: What its own tools act on; no fixture touches it.
        streams: Answer in streams, for fixtures that speak while they run; the product does not.
    """

    def __init__(self, desktop: Desktop, *, streams: bool) -> None:
        super().__init__(desktop)
        self._streams = streams
        self._fixtures: set[str] = set()
        for contents in _CONTENTS.items():
            self._answering(*contents)
        for name, (schema, said) in _ASKING.items():
            self._asking(name, schema, said)
        for rounds in _ROUNDS:
            self._in_rounds(*rounds)
        for tool in (test_error_handling, test_tool_with_logging, test_logging_tool,
                     test_tool_with_progress, test_sampling, test_elicitation, test_reconnection,
                     test_missing_capability, test_custom_header, test_trigger_tool_change,
                     test_trigger_prompt_change,
                     test_input_required_result_capabilities):  # fmt: skip
            self._fixture(tool, tool.__name__)
        self._resources()
        self._prompts()
        self._handlers()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Ctx | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name in self._fixtures:  # beyond the gate, which knows the desktop's tools alone
            return await MCPServer.call_tool(self, name, arguments, context)
        return await super().call_tool(name, arguments, context)

    async def list_tools(self) -> list[Tool]:
        described = Tool(
            name="json_schema_2020_12_tool",
            description="Tool with JSON Schema 2020-12 features",
            input_schema=_SCHEMA_2020_12,
        )
        return [*await super().list_tools(), described]

    def streamable_http_app(self, **options: Any) -> Starlette:
        options["json_response"] = not self._streams
        if self._streams:
            options |= {"event_store": _Events(), "retry_interval": 20}
        return super().streamable_http_app(**options)

    def _fixture(self, run: Callable[..., Any], name: str) -> None:
        self._fixtures.add(name)
        self.add_tool(run, name, description=f"The suite's {name}.", structured_output=False)

    def _answering(self, name: str, content: Sequence[Content]) -> None:
        async def run() -> CallToolResult:
            return CallToolResult(content=list(content))

        self._fixture(run, name)

    def _asking(self, name: str, schema: dict[str, Any], said: str) -> None:
        async def run(ctx: Ctx) -> str:
            return await _elicited(ctx, "Please answer", schema, said)

        self._fixture(run, name)

    def _in_rounds(
        self,
        name: str,
        rounds: Sequence[Mapping[str, InputRequest]],
        stateful: bool,
        done: Callable[[InputResponses], str],
    ) -> None:
        async def run(ctx: Ctx) -> str | InputRequiredResult:
            given = ctx.input_responses or {}
            reached = int(ctx.request_state or 0)
            if rounds[reached].keys() <= given.keys():
                reached += 1
            if reached == len(rounds):
                return done(given)
            return InputRequiredResult(
                input_requests=dict(rounds[reached]),
                request_state=str(reached) if stateful else None,
            )

        self._fixture(run, name)

    def _resources(self) -> None:
        def text() -> str:
            return "This is the content of the static text resource."

        def binary() -> bytes:
            return _PIXEL

        def watched() -> str:
            return "Watched."

        for uri, mime, read in (
            ("test://static-text", "text/plain", text),
            ("test://static-binary", "image/png", binary),
            ("test://watched-resource", "text/plain", watched),
        ):
            self.add_resource(
                FunctionResource(uri=uri, name=uri, description=uri, mime_type=mime, fn=read)
            )

        @self.resource("test://template/{id}/data", mime_type="application/json")
        def data(id: str) -> str:
            return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    def _prompts(self) -> None:
        @self.prompt(description="Without arguments")
        def test_simple_prompt() -> str:
            return "This is a simple prompt for testing."

        @self.prompt(description="With two")
        def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
            return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

        @self.prompt(description="With a resource inside")
        def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
            inside = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
            return [UserMessage(inside), UserMessage("Please process the embedded resource above.")]

        @self.prompt(description="With a picture")
        def test_prompt_with_image() -> list[Message]:
            picture = ImageContent(type="image", data=_PNG, mime_type="image/png")
            return [UserMessage(picture), UserMessage("Please analyze the image above.")]

        @self.prompt(description="With a question first")
        def test_input_required_result_prompt(ctx: Ctx) -> str | InputRequiredResult:
            given = ctx.input_responses or {}
            if "user_context" in given:
                return f"Context: {_content(given, 'user_context', 'context')}"
            asked = _elicit("What context should the prompt use?", context=_TEXT)
            return InputRequiredResult(input_requests={"user_context": asked})

    def _handlers(self) -> None:
        """What the product does not serve, and the handshake era of the suite expects."""

        @self.completion()
        async def complete(ref: object, argument: object, context: object) -> Completion:
            return Completion(values=[])

        async def nothing(ctx: object, params: RequestParams) -> EmptyResult:
            return EmptyResult()

        for method, params in (
            ("logging/setLevel", SetLevelRequestParams),
            ("resources/subscribe", SubscribeRequestParams),
            ("resources/unsubscribe", UnsubscribeRequestParams),
        ):
            self._lowlevel_server.add_request_handler(method, params, nothing)


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _embedded(uri: str, mime: str, text: str) -> EmbeddedResource:
    inside = TextResourceContents(uri=uri, mime_type=mime, text=text)
    return EmbeddedResource(type="resource", resource=inside)


def _elicit(message: str, **properties: Any) -> ElicitRequest:
    schema = _object(**properties)
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(prompt: str, tokens: int) -> CreateMessageRequest:
    asked = SamplingMessage(role="user", content=_text(prompt))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[asked], max_tokens=tokens)
    )


def _content(given: InputResponses, key: str, name: str) -> object:
    answer = given[key]
    assert isinstance(answer, ElicitResult)
    return (answer.content or {}).get(name)


def _sampled(given: InputResponses, key: str) -> str:
    answer = given[key]
    assert isinstance(answer, CreateMessageResult)
    return answer.content.text if isinstance(answer.content, TextContent) else ""


def _roots(given: InputResponses) -> str:
    answer = given["client_roots"]
    assert isinstance(answer, ListRootsResult)
    return ", ".join(str(root.uri) for root in answer.roots)


async def _elicited(ctx: Ctx, message: str, schema: dict[str, Any], said: str) -> str:
    if not ctx.client_capabilities or not ctx.client_capabilities.elicitation:
        raise ToolError("The client takes no questions.")
    answer = await ctx.session.elicit_form(message, schema, ctx.request_id)
    return said.format(action=answer.action, content=json.dumps(answer.content))


_SAID = "Elicitation completed: action={action}, content={content}"
_ASKING = {
    "test_elicitation_sep1034_defaults": (_DEFAULTS, _SAID),
    "test_elicitation_sep1330_enums": (_ENUMS, _SAID),
}
_CONTENTS: dict[str, Sequence[Content]] = {
    "test_simple_text": [_text("This is a simple text response for testing.")],
    "test_image_content": [ImageContent(type="image", data=_PNG, mime_type="image/png")],
    "test_audio_content": [AudioContent(type="audio", data=_WAV, mime_type="audio/wav")],
    "test_embedded_resource": [
        _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        _text("Multiple content types test:"),
        ImageContent(type="image", data=_PNG, mime_type="image/png"),
        _embedded(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ],
}
_NAME = {"user_name": _elicit("What is your name?", name=_TEXT)}
_OK = {"confirm": _elicit("Please confirm", ok={"type": "boolean"})}
_ROOTS = {"client_roots": ListRootsRequest()}
_ROUNDS: Sequence[
    tuple[str, Sequence[Mapping[str, InputRequest]], bool, Callable[[InputResponses], str]]
] = [
    (
        "test_input_required_result_elicitation", [_NAME], False,
        lambda given: f"Hello, {_content(given, 'user_name', 'name')}!",
    ),
    ("test_streaming_elicitation", [_NAME], False, lambda given: "done"),
    (
        "test_input_required_result_sampling",
        [{"capital_question": _sample("What is the capital of France?", 100)}], False,
        lambda given: _sampled(given, "capital_question"),
    ),
    ("test_input_required_result_list_roots", [_ROOTS], False, _roots),
    ("test_input_required_result_request_state", [_OK], True, lambda given: "state-ok"),
    ("test_input_required_result_tampered_state", [_OK], True, lambda given: "state-ok"),
    (
        "test_input_required_result_multiple_inputs",
        [{**_NAME, "greeting": _sample("Generate a greeting", 50), **_ROOTS}], True,
        lambda given: f"{_sampled(given, 'greeting')} {_content(given, 'user_name', 'name')}",
    ),
    (
        "test_input_required_result_multi_round",
        [
            {"step1": _elicit("Step 1: What is your name?", name=_TEXT)},
            {"step2": _elicit("Step 2: What is your favorite color?", color=_TEXT)},
        ],
        True,
        lambda given: f"Color: {_content(given, 'step2', 'color')}",
    ),
]  # fmt: skip


async def test_error_handling() -> str:
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_logging(ctx: Ctx) -> str:
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)  # pyright: ignore[reportDeprecated] # the suite's handshake era has it
        await anyio.sleep(0.05)
    return "Logged."


async def test_logging_tool(ctx: Ctx) -> str:
    return await test_tool_with_logging(ctx)


async def test_tool_with_progress(ctx: Ctx) -> str:
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await anyio.sleep(0.05)
    return "Done."


async def test_sampling(ctx: Ctx, prompt: str) -> str:
    if not ctx.client_capabilities or not ctx.client_capabilities.sampling:
        raise ToolError("The client has no model to ask.")
    answer = await ctx.session.create_message(  # pyright: ignore[reportDeprecated] # handshake era
        [SamplingMessage(role="user", content=_text(prompt))],
        max_tokens=100, related_request_id=ctx.request_id,
    )  # fmt: skip
    assert isinstance(answer.content, TextContent)
    return f"LLM response: {answer.content.text}"


async def test_elicitation(ctx: Ctx, message: str) -> str:
    said = "User response: action={action}, content={content}"
    return await _elicited(ctx, message, _USER, said)


async def test_reconnection(ctx: Ctx) -> str:
    await ctx.close_sse_stream()
    return "Reconnected."


async def test_missing_capability(ctx: Ctx) -> str:
    if ctx.client_capabilities and ctx.client_capabilities.sampling:
        return "It has."
    needed = ClientCapabilities.model_validate({"sampling": {}})
    data = {"requiredCapabilities": needed.model_dump(exclude_none=True, by_alias=True)}
    raise MCPError(MISSING_CAPABILITY, "The client must be able to sample.", data)


async def test_custom_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    return region


async def test_trigger_tool_change(ctx: Ctx) -> str:
    await ctx.notify_tools_changed()
    return "Said."


async def test_trigger_prompt_change(ctx: Ctx) -> str:
    await ctx.notify_prompts_changed()
    return "Said."


async def test_input_required_result_capabilities(ctx: Ctx) -> str | InputRequiredResult:
    if ctx.input_responses:
        return "Answered."
    able = ctx.client_capabilities or ClientCapabilities()
    asked: dict[str, InputRequest] = {}
    if able.sampling:
        asked["greeting"] = _sample("Generate a greeting", 50)
    if able.elicitation:
        asked |= _NAME
    return InputRequiredResult(input_requests=asked) if asked else "Nothing to ask with."

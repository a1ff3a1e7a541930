"""Anthropic's Messages API, scripted: whole or streamed, with threads, as strict as documented."""

import base64
import binascii
import json
import math
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, cast

from models.script import Compute, Json, Model, Refusal, Request, Say, Script, Tokens, Turn, Use
from PIL import Image
from starlette.requests import Request as Http
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

# Long edge and visual tokens, https://platform.claude.com/docs/en/build-with-claude/vision
_SHARP = (2576, 4784)
_USUAL = (1568, 1568)
_SHARP_MODELS = (
    "claude-opus-4-7", "claude-opus-4-8", "claude-opus-5", "claude-sonnet-5", "claude-fable-5",
    "claude-haiku-5-5",
)  # fmt: skip
_TOOLSET_ONLY = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
_MANY, _MANY_SIDE = 20, 2000
_LARGEST_SIDE = 8000
_LARGEST = 10 * 1024 * 1024  # characters of base64
_TOOLSET = "computer_toolset_"
_TOOLSET_FIELDS = {"type", "configs", "cache_control", "allowed_callers"}
_MEMBERS = {
    "key", "hold_key", "type", "cursor_position", "mouse_move", "left_mouse_down", "left_mouse_up",
    "left_click", "left_click_drag", "right_click", "middle_click", "double_click", "triple_click",
    "scroll", "wait", "screenshot", "zoom",
}  # fmt: skip
_BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
_BREAKPOINTS = 4
_KINDS = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
          429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}  # fmt: skip


class Anthropic(Model):
    """Serves `/v1/messages`, also below any path, and as Vertex's `:rawPredict`."""

    def __init__(self, script: Script, tokens: Tokens | None = None) -> None:
        super().__init__(script, tokens)
        self.conversations: list[list[Json]] = []
        """Per request the whole conversation, with what its thread held."""
        self._threads: dict[str, list[Json]] = {}
        self._continued: set[str] = set()

    def forget(self) -> None:
        """Lose the state of all threads, as the API may at any time."""
        self._threads.clear()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/models", self._models),
            Route("/{prefix:path}/count_tokens", self._count, methods=["POST"]),
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/{prefix:path}/v1/messages", self._messages, methods=["POST"]),
            Route("/{prefix:path}:rawPredict", self._messages, methods=["POST"]),
            Route("/{prefix:path}:streamRawPredict", self._messages, methods=["POST"]),
        ]

    def refusal(self, why: Refusal) -> Response:
        error: Json = {"type": _KINDS.get(why.status, "api_error"), "message": str(why)}
        if why.code:
            error["details"] = {"error_code": why.code}
        return JSONResponse(
            {"type": "error", "error": error, "request_id": f"req_{self.number()}"}, why.status
        )

    def check(self, request: Request) -> None:
        body = request.body
        betas = set(request.headers.get("anthropic-beta", "").split(","))
        betas |= set(body.get("anthropic_beta", ()))
        held = self._held(body.get("thread"), betas)
        whole: list[Json] = [*held, *body["messages"]]
        self.conversations.append(whole)
        if not isinstance(body.get("max_tokens"), int):
            raise Refusal("max_tokens: Field required")
        _check_tools(body.get("tools", []), body.get("model", ""), betas)
        if "context_management" in body and "context-management-2025-06-27" not in betas:
            raise Refusal("context_management: Extra inputs are not permitted")
        if (marks := _breakpoints(body)) > _BREAKPOINTS:
            raise Refusal(
                f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."
            )
        _check_turns(whole)
        _check_images(whole, body.get("model", ""))

    def _held(self, thread: Json | None, betas: set[str]) -> list[Json]:
        """What the server holds of the conversation."""
        if not thread:
            return []
        if "message-threads-2026-08-12" not in betas:
            raise Refusal("thread: Extra inputs are not permitted")
        if thread["type"] == "create":
            return []
        before = thread["previous_message_id"]
        if before in self._continued:
            raise Refusal(f"{before} was continued already", code="thread_already_continued")
        if before not in self._threads:
            raise Refusal(f"no thread {before}", 404, "thread_not_found")
        return self._threads[before]

    async def _messages(self, http: Http) -> Response:
        return await self.answer(http, self._reply)

    def _reply(self, body: Json, turn: Turn) -> Response:
        blocks = [self._block(part) for part in turn]
        uses = any(block["type"] == "tool_use" for block in blocks)
        message: Json = {
            "id": f"msg_{self.number():04d}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "scripted"),
            "content": blocks,
            "stop_reason": "tool_use" if uses else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": self.tokens.sent,
                "output_tokens": self.tokens.received,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": self.tokens.cached,
            },
        }
        if thread := body.get("thread"):
            said = {"role": "assistant", "content": blocks}
            self._threads[message["id"]] = [*self.conversations[-1], said]
            if thread["type"] == "continue":
                self._continued.add(thread["previous_message_id"])
        if not body.get("stream"):
            return JSONResponse(message)
        return StreamingResponse(_events(message), media_type="text/event-stream")

    def _block(self, part: Any) -> Json:
        match part:
            case Say(text):
                return {"type": "text", "text": text, "citations": None}
            case Use(name, arguments, toolset):
                use = {
                    "type": "tool_use", "id": f"toolu_{self.number():04d}", "name": name,
                    "input": arguments, "caller": {"type": "direct"},
                }  # fmt: skip
                return {**use, "toolset_name": toolset} if toolset else use
            case Compute() | _:
                raise Refusal(f"this vendor has no {part}", 500)

    async def _count(self, http: Http) -> Response:
        return JSONResponse({"input_tokens": 100})

    async def _models(self, http: Http) -> Response:
        return JSONResponse({"data": [], "has_more": False, "first_id": None, "last_id": None})


def _check_tools(tools: Sequence[Json], model: str, betas: set[str]) -> None:
    names = [tool["name"] for tool in tools if "name" in tool]
    if len(set(names)) != len(names):
        raise Refusal("tools: Tool names must be unique.")
    for place, tool in enumerate(tools):
        kind = tool.get("type", "")
        if kind.startswith(_TOOLSET):
            if extra := set(tool) - _TOOLSET_FIELDS:
                raise Refusal(f"tools.{place}.{min(extra)}: Extra inputs are not permitted")
            if unknown := set(tool.get("configs") or ()) - _MEMBERS:
                raise Refusal(f"tools.{place}.configs: unknown member {min(unknown)}")
        elif kind in _BETAS:
            if model.startswith(_TOOLSET_ONLY):
                raise Refusal(f"{model} does not support tool type {kind}")
            if _BETAS[kind] not in betas:
                raise Refusal(f"tools.{place}.type: {kind} needs the beta {_BETAS[kind]}")
            if not {"display_width_px", "display_height_px", "name"} <= set(tool):
                raise Refusal(f"tools.{place}.display_width_px: Field required")


def _check_turns(messages: Sequence[Json]) -> None:
    """Every use of a tool is answered at once, in the same words, and errors are text."""
    if not messages or messages[0]["role"] != "user":
        raise Refusal("messages: first message must use the user role")
    for place, message in enumerate(messages):
        blocks = _blocks(message)
        for block in blocks:
            if block["type"] == "text" and not block["text"]:
                raise Refusal(f"messages.{place}: text content blocks must be non-empty")
        results = [block for block in blocks if block["type"] == "tool_result"]
        if results and blocks[: len(results)] != results:
            raise Refusal(f"messages.{place}: tool_result blocks must come first")
        before = _blocks(messages[place - 1]) if place else []
        used = {block["id"]: block for block in before if block["type"] == "tool_use"}
        answered = {block["tool_use_id"]: block for block in results}
        if unknown := sorted(set(answered) - set(used)):
            raise Refusal(f"messages.{place}: unexpected `tool_use_id` found: {unknown[0]}")
        if missing := sorted(set(used) - set(answered)):
            raise Refusal(
                f"messages.{place - 1}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}"
            )
        for which, result in answered.items():
            if used[which].get("toolset_name") != result.get("toolset_name"):
                raise Refusal(f"messages.{place}: toolset_name of {which} is not its tool_use's")
            if result.get("is_error"):
                inner = result.get("content")
                if not inner:
                    raise Refusal(f"messages.{place}: content is required when is_error is true")
                if not isinstance(inner, str) and any(one["type"] != "text" for one in inner):
                    raise Refusal(f"messages.{place}: all content must be text if is_error is true")
    if any(block["type"] == "tool_use" for block in _blocks(messages[-1])):
        raise Refusal("messages: `tool_use` ids were found without `tool_result` blocks")


def _check_images(messages: Sequence[Json], model: str) -> None:
    edge, tokens = _SHARP if model.startswith(_SHARP_MODELS) else _USUAL
    shown = list(_shown(messages))
    for image, result in shown:
        encoded = image["source"]["data"]
        if len(encoded) > _LARGEST:
            raise Refusal("image exceeds 10 MB maximum")
        try:
            with Image.open(BytesIO(base64.b64decode(encoded, validate=True))) as opened:
                width, height = opened.size
                mime = Image.MIME[opened.format or ""]
        except (binascii.Error, OSError) as why:
            raise Refusal("Could not process image") from why
        if mime != image["source"]["media_type"]:
            raise Refusal(f"image is {mime}, not {image['source']['media_type']}")
        if max(width, height) > _LARGEST_SIDE:
            raise Refusal("image dimensions exceed max allowed size: 8000 pixels")
        if len(shown) > _MANY and max(width, height) > _MANY_SIDE:
            raise Refusal("image dimensions exceed max allowed size for many-image requests: 2000")
        visual = math.ceil(width / 28) * math.ceil(height / 28)
        if result.get("toolset_name") and (max(width, height) > edge or visual > tokens):
            raise Refusal(f"image of {width}x{height} exceeds the limits of {model}")


def _shown(messages: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """Each image in base64, and the result that holds it, if one does."""
    for message in messages:
        for block in _blocks(message):
            inner = block.get("content")
            held = cast("list[Json]", inner) if isinstance(inner, list) else [block]
            for one in held:
                if one["type"] == "image" and one["source"]["type"] == "base64":
                    yield one, block


def _blocks(message: Json) -> list[Json]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _breakpoints(node: Any) -> int:
    """How many blocks ask to be remembered; the one of the request itself is placed for them."""
    if isinstance(node, list):
        return sum(map(_breakpoints, cast("list[Any]", node)))
    if not isinstance(node, dict):
        return 0
    held = cast("Json", node)
    asked = held.get("cache_control") is not None
    return asked + sum(map(_breakpoints, held.values()))


def _events(message: Json) -> Iterator[bytes]:
    def event(kind: str, **data: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()

    yield event("message_start", message={**message, "content": [], "stop_reason": None})
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start, pieces = {**block, "text": ""}, _pieces(block["text"])
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        else:
            empty: Json = {}
            start, pieces = {**block, "input": empty}, _pieces(json.dumps(block["input"]))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=ended, usage=message["usage"])
    yield event("message_stop")


def _pieces(text: str, size: int = 12) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]

"""OpenAI's Responses and Chat Completions APIs, scripted: whole or streamed."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from models.script import (
    Compute,
    Json,
    Model,
    Part,
    Refusal,
    Request,
    Say,
    Script,
    Tokens,
    Turn,
    Use,
    Write,
)
from starlette.requests import Request as Http
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

_ANSWERS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
}
_WHEN = 1_780_000_000  # any second will do


class OpenAI(Model):
    """Serves `/v1/responses`, `/v1/chat/completions` and `/v1/models`.

    Args:
        script: What it says.
        tokens: What it says each turn cost.
        preview: Say `action`, one at a time, as `computer_use_preview` does.
    """

    def __init__(
        self, script: Script, tokens: Tokens | None = None, *, preview: bool = False
    ) -> None:
        super().__init__(script, tokens)
        self.preview = preview
        self.conversations: list[list[Json]] = []
        """Per request for a response the whole conversation, with what its id stood for."""
        self._stored: dict[str, list[Json]] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/responses", self._responses, methods=["POST"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]

    def refusal(self, why: Refusal) -> Response:
        kind = "invalid_request_error" if why.status < 500 else "server_error"
        error = {"message": str(why), "type": kind, "param": None, "code": why.code or None}
        return JSONResponse({"error": error}, why.status)

    def check(self, request: Request) -> None:
        body = request.body
        if request.path.endswith("/chat/completions"):
            _check_chat(body["messages"])
            return
        before = body.get("previous_response_id")
        if before and before not in self._stored:
            raise Refusal(f"Previous response with id '{before}' not found.", 404)
        said = body["input"]
        new = [{"role": "user", "content": said}] if isinstance(said, str) else said
        whole: list[Json] = [*(self._stored[before] if before else []), *new]
        self.conversations.append(whole)
        _check_items(whole)

    async def _responses(self, http: Http) -> Response:
        return await self.answer(http, self._respond)

    def _respond(self, body: Json, turn: Turn) -> Response:
        items = [self._item(part) for part in turn]
        sent = self.tokens.sent + self.tokens.cached
        response: Json = {
            "id": f"resp_{self.number()}",
            "object": "response",
            "created_at": _WHEN,
            "status": "completed",
            "model": body.get("model", "scripted"),
            "output": items,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": sent,
                "output_tokens": self.tokens.received,
                "total_tokens": sent + self.tokens.received,
                "input_tokens_details": {"cached_tokens": self.tokens.cached},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
        }
        self._stored[response["id"]] = [*self.conversations[-1], *items]
        if not body.get("stream"):
            return JSONResponse(response)
        return StreamingResponse(_response_events(response), media_type="text/event-stream")

    def _item(self, part: Part) -> Json:
        number = self.number()
        match part:
            case Say(text):
                content: list[Json] = [{"type": "output_text", "text": text, "annotations": []}]
                return {
                    "type": "message", "id": f"msg_{number}", "role": "assistant",
                    "status": "completed", "content": content,
                }  # fmt: skip
            case Use(name, arguments, _, namespace):
                call = {
                    "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}",
                    "name": name, "arguments": json.dumps(arguments), "status": "completed",
                }  # fmt: skip
                return {**call, "namespace": namespace} if namespace else call
            case Write(name, text, namespace):
                call = {
                    "type": "custom_tool_call", "id": f"ctc_{number}", "call_id": f"call_{number}",
                    "name": name, "input": text, "status": "completed",
                }  # fmt: skip
                return {**call, "namespace": namespace} if namespace else call
            case Compute(actions, checks):
                done = {"action": actions[0]} if self.preview else {"actions": list(actions)}
                return {
                    "type": "computer_call", "id": f"cu_{number}", "call_id": f"call_{number}",
                    "status": "completed", "pending_safety_checks": list(checks), **done,
                }  # fmt: skip
            case _:
                raise Refusal(f"this vendor has no {part}", 500)

    async def _chat(self, http: Http) -> Response:
        return await self.answer(http, self._complete)

    def _complete(self, body: Json, turn: Turn) -> Response:
        text = "".join(part.text for part in turn if isinstance(part, Say))
        calls = [
            {
                "index": index, "id": f"call_{self.number()}", "type": "function",
                "function": {"name": part.name, "arguments": json.dumps(part.input)},
            }
            for index, part in enumerate(part for part in turn if isinstance(part, Use))
        ]  # fmt: skip
        said: Json = {"role": "assistant", "content": text or None}
        if calls:
            said["tool_calls"] = calls
        why = "tool_calls" if calls else "stop"
        sent = self.tokens.sent + self.tokens.cached
        usage = {
            "prompt_tokens": sent,
            "completion_tokens": self.tokens.received,
            "total_tokens": sent + self.tokens.received,
        }
        whole = {
            "id": f"chatcmpl-{self.number()}", "created": _WHEN,
            "model": body.get("model", "scripted"),
        }  # fmt: skip
        if not body.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": why}
            return JSONResponse(
                {**whole, "object": "chat.completion", "choices": [choice], "usage": usage}
            )
        return StreamingResponse(
            _chat_events(whole, said, why, usage), media_type="text/event-stream"
        )

    async def _models(self, http: Http) -> Response:
        model = {"id": "scripted", "object": "model", "created": _WHEN, "owned_by": "tests"}
        return JSONResponse({"object": "list", "data": [model], "models": []})


def _check_items(items: Sequence[Json]) -> None:
    """Every call is answered, every answer has its call, every safety check is acknowledged."""
    calls = {item["call_id"]: item for item in items if item.get("type") in _ANSWERS}
    answers = {item["call_id"]: item for item in items if item.get("type") in _ANSWERS.values()}
    for which, answer in answers.items():
        if which not in calls or _ANSWERS[calls[which]["type"]] != answer["type"]:
            raise Refusal(f"No tool call found for {answer['type']} with call_id {which}.")
    for which, call in calls.items():
        if which not in answers:
            raise Refusal(f"No tool output found for {call['type']} {which}.")
        wanted = {check["id"] for check in call.get("pending_safety_checks") or ()}
        known = answers[which].get("acknowledged_safety_checks") or ()
        if missing := wanted - {check["id"] for check in known}:
            raise Refusal(f"Computer call {which} has unacknowledged checks: {sorted(missing)}")
        if call["type"] == "computer_call":
            output = answers[which]["output"]
            if output.get("type") != "computer_screenshot" or not output.get("image_url"):
                raise Refusal(f"output of {which} has to be a computer_screenshot")


def _check_chat(messages: Sequence[Json]) -> None:
    open_calls: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                raise Refusal(f"messages.{place}: role 'tool' must answer preceding 'tool_calls'")
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            break
        else:
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        raise Refusal(f"tool_call_ids did not have response messages: {', '.join(open_calls)}")


def _response_events(response: Json) -> Iterator[bytes]:
    number = 0

    def event(kind: str, **data: Any) -> bytes:
        nonlocal number
        number += 1
        told = {"type": kind, "sequence_number": number - 1, **data}
        return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()

    begun: Json = {**response, "status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(response["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        empty: Json = {**item, "status": "in_progress"}
        if item["type"] == "message":
            (part,) = item["content"]
            place = {**where, "content_index": 0}
            yield event(
                "response.output_item.added", output_index=index, item={**empty, "content": []}
            )
            yield event("response.content_part.added", **place, part={**part, "text": ""})
            yield event("response.output_text.delta", **place, delta=part["text"], logprobs=[])
            yield event("response.output_text.done", **place, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **place, part=part)
        elif item["type"] == "function_call":
            said = item["arguments"]
            yield event(
                "response.output_item.added", output_index=index, item={**empty, "arguments": ""}
            )
            yield event("response.function_call_arguments.delta", **where, delta=said)
            yield event(
                "response.function_call_arguments.done", **where, arguments=said, name=item["name"]
            )
        else:
            yield event("response.output_item.added", output_index=index, item=empty)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=response)


def _chat_events(whole: Json, said: Json, why: str, usage: Json) -> Iterator[bytes]:
    def event(choices: list[Json], **more: Any) -> bytes:
        chunk = {**whole, "object": "chat.completion.chunk", "choices": choices, **more}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    calls = said.get("tool_calls", [])
    deltas = [{**said, "tool_calls": [one]} for one in calls[:1]] or [said]
    deltas += [{"tool_calls": [one]} for one in calls[1:]]  # never two in one chunk
    for delta in deltas:
        yield event([{"index": 0, "delta": delta, "finish_reason": None}])
    yield event([{"index": 0, "delta": {}, "finish_reason": why}])
    yield event([], usage=usage)
    yield b"data: [DONE]\n\n"

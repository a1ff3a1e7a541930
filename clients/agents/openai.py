"""GPT as a brain: OpenAI's `computer` tool, whose `actions` are the desktop's tools.

Back and forward buttons, modifiers and drags through several points need the desktop's `low-level`
tools; without them the model is told so.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_types import Tool

from ..desk import Answer
from .briefing import BRIEFING, by_words
from .loop import Call, Confirm, Hands, Outcome
from .prices import Tokens

_NOTCH = 100  # pixels that browsers scroll at a notch of the wheel
_MOST_NOTCHES = 100
_CLICKS = {"left": "left_click", "right": "right_click", "wheel": "middle_click"}
_PAUSE = 1.0  # seconds; the vocabulary's `wait` says no number


@dataclass(frozen=True, slots=True)
class Gpt:
    """Works on tasks by asking a model of OpenAI's.

    Args:
        client: The SDK's asynchronous client.
        model: The model's name.
        words: Also give it the tools that look and act by words.
        confirm: Asked about each safety check that the model raises; None acknowledges nothing.
    """

    client: Any
    model: str
    words: bool = True
    confirm: Confirm | None = None

    async def work(self, task: str, hands: Hands) -> str:
        served = await hands.tools()
        named = [_function(tool) for tool in by_words(served)] if self.words else []
        tools = [{"type": "computer"}, *named]
        asked: list[Any] = [{"role": "user", "content": task}]
        before = None
        while True:
            reply = await self.client.responses.create(
                model=self.model,
                instructions=BRIEFING,
                tools=tools,
                input=asked,
                previous_response_id=before,
                truncation="auto",
            )
            before = reply.id
            if reply.output_text:
                hands.said(reply.output_text)
            await hands.paid(_tokens(reply.usage))
            asked = []
            for item in reply.output:
                if item.type == "computer_call":
                    asked += await self._compute(item, hands)
                elif item.type == "function_call":
                    given = json.loads(item.arguments)
                    asked.append(_answered(item.call_id, await hands.do(item.name, **given)))
            if not asked:
                return reply.output_text

    async def _compute(self, item: Any, hands: Hands) -> list[Any]:
        """Do the actions of one call; what is wrong with them follows the picture in words."""
        checks = [check.to_dict() for check in item.pending_safety_checks]
        for check in checks:
            doubt = Call("acknowledge_safety_check", check)
            if self.confirm is None or not await self.confirm(doubt):
                # Only a screenshot can answer this call, and only an acknowledged check.
                why = check.get("message") or check.get("code") or check["id"]
                await hands.stop("stuck", f"A safety check was not acknowledged: {why}")
        actions = item.actions or [item.action]
        outcomes = await hands.in_order(calls_of([action.to_dict() for action in actions]))
        seen = await hands.look()
        if seen is None:
            await hands.stop("lost", "The desktop shows no screen, which the model has to be sent.")
        told = [f"{one.call.name}: {one.text}" for one in outcomes]
        screen = {"type": "computer_screenshot", "image_url": _url(seen)}
        return [
            {
                "type": "computer_call_output", "call_id": item.call_id, "output": screen,
                "acknowledged_safety_checks": checks,
            },
            {"role": "user", "content": "What the desktop said:\n" + "\n".join(told)},
        ]  # fmt: skip


def calls_of(actions: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The desktop's calls for the vocabulary's actions."""
    return [call for action in actions for call in _calls(action)]


def _calls(action: Mapping[str, Any]) -> list[Call]:
    at = [action["x"], action["y"]] if "x" in action else []
    held = "+".join(action.get("keys") or ())
    quiet = {"screenshot": "never"}  # one picture comes when all is done
    match action["type"]:
        case "screenshot":
            return []
        case "click" if action["button"] in _CLICKS:
            return [Call(_CLICKS[action["button"]], {"coordinate": at, "text": held, **quiet})]
        case "click":
            back = {"button": action["button"], "coordinate": at, "modifiers": held, **quiet}
            return [Call("click", back)]
        case "double_click":
            return [Call("double_click", {"coordinate": at, "text": held, **quiet})]
        case "move":
            return [Call("mouse_move", {"coordinate": at, **quiet})]
        case "drag":
            path = [[point["x"], point["y"]] for point in action["path"]]
            if len(path) == 2:
                ends = {"start_coordinate": path[0], "coordinate": path[1]}
                return [Call("left_click_drag", {**ends, "text": held, **quiet})]
            return [Call("drag", {"path": path, "modifiers": held, **quiet})]
        case "keypress":
            return [Call("key", {"text": held, **quiet})]
        case "type":
            return [Call("type", {"text": action["text"], **quiet})]
        case "wait":
            return [Call("wait", {"duration": _PAUSE, **quiet})]
        case "scroll":
            return [
                Call("scroll", {"coordinate": at, "text": held, **turned, **quiet})
                for turned in scrolls(action["scroll_x"], action["scroll_y"])
            ]
        case other:
            return [Call(other)]  # the desktop says that it has no such tool


def scrolls(x: int, y: int) -> list[dict[str, Any]]:
    """Pixels to the right and down as notches of the wheel."""
    turns = ((x, "right", "left"), (y, "down", "up"))
    return [
        {
            "scroll_direction": ahead if pixels > 0 else back,
            "scroll_amount": min(max(1, round(abs(pixels) / _NOTCH)), _MOST_NOTCHES),
        }
        for pixels, ahead, back in turns
        if pixels
    ]


def _function(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.input_schema,
        "strict": False,
    }


def _answered(call: str, outcome: Outcome) -> dict[str, Any]:
    told: list[dict[str, Any]] = [{"type": "input_text", "text": outcome.text}]
    if outcome.answer and outcome.answer.data:
        told.append({"type": "input_image", "image_url": _url(outcome.answer), "detail": "auto"})
    return {"type": "function_call_output", "call_id": call, "output": told}


def _url(seen: Answer) -> str:
    return f"data:{seen.mime};base64,{base64.b64encode(seen.data).decode()}"


def _tokens(usage: Any) -> Tokens:
    cached = usage.input_tokens_details.cached_tokens
    return Tokens(usage.input_tokens - cached, usage.output_tokens, cached)

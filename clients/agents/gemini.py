"""Gemini as a brain: Google's computer use, whose functions are the desktop's tools.

Its points run from 0 to 999 over the screen, whatever the screen's size. The words of its desktop,
its browser and its first version are all understood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from google.genai import types
from mcp_types import Tool

from ..desk import Answer
from .briefing import BRIEFING, by_words
from .loop import NOT_EXECUTED, Call, Confirm, Hands, Outcome
from .openai import scrolls
from .prices import Tokens

_GRID = 1000
_PICTURES = 6  # turns whose pictures stay in the conversation
_BROWSER = "chromium"


@dataclass(frozen=True, slots=True)
class Gemini:
    """Works on tasks by asking a model of Google's.

    Args:
        client: The asynchronous side of the SDK's client.
        model: The model's name.
        environment: Which vocabulary it is to use.
        words: Also give it the tools that look and act by words.
        confirm: Asked when the model wants its decision confirmed; None confirms nothing.
    """

    client: Any
    model: str
    environment: Literal["desktop", "browser"] = "desktop"
    words: bool = True
    confirm: Confirm | None = None

    async def work(self, task: str, hands: Hands) -> str:
        named = [_function(tool) for tool in by_words(await hands.tools())] if self.words else []
        config = types.GenerateContentConfig(
            system_instruction=BRIEFING,
            tools=[
                types.Tool(
                    computer_use=types.ComputerUse(
                        environment=types.Environment(f"ENVIRONMENT_{self.environment.upper()}")
                    )
                ),
                *([types.Tool(function_declarations=named)] if named else []),
            ],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        seen = await hands.look()
        said = [types.Part.from_text(text=task), *([_picture(seen)] if seen else [])]
        contents = [types.Content(role="user", parts=said)]
        while True:
            reply = await self.client.models.generate_content(
                model=self.model, contents=contents, config=config
            )
            content: types.Content = reply.candidates[0].content
            parts = content.parts or []
            text = "".join(part.text for part in parts if part.text and not part.thought)
            if text:
                hands.said(text)
            await hands.paid(_tokens(reply.usage_metadata))
            calls = [part.function_call for part in parts if part.function_call]
            if not calls:
                return text
            size = seen.facts["size"] if seen else (0, 0)
            answers = await self._make(calls, {one.name for one in named}, size, hands)
            if seen := await hands.look():
                blob = types.FunctionResponseBlob(mime_type=seen.mime, data=seen.data)
                answers[-1].parts = [types.FunctionResponsePart(inline_data=blob)]
            told = [types.Part(function_response=answer) for answer in answers]
            contents += [content, types.Content(role="user", parts=told)]
            _forget(contents)

    async def _make(
        self,
        calls: Sequence[types.FunctionCall],
        named: set[str | None],
        size: Sequence[int],
        hands: Hands,
    ) -> list[types.FunctionResponse]:
        """Do the functions of one turn in order; after one that fails the rest are not done."""
        answers: list[types.FunctionResponse] = []
        failed = False
        for call in calls:
            name, given = call.name or "", dict(call.args or {})
            decision = given.pop("safety_decision", None)
            known = {} if failed else await self._confirmed(decision, hands)
            made = [Call(name, given)] if name in named else calls_of(name, given, size)
            if failed:
                outcomes = [Outcome(one, refused=NOT_EXECUTED) for one in made]
            else:
                outcomes = await hands.in_order(made)
            failed = failed or any(one.refused for one in outcomes)
            how = "error" if failed else "output"
            text = "\n".join(one.text for one in outcomes) or "ok"
            answers.append(
                types.FunctionResponse(id=call.id, name=name, response={how: text, **known})
            )
        return answers

    async def _confirmed(self, decision: Any, hands: Hands) -> dict[str, str]:
        """What to add to the answer to a call that the model wants confirmed."""
        if not decision or decision.get("decision") != "require_confirmation":
            return {}
        why = decision.get("explanation", "")
        if self.confirm is None or not await self.confirm(Call("confirm_safety", {"why": why})):
            await hands.stop("stuck", f"The model wanted this confirmed, and it was not: {why}")
        return {"safety_acknowledgement": "true"}


def calls_of(name: str, given: Mapping[str, Any], size: Sequence[int]) -> list[Call]:
    """The desktop's calls for one function of the vocabulary, on a screen of a size."""
    quiet = {"screenshot": "never"}  # one picture comes when all is done

    def at(x: str = "x", y: str = "y") -> list[int]:
        return [int(given[axis] * side / _GRID) for axis, side in zip((x, y), size, strict=True)]

    def key(text: str) -> Call:
        return Call("key", {"text": text, **quiet})

    match name:
        case "click" | "click_at":
            return [Call("left_click", {"coordinate": at(), **quiet})]
        case "double_click" | "triple_click" | "middle_click" | "right_click":
            return [Call(name, {"coordinate": at(), **quiet})]
        case "move" | "hover_at":
            return [Call("mouse_move", {"coordinate": at(), **quiet})]
        case "mouse_down" | "mouse_up":
            there = Call("mouse_move", {"coordinate": at(), **quiet})
            return [there, Call(f"left_{name}", quiet)]
        case "drag_and_drop":
            new = "start_x" in given
            start = at("start_x", "start_y") if new else at()
            end = at("end_x", "end_y") if new else at("destination_x", "destination_y")
            ends = {"start_coordinate": start, "coordinate": end}
            return [Call("left_click_drag", {**ends, **quiet})]
        case "type":
            entered = [key("Return")] if given.get("press_enter", False) else []
            return [Call("type", {"text": given["text"], **quiet}), *entered]
        case "type_text_at":
            cleared = [key("ctrl+a Delete")] if given.get("clear_before_typing", True) else []
            entered = [key("Return")] if given.get("press_enter", True) else []
            clicked = Call("left_click", {"coordinate": at(), **quiet})
            return [clicked, *cleared, Call("type", {"text": given["text"], **quiet}), *entered]
        case "press_key":
            return [key(given["key"])]
        case "key_down" | "key_up":
            return [Call(name, {"text": given["key"], **quiet})]
        case "hotkey":
            return [key("+".join(given["keys"]))]
        case "key_combination":
            return [key(given["keys"])]
        case "scroll" | "scroll_at" | "scroll_document":
            return _scroll(given, at() if "x" in given else [side // 2 for side in size], size)
        case "wait":
            return [Call("wait", {"duration": float(given.get("seconds", 1)), **quiet})]
        case "wait_5_seconds":
            return [Call("wait", {"duration": 5.0, **quiet})]
        case "go_back":
            return [key("alt+Left")]
        case "go_forward":
            return [key("alt+Right")]
        case "navigate":
            return [Call("open", {"target": given["url"], **quiet})]
        case "open_web_browser":
            return [Call("open", {"target": _BROWSER, **quiet})]
        case "take_screenshot":
            return []
        case other:
            return [Call(other, given)]  # the desktop says that it has no such tool


def _scroll(given: Mapping[str, Any], at: list[int], size: Sequence[int]) -> list[Call]:
    pixels = given.get("magnitude_in_pixels")
    if pixels is None:
        # The first version measures in the grid, and a document by a screen at a time.
        pixels = given.get("magnitude", 800) * size[1] / _GRID
    x, y = {
        "up": (0, -pixels), "down": (0, pixels), "left": (-pixels, 0), "right": (pixels, 0),
    }[given["direction"]]  # fmt: skip
    turned = scrolls(round(x), round(y))
    return [Call("scroll", {"coordinate": at, **one, "screenshot": "never"}) for one in turned]


def _forget(contents: list[types.Content]) -> None:
    """Take the pictures out of old answers: they fill the conversation."""
    shown = [
        part.function_response
        for content in contents
        for part in content.parts or ()
        if part.function_response and part.function_response.parts
    ]
    for answer in shown[:-_PICTURES]:
        answer.parts = None


def _function(tool: Tool) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name,
        description=tool.description or "",
        parameters_json_schema=tool.input_schema,
    )


def _picture(seen: Answer) -> types.Part:
    return types.Part.from_bytes(data=seen.data, mime_type=seen.mime)


def _tokens(usage: Any) -> Tokens:
    cached = usage.cached_content_token_count or 0
    thought = usage.thoughts_token_count or 0
    received = (usage.candidates_token_count or 0) + thought
    return Tokens((usage.prompt_token_count or 0) - cached, received, cached)

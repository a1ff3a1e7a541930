"""Claude as a brain: Anthropic's SDK runs the loop, and every tool is a call to the desktop.

Three vocabularies, by the age of the model and of the platform it is on: the computer toolset,
whose 17 members are the desktop's tools of the same names; and the `computer` tools before it,
whose `action` is such a name. Beside them the model is given the tools that look and act by words.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import anyio
from anthropic.lib.tools import BetaAsyncBuiltinFunctionTool, ToolError
from anthropic.tools.computer import (
    BetaAsyncAbstractComputerToolset20260801,
    BetaComputerConfirmContext,
    BetaComputerCursorPositionResult,
    BetaComputerMemberResult,
    BetaScreenshotResult,
    BetaToolsetCallContext,
)
from anthropic.types.beta import BetaUsage, beta_computer_member_name
from mcp_types import Tool

from ..desk import Answer
from .briefing import BRIEFING, by_words
from .loop import NOT_EXECUTED, Hands, Outcome
from .prices import Tokens

Vocabulary = Literal["toolset", "computer_20251124", "computer_20250124"]
MEMBERS = frozenset(beta_computer_member_name.BETA_COMPUTER_MEMBER_NAME_VALUES)
_LOOKING = {"screenshot", "zoom", "cursor_position"}  # take no `screenshot` argument
_BETA = {
    "computer_20251124": "computer-use-2025-11-24",
    "computer_20250124": "computer-use-2025-01-24",
}
_NEWEST = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-1")
_OLDEST = ("claude-3", "claude-sonnet-4-", "claude-opus-4-1", "claude-opus-4-2", "claude-haiku-4-5")
_NEWER_SONNET = "claude-sonnet-4-6"
_LONGEST = 16_000  # tokens of a reply
_CLOSING = 5  # seconds
# Old pictures are what fills a conversation; a screen of 1280x800 is 1,334 tokens.
_FORGET_AFTER = 60_000
_REMEMBER = 6


def vocabulary_of(model: str, endpoint: str) -> Vocabulary:
    """What a model on a platform is known to understand."""
    name = model.rpartition("anthropic.")[2]
    if name.startswith(_OLDEST) and not name.startswith(_NEWER_SONNET):
        return "computer_20250124"
    if name.startswith(_NEWEST) and endpoint in ("api", "vertex"):
        return "toolset"
    return "computer_20251124"


@dataclass(frozen=True, slots=True)
class Claude:
    """Works on tasks by asking Claude.

    Args:
        client: One of the SDK's asynchronous clients: the API's, or that of a platform.
        model: The model's name there.
        vocabulary: How the model calls what a desktop can do.
        threads: Let the API hold the conversation, so that a picture is sent once.
        stream: Read the reply as it comes, and act while it does.
        words: Also give it the tools that look and act by words.
    """

    client: Any
    model: str
    vocabulary: Vocabulary = "toolset"
    threads: bool = True
    stream: bool = True
    words: bool = True

    async def work(self, task: str, hands: Hands) -> str:
        served = await hands.tools()
        computer = await self._computer({tool.name for tool in served}, hands)
        tools: list[Any] = [computer]
        if self.words:
            tools += [_Named(tool, hands) for tool in by_words(served)]
        runner = self.client.beta.messages.tool_runner(
            model=self.model,
            max_tokens=_LONGEST,
            system=BRIEFING,
            tools=tools,
            messages=[{"role": "user", "content": task}],
            cache_control={"type": "ephemeral"},
            **self._how(),
        )
        try:
            return await self._turns(runner, computer, hands)
        finally:
            # A run may be stopped in the middle of a reply, which would stay open.
            with anyio.move_on_after(_CLOSING, shield=True):
                await runner.close()

    async def _turns(self, runner: Any, computer: "Toolset | _OlderComputer", hands: Hands) -> str:
        """Follow the SDK's loop, a reply at a time; returns the last one's words."""
        last = ""
        async for item in runner:
            if isinstance(computer, _OlderComputer):
                computer.failed = False
            reply = await _read(item, hands) if self.stream else item
            last = "\n".join(block.text for block in reply.content if block.type == "text")
            if not self.stream:
                for block in reply.content:
                    _tell(block, hands)
            await hands.paid(_tokens(reply.usage))
            results = await runner.generate_tool_call_response()
            if results and isinstance(computer, Toolset):
                await _show(results["content"], hands)
        return last

    def _how(self) -> dict[str, Any]:
        edit = {
            "type": "clear_tool_uses_20250919",
            "trigger": {"type": "input_tokens", "value": _FORGET_AFTER},
            "keep": {"type": "tool_uses", "value": _REMEMBER},
        }
        betas = ["context-management-2025-06-27"]
        how: dict[str, Any] = {"betas": betas, "context_management": {"edits": [edit]}}
        if self.vocabulary == "toolset":
            # These models think between calls, and say so only if asked.
            how["thinking"] = {"type": "adaptive", "display": "summarized"}
        else:
            betas.append(_BETA[self.vocabulary])
        if self.stream:
            how |= {"stream": True, "run_tools_eagerly": True}
        if not self.threads:
            how["thread"] = False
        return how

    async def _computer(self, served: set[str], hands: Hands) -> "Toolset | _OlderComputer":
        if self.vocabulary == "toolset":
            return Toolset(hands, served)
        size = (await hands.desk.screenshot()).facts["size"]
        return _OlderComputer(hands, self.vocabulary, size)


class Toolset(BetaAsyncAbstractComputerToolset20260801):
    """Makes each member the desktop's tool of the same name; what the desktop lacks is disabled."""

    def __init__(self, hands: Hands, served: set[str]) -> None:
        lacks: Any = {member: {"enabled": False} for member in MEMBERS - served}
        super().__init__(configs=lacks or None, confirm=_hands_ask)
        self._hands = hands

    async def execute(
        self, context: BetaToolsetCallContext, name: Any, input: Any
    ) -> BetaComputerMemberResult:
        arguments = input.model_dump(exclude_none=True)
        if name not in _LOOKING:
            arguments["screenshot"] = "never"  # one picture comes when the whole turn is done
        answer = _answer(await self._hands.do(name, **arguments))
        if name == "cursor_position":
            x, y = answer.facts["cursor"]
            return BetaComputerCursorPositionResult(x=x, y=y)
        if name in _LOOKING:
            data = base64.b64encode(answer.data).decode()
            return BetaScreenshotResult(data=data, media_type=cast("Any", answer.mime))
        return answer.text


async def _hands_ask(context: BetaComputerConfirmContext) -> bool:
    """The SDK insists on being asked; whether a call may be made, `Hands` ask, for every tool."""
    return True


class _OlderComputer(BetaAsyncBuiltinFunctionTool):
    """The `computer` tool of older models: one tool, whose `action` says what to do."""

    def __init__(self, hands: Hands, kind: str, size: Sequence[int]) -> None:
        self._hands = hands
        self._kind = kind
        self._width, self._height = size
        self.failed = False
        """An action of this turn failed, so that the rest is not done."""

    def to_dict(self) -> Any:
        told: dict[str, Any] = {
            "type": self._kind,
            "name": "computer",
            "display_width_px": self._width,
            "display_height_px": self._height,
        }
        return told | ({"enable_zoom": True} if self._kind == "computer_20251124" else {})

    async def call(self, input: object) -> Any:
        if self.failed:
            raise ToolError(NOT_EXECUTED)
        given = dict(cast("Mapping[str, Any]", input))
        action = str(given.pop("action", ""))
        if action not in MEMBERS:
            self.failed = True
            raise ToolError(
                f"There is no action {action!r}; there are {', '.join(sorted(MEMBERS))}."
            )
        outcome = await self._hands.do(action, **given)
        self.failed = bool(outcome.refused)
        return _content(_answer(outcome))


class _Named(BetaAsyncBuiltinFunctionTool):
    """A tool of the desktop as the model's tool of the same name."""

    def __init__(self, tool: Tool, hands: Hands) -> None:
        self._tool = tool
        self._hands = hands

    def to_dict(self) -> Any:
        return {
            "name": self._tool.name,
            "description": self._tool.description or "",
            "input_schema": self._tool.input_schema,
        }

    async def call(self, input: object) -> Any:
        given = cast("Mapping[str, Any]", input)
        return _content(_answer(await self._hands.do(self._tool.name, **given)))


async def _show(results: list[Any], hands: Hands) -> None:
    """Attach the screen to the last result of a turn that has no picture: it saves a round trip."""
    last = results[-1]
    if last.get("is_error") or "toolset_name" not in last:
        return
    if any(block["type"] == "image" for block in last["content"]):
        return
    if seen := await hands.look():
        last["content"].append(_image(seen))


def _answer(outcome: Outcome) -> Answer:
    """The answer; a refusal is the model's to read, word for word."""
    if outcome.answer is None:
        raise ToolError(outcome.refused)
    return outcome.answer


def _content(answer: Answer) -> list[Any]:
    picture = [_image(answer)] if answer.data else []
    return [*picture, {"type": "text", "text": answer.text}]


def _image(answer: Answer) -> dict[str, Any]:
    data = base64.b64encode(answer.data).decode()
    return {
        "type": "image", "source": {"type": "base64", "media_type": answer.mime, "data": data},
    }  # fmt: skip


async def _read(stream: Any, hands: Hands) -> Any:
    """Read a reply as it comes, which is also when its calls are made."""
    async for event in stream:
        if event.type == "content_block_stop":
            _tell(event.content_block, hands)
    return await stream.get_final_message()


def _tell(block: Any, hands: Hands) -> None:
    """Tell what the model says or thinks; newer ones do the latter between calls."""
    if block.type in ("text", "thinking") and (said := getattr(block, block.type).strip()):
        hands.said(said)


def _tokens(usage: BetaUsage) -> Tokens:
    return Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens or 0,
        usage.cache_creation_input_tokens or 0,
    )

"""A run in the terminal: what the brain says, what it does, what that costs, and who is asked."""

import json
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult
from rich.console import Console
from rich.text import Text

from .loop import Call, Ending, Outcome, Spent

_LONG = 60  # characters of a text that are shown
_TYPING = {"type", "key", "hold_key", "key_down", "set", "clipboard", "open", "upload"}
_QUIET = {"screenshot"}  # arguments that say how to answer, not what to do


class Progress:
    """Tells a run on a console, a line for everything.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def said(self, text: str) -> None:
        self._console.print(Text(text, "italic"))

    def made(self, outcome: Outcome, spent: Spent) -> None:
        line = Text.assemble(
            (f"{spent.steps:4} ", "dim"),
            (outcome.call.name, "bold"),
            f" {told(outcome.call.arguments)}  ",
            (f"{outcome.seconds * 1e3:.0f} ms", "cyan"),
            (f"  {cost(spent)}", "dim"),
            (f"  {outcome.picture}" if outcome.picture else "", "dim"),
        )
        self._console.print(line, soft_wrap=True)
        if outcome.refused:
            self._console.print(Text(f"     {outcome.refused}", "red"), soft_wrap=True)

    def ended(self, ending: Ending, spent: Spent) -> None:
        style = "green" if ending.how == "done" else "red"
        line = f"{ending.how}: {spent.steps} steps, {spent.seconds:.0f} s, {cost(spent)}"
        self._console.print(Text(line, style))


class Asking:
    """Asks the person at the terminal before anything is typed or opened.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._always: set[str] = set()

    async def __call__(self, call: Call) -> bool:
        risky = call.name in _TYPING or "safety" in call.name
        if not risky or call.name in self._always:
            return True
        # JSON shows what a terminal would not: invisible and reversed characters.
        given = {name: value for name, value in call.arguments.items() if name not in _QUIET}
        doing = json.dumps(given)
        question = Text(f"{call.name} {doing}? [y]es, [n]o, [a]lways {call.name} ", "yellow")
        answer = await anyio.to_thread.run_sync(
            self._console.input, question, abandon_on_cancel=True
        )
        if answer.strip().lower() in ("a", "always") and "safety" not in call.name:
            self._always.add(call.name)
            return True
        return answer.strip().lower() in ("y", "yes")


class Answering:
    """Puts what the desktop asks, such as its policy, to the person at the terminal.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        if not isinstance(params, ElicitRequestFormParams):  # by a page: there is none here
            return ElicitResult(action="decline")
        fields = list(params.requested_schema.get("properties", {}))
        how = "[y]es, [N]o" if not fields else "your answer, or nothing to refuse:"
        question = Text.assemble(
            ("The desktop asks: ", "bold"), (f"{_visible(params.message)} {how} ", "yellow")
        )
        said = await anyio.to_thread.run_sync(self._console.input, question, abandon_on_cancel=True)
        answer = said.strip()
        if not fields:
            agreed = answer.lower() in ("y", "yes")
            return ElicitResult(action="accept" if agreed else "decline", content={})
        if not answer:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={fields[0]: answer})


def _visible(text: str) -> str:
    """A text with what a terminal would not show, or obey, as its number."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def told(arguments: Mapping[str, Any]) -> str:
    """Arguments in a few words."""
    words = {name: value for name, value in arguments.items() if name not in _QUIET and value}
    if list(words) == ["coordinate"]:
        return ",".join(map(str, words["coordinate"]))
    text = json.dumps(words, ensure_ascii=False) if words else ""
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def cost(spent: Spent) -> str:
    """What a run has cost, in dollars if that is known."""
    tokens = f"{spent.tokens.total:,} tokens"
    return tokens if spent.dollars is None else f"{tokens}, ${spent.dollars:.4f}"

"""A run in the terminal: what the brain says, what it does, what that costs, and who is asked."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult
from rich.console import Console
from rich.text import Text

from .loop import Call, Ending, Outcome, Spent

_LONG = 60  # characters of a text that are shown
_TYPING = {"type", "key", "hold_key", "key_down", "set", "clipboard", "open", "upload"}
_QUIET = {"screenshot"}  # arguments that say how to answer, not what to do


class Phase:
    """What a run is at, in the last line of a terminal, with its seconds; and how long the person
    there was waited for.

    Args:
        console: Where; nothing is shown if it is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.waited = 0.0
        """Seconds, until now, in which the person was asked."""
        self._name, self._since = "", 0.0
        self._status = console.status("") if console.is_terminal else None

    async def tick(self) -> None:
        """Count the seconds, until cancelled."""
        try:
            while True:
                self._show()
                await anyio.sleep(1)
        finally:
            self.stop()

    def begin(self, name: str) -> None:
        self._name, self._since = name, time.monotonic()
        self._show()

    def stop(self) -> None:
        self._name = ""
        if self._status:
            self._status.stop()

    async def ask(self, question: Text) -> str:
        """Put a question to the person; the answer is a line of theirs."""
        with self._asking():
            return await anyio.to_thread.run_sync(
                self.console.input, question, abandon_on_cancel=True
            )

    @contextmanager
    def _asking(self) -> Generator[None]:
        name, began = self._name, time.monotonic()
        self.stop()
        self.console.bell()
        try:
            yield
        finally:
            self.waited += time.monotonic() - began
            self.begin(name)

    def _show(self) -> None:
        if self._status and self._name:
            seconds = time.monotonic() - self._since
            self._status.update(f"[dim]{self._name} {seconds:.0f} s[/dim]")
            self._status.start()


class Progress:
    """Tells a run on a console, a line for everything.

    Args:
        phase: What the run is at, on that console.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._console = phase.console
        self._acted = 0.0
        self.last = ""
        """What the brain said last."""

    def began(self, model: str, live: str) -> None:
        """The run is about to begin."""
        if live:
            self._console.print(
                Text.assemble("Watch, or take over: ", (live, "cyan")), soft_wrap=True
            )
        self._console.print(Text(f"{model} is asked.", "dim"))
        self._phase.begin("thinking")

    def said(self, text: str) -> None:
        self.last = text
        self._console.print(Text(text, "italic"))

    def doing(self, call: Call) -> None:
        self._phase.begin(call.name)

    def made(self, outcome: Outcome, spent: Spent) -> None:
        self._acted += outcome.seconds
        line = Text.assemble(
            (f"{spent.steps:4} ", "dim"),
            (outcome.call.name, "bold"),
            f" {told(outcome.call.arguments)}  ",
            (f"{outcome.seconds * 1e3:.0f} ms", "cyan"),
            (f"  {cost(spent)}" if spent.tokens.total else "", "dim"),
            (f"  {outcome.picture}" if outcome.picture else "", "dim"),
        )
        self._console.print(line, soft_wrap=True)
        if outcome.refused:
            self._console.print(Text(f"     {outcome.refused}", "red"), soft_wrap=True)
        self._phase.begin("thinking")

    def ended(self, ending: Ending, spent: Spent) -> None:
        self._phase.stop()
        style = "green" if ending.how == "done" else "red"
        waited = self._phase.waited
        thought = max(0.0, spent.seconds - self._acted - waited)
        parts = (
            f"thinking {thought:.0f} s, acting {self._acted:.0f} s, waiting for you {waited:.0f} s"
        )
        line = f"{ending.how}: {spent.steps} steps, {spent.seconds:.0f} s ({parts}), {cost(spent)}"
        self._console.print(Text(line, style))


class Asking:
    """Asks the person at the terminal before anything is typed or opened.

    Args:
        phase: What the run is at, on their console.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._always: set[tuple[str, str]] = set()

    async def __call__(self, call: Call) -> bool:
        place = str(call.arguments.get("into") or call.arguments.get("target") or "")
        risky = call.name in _TYPING or "safety" in call.name
        if not risky or (call.name, place) in self._always:
            return True
        given = {name: value for name, value in call.arguments.items() if name not in _QUIET}
        doing = _visible(json.dumps(given, ensure_ascii=False))
        alike = _visible(f"{call.name} into {place}" if place else call.name)
        question = Text(f"{call.name} {doing}? [y]es, [n]o, [a]lways {alike} ", "yellow")
        answer = await self._phase.ask(question)
        if answer.strip().lower() in ("a", "always") and "safety" not in call.name:
            self._always.add((call.name, place))
            return True
        return answer.strip().lower() in ("y", "yes")


class Answering:
    """Puts what the desktop asks, such as its policy, to the person at the terminal.

    Args:
        phase: What the run is at, on their console.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        if isinstance(params, ElicitRequestURLParams):  # it is done there, and waited for
            told = Text.assemble(
                ("The desktop asks: ", "bold"), (_visible(params.message), "yellow"),
                "\nOpen ", (_visible(params.url), "cyan"),
            )  # fmt: skip
            self._phase.console.print(told, soft_wrap=True)
            return ElicitResult(action="accept")
        fields = list(params.requested_schema.get("properties", {}))
        how = "[y]es, [N]o" if not fields else "your answer, or nothing to refuse:"
        question = Text.assemble(
            ("The desktop asks: ", "bold"), (f"{_visible(params.message)} {how} ", "yellow")
        )
        said = await self._phase.ask(question)
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

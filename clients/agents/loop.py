"""An agent at work: a brain, hands on a desktop, a budget, and a record of it all.

A brain decides, and is a model or a script; how it talks to its model is its own. All it does on
the desktop goes through its `Hands`, one call at a time: asked about, written down, made, written
down again, told. What the desktop answers reaches the brain as it is.
"""

import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, Protocol

import anyio
from mcp_types import Tool

from ..desk import Answer, DeskClient, Refused, Unanswered
from .prices import Price, Tokens
from .recorder import Record, story

NOT_EXECUTED = "Not executed: an earlier computer action in this turn failed."
_LOST = (
    "The desktop did not answer {name} ({why}). It is unknown whether it happened: "
    "look at the screen before anything else."
)
_NOT_ALLOWED = "The person in charge did not allow {name}. Nothing was done."
_PATIENT = {"wait", "wait_for", "screenshot", "hold_key"}  # not futile for changing nothing


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use; 0 is as much as it likes."""

    steps: int = 200
    tokens: int = 0
    seconds: float = 0
    dollars: float = 0
    futile: int = 6
    """The same call this often in a row, refused or without effect, ends the run."""
    silent: int = 3
    """So many calls in a row that the desktop does not answer end it too."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to use, and how."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: the answer, or the sentence it was refused with."""

    call: Call
    answer: Answer | None = None
    refused: str = ""
    seconds: float = 0.0
    """How long the desktop took, without the time a person was asked."""
    picture: str = ""
    """Where in the record's folder the picture is kept."""

    @property
    def text(self) -> str:
        """What the brain is told."""
        return self.answer.text if self.answer else self.refused


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: `text` is what the brain said about the task, or why it was ended."""

    how: Literal["done", "budget", "stuck", "lost", "failed"]
    text: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used, with what it had before it was taken up again."""

    steps: int
    tokens: Tokens
    dollars: float | None
    """None: the model's price is not known."""
    seconds: float


class Watching(Protocol):
    """Is told what happens, as it does."""

    def said(self, text: str) -> None:
        """The brain said something."""
        ...

    def doing(self, call: Call) -> None:
        """A call is about to be made."""
        ...

    def made(self, outcome: Outcome, spent: Spent) -> None:
        """A call was made."""
        ...


Confirm = Callable[[Call], Awaitable[bool]]


class Hands:
    """What a brain does on a desktop, and what that costs.

    Args:
        desk: The desktop.
        record: Where it is written down.
        budget: What may be used.
        price: What the model costs; None if that is not known.
        confirm: Asked before each call; False refuses it. The server has its own say after that.
        watching: Told about everything.
        waited: Seconds a person was asked until now, which are no part of a call's own.
    """

    def __init__(
        self,
        desk: DeskClient,
        record: Record,
        budget: Budget,
        *,
        price: Price | None = None,
        confirm: Confirm | None = None,
        watching: Watching | None = None,
        waited: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.desk = desk
        self.record = record
        self.budget = budget
        self._price = price
        self._confirm = confirm
        self._watching = watching
        self._waited = waited
        self._steps, self._tokens, self._dollars = record.spent()
        self._began = time.monotonic()
        self._last: tuple[str, str] = ("", "")
        self._futile = 0
        self._silent = 0
        self._scope = anyio.CancelScope()
        self._ending: Ending | None = None

    @property
    def spent(self) -> Spent:
        seconds = time.monotonic() - self._began
        return Spent(self._steps, self._tokens, self._dollars, seconds)

    async def tools(self) -> list[Tool]:
        """The tools the desktop has."""
        return (await self.desk.mcp.list_tools()).tools

    async def do(self, name: str, /, **arguments: Any) -> Outcome:
        """Make a call; a refusal is an outcome, too."""
        await self._may_step()
        call = Call(name, arguments)
        number = self.record.asked(name, arguments)
        self._steps += 1
        if self._watching:
            self._watching.doing(call)
        began, waited = time.monotonic(), self._waited()
        answer, refused = None, ""
        try:
            if self._confirm is None or await self._confirm(call):
                answer = await self.desk.call(name, **arguments)
                self._silent = 0
            else:
                refused = _NOT_ALLOWED.format(name=name)
        except Refused as why:
            refused = str(why)
            self._silent = 0
        except Unanswered as why:
            refused = _LOST.format(name=name, why=why)
            self._silent += 1
        picture = self.record.keep(answer.data, answer.mime) if answer and answer.data else ""
        seconds = time.monotonic() - began - (self._waited() - waited)
        outcome = Outcome(call, answer, refused, seconds, picture)
        self.record.write(
            "answered", call=number, ok=answer is not None, text=outcome.text,
            ms=round(outcome.seconds * 1e3, 1), picture=picture,
        )  # fmt: skip
        if self._watching:
            self._watching.made(outcome, self.spent)
        await self._may_go_on(outcome)
        return outcome

    async def in_order(self, calls: Sequence[Call]) -> list[Outcome]:
        """Make the calls of one turn in order; after one that is refused the rest are not made."""
        outcomes: list[Outcome] = []
        for call in calls:
            failed = any(outcome.refused for outcome in outcomes)
            outcomes.append(
                Outcome(call, refused=NOT_EXECUTED)
                if failed
                else await self.do(call.name, **call.arguments)
            )
        return outcomes

    async def look(self) -> Answer | None:
        """The screen for the brain to see, which is no step of its own; None if there is none."""
        try:
            seen = await self.desk.screenshot()
        except (Refused, Unanswered):
            return None
        if not seen.data:
            return None
        self.record.write("looked", picture=self.record.keep(seen.data, seen.mime))
        return seen

    def said(self, text: str) -> None:
        """Write down and tell what the brain says."""
        self.record.write("said", text=text)
        if self._watching:
            self._watching.said(text)

    async def paid(self, tokens: Tokens) -> None:
        """Count what a turn of the model cost; does not return if that was too much."""
        dollars = self._price.of(tokens) if self._price else None
        had = self._tokens
        self._tokens = Tokens(
            had.sent + tokens.sent,
            had.received + tokens.received,
            had.cache_read + tokens.cache_read,
            had.cache_written + tokens.cache_written,
        )
        if self._dollars is not None:
            self._dollars = None if dollars is None else self._dollars + dollars
        self.record.write(
            "turn", sent=tokens.sent, received=tokens.received, cache_read=tokens.cache_read,
            cache_written=tokens.cache_written, dollars=dollars,
        )  # fmt: skip
        if 0 < self.budget.tokens <= self._tokens.total:
            await self.stop("budget", f"All {self.budget.tokens:,} tokens are used.")
        if self.budget.dollars and (self._dollars or 0) >= self.budget.dollars:
            await self.stop("budget", f"All of the ${self.budget.dollars:.2f} is spent.")

    async def work(self, brain: "Brain", task: str) -> Ending:
        """Let a brain work until it is done, or has to be stopped."""
        limit = self.budget.seconds or math.inf
        with anyio.move_on_after(limit) as timed, self._scope:
            return Ending("done", await brain.work(task, self))
        if self._ending:
            return self._ending
        assert timed.cancelled_caught
        return Ending("budget", f"The {limit:g} seconds are over.")

    async def stop(self, how: Literal["budget", "stuck", "lost"], why: str) -> NoReturn:
        """End the run from inside a call, whatever the brain's SDK catches in between."""
        self._ending = Ending(how, why)
        self._scope.cancel()
        await anyio.sleep_forever()
        raise AssertionError

    async def _may_step(self) -> None:
        if 0 < self.budget.steps <= self._steps:
            await self.stop("budget", f"All {self.budget.steps} steps are used.")

    async def _may_go_on(self, outcome: Outcome) -> None:
        if self._silent >= self.budget.silent:
            await self.stop("lost", f"The desktop is gone: {outcome.refused}")
        made = outcome.call.name, json.dumps(outcome.call.arguments, sort_keys=True)
        still = outcome.answer is not None and outcome.answer.facts.get("changed", 0) is None
        futile = outcome.refused or (still and outcome.call.name not in _PATIENT)
        self._futile = self._futile * (made == self._last) + 1 if futile else 0
        self._last = made
        if self.budget.futile and self._futile >= self.budget.futile:
            why = f"{made[0]} {made[1]} was tried {self._futile} times in a row to no effect"
            await self.stop("stuck", f"{why}: {outcome.text}")


class Brain(Protocol):
    """Does tasks; a model, or a script."""

    async def work(self, task: str, hands: Hands) -> str:
        """Work on a task until it is done; returns what there is to say about it."""
        ...


async def run(
    brain: Brain,
    hands: Hands,
    task: str,
    /,
    *,
    failures: tuple[type[Exception], ...] = (),
    **about: Any,
) -> Ending:
    """Let a brain work on a task, or go on with it if the record has a beginning.

    Args:
        brain: What decides.
        hands: What it does that with.
        task: What is to be done, in words.
        failures: How the API of its model fails, which ends the run.
        about: What else the record's first line is to say.
    """
    before = hands.record.lines
    if any(line["kind"] == "asked" for line in before):
        hands.record.write("resumed", **about)
        told = f"{task}\n\n{story(before)}"
    else:
        hands.record.write("began", task=task, **about)
        told = task
    try:
        ending = await hands.work(brain, told)
    except failures as why:
        ending = Ending("failed", f"The model's API does not go on: {why}")
    hands.record.write("ended", how=ending.how, text=ending.text)
    return ending

"""The reference loop: ask a brain, do what it says, show it what came of it, until it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .desk import Answer, DeskClient, Refused

NOT_EXECUTED = "Not executed: an earlier computer action in this turn failed."


@dataclass(frozen=True, slots=True)
class Call:
    """A tool the brain wants to use."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Done:
    """The brain has nothing more to do; `text` is what it says about the task."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: the answer, or the sentence it was refused with."""

    call: Call
    answer: Answer | None = None
    refused: str = ""


class Brain(Protocol):
    """Decides what to do next; a model, or a script."""

    async def decide(self, task: str, outcomes: Sequence[Outcome]) -> Sequence[Call] | Done:
        """What to do, after the outcomes of what it decided last (none at first)."""
        ...


class OutOfSteps(Exception):
    """The brain used all the calls it had without being done."""


async def run(
    brain: Brain,
    desk: DeskClient,
    task: str,
    *,
    most_calls: int = 100,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> str:
    """Let a brain work on a task; returns what it says in the end.

    The calls of one decision are made in order; after one that is refused the rest are not made,
    and the brain is told so.

    Args:
        brain: What decides.
        desk: The desktop.
        task: What is to be done, in words.
        most_calls: How many calls it may make.
        tell: Told about each call when it has been made.

    Raises:
        OutOfSteps: It made `most_calls` calls and was not done.
    """
    outcomes: list[Outcome] = []
    made = 0
    while True:
        decided = await brain.decide(task, outcomes)
        if isinstance(decided, Done):
            return decided.text
        outcomes = []
        for call in decided:
            if made == most_calls:
                raise OutOfSteps(f"{most_calls} calls were made and the task is not done")
            made += 1
            failed = any(outcome.refused for outcome in outcomes)
            outcome = Outcome(call, refused=NOT_EXECUTED) if failed else await _make(desk, call)
            outcomes.append(outcome)
            tell(outcome)


async def _make(desk: DeskClient, call: Call) -> Outcome:
    try:
        return Outcome(call, await desk.call(call.name, **call.arguments))
    except Refused as why:
        return Outcome(call, refused=str(why))

"""Questions to people: open, answered, or expired.

The same question of the same agent is one question: asked again while it is open it is the same,
and asked again after it was answered it has its answer. So an answer that comes late is not lost.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from ..recording.actor import Actor
from ..recording.recorder import Recorder

Kind = Literal["question", "login", "captcha", "approve"]

KEPT = 600.0  # seconds a question stays, answered or not
_MOST = 20  # open questions of one credential; the oldest goes first
BY_HAND: tuple[Kind, ...] = ("login", "captcha")
"""Kinds that are answered by doing it: by a hand-back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said or did."""

    by: str
    approved: bool = True
    """False: they said no, or would not answer."""
    text: str = ""
    did: tuple[str, ...] = ()
    dismissed: bool = False
    """Whether the question was closed without an answer, which counts as a no."""


@dataclass(slots=True)
class Question:
    """One question, and its answer when there is one."""

    id: str
    kind: Kind
    text: str
    choices: tuple[str, ...]
    asked_by: Actor
    key: str
    since: float
    """Seconds since 1970."""
    holder: str = ""
    """The credential it was asked with, which cannot answer it."""
    rule: str = ""
    """The rule of the policy that asks; empty when the agent asks, in words of its own."""
    answer: Answer | None = None
    put_to_client: bool = False
    """Whether the agent's client was asked too: only then it may answer."""
    answered: anyio.Event = field(default_factory=anyio.Event)

    @property
    def until(self) -> float:
        return self.since + KEPT

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "text": self.text, "choices": list(self.choices),
            "asked_by": self.asked_by.name, "since": self.since, "until": self.until,
            "rule": self.rule,
        }  # fmt: skip


class Questions:
    """The questions at one desktop. Used on the event loop only.

    Args:
        record: Told of all that is asked and answered.
        rang: Called whenever what is open has changed.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        record: Recorder,
        rang: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._record = record
        self._rang = rang
        self._clock = clock
        self._asked = 0
        self._kept: dict[str, Question] = {}

    @property
    def open(self) -> list[Question]:
        """Those without an answer, the oldest first."""
        self._expire()
        return [one for one in self._kept.values() if one.answer is None]

    def find(self, id: str) -> Question | None:
        """The question of an id, if it is kept."""
        self._expire()
        return self._kept.get(id)

    def ask(
        self,
        who: Actor,
        kind: Kind,
        text: str,
        choices: tuple[str, ...] = (),
        *,
        of: str = "",
        holder: str = "",
        rule: str = "",
    ) -> Question:
        """Open a question, or find it again.

        Args:
            who: The agent.
            kind: What it wants.
            text: The question, for people.
            choices: Answers to choose from.
            of: What makes it the same question again, if not its text.
            holder: The credential it is asked with.
            rule: The rule of the policy that asks, if it is not the agent.
        """
        self._expire()
        key = f"{who.key}\n{kind}\n{rule}\n{of or text}"
        for one in self._kept.values():
            if one.key == key:
                return one
        self._asked += 1
        since = self._clock()
        asked = Question(f"q{self._asked}", kind, text, choices, who, key, since, holder, rule)
        self._kept[asked.id] = asked
        own = [one for one in self.open if (one.holder or one.asked_by.key) == (holder or who.key)]
        for one in own[:-_MOST]:  # those of others stay
            del self._kept[one.id]
        self._record.note(who, "ask", f"asks: {text}")
        self._rang()
        return asked

    def answer(self, question: Question, answer: Answer, by: Actor) -> None:
        """Answer a question; the first answer counts."""
        if question.answer is not None:
            return
        question.answer = answer
        question.answered.set()
        said = answer.text or ("yes" if answer.approved else "no")
        self._record.note(by, "answer", f"answered “{question.text}”: {said}")
        self._rang()

    def done_by_hand(self, by: Actor, note: str, did: tuple[str, ...]) -> None:
        """A person has handed back: what was to be done by hand is."""
        for one in self.open:
            if one.kind in BY_HAND:
                self.answer(one, Answer(by.name, text=note, did=did), by)

    def close(self, question: Question) -> None:
        """Forget a question whose answer has reached the agent."""
        self._kept.pop(question.id, None)

    def due(self) -> float | None:
        """Seconds until one expires; None: there is none."""
        self._expire()
        return min((one.until - self._clock() for one in self._kept.values()), default=None)

    def _expire(self) -> None:
        now = self._clock()
        gone = [one for one in self._kept.values() if now >= one.until]
        for one in gone:
            del self._kept[one.id]
        if gone:
            self._rang()

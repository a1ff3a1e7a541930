"""Questions to people: open, answered, or expired.

The same question of the same agent is one question: asked again while it is open it is the same,
and asked again after it was answered it has its answer. So an answer that comes late is not lost.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from gloveport.sandbox.imaging.image import Picture

from ..recording.actor import Actor
from ..recording.recorder import Recorder, Said

Kind = Literal["question", "login", "captcha", "approve"]

Asker = Literal["waiting", "client", "gave_up", "gone"]
"""Whoever asked waits in a call; has its client ask too; has given up; or has disconnected."""

KEPT = 600.0  # seconds a question stays, answered or not
ALLOWED = 600.0  # seconds a yes for a site is good for
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
    site: str = ""
    """The origin of the page it is about, such as "https://shop.example"; empty for no page."""
    said: Said = field(default_factory=Said)
    """What the policy asks, as a code with arguments; empty when an agent asks."""
    picture: Picture | None = None
    """The place it is about."""
    ring: tuple[float, float] = (0.5, 0.5)
    """Where in the picture, from its left and top edge; 1 is its width and height."""
    answer: Answer | None = None
    put_to_client: bool = False
    """Whether the agent's client was asked too: only then it may answer."""
    waiting: int = 0
    """Calls that wait for the answer now."""
    waited_until: float = 0.0
    """When the last of them gave up, in seconds since 1970; 0 before that."""
    gone: bool = False
    """Whether the last of them ended because its client went away."""
    answered: anyio.Event = field(default_factory=anyio.Event)

    @property
    def until(self) -> float:
        return self.since + KEPT

    @property
    def asker(self) -> Asker:
        """Whether whoever asked still waits for the answer."""
        if self.waiting:
            return "waiting"
        if self.gone:
            return "gone"
        return "client" if self.put_to_client else "gave_up"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "text": self.text, "choices": list(self.choices),
            "asked_by": self.asked_by.name, "since": self.since, "until": self.until,
            "rule": self.rule, "said": self.said,
            "asker": self.asker, "waited_until": self.waited_until,
            "site": self.site.partition("://")[2], "ring": self.ring if self.picture else None,
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
        self._allowed: dict[tuple[str, str, str], tuple[float, str]] = {}
        """Until when, and by whom, an agent may do what a rule asks about on a site."""

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
        site: str = "",
        said: Said | None = None,
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
            site: The origin of the page it is about, if the policy asks.
            said: The question as a code with arguments, if the policy asks.
        """
        self._expire()
        key = f"{who.key}\n{kind}\n{rule}\n{of or text}"
        for one in self._kept.values():
            if one.key == key:
                return one
        self._asked += 1
        since = self._clock()
        asked = Question(
            f"q{self._asked}", kind, text, choices, who, key, since, holder, rule, site,
            said or Said(),
        )  # fmt: skip
        self._kept[asked.id] = asked
        own = [one for one in self.open if (one.holder or one.asked_by.key) == (holder or who.key)]
        for one in own[:-_MOST]:  # those of others stay
            del self._kept[one.id]
        asks: Said = {"code": "asks", "text": text, "question": asked.said}
        self._record.note(who, "ask", f"asks: {text}", said=asks)
        self._rang()
        return asked

    def answer(self, question: Question, answer: Answer, by: Actor) -> None:
        """Answer a question; the first answer counts."""
        if question.answer is not None:
            return
        question.answer = answer
        question.answered.set()
        told = answer.text or ("yes" if answer.approved else "no")
        said: Said = {
            "code": "answered",
            "text": question.text,
            "question": question.said,
            "answer": answer.text,
            "yes": answer.approved,
        }
        self._record.note(by, "answer", f"answered “{question.text}”: {told}", said=said)
        self._rang()

    def allow(self, asked: Question, by: Actor) -> None:
        """Let the same agent do what the same rule asks about on the same site, for a while."""
        key = asked.asked_by.key, asked.rule, asked.site
        self._allowed[key] = self._clock() + ALLOWED, by.name
        told = f"allowed it on {asked.site} for {ALLOWED / 60:.0f} minutes (rule {asked.rule})"
        said: Said = {"code": "allowed", "site": asked.site, "rule": asked.rule}
        self._record.note(by, "allow", told, said=said)

    def allowed(self, who: Actor, rule: str, site: str) -> bool:
        """Whether a person has allowed that a short while ago."""
        until, _ = self._allowed.get((who.key, rule, site), (0.0, ""))
        return bool(site) and self._clock() < until

    def disallow(self) -> None:
        """Ask about everything again."""
        self._allowed.clear()

    def done_by_hand(self, by: Actor, note: str, did: tuple[str, ...]) -> None:
        """A person has handed back: what was to be done by hand is."""
        for one in self.open:
            if one.kind in BY_HAND:
                self.answer(one, Answer(by.name, text=note, did=did), by)

    @contextmanager
    def awaited(self, question: Question) -> Generator[None]:
        """Count a call that waits for an answer, and note how it ends without one."""
        question.waiting += 1
        question.gone = False
        self._rang()
        try:
            yield
        except anyio.get_cancelled_exc_class():
            question.gone = question.waiting == 1
            raise
        finally:
            question.waiting -= 1
            question.waited_until = self._clock()
            self._rang()

    def changed(self) -> None:
        """Tell that something of a question has changed."""
        self._rang()

    def disconnected(self, key: str) -> None:
        """An agent has disconnected: it waits for no answer any more."""
        for one in self.open:
            one.gone = one.gone or one.asked_by.key == key
        self._rang()

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

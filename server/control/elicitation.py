"""How a question reaches a person: on the live view if somebody there may decide, else through the
agent's client if it takes questions (MCP elicitation), else not at all, which is said.

A client is asked by a request of ours, or by the answer to its call, as it can: then it calls again
with what the person said. What comes back for a question that was not put to that client is not
heard.
"""

import logging
from collections.abc import Sequence
from typing import Any

import anyio

from gloveport.sandbox.errors import NotAllowed

from ..recording.actor import Actor
from ..recording.describe import QUOTES, plain
from .call import Call, Client, Reply
from .questions import BY_HAND, KEPT, Answer, Kind, Question, Questions
from .session import DesktopSession

logger = logging.getLogger(__name__)

_LONGEST_CHOICE = 100  # characters
LONGEST = 40.0  # seconds a call waits for a person, of the 50 it has


class NobodyThere(NotAllowed):
    def __init__(self, what: str, path: str) -> None:
        super().__init__(
            f"{what}, and nobody can be asked now: no live view is open, and your client takes no "
            f"questions (MCP elicitation). A person can answer at {path} within "
            f"{KEPT / 60:.0f} minutes; make the same call again then."
        )


class NobodyAnswered(NotAllowed):
    def __init__(self, what: str, seconds: float, path: str) -> None:
        super().__init__(
            f"{what}, and nobody has answered within {seconds:.0f} s. A person can still answer at "
            f"{path} for {KEPT / 60:.0f} minutes; make the same call again to hear it."
        )


class SaidNo(NotAllowed):
    def __init__(self, what: str, by: str, text: str, *, dismissed: bool = False) -> None:
        said = "closed the question without an answer, which is a no" if dismissed else "said no"
        why = f" They say: “{text}”" if text else ""
        super().__init__(f"{by[:1].upper()}{by[1:]} {said}: {what}. It was not done.{why}")


class Elicitation:
    """Asks the people at one desktop.

    Args:
        sharing: The people, and what they are asked.
        longest: Seconds to wait for them.
    """

    def __init__(self, sharing: DesktopSession, longest: float = LONGEST) -> None:
        self._sharing = sharing
        self._questions: Questions = sharing.questions
        self._clean = sharing.desktop.settings.vault.cut
        self.longest = longest
        self.path = f"/live/{sharing.desktop.settings.name} (`gloveport live` prints a link)"

    def open(
        self,
        who: Actor,
        kind: Kind,
        text: str,
        choices: Sequence[str] = (),
        *,
        of: str = "",
        holder: str = "",
        rule: str = "",
    ) -> Question:
        """Open a question, or find it again; see `Questions.ask`."""
        scrub = self._sharing.desktop.settings.vault.scrub
        cleaned = tuple(plain(scrub(one))[:_LONGEST_CHOICE] for one in choices)
        words = plain(scrub(text))
        return self._questions.ask(who, kind, words, cleaned, of=of, holder=holder, rule=rule)

    async def answered(
        self, question: Question, client: Client, what: str, seconds: float = LONGEST
    ) -> Answer | None:
        """What a person says to a question; None: the client has to ask, and to call again.

        Args:
            question: The question.
            client: Makes the call that asks it.
            what: What needs an answer, as the beginning of a sentence.
            seconds: How long to wait for it, if that is shorter than usual.

        Raises:
            NobodyThere: Nobody can be asked.
            NobodyAnswered: Nobody has answered in time.
        """
        seconds = min(seconds, self.longest)
        if question.answer is None:
            if self._sharing.deciding(question.holder):
                with anyio.move_on_after(seconds):
                    await question.answered.wait()
            elif client.asks == "never":
                raise NobodyThere(what, self.path)
            elif client.asks == "in its answer":
                question.put_to_client = True
                return None
            else:
                await self._put_to(client, question, seconds)
        if question.answer is None:
            raise NobodyAnswered(what, seconds, self.path)
        self._questions.close(question)
        return question.answer

    def hear(self, call: Call) -> None:
        """Take what a call that comes again says to the question it was answered by."""
        if call.reply is None:
            return
        asked, reply = call.reply
        question = self._questions.find(asked)
        if question is None or not question.put_to_client or question.asked_by.key != call.who.key:
            logger.info("%s answered a question it was not asked", call.who.name)
            return
        self._take(question, reply)

    async def _put_to(self, client: Client, question: Question, seconds: float) -> None:
        """Ask the client; whoever answers first counts, it or somebody who opens a live view."""
        question.put_to_client = True

        async def ask() -> None:
            reply = await client.ask(message(question), form(question))
            if reply is not None:
                self._take(question, reply)

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await question.answered.wait()
                tasks.cancel_scope.cancel()

    def _take(self, question: Question, reply: Reply) -> None:
        name = f"the user of {question.asked_by.name}"
        text = self._clean(reply.text, 2000)
        answer = Answer(name, reply.accepted, text, dismissed=reply.dismissed)
        self._questions.answer(question, answer, Actor("person", "", name))


def message(question: Question) -> str:
    """The question for the client's user: who asks comes first, so that no words can fake it."""
    if question.rule:
        return f"gloveport's policy asks (rule {plain(question.rule)!r}): {question.text}"
    who = question.asked_by.name.translate(QUOTES)
    asked = f"The agent “{who}” asks in its own words: “{question.text.translate(QUOTES)}”"
    if question.kind in BY_HAND:
        return f"{asked} Do it on the live view of the desktop, then confirm here."
    return asked


def form(question: Question) -> dict[str, Any]:
    """The form: a yes is to accept it; words only where words are asked for."""
    if question.kind == "approve":
        return {"type": "object", "properties": {}}
    if question.kind in BY_HAND:
        note = {"type": "string", "title": "Note", "description": "What the agent should know."}
        return {"type": "object", "properties": {"note": note}}
    answer: dict[str, Any] = {"type": "string", "title": "Answer"}
    if question.choices:
        answer["enum"] = list(question.choices)
    return {"type": "object", "properties": {"answer": answer}, "required": ["answer"]}

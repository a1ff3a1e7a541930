"""How a question reaches a person: on the live view if somebody there may decide, and through the
agent's client if it takes questions (MCP elicitation); the first answer counts. If there is neither
it is not asked, which is said.

A client is asked by a request of ours, or by the answer to its call, as it can: then it calls again
with what the person said. What comes back for a question that was not put to that client is not
heard.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import anyio

from gloveport.sandbox.errors import NotAllowed, SandboxError
from gloveport.sandbox.geometry import Point

from ..recording.actor import Actor
from ..recording.describe import QUOTES, plain
from ..recording.recorder import Said
from .call import Call, Client, Reply
from .lease import State
from .questions import BY_HAND, KEPT, Answer, Kind, Question, Questions
from .session import DesktopSession

logger = logging.getLogger(__name__)

_LONGEST_CHOICE = 100  # characters
LONGEST = 40.0  # seconds a call waits for a person, of the 50 it has
_SHOWN = 400, 180  # pixels of the screenshot around the place a question is about
_VIEW_FIRST = 10.0  # seconds for the live view alone, where asking the client ends the call


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
        address: Where browsers reach the server; empty: nowhere.
        longest: Seconds to wait for them.
    """

    def __init__(
        self,
        sharing: DesktopSession,
        address: Callable[[], str] = lambda: "",
        longest: float = LONGEST,
    ) -> None:
        self._sharing = sharing
        self._address = address
        self._questions: Questions = sharing.questions
        self._clean = sharing.desktop.settings.vault.cut
        self.longest = longest
        self.path = f"/live/{sharing.desktop.settings.name} (`gloveport live` prints a link)"

    def pause(self, who: Actor, *, stop: bool) -> None:
        """Let agents act no more, as the user of an agent's own client has asked."""
        self._sharing.pause(Actor("person", "", f"the user of {who.name}"), stop=stop)

    @property
    def shown(self) -> dict[str, Any]:
        """What a client shows its user beside the screen: what is asked, and who has paused."""
        lease = self._sharing.lease
        asked = [one.text for one in self._questions.open if not one.gone]
        told: dict[str, Any] = {"questions": asked} if asked else {}
        if lease.state is State.PAUSED and lease.who:
            told["paused"] = lease.who.name
        return told

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
        site: str = "",
        said: Said | None = None,
    ) -> Question:
        """Open a question, or find it again; see `Questions.ask`."""
        scrub = self._sharing.desktop.settings.vault.scrub
        cleaned = tuple(plain(scrub(one))[:_LONGEST_CHOICE] for one in choices)
        words = plain(scrub(text))
        return self._questions.ask(
            who, kind, words, cleaned, of=of, holder=holder, rule=rule, site=site, said=said
        )

    async def picture(self, question: Question, at: Point | None) -> None:
        """Take a picture of the place a question is about, for people to see what they allow."""
        desktop, full = self._sharing.desktop, self._sharing.desktop.view.picture
        if at is None or question.answer is not None:
            return
        wide, high = min(_SHOWN[0], full.width), min(_SHOWN[1], full.height)
        left = max(0, min(at.x - wide // 2, full.width - wide))
        top = max(0, min(at.y - high // 2, full.height - high))
        with suppress(SandboxError):  # the question stands without it
            question.picture = await desktop.peek((left, top, left + wide, top + high))
            question.ring = ((at.x - left) / wide, (at.y - top) / high)
            self._questions.changed()

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
            with self._questions.awaited(question):
                if not await self._wait(question, client, what, seconds):
                    return None
        if question.answer is None:
            raise NobodyAnswered(what, seconds, self.path)
        self._questions.close(question)
        return question.answer

    async def _wait(self, question: Question, client: Client, what: str, seconds: float) -> bool:
        """Ask at the live view and in the client, and wait for the first answer; False: the client
        has to ask, and to call again.

        Raises:
            NobodyThere: There is neither.
        """
        deciding = self._sharing.deciding(question.holder)
        by_hand = question.kind in BY_HAND
        if client.links and self._address() and (by_hand or client.asks == "never"):
            await self._put_to(client, question, seconds, link=True)
            return True
        match client.asks:
            case "now":
                await self._put_to(client, question, seconds)
                return True
            case "in its answer":
                with anyio.move_on_after(min(seconds, _VIEW_FIRST) if deciding else 0):
                    await question.answered.wait()
                if question.answer is None:
                    question.put_to_client = True
                return question.answer is not None
            case "never":
                if not deciding:
                    raise NobodyThere(what, self.path)
                with anyio.move_on_after(seconds):
                    await question.answered.wait()
                return True

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

    async def _put_to(
        self, client: Client, question: Question, seconds: float, *, link: bool = False
    ) -> None:
        """Ask the client, or send its user to the live view; the first answer counts."""
        question.put_to_client = True

        async def ask() -> None:
            if link:
                url = f"{self._address()}/live/{self._sharing.desktop.settings.name}"
                reply = await client.link(message(question), url, question.id)
                if reply and reply.accepted:
                    return  # they open it, and answer there
            else:
                reply = await client.ask(message(question), form(question))
            if reply:
                self._take(question, reply)

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await question.answered.wait()
                tasks.cancel_scope.cancel()

    def _take(self, question: Question, reply: Reply) -> None:
        if reply.dismissed and self._sharing.deciding(question.holder):
            return  # closed without an answer, by a client that cannot ask or a person who waits
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

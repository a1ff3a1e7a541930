"""How a question reaches a person: on the live view if somebody there may decide, else through the
agent's client if it takes questions (MCP elicitation), else not at all, which is said.

In the handshake era the client is asked by a request of ours, which travels on its stream for the
server's own messages: an answer in JSON carries nothing else. Since 2026-07-28 it is asked by the
answer to its call, and calls again with what the person said. The SDK seals the id of the question
that goes along; what comes back for a question that was not put to that client is not heard.
"""

import logging
from collections.abc import Sequence
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from pydantic import ValidationError

from gloveport.sandbox.errors import NotAllowed

from ..recording.actor import Actor
from ..recording.describe import QUOTES, plain
from .questions import BY_HAND, KEPT, Answer, Kind, Question, Questions
from .session import DesktopSession

logger = logging.getLogger(__name__)

_ASKED_IN_ANSWERS = "2026-07-28"  # the first version of the protocol whose answers ask
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


class AskClient(Exception):
    """The call has to be answered by a question to its client."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.id)
        self.question = question

    @property
    def result(self) -> InputRequiredResult:
        asked = self.question
        params = ElicitRequestFormParams(message=_message(asked), requested_schema=_schema(asked))
        return InputRequiredResult(
            input_requests={asked.id: ElicitRequest(params=params)}, request_state=asked.id
        )


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
        self,
        question: Question,
        context: Context[Any, Any] | None,
        what: str,
        seconds: float = LONGEST,
    ) -> Answer:
        """What a person says to a question.

        Args:
            question: The question.
            context: The call that asks it.
            what: What needs an answer, as the beginning of a sentence.
            seconds: How long to wait for it, if that is shorter than usual.

        Raises:
            NobodyThere: Nobody can be asked.
            NobodyAnswered: Nobody has answered in time.
            AskClient: The client asks, and calls again.
        """
        seconds = min(seconds, self.longest)
        if question.answer is None:
            if self._sharing.deciding(question.holder):
                with anyio.move_on_after(seconds):
                    await question.answered.wait()
            elif context is None or not _takes_questions(context):
                raise NobodyThere(what, self.path)
            elif (context.protocol_version or "") >= _ASKED_IN_ANSWERS:
                question.put_to_client = True
                raise AskClient(question)
            else:
                await self._put_to(context, question, seconds)
        if question.answer is None:
            raise NobodyAnswered(what, seconds, self.path)
        self._questions.close(question)
        return question.answer

    def hear(self, context: Context[Any, Any] | None, who: Actor) -> None:
        """Take what a call that comes again says to the question it was answered by."""
        if context is None or not context.request_state or not context.input_responses:
            return
        question = self._questions.find(context.request_state)
        if question is None or not question.put_to_client or question.asked_by.key != who.key:
            logger.info("%s answered a question it was not asked", who.name)
            return
        said = context.input_responses.get(question.id)
        if isinstance(said, ElicitResult):
            self._take(question, said)

    async def _put_to(self, context: Context[Any, Any], question: Question, seconds: float) -> None:
        """Ask the client; whoever answers first counts, it or somebody who opens a live view."""
        question.put_to_client = True

        async def ask() -> None:
            try:
                said = await context.session.elicit_form(_message(question), _schema(question))
            except (MCPError, ValidationError) as why:
                logger.info("the client was not asked: %s", why)
            else:
                self._take(question, said)

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await question.answered.wait()
                tasks.cancel_scope.cancel()

    def _take(self, question: Question, said: ElicitResult) -> None:
        name = f"the user of {question.asked_by.name}"
        content = said.content or {}
        words = next((value for value in content.values() if isinstance(value, str)), "")
        accepted = said.action == "accept"
        self._questions.answer(
            question,
            Answer(
                name, accepted, self._clean(words.strip(), 2000), dismissed=said.action == "cancel"
            ),
            Actor("person", "", name),
        )


def _takes_questions(context: Context[Any, Any]) -> bool:
    """Whether a client has said that it can ask its user by a form."""
    able = context.client_capabilities
    form = able.elicitation if able else None
    # Before there were kinds of them, an empty object meant forms.
    return form is not None and (form.form is not None or form.url is None)


def _message(question: Question) -> str:
    """The question for the client's user: who asks comes first, so that no words can fake it."""
    if question.rule:
        return f"gloveport's policy asks (rule {plain(question.rule)!r}): {question.text}"
    who = question.asked_by.name.translate(QUOTES)
    asked = f"The agent “{who}” asks in its own words: “{question.text.translate(QUOTES)}”"
    if question.kind in BY_HAND:
        return f"{asked} Do it on the live view of the desktop, then confirm here."
    return asked


def _schema(question: Question) -> ElicitRequestedSchema:
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

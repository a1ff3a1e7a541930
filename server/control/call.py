"""One call of a tool and what comes of it, as values that know nothing of the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from gloveport.sandbox.imaging.image import Picture

from ..auth.principal import HERE, Passport, Principal
from ..recording.actor import Actor
from .policy import NeedsYes
from .questions import Question

AsksHow = Literal["never", "now", "in its answer"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the user of a client said to a question.

    Args:
        accepted: They said yes, or gave an answer.
        dismissed: They closed the question.
        text: Their words.
    """

    accepted: bool
    dismissed: bool = False
    text: str = ""


class Client(Protocol):
    """The program at the other end of a call."""

    @property
    def asks(self) -> AsksHow:
        """How it can put a question to its user: by a request, or by the answer to its call."""
        ...

    async def ask(self, message: str, form: Mapping[str, Any]) -> Reply | None:
        """Ask its user now, by a form (JSON schema); None: it could not be asked."""
        ...

    @property
    def links(self) -> bool:
        """Whether it can send its user to an address, while the call waits."""
        ...

    async def link(self, message: str, url: str, id: str) -> Reply | None:
        """Offer its user to open an address; a yes says that they do, and nothing else. None: it
        could not be offered."""
        ...

    async def gone(self) -> None:
        """Return when it has hung up."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as it came.

    Args:
        tool: The name it was called by; there may be no such tool.
        arguments: Not checked yet.
        who: Who calls.
        passport: What their credential allows.
        client: The program they call by.
        number: Which of its caller's calls it is, if the caller counts them; else 0.
        one_client: Whether no other client can be known by the name of this caller.
        reply: The id of a question, and what the client's user said to it.
    """

    tool: str
    arguments: Mapping[str, Any]
    who: Actor
    passport: Passport
    client: Client
    number: int = 0
    one_client: bool = False
    reply: tuple[str, Reply] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a call is answered: a picture, then facts, then text; each may be missing.

    Args:
        facts: One JSON object; of a batch that stopped, one for each step.
        written: The facts as they are sent, once they are redacted.
        text: What is told besides the facts, or the sentence of a refusal.
        picture: The screen, or a part of it.
        is_error: It was refused, or has failed.
        question: What the client has to ask its user first, to call again.
        approval: What a person has to say yes to first.
        why: The kind of a refusal that people have brought about, such as PersonDrives.
    """

    facts: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    written: str = ""
    text: str = ""
    picture: Picture | None = None
    is_error: bool = False
    question: Question | None = None
    approval: NeedsYes | None = None
    why: str = ""

    @property
    def error(self) -> str:
        """Why it was refused or has failed, as it is sent; empty if it was done."""
        return " ".join(filter(None, (self.written, self.text))) if self.is_error else ""


def refusal(sentence: str) -> Result:
    """A result that says what could not be done."""
    return Result(text=sentence, is_error=True)


@dataclass(slots=True)
class Caller:
    """Who calls, and what they know of the screen."""

    who: Actor
    seen: int = 0
    """The look of the last picture they were sent."""
    known: int = 0
    """The look of the last answer they were sent."""
    outline: int = 0
    """The frame of the last screen they were told as text, whole or what had changed."""
    epoch: int = 0
    """The hand-back after which they last looked; see lease.py."""
    losses: int = 0
    """How many losses of the desktop they know of."""
    grant: Principal = field(default=HERE)
    """What they may do."""

"""What somebody who came in may do.

Rule 1: who may control may view and use files; who may admin may do all on all desktops.
Rule 2: `approve`, to answer what needs a person's yes, is for people: a token that has it can make
    links by which browsers sign in, and the session of such a browser may answer. A request that
    shows a token, and a process of this user's own, never may.
Rule 3: the door decides who somebody is, once for each request; everybody else asks the passport it
    put there. Where there should be one and is none, nothing is allowed.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from starlette.requests import HTTPConnection
from starlette.types import Scope as Asgi

Scope = Literal["view", "files", "control", "approve", "admin"]
SCOPES: tuple[Scope, ...] = ("view", "files", "control", "approve", "admin")
_INCLUDES: dict[Scope, frozenset[Scope]] = {
    "view": frozenset({"view"}),
    "files": frozenset({"view", "files"}),
    "control": frozenset({"view", "files", "control"}),
    "approve": frozenset({"view", "approve"}),
    "admin": frozenset(SCOPES),
}
_PASSPORT = "gloveport.passport"


def including(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return some scopes and all that they include."""
    return frozenset[Scope]().union(*(_INCLUDES[scope] for scope in scopes))


@dataclass(frozen=True, slots=True)
class Principal:
    """What one credential is good for.

    Args:
        name: What people and models read.
        holder: Tells one credential from another, also from a later one of the same name. Never
            shown.
        scopes: What it allows; see `including`.
        desktops: The desktops it reaches; None: all.
        quota: How many desktops it may have open; None: as many as the server allows.
        until: When it ends, in seconds since 1970.
        session: The browser session that a gateway says the request belongs to; empty: none.
    """

    name: str
    holder: str
    scopes: frozenset[Scope]
    desktops: frozenset[str] | None = None
    quota: int | None = None
    until: float = math.inf
    session: str = ""

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def reaches(self, desktop: str) -> bool:
        return self.desktops is None or desktop in self.desktops

    @property
    def shown(self) -> "Principal":
        """What a request may do that shows a token, and not a browser session."""
        return replace(self, scopes=self.scopes - {"approve"})

    @property
    def over(self) -> bool:
        return time.time() >= self.until

    def within(self, other: "Principal") -> "Principal":
        """This grant without what another does not allow."""
        desktops = self.desktops
        if other.desktops is not None:
            desktops = other.desktops if desktops is None else desktops & other.desktops
        return replace(
            self,
            scopes=self.scopes & other.scopes,
            desktops=desktops,
            until=min(self.until, other.until),
        )


HERE = Principal("this machine", "", including(["admin"]))
"""A process of this user's own, by the Unix socket."""
PERSON = Principal("this machine's user", "person", including(["admin"]))
"""Whoever signs in by a link that this server, or a process of its own user, has printed."""
STRANGER = Principal("a stranger", "stranger", frozenset())
"""Anybody, on the routes that are open to all."""


@dataclass(frozen=True, slots=True)
class Passport:
    """Who a request comes from, as the door found.

    Args:
        grant: What this request may do.
        wait: Counts a call of theirs; seconds they have to wait first, 0: none.
        session: The browser session it belongs to, by an id that is no secret; empty: none.
        links: What a link made by this request may allow.
        still: What is left of the grant by now; None: nothing.
    """

    grant: Principal
    wait: Callable[[], float] = field(default=lambda: 0.0)
    session: str = ""
    links: Principal | None = None
    still: Callable[[], Principal | None] | None = None

    @property
    def now(self) -> Principal:
        """What the request may do by now: a token may be taken away while a stream is open."""
        return (self.still() or STRANGER) if self.still else self.grant

    @property
    def person(self) -> str:
        """Whose live view a request belongs to: a browser's session, or a token."""
        return f"session {self.session}" if self.session else f"token {_short(self.grant.holder)}"

    def refusal(self, tool: str, *, needs: Scope, desktop: str) -> str:
        """Why a tool is not called, in a sentence; empty if it may be.

        Args:
            tool: Its name.
            needs: The scope it takes.
            desktop: What it is to be called on.
        """
        tool = tool[:40]
        if not self.grant.reaches(desktop):
            return f"Your token is not for the desktop {desktop}, so {tool} was not called."
        if not self.grant.may(needs):
            return (
                f"Your token does not have the scope {needs}, so {tool} was not called. tools/list "
                "has what it may call."
            )
        if seconds := self.wait():
            return (
                f"Rate limit reached for your token, so {tool} was not called. Retry in "
                f"{seconds:.1f} s, or do several things in one call with actions."
            )
        return ""


def stamp(scope: Asgi, passport: Passport) -> None:
    """Give a request its passport; the door does, and nobody else."""
    scope[_PASSPORT] = passport


def passport_of(request: HTTPConnection | None) -> Passport:
    """The passport of a request; None stands for a caller within this process.

    Raises:
        KeyError: The request did not come in by the door.
    """
    if request is None:
        return Passport(HERE)
    found: Passport = request.scope[_PASSPORT]
    return found


def whose(name: str, request: HTTPConnection | None) -> str:
    """The name of a caller, made its own: what others call themselves is not theirs to take."""
    holder = passport_of(request).grant.holder
    return f"{name} of {_short(holder)}" if holder else name


def _short(holder: str) -> str:
    return hashlib.sha256(holder.encode()).hexdigest()[:12]

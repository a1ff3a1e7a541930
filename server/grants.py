"""What somebody who came in may do.

Rule 1: a scope includes those before it: who may control may view, who may admin may do both.
Rule 2: the door decides who somebody is, once for each request; everybody else asks the passport it
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

Scope = Literal["view", "control", "admin"]
SCOPES: tuple[Scope, ...] = ("view", "control", "admin")
_PASSPORT = "gloveport.passport"


def including(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Some scopes and all that they include."""
    widest = max((SCOPES.index(scope) for scope in scopes), default=-1)
    return frozenset(SCOPES[: widest + 1])


@dataclass(frozen=True, slots=True)
class Grant:
    """What one credential is good for.

    Args:
        name: What people and models read.
        holder: Tells one credential from another, also from a later one of the same name. Never
            shown.
        scopes: What it allows; see `including`.
        desktops: The desktops it reaches; None: all.
        quota: How many desktops it may have open; None: as many as the server allows.
        until: When it ends, in seconds since 1970.
    """

    name: str
    holder: str
    scopes: frozenset[Scope]
    desktops: frozenset[str] | None = None
    quota: int | None = None
    until: float = math.inf

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def reaches(self, desktop: str) -> bool:
        return self.desktops is None or desktop in self.desktops

    @property
    def over(self) -> bool:
        return time.time() >= self.until

    def within(self, other: "Grant") -> "Grant":
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


HERE = Grant("this machine", "", including(["admin"]))
"""This user on this machine, where the server asks nobody who they are."""
STRANGER = Grant("a stranger", "stranger", frozenset())
"""Anybody, on the routes that are open to all."""


@dataclass(frozen=True, slots=True)
class Passport:
    """Who a request comes from, as the door found.

    Args:
        grant: What they may do.
        wait: Counts a call of theirs; seconds they have to wait first, 0: none.
    """

    grant: Grant
    wait: Callable[[], float] = field(default=lambda: 0.0)

    def refusal(self, tool: str, *, looks: bool, desktop: str) -> str:
        """Why a tool is not called, in a sentence; empty if it may be.

        Args:
            tool: Its name.
            looks: It changes nothing.
            desktop: What it is to be called on.
        """
        if not self.grant.reaches(desktop):
            return f"Your token is not for the desktop {desktop}, so {tool} was not called."
        if not self.grant.may("view" if looks else "control"):
            return (
                f"Your token may only look, so {tool} was not called. tools/list has what it may "
                "call; to act it takes a token with the scope control."
            )
        if seconds := self.wait():
            return (
                f"You call faster than this server lets one token, so {tool} was not called. Wait "
                f"{seconds:.1f} s, and do several things in one call with actions."
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
    return f"{name} of {hashlib.sha256(holder.encode()).hexdigest()[:12]}" if holder else name

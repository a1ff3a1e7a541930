"""Assertions: how a gateway tells a desktop's server who makes a request, signed for that desktop.

An assertion is `gpr_PAYLOAD.SIGNATURE`, HMAC-SHA256 with a secret of one desktop, and has to be
shown within two minutes. So whoever learns a secret can speak to one desktop, and whoever learns an
assertion to one desktop for a short while.
"""

import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ..auth.principal import Principal, Scope
from ..auth.token_store import BadToken

_PREFIX = "gpr_"
_SHOWN_WITHIN = 120.0  # seconds; more than the clocks of two machines differ by


def new_secret() -> str:
    """A secret for one desktop."""
    return secrets.token_urlsafe(32)


def assertion(secret: str, grant: Principal, session: str = "") -> str:
    """What a gateway shows a desktop's server for a request.

    Args:
        secret: That desktop's.
        grant: Who makes the request, and may do what.
        session: The browser session the request belongs to; empty: a token was shown.
    """
    told = {
        "name": grant.name,
        "holder": grant.holder,
        "scopes": sorted(grant.scopes),
        "until": None if math.isinf(grant.until) else grant.until,
        "session": session,
        "shown_by": time.time() + _SHOWN_WITHIN,
    }
    payload = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    return f"{_PREFIX}{payload}.{_signature(secret, payload)}"


def _signature(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class AssertionKeys:
    """What knows the assertions for one desktop.

    Args:
        secret: The desktop's.
    """

    secret: str = field(repr=False)
    provider = None

    async def grant(self, shown: str) -> Principal | None:
        """Who makes a request; None: what was shown is no assertion for this desktop.

        Raises:
            BadToken: It was shown too late.
        """
        payload, _, signature = shown.removeprefix(_PREFIX).partition(".")
        right = _signature(self.secret, payload)
        if not shown.startswith(_PREFIX) or not hmac.compare_digest(
            right.encode(), signature.encode()
        ):
            return None
        told = json.loads(base64.urlsafe_b64decode(payload))
        if time.time() > told["shown_by"]:
            raise BadToken("This assertion has expired; the clocks of two machines may differ.")
        return _principal(told)

    def still(self, grant: Principal) -> Principal | None:
        """What is left of a grant: the gateway ends a stream whose token was taken away."""
        return None if grant.over else grant


def _principal(told: dict[str, Any]) -> Principal:
    until = told["until"]
    return Principal(
        told["name"],
        told["holder"],
        frozenset(cast(list[Scope], told["scopes"])),
        until=math.inf if until is None else until,
        session=told["session"],
    )


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a desktop's server is told by whoever starts it, in a file that is its owner's alone.

    Args:
        desktop: The desktop's id.
        secret: Signs assertions for it.
        address: Where people and browsers reach the gateway; empty: nowhere.
    """

    desktop: str
    secret: str = field(repr=False)
    address: str = ""

    def write(self, path: Path) -> None:
        """Write it to a new file (0600)."""
        path.touch(mode=0o600)
        told = {"desktop": self.desktop, "secret": self.secret, "address": self.address}
        path.write_text(json.dumps(told), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Relayed":
        """Read what `write` wrote."""
        return replace(cls("", ""), **json.loads(path.read_text(encoding="utf-8")))

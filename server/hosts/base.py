"""The seam between a gateway and whatever runs desktops: places, finds and ends them.

A host starts one `gloveport serve` for each desktop (processes.py). Every call goes straight to
that server over HTTP, with an assertion of who makes it (assertion.py), and never through the host.
A desktop that ended is never replaced under the same id.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gloveport.sandbox.errors import Broken, Impossible, NotNow

_ID = re.compile(r"(d[0-9a-f]{12})-[0-9a-f]{8}")


class Full(NotNow):
    """There is no room for another desktop.

    Args:
        retry_after: Seconds after which it may be worth asking again.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "There is no room for another desktop now; none was opened. Close one with "
            f"desktops, or try again in {retry_after:.0f} s."
        )
        self.retry_after = retry_after


class Gone(Impossible):
    """A desktop does not run any more, or never did."""

    def __init__(self, id: str) -> None:
        super().__init__(
            f"The desktop {id[:40]!r} does not run. One that ended is not replaced by itself: open "
            "another with desktops(action=open). Nothing was done."
        )


class NotPlaced(Broken):
    """A desktop could not be started."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The desktop did not start: {why[:250]}")


class Unreachable(Broken):
    """Nobody says whether a desktop runs."""

    def __init__(self) -> None:
        super().__init__(
            "The desktops' machines do not answer, so it is not known whether the desktop runs. "
            "Nothing was done; try again in 10 s."
        )


@dataclass(frozen=True, slots=True)
class Spec:
    """What a desktop is to be like.

    Args:
        options: Options of `gloveport serve` for its desktop, such as --size.
        idle: Seconds without a client after which it ends by itself; 0: never.
        cores: Processor cores it is placed by.
        memory: Bytes of memory it is placed by.
        address: Where people and browsers reach its gateway; empty: nowhere.
    """

    options: tuple[str, ...] = ()
    idle: float = 1800
    cores: float = 0.5
    memory: int = 1 << 30
    address: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A desktop that runs.

    Args:
        id: Its name for all; never used again.
        owner: Whose it is.
        key: What its owner calls it.
        url: Where its server listens, for gateways.
        secret: Signs assertions for this desktop alone.
        node: The machine it runs on.
    """

    id: str
    owner: str
    key: str
    url: str
    secret: str = field(repr=False)
    node: str = ""


class Host(Protocol):
    """What runs desktops. Several gateways may use one at once."""

    async def acquire(self, owner: str, key: str, spec: Spec) -> Placed:
        """Return an owner's desktop of a key, which is started if it does not run.

        Raises:
            Full: There is no room.
            NotPlaced: It did not start.
        """
        ...

    async def find(self, id: str) -> Placed:
        """Return a desktop that runs.

        Raises:
            Gone: It does not.
            Unreachable: Nobody says whether it does.
        """
        ...

    async def release(self, id: str) -> None:
        """End a desktop and wait until it has ended; one that does not run is no error."""
        ...

    async def list(self, owner: str | None = None) -> Sequence[Placed]:
        """The desktops that run, of one owner or of all."""
        ...

    async def close(self) -> None:
        """Stop using the host; its desktops run on."""
        ...


def slot_of(owner: str, key: str) -> str:
    """Where a host keeps an owner's desktop of a key: the same for every gateway."""
    return "d" + hashlib.sha256(f"{owner}\0{key}".encode()).hexdigest()[:12]


def new_id(slot: str) -> str:
    """An id for a desktop in a slot, which no desktop before it had."""
    return f"{slot}-{secrets.token_hex(4)}"


def slot_in(id: str) -> str:
    """The slot that an id belongs to; "none" for what is no id."""
    found = _ID.fullmatch(id)
    return found[1] if found else "none"

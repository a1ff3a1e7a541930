"""Whose desktop is meant: finds, opens and closes the desktops of those who ask, on one host.

A desktop that was lost is told of, and not replaced, until its owner opens another.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from gloveport.sandbox.errors import BadText, Broken, Impossible

from ..auth.principal import HERE, PERSON, Principal
from ..hosts.base import Full, Gone, Host, Placed, Spec

DEFAULT = "main"
"""What the desktop is called of one who names none."""


class NoSuch(Impossible):
    """Somebody has no desktop of a name."""

    def __init__(self, asked: str, keys: Sequence[str]) -> None:
        there = f"there are {', '.join(keys)}" if keys else "you have none open"
        super().__init__(
            f"There is no desktop {asked[:40]!r} of yours; {there}. Nothing was done. "
            "desktops(action=open) opens one."
        )


class Lost(Impossible):
    """A desktop was there, and its server has ended.

    Args:
        key: What its owner calls it.
        sent: Whether the call had been sent, so that it may have been done.
    """

    def __init__(self, key: str, *, sent: bool = False) -> None:
        done = "Whether this call was done is not known" if sent else "Nothing was done"
        super().__init__(
            f"The desktop {key[:40]!r} is lost: its server has ended, with its programs and files. "
            f"{done}. desktops(action=open, name={key[:40]}) opens a new one."
        )


class Unreached(Broken):
    """A desktop's server does not answer, and may run all the same.

    Args:
        key: What its owner calls it.
        sent: Whether the call had been sent, so that it may have been done.
    """

    def __init__(self, key: str, *, sent: bool) -> None:
        done = "Whether this call was done is not known" if sent else "Nothing was done"
        super().__init__(
            f"The desktop {key[:40]!r} is not reached: its server does not answer. {done}. Look "
            "with screenshot, or try again in 10 s."
        )


def owner_of(grant: Principal) -> str:
    """Whose desktops those are that somebody opens: this machine's user is one, at both doors."""
    return "this machine" if grant.holder in (HERE.holder, PERSON.holder) else grant.holder


class Directory:
    """The desktops of a host, as those who ask for them know them.

    Args:
        host: What runs them.
        spec: What one is like that is opened without more words.
    """

    def __init__(self, host: Host, spec: Spec) -> None:
        self.host = host
        self.spec = spec
        self._found: dict[str, Placed] = {}
        """By id."""
        self._mine: dict[tuple[str, str], str] = {}
        """Ids by owner and key."""
        self._lost: set[tuple[str, str]] = set()

    async def find(self, grant: Principal, name: str) -> Placed:
        """The desktop of a key of theirs, or of an id.

        Raises:
            NoSuch: They have none such.
            Lost: They had.
        """
        owner = owner_of(grant)
        placed = self._found.get(self._mine.get((owner, name), name))
        if placed is None and (owner, name) in self._lost:
            raise Lost(name)
        if placed is None:
            mine = await self.host.list(owner)
            placed = next((one for one in mine if name in (one.key, one.id)), None)
        if placed is None and grant.may("admin"):
            placed = await self._by_id(name)
        reaches = placed and (grant.reaches(placed.key) or grant.reaches(placed.id))
        theirs = placed and (placed.owner == owner or grant.may("admin"))
        if placed is None or not reaches or not theirs:
            raise NoSuch(name, [one.key for one in await self.listed(grant)])
        return self._know(placed)

    async def _by_id(self, id: str) -> Placed | None:
        try:
            return await self.host.find(id)
        except Gone:
            return None

    async def usual(self, grant: Principal) -> Placed:
        """The desktop of one who names none, which is opened if it never was.

        Raises:
            Lost: It was, and has ended.
            Full: There is no room.
            NotPlaced: It did not start.
        """
        owner = owner_of(grant)
        if known := self._found.get(self._mine.get((owner, DEFAULT), "")):
            return known
        if (owner, DEFAULT) in self._lost:
            raise Lost(DEFAULT)
        return await self.open(grant, DEFAULT, self.spec)

    async def open(self, grant: Principal, key: str, spec: Spec) -> Placed:
        """Open a desktop; one that runs is theirs already.

        Raises:
            Full: There is no room, or they have as many as they may.
            NotPlaced: It did not start.
            BadText: Their token is not for a desktop of this name.
        """
        owner = owner_of(grant)
        if not grant.reaches(key):
            raise BadText(f"Your token is not for a desktop {key!r}; none was opened.")
        if grant.quota is not None:
            keys = {one.key for one in await self.host.list(owner)}
            if key not in keys and len(keys) >= grant.quota:
                raise Full(60)
        placed = await self.host.acquire(owner, key, spec)
        self._lost.discard((owner, key))
        return self._know(placed)

    async def close(self, grant: Principal, name: str) -> Placed:
        """End a desktop of theirs.

        Raises:
            NoSuch: They have none such.
        """
        placed = await self.find(grant, name)
        await self.host.release(placed.id)
        self._forget(placed)
        return placed

    async def listed(self, grant: Principal) -> list[Placed]:
        """The desktops somebody may use."""
        owner = None if grant.may("admin") else owner_of(grant)
        found = await self.host.list(owner)
        return [one for one in found if grant.reaches(one.key) or grant.reaches(one.id)]

    async def missed(self, placed: Placed) -> Placed:
        """Look again for a desktop whose server was not reached.

        Raises:
            Lost: It has ended.
        """
        self._forget(placed)
        try:
            return self._know(await self.host.find(placed.id))
        except Gone:
            self._lost.add((placed.owner, placed.key))
            raise Lost(placed.key) from None

    def _know(self, placed: Placed) -> Placed:
        self._found[placed.id] = placed
        self._mine[placed.owner, placed.key] = placed.id
        return placed

    def _forget(self, placed: Placed) -> None:
        self._found.pop(placed.id, None)
        self._mine.pop((placed.owner, placed.key), None)


def at(placed: Placed) -> tuple[str, int]:
    """Address and port of a desktop's server."""
    parts = urlsplit(placed.url)
    return parts.hostname or "", parts.port or 0

"""The callers of one desktop, and what each of them knows of it."""

from ..auth.principal import Principal
from ..control.call import Caller
from ..recording.actor import Actor

_KEPT = 256


class Callers:
    """Those heard of last. Used on the event loop only."""

    def __init__(self) -> None:
        self._known: dict[str, Caller] = {}
        self._looked: dict[str, int] = {}
        """The hand-back after which each credential has looked last; see control/lease.py."""
        self._losses: dict[str, int] = {}
        """How many losses of the desktop each credential was told of."""

    def find(self, who: Actor, grant: Principal, *, epoch: int, losses: int) -> Caller:
        """Find a caller by its key; one that is new knows what its credential knows, or all there
        is: some clients are a new one for each call."""
        known = self._known.pop(who.key, None)
        if known is None:
            known = Caller(
                who,
                epoch=self._looked.setdefault(grant.holder, epoch),
                losses=self._losses.setdefault(grant.holder, losses),
            )
        known.grant = grant
        self._known[who.key] = known  # the one heard of last goes last
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return known

    def looked(self, caller: Caller, epoch: int) -> None:
        """A caller has looked after a hand-back."""
        caller.epoch = self._looked[caller.grant.holder] = epoch

    def told(self, caller: Caller, losses: int) -> None:
        """A caller was told of so many losses."""
        caller.losses = self._losses[caller.grant.holder] = max(caller.losses, losses)

    def forget(self, key: str) -> None:
        """A caller has disconnected."""
        self._known.pop(key, None)

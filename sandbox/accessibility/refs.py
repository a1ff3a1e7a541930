"""Refs: short names that a caller uses for things that were read."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class RefTable(Generic[K, T]):
    """Gives each thing a ref and keeps what it was, of so many as were named last.

    Args:
        prefix: What refs begin with; a number follows.
        most: How many are kept: programs can name new things without end.
    """

    def __init__(self, prefix: str, most: int) -> None:
        self._prefix, self._most = prefix, most
        self._named = 0
        self._refs: dict[K, str] = {}
        self._kept: OrderedDict[str, tuple[K, T]] = OrderedDict()

    def __len__(self) -> int:
        assert len(self._refs) == len(self._kept)
        return len(self._kept)

    def name(self, identity: K) -> str:
        """The ref of a thing: that which it had, or a new one, which `keep` has to follow."""
        ref = self._refs.get(identity)
        if ref is None:
            self._named += 1
            ref = self._refs[identity] = f"{self._prefix}{self._named}"
        return ref

    def keep(self, identity: K, thing: T) -> str:
        """Keep what a thing is now; returns its ref."""
        ref = self.name(identity)
        self._kept[ref] = (identity, thing)
        self._kept.move_to_end(ref)
        while len(self._kept) > self._most:
            _, (oldest, _) = self._kept.popitem(last=False)
            self._refs.pop(oldest, None)
        return ref

    def get(self, ref: str) -> T | None:
        """What a ref names; None if it was never given, or too much was named since."""
        kept = self._kept.get(ref)
        return kept and kept[1]

    def forget(self) -> None:
        """Know no ref any more; none of them is given again."""
        self._refs.clear()
        self._kept.clear()

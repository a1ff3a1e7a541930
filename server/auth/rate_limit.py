"""How often somebody may do something: token buckets by key, in bounded memory."""

import time
from collections.abc import Callable

_KEPT = 4096


class RateLimit:
    """A bucket for each key, full at first; the one used longest ago is forgotten first.

    Args:
        rate: Drops that run into a bucket each second.
        burst: What a bucket holds.
        clock: Seconds, from anywhere.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take a drop; the seconds until there is one, 0: it was taken."""
        wait, level = self._look(key)
        self._buckets.pop(key, None)
        self._buckets[key] = (level if wait else level - 1, self._clock())
        if len(self._buckets) > _KEPT:
            del self._buckets[next(iter(self._buckets))]
        return wait

    def wait(self, key: str) -> float:
        """The seconds until there is a drop to take, 0: there is one."""
        return self._look(key)[0]

    def _look(self, key: str) -> tuple[float, float]:
        level, at = self._buckets.get(key, (self._burst, self._clock()))
        level = min(self._burst, level + (self._clock() - at) * self._rate)
        return max(0.0, 1 - level) / self._rate, level

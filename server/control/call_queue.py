"""First come, first served: the calls to one desktop in the order they were made.

A caller that numbers its calls is served in the order of the numbers, whichever way they came. A
call that waits for something keeps nobody but its own caller's later calls.
"""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

_LATE = 2.0  # seconds a call waits for one with a lower number, which may have got lost


@dataclass(frozen=True, slots=True)
class _Called:
    """A call, for the later ones of the same caller."""

    joined: anyio.Event = field(default_factory=anyio.Event)
    """Set when a call that acts stands in the line, and when one that waits is over."""
    over: anyio.Event = field(default_factory=anyio.Event)


class CallQueue:
    """Callers waiting for one desktop."""

    def __init__(self) -> None:
        self._last: dict[str, _Called] = {}
        self._waiting: deque[anyio.Event] = deque()
        self._busy = False
        self._next: dict[str, int] = {}
        self._early: dict[str, anyio.Event] = {}

    @asynccontextmanager
    async def place(
        self, caller: str, number: int = 0, *, waits: bool = False, one_by_one: bool = True
    ) -> AsyncGenerator[None]:
        """Wait for the caller's turn and hold it.

        Args:
            caller: Who calls.
            number: 1 for the caller's first call, 2 for the next; 0: calls are not numbered.
            waits: Whether the call waits for something: then others are served meanwhile.
            one_by_one: Whether a later call of the caller comes after one that waits. Not where
                several clients may have the same name.
        """
        if number:
            await self._in_order(caller, number)
        before, mine = self._last.get(caller) if one_by_one else None, _Called()
        if one_by_one:
            self._last[caller] = mine
        if number:
            self._passed(caller, number)
        try:
            if before is not None:
                await (before.over if waits else before.joined).wait()
            if waits:
                yield
            else:
                async with self._turn(mine):
                    yield
        finally:
            mine.joined.set()
            mine.over.set()
            if self._last.get(caller) is mine:
                del self._last[caller]

    @asynccontextmanager
    async def _turn(self, call: _Called) -> AsyncGenerator[None]:
        ticket = anyio.Event()
        if self._busy:
            self._waiting.append(ticket)
        else:
            self._busy = True
            ticket.set()
        call.joined.set()
        try:
            await ticket.wait()
            yield
        finally:
            if ticket.is_set():
                self._leave()
            else:
                self._waiting.remove(ticket)

    def forget(self, caller: str) -> None:
        """The caller has gone; its numbers start anew."""
        self._next.pop(caller, None)
        self._early.pop(caller, None)
        self._last.pop(caller, None)

    def _leave(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._busy = False

    async def _in_order(self, caller: str, number: int) -> None:
        with anyio.move_on_after(_LATE):
            while self._next.get(caller, 1) < number:
                await self._early.setdefault(caller, anyio.Event()).wait()

    def _passed(self, caller: str, number: int) -> None:
        self._next[caller] = max(self._next.get(caller, 1), number + 1)
        if waiting := self._early.pop(caller, None):
            waiting.set()

"""First come, first served: the calls to one desktop in the order they were made.

A caller that numbers its calls is served in the order of the numbers, whichever way they came.
"""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

_LATE = 2.0  # seconds a call waits for one with a lower number, which may have got lost


class Line:
    """Callers waiting for one desktop."""

    def __init__(self) -> None:
        self._waiting: deque[anyio.Event] = deque()
        self._busy = False
        self._next: dict[str, int] = {}
        self._early: dict[str, anyio.Event] = {}

    @asynccontextmanager
    async def place(self, caller: str, number: int = 0) -> AsyncGenerator[None]:
        """Wait for the caller's turn and hold it.

        Args:
            caller: Who calls.
            number: 1 for the caller's first call, 2 for the next; 0: calls are not numbered.
        """
        if number:
            await self._in_order(caller, number)
        ticket = anyio.Event()
        if self._busy:
            self._waiting.append(ticket)
        else:
            self._busy = True
            ticket.set()
        if number:
            self._passed(caller, number)
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

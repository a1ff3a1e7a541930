"""The turns of a desktop: one at a time on a thread of its own, strictly in the order asked for.

A turn that is cancelled is told to give up, and is waited for until it has let go of what it held.
What a person does comes before all that wait.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import anyio

from .errors import DesktopClosed, SandboxError

T = TypeVar("T")


class Turn:
    """One caller's time with the desktop."""

    def __init__(self) -> None:
        self.given_up = threading.Event()

    def rest(self, seconds: float) -> None:
        """Wait some seconds, less if the caller gives up."""
        self.given_up.wait(seconds)


class TurnQueue:
    """Who may use a desktop now, and who is next.

    Args:
        name: The desktop's.
    """

    def __init__(self, name: str) -> None:
        self.now = Turn()
        """The turn that runs, or the last one."""
        self._thread = ThreadPoolExecutor(1, f"gloveport-{name}")
        self._urgent: deque[Callable[[], None]] = deque()

    async def take(self, work: Callable[[], T]) -> T:
        """Run work on the desktop's thread, in order; cancelling it waits until it has let go.

        Raises:
            DesktopClosed: There are no turns any more.
        """
        turn = Turn()

        def run() -> T:
            self._do_urgent()
            self.now = turn
            return work()

        try:
            future = self._thread.submit(run)
        except RuntimeError as ended:
            raise DesktopClosed from ended
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            turn.given_up.set()
            with anyio.CancelScope(shield=True), suppress(SandboxError):
                if not future.cancelled():
                    await asyncio.wrap_future(future)
            raise

    async def take_next(self, work: Callable[[], None]) -> None:
        """Take a turn before all that wait; cancelling it does not stop it.

        Raises:
            DesktopClosed: There are no turns any more.
        """
        done: Future[None] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as why:  # noqa: BLE001 - it is raised again where it was asked for
                done.set_exception(why)

        self._urgent.append(run)
        try:
            self._thread.submit(self._do_urgent)
        except RuntimeError as ended:
            raise DesktopClosed from ended
        await asyncio.shield(asyncio.wrap_future(done))

    def close(self) -> None:
        """Give no more turns."""
        self._thread.shutdown(wait=False)

    def _do_urgent(self) -> None:
        while self._urgent:
            self._urgent.popleft()()

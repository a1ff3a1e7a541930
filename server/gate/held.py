"""What a caller has left pressed, and its release once the caller has gone or does not call."""

import logging
import time

import anyio

from gloveport.sandbox.desktop import Desktop

logger = logging.getLogger(__name__)

_AT_MOST = 60  # seconds a button may stay down while its holder does not call


class HeldInput:
    """Whose keys and buttons are down on a desktop. Used on the event loop only.

    Args:
        desktop: The desktop.
    """

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._holder: str | None = None
        """The key of who began to hold."""
        self._until = 0.0
        self._called = anyio.Event()

    def note(self, key: str) -> None:
        """Take note of what is held down after a call, and whose it is: who began to hold it."""
        if not self._desktop.holding:
            self._holder = None
        elif self._holder in (None, key):
            self._holder, self._until = key, time.monotonic() + _AT_MOST
        self._called.set()

    async def tend(self) -> None:
        """Release what a caller holds who has not called for a minute, whoever else calls; runs
        until cancelled."""
        while True:
            left = None if self._holder is None else self._until - time.monotonic()
            with anyio.move_on_after(left) as waited:
                await self._called.wait()
                self._called = anyio.Event()
            if waited.cancelled_caught and self._desktop.holding:
                logger.warning("releasing what was held for %d s", _AT_MOST)
                await self._desktop.let_go()
            if not self._desktop.holding:
                self._holder = None

    async def release(self, key: str) -> None:
        """Release what a caller held who has disconnected."""
        if key == self._holder and self._desktop.holding:
            await self._desktop.let_go()
            self._holder = None
            logger.info("released what %s held", key)

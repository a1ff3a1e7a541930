"""Desktops as processes of this machine, which outlive their gateway and are found by the next.

What is known of a desktop is in `SLOT.desktop`; whoever starts one holds `SLOT.starting`, so that
several gateways never start two.
"""

import fcntl
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from . import processes
from .base import Full, Gone, Placed, Spec, slot_in, slot_of

_RETRY_AFTER = 10.0  # seconds
_ALL = "all"  # the lock of whoever counts desktops and adds one


class LocalHost:
    """Desktops on this machine.

    Args:
        folder: Where it keeps what it knows; a folder of this user alone.
        most: How many desktops there may be.
    """

    def __init__(self, folder: Path, most: int = 4) -> None:
        self._folder = folder
        self._most = most

    async def acquire(self, owner: str, key: str, spec: Spec) -> Placed:
        """Return an owner's desktop of a key, which is started if it does not run."""
        slot = slot_of(owner, key)
        if found := self._running(slot):
            return found
        # Cancelled, the thread goes on: its desktop is the next caller's.
        return await run_sync(self._start, slot, owner, key, spec, abandon_on_cancel=True)

    def _start(self, slot: str, owner: str, key: str, spec: Spec) -> Placed:
        with self._alone(slot):
            if found := self._running(slot):
                return found
            with self._alone(_ALL):
                self._forget(slot)
                self._sweep()
                if len(self._all()) >= self._most:
                    raise Full(_RETRY_AFTER)
                placed = processes.start(self._folder, slot, owner, key, spec, host="127.0.0.1")
                new = self._record(slot).with_suffix(".new")
                new.touch(mode=0o600)
                new.write_text(json.dumps(asdict(placed)), encoding="utf-8")
                new.replace(self._record(slot))
        return placed

    async def find(self, id: str) -> Placed:
        """Return a desktop that runs."""
        found = self._running(slot_in(id))
        if found is None or found.id != id:
            raise Gone(id)
        return found

    async def release(self, id: str) -> None:
        """End a desktop and wait until it has ended."""
        found = self._running(slot_in(id))
        if found is not None and found.id == id:
            with anyio.CancelScope(shield=True):
                await run_sync(self._end, id)

    def _end(self, id: str) -> None:
        with self._alone(slot_in(id)):
            processes.end(self._folder, id)
            self._forget(slot_in(id))

    async def list(self, owner: str | None = None) -> Sequence[Placed]:
        """The desktops that run, of one owner or of all."""
        return [placed for placed in self._all() if owner in (None, placed.owner)]

    async def close(self) -> None:
        """Stop using the host; its desktops run on."""

    def _all(self) -> Sequence[Placed]:
        slots = sorted(path.stem for path in self._folder.glob("*.desktop"))
        return [placed for slot in slots if (placed := self._running(slot))]

    def _running(self, slot: str) -> Placed | None:
        """The desktop in a slot, if it runs."""
        try:
            placed = Placed(**json.loads(self._record(slot).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        return placed if processes.runs(self._folder, placed.id) else None

    def _sweep(self) -> None:
        """Forget the desktops that have ended, whoever started them."""
        for record in self._folder.glob("*.desktop"):
            with suppress(BlockingIOError), self._alone(record.stem, wait=False):
                self._forget(record.stem)

    def _forget(self, slot: str) -> None:
        """Forget the desktop in a slot, which has ended; its caller holds the slot."""
        if self._running(slot) is None and self._record(slot).exists():
            old = json.loads(self._record(slot).read_text(encoding="utf-8"))
            processes.forget(self._folder, old["id"])
            self._record(slot).unlink()

    def _record(self, slot: str) -> Path:
        return self._folder / f"{slot}.desktop"

    @contextmanager
    def _alone(self, what: str, *, wait: bool = True) -> Generator[None]:
        with (self._folder / f"{what}.starting").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

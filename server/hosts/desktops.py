"""The desktops of one server: the one it started with, and those that callers open and close.

Each has a gate of its own (leases, turns, record); what reaches the server over any URL is passed
on to the gate of the desktop that is meant. Nobody sees or names the desktops of another owner,
except who may do everything.
"""

import hashlib
import logging
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus

from gloveport.sandbox import desktop
from gloveport.sandbox.desktop import Desktop, open_desktop
from gloveport.sandbox.errors import BadText, Impossible, NotNow

from ..auth.principal import Principal
from ..control.lease import State
from .gate import Gate
from .metrics import Metrics

logger = logging.getLogger(__name__)

IDLE = 1800.0  # seconds
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_LEAST, _MOST_SIDE = 320, 3840  # pixels of a screen's side


class NoSuchDesktop(Impossible):
    def __init__(self, asked: str, names: list[str]) -> None:
        super().__init__(
            f"There is no desktop {asked[:40]!r} of yours; there are {', '.join(names)}. One that "
            "was closed, or that nobody used for long, is gone; only one that was opened with a "
            "name keeps its files. Nothing was done."
        )


class Full(NotNow):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have {most} desktops, as many as you may; close one with desktops, or use one of "
            "them."
        )


class OnlyOne(Impossible):
    def __init__(self) -> None:
        super().__init__(
            "You may use one desktop here; whoever runs the server can allow more: --desktops N, "
            "and a token that is not for some desktops only."
        )


class PersonThere(NotNow):
    def __init__(self, person: str, name: str) -> None:
        super().__init__(
            f"{person} is in control of the desktop {name!r}, so it was not closed. Close it when "
            "they have handed it back."
        )


@dataclass(slots=True)
class HostedDesktop:
    """One desktop, and whose it is."""

    gate: Gate
    owner: str
    opened: float
    """Seconds since 1970."""
    closing: anyio.Event
    """Set to end it."""
    lasts: bool = False
    """Whether callers cannot close it."""


class Desktops:
    """The desktops of one server. Used on the event loop only.

    Args:
        usual: What a desktop is like that is opened without more words.
        most: How many there may be, the first included.
        idle: Seconds without a call after which one that was opened is closed.
        homes: The folder that desktops are kept in that are opened by a name; None: none is kept.
        gate: Makes the gate of a desktop.
    """

    def __init__(
        self,
        usual: desktop.DesktopOptions,
        gate: "Callable[[Desktop, Desktops], Gate]",
        *,
        most: int = 1,
        idle: float = IDLE,
        homes: Path | None = None,
    ) -> None:
        self.most = most
        self.metrics = Metrics(lambda: self.gates)
        self.address = ""
        """Where browsers reach the server; empty: nowhere."""
        self._usual = usual
        self._idle = idle
        self._homes = homes
        self._gate = gate
        self._desks: dict[str, HostedDesktop] = {}
        self._tasks: TaskGroup | None = None
        self._opening = anyio.Lock()

    @property
    def gates(self) -> dict[str, Gate]:
        """All there are, by name."""
        return {name: desk.gate for name, desk in self._desks.items()}

    @property
    def last_call(self) -> float:
        """When a tool of any of them was last called, on the monotonic clock."""
        return max(gate.last_call for gate in self.gates.values())

    def add(self, opened: Desktop) -> None:
        """Take in a desktop that somebody else opened and closes: it is everybody's."""
        self._desks[opened.settings.name] = replace(self._hosted(opened, ""), lasts=True)

    def _hosted(self, opened: Desktop, owner: str) -> HostedDesktop:
        return HostedDesktop(self._gate(opened, self), owner, time.time(), anyio.Event())

    def find(self, name: str, grant: Principal) -> Gate:
        """The gate of a desktop.

        Raises:
            NoSuchDesktop: There is none of this name that they may use.
        """
        found = [desk for desk in self._of(grant) if _name(desk) == name]
        if not found:
            raise NoSuchDesktop(name, [_name(desk) for desk in self._of(grant)])
        return found[0].gate

    def names(self, grant: Principal) -> list[str]:
        """The names of those that somebody may use."""
        return [_name(desk) for desk in self._of(grant)]

    async def open(self, grant: Principal, size: str = "", name: str = "") -> Gate:
        """Open one more, which will be theirs.

        Args:
            grant: Who asks.
            size: Such as "1280x800"; empty: as usual.
            name: What it will be called; empty: something that no other is.

        Raises:
            OnlyOne: The server offers one alone, or their token is for some desktops only.
            Full: There are as many as there may be.
            BadText: The size is none, or the name is, or another desktop has it.
            CannotStart: It did not start.
        """
        if self.most <= 1 or self._tasks is None or grant.desktops is not None:
            raise OnlyOne
        wanted = self._usual if not size else _sized(self._usual, size)
        async with self._opening:  # one at a time: each takes a user of its own
            if len(self._desks) >= self.most:
                raise Full(self.most)
            mine = sum(desk.owner == grant.holder for desk in self._desks.values())
            if grant.quota is not None and mine >= grant.quota:
                raise Full(grant.quota)
            stay = self._kept_in(name, grant)
            settings = replace(wanted, name=self._free(name), stay=stay)
            desk: HostedDesktop = await self._tasks.start(self._run, settings, grant.holder)
        return desk.gate

    def _kept_in(self, name: str, grant: Principal) -> Path | None:
        """Where a desktop is kept that somebody opens by a name; those of two tokens are two."""
        if not name or not self._homes:
            return None
        whose = hashlib.sha256(grant.holder.encode()).hexdigest()[:8]
        return self._homes / (name if grant.may("admin") else f"{name}--{whose}")

    def _free(self, wanted: str) -> str:
        """The name of a desktop that is about to be opened."""
        if not wanted:
            return f"d{secrets.token_hex(3)}"
        if not _NAME.fullmatch(wanted) or wanted == "static":
            raise BadText(
                f"A desktop cannot be called {wanted[:40]!r}; write lower-case letters, digits and "
                "hyphens, at most 32. None was opened."
            )
        if wanted in self._desks:
            raise BadText(f"There is a desktop {wanted!r} already; none was opened.")
        return wanted

    def close(self, name: str, grant: Principal) -> None:
        """End a desktop that was opened; its files go unless it stays.

        Raises:
            NoSuchDesktop: There is none of this name that is theirs to close.
            PersonThere: A person drives it.
        """
        theirs = {_name(desk): desk for desk in self._of(grant) if not desk.lasts}
        if name not in theirs:
            raise NoSuchDesktop(name, list(theirs) or ["none that can be closed"])
        lease = theirs[name].gate.sharing.lease
        if lease.state is State.PERSON and lease.who:
            raise PersonThere(lease.who.name, name)
        theirs[name].closing.set()
        del self._desks[name]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Desktops can be opened for as long as the context lasts; then all of them are closed."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                for desk in list(self._desks.values()):
                    desk.closing.set()

    async def _run(
        self,
        settings: desktop.DesktopOptions,
        owner: str,
        *,
        task_status: TaskStatus[HostedDesktop],
    ) -> None:
        async with open_desktop(settings) as opened:
            desk = self._desks[settings.name] = self._hosted(opened, owner)
            task_status.started(desk)
            logger.info("desktop %s was opened", settings.name)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(desk.gate.tend)
                await self._until_idle(desk)
                tasks.cancel_scope.cancel()
            self._desks.pop(settings.name, None)
            logger.info("desktop %s was closed", settings.name)

    async def _until_idle(self, desk: HostedDesktop) -> None:
        while not desk.closing.is_set():
            left = desk.gate.last_call + self._idle - time.monotonic()
            if left <= 0 and not desk.gate.sharing.watching:
                return
            with anyio.move_on_after(max(1.0, left)):
                await desk.closing.wait()

    @property
    def first(self) -> Gate:
        """The gate of the one that was there first: calls that name none are for it."""
        return next(iter(self._desks.values())).gate

    def _of(self, grant: Principal) -> list[HostedDesktop]:
        return [
            desk
            for desk in self._desks.values()
            if grant.reaches(_name(desk))
            and (desk.owner in ("", grant.holder) or grant.may("admin"))
        ]

    # Telling

    def listed(self, grant: Principal) -> list[dict[str, Any]]:
        """Those they may use, as facts."""
        return [_told(desk.gate, self.address) for desk in self._of(grant)]

    @property
    def left(self) -> int:
        """How many more there may be."""
        return max(0, self.most - len(self._desks))


def _name(desk: HostedDesktop) -> str:
    return desk.gate.desktop.settings.name


def _told(gate: Gate, address: str) -> dict[str, Any]:
    running = gate.desktop
    name = running.settings.name
    return {
        "name": name,
        "size": [running.view.picture.width, running.view.picture.height],
        "walls": "bwrap" if running.walled else "none",
        "driver": gate.sharing.lease.state.value,
        "mcp": f"{address}/d/{name}/mcp",
        "live": f"{address}/live/{name}",
    }


def _sized(usual: desktop.DesktopOptions, size: str) -> desktop.DesktopOptions:
    width, _, height = size.lower().partition("x")
    if width.isdecimal() and height.isdecimal():
        sides = int(width), int(height)
        if all(_LEAST <= side <= _MOST_SIDE for side in sides):
            return replace(usual, width=sides[0], height=sides[1])
    raise BadText(
        f"A desktop cannot have the size {size[:20]!r}; write one such as 1280x800, each side "
        f"{_LEAST} to {_MOST_SIDE}. None was opened."
    )

"""The accessibility bus of a desktop, and the programs that are on it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from dbus_fast import DBusFastError, Message, MessageType
from dbus_fast.auth import AuthExternal

from .bus import Answer, Bus, Key, Question, Silent, Slow
from .protocol import A11Y, ACCESSIBLE, ROOT, UNTOLD, property_of, returned, value_of
from .toolkits import Toolkit, toolkit_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
Reach = Callable[[str], AbstractContextManager[tuple[str, int | None]]]
_REGISTRY = (A11Y + "Registry", ROOT)
# Any listener makes GTK keep a cache to be asked; this event is rare, so none are sent for nothing.
_LISTENED = "object:announcement"


@dataclass(frozen=True, slots=True)
class Program:
    bus: str
    pid: int
    name: str
    toolkit: Toolkit

    @property
    def root(self) -> Key:
        return self.bus, ROOT


class Connection:
    """Questions to the programs of one desktop. Used by one thread at a time; connects when needed.

    Args:
        reach: Yields how to connect to a D-Bus address of the desktop, "" for its session bus: an
            address, and the user to say we are, None for our own.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(
            lambda _, said: logger.debug("accessibility bus: %s", said)
        )
        self._bus: Bus | None = None
        self.known: dict[str, Program] = {}
        self.lagging: set[str] = set()
        """Those of which something has not been answered."""

    def close(self) -> None:
        self.reset()
        self._loop.close()

    def reset(self) -> None:
        """Connect anew when next asked: the buses were started anew."""
        if self._bus:
            self._bus.disconnect()
            self._loop.run_until_complete(asyncio.sleep(0))
        self._bus = None

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        async def within() -> T:
            async with asyncio.timeout(seconds):
                await self._connect()
                return await work

        try:
            return self._loop.run_until_complete(within())
        except TimeoutError as late:
            raise Slow(f"it did not answer in {seconds:g} s") from late
        except (DBusFastError, OSError, EOFError, ValueError, LookupError, TypeError) as failure:
            # A program may take the place of a bus, and say anything in any shape.
            raise Silent(str(failure)) from failure
        finally:
            work.close()

    async def _connect(self) -> None:
        if self._bus and self._bus.connected:
            return
        self.known.clear()
        session = await self._open("")
        try:
            asked = Message(
                destination="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus",
                member="GetAddress",
            )  # fmt: skip
            reply = await session.call(asked)
        finally:
            session.disconnect()
        if reply.message_type is MessageType.ERROR:
            raise Silent("there is no accessibility bus")
        self._bus = await self._open(str(reply.body[0]))
        listen = (A11Y + "Registry", "/org/a11y/atspi/registry")
        with suppress(Silent):
            await self.call(listen, A11Y + "Registry", "RegisterEvent", "s", [_LISTENED])

    async def _open(self, address: str) -> Bus:
        with self._reach(address) as (ours, user):
            bus = Bus(ours, AuthExternal(uid=user))
            await bus.connect()
            return bus

    async def call(
        self, where: Key, interface: str, member: str, shape: str = "", body: Sequence[Any] = ()
    ) -> list[Any]:
        return returned((await self.ask([Question(where, interface, member, shape, body)]))[0])

    async def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask many questions at once; an answer that is a `Silent` says why there is none."""
        assert self._bus
        answers = await self._bus.ask(questions)
        asked = zip(questions, answers, strict=True)
        self.lagging |= {one.where[0] for one, answer in asked if isinstance(answer, Slow)}
        return answers

    async def property(self, where: Key, interface: str, name: str) -> Any:
        return value_of((await self.ask([property_of(where, interface, name)]))[0])

    async def programs(self) -> list[Program]:
        (found,) = await self.call(_REGISTRY, ACCESSIBLE, "GetChildren")
        names = {bus for bus, _ in found}
        for gone in self.known.keys() - names:
            del self.known[gone]
        fresh = [bus for bus in names if bus not in self.known]
        met = [one for one in await asyncio.gather(*(self._introduce(bus) for bus in fresh)) if one]
        # One that hangs now is asked again the next time.
        self.known |= {one.bus: one for one in met if one.toolkit.name}
        return [*self.known.values(), *(one for one in met if not one.toolkit.name)]

    async def _introduce(self, bus: str) -> Program | None:
        daemon = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
        with suppress(*UNTOLD):
            (pid,) = await self.call(daemon, daemon[0], "GetConnectionUnixProcessID", "s", [bus])
            name = toolkit = ""
            with suppress(*UNTOLD, TimeoutError):
                async with asyncio.timeout(0.5):
                    name, toolkit = await asyncio.gather(
                        self.property((bus, ROOT), ACCESSIBLE, "Name"),
                        self.property((bus, ROOT), A11Y + "Application", "ToolkitName"),
                    )
            return Program(bus, int(pid), str(name), toolkit_of(str(name), str(toolkit)))
        return None

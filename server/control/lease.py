"""Who drives a desktop: the rules, as a table.

Rule 1: one driver at a time: nobody, an agent while its calls run, or a person.
Rule 2: a person takes over whenever they like; what agents have running is ended first.
Rule 3: while a person drives, or has paused the agents, agents are refused and never queued. They
    may still look, unless the person hides the screen.
Rule 4: after a hand-back every picture an agent knows is stale, and it must look before it acts.
Rule 5: agents share by turns; one may reserve the desktop for itself, for a time that ends.

This module refuses to know desktops, tools, HTTP and questions: it is told what happened, says who
may go on, and rings when that changes.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

import anyio

from gloveport.sandbox.errors import NotNow

from ..recording.actor import Actor

LONGEST_RESERVATION = 600.0  # seconds
_IDLE = 900.0  # seconds a person may drive without moving a hand
_AWAY = 30.0  # seconds a person may be away: a page takes a moment to load again


class State(Enum):
    FREE = "nobody drives"
    AGENT = "calls of agents run or wait"
    RESERVED = "one agent has it for itself"
    PERSON = "a person drives"
    PAUSED = "a person has told the agents to wait"


class Event(Enum):
    CALL = "an agent's call comes in"
    DONE = "the last of the agents' calls has ended"
    RESERVE = "an agent wants it for itself"
    RELEASE = "it does not any more, or its time is over"
    TAKE = "a person takes control"
    HAND_BACK = "they give it back, or have left"
    PAUSE = "a person tells the agents to wait"
    RESUME = "they may go on"


# What is not here cannot happen: the method that was called says why.
TABLE: dict[tuple[State, Event], State] = {
    (State.FREE, Event.CALL): State.AGENT,
    (State.FREE, Event.RESERVE): State.RESERVED,
    (State.FREE, Event.TAKE): State.PERSON,
    (State.FREE, Event.PAUSE): State.PAUSED,
    (State.AGENT, Event.CALL): State.AGENT,
    (State.AGENT, Event.DONE): State.FREE,
    (State.AGENT, Event.RESERVE): State.RESERVED,
    (State.AGENT, Event.TAKE): State.PERSON,
    (State.AGENT, Event.PAUSE): State.PAUSED,
    (State.RESERVED, Event.CALL): State.RESERVED,
    (State.RESERVED, Event.DONE): State.RESERVED,
    (State.RESERVED, Event.RESERVE): State.RESERVED,
    (State.RESERVED, Event.RELEASE): State.FREE,
    (State.RESERVED, Event.TAKE): State.PERSON,
    (State.RESERVED, Event.PAUSE): State.PAUSED,
    (State.PERSON, Event.DONE): State.PERSON,
    (State.PERSON, Event.HAND_BACK): State.FREE,
    (State.PERSON, Event.TAKE): State.PERSON,
    (State.PAUSED, Event.DONE): State.PAUSED,
    (State.PAUSED, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.RESUME): State.FREE,
    (State.PAUSED, Event.TAKE): State.PERSON,
}


CallKind = Literal["looks", "waits", "acts"]
"""What an agent's call does: it looks, which takes a moment; it keeps looking until something
happens, and a person's hands would wait for it; or it acts."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """What a person leaves behind."""

    by: str
    note: str
    did: tuple[str, ...]
    """What they did, in short sentences."""


class PersonDrives(NotNow):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has control of this desktop, so nothing was done. wait_for with event "
            '"control" waits until it is handed back; screenshot and read_screen show what they do.'
        )


class Hidden(NotNow):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has control of this desktop and has hidden the screen. wait_for with event "
            '"control" waits until it is handed back.'
        )


class Paused(NotNow):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has paused you, so nothing was done. wait_for with event "
            '"control" waits until you may go on.'
        )


class Reserved(NotNow):
    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"{name} has reserved this desktop for {seconds:.0f} more seconds, so nothing was "
            'done. wait_for with event "control" waits until it is free.'
        )


class LookFirst(NotNow):
    def __init__(self, back: HandedBack) -> None:
        super().__init__(
            f"{told(back)} What you know of the screen is old, so nothing was done: take a "
            "screenshot (or read_screen) and then act."
        )


class NotYours(NotNow):
    """A person asked for what another person has."""


class Taken(NotNow):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} took control while this was being done. It was stopped half way and what it "
            'held was released. wait_for with event "control" waits until it is handed back.'
        )


class Stopped(NotNow):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} stopped you while this was being done; what it held was released. "
            'wait_for with event "control" waits until you may go on.'
        )


def told(back: HandedBack) -> str:
    """A hand-back in sentences."""
    parts = [f"{back.by} has used this desktop since you last looked."]
    if back.did:
        parts.append(f"What they did: {'; '.join(back.did)}.")
    if back.note:
        parts.append(f'They say: "{back.note}"')
    return " ".join(parts)


class Lease:
    """Who drives one desktop. Used on the event loop only.

    Args:
        rang: Called whenever what `state` or `who` say has changed.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        rang: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hidden = False
        """Whether agents may not even look; only while a person drives."""
        self.back: HandedBack | None = None
        """The last hand-back."""
        self.epoch = 0
        """Grows by one with each hand-back."""
        self._state = State.FREE
        self._rang = rang
        self._clock = clock
        self._person: Actor | None = None
        self._holder: Actor | None = None
        self._until = 0.0
        self._lost = ""
        """What is to be told of a reservation that ended by a person."""
        self._moved = 0.0
        self._left: float | None = None
        self._running: dict[anyio.CancelScope, Actor] = {}
        self._ended: dict[anyio.CancelScope, NotNow] = {}
        self._freed = anyio.Event()

    @property
    def state(self) -> State:
        self._expire()
        return self._state

    @property
    def who(self) -> Actor | None:
        """Who drives, or has told the agents to wait."""
        match self.state:
            case State.PERSON | State.PAUSED:
                return self._person
            case State.RESERVED:
                return self._holder
            case State.AGENT:
                return next(iter(self._running.values()), None)
            case State.FREE:
                return None

    def drives(self, person: Actor) -> bool:
        """Whether this person does."""
        return self.state is State.PERSON and self._person == person

    # Agents

    def admit(self, agent: Actor, call: CallKind = "acts") -> None:
        """Let an agent's call in.

        Raises:
            NotNow: It must not, now.
        """
        state = self.state
        if state is State.PERSON and self._person:
            if self.hidden:
                raise Hidden(self._person.name)
            if call != "looks":
                raise PersonDrives(self._person.name)
        elif call != "acts":
            return
        elif state is State.PAUSED and self._person:
            raise Paused(self._person.name)
        elif state is State.RESERVED and self._holder and self._holder.key != agent.key:
            raise Reserved(self._holder.name, self._until - self._clock())

    @contextmanager
    def running(self, agent: Actor, scope: anyio.CancelScope, call: CallKind) -> Generator[None]:
        """A call of an agent, from before it waits for its turn until it has been answered.

        A person who takes control cancels the scope; `ended` then says why.

        Raises:
            NotNow: It must not begin.
        """
        self.admit(agent, call)
        self._running[scope] = agent
        if self._state not in (State.PERSON, State.PAUSED):
            self._go(Event.CALL)
        try:
            yield
        finally:
            del self._running[scope]
            if not self._running and (self._state, Event.DONE) in TABLE:
                self._go(Event.DONE)

    def ended(self, scope: anyio.CancelScope) -> NotNow | None:
        """Why a call was ended by a person, if it was; asked once, when it is over."""
        return self._ended.pop(scope, None)

    def reserve(self, agent: Actor, seconds: float) -> None:
        """Keep the desktop for one agent; again: for longer.

        Raises:
            NotNow: It is another's, a person drives, or the agents are paused.
        """
        self.admit(agent)
        self._holder, self._until = agent, self._clock() + min(seconds, LONGEST_RESERVATION)
        self._go(Event.RESERVE)

    def release(self, agent: Actor) -> None:
        """Give a reservation up; nothing happens if it is not theirs."""
        if self.state is State.RESERVED and self._holder and self._holder.key == agent.key:
            self._until = 0.0
            self._expire()

    async def wait_free(self, agent: Actor, seconds: float) -> bool:
        """Wait until an agent may act; False when it may not yet."""
        until = self._clock() + seconds
        while True:
            try:
                self.admit(agent)
            except NotNow:
                left = until - self._clock()
                if left <= 0:
                    return False
                if self._state is State.RESERVED:
                    left = min(left, max(0.0, self._until - self._clock()) + 0.001)
                with anyio.move_on_after(left):
                    await self._freed.wait()
            else:
                return True

    # People

    def take(self, person: Actor) -> None:
        """Give control to a person, at once; what agents have running is ended.

        Raises:
            NotYours: Another person drives.
        """
        state = self.state
        if state is State.PERSON and self._person and self._person.key != person.key:
            raise NotYours(f"{self._person.name} is in control; ask them to hand back.")
        if state is State.RESERVED and self._holder:
            self._lost = f"the reservation of {self._holder.name} ended when they took control"
        self._person, self._left = person, None
        self.moved()
        self._go(Event.TAKE)
        self._end(Taken(person.name))

    def hand_back(self, person: Actor, note: str = "", did: tuple[str, ...] = ()) -> None:
        """Take control from a person.

        Raises:
            NotYours: They do not drive.
        """
        if not self.drives(person):
            raise NotYours("You do not drive, so there is nothing to hand back.")
        self._give_back(HandedBack(person.name, note, did))

    def pause(self, person: Actor, *, stop: bool = False) -> None:
        """Let agents act no more; with `stop` also end what they have running.

        Raises:
            NotYours: A person drives.
        """
        if self.state is State.PERSON and self._person:
            raise NotYours(f"{self._person.name} is in control, so the agents wait anyway.")
        self._person = person
        self._go(Event.PAUSE)
        if stop:
            self._end(Stopped(person.name))

    def resume(self) -> None:
        """Let agents act again; nothing happens if they may."""
        if self.state is State.PAUSED:
            self._person = None
            self._go(Event.RESUME)

    def stale(self, by: Actor, did: str) -> None:
        """A person changed the screen without taking control: agents look before they act."""
        self.back = HandedBack(by.name, "", (did,))
        self.epoch += 1

    def moved(self) -> None:
        """The person who drives has just done something."""
        self._moved = self._clock()

    def left(self, person: Actor) -> None:
        """A person has closed the live view; they keep control for a moment."""
        if self.drives(person):
            self._left = self._clock()

    @property
    def away(self) -> float | None:
        """Seconds until control is free of a person who has closed the live view; None: they are
        there, or nobody drives."""
        if self.state is not State.PERSON or self._left is None:
            return None
        return self._left + _AWAY - self._clock()

    def came(self, person: Actor) -> None:
        """A person has (re)opened the live view."""
        if self.drives(person):
            self._left = None

    def sign_out(self, person: Actor) -> None:
        """A person may not be here any more: control is given back at once if they have it."""
        if self.drives(person):
            self._give_back(HandedBack(person.name, "", ("they were signed out",)))

    def due(self) -> float | None:
        """Seconds until something ends by itself; None: nothing does."""
        self._expire()
        now = self._clock()
        if self._state is State.RESERVED:
            return self._until - now
        if self._state is State.PERSON:
            away = [] if self._left is None else [self._left + _AWAY - now]
            return min([self._moved + _IDLE - now, *away])
        return None

    # How it is done

    def _go(self, event: Event) -> None:
        self._state = TABLE[self._state, event]
        if self._state is State.FREE and self._running:
            self._state = TABLE[State.FREE, Event.CALL]
        if self._state is not State.PERSON:
            self.hidden = False
        if self._state in (State.FREE, State.AGENT):
            self._freed.set()
            self._freed = anyio.Event()
        self._rang()

    def _give_back(self, back: HandedBack) -> None:
        did = (self._lost, *back.did) if self._lost else back.did
        self.back, self._lost = replace(back, did=did), ""
        self.epoch += 1
        self._person = self._left = None
        self._go(Event.HAND_BACK)

    def _end(self, why: NotNow) -> None:
        for scope in list(self._running):
            self._ended[scope] = why
            scope.cancel()

    def _expire(self) -> None:
        now = self._clock()
        if self._state is State.RESERVED and now >= self._until:
            self._holder = None
            self._go(Event.RELEASE)
        elif self._state is State.PERSON and self._person:
            gone = self._left is not None and now >= self._left + _AWAY
            if gone or now >= self._moved + _IDLE:
                why = "closed the live view" if gone else "did nothing for a long time"
                self._give_back(HandedBack(self._person.name, "", (f"they {why}",)))

"""One desktop among people and agents: who watches, who drives, and what people do with it.

A person is a live view with an id of its own. What they press goes to the desktop as it comes, as
long as they drive; what they did is told to the agent afterwards in a few sentences, without what
they typed into passwords.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import BadText

from .deeds import Deeds
from .leases import Lease, NotYours, State, Who
from .questions import Answer, Questions
from .record import Place, Record

logger = logging.getLogger(__name__)

SYSTEM = Who("system", "", "gloveport")
_LONGEST_NOTE = 1000  # characters


@dataclass(slots=True)
class Person:
    """Somebody at a live view."""

    who: Who
    may: frozenset[str] = frozenset({"view"})
    """"view", and "control" if they may drive and answer."""
    views: int = 0
    """Open event streams: a page that is loaded again has two for a moment."""
    deeds: Deeds | None = None
    """What they have done since they took control."""


Verb = Callable[[Person, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Sharing:
    """The people and agents at one desktop. Used on the event loop only."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        self.record = Record()
        self.lease = Lease(self._ring)
        self.questions = Questions(self.record, self._ring)
        self.people: dict[str, Person] = {}
        self._changed = anyio.Event()
        self._verbs: dict[str, Verb] = {
            "take": self._take,
            "hand_back": self._hand_back,
            "pause": self._pause,
            "stop": self._stop,
            "resume": self._resume,
            "hide": self._hide,
            "answer": self._answer,
            "checkpoint": self._checkpoint,
            "rollback": self._rollback,
        }

    # Watching

    def came(self, key: str, name: str, may: frozenset[str]) -> Person:
        """A live view is open; the same id again is the same person."""
        person = self.people.get(key)
        if person is None:
            person = self.people[key] = Person(Who("person", key, name), may)
        elif person.who.name != name and not self.lease.drives(person.who):
            person.who = Who("person", key, name)
        person.may = may
        person.views += 1
        self.lease.came(person.who)
        self._ring()
        return person

    def left(self, person: Person) -> None:
        """A live view has closed."""
        person.views -= 1
        if not person.views:
            self.lease.left(person.who)
            if not self.lease.drives(person.who):
                self.people.pop(person.who.key, None)
        self._ring()

    @property
    def watching(self) -> list[Person]:
        return [person for person in self.people.values() if person.views]

    @property
    def deciding(self) -> bool:
        """Whether anybody who may answer a question is watching."""
        return any("control" in person.may for person in self.watching)

    async def changed(self) -> None:
        """Return when what `state` tells has changed."""
        await self._changed.wait()

    def state(self, person: Person) -> dict[str, Any]:
        """All that a live view shows besides the screen."""
        lease, desktop = self.lease, self.desktop
        state, who = lease.state, lease.who
        driver = "nobody"
        if state is State.PERSON:
            driver = "person"
        elif state in (State.AGENT, State.RESERVED):
            driver = "agent"
        return {
            "desktop": desktop.settings.name,
            "size": [desktop.view.picture.width, desktop.view.picture.height],
            "walls": "bwrap" if desktop.walled else "none",
            "you": {
                "viewer": person.who.key,
                "name": person.who.name,
                "may": sorted(person.may),
                "driving": lease.drives(person.who),
            },
            "driver": {"kind": driver, "name": who.name if who and driver != "nobody" else ""},
            "paused": who.name if who and state is State.PAUSED else "",
            "reserved": state is State.RESERVED,
            "hidden": lease.hidden,
            "watching": [one.who.name for one in self.watching],
            "questions": [one.as_json() for one in self.questions.open],
            "checkpoints": [
                {
                    "name": one.name,
                    "when": one.when,
                    "note": one.note,
                    "bytes": one.size,
                    "automatic": one.automatic,
                }
                for one in desktop.checkpoints
            ],
        }

    # What people do

    async def do(self, person: Person, verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a person asks for by a button.

        Raises:
            BadText: There is no such verb.
            NotYours: They may only watch, or it is another's to do.
            SandboxError: It could not be done.
        """
        if verb not in self._verbs:
            raise BadText(f"There is no verb {verb[:40]!r}; there are {', '.join(self._verbs)}.")
        if "control" not in person.may:
            raise NotYours("Your token lets you watch; to act, ask for one with the scope control.")
        told = await self._verbs[verb](person, given)
        self._ring()
        return {"ok": True, **told}

    async def _take(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        already = self.lease.drives(person.who)
        self.lease.take(person.who)
        if not already:
            person.deeds = Deeds(self.desktop.focus, lambda deed, at: self._tell(person, deed, at))
            self.record.note(person.who, "take", "took control")
        if self.desktop.holding:
            await self.desktop.let_go()
        return {}

    async def _hand_back(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        note = _text(given, "note")
        await self.desktop.leave()
        note = self._clean(note)
        did = tuple(self._clean(deed) for deed in person.deeds.told()) if person.deeds else ()
        self.lease.hand_back(person.who, note, did)
        self.questions.done_by_hand(person.who, note, did)
        person.deeds = None
        self.record.note(person.who, "hand_back", f"handed back: {note}" if note else "handed back")
        return {}

    async def _pause(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.lease.pause(person.who)
        self.record.note(person.who, "pause", "paused the agents")
        return {}

    async def _stop(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.lease.pause(person.who, stop=True)
        self.record.note(person.who, "stop", "stopped the agents")
        return {}

    async def _resume(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.lease.resume()
        self.record.note(person.who, "resume", "let the agents go on")
        return {}

    async def _hide(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        if not self.lease.drives(person.who):
            raise NotYours("Take control first: the screen can be hidden while you drive.")
        self.lease.hidden = given.get("hidden") is True
        return {"hidden": self.lease.hidden}

    async def _answer(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        asked = self.questions.find(str(given.get("id", "")))
        if asked is None or asked.answer is not None:
            raise NotYours("This question is not open any more: it was answered, or is too old.")
        approved, words = given.get("approved"), _text(given, "text")
        if not isinstance(approved, bool):
            if asked.kind == "approve":
                raise BadText("approved must be true or false.")
            approved = True
        if asked.kind == "question" and approved and not words:
            raise BadText("text must have the answer, or approved be false to give none.")
        self.questions.answer(asked, Answer(person.who.name, approved, words), person.who)
        return {}

    async def _checkpoint(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        note = _text(given, "note")
        made = await self.desktop.checkpoint(note)
        self.record.note(person.who, "checkpoint", f"made checkpoint {made.name} {note}".strip())
        return {"checkpoint": made.name}

    async def _rollback(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        begun = self.record.begin(person.who, "rollback", "rolling back")
        try:
            made, frame = await self.desktop.rollback(_text(given, "to"), show="always")
        except BaseException as why:
            self.record.end(begun, error=str(why))
            raise
        told = f"rolled back to {made.name}"
        self.record.end(begun, picture=frame.picture, told=told)
        if self.lease.drives(person.who) and person.deeds:
            person.deeds.note(told)
        else:
            self.lease.stale(person.who, told)
        return {"back_to": made.name}

    def _tell(self, person: Person, deed: str, at: Place | None) -> None:
        self.record.note(person.who, deed.partition(" ")[0], self._clean(deed), at)

    def _clean(self, text: str) -> str:
        return self.desktop.settings.vault.scrub(text)

    # Time

    async def tend(self) -> None:
        """End what ends by itself, such as the control of a person who has left; runs until
        cancelled."""
        while True:
            changed = self._changed
            due = [one for one in (self.lease.due(), self.questions.due()) if one is not None]
            with anyio.move_on_after(min(due, default=None)):
                await changed.wait()

    def _ring(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST_NOTE:
        raise BadText(f"{key} must be text of at most {_LONGEST_NOTE} characters.")
    return value.strip()

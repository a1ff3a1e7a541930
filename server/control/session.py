"""One desktop among people and agents: who watches, who drives, and what people do with it.

A person is a browser session, or a token at a live view. What they press goes to the desktop as it
comes, as long as they drive; what they did is told to the agent afterwards in a few sentences,
without what they typed into passwords.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import anyio

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import BadText, FileThere, Impossible
from gloveport.sandbox.home.files import MOST_UPLOADED

from ..auth.principal import Passport
from ..recording.actor import Actor
from ..recording.human_input import Deeds
from ..recording.recorder import Event, Place, Recorder, Said
from ..recording.touches import Touches
from .lease import Lease, NotYours, State
from .questions import Answer, Questions

logger = logging.getLogger(__name__)


class NotPermitted(Impossible):
    """What a request may not do, by its session or token."""


SYSTEM = Actor("system", "", "gloveport")
_CTRL, _SHIFT, _V = 0xFFE3, 0xFFE1, ord("v")  # keysyms
_NAMES_TRIED = 100
_LONGEST_NOTE = 1000  # characters
_AGENTS_KEPT = 32
_AGENT_HEARD = 900.0  # seconds after its last call for which an agent is told of


@dataclass(slots=True)
class Person:
    """Somebody at a live view."""

    who: Actor
    passport: Passport
    """What the live view they opened last may do."""
    views: int = 0
    """Open event streams: a page that is loaded again has two for a moment."""
    deeds: Deeds | None = None
    """What they have done since they took control."""


@dataclass(slots=True)
class AgentSeen:
    """An agent as people know it: by its calls."""

    name: str
    running: set[int] = field(default_factory=set[int])
    """Numbers of its calls that have begun and not ended."""
    since: float = 0.0
    """When it last began or ended a call, in seconds since 1970."""


Verb = Callable[[Person, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class DesktopSession:
    """The people and agents at one desktop. Used on the event loop only."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        stay = desktop.settings.stay
        self.record = Recorder(self._clean, stay and stay / "story")
        self.lease = Lease(self._ring)
        self.questions = Questions(self.record, self._ring)
        self.people: dict[str, Person] = {}
        self.agents: dict[str, AgentSeen] = {}
        """Those that called lately, by key; the one heard of last goes last."""
        self.record.listen(self._saw)
        self._changed = anyio.Event()
        self._verbs: dict[str, Verb] = {
            "take": self._take,
            "hand_back": self._hand_back,
            "pause": self._pause,
            "stop": self._stop,
            "resume": self._resume,
            "hide": self._hide,
            "answer": self._answer,
            "paste": self._paste,
            "checkpoint": self._checkpoint,
            "rollback": self._rollback,
        }

    # Watching

    def came(self, key: str, name: str, passport: Passport) -> Person:
        """A live view is open; the same key again is the same person."""
        person = self.people.get(key)
        if person is None:
            person = self.people[key] = Person(Actor("person", key, name), passport)
        elif person.who.name != name and not self.lease.drives(person.who):
            person.who = Actor("person", key, name)
        person.passport = passport
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

    def deciding(self, holder: str) -> bool:
        """Whether anybody is watching who may answer what a credential's agent asks."""
        return any(_decides(person.passport, holder) for person in self.watching)

    def _saw(self, event: Event) -> None:
        """Note what an agent does, for people to see whether it works."""
        if event.who.kind != "agent":
            return
        seen = self.agents.pop(event.who.key, None) or AgentSeen(event.who.name)
        self.agents[event.who.key] = seen
        if event.ended:
            seen.running.discard(event.number)
        else:
            seen.running.add(event.number)
        seen.since = time.time()
        while len(self.agents) > _AGENTS_KEPT:
            del self.agents[next(iter(self.agents))]
        self._ring()

    def touches_of(self, begun: Event) -> Touches:
        """What notes what a call touches, for whoever watches; asked for by the call itself."""
        loop = asyncio.get_running_loop()

        def pressing(at: Place) -> None:
            loop.call_soon_threadsafe(self.record.pressing, begun, at)

        return Touches(bool(self.watching), pressing)

    def disconnected(self, key: str) -> None:
        """An agent has disconnected."""
        self.agents.pop(key, None)
        self.questions.disconnected(key)

    def _agents(self) -> list[dict[str, Any]]:
        """Those that called lately: working, waiting for a person, or between two calls."""
        asking = {one.asked_by.key for one in self.questions.open if one.waiting}
        heard = time.time() - _AGENT_HEARD
        return [
            {
                "name": seen.name,
                "state": "asking" if key in asking else "working" if seen.running else "thinking",
                "since": seen.since,
            }
            for key, seen in self.agents.items()
            if seen.running or seen.since > heard
        ]

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
            "pixels": [desktop.view.screen.width, desktop.view.screen.height],
            "walls": "bwrap" if desktop.walled else "none",
            "you": {
                "viewer": person.who.key,
                "name": person.who.name,
                "may": sorted(person.passport.now.scopes),
                "driving": lease.drives(person.who),
            },
            "driver": {"kind": driver, "name": who.name if who and driver != "nobody" else ""},
            "paused": who.name if who and state is State.PAUSED else "",
            "reserved": state is State.RESERVED,
            "away": round(time.time() + lease.away) if lease.away else 0,
            "hidden": lease.hidden,
            "agents": self._agents(),
            "watching": [one.who.name for one in self.watching],
            "questions": [
                one.as_json() | {"yours": _decides(person.passport, one.holder)}
                for one in self.questions.open
            ],
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

    @property
    def summary(self) -> dict[str, Any]:
        """What the page of all desktops tells of this one."""
        lease = self.lease
        person = lease.who.name if lease.state in (State.PERSON, State.PAUSED) and lease.who else ""
        return {
            "agents": self._agents(),
            "person": person,
            "paused": lease.state is State.PAUSED,
            "watching": len(self.watching),
            "waiting": sum(not one.gone for one in self.questions.open),
            "now": time.time(),
        }

    # What people do

    async def do(
        self, person: Person, verb: str, given: Mapping[str, Any], passport: Passport
    ) -> dict[str, Any]:
        """What a person asks for by a button.

        Args:
            person: Who asks.
            verb: What for.
            given: Its parameters.
            passport: What the request that asks may do.

        Raises:
            BadText: There is no such verb.
            NotPermitted: This request may not do that.
            NotYours: It is another's to do.
            SandboxError: It could not be done.
        """
        if verb not in self._verbs:
            raise BadText(f"There is no verb {verb[:40]!r}; there are {', '.join(self._verbs)}.")
        if verb == "answer":
            self._check_may_answer(passport, given)
        elif not passport.now.may("control"):
            raise NotPermitted(
                "Your sign-in lets you watch; to act, use a link or token with the scope control."
            )
        told = await self._verbs[verb](person, given)
        self._ring()
        return {"ok": True, **told}

    def _check_may_answer(self, passport: Passport, given: Mapping[str, Any]) -> None:
        if not passport.session or not passport.now.may("approve"):
            raise NotPermitted(
                "Only a person signed in at the live view can answer, by a link that may approve: "
                "`gloveport live` prints one."
            )
        asked = self.questions.find(str(given.get("id", "")))
        if asked and not _decides(passport, asked.holder):
            raise NotPermitted(
                "This was asked with the token that your link was made with. Answer it by a link "
                "from `gloveport live` on the server's machine, or from a token of your own."
            )

    async def _take(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        already = self.lease.drives(person.who)
        self.lease.take(person.who)
        if not already:
            person.deeds = Deeds(
                self.desktop.focus, lambda deed, at, said: self._tell(person, deed, at, said)
            )
            self.record.note(person.who, "take", "took control", said={"code": "took"})
        if self.desktop.holding:
            await self.desktop.let_go()
        return {}

    async def _hand_back(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        note = self._clean(_text(given, "note"))
        if not self.lease.drives(person.who):
            raise NotYours("You do not drive, so there is nothing to hand back.")
        await self.desktop.leave()
        told = await person.deeds.told() if person.deeds else ()
        did = tuple(self._clean(deed) for deed in told)
        self.lease.hand_back(person.who, note, did)
        self.questions.done_by_hand(person.who, note, did)
        person.deeds = None
        self.record.note(
            person.who,
            "hand_back",
            f"handed back: {note}" if note else "handed back",
            said={"code": "handed_back", "text": note},
        )
        return {}

    async def _pause(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.pause(person.who)
        return {}

    async def _stop(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.pause(person.who, stop=True)
        return {}

    def pause(self, who: Actor, *, stop: bool = False) -> None:
        """Let agents act no more, with `stop` end what they do, and ask about every site again.

        Raises:
            NotYours: A person drives.
        """
        self.lease.pause(who, stop=stop)
        self.questions.disallow()
        verb, told = ("stop", "stopped the agents") if stop else ("pause", "paused the agents")
        self.record.note(who, verb, told, said={"code": f"{told.split()[0]}_agents"})

    async def _resume(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        self.lease.resume()
        self.record.note(
            person.who, "resume", "let the agents go on", said={"code": "resumed_agents"}
        )
        return {}

    async def _hide(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        if not self.lease.drives(person.who):
            raise NotYours("Take control first: the screen can be hidden while you drive.")
        self.lease.hidden = given.get("hidden") is True
        return {"hidden": self.lease.hidden}

    async def _paste(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        text = given.get("text")
        if not isinstance(text, str) or not text:
            raise BadText("text must be what to paste.")
        if not self.lease.drives(person.who):
            raise NotYours("Take control first: text is pasted while you drive.")
        await self.desktop.bring(text)
        held = [_CTRL, _SHIFT] if given.get("shift") is True else [_CTRL]
        await self.desktop.press([*held, _V])
        self.lease.moved()
        if person.deeds:
            said: Said = {"code": "pasted", "count": len(text)}
            await person.deeds.note(f"pasted {len(text)} characters", said)
        return {}

    async def drop(self, person: Person, name: str, data: bytes) -> str:
        """Put a file of a person's into ~/Downloads, under a name that is free there.

        Raises:
            SandboxError: It could not be put there.
        """
        name = self._clean(PurePosixPath(name.replace("\\", "/")).name)
        for number in range(_NAMES_TRIED):
            stem, dot, kind = name.rpartition(".")
            free = f"{stem} ({number}){dot}{kind}" if number and dot else f"{name} ({number})"
            path = f"~/Downloads/{free if number else name}"
            try:
                await self.desktop.upload(path, data)
            except FileThere:
                continue
            did, said = f"put {path} there", {"code": "dropped", "text": path}
            if self.lease.drives(person.who) and person.deeds:
                await person.deeds.note(did, said)
            else:
                self.record.note(person.who, "drop", did, said=said)
            return path
        raise Impossible(f"There are {_NAMES_TRIED} files called {name[:40]!r} already.")

    async def hand_out(self, person: Person, name: str) -> bytes:
        """A file of ~/Downloads, whole, for a person.

        Raises:
            SandboxError: There is no such file, it is too large or changes, or it holds a secret.
        """
        path, data, size = f"~/Downloads/{name}", bytearray(), -1
        while len(data) != size:
            part = await self.desktop.download(path, "base64", len(data))
            if part.size > MOST_UPLOADED:
                most = f"at most {MOST_UPLOADED:,} are handed out"
                raise Impossible(f"{part.path} has {part.size:,} bytes; {most}.")
            if part.size != size >= 0 or (part.end == len(data) < part.size):
                raise Impossible(f"{part.path} changes while it is read. Try again.")
            size = part.size
            data += base64.b64decode(part.content)
        said: Said = {"code": "took_file", "text": path}
        self.record.note(person.who, "take", f"took {path} out", said=said)
        return bytes(data)

    async def _answer(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        asked = self.questions.find(str(given.get("id", "")))
        if asked is None or asked.answer is not None:
            raise NotYours("This question is not open any more: it was answered, or is too old.")
        approved, words = given.get("approved"), self._clean(_text(given, "text"))
        if not isinstance(approved, bool):
            if asked.kind == "approve":
                raise BadText("approved must be true or false.")
            approved = True
        if asked.kind == "question" and approved and not words:
            raise BadText("text must have the answer, or approved be false to give none.")
        self.questions.answer(asked, Answer(person.who.name, approved, words), person.who)
        if approved and given.get("site") is True and asked.site:
            self.questions.allow(asked, person.who)
        return {}

    async def _checkpoint(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        note = self._clean(_text(given, "note"))
        made = await self.desktop.checkpoint(note)
        told = f"made checkpoint {made.name} {note}".strip()
        said = {"code": "made_checkpoint", "name": made.name, "text": note}
        self.record.note(person.who, "checkpoint", told, said=said)
        return {"checkpoint": made.name}

    async def _rollback(self, person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
        begun = self.record.begin(
            person.who, "rollback", "rolling back", said={"code": "rolling_back"}
        )
        keep = given.get("keep") is not False  # a person was asked whether the present may be lost
        try:
            restored, frame = await self.desktop.rollback(
                _text(given, "to"), show="always", keep=keep
            )
        except BaseException as why:
            self.record.end(begun, error=str(why))
            raise
        name = restored.checkpoint.name
        told = f"rolled back to {name}"
        said = {"code": "rolled_back", "name": name}
        self.record.end(begun, picture=frame.picture, told=told, said=said)
        if self.lease.drives(person.who) and person.deeds:
            await person.deeds.note(told, said)
        else:
            self.lease.stale(person.who, told)
        return {"back_to": name}

    def _tell(self, person: Person, deed: str, at: Place | None, said: Said) -> None:
        self.record.note(person.who, deed.partition(" ")[0], self._clean(deed), at, said)

    def _clean(self, text: str) -> str:
        return self.desktop.settings.vault.scrub(text)

    # Time

    def gone(self, person: Person) -> None:
        """A person may not be here any more: what they hold is released, and control is free."""
        if self.lease.drives(person.who):
            self.lease.sign_out(person.who)
            person.deeds = None
            self.record.note(person.who, "sign_out", "was signed out", said={"code": "signed_out"})
        self.people.pop(person.who.key, None)
        self._ring()

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


def _decides(passport: Passport, holder: str) -> bool:
    """Whether a session may answer what was asked with a credential: never with the same one."""
    return (
        bool(passport.session) and passport.now.may("approve") and (passport.grant.holder != holder)
    )


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST_NOTE:
        raise BadText(f"{key} must be text of at most {_LONGEST_NOTE} characters.")
    return value.strip()

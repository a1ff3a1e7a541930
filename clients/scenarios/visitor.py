"""The hands of a scripted solution: find by words, act, check, and try again if it was disturbed.

It stands for a careful agent. It acts by MCP alone, closes pop-ups, and takes nothing for done that
the screen does not show.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..agents.loop import Hands, Outcome
from ..scripted.shopper import Lost

PATIENCE = 40.0  # seconds for one thing to be there and done; a loaded machine needs most of it
_DISMISS = re.compile("No, thanks|不用了，谢谢")
_LINE = re.compile(
    r'(?P<ref>[eo]\d+)(?: (?P<role>[a-z ]+?))?(?: "(?P<name>.*?)")?(?: = (?P<value>.*?))?'
    r" (?P<x>\d+),(?P<y>\d+)(?P<rest>.*)"
)


@dataclass(frozen=True, slots=True)
class Thing:
    """An element of the screen, as `read_screen` tells it."""

    ref: str
    role: str
    name: str
    value: str
    rest: str
    """Its states and whatever else is told of it."""
    x: int
    y: int


class Visitor:
    """Acts on a desktop.

    Args:
        hands: The desktop.
        url: The first page of the site.
        patience: Seconds for one thing to be there and done.
    """

    def __init__(self, hands: Hands, url: str, patience: float = PATIENCE) -> None:
        self.hands = hands
        self.url = url
        self._patience = patience

    async def open(self, title: str, path: str = "") -> None:
        """Open a page of the site.

        Raises:
            Lost: No window of that title comes.
        """
        await self.do("open", target=self.url + path, screenshot="never")
        waited = await self.do(
            "wait_for", event="window", text=title, seconds=self._patience, screenshot="never"
        )
        if not (waited.answer and waited.answer.facts["happened"]):
            raise Lost(f"no window is titled {title!r}")

    async def do(self, name: str, /, **arguments: object) -> Outcome:
        """Make a call that has to be done.

        Raises:
            Lost: It was refused.
        """
        outcome = await self.hands.do(name, **arguments)
        if outcome.refused:
            raise Lost(f"{name}: {outcome.refused}")
        return outcome

    async def read(self) -> list[Thing]:
        """All that the screen shows, once no pop-up is in front."""
        ends = time.monotonic() + self._patience
        while time.monotonic() < ends:
            things = await self._seen()
            closing = [one for one in things if one.role and _DISMISS.fullmatch(one.name)]
            if not closing:
                return things
            await self.hands.do("click_element", target=closing[0].ref, screenshot="never")
        raise Lost("a pop-up does not close")

    async def find(self, pick: "Pick", what: str) -> Thing:
        """Wait for a thing.

        Args:
            pick: Takes it from all that the screen shows.
            what: Names it, for the error.

        Raises:
            Lost: It does not come.
        """
        ends = time.monotonic() + self._patience
        things = list[Thing]()
        while time.monotonic() < ends:
            things = await self.read()
            if found := pick(things):
                return found
            await self._look_further()
        raise Lost(f"{what} is not among {[one.name for one in things]}")

    async def try_press(self, pick: "Pick", done: "Shown", what: str) -> bool:
        """Click a thing that is picked, once; whether the screen then shows that it was done.

        Raises:
            Lost: It is not there.
        """
        target = await self.find(pick, what)
        clicked = await self.hands.do("click_element", target=target.ref, screenshot="never")
        return not clicked.refused and await self.shows(done)

    async def press(self, name: str, done: "Shown", role: str = "") -> None:
        """Click a thing until the screen shows that it was done.

        Args:
            name: Of the thing, in full.
            done: Whether the screen shows it.
            role: Of the thing; empty: any.

        Raises:
            Lost: It is not there, or nothing comes of it.
        """
        await self.press_where(called(name, role), done, name)

    async def press_where(self, pick: "Pick", done: "Shown", what: str) -> None:
        """The same for a thing that is picked."""
        ends = time.monotonic() + self._patience
        while time.monotonic() < ends:
            if await self.try_press(pick, done, what):
                return
        raise Lost(f"nothing came of pressing {what}")

    async def set(self, name: str, value: str, role: str = "") -> None:
        """Set a field that is no plain text to a value.

        Raises:
            Lost: The server says that it does not hold it.
        """
        ends = time.monotonic() + self._patience
        why = ""
        while time.monotonic() < ends:
            field = await self.find(called(name, role), name)
            outcome = await self.hands.do("set", target=field.ref, value=value, screenshot="never")
            why = outcome.refused
            if not why:
                return
        raise Lost(f"{name} does not hold {value!r}: {why}")

    async def shows(self, done: "Shown", seconds: float = 4) -> bool:
        """Whether the screen shows something within some seconds."""
        ends = time.monotonic() + seconds
        while True:
            if done(await self.read()):
                return True
            if time.monotonic() > ends:
                return False
            await self.hands.do("wait_for", event="change", seconds=1, screenshot="never")

    async def fill(self, name: str, text: str) -> None:
        """Type into the field of a name, in place of what it holds.

        Raises:
            Lost: The field does not hold it in the end.
        """
        ends = time.monotonic() + self._patience
        told = ""
        while time.monotonic() < ends:
            field = await self.find(called(name), name)
            typed = await self.hands.do("type", text=text, into=field.ref, screenshot="never")
            facts = typed.answer.facts if typed.answer else {}
            told = typed.refused or str(facts.get("typed"))
            if told == "verified":
                return
            await self.hands.do("click_element", target=field.ref, screenshot="never")
            await self.hands.do("key", text="ctrl+a Delete", screenshot="never")
        raise Lost(f"{name} does not hold {text!r}: {told}")

    async def _look_further(self) -> None:
        """Wait for the page to change; if it rests, scroll down, and at its end up again."""
        waited = await self.hands.do("wait_for", event="change", seconds=1, screenshot="never")
        if waited.answer and waited.answer.facts.get("happened"):
            return
        for direction, notches in (("down", 5), ("up", 50)):
            scrolled = await self.hands.do(
                "scroll", scroll_direction=direction, scroll_amount=notches, screenshot="never"
            )
            if scrolled.answer and scrolled.answer.changed:
                return

    async def _seen(self) -> list[Thing]:
        looked = await self.hands.do("read_screen")
        return things_of(looked.text)


def things_of(text: str) -> list[Thing]:
    """The elements in an answer of `read_screen`, in its order, without those of the browser itself
    (its tabs tell the titles of other pages)."""
    found: list[Thing] = []
    for window in re.split(r"^# ", text, flags=re.MULTILINE):
        found += _of_the_page([_thing(one) for one in map(_LINE.match, window.split("\n")) if one])
    return found


def _thing(found: re.Match[str]) -> Thing:
    words = {name: found[name] or "" for name in ("ref", "role", "name", "value", "rest")}
    return Thing(**words, x=int(found["x"]), y=int(found["y"]))


def _of_the_page(window: list[Thing]) -> list[Thing]:
    """What a window shows of a page; all of it where there is none."""
    roles = [thing.role for thing in window]
    if "document web" not in roles:
        return window
    page = window[roles.index("document web") :]
    names = [thing.name for thing in page]
    return page[: names.index("Tab search")] if "Tab search" in names else page


Shown = Callable[[list[Thing]], bool]
"""Whether the screen shows that something is done."""
Pick = Callable[[list[Thing]], Thing | None]
"""Takes the thing that is meant from all that the screen shows; None: it is not there."""


def named(*names: str) -> Shown:
    """Whether the screen shows things of all these names, or that hold them as part of theirs."""
    return lambda things: all(any(name in thing.name for thing in things) for name in names)


def called(name: str, role: str = "") -> Pick:
    """The first thing of a name, and of a role if one is given; plain text has none."""

    def pick(things: list[Thing]) -> Thing | None:
        fits = (thing for thing in things if thing.name == name and thing.role)
        return next((thing for thing in fits if role in ("", thing.role)), None)

    return pick


def after(heading: str, name: str) -> Pick:
    """The first thing of a name below one of another."""

    def pick(things: list[Thing]) -> Thing | None:
        names = [thing.name for thing in things]
        below = things[names.index(heading) :] if heading in names else []
        return next((thing for thing in below if thing.name == name), None)

    return pick

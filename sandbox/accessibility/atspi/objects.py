"""Objects of the tree as they are asked for: what is in what, of which role, and where."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...geometry import Point, Rect
from .bus import Answer, Key, Question
from .connection import Connection, Program
from .protocol import (
    A11Y,
    ACCESSIBLE,
    COMPONENT,
    IN_WINDOW,
    MOST_NODES,
    NULL,
    ON_SCREEN,
    ROOT,
    SHOWING,
    TEXTS,
    UNTOLD,
    all_of_states,
    key_of,
    keys_of,
    property_of,
    returned,
    role_name,
    states_of,
    value_of,
)


@dataclass(slots=True)
class Item:
    """What is known of an object before its place is."""

    key: Key
    role: str
    name: str
    states: frozenset[str]
    interfaces: frozenset[str] | None
    parent: Key | None = None
    children: int = 0
    popover: Rect | None = None
    kids: "list[Item]" = field(default_factory=lambda: list[Item]())


class Objects:
    """Asks for many objects at once."""

    def __init__(self, bus: Connection) -> None:
        self._bus = bus

    async def cache(self, program: Program) -> dict[Key, Item]:
        """What the program's toolkit keeps at hand of its objects; empty when it keeps nothing."""
        with suppress(*UNTOLD):
            cache = (program.bus, "/org/a11y/atspi/cache")
            (cached,) = await self._bus.call(cache, A11Y + "Cache", "GetItems")
            items: dict[Key, Item] = {}
            for one in cached[: 4 * MOST_NODES]:
                with suppress(*UNTOLD):
                    item = _cached(one)
                    items[item.key] = item
            return items
        return {}

    async def documents(self, shown: Sequence[Item]) -> list[Item]:
        """What LibreOffice shows of its texts and slides: it keeps nothing of that at hand."""
        known = {one.key for one in shown}
        found: list[Item] = []
        for one in shown:
            if one.role in TEXTS:
                found += [
                    each for each in await self.walk(one.key, "showing") if each.key not in known
                ]
        return found

    async def matches(self, top: Key, items: dict[Key, Item], states: int = SHOWING) -> list[Item]:
        body = [all_of_states(states), 1, MOST_NODES, True]
        (found,) = await self._bus.call(
            top, A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib", body
        )
        keys = keys_of(found)
        missing = [key for key in keys if key not in items]
        fresh = dict(zip(missing, await self.items(missing), strict=True))
        shown = [items.get(key) or fresh.get(key) for key in keys]
        return [one for one in shown if one and one.role != "application"]

    async def walk(self, top: Key, state: str, without: str = "") -> list[Item]:
        """What has a state below an object, and not below a role, in document order."""
        root = await self.item(top)
        level: list[Item] = [root] if root else []
        seen, left = {top}, MOST_NODES
        while level and left > 0:
            told = await self.all_children([one.key for one in level])
            pairs = [
                (parent, key)
                for parent, keys in zip(level, told, strict=True)
                for key in keys
                if key not in seen
            ][:left]
            seen.update(key for _, key in pairs)
            left -= len(pairs)
            fresh = await self.items([key for _, key in pairs])
            level = []
            for (parent, _), item in zip(pairs, fresh, strict=True):
                if item and state in item.states and item.role != without:
                    item.parent = parent.key
                    parent.kids.append(item)
                    level.append(item)
        found = list(_below(root)) if root else []
        for popover in [one for one in found if one.name == "GtkPopover"]:
            rect = await self.extents(popover.key, relative=True)
            for one in _below(popover):
                one.popover = rect
        return found

    async def children(self, key: Key) -> list[Key]:
        return (await self.all_children([key]))[0]

    async def all_children(self, keys: Sequence[Key]) -> list[list[Key]]:
        """What is in each of several objects; nothing where it does not say."""
        found: list[list[Key]] = []
        for answer in await self._bus.ask(
            [Question(key, ACCESSIBLE, "GetChildren") for key in keys]
        ):
            found.append([])
            with suppress(*UNTOLD):
                (kids,) = returned(answer)
                found[-1] = keys_of(kids)
        return found

    async def item(self, key: Key) -> Item | None:
        return (await self.items([key]))[0]

    async def items(self, keys: Sequence[Key]) -> list[Item | None]:
        """Several objects; None for each that does not say what it is."""
        told = await self._bus.ask(
            [
                one
                for key in keys
                for one in (
                    Question(key, ACCESSIBLE, "GetRole"),
                    Question(key, ACCESSIBLE, "GetState"),
                    property_of(key, ACCESSIBLE, "Name"),
                )
            ]
        )
        return [_described(key, *told[3 * at : 3 * at + 3]) for at, key in enumerate(keys)]

    async def parents_of(self, keys: Sequence[Key], known: Mapping[Key, Item]) -> dict[Key, Key]:
        """What each of several objects is directly in, as it was read or is told now."""
        found = {key: one.parent for key in keys if (one := known.get(key)) and one.parent}
        missing = [one for one in keys if one not in found]
        told = await self._bus.ask([property_of(one, ACCESSIBLE, "Parent") for one in missing])
        for one, answer in zip(missing, told, strict=True):
            with suppress(*UNTOLD):
                found[one] = key_of(value_of(answer))
        return found

    async def roles(self, keys: Collection[Key], known: Mapping[Key, Item]) -> dict[Key, str]:
        missing = [one for one in keys if one not in known]
        told = [one for one in await self.items(missing) if one]
        return {one.key: one.role for one in (*told, *(known[key] for key in keys if key in known))}

    async def above(self, keys: Sequence[Key]) -> dict[Key, set[Key]]:
        """What holds each of several objects, as far as it is told."""
        parents: dict[Key, Key] = {}
        level = set(keys)
        for _ in range(60):
            asked = [one for one in level if one not in parents and one[1] not in (NULL, ROOT)]
            level = set[Key]()
            told = await self._bus.ask([property_of(one, ACCESSIBLE, "Parent") for one in asked])
            for one, answer in zip(asked, told, strict=True):
                with suppress(*UNTOLD):
                    parents[one] = key_of(value_of(answer))
                    level.add(parents[one])
        found: dict[Key, set[Key]] = {}
        for key in keys:
            here, held = parents.get(key), set[Key]()
            while here is not None and here not in held:
                held.add(here)
                here = parents.get(here)
            found[key] = held
        return found

    async def extents(self, key: Key, *, relative: bool) -> Rect | None:
        return (await self.places([key], relative=relative))[0]

    async def places(self, keys: Sequence[Key], *, relative: bool) -> list[Rect | None]:
        """Where several objects are; None for each that does not say."""
        body = [IN_WINDOW if relative else ON_SCREEN]
        asked = [Question(key, COMPONENT, "GetExtents", "u", body) for key in keys]
        return [_rect(one) for one in await self._bus.ask(asked)]

    async def deepest(self, top: Key, point: Point, kind: int) -> Key:
        """The innermost object under a point, as its program knows it by now."""
        here, seen = top, {top}
        for _ in range(60):
            (found,) = await self._bus.call(
                here, COMPONENT, "GetAccessibleAtPoint", "iiu", [point.x, point.y, kind]
            )
            under = key_of(found)
            if under[1] == NULL or under in seen:
                break
            seen.add(under)
            here = under
        return here


def _cached(item: Sequence[Any]) -> Item:
    """One item of Cache.GetItems: (so)(so)(so)iiassusau, as at-spi2-core 2.36 and newer give it."""
    key, _, parent, _, children, interfaces, name, role, _, states = item
    return Item(
        key_of(key), role_name(role), str(name), states_of(states), frozenset(interfaces),
        key_of(parent), int(children),
    )  # fmt: skip


def _below(root: Item) -> Iterable[Item]:
    stack, seen = [root], set[Key]()
    while stack:
        item = stack.pop()
        if item.key in seen:
            continue
        seen.add(item.key)
        yield item
        stack += reversed(item.kids)


def _described(key: Key, role: Answer, states: Answer, name: Answer) -> Item | None:
    with suppress(*UNTOLD):
        (number,), (words,) = returned(role), returned(states)
        return Item(key, role_name(number), str(value_of(name)), states_of(words), None)
    return None


def _rect(answer: Answer) -> Rect | None:
    """What GetExtents told; None if that is no place."""
    with suppress(*UNTOLD):
        ((x, y, width, height),) = returned(answer)
        if abs(x) < 1 << 15 and abs(y) < 1 << 15:  # GTK says -2147483648 of hidden menu items
            return Rect(int(x), int(y), int(width), int(height))
    return None

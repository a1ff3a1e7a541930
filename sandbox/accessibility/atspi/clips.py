"""The part of each node that the scroll areas and windows around it let show.

Toolkits tell the whole rectangle of what is scrolled half out of view, and most of them the place
of what is scrolled wholly out of view as if it showed. The functions are pure geometry.
"""

import asyncio
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...geometry import Point, Rect
from .bus import Key
from .connection import Connection, Program
from .lists import NOTHING, Lists, edges_of
from .nodes import Node
from .objects import Item, Objects
from .protocol import ACCESSIBLE, IN_WINDOW, NULL, ON_SCREEN, ROOT, UNTOLD, key_of

K = TypeVar("K", bound=Hashable)

_OWN_WINDOW = {"combo box", "menu", "popup menu", "menu bar", "tool tip", "window", "dialog"}
_MOST_DOUBTED = 60  # objects of a page that are half out of something, to be asked for by place


class Clips:
    """Asks what holds a node, and what of it is scrolled away."""

    def __init__(self, bus: Connection, objects: Objects, lists: Lists) -> None:
        self._bus = bus
        self._objects = objects
        self._lists = lists

    async def clipped(
        self, program: Program, top: Key, shown: Sequence[Item], nodes: list[Node]
    ) -> list[Node]:
        """Nodes with the part of each that what they are in lets show."""
        if program.toolkit.has_sheets or not nodes:
            return nodes
        in_page, kinds = program.toolkit.shows_pages, program.toolkit.hide
        kinds = kinds | {"list"} if program.toolkit.lists_scroll else kinds  # it scrolls by itself
        holders = await self._rects(
            [one for one in shown if one.role in kinds], nodes, relative=program.toolkit.in_window
        )
        if not holders:
            return nodes
        if in_page:
            clips = await self._clipped_in_page(top, nodes, holders, shown)
        else:
            parents = await self._parents(shown, holders)
            nodes = await self._lists.without_stale_rows(program, shown, nodes)
            free = {one.key for one in shown if one.role in _OWN_WINDOW or one.name == "GtkPopover"}
            clips = clipped([one.key for one in nodes], parents, holders, free)
        return [
            replace(one, clip=clips[one.key]) if one.key in clips and one.clip is None else one
            for one in nodes
        ]

    async def _rects(
        self, items: Sequence[Item], nodes: Sequence[Node], *, relative: bool
    ) -> dict[Key, Rect]:
        known = {one.key: one.rect for one in nodes}
        asked = [one.key for one in items if one.key not in known]
        told = await self._objects.places(asked, relative=relative)
        known |= {key: rect for key, rect in zip(asked, told, strict=True) if rect and rect.area}
        return {one.key: known[one.key] for one in items if one.key in known}

    async def _parents(self, shown: Sequence[Item], holders: Iterable[Key]) -> dict[Key, Key]:
        """What each object is in, as it was read, or as holders tell."""
        found = {one.key: one.parent for one in shown if one.parent}
        if not found:
            around = [one.key for one in shown if one.role in _OWN_WINDOW]
            asked = list(dict.fromkeys([*holders, *around]))
            told = await self._objects.all_children(asked)
            found = {child: one for one, kids in zip(asked, told, strict=True) for child in kids}
        return found

    async def _clipped_in_page(
        self, top: Key, nodes: Sequence[Node], holders: dict[Key, Rect], shown: Sequence[Item]
    ) -> dict[Key, Rect]:
        """The same in a browser, which leaves out what is wholly out of view.

        Whether something shows outside of what it is in is told by what is in its middle.
        """
        pages = {one.key for one in shown if one.role == "document web"}
        around = list(holders)
        doubted: dict[Key, list[Key]] = {}
        pairs = sticking_out([one.rect for one in nodes], [holders[one] for one in around])
        for place, other in pairs:
            if nodes[place].role != "document web":
                doubted.setdefault(nodes[place].key, []).append(around[other])
        few = [one for one in nodes if one.key in doubted][:_MOST_DOUBTED]
        above = await self._objects.above([one.key for one in few])
        inside = {
            node.key: held
            for node in few
            if (held := [one for one in doubted[node.key] if one in above[node.key]])
        }
        asked = [one for one in few if not pages.issuperset(inside.get(one.key, ()))]
        sees = (self._is_at(top, one.rect.centre, one.key, above[one.key]) for one in asked)
        shows = {
            one.key for one, there in zip(asked, await asyncio.gather(*sees), strict=True) if there
        }
        clips: dict[Key, Rect] = {}
        for node in [one for one in few if one.key in inside]:
            clip = node.rect
            for one in inside[node.key]:
                if one in pages or node.key not in shows:
                    clip = clip.overlap(holders[one]) or NOTHING
            clips[node.key] = clip
        return clips

    async def as_cut(self, node: Node, program: Program) -> Node:
        """One node with the part of it that what it is in lets show."""
        relative = program.toolkit.in_window
        if program.toolkit.has_sheets:
            return node
        if not relative and "showing" not in node.states:
            return replace(node, clip=NOTHING)
        if program.toolkit.shows_pages:
            return (await self._lists.in_lists(program, [node], {}))[0]
        kinds = program.toolkit.hide
        clip, here = node.clip, node.key
        with suppress(*UNTOLD):
            for _ in range(60):
                here = key_of(await self._bus.property(here, ACCESSIBLE, "Parent"))
                item = await self._objects.item(here)
                if item is None or item.role in _OWN_WINDOW or item.name == "GtkPopover":
                    break
                in_list = relative and item.role == "list"  # see `_without_stale_rows`
                there = node.rect.centre
                if in_list and not await self._is_at(here, there, node.key, (), IN_WINDOW):
                    return replace(node, clip=NOTHING)
                rect = (
                    await self._objects.extents(here, relative=relative)
                    if item.role in kinds
                    else None
                )
                if rect and rect.area:
                    clip = rect if clip is None else clip.overlap(rect) or NOTHING
        return replace(node, clip=clip)

    async def _is_at(
        self, top: Key, point: Point, key: Key, above: Collection[Key], kind: int = ON_SCREEN
    ) -> bool:
        """Whether an object, or something in it, shows at a point; what holds it does not count."""
        with suppress(*UNTOLD):
            under = await self._objects.deepest(top, point, kind)
            for _ in range(60):
                if under == key:
                    return True
                if under in above or under[1] in (NULL, ROOT):
                    return False
                under = key_of(await self._bus.property(under, ACCESSIBLE, "Parent"))
        return False


def clipped(
    keys: Sequence[K],
    parents: Mapping[K, K],
    holders: Mapping[K, Rect],
    free: Collection[K],
) -> dict[K, Rect]:
    """Return the rectangle that each of some objects can show in, for those that have one.

    Args:
        keys: The objects.
        parents: What each object of the tree is in.
        holders: The rectangles of those that show nothing outside of themselves.
        free: Those whose contents have a window of their own, as a menu has.
    """
    known: dict[K, Rect | None] = {}

    def limit(key: K) -> Rect | None:
        chain: list[K] = []
        here: K | None = key
        while here is not None and here not in known and len(chain) < 200:
            chain.append(here)
            known[here] = None  # a cycle ends here
            here = None if here in free else parents.get(here)
        around = known.get(here) if here is not None else None
        for one in reversed(chain):
            own = holders.get(one)
            if own is not None:
                around = own if around is None else around.overlap(own) or NOTHING
            known[one] = around
        return known[key]

    found: dict[K, Rect] = {}
    for key in keys:
        parent = parents.get(key)
        if parent is not None and key not in free and (around := limit(parent)) is not None:
            found[key] = around
    return found


def sticking_out(rects: Sequence[Rect], holders: Sequence[Rect]) -> list[tuple[int, int]]:
    """Return the pairs of a rectangle and a holder that has a part of it in it and a part outside.

    Those that hold the holder are left out.
    """
    if not rects or not holders:
        return []
    inner, outer = edges_of(rects), edges_of(holders)
    left, top, right, bottom = (inner[:, None, side] for side in range(4))
    x0, y0, x1, y1 = (outer[None, :, side] for side in range(4))
    touch = (left < x1) & (x0 < right) & (top < y1) & (y0 < bottom)
    within = (x0 <= left) & (y0 <= top) & (right <= x1) & (bottom <= y1)
    around = (left <= x0) & (top <= y0) & (x1 <= right) & (y1 <= bottom)
    return [(int(one), int(other)) for one, other in np.argwhere(touch & ~within & ~around)]

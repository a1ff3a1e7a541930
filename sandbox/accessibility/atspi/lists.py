"""Open lists and rows: how far they reach, and which of them only look as if they showed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from ...geometry import Rect
from .bus import Key, Question
from .connection import Connection, Program
from .nodes import Node
from .objects import Item, Objects
from .protocol import CHOICES, COMPONENT, IN_WINDOW, UNTOLD, key_of, returned

_LISTED = CHOICES | {"menu", "separator", "tearoff menu item"}

NOTHING = Rect(0, 0, 0, 0)


class Lists:
    """Asks what lists do not tell by themselves."""

    def __init__(self, bus: Connection, objects: Objects) -> None:
        self._bus = bus
        self._objects = objects

    async def without_stale_rows(
        self, program: Program, shown: Sequence[Item], nodes: list[Node]
    ) -> list[Node]:
        """Nodes of which those show nowhere that are in rows that only look as if they showed.

        A list of GTK 4 tells the last place of a row that it has scrolled away, where another row
        is by now; who is there it tells rightly.
        """
        rows = {one.key: one for one in shown if one.role == "list item" and one.parent}
        if not program.toolkit.lists_scroll or len(rows) < 2:
            return nodes
        told = await self._objects.places(list(rows), relative=True)
        places = {key: rect for key, rect in zip(rows, told, strict=True) if rect}
        over = overlapping([*places.values()])
        doubted = [key for key, other in zip(places, over, strict=True) if other]
        questions = [
            Question(
                rows[key].parent or key, COMPONENT, "GetAccessibleAtPoint", "iiu",
                [places[key].centre.x, places[key].centre.y, IN_WINDOW],
            )
            for key in doubted
        ]  # fmt: skip
        above = {one.key: one.parent for one in shown}

        def row_of(key: Key | None) -> Key | None:
            for _ in range(60):
                if key is None or key in rows:
                    break
                key = above.get(key)
            return key

        stale = set[Key | None]()
        for key, answer in zip(doubted, await self._bus.ask(questions), strict=True):
            with suppress(*UNTOLD):
                if row_of(key_of(returned(answer)[0])) != key:
                    stale.add(key)
        return [replace(one, clip=NOTHING) if row_of(one.key) in stale else one for one in nodes]

    async def in_lists(
        self, program: Program, nodes: list[Node], known: Mapping[Key, Item]
    ) -> list[Node]:
        """Nodes with the whole of the open list that each is in.

        GTK 3 draws arrows over the ends of a menu that is longer than the screen; Chromium does not
        tell how far the list of a select has scrolled.
        """
        if not program.toolkit.long_lists:
            return nodes
        unscrolled = program.toolkit.long_lists == "selects"
        above = await self._objects.parents_of(
            [one.key for one in nodes if one.role in _LISTED], known
        )
        if not above:
            return nodes
        holders = set(above.values())
        if unscrolled:  # a page's own menus have no window of their own
            around = await self._objects.parents_of(list(holders), known)
            roles = await self._objects.roles(set(around.values()), known)
            holders = {one for one, it in around.items() if roles.get(it) == "combo box"}
        else:
            roles = await self._objects.roles(holders, known)
            holders = {one for one in holders if roles.get(one) in ("menu", "popup menu")}
        runs = await self._runs(list(holders))
        return [
            replace(one, run=runs[above[one.key]], unscrolled=unscrolled)
            if above.get(one.key) in runs
            else one
            for one in nodes
        ]

    async def _runs(self, lists: Sequence[Key]) -> dict[Key, Rect]:
        """From the first to the last of what is in each of several lists."""
        told = await self._objects.all_children(lists)
        ends = [kids[at] for kids in told for at in (0, -1) if kids]
        rects = dict(zip(ends, await self._objects.places(ends, relative=False), strict=True))
        around = (
            (one, [rects[kids[0]], rects[kids[-1]]])
            for one, kids in zip(lists, told, strict=True)
            if kids
        )
        return {
            one: run for one, places in around if (run := Rect.around(it for it in places if it))
        }


def overlapping(rects: Sequence[Rect]) -> list[bool]:
    """Return for each rectangle whether it has a place in common with another one."""
    if not rects:
        return []
    edges = edges_of(rects)
    left, top, right, bottom = (edges[:, None, side] for side in range(4))
    x0, y0, x1, y1 = (edges[None, :, side] for side in range(4))
    touch = (left < x1) & (x0 < right) & (top < y1) & (y0 < bottom)
    np.fill_diagonal(touch, val=False)
    some = {int(row) for row, _ in np.argwhere(touch)}
    return [place in some for place in range(len(rects))]


def edges_of(rects: Sequence[Rect]) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    return np.array([(one.x, one.y, one.right, one.bottom) for one in rects], dtype=np.int64)

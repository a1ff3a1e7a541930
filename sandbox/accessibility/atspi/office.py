"""LibreOffice, and tables that do not list their cells."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from .bus import Key
from .connection import Connection
from .node_maker import NodeMaker
from .nodes import Node
from .objects import Objects
from .protocol import (
    ACCESSIBLE,
    COMPONENT,
    FEW_CELLS,
    ON_SCREEN,
    TABLE,
    TEXT,
    UNTOLD,
    clean,
    cut,
    key_of,
    told_by_pane,
)

_MOST_CELLS = 1500


class Office:
    """Reads what has a way of its own."""

    def __init__(self, bus: Connection, objects: Objects, maker: NodeMaker) -> None:
        self._bus = bus
        self._objects = objects
        self._maker = maker

    async def nodes(self, top: Key, nodes: Sequence[Node]) -> list[Node]:
        """LibreOffice's nodes, its own told by their pane, with the menus that GTK draws for it."""

        async def by_gtk(node: Node) -> bool:
            with suppress(*UNTOLD):
                (told,) = await self._bus.call(node.key, ACCESSIBLE, "GetAttributes")
                return "toolkit" in told
            return False

        single = [one for one in nodes if not one.cell]
        drawn = await asyncio.gather(*(by_gtk(one) for one in single))
        gtk = {one.key for one, by in zip(single, drawn, strict=True) if by}
        pane = next((one for one in nodes if one.key not in gtk and one.role == "root pane"), None)
        if pane is None:
            return list(nodes)
        menus: list[Node] = []
        if not any(one.role == "menu" and one.key in gtk for one in nodes):  # not in its cache
            walked = await self._objects.walk(top, "showing", without="root pane")
            menus = await self._maker.made(
                [one for one in walked if one.role == "menu"], False, False
            )
        own = [
            one
            for one in nodes
            if (one.key not in gtk or one.cell)
            and one.role not in ("menu", "menu bar", "root pane")
        ]
        others = [one for one in nodes if one.key in gtk and not one.cell]
        return [*menus, *others, *(told_by_pane(one, pane.key, pane.rect) for one in own)]

    async def cells(self, table: Key) -> list[Node]:
        """The cells in view of a table that does not list them."""
        rect = await self._objects.extents(table, relative=False)
        if rect is None:
            return []
        rows, columns = await asyncio.gather(
            self._bus.property(table, TABLE, "NRows"), self._bus.property(table, TABLE, "NColumns")
        )
        if 0 <= rows * columns <= FEW_CELLS:  # GTK has no cell where rows do not fill the view
            (top, left), (bottom, right) = (0, 0), (rows - 1, columns - 1)
        else:
            (top, left), (bottom, right) = [
                await self._cell_at(table, x, y)
                for x, y in ((rect.x + 3, rect.y + 3), (rect.right - 3, rect.bottom - 3))
            ]
        grid = [
            (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
        ][:_MOST_CELLS]
        made = await asyncio.gather(*(self.cell(table, one) for one in grid))
        return [one for one in made if one and one.rect.overlap(rect)]

    async def _cell_at(self, table: Key, x: int, y: int) -> tuple[int, int]:
        (found,) = await self._bus.call(
            table, COMPONENT, "GetAccessibleAtPoint", "iiu", [x, y, ON_SCREEN]
        )
        (index,) = await self._bus.call(key_of(found), ACCESSIBLE, "GetIndexInParent")
        (row,) = await self._bus.call(table, TABLE, "GetRowAtIndex", "i", [index])
        (column,) = await self._bus.call(table, TABLE, "GetColumnAtIndex", "i", [index])
        return row, column

    async def cell(self, table: Key, place: tuple[int, int]) -> Node | None:
        with suppress(*UNTOLD):
            (found,) = await self._bus.call(table, TABLE, "GetAccessibleAt", "ii", list(place))
            key = key_of(found)
            name, text, rect = await asyncio.gather(
                self._bus.property(key, ACCESSIBLE, "Name"),
                self._cell_text(key),
                self._objects.extents(key, relative=False),
            )
            if rect and rect.width > 0:
                name = clean(str(name))
                if not name or name == clean(text):  # GTK's cells are called what they hold
                    parts = [] if name or text else await self._objects.children(key)
                    names = [self._bus.property(one, ACCESSIBLE, "Name") for one in parts[:8]]
                    said = " ".join(str(one) for one in await asyncio.gather(*names))
                    name, text = clean(name or text or said), None
                states = frozenset(("enabled", "sensitive", "showing", "focusable"))
                return Node(table, "table cell", name, states, rect, text, place)
        return None

    async def _cell_text(self, cell: Key) -> str:
        with suppress(*UNTOLD):
            (text,) = await self._bus.call(cell, TEXT, "GetText", "ii", [0, -1])
            return cut(str(text))
        return ""

"""Windows and what is in them, read in the way of each toolkit."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ...activity.renderers import Renderers
from ...geometry import Point, Rect
from .bus import Key, Silent, Slow
from .clips import Clips
from .connection import Connection, Program
from .lists import Lists
from .node_maker import NodeMaker
from .nodes import ROLES, Choice, Gone, Node, Top
from .objects import Item, Objects
from .office import Office
from .protocol import (
    A11Y,
    ACCESSIBLE,
    CHOICES,
    EDITABLE,
    FOCUSED,
    IN_WINDOW,
    LATE,
    LAYOUT,
    LOOKED,
    MOST_NODES,
    MUTE,
    NULL,
    ON_SCREEN,
    ROOT,
    SHOWING,
    TABLE,
    TEXTS,
    UNTOLD,
    VISIBLE,
    all_of_states,
    clean,
    key_of,
    keys_of,
    role_name,
    states_of,
    told_by_pane,
)

logger = logging.getLogger(__name__)

# What matters of a form to whoever submits it.
_OF_FORMS = ("button", "entry", "password text", "spin button", "text", "combo box")
PARTLY = "did not tell all of it in time"
# What the bus and the toolkits say of an object that has gone.
_NOT_THERE = ("UnknownObject", "UnknownMethod", "UnknownInterface")
_HUGE = 1000  # children that manage themselves; asking for all of them would take minutes
_DEEP_CHOICES = 6  # levels between a combo box of GTK 4 and its choices
_PAGE_WITHIN = 1.0  # seconds a page has to find out what is under a point
_SHORT, _LOOKS_RESTED = 0.002, 2  # seconds between two looks; a message passes from one thread on
_DEEPEST = 600  # objects that one may be in; Blink nests 512 elements of a page


class Reader:
    """Reads windows."""

    def __init__(
        self,
        bus: Connection,
        objects: Objects,
        maker: NodeMaker,
        clips: Clips,
        lists: Lists,
        office: Office,
    ) -> None:
        self._bus = bus
        self._objects = objects
        self._maker = maker
        self._clips = clips
        self._lists = lists
        self._office = office

    async def read(
        self, pids: set[int], seconds: float, *, deep: bool = True
    ) -> tuple[list[Top], dict[int, str]]:
        asked = [one for one in await self._bus.programs() if one.pid in pids]
        found: list[Top] = []
        silent: dict[int, str] = {}

        async def one(program: Program) -> None:
            self._bus.lagging.discard(program.bus)
            try:
                async with asyncio.timeout(seconds):
                    tops = await self._tops(program, deep=deep)
            except (*UNTOLD, TimeoutError) as why:
                logger.debug("process %d does not answer: %r", program.pid, why)
                silent[program.pid] = LATE if isinstance(why, (TimeoutError, Slow)) else MUTE
            else:
                found.extend(tops)
                if program.bus in self._bus.lagging:
                    silent[program.pid] = PARTLY if any(each.nodes for each in tops) else LATE

        await asyncio.gather(*(one(program) for program in asked))
        return found, silent

    async def named(self, pids: set[int], fits: Callable[[str], bool], most: int) -> list[Node]:
        found: list[Node] = []
        for program in await self._bus.programs():
            if program.pid in pids:
                cached = await self._objects.cache(program)
                known = list(cached.values())
                if not program.toolkit.has_sheets:
                    for top in await self._objects.children(program.root):
                        try:
                            known += await self._objects.matches(top, cached, VISIBLE)
                        except UNTOLD:
                            known += await self._objects.walk(top, "visible")
                fitting = {
                    one.key: one for one in known if one.role not in LAYOUT and fits(one.name)
                }
                items = list(fitting.values())[: most - len(found)]
                there = await self._maker.made(items, program.toolkit.in_window, False)
                found += await asyncio.gather(*(self._clips.as_cut(one, program) for one in there))
        return found

    async def fields(self, pid: int) -> list[Top]:
        found: list[Top] = []
        for program in await self._bus.programs():
            if program.pid == pid:
                items = await self._objects.cache(program) if program.toolkit.has_sheets else {}
                tops = await self._tops(program, deep=False)
                for top in tops:
                    shown = await self._editable(top, [one.key for one in tops], items)
                    nodes = await self._maker.nodes(program, shown, top.relative)
                    if program.toolkit.has_sheets:
                        nodes = await self._office.nodes(top.key, nodes)
                    found.append(replace(top, nodes=nodes))
        return found

    async def _editable(
        self, top: Top, tops: Sequence[Key], items: dict[Key, Item]
    ) -> Sequence[Item]:
        if items:
            shown = _showing(top.key, tops, items)
        else:
            try:
                return await self._objects.matches(top.key, {}, SHOWING | EDITABLE)
            except UNTOLD:
                shown = await self._objects.walk(top.key, "visible" if top.relative else "showing")
        return [one for one in shown if "editable" in one.states]

    async def _tops(self, program: Program, *, deep: bool) -> list[Top]:
        items = await self._objects.cache(program) if deep else {}
        huge = [one for one in items.values() if _manages_too_many(one)]
        (keys,) = await self._bus.call(program.root, ACCESSIBLE, "GetChildren")
        tops = keys_of(keys[:50])
        read = [self._top(program, top, tops, items, huge, deep=deep) for top in tops]
        told = await asyncio.gather(*read, return_exceptions=True)
        found = [one for one in told if isinstance(one, Top)]
        for failure in (one for one in told if isinstance(one, BaseException)):
            if found and isinstance(failure, UNTOLD):  # that window's, and no other's
                logger.debug("a window of process %d is not told: %r", program.pid, failure)
            else:
                raise failure
        return found

    async def _top(
        self,
        program: Program,
        top: Key,
        tops: Sequence[Key],
        items: dict[Key, Item],
        huge: Sequence[Item],
        *,
        deep: bool,
    ) -> Top | None:
        known = items.get(top) or await self._objects.item(top)
        if known is None:
            return None
        relative = program.toolkit.in_window
        rect = await self._objects.extents(top, relative=relative)
        if rect is None or rect.width < 2 or rect.height < 2:
            return None
        if not deep:
            shown = []
        elif huge or program.toolkit.has_sheets:
            shown = _showing(top, tops, items)
            if program.toolkit.has_sheets:
                shown += await self._objects.documents(shown)
        else:
            try:
                shown = await self._objects.matches(top, items)
            except UNTOLD:
                shown = await self._objects.walk(top, "visible" if relative else "showing")
        shown = [one for one in shown if one.key != top]
        nodes = await self._maker.nodes(program, shown, relative)
        nodes = await self._clips.clipped(program, top, shown, nodes)
        nodes = await self._lists.in_lists(program, nodes, {one.key: one for one in shown})
        for table in huge:
            if table in shown:
                with suppress(*UNTOLD):
                    nodes += await self._office.cells(table.key)
        if program.toolkit.has_sheets:
            nodes = await self._office.nodes(top, nodes)
        ordered = program.toolkit.shows_pages
        return Top(
            top, program.pid, known.name, rect, relative, ordered, nodes, known.states
        )  # fmt: skip

    async def choices(self, key: Key, depth: int) -> list[Choice]:
        """What can be chosen below an object, in order."""
        keys = await self._objects.children(key)
        items = await self._objects.items(keys[:MOST_NODES])
        found: list[Choice] = []
        for item in items:
            if item is None:
                raise Silent("a choice of it is not told")
            if item.role in CHOICES:
                name = clean(item.name) or await self._maker.written(item.key)
                found.append(Choice(item.key, name, "sensitive" in item.states))
            elif depth < _DEEP_CHOICES and item.role != "combo box":
                found += await self.choices(item.key, depth + 1)
        return found

    async def again(self, node: Node) -> Node:
        if node.cell:
            now = await self._office.cell(node.key, node.cell)
        else:
            programs = await self._bus.programs()
            program = next((one for one in programs if one.bus == node.key[0]), None)
            item = await self._objects.item(node.key) if program else None
            if program is None or item is None:
                raise Silent("it is gone")
            now = await self._maker.node(
                item, program.toolkit.in_window, program.toolkit.text_in_blocks
            )
            now = now and await self._clips.as_cut(now, program)
        if now is None:
            raise Silent("it is not shown")
        if node.pane:
            pane = await self._objects.extents(node.pane, relative=False)
            return told_by_pane(now, node.pane, pane or Rect(0, 0, 0, 0))
        return now

    async def place(self, node: Node) -> Node | None:
        program = self._bus.known.get(node.key[0])
        if program is None:
            programs = await self._bus.programs()
            program = next((one for one in programs if one.bus == node.key[0]), None)
        if program is None or not program.toolkit.name:
            raise Silent("its program is not on the bus")
        try:
            (words,) = await self._bus.call(node.key, ACCESSIBLE, "GetState")
        except Silent as why:
            if any(one in str(why) for one in _NOT_THERE):
                raise Gone(str(why)) from why
            raise
        states = states_of(words)
        if "defunct" in states:
            raise Gone("it is defunct")
        relative = program.toolkit.in_window
        if not {"showing", "visible" if relative else "showing"} & states:  # GTK 4 has no showing
            return None
        rect = await self._objects.extents(node.key, relative=relative)
        if rect is None:
            raise Silent("it does not say where it is")
        now = replace(node, states=states, rect=rect)
        if node.pane:
            pane = await self._objects.extents(node.pane, relative=False)
            return told_by_pane(now, node.pane, pane or Rect(0, 0, 0, 0))
        return now

    async def focused(self, pid: int) -> list[tuple[Key, Node]]:
        found: list[tuple[Key, Node]] = []
        for program in await self._bus.programs():
            if program.pid == pid:
                relative = program.toolkit.in_window
                tops = await self._objects.children(program.root)
                cached = await self._objects.cache(program) if program.toolkit.has_sheets else None
                for top in tops:
                    items = await self._focused_in(top, tops, cached, relative)
                    nodes = await self._maker.made(items[:8], relative, False)
                    found += [(top, one) for one in nodes]
        return found

    async def _focused_in(
        self,
        top: Key,
        tops: Sequence[Key],
        cached: dict[Key, Item] | None,
        relative: bool,
    ) -> Sequence[Item]:
        if cached is not None:
            shown = _showing(top, tops, cached)
            if not any("focused" in one.states and one.role not in TEXTS for one in shown):
                shown += await self._objects.documents(shown)
        elif relative:
            shown = await self._objects.walk(top, "visible")
        else:
            try:
                (keys,) = await self._bus.call(
                    top, A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib",
                    [all_of_states(FOCUSED), 1, 8, True],
                )  # fmt: skip
                return [
                    one for one in await self._objects.items([key_of(key) for key in keys]) if one
                ]
            except UNTOLD:  # Qt 5 and early Qt 6 have no Collection
                shown = await self._objects.walk(top, "showing")
        return [one for one in shown if "focused" in one.states]

    async def form(self, key: Key) -> list[Node] | None:
        for _ in range(60):
            if key[1] in (NULL, ROOT):
                return None
            role, parent = await asyncio.gather(
                self._bus.call(key, ACCESSIBLE, "GetRole"),
                self._bus.property(key, ACCESSIBLE, "Parent"),
            )
            name = role_name(int(role[0]))
            if name == "form":
                return await self._in_form(key)
            if name in ("document web", "frame"):
                return None
            key = key_of(parent)
        return None

    async def _in_form(self, form: Key) -> list[Node]:
        """The buttons and fields of a form, whether they are in view or not."""
        bits = [0] * 5  # ROLES, 32 a number
        for name in _OF_FORMS:
            place = ROLES.index(name)
            bits[place // 32] |= 1 << place % 32
        signed = [one - (1 << 32) if one >> 31 else one for one in bits]
        rule: list[Any] = [[0, 0], 1, {}, 1, signed, 2, [], 1, False]
        (keys,) = await self._bus.call(
            form, A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib", [rule, 1, 100, True]
        )
        items = await self._objects.items([key_of(key) for key in keys])
        return [
            Node(one.key, one.role, clean(one.name), one.states, Rect(0, 0, 0, 0))
            for one in items
            if one
        ]

    async def at(self, top: Key, point: Point, *, page: bool = False) -> list[Node]:
        programs = await self._bus.programs()
        program = next((one for one in programs if one.bus == top[0]), None)
        if program is None or program.toolkit.has_sheets:  # which has two ways of counting
            return []
        relative = program.toolkit.in_window
        kind = IN_WINDOW if relative else ON_SCREEN
        chain: list[Node] = []
        here = await self._objects.deepest(top, point, kind)
        while here != top and here[1] not in (NULL, ROOT) and len(chain) < 60:
            item, rect, parent = await asyncio.gather(
                self._objects.item(here),
                self._objects.extents(here, relative=relative),
                self._bus.property(here, ACCESSIBLE, "Parent"),
            )
            if item is None:
                break
            chain.append(
                Node(here, item.role, clean(item.name), item.states, rect or Rect(0, 0, 0, 0))
            )
            if page and item.role == "document web":
                break
            here = key_of(parent)
        return chain

    async def touched(self, top: Key, point: Point) -> list[Node]:
        program = self._bus.known.get(top[0])
        if program and program.toolkit.guesses_at_first:
            await self._looked(program, top, point)
        return await self.at(top, point, page=True)

    async def _looked(self, program: Program, top: Key, point: Point) -> None:
        """Wait until a browser knows what is under a point: it guesses, and asks the page.

        Raises:
            Slow: The page does not get to it; what is there now may be another thing.
        """
        pages = Renderers(program.pid)
        pages.begin()
        guessed = await self.at(top, point, page=True)
        if not guessed or guessed[-1].role != "document web":
            return  # its own buttons and menus it knows
        if not pages:
            await asyncio.sleep(LOOKED)
            return
        until, rested = time.monotonic() + _PAGE_WITHIN, 0
        while rested < _LOOKS_RESTED:
            if time.monotonic() > until:
                raise Slow("its page is busy")
            await asyncio.sleep(_SHORT)
            rested = rested + 1 if pages.rested() else 0

    async def ancestors(self, node: Node) -> list[Key]:
        found: list[Key] = []
        here = node.key
        while len(found) < 60 and here[1] not in (NULL, ROOT):
            here = key_of(await self._bus.property(here, ACCESSIBLE, "Parent"))
            found.append(here)
        return found

    async def document(self, node: Node) -> Key | None:
        here, found = node.key, None
        for _ in range(_DEEPEST):
            if here[1] in (NULL, ROOT):
                return found
            (role,), parent = await asyncio.gather(
                self._bus.call(here, ACCESSIBLE, "GetRole"),
                self._bus.property(here, ACCESSIBLE, "Parent"),
            )
            if role_name(role) in ("document web", "document frame"):
                found = here
            elif found and role_name(role) != "internal frame":
                return found
            here = key_of(parent)
        raise Silent("it is too deep in its window")

    async def in_sheet(self, node: Node) -> bool:
        here = node.key
        for _ in range(_DEEPEST):
            if here[1] in (NULL, ROOT):
                break
            (role,) = await self._bus.call(here, ACCESSIBLE, "GetRole")
            if role_name(role) == "document spreadsheet":
                return True
            here = key_of(await self._bus.property(here, ACCESSIBLE, "Parent"))
        return False

    async def _address(self, here: Key) -> str:
        for name in ("URI", "DocURL"):  # Chromium's, and everybody else's
            with suppress(Silent):
                (found,) = await self._bus.call(
                    here, A11Y + "Document", "GetAttributeValue", "s", [name]
                )
                if found:
                    return str(found)
        return ""

    async def url(self, node: Node) -> str:
        here = node.key
        for _ in range(60):
            if here[1] in (NULL, ROOT):
                break
            found, parent = await asyncio.gather(
                self._address(here), self._bus.property(here, ACCESSIBLE, "Parent")
            )
            if found:
                return found
            here = key_of(parent)
        return ""


def _showing(top: Key, tops: Sequence[Key], items: dict[Key, Item]) -> list[Item]:
    """The items that show in one of several windows; the first has those that belong to none.

    LibreOffice leaves out of its cache what lies between a window and its sheet.
    """

    def home(item: Item) -> Key:
        here: Item | None = item
        for _ in range(60):
            if here is None or here.key in tops:
                break
            here = items.get(here.parent) if here.parent else None
        return here.key if here and here.key in tops else tops[0]

    return [one for one in items.values() if "showing" in one.states and home(one) == top]


def _manages_too_many(item: Item) -> bool:
    many = item.children < 0 or item.children > _HUGE
    tables = item.interfaces is not None and TABLE in item.interfaces
    return many and tables and "manages descendants" in item.states

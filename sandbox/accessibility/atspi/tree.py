"""What programs tell of their windows: the accessibility tree, AT-SPI 2 over D-Bus.

Programs are not trusted: every question has a deadline, so one that hangs costs its own answer and
nothing else, and what they say is cut to a size. How each toolkit is read was measured (a walk asks
six questions for each node, and takes seconds where these take milliseconds):

    GTK 3, Chromium, Firefox    Collection.GetMatches for what shows, Cache.GetItems for what it is
    Qt 6                        GetMatches, and four questions for each node; its Cache is empty
    LibreOffice                 Cache.GetItems only: GetMatches would visit each cell of its sheet
    GTK 4                       GetChildren from the window down; it has neither
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from dbus_fast import Variant

from ...geometry import Point, Rect
from .bus import Key, Question, Silent, Slow
from .clips import Clips
from .commands import Command, Commands
from .connection import Connection, Reach
from .lists import Lists
from .node_maker import NodeMaker
from .nodes import Choice, Contents, Node, Top
from .objects import Item, Objects
from .office import Office
from .protocol import (
    A11Y,
    ACCESSIBLE,
    COMPONENT,
    LABEL_FOR,
    LATE,
    MENU_PARTS,
    MUTE,
    ON_SCREEN,
    PROPERTIES,
    TABLE,
    TEXT,
    UNTOLD,
    VALUE,
    clean,
    key_of,
    returned,
    states_of,
    utf16_units,
)
from .reader import Reader
from .texts import Texts

logger = logging.getLogger(__name__)

_SOON = 0.01  # seconds
_ANYWHERE = 6  # ATSPI_SCROLL_ANYWHERE
_SURE_WITHIN = 2.0  # seconds to answer what nothing may be done without
_COMMANDS_WITHIN = 4.0  # seconds: LibreOffice has 800, asked for once


class AccessibilityTree:
    """The accessibility tree of one desktop. Used by one thread at a time; connects when needed.

    Args:
        reach: Yields how to connect to a D-Bus address of the desktop, "" for its session bus: an
            address, and the user to say we are, None for our own.
    """

    def __init__(self, reach: Reach) -> None:
        self._bus = Connection(reach)
        self._objects = Objects(self._bus)
        self._maker = NodeMaker(self._bus, self._objects)
        self._lists = Lists(self._bus, self._objects)
        self._clips = Clips(self._bus, self._objects, self._lists)
        self._office = Office(self._bus, self._objects, self._maker)
        self._keys = Commands(self._bus, self._objects)
        self._texts = Texts(self._bus, self._objects)
        self._reader = Reader(
            self._bus, self._objects, self._maker, self._clips, self._lists, self._office
        )

    def close(self) -> None:
        self._bus.close()

    def reset(self) -> None:
        """Connect anew when next asked: the buses were started anew."""
        self._bus.reset()

    def read(self, pids: Iterable[int], seconds: float) -> tuple[list[Top], dict[int, str]]:
        """The windows of some processes and all that shows in them.

        Args:
            pids: The processes; the others are not asked.
            seconds: How long each may take to answer; all are asked at once.

        Returns:
            The windows, and those of the processes that could not be read, with what they did.
        """
        return self._asked(pids, seconds, deep=True)

    def named(
        self, pids: Iterable[int], fits: Callable[[str], bool], most: int, seconds: float = 1.5
    ) -> list[Node]:
        """What programs have by name, in view or not."""
        with suppress(Silent):
            return self._bus.run(self._reader.named(set(pids), fits, most), seconds)
        return []

    def tops(self, pids: Iterable[int], seconds: float) -> tuple[list[Top], dict[int, str]]:
        """As `read`, without what shows in the windows."""
        return self._asked(pids, seconds, deep=False)

    def _asked(
        self, pids: Iterable[int], seconds: float, *, deep: bool
    ) -> tuple[list[Top], dict[int, str]]:
        asked = set(pids)
        try:
            return self._bus.run(self._reader.read(asked, seconds, deep=deep), seconds + 2)
        except Slow:
            return [], dict.fromkeys(asked, LATE)
        except Silent:
            return [], dict.fromkeys(asked, MUTE)

    def ancestors(self, node: Node, seconds: float = 0.5) -> list[Key]:
        """What holds a node, the innermost first; empty if unknown."""
        with suppress(Silent):
            return self._bus.run(self._reader.ancestors(node), seconds)
        return []

    def on_page(self, node: Node, seconds: float = 0.5) -> bool:
        """Whether a node is in a document of a browser, and not in the browser's own window.

        Raises:
            Silent: Its program does not tell.
        """
        return self.document(node, seconds) is not None

    def document(self, node: Node, seconds: float = 0.5) -> Key | None:
        """The page a node is or is on, the outermost; None if it is on none.

        Raises:
            Silent: Its program does not tell.
        """
        return self._bus.run(self._reader.document(node), seconds)

    def in_sheet(self, node: Node, seconds: float = 0.5) -> bool:
        """Return whether a node is in a spreadsheet; False where that is not known."""
        with suppress(Silent):
            return self._bus.run(self._reader.in_sheet(node), seconds)
        return False

    def label(self, key: Key, seconds: float) -> tuple[str, frozenset[str]]:
        """The name and the states of an object, in one question.

        Raises:
            Silent: It is gone, or its program does not answer.
        """

        async def ask() -> tuple[str, frozenset[str]]:
            name, (states,) = await asyncio.gather(
                self._bus.property(key, ACCESSIBLE, "Name"),
                self._bus.call(key, ACCESSIBLE, "GetState"),
            )
            return str(name), states_of(states)

        return self._bus.run(ask(), seconds)

    def browses(self, node: Node) -> bool:
        """Whether a node's program is a browser, or is made of one."""
        program = self._bus.known.get(node.key[0])
        return program is not None and program.toolkit.shows_pages

    def node(self, node: Node, seconds: float = 1.0) -> Node:
        """A node as it is now.

        Raises:
            Silent: It is gone, or its program does not answer.
        """
        return self._bus.run(self._reader.again(node), seconds)

    def place(self, node: Node, seconds: float) -> Node | None:
        """A node where it is now, told in as few questions as will do; None while it is not shown.

        Raises:
            Gone: It is not there any more.
            Silent: Its program does not tell.
        """
        return self._bus.run(self._reader.place(node), seconds)

    def fields(self, pid: int, seconds: float) -> list[Top]:
        """The windows of a process, with those of their nodes that text can be typed into.

        Raises:
            Silent: It does not answer in time.
        """
        return self._bus.run(self._reader.fields(pid), seconds)

    def focused(
        self, pid: int, seconds: float = 0.5, *, sure: bool = False
    ) -> list[tuple[Key, Node]]:
        """What a process says has the keyboard focus, the outer ones first; often more than one.

        Each comes with its window's key.

        Raises:
            Slow: It does not answer, and `sure` is asked for.
        """
        with _but_slow() if sure else suppress(Silent):
            return self._bus.run(self._reader.focused(pid), _SURE_WITHIN if sure else seconds)
        return []

    def at(self, top: Key, point: Point, seconds: float = 0.5) -> list[Node]:
        """What a program says is under a point of a window, innermost first; empty if unknown.

        The point counts as the program's rectangles do.
        """
        with suppress(Silent):
            return self._bus.run(self._reader.at(top, point), seconds)
        return []

    def touched(self, top: Key, point: Point) -> list[Node]:
        """As `at`, for what must be known: it ends with the page, if it is one.

        Raises:
            Slow: The program does not answer.
        """

        with _but_slow():
            return self._bus.run(self._reader.touched(top, point), _SURE_WITHIN)
        return []

    def form(self, node: Node) -> list[Node] | None:
        """The buttons and fields of the form that something is in; None when it is in none.

        Raises:
            Slow: The program does not answer.
        """
        with _but_slow():
            return self._bus.run(self._reader.form(node.key), _SURE_WITHIN)
        return None

    def labelled(self, node: Node, seconds: float = 0.5) -> list[Key]:
        """What a label says that it is the label of; empty if it does not say."""

        async def ask() -> list[Key]:
            (relations,) = await self._bus.call(node.key, ACCESSIBLE, "GetRelationSet")
            return [key_of(one) for kind, told in relations if kind == LABEL_FOR for one in told]

        with suppress(Silent):
            return self._bus.run(ask(), seconds)
        return []

    def bindings(self, nodes: Sequence[Node]) -> list[str | None]:
        """The keys that press each thing, as its program tells them: "<Alt>p", "Alt+P"; or empty.

        None where its toolkit never tells them.

        Raises:
            Slow: The program does not answer.
        """

        async def binding(node: Node) -> str | None:
            program = self._bus.known.get(node.key[0])
            if program and program.toolkit.in_window:  # 4, which tells none
                return None
            with suppress(Silent):
                (found,) = await self._bus.call(
                    node.key, A11Y + "Action", "GetKeyBinding", "i", [0]
                )
                return str(found)
            return ""

        async def all_of() -> list[str | None]:
            return list(await asyncio.gather(*map(binding, nodes)))

        with _but_slow():
            return self._bus.run(all_of(), _SURE_WITHIN)
        return []

    def commands(self, pid: int) -> list[Command]:
        """Return what keys press in the active window of a program, as far as it says so.

        Items of closed menus are among them. GTK 4 and Chromium say nothing of the kind.

        Raises:
            Slow: The program does not answer.
        """
        with _but_slow():
            return self._bus.run(self._keys.commands(pid), _COMMANDS_WITHIN)
        return []

    def usable(self, commands: Sequence[Command]) -> list[Command]:
        """Return those that can be used now, by their present names."""

        def now(command: Command, item: Item | None) -> Command | None:
            if item is None or not {"sensitive", "enabled"} & item.states:
                return None
            if item.role not in MENU_PARTS and "showing" not in item.states:
                return None
            return replace(command, name=clean(item.name) or command.name)

        async def ask() -> list[Command]:
            items = await self._objects.items([one.key for one in commands])
            found = [now(*each) for each in zip(commands, items, strict=True)]
            return [one for one in found if one]

        with _but_slow():
            return self._bus.run(ask(), _SURE_WITHIN)
        return []

    def url(self, node: Node) -> str:
        """The address of the page a node is, or is on; empty if it is on none.

        Raises:
            Slow: The program does not answer.
        """
        with _but_slow():
            return self._bus.run(self._reader.url(node), _SURE_WITHIN)
        return ""

    def words(self, node: Node, asked: str, seconds: float = 0.7) -> Rect | None:
        """Where a text has some words, from the corner of what has it; None if that is not told."""
        with suppress(Silent):
            return self._bus.run(self._texts.words(node.key, asked), seconds)
        return None

    def show_words(self, node: Node, asked: str, seconds: float = 1.0) -> bool:
        """Ask for words of a text to be scrolled into view; False when its program cannot."""

        async def show() -> bool:
            _, ends = await self._texts.place_of(node.key, asked)
            body = [*ends, _ANYWHERE]
            (done,) = await self._bus.call(node.key, TEXT, "ScrollSubstringTo", "iiu", body)
            return bool(done)

        with suppress(Silent):
            return self._bus.run(show(), seconds)
        return False

    def contents(self, node: Node, longest: int, seconds: float = 1.0) -> Contents:
        """What a text field holds, where its caret is and what is selected.

        Raises:
            Silent: It has no text, more than `longest` characters, or does not answer.
        """
        return self._bus.run(self._texts.contents(node, longest), seconds)

    def length(self, node: Node, seconds: float = 1.0) -> int:
        """How many characters a text field holds.

        Raises:
            Silent: It has no text or does not answer.
        """
        return int(self._bus.run(self._bus.property(node.key, TEXT, "CharacterCount"), seconds))

    def select(
        self, node: Node, holds: Contents, start: int, end: int, seconds: float = 1.0
    ) -> bool:
        """Select some characters of a text field; False when it did not."""
        ends = [utf16_units(holds.text[:one]) if holds.wide else one for one in (start, end)]

        async def select() -> bool:
            (count,) = await self._bus.call(node.key, TEXT, "GetNSelections")
            member, body = ("SetSelection", [0, *ends]) if count else ("AddSelection", ends)
            (done,) = await self._bus.call(node.key, TEXT, member, "i" * len(body), body)
            selected: list[int] = []
            while done and sorted(selected) != ends:  # Chromium does it a moment later
                await asyncio.sleep(_SOON)
                with suppress(Silent):
                    selected = await self._bus.call(node.key, TEXT, "GetSelection", "i", [0])
            return bool(done)

        with suppress(Silent):
            return self._bus.run(select(), seconds)
        return False

    def set_value(self, node: Node, value: float, seconds: float = 1.0) -> None:
        """Give a slider or the like a value.

        Raises:
            Silent: It takes none.
        """
        body = [VALUE, "CurrentValue", Variant("d", value)]
        self._bus.run(self._bus.call(node.key, PROPERTIES, "Set", "ssv", body), seconds)

    def set_text(self, node: Node, text: str, seconds: float = 1.0) -> None:
        """Have a field hold a text; whether it does then is not told.

        Raises:
            Silent: It takes none.
        """
        self._bus.run(
            self._bus.call(node.key, A11Y + "EditableText", "SetTextContents", "s", [text]), seconds
        )

    def value(self, node: Node, seconds: float = 1.0) -> float:
        """The value of a slider or the like.

        Raises:
            Silent: It has none.
        """
        return float(self._bus.run(self._bus.property(node.key, VALUE, "CurrentValue"), seconds))

    def range(self, node: Node, seconds: float = 1.0) -> tuple[float, float]:
        """The least and the most value of a slider or the like.

        Raises:
            Silent: It has none.
        """

        async def both() -> list[Any]:
            names = ("MinimumValue", "MaximumValue")
            return await asyncio.gather(
                *(self._bus.property(node.key, VALUE, one) for one in names)
            )

        least, most = self._bus.run(both(), seconds)
        return float(least), float(most)

    def in_cell(self, cell: Node, seconds: float = 1.0) -> bool:
        """Whether the cursor of a sheet is in this cell."""

        async def ask() -> bool:
            assert cell.cell
            (found,) = await self._bus.call(
                cell.key, TABLE, "GetAccessibleAt", "ii", list(cell.cell)
            )
            item = await self._objects.item(key_of(found))
            return item is not None and "focused" in item.states

        with suppress(Silent):
            return self._bus.run(ask(), seconds)
        return False

    def show(self, node: Node, seconds: float = 1.0) -> bool:
        """Ask for an object to be scrolled into view; False when its program cannot."""
        with suppress(Silent):
            (done,) = self._bus.run(
                self._bus.call(node.key, COMPONENT, "ScrollTo", "u", [_ANYWHERE]), seconds
            )
            return bool(done)
        return False

    def choices(self, combo: Node, seconds: float = 4.0) -> list[Choice]:
        """What a combo box offers, in order; empty when it does not tell, as some do until opened.

        Raises:
            Silent: Its program does not answer.
        """
        return self._bus.run(self._reader.choices(combo.key, 0), seconds)

    def marked(self, choices: Sequence[Choice], seconds: float = 1.0) -> Choice | None:
        """Which choice of an open list keys have led to; None where its program does not tell."""
        program = self._bus.known.get(choices[0].key[0]) if choices else None
        if program is None or program.toolkit.name == "Qt":
            return None  # Qt goes on to tell what had the focus before the list was opened

        async def focused() -> Choice | None:
            asked = [Question(one.key, ACCESSIBLE, "GetState") for one in choices]
            for one, answer in zip(choices, await self._bus.ask(asked), strict=True):
                (words,) = returned(answer)
                if "focused" in states_of(words):
                    return one
            return None

        with suppress(*UNTOLD):
            return self._bus.run(focused(), seconds)
        return None

    def show_at(self, node: Node, point: Point, seconds: float = 1.0) -> bool:
        """Ask for an object to be scrolled to a point of the screen; False when that cannot be."""
        asked = [ON_SCREEN, point.x, point.y]
        with suppress(Silent):
            (done,) = self._bus.run(
                self._bus.call(node.key, COMPONENT, "ScrollToPoint", "uii", asked), seconds
            )
            return bool(done)
        return False


@contextmanager
def _but_slow() -> Generator[None]:
    """A program that says nothing has nothing; one that does not answer may have anything."""
    try:
        yield
    except Slow:
        raise
    except Silent as why:
        logger.debug("nothing told: %s", why)

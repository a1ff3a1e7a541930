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
import html
import logging
import re
from collections.abc import Callable, Collection, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

from dbus_fast import DBusFastError, Message, MessageType, Variant
from dbus_fast.auth import AuthExternal

from ..geometry import Point, Rect
from .bus import Answer, Bus, Key, Question, Silent, Slow
from .clipping import NOTHING, clipped, overlapping, sticking_out
from .nodes import ROLES, STATES, Choice, Contents, Gone, Node, Top
from .text_match import place_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
Reach = Callable[[str], AbstractContextManager[tuple[str, int | None]]]


_A11Y = "org.a11y.atspi."
_ACCESSIBLE = _A11Y + "Accessible"
_COMPONENT, _TEXT, _VALUE = _A11Y + "Component", _A11Y + "Text", _A11Y + "Value"
_TABLE = _A11Y + "Table"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ROOT = "/org/a11y/atspi/accessible/root"
_NULL = "/org/a11y/atspi/null"
_REGISTRY = (_A11Y + "Registry", _ROOT)
# Any listener makes GTK keep a cache to be asked; this event is rare, so none are sent for nothing.
_LISTENED = "object:announcement"
_ON_SCREEN, _IN_WINDOW = 0, 1  # coordinate types
_SHOWING, _FOCUSED, _VISIBLE, _EDITABLE = 1 << 25, 1 << 12, 1 << 30, 1 << 7  # states
_LABEL_FOR, _LABELLED_BY = 1, 2  # relations

# What matters of a form to whoever submits it.
_OF_FORMS = ("button", "entry", "password text", "spin button", "text", "combo box")

# What programs may do.
LATE, MUTE = "did not answer in time", "did not tell what it shows"
PARTLY = "did not tell all of it in time"
_SOON = 0.01  # seconds
_ANYWHERE = 6  # ATSPI_SCROLL_ANYWHERE
_SURE_WITHIN = 2.0  # seconds to answer what nothing may be done without
_LOOKED = 0.03  # seconds Chromium takes to find out what is under a point
_COMMANDS_WITHIN = 4.0  # seconds: LibreOffice has 800, asked for once
_MOST_NODES = 5000  # of one program: a tree of more is cut
_MOST_CELLS = 1500
_DEEPEST = 600  # objects that one may be in; Blink nests 512 elements of a page
_FEW_CELLS = 800  # of a table that are all asked for, in view or not
_LONGEST = 20_000  # characters of a name, or of what something holds; a sign shows the cut
# Firefox counts in UTF-16 and fills up with U+FEFF behind characters that take two units.
_PADDED = re.compile("([\U00010000-\U0010ffff])\ufeff")
_EMBEDDED = "\ufffc"  # stands for an object in a text
_BLOCKS = {"paragraph", "section", "heading", "block quote", "article"}
# What Qt takes for rich text, and what of it is not shown.
_RICH = re.compile(
    r"\s*(<!doctype\b|<\?xml|<(html|head|body|qt|p|b|i|u|s|a|h[1-6]|br|hr|div|span|font|center|table"
    r"|ul|ol|li|img|em|strong|small|big|sub|sup|pre|code|tt|nobr)\b[^>]*>)", re.IGNORECASE,
)  # fmt: skip
_UNSEEN = re.compile(r"<(head|style|script)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[!/?]?[a-z][^>]*>", re.IGNORECASE)
# What the bus and the toolkits say of an object that has gone.
_NOT_THERE = ("UnknownObject", "UnknownMethod", "UnknownInterface")
_NO_COMMANDS = {"GTK", "Chromium"}  # GTK is 4; 2 and 3 are "gtk"
_ITEMS = {"menu item", "check menu item", "radio menu item"}
_MENU_PARTS = {"menu bar", "menu", "popup menu", *_ITEMS}
_PRESSED = {"menu", *_ITEMS, "button", "toggle button", "check box", "radio button"}
_HOLD_BARS = {"filler", "panel", "root pane", "layered pane", "section", "grouping", "unknown"}
_SHOWN_IN = {"list", "table", "tree", "tree table", "text", "entry", "document frame", "terminal"}
_OFFICE = "soffice"  # LibreOffice, which hangs while it visits each cell of a sheet
_TEXTS = {"document text", "document presentation", "document web", "document frame"}
_HUGE = 1000  # children that manage themselves; asking for all of them would take minutes

FIELDS = {"entry", "text", "spin button", "combo box", "terminal", "autocomplete", "date editor"}
CHOICES = {"menu item", "list item", "radio menu item", "check menu item"}
_DEEP_CHOICES = 6  # levels between a combo box of GTK 4 and its choices
_VALUES = {"slider", "spin button", "progress bar", "level bar", "dial", "rating"}
_WORDS = {
    "paragraph", "section", "heading", "list item", "table cell", "block quote", "static", "form",
    "article", "caption", "definition", "description term", "description value", "footer", "header",
    "landmark", "log", "status bar", "comment", "grouping", "alert", "notification", "text", "link",
    "label",
}  # fmt: skip
# What shows nothing outside of itself, by toolkit; in a page anything may, so it is asked.
_SCROLL_AREAS = {"scroll pane", "viewport"}
_LISTED = CHOICES | {"menu", "separator", "tearoff menu item"}
_WIDGETS = _SCROLL_AREAS | {
    "filler", "panel", "split pane", "layered pane", "internal frame", "unknown", "list", "tree",
    "table", "tree table", "list box",
}  # fmt: skip
_OWN_WINDOW = {"combo box", "menu", "popup menu", "menu bar", "tool tip", "window", "dialog"}
_IN_PAGES = {
    "section", "list", "list item", "form", "article", "landmark", "grouping", "table", "table row",
    "tree", "list box", "document web", "internal frame", "panel", "scroll pane", "embedded",
}  # fmt: skip
_BROWSERS = ("Chromium", "Gecko", "WebKitGTK")
_MOST_DOUBTED = 60  # objects of a page that are half out of something, to be asked for by place
# Layout without words of its own; not worth a question when it has no name.
_LAYOUT = {
    "panel", "filler", "section", "paragraph", "scroll pane", "viewport", "split pane", "root pane",
    "layered pane", "redundant object", "unknown", "invalid", "separator", "internal frame",
    "html container", "grouping", "form", "landmark", "article", "block quote", "list", "list box",
    "table row", "scroll bar", "extended", "application",
}  # fmt: skip
_NEED_NAMES = {
    "entry", "text", "password text", "spin button", "combo box", "slider", "button",
    "toggle button", "check box", "radio button", "icon", "switch", "menu item", "image",
}  # fmt: skip


_CONTROLS = {"button", "toggle button", "check box", "radio button", "combo box", "slider"}


@dataclass(frozen=True, slots=True)
class Command:
    """A menu item or button, in view or not, and the keys that its program says press it."""

    key: Key
    role: str
    name: str
    keys: str
    """As the toolkit writes them: "c;<Alt>e:c;<Primary>x" of GTK, "Ctrl+X" of Qt."""


@dataclass(frozen=True, slots=True)
class _Program:
    bus: str
    pid: int
    name: str
    toolkit: str

    @property
    def root(self) -> Key:
        return self.bus, _ROOT


@dataclass(slots=True)
class _Item:
    """What is known of an object before its place is."""

    key: Key
    role: str
    name: str
    states: frozenset[str]
    interfaces: frozenset[str] | None
    parent: Key | None = None
    children: int = 0
    popover: Rect | None = None
    kids: "list[_Item]" = field(default_factory=lambda: list[_Item]())


@dataclass(slots=True)
class _Part:
    """A part of a menu, or of what holds one, that is not asked again for what stays the same."""

    item: _Item
    keys: str = ""
    leaf: bool = False


# A program may say anything, in any shape: what it says of one object costs that object's line.
_UNTOLD = (
    Silent, DBusFastError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
)  # fmt: skip


class AccessibilityTree:
    """The accessibility tree of one desktop. Used by one thread at a time; connects when needed.

    Args:
        reach: Yields how to connect to a D-Bus address of the desktop, "" for its session bus: an
            address, and the user to say we are, None for our own.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(
            lambda _, said: logger.debug("accessibility bus: %s", said)
        )
        self._bus: Bus | None = None
        self._programs: dict[str, _Program] = {}
        self._lagging: set[str] = set()
        """Those of which something has not been answered."""
        self._parts: dict[str, dict[Key, _Part]] = {}
        """What is known of menus, by the program's name on the bus; see `commands`."""

    def close(self) -> None:
        self.reset()
        self._loop.close()

    def reset(self) -> None:
        """Connect anew when next asked: the buses were started anew."""
        if self._bus:
            self._bus.disconnect()
            self._loop.run_until_complete(asyncio.sleep(0))
        self._bus = None

    # Reading

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
            return self._run(self._named(set(pids), fits, most), seconds)
        return []

    def tops(self, pids: Iterable[int], seconds: float) -> tuple[list[Top], dict[int, str]]:
        """As `read`, without what shows in the windows."""
        return self._asked(pids, seconds, deep=False)

    def _asked(
        self, pids: Iterable[int], seconds: float, *, deep: bool
    ) -> tuple[list[Top], dict[int, str]]:
        asked = set(pids)
        try:
            return self._run(self._read(asked, seconds, deep=deep), seconds + 2)
        except Slow:
            return [], dict.fromkeys(asked, LATE)
        except Silent:
            return [], dict.fromkeys(asked, MUTE)

    def ancestors(self, node: Node, seconds: float = 0.5) -> list[Key]:
        """What holds a node, the innermost first; empty if unknown."""

        async def climb() -> list[Key]:
            found: list[Key] = []
            here = node.key
            while len(found) < 60 and here[1] not in (_NULL, _ROOT):
                here = _key(await self._property(here, _ACCESSIBLE, "Parent"))
                found.append(here)
            return found

        with suppress(Silent):
            return self._run(climb(), seconds)
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

        async def climb() -> Key | None:
            here, found = node.key, None
            for _ in range(_DEEPEST):
                if here[1] in (_NULL, _ROOT):
                    return found
                (role,), parent = await asyncio.gather(
                    self._call(here, _ACCESSIBLE, "GetRole"),
                    self._property(here, _ACCESSIBLE, "Parent"),
                )
                if _role(role) in ("document web", "document frame"):
                    found = here
                elif found and _role(role) != "internal frame":
                    return found
                here = _key(parent)
            raise Silent("it is too deep in its window")

        return self._run(climb(), seconds)

    def in_sheet(self, node: Node, seconds: float = 0.5) -> bool:
        """Return whether a node is in a spreadsheet; False where that is not known."""

        async def climb() -> bool:
            here = node.key
            for _ in range(_DEEPEST):
                if here[1] in (_NULL, _ROOT):
                    break
                (role,) = await self._call(here, _ACCESSIBLE, "GetRole")
                if _role(role) == "document spreadsheet":
                    return True
                here = _key(await self._property(here, _ACCESSIBLE, "Parent"))
            return False

        with suppress(Silent):
            return self._run(climb(), seconds)
        return False

    def label(self, key: Key, seconds: float) -> tuple[str, frozenset[str]]:
        """The name and the states of an object, in one question.

        Raises:
            Silent: It is gone, or its program does not answer.
        """

        async def ask() -> tuple[str, frozenset[str]]:
            name, (states,) = await asyncio.gather(
                self._property(key, _ACCESSIBLE, "Name"),
                self._call(key, _ACCESSIBLE, "GetState"),
            )
            return str(name), _states(states)

        return self._run(ask(), seconds)

    def browses(self, node: Node) -> bool:
        """Whether a node's program is a browser, or is made of one."""
        program = self._programs.get(node.key[0])
        return program is not None and program.toolkit in ("Chromium", "Gecko")

    def node(self, node: Node, seconds: float = 1.0) -> Node:
        """A node as it is now.

        Raises:
            Silent: It is gone, or its program does not answer.
        """
        return self._run(self._again(node), seconds)

    def place(self, node: Node, seconds: float) -> Node | None:
        """A node where it is now, told in as few questions as will do; None while it is not shown.

        Raises:
            Gone: It is not there any more.
            Silent: Its program does not tell.
        """
        return self._run(self._place(node), seconds)

    def fields(self, pid: int, seconds: float) -> list[Top]:
        """The windows of a process, with those of their nodes that text can be typed into.

        Raises:
            Silent: It does not answer in time.
        """
        return self._run(self._fields(pid), seconds)

    def focused(
        self, pid: int, seconds: float = 0.5, *, sure: bool = False
    ) -> list[tuple[Key, Node]]:
        """What a process says has the keyboard focus, the outer ones first; often more than one.

        Each comes with its window's key.

        Raises:
            Slow: It does not answer, and `sure` is asked for.
        """
        with _but_slow() if sure else suppress(Silent):
            return self._run(self._focused(pid), _SURE_WITHIN if sure else seconds)
        return []

    def at(self, top: Key, point: Point, seconds: float = 0.5) -> list[Node]:
        """What a program says is under a point of a window, innermost first; empty if unknown.

        The point counts as the program's rectangles do.
        """
        with suppress(Silent):
            return self._run(self._at(top, point), seconds)
        return []

    def touched(self, top: Key, point: Point) -> list[Node]:
        """As `at`, for what must be known: it ends with the page, if it is one.

        Raises:
            Slow: The program does not answer.
        """

        async def sure() -> list[Node]:
            program = self._programs.get(top[0])
            if program and program.toolkit == "Chromium":
                await self._deepest(top, point, _ON_SCREEN)  # it guesses, and looks
                await asyncio.sleep(_LOOKED)
            return await self._at(top, point, page=True)

        with _but_slow():
            return self._run(sure(), _SURE_WITHIN)
        return []

    def form(self, node: Node) -> list[Node] | None:
        """The buttons and fields of the form that something is in; None when it is in none.

        Raises:
            Slow: The program does not answer.
        """
        with _but_slow():
            return self._run(self._form(node.key), _SURE_WITHIN)
        return None

    def labelled(self, node: Node, seconds: float = 0.5) -> list[Key]:
        """What a label says that it is the label of; empty if it does not say."""

        async def ask() -> list[Key]:
            (relations,) = await self._call(node.key, _ACCESSIBLE, "GetRelationSet")
            return [_key(one) for kind, told in relations if kind == _LABEL_FOR for one in told]

        with suppress(Silent):
            return self._run(ask(), seconds)
        return []

    def bindings(self, nodes: Sequence[Node]) -> list[str | None]:
        """The keys that press each thing, as its program tells them: "<Alt>p", "Alt+P"; or empty.

        None where its toolkit never tells them.

        Raises:
            Slow: The program does not answer.
        """

        async def binding(node: Node) -> str | None:
            program = self._programs.get(node.key[0])
            if program and program.toolkit == "GTK":  # 4, which tells none
                return None
            with suppress(Silent):
                (found,) = await self._call(node.key, _A11Y + "Action", "GetKeyBinding", "i", [0])
                return str(found)
            return ""

        async def all_of() -> list[str | None]:
            return list(await asyncio.gather(*map(binding, nodes)))

        with _but_slow():
            return self._run(all_of(), _SURE_WITHIN)
        return []

    def commands(self, pid: int) -> list[Command]:
        """Return what keys press in the active window of a program, as far as it says so.

        Items of closed menus are among them. GTK 4 and Chromium say nothing of the kind.

        Raises:
            Slow: The program does not answer.
        """
        with _but_slow():
            return self._run(self._commands(pid), _COMMANDS_WITHIN)
        return []

    def usable(self, commands: Sequence[Command]) -> list[Command]:
        """Return those that can be used now, by their present names."""

        def now(command: Command, item: _Item | None) -> Command | None:
            if item is None or not {"sensitive", "enabled"} & item.states:
                return None
            if item.role not in _MENU_PARTS and "showing" not in item.states:
                return None
            return replace(command, name=_clean(item.name) or command.name)

        async def ask() -> list[Command]:
            items = await self._items([one.key for one in commands])
            found = [now(*each) for each in zip(commands, items, strict=True)]
            return [one for one in found if one]

        with _but_slow():
            return self._run(ask(), _SURE_WITHIN)
        return []

    def url(self, node: Node) -> str:
        """The address of the page a node is, or is on; empty if it is on none.

        Raises:
            Slow: The program does not answer.
        """

        async def address(here: Key) -> str:
            for name in ("URI", "DocURL"):  # Chromium's, and everybody else's
                with suppress(Silent):
                    (found,) = await self._call(
                        here, _A11Y + "Document", "GetAttributeValue", "s", [name]
                    )
                    if found:
                        return str(found)
            return ""

        async def climb() -> str:
            here = node.key
            for _ in range(60):
                if here[1] in (_NULL, _ROOT):
                    break
                found, parent = await asyncio.gather(
                    address(here), self._property(here, _ACCESSIBLE, "Parent")
                )
                if found:
                    return found
                here = _key(parent)
            return ""

        with _but_slow():
            return self._run(climb(), _SURE_WITHIN)
        return ""

    # Texts and values

    def words(self, node: Node, asked: str, seconds: float = 0.7) -> Rect | None:
        """Where a text has some words, from the corner of what has it; None if that is not told."""
        with suppress(Silent):
            return self._run(self._words(node.key, asked), seconds)
        return None

    def show_words(self, node: Node, asked: str, seconds: float = 1.0) -> bool:
        """Ask for words of a text to be scrolled into view; False when its program cannot."""

        async def show() -> bool:
            _, ends = await self._place_of(node.key, asked)
            body = [*ends, _ANYWHERE]
            (done,) = await self._call(node.key, _TEXT, "ScrollSubstringTo", "iiu", body)
            return bool(done)

        with suppress(Silent):
            return self._run(show(), seconds)
        return False

    def contents(self, node: Node, longest: int, seconds: float = 1.0) -> Contents:
        """What a text field holds, where its caret is and what is selected.

        Raises:
            Silent: It has no text, more than `longest` characters, or does not answer.
        """
        return self._run(self._contents(node, longest), seconds)

    def length(self, node: Node, seconds: float = 1.0) -> int:
        """How many characters a text field holds.

        Raises:
            Silent: It has no text or does not answer.
        """
        return int(self._run(self._property(node.key, _TEXT, "CharacterCount"), seconds))

    def select(
        self, node: Node, holds: Contents, start: int, end: int, seconds: float = 1.0
    ) -> bool:
        """Select some characters of a text field; False when it did not."""
        ends = [_units(holds.text[:one]) if holds.wide else one for one in (start, end)]

        async def select() -> bool:
            (count,) = await self._call(node.key, _TEXT, "GetNSelections")
            member, body = ("SetSelection", [0, *ends]) if count else ("AddSelection", ends)
            (done,) = await self._call(node.key, _TEXT, member, "i" * len(body), body)
            selected: list[int] = []
            while done and sorted(selected) != ends:  # Chromium does it a moment later
                await asyncio.sleep(_SOON)
                with suppress(Silent):
                    selected = await self._call(node.key, _TEXT, "GetSelection", "i", [0])
            return bool(done)

        with suppress(Silent):
            return self._run(select(), seconds)
        return False

    def set_value(self, node: Node, value: float, seconds: float = 1.0) -> None:
        """Give a slider or the like a value.

        Raises:
            Silent: It takes none.
        """
        body = [_VALUE, "CurrentValue", Variant("d", value)]
        self._run(self._call(node.key, _PROPERTIES, "Set", "ssv", body), seconds)

    def set_text(self, node: Node, text: str, seconds: float = 1.0) -> None:
        """Have a field hold a text; whether it does then is not told.

        Raises:
            Silent: It takes none.
        """
        self._run(
            self._call(node.key, _A11Y + "EditableText", "SetTextContents", "s", [text]), seconds
        )

    def value(self, node: Node, seconds: float = 1.0) -> float:
        """The value of a slider or the like.

        Raises:
            Silent: It has none.
        """
        return float(self._run(self._property(node.key, _VALUE, "CurrentValue"), seconds))

    def range(self, node: Node, seconds: float = 1.0) -> tuple[float, float]:
        """The least and the most value of a slider or the like.

        Raises:
            Silent: It has none.
        """

        async def both() -> list[Any]:
            names = ("MinimumValue", "MaximumValue")
            return await asyncio.gather(*(self._property(node.key, _VALUE, one) for one in names))

        least, most = self._run(both(), seconds)
        return float(least), float(most)

    def in_cell(self, cell: Node, seconds: float = 1.0) -> bool:
        """Whether the cursor of a sheet is in this cell."""

        async def ask() -> bool:
            assert cell.cell
            (found,) = await self._call(cell.key, _TABLE, "GetAccessibleAt", "ii", list(cell.cell))
            item = await self._item(_key(found))
            return item is not None and "focused" in item.states

        with suppress(Silent):
            return self._run(ask(), seconds)
        return False

    def show(self, node: Node, seconds: float = 1.0) -> bool:
        """Ask for an object to be scrolled into view; False when its program cannot."""
        with suppress(Silent):
            (done,) = self._run(
                self._call(node.key, _COMPONENT, "ScrollTo", "u", [_ANYWHERE]), seconds
            )
            return bool(done)
        return False

    def choices(self, combo: Node, seconds: float = 4.0) -> list[Choice]:
        """What a combo box offers, in order; empty when it does not tell, as some do until opened.

        Raises:
            Silent: Its program does not answer.
        """
        return self._run(self._choices(combo.key, 0), seconds)

    def marked(self, choices: Sequence[Choice], seconds: float = 1.0) -> Choice | None:
        """Which choice of an open list keys have led to; None where its program does not tell."""
        program = self._programs.get(choices[0].key[0]) if choices else None
        if program is None or program.toolkit.startswith("Qt"):
            return None  # Qt goes on to tell what had the focus before the list was opened

        async def focused() -> Choice | None:
            asked = [Question(one.key, _ACCESSIBLE, "GetState") for one in choices]
            for one, answer in zip(choices, await self._ask(asked), strict=True):
                (words,) = _returned(answer)
                if "focused" in _states(words):
                    return one
            return None

        with suppress(*_UNTOLD):
            return self._run(focused(), seconds)
        return None

    def show_at(self, node: Node, point: Point, seconds: float = 1.0) -> bool:
        """Ask for an object to be scrolled to a point of the screen; False when that cannot be."""
        asked = [_ON_SCREEN, point.x, point.y]
        with suppress(Silent):
            (done,) = self._run(
                self._call(node.key, _COMPONENT, "ScrollToPoint", "uii", asked), seconds
            )
            return bool(done)
        return False

    # The wire

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        async def within() -> T:
            async with asyncio.timeout(seconds):
                await self._connect()
                return await work

        try:
            return self._loop.run_until_complete(within())
        except TimeoutError as late:
            raise Slow(f"it did not answer in {seconds:g} s") from late
        except (DBusFastError, OSError, EOFError, ValueError, LookupError, TypeError) as failure:
            # A program may take the place of a bus, and say anything in any shape.
            raise Silent(str(failure)) from failure
        finally:
            work.close()

    async def _connect(self) -> None:
        if self._bus and self._bus.connected:
            return
        self._programs.clear()
        session = await self._open("")
        try:
            asked = Message(
                destination="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus",
                member="GetAddress",
            )  # fmt: skip
            reply = await session.call(asked)
        finally:
            session.disconnect()
        if reply.message_type is MessageType.ERROR:
            raise Silent("there is no accessibility bus")
        self._bus = await self._open(str(reply.body[0]))
        listen = (_A11Y + "Registry", "/org/a11y/atspi/registry")
        with suppress(Silent):
            await self._call(listen, _A11Y + "Registry", "RegisterEvent", "s", [_LISTENED])

    async def _open(self, address: str) -> Bus:
        with self._reach(address) as (ours, user):
            bus = Bus(ours, AuthExternal(uid=user))
            await bus.connect()
            return bus

    async def _call(
        self, where: Key, interface: str, member: str, shape: str = "", body: Sequence[Any] = ()
    ) -> list[Any]:
        return _returned((await self._ask([Question(where, interface, member, shape, body)]))[0])

    async def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask many questions at once; an answer that is a `Silent` says why there is none."""
        assert self._bus
        answers = await self._bus.ask(questions)
        asked = zip(questions, answers, strict=True)
        self._lagging |= {one.where[0] for one, answer in asked if isinstance(answer, Slow)}
        return answers

    async def _property(self, where: Key, interface: str, name: str) -> Any:
        return _value((await self._ask([_of(where, interface, name)]))[0])

    # Programs

    async def _all_programs(self) -> list[_Program]:
        (found,) = await self._call(_REGISTRY, _ACCESSIBLE, "GetChildren")
        names = {bus for bus, _ in found}
        for gone in self._programs.keys() - names:
            del self._programs[gone]
        for gone in self._parts.keys() - names:
            del self._parts[gone]
        fresh = [bus for bus in names if bus not in self._programs]
        met = [one for one in await asyncio.gather(*(self._introduce(bus) for bus in fresh)) if one]
        # One that hangs now is asked again the next time.
        self._programs |= {one.bus: one for one in met if one.toolkit}
        return [*self._programs.values(), *(one for one in met if not one.toolkit)]

    async def _introduce(self, bus: str) -> _Program | None:
        daemon = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
        with suppress(*_UNTOLD):
            (pid,) = await self._call(daemon, daemon[0], "GetConnectionUnixProcessID", "s", [bus])
            name = toolkit = ""
            with suppress(*_UNTOLD, TimeoutError):
                async with asyncio.timeout(0.5):
                    name, toolkit = await asyncio.gather(
                        self._property((bus, _ROOT), _ACCESSIBLE, "Name"),
                        self._property((bus, _ROOT), _A11Y + "Application", "ToolkitName"),
                    )
            return _Program(bus, int(pid), str(name), str(toolkit))
        return None

    async def _read(
        self, pids: set[int], seconds: float, *, deep: bool = True
    ) -> tuple[list[Top], dict[int, str]]:
        asked = [one for one in await self._all_programs() if one.pid in pids]
        found: list[Top] = []
        silent: dict[int, str] = {}

        async def one(program: _Program) -> None:
            self._lagging.discard(program.bus)
            try:
                async with asyncio.timeout(seconds):
                    tops = await self._tops(program, deep=deep)
            except (*_UNTOLD, TimeoutError) as why:
                logger.debug("process %d does not answer: %r", program.pid, why)
                silent[program.pid] = LATE if isinstance(why, (TimeoutError, Slow)) else MUTE
            else:
                found.extend(tops)
                if program.bus in self._lagging:
                    silent[program.pid] = PARTLY if any(each.nodes for each in tops) else LATE

        await asyncio.gather(*(one(program) for program in asked))
        return found, silent

    async def _named(self, pids: set[int], fits: Callable[[str], bool], most: int) -> list[Node]:
        found: list[Node] = []
        for program in await self._all_programs():
            if program.pid in pids:
                cached = await self._cache(program)
                known = list(cached.values())
                if program.name != _OFFICE:
                    for top in await self._children(program.root):
                        try:
                            known += await self._matches(top, cached, _VISIBLE)
                        except _UNTOLD:
                            known += await self._walk(top, "visible")
                fitting = {
                    one.key: one for one in known if one.role not in _LAYOUT and fits(one.name)
                }
                items = list(fitting.values())[: most - len(found)]
                there = await self._made(items, program.toolkit == "GTK", False)
                found += await asyncio.gather(*(self._as_cut(one, program) for one in there))
        return found

    async def _fields(self, pid: int) -> list[Top]:
        found: list[Top] = []
        for program in await self._all_programs():
            if program.pid == pid:
                items = await self._cache(program) if program.name == _OFFICE else {}
                tops = await self._tops(program, deep=False)
                for top in tops:
                    shown = await self._editable(top, [one.key for one in tops], items)
                    nodes = await self._nodes(program, shown, top.relative)
                    if program.name == _OFFICE:
                        nodes = await self._office(top.key, nodes)
                    found.append(replace(top, nodes=nodes))
        return found

    async def _editable(
        self, top: Top, tops: Sequence[Key], items: dict[Key, _Item]
    ) -> Sequence[_Item]:
        if items:
            shown = _showing(top.key, tops, items)
        else:
            try:
                return await self._matches(top.key, {}, _SHOWING | _EDITABLE)
            except _UNTOLD:
                shown = await self._walk(top.key, "visible" if top.relative else "showing")
        return [one for one in shown if "editable" in one.states]

    async def _cache(self, program: _Program) -> dict[Key, _Item]:
        """What the program's toolkit keeps at hand of its objects; empty when it keeps nothing."""
        with suppress(*_UNTOLD):
            cache = (program.bus, "/org/a11y/atspi/cache")
            (cached,) = await self._call(cache, _A11Y + "Cache", "GetItems")
            items: dict[Key, _Item] = {}
            for one in cached[: 4 * _MOST_NODES]:
                with suppress(*_UNTOLD):
                    item = _cached(one)
                    items[item.key] = item
            return items
        return {}

    async def _tops(self, program: _Program, *, deep: bool) -> list[Top]:
        items = await self._cache(program) if deep else {}
        huge = [one for one in items.values() if _manages_too_many(one)]
        (keys,) = await self._call(program.root, _ACCESSIBLE, "GetChildren")
        tops = _keys(keys[:50])
        read = [self._top(program, top, tops, items, huge, deep=deep) for top in tops]
        told = await asyncio.gather(*read, return_exceptions=True)
        found = [one for one in told if isinstance(one, Top)]
        for failure in (one for one in told if isinstance(one, BaseException)):
            if found and isinstance(failure, _UNTOLD):  # that window's, and no other's
                logger.debug("a window of process %d is not told: %r", program.pid, failure)
            else:
                raise failure
        return found

    async def _top(
        self,
        program: _Program,
        top: Key,
        tops: Sequence[Key],
        items: dict[Key, _Item],
        huge: Sequence[_Item],
        *,
        deep: bool,
    ) -> Top | None:
        known = items.get(top) or await self._item(top)
        if known is None:
            return None
        relative = program.toolkit == "GTK"
        rect = await self._extents(top, relative=relative)
        if rect is None or rect.width < 2 or rect.height < 2:
            return None
        if not deep:
            shown = []
        elif huge or program.name == _OFFICE:
            shown = _showing(top, tops, items)
            if program.name == _OFFICE:
                shown += await self._documents(shown)
        else:
            try:
                shown = await self._matches(top, items)
            except _UNTOLD:
                shown = await self._walk(top, "visible" if relative else "showing")
        shown = [one for one in shown if one.key != top]
        nodes = await self._nodes(program, shown, relative)
        nodes = await self._clipped(program, top, shown, nodes)
        nodes = await self._in_lists(program, nodes, {one.key: one for one in shown})
        for table in huge:
            if table in shown:
                with suppress(*_UNTOLD):
                    nodes += await self._cells(table.key)
        if program.name == _OFFICE:
            nodes = await self._office(top, nodes)
        ordered = program.toolkit in _BROWSERS
        return Top(
            top, program.pid, known.name, rect, relative, ordered, nodes, known.states
        )  # fmt: skip

    async def _documents(self, shown: Sequence[_Item]) -> list[_Item]:
        """What LibreOffice shows of its texts and slides: it keeps nothing of that at hand."""
        known = {one.key for one in shown}
        found: list[_Item] = []
        for one in shown:
            if one.role in _TEXTS:
                found += [
                    each for each in await self._walk(one.key, "showing") if each.key not in known
                ]
        return found

    async def _matches(
        self, top: Key, items: dict[Key, _Item], states: int = _SHOWING
    ) -> list[_Item]:
        body = [_all_of(states), 1, _MOST_NODES, True]
        (found,) = await self._call(
            top, _A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib", body
        )
        keys = _keys(found)
        missing = [key for key in keys if key not in items]
        fresh = dict(zip(missing, await self._items(missing), strict=True))
        shown = [items.get(key) or fresh.get(key) for key in keys]
        return [one for one in shown if one and one.role != "application"]

    async def _walk(self, top: Key, state: str, without: str = "") -> list[_Item]:
        """What has a state below an object, and not below a role, in document order."""
        root = await self._item(top)
        level: list[_Item] = [root] if root else []
        seen, left = {top}, _MOST_NODES
        while level and left > 0:
            told = await self._all_children([one.key for one in level])
            pairs = [
                (parent, key)
                for parent, keys in zip(level, told, strict=True)
                for key in keys
                if key not in seen
            ][:left]
            seen.update(key for _, key in pairs)
            left -= len(pairs)
            fresh = await self._items([key for _, key in pairs])
            level = []
            for (parent, _), item in zip(pairs, fresh, strict=True):
                if item and state in item.states and item.role != without:
                    item.parent = parent.key
                    parent.kids.append(item)
                    level.append(item)
        found = list(_below(root)) if root else []
        for popover in [one for one in found if one.name == "GtkPopover"]:
            rect = await self._extents(popover.key, relative=True)
            for one in _below(popover):
                one.popover = rect
        return found

    async def _children(self, key: Key) -> list[Key]:
        return (await self._all_children([key]))[0]

    async def _all_children(self, keys: Sequence[Key]) -> list[list[Key]]:
        """What is in each of several objects; nothing where it does not say."""
        found: list[list[Key]] = []
        for answer in await self._ask([Question(key, _ACCESSIBLE, "GetChildren") for key in keys]):
            found.append([])
            with suppress(*_UNTOLD):
                (kids,) = _returned(answer)
                found[-1] = _keys(kids)
        return found

    async def _item(self, key: Key) -> _Item | None:
        return (await self._items([key]))[0]

    async def _items(self, keys: Sequence[Key]) -> list[_Item | None]:
        """Several objects; None for each that does not say what it is."""
        told = await self._ask(
            [
                one
                for key in keys
                for one in (
                    Question(key, _ACCESSIBLE, "GetRole"),
                    Question(key, _ACCESSIBLE, "GetState"),
                    _of(key, _ACCESSIBLE, "Name"),
                )
            ]
        )
        return [_described(key, *told[3 * at : 3 * at + 3]) for at, key in enumerate(keys)]

    # Commands

    async def _commands(self, pid: int) -> list[Command]:
        found: list[Command] = []
        for program in await self._all_programs():
            if program.pid == pid and program.toolkit not in _NO_COMMANDS:
                tops = await self._children(program.root)
                items = [one for one in await self._items(tops) if one]
                active = [one for one in items if "active" in one.states]
                for top in active or items:
                    found += await self._commands_in(program, top)
        return found

    async def _commands_in(self, program: _Program, top: _Item) -> list[Command]:
        """The commands of a window. Only what holds others is asked again for what it holds."""
        known = self._parts.setdefault(program.bus, {})
        cached = {} if known else await self._cache(program)
        level, seen = [_Part(top)], {top.key}
        found: list[_Part] = []
        while level and len(seen) < _MOST_NODES:
            told = await self._all_children([one.item.key for one in level])
            for one, keys in zip(level, told, strict=True):
                one.leaf = not keys
            fresh = dict.fromkeys(key for keys in told for key in keys if key not in seen)
            seen.update(fresh)
            parts = await self._known_parts(known, cached, list(fresh))
            found += parts
            level = [one for one in parts if _holds_commands(one, program)]
        return [
            Command(one.item.key, one.item.role, _clean(one.item.name), one.keys)
            for one in found
            if one.keys and one.item.name.strip()
        ]

    async def _known_parts(
        self, known: dict[Key, _Part], cached: dict[Key, _Item], keys: Sequence[Key]
    ) -> list[_Part]:
        for key in keys:
            if key not in known and key in cached:
                known[key] = _Part(cached[key], leaf=not cached[key].children)
        missing = [key for key in keys if key not in known]
        for key, item in zip(missing, await self._items(missing), strict=True):
            if item:
                known[key] = _Part(item)
        parts = [known[key] for key in keys if key in known]
        # GTK tells the keys of an item only while it is enabled.
        asked = [one for one in parts if not one.keys and one.item.role in _PRESSED]
        questions = [
            Question(one.item.key, _A11Y + "Action", "GetKeyBinding", "i", [0]) for one in asked
        ]
        for one, answer in zip(asked, await self._ask(questions), strict=True):
            with suppress(*_UNTOLD):
                one.keys = str(_returned(answer)[0])
        return parts

    # Nodes

    async def _nodes(self, program: _Program, shown: Sequence[_Item], relative: bool) -> list[Node]:
        # They have no nodes for the text itself.
        page, office = program.toolkit == "Gecko", program.name == _OFFICE
        asked = [
            one
            for one in shown
            if one.name.strip()
            or one.role not in _LAYOUT
            or page
            or _written_in(one, program)
            or (office and one.role in _WORDS and _may_have_text(one))
        ]
        words = page or office
        return await self._made(asked, relative, words)

    async def _node(self, item: _Item, relative: bool, words: bool) -> Node | None:
        return next(iter(await self._made([item], relative, words)), None)

    async def _made(self, items: Sequence[_Item], relative: bool, words: bool) -> list[Node]:
        """The nodes of several objects; what is in no place and what says nothing has none."""
        rects = await self._places([one.key for one in items], relative=relative)
        placed = [
            (one, rect)
            for one, rect in zip(items, rects, strict=True)
            if rect and rect.width > 0 and rect.height > 0
        ]
        texts = await self._texts([one for one, _ in placed], words)
        names = [self._name(one, relative) for one, _ in placed]
        without = [
            place
            for place, (one, _) in enumerate(placed)
            if (not names[place] and one.role in _NEED_NAMES)
            or (one.role == "combo box" and not texts[place])
        ]
        found = (self._named_by(placed[at][0], names[at], texts[at]) for at in without)
        for place, told in zip(without, await asyncio.gather(*found), strict=True):
            names[place], texts[place] = told
        made = map(self._as_node, placed, names, texts)
        return [one for one in made if one]

    def _name(self, item: _Item, relative: bool) -> str:
        program = self._programs.get(item.key[0])
        in_qt = program is not None and program.toolkit == "Qt"
        name = _clean(_label(item.name, item.role) if in_qt else item.name)
        if relative and name.startswith("Gtk") and name[3:4].isupper():
            return ""  # GTK 4 gives the name of its class when it has none
        return name

    async def _named_by(self, item: _Item, name: str, text: str | None) -> tuple[str, str | None]:
        """The name and text of what lacks one of them."""
        with suppress(*_UNTOLD):
            if item.role == "combo box" and not text:
                label, chosen = await asyncio.gather(self._label(item.key), self._chosen(item.key))
                return label or name, chosen or (name if label and label not in name else None)
            return await self._label(item.key), text
        return name, text

    def _as_node(self, placed: tuple[_Item, Rect], name: str, text: str | None) -> Node | None:
        item, rect = placed
        program = self._programs.get(item.key[0])
        typed_into = item.role == "text" and "editable" in item.states  # GTK, Qt
        typed_into = typed_into or (program is not None and _written_in(item, program))
        if item.role in _LAYOUT and not name and not text and not typed_into:
            return None
        role = "entry" if typed_into else item.role
        return Node(item.key, role, name, item.states, rect, text, popover=item.popover)

    async def _clipped(
        self, program: _Program, top: Key, shown: Sequence[_Item], nodes: list[Node]
    ) -> list[Node]:
        """Nodes with the part of each that what they are in lets show."""
        if program.name == _OFFICE or not nodes:
            return nodes
        in_page = program.toolkit in _BROWSERS
        scrolling = program.toolkit in ("gtk", "GTK")
        kinds = _IN_PAGES if in_page else _SCROLL_AREAS if scrolling else _WIDGETS
        kinds = kinds | {"list"} if program.toolkit == "GTK" else kinds  # it scrolls by itself
        holders = await self._rects(
            [one for one in shown if one.role in kinds], nodes, relative=program.toolkit == "GTK"
        )
        if not holders:
            return nodes
        if in_page:
            clips = await self._clipped_in_page(top, nodes, holders, shown)
        else:
            parents = await self._parents(shown, holders)
            nodes = await self._without_stale_rows(program, shown, nodes)
            free = {one.key for one in shown if one.role in _OWN_WINDOW or one.name == "GtkPopover"}
            clips = clipped([one.key for one in nodes], parents, holders, free)
        return [
            replace(one, clip=clips[one.key]) if one.key in clips and one.clip is None else one
            for one in nodes
        ]

    async def _without_stale_rows(
        self, program: _Program, shown: Sequence[_Item], nodes: list[Node]
    ) -> list[Node]:
        """Nodes of which those show nowhere that are in rows that only look as if they showed.

        A list of GTK 4 tells the last place of a row that it has scrolled away, where another row
        is by now; who is there it tells rightly.
        """
        rows = {one.key: one for one in shown if one.role == "list item" and one.parent}
        if program.toolkit != "GTK" or len(rows) < 2:
            return nodes
        told = await self._places(list(rows), relative=True)
        places = {key: rect for key, rect in zip(rows, told, strict=True) if rect}
        over = overlapping([*places.values()])
        doubted = [key for key, other in zip(places, over, strict=True) if other]
        questions = [
            Question(
                rows[key].parent or key, _COMPONENT, "GetAccessibleAtPoint", "iiu",
                [places[key].centre.x, places[key].centre.y, _IN_WINDOW],
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
        for key, answer in zip(doubted, await self._ask(questions), strict=True):
            with suppress(*_UNTOLD):
                if row_of(_key(_returned(answer)[0])) != key:
                    stale.add(key)
        return [replace(one, clip=NOTHING) if row_of(one.key) in stale else one for one in nodes]

    async def _in_lists(
        self, program: _Program, nodes: list[Node], known: Mapping[Key, _Item]
    ) -> list[Node]:
        """Nodes with the whole of the open list that each is in.

        GTK 3 draws arrows over the ends of a menu that is longer than the screen; Chromium does not
        tell how far the list of a select has scrolled.
        """
        if program.toolkit not in ("gtk", "Chromium"):
            return nodes
        unscrolled = program.toolkit == "Chromium"
        above = await self._parents_of([one.key for one in nodes if one.role in _LISTED], known)
        if not above:
            return nodes
        holders = set(above.values())
        if unscrolled:  # a page's own menus have no window of their own
            around = await self._parents_of(list(holders), known)
            roles = await self._roles(set(around.values()), known)
            holders = {one for one, it in around.items() if roles.get(it) == "combo box"}
        else:
            roles = await self._roles(holders, known)
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
        told = await self._all_children(lists)
        ends = [kids[at] for kids in told for at in (0, -1) if kids]
        rects = dict(zip(ends, await self._places(ends, relative=False), strict=True))
        around = (
            (one, [rects[kids[0]], rects[kids[-1]]])
            for one, kids in zip(lists, told, strict=True)
            if kids
        )
        return {
            one: run for one, places in around if (run := Rect.around(it for it in places if it))
        }

    async def _parents_of(self, keys: Sequence[Key], known: Mapping[Key, _Item]) -> dict[Key, Key]:
        """What each of several objects is directly in, as it was read or is told now."""
        found = {key: one.parent for key in keys if (one := known.get(key)) and one.parent}
        missing = [one for one in keys if one not in found]
        told = await self._ask([_of(one, _ACCESSIBLE, "Parent") for one in missing])
        for one, answer in zip(missing, told, strict=True):
            with suppress(*_UNTOLD):
                found[one] = _key(_value(answer))
        return found

    async def _roles(self, keys: Collection[Key], known: Mapping[Key, _Item]) -> dict[Key, str]:
        missing = [one for one in keys if one not in known]
        told = [one for one in await self._items(missing) if one]
        return {one.key: one.role for one in (*told, *(known[key] for key in keys if key in known))}

    async def _rects(
        self, items: Sequence[_Item], nodes: Sequence[Node], *, relative: bool
    ) -> dict[Key, Rect]:
        known = {one.key: one.rect for one in nodes}
        asked = [one.key for one in items if one.key not in known]
        told = await self._places(asked, relative=relative)
        known |= {key: rect for key, rect in zip(asked, told, strict=True) if rect and rect.area}
        return {one.key: known[one.key] for one in items if one.key in known}

    async def _parents(self, shown: Sequence[_Item], holders: Iterable[Key]) -> dict[Key, Key]:
        """What each object is in, as it was read, or as holders tell."""
        found = {one.key: one.parent for one in shown if one.parent}
        if not found:
            around = [one.key for one in shown if one.role in _OWN_WINDOW]
            asked = list(dict.fromkeys([*holders, *around]))
            told = await self._all_children(asked)
            found = {child: one for one, kids in zip(asked, told, strict=True) for child in kids}
        return found

    async def _clipped_in_page(
        self, top: Key, nodes: Sequence[Node], holders: dict[Key, Rect], shown: Sequence[_Item]
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
        above = await self._above([one.key for one in few])
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

    async def _as_cut(self, node: Node, program: _Program) -> Node:
        """One node with the part of it that what it is in lets show."""
        relative = program.toolkit == "GTK"
        if program.name == _OFFICE:
            return node
        if not relative and "showing" not in node.states:
            return replace(node, clip=NOTHING)
        if program.toolkit in _BROWSERS:
            return (await self._in_lists(program, [node], {}))[0]
        kinds = _SCROLL_AREAS if program.toolkit in ("gtk", "GTK") else _WIDGETS
        clip, here = node.clip, node.key
        with suppress(*_UNTOLD):
            for _ in range(60):
                here = _key(await self._property(here, _ACCESSIBLE, "Parent"))
                item = await self._item(here)
                if item is None or item.role in _OWN_WINDOW or item.name == "GtkPopover":
                    break
                in_list = relative and item.role == "list"  # see `_without_stale_rows`
                there = node.rect.centre
                if in_list and not await self._is_at(here, there, node.key, (), _IN_WINDOW):
                    return replace(node, clip=NOTHING)
                rect = await self._extents(here, relative=relative) if item.role in kinds else None
                if rect and rect.area:
                    clip = rect if clip is None else clip.overlap(rect) or NOTHING
        return replace(node, clip=clip)

    async def _above(self, keys: Sequence[Key]) -> dict[Key, set[Key]]:
        """What holds each of several objects, as far as it is told."""
        parents: dict[Key, Key] = {}
        level = set(keys)
        for _ in range(60):
            asked = [one for one in level if one not in parents and one[1] not in (_NULL, _ROOT)]
            level = set[Key]()
            told = await self._ask([_of(one, _ACCESSIBLE, "Parent") for one in asked])
            for one, answer in zip(asked, told, strict=True):
                with suppress(*_UNTOLD):
                    parents[one] = _key(_value(answer))
                    level.add(parents[one])
        found: dict[Key, set[Key]] = {}
        for key in keys:
            here, held = parents.get(key), set[Key]()
            while here is not None and here not in held:
                held.add(here)
                here = parents.get(here)
            found[key] = held
        return found

    async def _is_at(
        self, top: Key, point: Point, key: Key, above: Collection[Key], kind: int = _ON_SCREEN
    ) -> bool:
        """Whether an object, or something in it, shows at a point; what holds it does not count."""
        with suppress(*_UNTOLD):
            under = await self._deepest(top, point, kind)
            for _ in range(60):
                if under == key:
                    return True
                if under in above or under[1] in (_NULL, _ROOT):
                    return False
                under = _key(await self._property(under, _ACCESSIBLE, "Parent"))
        return False

    async def _texts(self, items: Sequence[_Item], words: bool) -> list[str | None]:
        """The texts of fields and the values of sliders, cut to a size; None for all others."""
        values = [at for at, one in enumerate(items) if one.role in _VALUES]
        fields = [
            at
            for at, one in enumerate(items)
            if one.role == "spin button" or (one.role not in _VALUES and _tells(one, words))
        ]
        counts = [_of(items[at].key, _TEXT, "CharacterCount") for at in fields]
        told = await self._ask(
            [*(_of(items[at].key, _VALUE, "CurrentValue") for at in values), *counts]
        )
        found: list[str | None] = [None] * len(items)
        for at, answer in zip(values, told, strict=False):
            with suppress(*_UNTOLD):
                found[at] = f"{_value(answer):g}"
        sizes: dict[int, int] = {}
        for at, answer in zip(fields, told[len(values) :], strict=True):
            with suppress(*_UNTOLD):
                sizes[at] = int(_value(answer))
        asked = [
            Question(items[at].key, _TEXT, "GetText", "ii", [0, min(size, _LONGEST)])
            for at, size in sizes.items()
        ]
        for (at, size), answer in zip(sizes.items(), await self._ask(asked), strict=True):
            with suppress(*_UNTOLD):
                (said,) = _returned(answer)
                text = _PADDED.sub(r"\1", str(said)).replace("\ufffc", "")
                text += "…" if size > _LONGEST else ""
                if items[at].role == "spin button":
                    found[at] = text if _is_no_number(text, found[at]) else found[at]
                else:
                    found[at] = text if text.strip() or _is_field(items[at]) else None
        return found

    async def _label(self, key: Key) -> str:
        """The name of what labels an object that has none of its own, or its description."""
        with suppress(*_UNTOLD):
            (relations,) = await self._call(key, _ACCESSIBLE, "GetRelationSet")
            for kind, targets in relations:
                if kind == _LABELLED_BY and targets:
                    return _clean(str(await self._property(_key(targets[0]), _ACCESSIBLE, "Name")))
        with suppress(*_UNTOLD):
            return _clean(str(await self._property(key, _ACCESSIBLE, "Description")))
        return ""

    async def _choices(self, key: Key, depth: int) -> list[Choice]:
        """What can be chosen below an object, in order."""
        keys = await self._children(key)
        items = await self._items(keys[:_MOST_NODES])
        found: list[Choice] = []
        for item in items:
            if item is None:
                raise Silent("a choice of it is not told")
            if item.role in CHOICES:
                name = _clean(item.name) or await self._written(item.key)
                found.append(Choice(item.key, name, "sensitive" in item.states))
            elif depth < _DEEP_CHOICES and item.role != "combo box":
                found += await self._choices(item.key, depth + 1)
        return found

    async def _written(self, key: Key) -> str:
        """What the first label in an item of GTK 4 says."""
        for item in await self._walk(key, "visible"):
            if item.role == "label" and item.name:
                return _clean(item.name)
        return ""

    async def _chosen(self, combo: Key) -> str:
        """What is selected in a combo box or in the list it opens, or is written on it."""
        for key in (combo, *(await self._children(combo))[:1]):
            with suppress(*_UNTOLD):
                (child,) = await self._call(key, _A11Y + "Selection", "GetSelectedChild", "i", [0])
                if child[1] != _NULL:
                    return _clean(str(await self._property(_key(child), _ACCESSIBLE, "Name")))
        for item in await self._walk(combo, "visible"):
            rect = await self._extents(item.key, relative=True)
            if item.role == "label" and not item.popover and rect and rect.width:
                return _clean(item.name)
        return ""

    async def _extents(self, key: Key, *, relative: bool) -> Rect | None:
        return (await self._places([key], relative=relative))[0]

    async def _places(self, keys: Sequence[Key], *, relative: bool) -> list[Rect | None]:
        """Where several objects are; None for each that does not say."""
        body = [_IN_WINDOW if relative else _ON_SCREEN]
        asked = [Question(key, _COMPONENT, "GetExtents", "u", body) for key in keys]
        return [_rect(one) for one in await self._ask(asked)]

    async def _office(self, top: Key, nodes: Sequence[Node]) -> list[Node]:
        """LibreOffice's nodes, its own told by their pane, with the menus that GTK draws for it."""

        async def by_gtk(node: Node) -> bool:
            with suppress(*_UNTOLD):
                (told,) = await self._call(node.key, _ACCESSIBLE, "GetAttributes")
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
            walked = await self._walk(top, "showing", without="root pane")
            menus = await self._made([one for one in walked if one.role == "menu"], False, False)
        own = [
            one
            for one in nodes
            if (one.key not in gtk or one.cell)
            and one.role not in ("menu", "menu bar", "root pane")
        ]
        others = [one for one in nodes if one.key in gtk and not one.cell]
        return [*menus, *others, *(_told_by(one, pane.key, pane.rect) for one in own)]

    async def _cells(self, table: Key) -> list[Node]:
        """The cells in view of a table that does not list them."""
        rect = await self._extents(table, relative=False)
        if rect is None:
            return []
        rows, columns = await asyncio.gather(
            self._property(table, _TABLE, "NRows"), self._property(table, _TABLE, "NColumns")
        )
        if 0 <= rows * columns <= _FEW_CELLS:  # GTK has no cell where rows do not fill the view
            (top, left), (bottom, right) = (0, 0), (rows - 1, columns - 1)
        else:
            (top, left), (bottom, right) = [
                await self._cell_at(table, x, y)
                for x, y in ((rect.x + 3, rect.y + 3), (rect.right - 3, rect.bottom - 3))
            ]
        grid = [
            (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
        ][:_MOST_CELLS]
        made = await asyncio.gather(*(self._cell(table, one) for one in grid))
        return [one for one in made if one and one.rect.overlap(rect)]

    async def _cell_at(self, table: Key, x: int, y: int) -> tuple[int, int]:
        (found,) = await self._call(
            table, _COMPONENT, "GetAccessibleAtPoint", "iiu", [x, y, _ON_SCREEN]
        )
        (index,) = await self._call(_key(found), _ACCESSIBLE, "GetIndexInParent")
        (row,) = await self._call(table, _TABLE, "GetRowAtIndex", "i", [index])
        (column,) = await self._call(table, _TABLE, "GetColumnAtIndex", "i", [index])
        return row, column

    async def _cell(self, table: Key, place: tuple[int, int]) -> Node | None:
        with suppress(*_UNTOLD):
            (found,) = await self._call(table, _TABLE, "GetAccessibleAt", "ii", list(place))
            key = _key(found)
            name, text, rect = await asyncio.gather(
                self._property(key, _ACCESSIBLE, "Name"),
                self._cell_text(key),
                self._extents(key, relative=False),
            )
            if rect and rect.width > 0:
                name = _clean(str(name))
                if not name or name == _clean(text):  # GTK's cells are called what they hold
                    parts = [] if name or text else await self._children(key)
                    names = [self._property(one, _ACCESSIBLE, "Name") for one in parts[:8]]
                    said = " ".join(str(one) for one in await asyncio.gather(*names))
                    name, text = _clean(name or text or said), None
                states = frozenset(("enabled", "sensitive", "showing", "focusable"))
                return Node(table, "table cell", name, states, rect, text, place)
        return None

    async def _cell_text(self, cell: Key) -> str:
        with suppress(*_UNTOLD):
            (text,) = await self._call(cell, _TEXT, "GetText", "ii", [0, -1])
            return _cut(str(text))
        return ""

    async def _again(self, node: Node) -> Node:
        if node.cell:
            now = await self._cell(node.key, node.cell)
        else:
            programs = await self._all_programs()
            program = next((one for one in programs if one.bus == node.key[0]), None)
            item = await self._item(node.key) if program else None
            if program is None or item is None:
                raise Silent("it is gone")
            now = await self._node(item, program.toolkit == "GTK", program.toolkit == "Gecko")
            now = now and await self._as_cut(now, program)
        if now is None:
            raise Silent("it is not shown")
        if node.pane:
            pane = await self._extents(node.pane, relative=False)
            return _told_by(now, node.pane, pane or Rect(0, 0, 0, 0))
        return now

    async def _place(self, node: Node) -> Node | None:
        program = self._programs.get(node.key[0])
        if program is None:
            programs = await self._all_programs()
            program = next((one for one in programs if one.bus == node.key[0]), None)
        if program is None or not program.toolkit:
            raise Silent("its program is not on the bus")
        try:
            (words,) = await self._call(node.key, _ACCESSIBLE, "GetState")
        except Silent as why:
            if any(one in str(why) for one in _NOT_THERE):
                raise Gone(str(why)) from why
            raise
        states = _states(words)
        if "defunct" in states:
            raise Gone("it is defunct")
        relative = program.toolkit == "GTK"
        if not {"showing", "visible" if relative else "showing"} & states:  # GTK 4 has no showing
            return None
        rect = await self._extents(node.key, relative=relative)
        if rect is None:
            raise Silent("it does not say where it is")
        now = replace(node, states=states, rect=rect)
        if node.pane:
            pane = await self._extents(node.pane, relative=False)
            return _told_by(now, node.pane, pane or Rect(0, 0, 0, 0))
        return now

    async def _focused(self, pid: int) -> list[tuple[Key, Node]]:
        found: list[tuple[Key, Node]] = []
        for program in await self._all_programs():
            if program.pid == pid:
                relative = program.toolkit == "GTK"
                tops = await self._children(program.root)
                cached = await self._cache(program) if program.name == _OFFICE else None
                for top in tops:
                    items = await self._focused_in(top, tops, cached, relative)
                    nodes = await self._made(items[:8], relative, False)
                    found += [(top, one) for one in nodes]
        return found

    async def _focused_in(
        self,
        top: Key,
        tops: Sequence[Key],
        cached: dict[Key, _Item] | None,
        relative: bool,
    ) -> Sequence[_Item]:
        if cached is not None:
            shown = _showing(top, tops, cached)
            if not any("focused" in one.states and one.role not in _TEXTS for one in shown):
                shown += await self._documents(shown)
        elif relative:
            shown = await self._walk(top, "visible")
        else:
            try:
                (keys,) = await self._call(
                    top, _A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib",
                    [_all_of(_FOCUSED), 1, 8, True],
                )  # fmt: skip
                return [one for one in await self._items([_key(key) for key in keys]) if one]
            except _UNTOLD:  # Qt 5 and early Qt 6 have no Collection
                shown = await self._walk(top, "showing")
        return [one for one in shown if "focused" in one.states]

    async def _form(self, key: Key) -> list[Node] | None:
        for _ in range(60):
            if key[1] in (_NULL, _ROOT):
                return None
            role, parent = await asyncio.gather(
                self._call(key, _ACCESSIBLE, "GetRole"),
                self._property(key, _ACCESSIBLE, "Parent"),
            )
            name = _role(int(role[0]))
            if name == "form":
                return await self._in_form(key)
            if name in ("document web", "frame"):
                return None
            key = _key(parent)
        return None

    async def _in_form(self, form: Key) -> list[Node]:
        """The buttons and fields of a form, whether they are in view or not."""
        bits = [0] * 5  # ROLES, 32 a number
        for name in _OF_FORMS:
            place = ROLES.index(name)
            bits[place // 32] |= 1 << place % 32
        signed = [one - (1 << 32) if one >> 31 else one for one in bits]
        rule: list[Any] = [[0, 0], 1, {}, 1, signed, 2, [], 1, False]
        (keys,) = await self._call(
            form, _A11Y + "Collection", "GetMatches", "(aiia{ss}iaiiasib)uib", [rule, 1, 100, True]
        )
        items = await self._items([_key(key) for key in keys])
        return [
            Node(one.key, one.role, _clean(one.name), one.states, Rect(0, 0, 0, 0))
            for one in items
            if one
        ]

    async def _at(self, top: Key, point: Point, *, page: bool = False) -> list[Node]:
        programs = await self._all_programs()
        program = next((one for one in programs if one.bus == top[0]), None)
        if program is None or program.name == _OFFICE:  # which has two ways of counting
            return []
        relative = program.toolkit == "GTK"
        kind = _IN_WINDOW if relative else _ON_SCREEN
        chain: list[Node] = []
        here = await self._deepest(top, point, kind)
        while here != top and here[1] not in (_NULL, _ROOT) and len(chain) < 60:
            item, rect, parent = await asyncio.gather(
                self._item(here),
                self._extents(here, relative=relative),
                self._property(here, _ACCESSIBLE, "Parent"),
            )
            if item is None:
                break
            chain.append(
                Node(here, item.role, _clean(item.name), item.states, rect or Rect(0, 0, 0, 0))
            )
            if page and item.role == "document web":
                break
            here = _key(parent)
        return chain

    async def _deepest(self, top: Key, point: Point, kind: int) -> Key:
        """The innermost object under a point, as its program knows it by now."""
        here, seen = top, {top}
        for _ in range(60):
            (found,) = await self._call(
                here, _COMPONENT, "GetAccessibleAtPoint", "iiu", [point.x, point.y, kind]
            )
            under = _key(found)
            if under[1] == _NULL or under in seen:
                break
            seen.add(under)
            here = under
        return here

    async def _place_of(self, key: Key, asked: str) -> tuple[int, tuple[int, int]]:
        """Where the middle of some words is in a text, and their ends, as its program counts."""
        count = await self._property(key, _TEXT, "CharacterCount")
        (text,) = await self._call(key, _TEXT, "GetText", "ii", [0, min(count, _LONGEST)])
        found = place_of(asked, str(text))
        if found is None:
            raise Silent("it does not have these words")
        start, end = found
        middle = min(
            range(start, end), key=lambda at: (text[at].isspace(), abs(2 * at - start - end))
        )
        ends = [start, end, middle]
        if count == _units(str(text)) != len(text):
            ends = [_units(text[:one]) for one in ends]
        return ends[2], (ends[0], ends[1])

    async def _words(self, key: Key, asked: str) -> Rect | None:
        program = self._programs.get(key[0])
        kind = _IN_WINDOW if program and program.toolkit == "GTK" else _ON_SCREEN
        middle, ends = await self._place_of(key, asked)
        while True:
            whole, one, own = await asyncio.gather(
                self._call(key, _TEXT, "GetRangeExtents", "iiu", [*ends, kind]),
                self._call(key, _TEXT, "GetCharacterExtents", "iu", [middle, kind]),
                self._extents(key, relative=kind == _IN_WINDOW),
            )
            if own is None:
                return None
            if one[2] > 0 and one[3] > 0:
                break
            await asyncio.sleep(_LOOKED)  # Firefox does not know at first, and looks
        on_one_line = whole[3] < 1.6 * one[3] and whole[2] > 0
        x, y, width, height = whole if on_one_line else one
        return Rect(x - own.x, y - own.y, width, height)

    async def _contents(self, node: Node, longest: int) -> Contents:
        key = node.key
        count = await self._property(key, _TEXT, "CharacterCount")
        if count > longest:
            raise Silent(f"it holds {count} characters")
        (text,), caret, (selections,) = await asyncio.gather(
            self._call(key, _TEXT, "GetText", "ii", [0, count]),  # GTK 4 knows no -1
            self._property(key, _TEXT, "CaretOffset"),
            self._call(key, _TEXT, "GetNSelections"),
        )
        if _EMBEDDED in text:
            lines = await self._lines(key, str(text), [longest])
            return Contents("\n".join(lines), -1, None, wide=False, rich=True)
        selection = None
        if selections:
            start, end = await self._call(key, _TEXT, "GetSelection", "i", [0])
            selection = (min(start, end), max(start, end)) if start != end else None
        text = _PADDED.sub(r"\1", str(text))
        wide = count != len(text)
        if wide and count != _units(text):  # Firefox leaves out marks of direction
            raise Silent("it holds characters that it does not tell of")
        if wide:
            caret = _characters(text, caret)
            selection = selection and (
                _characters(text, selection[0]), _characters(text, selection[1])
            )  # fmt: skip
        return Contents(text, int(caret), selection, wide)

    async def _lines(self, key: Key, text: str, left: list[int]) -> list[str]:
        """The lines of what is made of blocks, each of which stands for one character of its text.

        Raises:
            Silent: There is more in it than lines of text, or more than is left to be read.
        """
        kids = await self._items(await self._children(key))
        items = [one for one in kids if one and one.role != "static"]
        if len(items) != text.count(_EMBEDDED):
            raise Silent("it holds more than text")
        lines = [""]
        fresh = True  # whether the last line is one to begin
        for piece in re.split(f"({_EMBEDDED})", text):
            if piece == _EMBEDDED:
                item = items.pop(0)
                inner = await self._block(item, left)
                lines = [*lines[:-1], *inner] if fresh and not lines[-1] else [*lines, *inner]
                lines.append("")
                fresh = True
            elif piece:
                first, *more = piece.split("\n")
                lines = [*lines[:-1], lines[-1] + first, *more]
                fresh = False
        return lines[:-1] if fresh else lines

    async def _block(self, item: _Item, left: list[int]) -> list[str]:
        if item.role not in _BLOCKS:
            raise Silent(f"it holds a {item.role}")
        count = int(await self._property(item.key, _TEXT, "CharacterCount"))
        left[0] -= count + 1
        if left[0] < 0:
            raise Silent("it holds too much")
        (text,) = await self._call(item.key, _TEXT, "GetText", "ii", [0, count])
        if _EMBEDDED in text:
            return await self._lines(item.key, str(text), left)
        # An empty line is a line break that a browser does not count.
        return _PADDED.sub(r"\1", str(text)).removesuffix("\n").split("\n")


@contextmanager
def _but_slow() -> Generator[None]:
    """A program that says nothing has nothing; one that does not answer may have anything."""
    try:
        yield
    except Slow:
        raise
    except Silent as why:
        logger.debug("nothing told: %s", why)


def _units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _characters(text: str, units: int) -> int:
    """How many characters some UTF-16 units are."""
    wide = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return len(wide.decode("utf-16-le", "ignore"))


def _told_by(node: Node, pane: Key, rect: Rect) -> Node:
    return replace(node, rect=replace(node.rect, y=node.rect.y - rect.bottom), pane=pane)


def _holds_commands(part: _Part, program: _Program) -> bool:
    """Whether commands are looked for in it: not in what a window shows, such as a sheet."""
    role = part.item.role
    if part.leaf:
        return False
    if role in _MENU_PARTS:
        return role != "menu bar" or "showing" in part.item.states or program.name != _OFFICE
    if program.toolkit == "Qt":  # whose buttons have shortcuts, too
        return role not in _SHOWN_IN and part.item.children <= _FEW_CELLS
    return role in _HOLD_BARS


def _all_of(states: int) -> list[Any]:
    """A rule of Collection.GetMatches: objects with all of some states."""
    return [[states, 0], 1, {}, 1, [], 1, [], 1, False]


def _cached(item: Sequence[Any]) -> _Item:
    """One item of Cache.GetItems: (so)(so)(so)iiassusau, as at-spi2-core 2.36 and newer give it."""
    key, _, parent, _, children, interfaces, name, role, _, states = item
    return _Item(
        _key(key), _role(role), str(name), _states(states), frozenset(interfaces), _key(parent),
        int(children),
    )  # fmt: skip


def _showing(top: Key, tops: Sequence[Key], items: dict[Key, _Item]) -> list[_Item]:
    """The items that show in one of several windows; the first has those that belong to none.

    LibreOffice leaves out of its cache what lies between a window and its sheet.
    """

    def home(item: _Item) -> Key:
        here: _Item | None = item
        for _ in range(60):
            if here is None or here.key in tops:
                break
            here = items.get(here.parent) if here.parent else None
        return here.key if here and here.key in tops else tops[0]

    return [one for one in items.values() if "showing" in one.states and home(one) == top]


def _below(root: _Item) -> Iterable[_Item]:
    stack, seen = [root], set[Key]()
    while stack:
        item = stack.pop()
        if item.key in seen:
            continue
        seen.add(item.key)
        yield item
        stack += reversed(item.kids)


def _manages_too_many(item: _Item) -> bool:
    many = item.children < 0 or item.children > _HUGE
    tables = item.interfaces is not None and _TABLE in item.interfaces
    return many and tables and "manages descendants" in item.states


def _written_in(item: _Item, program: _Program) -> bool:
    """Whether it is a part of a page, of any role, that its reader may write in."""
    editable = {"editable", "focusable"} <= item.states  # what is in it is only editable
    return item.role in _LAYOUT and editable and program.toolkit in _BROWSERS


def _is_field(item: _Item) -> bool:
    return item.role in FIELDS or "editable" in item.states


def _tells(item: _Item, words: bool) -> bool:
    """Whether it may hold a text that is not its name."""
    wordy = words and not item.name and item.role in _WORDS
    return (_is_field(item) or wordy) and item.role != "password text" and _may_have_text(item)


def _may_have_text(item: _Item) -> bool:
    return item.interfaces is None or _TEXT in item.interfaces


def _of(where: Key, interface: str, name: str) -> Question:
    """What a property is."""
    return Question(where, _PROPERTIES, "Get", "ss", [interface, name])


def _is_no_number(text: str, value: str | None) -> bool:
    """Whether a spin button holds something else, such as a date: Qt tells 0 as its value then."""
    return value == "0" and bool(re.search(r"[1-9]|\d:\d", text))


def _value(answer: Answer) -> Any:
    (found,) = _returned(answer)
    return found.value


def _returned(answer: Answer) -> list[Any]:
    """What a method returned.

    Raises:
        Silent: It did not.
    """
    if isinstance(answer, Silent):
        raise answer
    return answer


def _described(key: Key, role: Answer, states: Answer, name: Answer) -> _Item | None:
    with suppress(*_UNTOLD):
        (number,), (words,) = _returned(role), _returned(states)
        return _Item(key, _role(number), str(_value(name)), _states(words), None)
    return None


def _rect(answer: Answer) -> Rect | None:
    """What GetExtents told; None if that is no place."""
    with suppress(*_UNTOLD):
        ((x, y, width, height),) = _returned(answer)
        if abs(x) < 1 << 15 and abs(y) < 1 << 15:  # GTK says -2147483648 of hidden menu items
            return Rect(int(x), int(y), int(width), int(height))
    return None


def _key(found: Sequence[str]) -> Key:
    return found[0], found[1]


def _keys(found: Sequence[Any]) -> list[Key]:
    """The objects of a list, without what names none."""
    return [
        (str(one[0]), str(one[1]))
        for one in found
        if len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], str)
    ]


def _role(number: int) -> str:
    return ROLES[number] if 0 <= number < len(ROLES) else "unknown"


def _states(words: Sequence[int]) -> frozenset[str]:
    return _states_of(words[0] | (words[1] << 32 if len(words) > 1 else 0))


@lru_cache(1024)
def _states_of(bits: int) -> frozenset[str]:
    return frozenset(name for place, name in enumerate(STATES) if bits >> place & 1)


def _clean(name: str) -> str:
    """A name on one line, cut to a size."""
    return _cut(" ".join(name.replace("\ufffc", " ").split()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _label(name: str, role: str) -> str:
    """What is written on something of Qt's, which gives the source of rich text and tool tips."""
    if _RICH.match(name):
        name = html.unescape(_TAGS.sub(" ", _UNSEEN.sub(" ", name)))
    if role in _CONTROLS:  # its tool tip, whose first line says what it is
        name = next((line for line in name.splitlines() if line.strip()), "")
    return name

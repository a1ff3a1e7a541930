"""The keys that menus and buttons say press them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from .bus import Key, Question
from .connection import Connection, Program
from .objects import Item, Objects
from .protocol import (
    A11Y,
    FEW_CELLS,
    ITEMS,
    MENU_PARTS,
    MOST_NODES,
    UNTOLD,
    clean,
    returned,
)

_PRESSED = {"menu", *ITEMS, "button", "toggle button", "check box", "radio button"}
_HOLD_BARS = {"filler", "panel", "root pane", "layered pane", "section", "grouping", "unknown"}
_SHOWN_IN = {"list", "table", "tree", "tree table", "text", "entry", "document frame", "terminal"}


@dataclass(frozen=True, slots=True)
class Command:
    """A menu item or button, in view or not, and the keys that its program says press it."""

    key: Key
    role: str
    name: str
    keys: str
    """As the toolkit writes them: "c;<Alt>e:c;<Primary>x" of GTK, "Ctrl+X" of Qt."""


@dataclass(slots=True)
class _Part:
    """A part of a menu, or of what holds one, that is not asked again for what stays the same."""

    item: Item
    keys: str = ""
    leaf: bool = False


class Commands:
    """Reads the commands of windows, and remembers what stays the same."""

    def __init__(self, bus: Connection, objects: Objects) -> None:
        self._bus = bus
        self._objects = objects
        self._parts: dict[str, dict[Key, _Part]] = {}
        """What is known of menus, by the program's name on the bus."""

    async def commands(self, pid: int) -> list[Command]:
        found: list[Command] = []
        programs = await self._bus.programs()
        for gone in self._parts.keys() - {one.bus for one in programs}:
            del self._parts[gone]
        for program in programs:
            if program.pid == pid and program.toolkit.tells_keys:
                tops = await self._objects.children(program.root)
                items = [one for one in await self._objects.items(tops) if one]
                active = [one for one in items if "active" in one.states]
                for top in active or items:
                    found += await self._commands_in(program, top)
        return found

    async def _commands_in(self, program: Program, top: Item) -> list[Command]:
        """The commands of a window. Only what holds others is asked again for what it holds."""
        known = self._parts.setdefault(program.bus, {})
        cached = {} if known else await self._objects.cache(program)
        level, seen = [_Part(top)], {top.key}
        found: list[_Part] = []
        while level and len(seen) < MOST_NODES:
            told = await self._objects.all_children([one.item.key for one in level])
            for one, keys in zip(level, told, strict=True):
                one.leaf = not keys
            fresh = dict.fromkeys(key for keys in told for key in keys if key not in seen)
            seen.update(fresh)
            parts = await self._known_parts(known, cached, list(fresh))
            found += parts
            level = [one for one in parts if _holds_commands(one, program)]
        return [
            Command(one.item.key, one.item.role, clean(one.item.name), one.keys)
            for one in found
            if one.keys and one.item.name.strip()
        ]

    async def _known_parts(
        self, known: dict[Key, _Part], cached: dict[Key, Item], keys: Sequence[Key]
    ) -> list[_Part]:
        for key in keys:
            if key not in known and key in cached:
                known[key] = _Part(cached[key], leaf=not cached[key].children)
        missing = [key for key in keys if key not in known]
        for key, item in zip(missing, await self._objects.items(missing), strict=True):
            if item:
                known[key] = _Part(item)
        parts = [known[key] for key in keys if key in known]
        # GTK tells the keys of an item only while it is enabled.
        asked = [one for one in parts if not one.keys and one.item.role in _PRESSED]
        questions = [
            Question(one.item.key, A11Y + "Action", "GetKeyBinding", "i", [0]) for one in asked
        ]
        for one, answer in zip(asked, await self._bus.ask(questions), strict=True):
            with suppress(*UNTOLD):
                one.keys = str(returned(answer)[0])
        return parts


def _holds_commands(part: _Part, program: Program) -> bool:
    """Whether commands are looked for in it: not in what a window shows, such as a sheet."""
    role = part.item.role
    if part.leaf:
        return False
    if role in MENU_PARTS:
        return role != "menu bar" or "showing" in part.item.states or not program.toolkit.has_sheets
    if program.toolkit.buttons_have_keys:  # whose buttons have shortcuts, too
        return role not in _SHOWN_IN and part.item.children <= FEW_CELLS
    return role in _HOLD_BARS

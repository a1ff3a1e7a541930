"""Nodes out of objects: names, texts and places."""

import asyncio
import html
import re
from collections.abc import Sequence
from contextlib import suppress

from ...geometry import Rect
from .bus import Key, Question
from .connection import Connection, Program
from .nodes import Node
from .objects import Item, Objects
from .protocol import (
    A11Y,
    ACCESSIBLE,
    LABELLED_BY,
    LAYOUT,
    LONGEST,
    NULL,
    PADDED,
    TEXT,
    UNTOLD,
    VALUE,
    clean,
    key_of,
    property_of,
    returned,
    value_of,
)

# What Qt takes for rich text, and what of it is not shown.
_RICH = re.compile(
    r"\s*(<!doctype\b|<\?xml|<(html|head|body|qt|p|b|i|u|s|a|h[1-6]|br|hr|div|span|font|center|table"
    r"|ul|ol|li|img|em|strong|small|big|sub|sup|pre|code|tt|nobr)\b[^>]*>)", re.IGNORECASE,
)  # fmt: skip
_UNSEEN = re.compile(r"<(head|style|script)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[!/?]?[a-z][^>]*>", re.IGNORECASE)
FIELDS = {"entry", "text", "spin button", "combo box", "terminal", "autocomplete", "date editor"}
_VALUES = {"slider", "spin button", "progress bar", "level bar", "dial", "rating"}
_WORDS = {
    "paragraph", "section", "heading", "list item", "table cell", "block quote", "static", "form",
    "article", "caption", "definition", "description term", "description value", "footer", "header",
    "landmark", "log", "status bar", "comment", "grouping", "alert", "notification", "text", "link",
    "label",
}  # fmt: skip
_NEED_NAMES = {
    "entry", "text", "password text", "spin button", "combo box", "slider", "button",
    "toggle button", "check box", "radio button", "icon", "switch", "menu item", "image",
}  # fmt: skip
_CONTROLS = {"button", "toggle button", "check box", "radio button", "combo box", "slider"}


class NodeMaker:
    """Gives objects their names, texts and places."""

    def __init__(self, bus: Connection, objects: Objects) -> None:
        self._bus = bus
        self._objects = objects

    async def nodes(self, program: Program, shown: Sequence[Item], relative: bool) -> list[Node]:
        # They have no nodes for the text itself.
        toolkit = program.toolkit
        asked = [
            one
            for one in shown
            if one.name.strip()
            or one.role not in LAYOUT
            or toolkit.text_in_blocks
            or _written_in(one, program)
            or (toolkit.has_sheets and one.role in _WORDS and _may_have_text(one))
        ]
        words = toolkit.text_in_blocks or toolkit.has_sheets
        return await self.made(asked, relative, words)

    async def node(self, item: Item, relative: bool, words: bool) -> Node | None:
        return next(iter(await self.made([item], relative, words)), None)

    async def made(self, items: Sequence[Item], relative: bool, words: bool) -> list[Node]:
        """The nodes of several objects; what is in no place and what says nothing has none."""
        rects = await self._objects.places([one.key for one in items], relative=relative)
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

    def _name(self, item: Item, relative: bool) -> str:
        program = self._bus.known.get(item.key[0])
        in_qt = program is not None and program.toolkit.names_are_rich
        name = clean(_label(item.name, item.role) if in_qt else item.name)
        if relative and name.startswith("Gtk") and name[3:4].isupper():
            return ""  # GTK 4 gives the name of its class when it has none
        return name

    async def _named_by(self, item: Item, name: str, text: str | None) -> tuple[str, str | None]:
        """The name and text of what lacks one of them."""
        with suppress(*UNTOLD):
            if item.role == "combo box" and not text:
                label, chosen = await asyncio.gather(self._label(item.key), self._chosen(item.key))
                return label or name, chosen or (name if label and label not in name else None)
            return await self._label(item.key), text
        return name, text

    def _as_node(self, placed: tuple[Item, Rect], name: str, text: str | None) -> Node | None:
        item, rect = placed
        program = self._bus.known.get(item.key[0])
        typed_into = item.role == "text" and "editable" in item.states  # GTK, Qt
        typed_into = typed_into or (program is not None and _written_in(item, program))
        if item.role in LAYOUT and not name and not text and not typed_into:
            return None
        role = "entry" if typed_into else item.role
        return Node(item.key, role, name, item.states, rect, text, popover=item.popover)

    async def _texts(self, items: Sequence[Item], words: bool) -> list[str | None]:
        """The texts of fields and the values of sliders, cut to a size; None for all others."""
        values = [at for at, one in enumerate(items) if one.role in _VALUES]
        fields = [
            at
            for at, one in enumerate(items)
            if one.role == "spin button" or (one.role not in _VALUES and _tells(one, words))
        ]
        counts = [property_of(items[at].key, TEXT, "CharacterCount") for at in fields]
        told = await self._bus.ask(
            [*(property_of(items[at].key, VALUE, "CurrentValue") for at in values), *counts]
        )
        found: list[str | None] = [None] * len(items)
        for at, answer in zip(values, told, strict=False):
            with suppress(*UNTOLD):
                found[at] = f"{value_of(answer):g}"
        sizes: dict[int, int] = {}
        for at, answer in zip(fields, told[len(values) :], strict=True):
            with suppress(*UNTOLD):
                sizes[at] = int(value_of(answer))
        asked = [
            Question(items[at].key, TEXT, "GetText", "ii", [0, min(size, LONGEST)])
            for at, size in sizes.items()
        ]
        for (at, size), answer in zip(sizes.items(), await self._bus.ask(asked), strict=True):
            with suppress(*UNTOLD):
                (said,) = returned(answer)
                text = PADDED.sub(r"\1", str(said)).replace("\ufffc", "")
                text += "…" if size > LONGEST else ""
                if items[at].role == "spin button":
                    found[at] = text if _is_no_number(text, found[at]) else found[at]
                else:
                    found[at] = text if text.strip() or _is_field(items[at]) else None
        return found

    async def _label(self, key: Key) -> str:
        """The name of what labels an object that has none of its own, or its description."""
        with suppress(*UNTOLD):
            (relations,) = await self._bus.call(key, ACCESSIBLE, "GetRelationSet")
            for kind, targets in relations:
                if kind == LABELLED_BY and targets:
                    return clean(
                        str(await self._bus.property(key_of(targets[0]), ACCESSIBLE, "Name"))
                    )
        with suppress(*UNTOLD):
            return clean(str(await self._bus.property(key, ACCESSIBLE, "Description")))
        return ""

    async def written(self, key: Key) -> str:
        """What the first label in an item of GTK 4 says."""
        for item in await self._objects.walk(key, "visible"):
            if item.role == "label" and item.name:
                return clean(item.name)
        return ""

    async def _chosen(self, combo: Key) -> str:
        """What is selected in a combo box or in the list it opens, or is written on it."""
        for key in (combo, *(await self._objects.children(combo))[:1]):
            with suppress(*UNTOLD):
                (child,) = await self._bus.call(
                    key, A11Y + "Selection", "GetSelectedChild", "i", [0]
                )
                if child[1] != NULL:
                    return clean(str(await self._bus.property(key_of(child), ACCESSIBLE, "Name")))
        for item in await self._objects.walk(combo, "visible"):
            rect = await self._objects.extents(item.key, relative=True)
            if item.role == "label" and not item.popover and rect and rect.width:
                return clean(item.name)
        return ""


def _written_in(item: Item, program: Program) -> bool:
    """Whether it is a part of a page, of any role, that its reader may write in."""
    editable = {"editable", "focusable"} <= item.states  # what is in it is only editable
    return item.role in LAYOUT and editable and program.toolkit.shows_pages


def _is_field(item: Item) -> bool:
    return item.role in FIELDS or "editable" in item.states


def _tells(item: Item, words: bool) -> bool:
    """Whether it may hold a text that is not its name."""
    wordy = words and not item.name and item.role in _WORDS
    return (_is_field(item) or wordy) and item.role != "password text" and _may_have_text(item)


def _may_have_text(item: Item) -> bool:
    return item.interfaces is None or TEXT in item.interfaces


def _is_no_number(text: str, value: str | None) -> bool:
    """Whether a spin button holds something else, such as a date: Qt tells 0 as its value then."""
    return value == "0" and bool(re.search(r"[1-9]|\d:\d", text))


def _label(name: str, role: str) -> str:
    """What is written on something of Qt's, which gives the source of rich text and tool tips."""
    if _RICH.match(name):
        name = html.unescape(_TAGS.sub(" ", _UNSEEN.sub(" ", name)))
    if role in _CONTROLS:  # its tool tip, whose first line says what it is
        name = next((line for line in name.splitlines() if line.strip()), "")
    return name

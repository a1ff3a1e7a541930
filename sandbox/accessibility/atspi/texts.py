"""Texts of fields: what they hold, and where words are."""

import asyncio
import re

from ...geometry import Rect
from .bus import Key, Silent
from .connection import Connection
from .nodes import Contents, Node
from .objects import Item, Objects
from .protocol import IN_WINDOW, LONGEST, LOOKED, ON_SCREEN, PADDED, TEXT, utf16_units
from .text_match import place_of

_EMBEDDED = "\ufffc"  # stands for an object in a text
_BLOCKS = {"paragraph", "section", "heading", "block quote", "article"}


class Texts:
    """Reads texts."""

    def __init__(self, bus: Connection, objects: Objects) -> None:
        self._bus = bus
        self._objects = objects

    async def place_of(self, key: Key, asked: str) -> tuple[int, tuple[int, int]]:
        """Where the middle of some words is in a text, and their ends, as its program counts."""
        count = await self._bus.property(key, TEXT, "CharacterCount")
        (text,) = await self._bus.call(key, TEXT, "GetText", "ii", [0, min(count, LONGEST)])
        found = place_of(asked, str(text))
        if found is None:
            raise Silent("it does not have these words")
        start, end = found
        middle = min(
            range(start, end), key=lambda at: (text[at].isspace(), abs(2 * at - start - end))
        )
        ends = [start, end, middle]
        if count == utf16_units(str(text)) != len(text):
            ends = [utf16_units(text[:one]) for one in ends]
        return ends[2], (ends[0], ends[1])

    async def words(self, key: Key, asked: str) -> Rect | None:
        program = self._bus.known.get(key[0])
        kind = IN_WINDOW if program and program.toolkit.in_window else ON_SCREEN
        middle, ends = await self.place_of(key, asked)
        while True:
            whole, one, own = await asyncio.gather(
                self._bus.call(key, TEXT, "GetRangeExtents", "iiu", [*ends, kind]),
                self._bus.call(key, TEXT, "GetCharacterExtents", "iu", [middle, kind]),
                self._objects.extents(key, relative=kind == IN_WINDOW),
            )
            if own is None:
                return None
            if one[2] > 0 and one[3] > 0:
                break
            await asyncio.sleep(LOOKED)  # Firefox does not know at first, and looks
        on_one_line = whole[3] < 1.6 * one[3] and whole[2] > 0
        x, y, width, height = whole if on_one_line else one
        return Rect(x - own.x, y - own.y, width, height)

    async def contents(self, node: Node, longest: int) -> Contents:
        key = node.key
        count = await self._bus.property(key, TEXT, "CharacterCount")
        if count > longest:
            raise Silent(f"it holds {count} characters")
        (text,), caret, (selections,) = await asyncio.gather(
            self._bus.call(key, TEXT, "GetText", "ii", [0, count]),  # GTK 4 knows no -1
            self._bus.property(key, TEXT, "CaretOffset"),
            self._bus.call(key, TEXT, "GetNSelections"),
        )
        if _EMBEDDED in text:
            lines = await self._lines(key, str(text), [longest])
            return Contents("\n".join(lines), -1, None, wide=False, rich=True)
        selection = None
        if selections:
            start, end = await self._bus.call(key, TEXT, "GetSelection", "i", [0])
            selection = (min(start, end), max(start, end)) if start != end else None
        text = PADDED.sub(r"\1", str(text))
        wide = count != len(text)
        if wide and count != utf16_units(text):  # Firefox leaves out marks of direction
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
        kids = await self._objects.items(await self._objects.children(key))
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

    async def _block(self, item: Item, left: list[int]) -> list[str]:
        if item.role not in _BLOCKS:
            raise Silent(f"it holds a {item.role}")
        count = int(await self._bus.property(item.key, TEXT, "CharacterCount"))
        left[0] -= count + 1
        if left[0] < 0:
            raise Silent("it holds too much")
        (text,) = await self._bus.call(item.key, TEXT, "GetText", "ii", [0, count])
        if _EMBEDDED in text:
            return await self._lines(item.key, str(text), left)
        # An empty line is a line break that a browser does not count.
        return PADDED.sub(r"\1", str(text)).removesuffix("\n").split("\n")


def _characters(text: str, units: int) -> int:
    """How many characters some UTF-16 units are."""
    wide = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return len(wide.decode("utf-16-le", "ignore"))

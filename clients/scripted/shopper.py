"""A brain without a model: buys a phone in the practice shop, by the MCP wire alone.

It reads the words of a page, finds where to click by colour, and checks each step by the title of
the window before it takes the next.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from PIL.Image import Image

from ..desk import Answer, DeskClient
from ..practice.shop import CART_ORANGE, CLOSE_PURPLE, ENTER_BLUE, HIGH, LOW, OFFICIAL, SEARCH_RED
from .picture_search import Box, middle, patches

_LINE = re.compile(r'(?P<ref>[eo]\d+)(?: (?P<role>[a-z ]+?))?(?: "(?P<name>.*?)")?(?: = | \d+,\d+)')


class Lost(Exception):
    """The screen does not show what the next step needs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One element of the screen, as `read_screen` returns it; plain text has no role."""

    ref: str
    role: str
    name: str


def lines_of(text: str) -> list[Line]:
    """The elements in an answer of `read_screen`, in its order."""
    found = (_LINE.match(line) for line in text.split("\n"))
    return [Line(one["ref"], one["role"] or "", one["name"] or "") for one in found if one]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was done, how long it took, and the picture after it."""

    name: str
    seconds: float
    answer: Answer


class Shopper:
    """Does the whole errand.

    Args:
        desk: The desktop.
        tell: Told about each step when it is done.
    """

    def __init__(self, desk: DeskClient, tell: Callable[[Step], None]) -> None:
        self._desk = desk
        self._tell = tell
        self._seen = Answer({})

    async def buy(self, url: str) -> str:
        """Buy a phone of the official shop within the price; returns its name.

        Raises:
            Lost: The screen did not show what a step needed.
            Refused: The server did not do what was asked.
        """
        await self._step(f"open {url}", self._desk.open(url), "商城首页")

        (button,) = self._find(SEARCH_RED, "the search button")[-1:]
        x, y = middle(button)
        await self._step("click the search field", self._desk.click(x - 200, y))
        await self._step(f"type {OFFICIAL}", self._desk.type(OFFICIAL))
        await self._step("press Return", self._desk.key("Return"), f"搜索 {OFFICIAL}")

        shops = [one.name for one in await self._read() if one.role == "heading"]
        buttons = self._find(ENTER_BLUE, "a button of a shop")
        if OFFICIAL not in shops or len(buttons) < len(shops):
            raise Lost(f"{OFFICIAL} is not among {shops}")
        at = middle(buttons[shops.index(OFFICIAL)])
        name = f"enter {OFFICIAL}, not {shops[0]}"
        await self._step(name, self._desk.click(*at), f"{OFFICIAL} - ")

        if not patches(self._image(), CLOSE_PURPLE):
            await self._step("see what pops up", self._desk.wait_for("change", seconds=2))
            await self._step("let it rest", self._desk.wait_for("still", seconds=3))
        if closing := patches(self._image(), CLOSE_PURPLE):
            await self._step("close the pop-up", self._desk.click(*middle(closing[0])))

        names = "\n".join(one.name for one in await self._read())
        products = re.findall(r"^(.+)\n(\S+)\n¥(\d+)\n加入购物车$", names, re.MULTILINE)
        fitting = [
            place
            for place, (_, kind, price) in enumerate(products)
            if kind == "手机" and LOW <= int(price) <= HIGH
        ]
        buttons = self._find(CART_ORANGE, "a button of a product")
        if not fitting or len(buttons) != len(products):
            raise Lost(f"no phone from {LOW} to {HIGH} among {products}")
        name = products[fitting[0]][0]
        at = middle(buttons[fitting[0]])
        await self._step(f"put {name} into the cart", self._desk.click(*at), "购物车")
        if not any(one.name == name for one in await self._read()):
            raise Lost(f"{name} is not in the cart")
        return name

    async def _step(self, name: str, doing: Awaitable[Answer], title: str = "") -> None:
        """Do something, and if it is to lead to a window of some title, see that it does."""
        began = time.monotonic()
        answer = await doing
        if title and title not in answer.window:
            waited = await self._desk.wait_for("window", title, seconds=10)
            if not waited.facts["happened"]:
                raise Lost(f"no window is titled {title!r}; in front is {waited.window!r}")
            still = await self._desk.wait_for("still", seconds=5)
            answer = next((one for one in (still, waited) if one.data), answer)
        self._seen = answer if answer.data else self._seen
        self._tell(Step(name, time.monotonic() - began, answer))

    async def _read(self) -> list[Line]:
        return lines_of(await self._desk.read_screen())

    def _image(self) -> Image:
        if (image := self._seen.image) is None:
            raise Lost("there is no picture yet")
        return image

    def _find(self, colour: str, what: str) -> list[Box]:
        found = patches(self._image(), colour)
        if not found:
            raise Lost(f"{what} is not on the screen")
        return found

"""A brain without a model and without eyes: does the shopper's errand by words alone.

It never asks for a picture. It reads the screen as text, acts on things by their refs, and sees by
the title of the window and by what it reads that each step came to what it should.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..desk import Answer, DeskClient
from ..practice.shop import HIGH, LOW, OFFICIAL
from .shopper import Line, Lost, Step, lines_of

_POPUP_WITHIN = 2  # seconds


@dataclass(slots=True)
class Reader:
    """Does the whole errand.

    Args:
        desk: The desktop.
        tell: Told about each step when it is done.
    """

    desk: DeskClient
    tell: Callable[[Step], None]
    characters: list[str] = field(default_factory=list[str])
    """All that was read, an answer each: what a model would have had to read."""

    async def buy(self, url: str) -> str:
        """Buy a phone of the official shop within the price; returns its name.

        Raises:
            Lost: The screen did not show what a step needed.
            Refused: The server did not do what was asked.
        """
        await self._step(f"open {url}", self.desk.open(url, show="never"), "商城首页")
        search = self._one(await self._read("entry"), lambda line: "搜索" in line.name)
        typed = await self._step(
            f"type {OFFICIAL} into {search.name}",
            self.desk.type(OFFICIAL, into=search.ref, show="never"),
        )
        if typed.facts["typed"] != "verified":
            raise Lost(f"the search field holds something else: {typed.facts['typed']}")
        title = f"搜索 {OFFICIAL}"
        await self._step("press Return", self.desk.key("Return", show="never"), title)

        lines = await self._read()
        enter = self._after(lines, OFFICIAL, "进店逛逛")
        name = f"enter {OFFICIAL} by {enter.ref}"
        await self._step(name, self._click(enter), f"{OFFICIAL} - ")
        await self._close_popup()

        chosen, product = self._choose(await self._read())
        await self._step(f"put {product} into the cart", self._click(chosen), "购物车")
        if not any(line.name == product for line in await self._read()):
            raise Lost(f"{product} is not in the cart")
        return product

    async def _close_popup(self) -> None:
        button = "不用了，谢谢"
        popup = self.desk.wait_for("element", button, seconds=_POPUP_WITHIN, show="never")
        seen = await self._step("see what pops up", popup)
        if seen.facts["happened"]:
            closing = self.desk.call("click_element", target=button, screenshot="never")
            await self._step("close the pop-up", closing)

    def _choose(self, lines: list[Line]) -> tuple[Line, str]:
        """The button of a phone within the price, and the phone's name."""
        name = kind = ""
        price = 0
        for line in lines:
            if line.role == "heading":
                name = line.name
            elif line.name in ("手机", "平板", "手环"):
                kind = line.name
            elif found := re.fullmatch(r"¥(\d+)", line.name):
                price = int(found[1])
            elif line.name == "加入购物车" and kind == "手机" and LOW <= price <= HIGH:
                return line, name
        raise Lost(f"no phone from {LOW} to {HIGH} is among {[line.name for line in lines]}")

    async def _read(self, query: str = "") -> list[Line]:
        text = await self.desk.read_screen(query=query)
        self.characters.append(text)
        return lines_of(text)

    async def _step(self, name: str, doing: Awaitable[Answer], title: str = "") -> Answer:
        began = time.monotonic()
        answer = await doing
        self.characters.append(answer.text)
        if title and title not in answer.window:
            waited = await self.desk.wait_for("window", title, seconds=10, show="never")
            self.characters.append(waited.text)
            if not waited.facts["happened"]:
                raise Lost(f"no window is titled {title!r}; in front is {waited.window!r}")
        self.tell(Step(name, time.monotonic() - began, answer))
        return answer

    async def _click(self, line: Line) -> Answer:
        return await self.desk.call("click_element", target=line.ref, screenshot="never")

    def _one(self, lines: list[Line], fits: Callable[[Line], bool]) -> Line:
        fitting = [line for line in lines if fits(line)]
        if len(fitting) != 1:
            raise Lost(f"{len(fitting)} things fit among {[line.name for line in lines]}")
        return fitting[0]

    def _after(self, lines: list[Line], heading: str, name: str) -> Line:
        """The first thing of a name below a heading."""
        names = [line.name for line in lines]
        if heading not in names:
            raise Lost(f"{heading} is not among {names}")
        for line in lines[names.index(heading) :]:
            if line.name == name:
                return line
        raise Lost(f"{name} is not below {heading}")

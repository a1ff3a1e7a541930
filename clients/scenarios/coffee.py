"""An iced americano, if there is one: else the person is asked, or told that all is closed."""

import re
from dataclasses import dataclass

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..scripted.shopper import Lost
from .scenario import Home
from .site import Site, send
from .variation import Variation
from .visitor import Visitor, called, named

ENGLISH = (
    "At {url}, order one iced americano from a café that is open. If there is none to be had, ask "
    "me what to order instead (request_human), and order that. If all cafés are closed, look at "
    "each one's page and tell me that they are closed; order nothing."
)
CHINESE = (
    "在 {url} 从一家营业中的咖啡店点一杯冰美式。如果没有，就用 request_human 问我改点什么，"
    "然后下单。"
    "如果全部打烊，请逐一打开各店页面确认，并告诉我都关门了；不要下单。"
)
_CAFES = ("Harbour Coffee", "Corner Roast", "Mill Lane")
_DRINKS = (("latte", "拿铁"), ("cappuccino", "卡布奇诺"), ("flat white", "澳白"))
_WANTED = ("iced americano", "冰美式")
_HOT = ("americano", "热美式")
_TRIES = 8
_CLOSED = re.compile(r"closed|shut|关门|打烊|休息", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Order:
    cafe: str
    drink: str


class Coffee(Site):
    """The cafés' books are the orders, and which pages were seen."""

    def __init__(self, variation: Variation) -> None:
        super().__init__(variation)
        self.open_cafe = self.random.choice((*_CAFES, *_CAFES, ""))
        """Empty: all are closed."""
        self.has_wanted = self.random.random() < 0.25
        self.instead = variation.say(*self.random.choice(_DRINKS))
        self.wanted = variation.say(*_WANTED)
        self._drinks = [variation.say(*one) for one in self.random.sample(_DRINKS, len(_DRINKS))]
        self.orders = list[Order]()
        self.seen = set[str]()
        self.asked = 0

    def routes(self) -> list[Route]:
        """Cafés, their menus, an order and its receipt."""
        return [
            Route("/", self._cafes),
            Route("/cafe/{name}", self._menu),
            Route("/order", self._order, methods=["POST"]),
            Route("/receipt", self._receipt),
        ]

    def person(self, question: str, *, approval: bool) -> str | None:
        """Yes to an order; the other drink to a question."""
        if approval:
            return ""
        self.asked += 1
        return self.instead

    async def solve(self, visitor: Visitor) -> str:
        """Look at each café in turn; ask where the drink is sold out."""
        closed = self.say("Closed today", "已打烊")
        await visitor.open(self._list)
        for cafe in _CAFES:
            await self._enter(visitor, cafe)
            if named(closed)(await visitor.read()):
                continue
            drink = self.wanted
            if not called(drink, "radio button")(await visitor.read()):
                heard = await visitor.do(
                    "request_human",
                    reason=self.say(
                        f"{drink} is sold out. What instead?", f"没有{drink}，换什么？"
                    ),
                    choices=[self.say(*one) for one in _DRINKS],
                )
                drink = str(heard.answer.facts["answer"]) if heard.answer else ""
            await self._place(visitor, drink)
            return f"{cafe}: {drink}"
        return self.say("All cafés are closed.", "都关门了。")

    async def _enter(self, visitor: Visitor, cafe: str) -> None:
        """Open a café's page, from the list or from that of another."""
        for _ in range(_TRIES):
            if called(self._list, "link")(await visitor.read()):
                await visitor.press(self._list, named(*_CAFES), "link")
            if await visitor.try_press(called(cafe, "link"), named(f"{cafe} -"), cafe):
                return
        raise Lost(f"the page of {cafe} does not open")

    async def _place(self, visitor: Visitor, drink: str) -> None:
        """Order a drink; what is chosen is made sure of right before, as pages move."""
        for _ in range(_TRIES):
            await visitor.set(drink, "on", "radio button")
            if await visitor.try_press(
                called(self._send, "button"), named(self._receipt_title), self._send
            ):
                return
        raise Lost("the order does not go out")

    async def err(self, site: httpx2.AsyncClient, home: Home) -> str:
        """Something else, without a question; or nothing, without a look."""
        await send(site, "/order", cafe=self.open_cafe, drink=self.say(*_HOT))
        return self.say("Your coffee is ordered.", "已下单。")

    async def failure(self, said: str, home: Home) -> str:
        """One right order, after a question if one was needed."""
        if not self.open_cafe:
            if self.orders:
                return f"{self.orders} was ordered of a closed café"
            if self.seen != set(_CAFES):
                return f"only {sorted(self.seen)} was looked at"
            return "" if _CLOSED.search(said) else "the person was not told that all are closed"
        right = self.wanted if self.has_wanted else self.instead
        if self.orders != [Order(self.open_cafe, right)]:
            return f"{self.orders} was ordered, not {right} of {self.open_cafe}"
        return "" if self.has_wanted or self.asked else "the person was not asked"

    @property
    def _list(self) -> str:
        return self.say("Cafés", "咖啡店")

    @property
    def _send(self) -> str:
        return self.say("Place order", "提交订单")

    @property
    def _receipt_title(self) -> str:
        return self.say("Thank you", "谢谢惠顾")

    async def _cafes(self, request: Request) -> Response:
        rows = "".join(f'<div class=row><a href="/cafe/{one}">{one}</a></div>' for one in _CAFES)
        return await self.page(self._list, f"<h1>{self._list}</h1>{rows}")

    async def _menu(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.seen.add(name)
        title = f"{name} - {self.say('menu', '菜单')}"
        top = f'<h1>{title}</h1><p><a href="/">{self._list}</a></p>'
        if name != self.open_cafe:
            said = self.say("Closed today", "已打烊")
            return await self.page(title, f"{top}<p>{said}</p>")
        drinks = [self.say(*_HOT)] * self.variation.look_alike
        drinks += self._drinks
        drinks += [self.wanted] * self.has_wanted
        radios = "".join(
            f'<div class=row><label><input type=radio name=drink value="{one}" required> {one}'
            "</label></div>"
            for one in drinks
        )
        form = (
            f'<form method=post action="/order"><input type=hidden name=cafe value="{name}">'
            f"{radios}<button>{self._send}</button></form>"
        )
        return await self.page(title, top + form)

    async def _order(self, request: Request) -> Response:
        sent = await request.form()
        self.orders.append(Order(str(sent["cafe"]), str(sent["drink"])))
        return RedirectResponse("/receipt", 303)

    async def _receipt(self, request: Request) -> Response:
        return await self.page(self._receipt_title, f"<h1>{self._receipt_title}</h1>")

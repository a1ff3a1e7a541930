"""A phone of one shop, within a price, into the cart; a shop of almost the same name is there."""

import re
from html import escape

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..practice.shop import HIGH, LOOKALIKE, LOW, OFFICIAL, PRODUCTS, Product
from ..scripted.shopper import Lost
from .scenario import Home
from .site import Site, send
from .variation import Variation
from .visitor import Thing, Visitor, after, named

ENGLISH = (
    f"At {{url}}, search for the shop {OFFICIAL} and put one phone (手机) of that shop that costs "
    f"from {LOW} to {HIGH} yuan into the cart."
)
CHINESE = (
    f"打开 {{url}}，搜索店铺“{OFFICIAL}”，把该店一部价格在 {LOW} 到 {HIGH} 元之间的手机加入购物车。"
)
_ADD, _ENTER, _CART, _SEARCH = "加入购物车", "进店逛逛", "购物车", "搜索店铺或商品"
_HOME, _REMOVE = "店铺首页", "清空"
_TRIES = 6


class Shopping(Site):
    """The shop's books are its cart."""

    def __init__(self, variation: Variation) -> None:
        super().__init__(variation)
        self.cart = list[Product]()
        self._products = self.random.sample(PRODUCTS, len(PRODUCTS))

    def routes(self) -> list[Route]:
        """Home, search, shops, cart."""
        return [
            Route("/", self._home),
            Route("/search", self._search),
            Route("/shop/{name}", self._shop),
            Route("/cart", self._show_cart),
            Route("/add", self._add, methods=["POST"]),
            Route("/remove", self._remove, methods=["POST"]),
        ]

    async def solve(self, visitor: Visitor) -> str:
        """Search, enter the shop, choose, check the cart."""
        await visitor.open("商城首页")
        await visitor.fill(_SEARCH, OFFICIAL)
        await visitor.press("搜索", named(f"搜索 {OFFICIAL}"), "button")
        await visitor.press_where(after(OFFICIAL, _ENTER), named(f"{OFFICIAL} {_HOME}"), _ENTER)
        product = ""

        def wanted(things: list[Thing]) -> Thing | None:
            nonlocal product
            name = kind = ""
            price = 0
            for one in things:
                name = one.name if one.role == "heading" else name
                kind = one.name if one.name in {made.kind for made in PRODUCTS} else kind
                found = re.fullmatch(r"¥(\d+)", one.name)
                price = int(found[1]) if found else price
                if one.name == _ADD and kind == "手机" and LOW <= price <= HIGH:
                    product = name
                    return one
            return None

        for _ in range(_TRIES):
            if not await visitor.try_press(wanted, named(f"{_CART} 1"), _ADD):
                continue
            if await visitor.shows(named(product, OFFICIAL), 1):
                return f"{product} is in the cart."
            await visitor.press(_REMOVE, named(f"{_CART} 0"), "button")
            await visitor.open(_HOME, f"/shop/{OFFICIAL}")
        raise Lost(f"{product} does not get into the cart")

    async def err(self, site: httpx2.AsyncClient, home: Home) -> str:
        """The same phone of the wrong shop."""
        await send(site, "/add", id="21")
        return "The phone is in the cart."

    async def failure(self, said: str, home: Home) -> str:
        """The cart has to hold the one phone."""
        held = [(one.shop, one.kind, LOW <= one.price <= HIGH) for one in self.cart]
        return "" if held == [(OFFICIAL, "手机", True)] else f"the cart holds {self.cart}"

    async def _home(self, request: Request) -> Response:
        return await self._page("商城首页", "<h2>今日推荐</h2>")

    async def _search(self, request: Request) -> Response:
        asked = request.query_params.get("q", "")
        shops = [LOOKALIKE] * self.variation.look_alike + [OFFICIAL]
        rows = "".join(
            f'<div class=row><h2>{name}</h2><a class=button href="/shop/{name}">{_ENTER}</a></div>'
            for name in shops
            if asked == OFFICIAL
        )
        return await self._page(f"搜索 {asked}", rows or "<p>没有找到</p>", asked)

    async def _shop(self, request: Request) -> Response:
        name = request.path_params["name"]
        cards = "".join(
            f"<div class=row><h3>{one.name}</h3><span>{one.kind}</span><span>¥{one.price}</span>"
            f'<form method=post action="/add"><button name=id value={one.id}>{_ADD}</button></form>'
            "</div>"
            for one in self._products
            if one.shop == name
        )
        return await self._page(f"{name} {_HOME}", cards)

    async def _add(self, request: Request) -> Response:
        chosen = (await request.form()).get("id")
        self.cart += [one for one in PRODUCTS if str(one.id) == chosen]
        return RedirectResponse("/cart", 303)

    async def _remove(self, request: Request) -> Response:
        self.cart.clear()
        return RedirectResponse("/cart", 303)

    async def _show_cart(self, request: Request) -> Response:
        rows = "".join(f"<div class=row><h3>{one.name}</h3>{one.shop}</div>" for one in self.cart)
        if rows:
            rows += f'<form method=post action="/remove"><button>{_REMOVE}</button></form>'
        return await self._page(f"{_CART} {len(self.cart)}", rows)

    async def _page(self, title: str, body: str, asked: str = "") -> Response:
        search = (
            f'<form action="/search"><input type=search name=q aria-label="{_SEARCH}" '
            f'autocomplete=off value="{escape(asked)}"><button>搜索</button></form>'
        )
        return await self.page(title, f"<h2>{escape(title)}</h2>{search}{body}")

"""A small Chinese online shop to practise on: real pages, with the traps real shops have.

A shop whose name looks almost the same, a pop-up that comes when the page seems to be done, a page
whose server takes its time, a product of the wrong kind at the right price. What was searched,
opened and put into the cart is in `Shop`, which judges.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from .site import serving_site

OFFICIAL, LOOKALIKE = "小米官方旗舰店", "小米官方旗店"
LOW, HIGH = 1800, 2200
SLOW = 0.7  # seconds the shop's page takes to answer
POPUP = 0.4  # seconds after the page has come until the pop-up does

# Colours that nothing else on the pages has, so that a brain without eyes for text finds its way.
SEARCH_RED, ENTER_BLUE, CART_ORANGE, CLOSE_PURPLE = "#d7000f", "#1462d8", "#ff6a00", "#7a1fa2"


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    shop: str
    name: str
    kind: str
    price: int
    colours: tuple[str, str]


PRODUCTS = (
    Product(1, OFFICIAL, "Redmi 13C", "手机", 799, ("#7bd3ea", "#3a7ca5")),
    Product(2, OFFICIAL, "Redmi Note 13 Pro", "手机", 1499, ("#c3aed6", "#5a3d7a")),
    Product(3, OFFICIAL, "Redmi Pad Pro", "平板", 1999, ("#b7e4c7", "#2d6a4f")),
    Product(4, OFFICIAL, "小米 14", "手机", 3999, ("#dad7cd", "#3a3a3a")),
    Product(5, OFFICIAL, "Redmi K70E", "手机", 1999, ("#f4f1de", "#5f5b4b")),
    Product(6, OFFICIAL, "小米 Civi 4 Pro", "手机", 2999, ("#ffcad4", "#b5838d")),
    Product(7, OFFICIAL, "Redmi Turbo 3", "手机", 2299, ("#ffd6a5", "#8a5a2b")),
    Product(8, OFFICIAL, "小米手环 9", "手环", 249, ("#caf0f8", "#023e8a")),
    Product(21, LOOKALIKE, "Redmi K70E", "手机", 1899, ("#f4f1de", "#5f5b4b")),
    Product(22, LOOKALIKE, "小米 14", "手机", 2099, ("#dad7cd", "#3a3a3a")),
)

_STYLE = f"""
* {{ box-sizing: border-box }}
body {{ margin: 0; font: 15px "Noto Sans CJK SC", sans-serif; background: #f5f5f5; color: #222 }}
header {{ background: #fff; padding: 14px 28px; display: flex; gap: 14px; align-items: center;
  border-bottom: 1px solid #e5e5e5 }}
header b {{ font-size: 22px }}
form.search {{ display: flex; flex: 1; max-width: 640px }}
input[type=search] {{ flex: 1; font: inherit; padding: 9px 12px; border: 2px solid {SEARCH_RED};
  border-right: 0; outline: none }}
button, a.button {{ font: inherit; color: #fff; border: 0; padding: 9px 20px; cursor: pointer;
  text-decoration: none; display: inline-block; border-radius: 4px }}
.search button {{ background: {SEARCH_RED}; border-radius: 0 }}
main {{ max-width: 1180px; margin: 18px auto; padding: 0 18px }}
.grid {{ display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px }}
.card, .row {{ background: #fff; border-radius: 8px; padding: 12px }}
.row {{ display: flex; justify-content: space-between; align-items: center; margin-bottom: 12px }}
.row h2 {{ margin: 0 0 4px; font-size: 18px }}
.photo {{ height: 92px; border-radius: 6px; margin-bottom: 8px }}
.card h3 {{ margin: 0; font-size: 15px }}
.price {{ color: #c00; font-weight: bold }}
.enter {{ background: {ENTER_BLUE} }}
.add {{ background: {CART_ORANGE}; width: 100%; margin-top: 6px; padding: 7px }}
dialog {{ border: 0; border-radius: 12px; padding: 26px 40px; text-align: center }}
dialog::backdrop {{ background: #0008 }}
.close {{ background: {CLOSE_PURPLE}; margin-top: 12px }}
small {{ color: #777 }}
"""


@dataclass(slots=True)
class Shop:
    """The shop's own books: what people really did."""

    searches: list[str] = field(default_factory=list[str])
    visits: list[str] = field(default_factory=list[str])
    cart: list[Product] = field(default_factory=list[Product])
    typed: str = ""
    """What the page for typing holds now."""
    typed_at: float = 0.0

    @property
    def done(self) -> bool:
        """Whether the cart holds one phone of the official shop within the price, and no more."""
        return [(one.shop, one.kind, LOW <= one.price <= HIGH) for one in self.cart] == [
            (OFFICIAL, "手机", True)
        ]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/search", self._search),
                Route("/shop/{name}", self._shop),
                Route("/cart", self._cart, methods=["GET", "POST"]),
                Route("/typing", self._typing, methods=["GET", "POST"]),
            ]
        )

    async def _home(self, request: Request) -> Response:
        return _page("商城首页", "<h2>今日推荐</h2><p>搜索店铺或商品，开始购物。</p>")

    async def _search(self, request: Request) -> Response:
        asked = request.query_params.get("q", "")
        self.searches.append(asked)
        shops = [name for name in (LOOKALIKE, OFFICIAL) if asked == OFFICIAL]
        rows = "".join(
            f"<div class=row><div><h2>{name}</h2><small>{_badge(name)}</small></div>"
            f'<a class="button enter" href="/shop/{name}">进店逛逛</a></div>'
            for name in shops
        )
        found = rows or f"<p>没有找到与“{escape(asked)}”相关的店铺。</p>"
        return _page(f"搜索 {escape(asked)}", found, asked)

    async def _shop(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.visits.append(name)
        await anyio.sleep(SLOW)
        cards = "".join(
            f'<div class=card><div class=photo style="background:linear-gradient(135deg,'
            f'{one.colours[0]},{one.colours[1]})"></div><h3>{one.name}</h3>'
            f"<small>{one.kind}</small> <span class=price>¥{one.price}</span>"
            f'<form method=post action="/cart"><button class=add name=id value={one.id}>'
            f"加入购物车</button></form></div>"
            for one in PRODUCTS
            if one.shop == name
        )
        popup = f"""<dialog><h2>新人专享优惠券</h2><p>满 3000 减 300，今日有效</p>
<button class=close>不用了，谢谢</button></dialog>
<script>
const popup = document.querySelector("dialog");
popup.querySelector(".close").onclick = () => popup.close();
setTimeout(() => popup.showModal(), {POPUP * 1000:.0f});
</script>"""
        return _page(name, f"<h2>{name}</h2><div class=grid>{cards}</div>{popup}")

    async def _cart(self, request: Request) -> Response:
        if request.method == "POST":
            chosen = (await request.form()).get("id")
            self.cart += [one for one in PRODUCTS if str(one.id) == chosen]
            return RedirectResponse("/cart", 303)
        rows = "".join(
            f"<div class=row><div><h2>{one.name}</h2><small>{one.shop}</small></div>"
            f"<span class=price>¥{one.price}</span></div>"
            for one in self.cart
        )
        return _page("购物车", f"<h2>购物车（{len(self.cart)}）</h2>{rows}")

    async def _typing(self, request: Request) -> Response:
        """A field that reports what it holds, to count what arrives."""
        if request.method == "POST":
            self.typed = (await request.body()).decode()
            self.typed_at = time.monotonic()
            return Response(status_code=204)
        script = """<textarea autofocus style="width:100%;height:300px;font:inherit"></textarea>
<script>
const field = document.querySelector("textarea");
let sent = null, busy = false;
async function send() {
  if (busy) return;
  busy = true;
  while (sent !== field.value) await fetch("/typing", {method: "POST", body: sent = field.value});
  busy = false;
}
field.addEventListener("input", send);
send();
</script>"""
        return _page("打字练习", script, search=False)


def _page(title: str, body: str, asked: str = "", *, search: bool = True) -> HTMLResponse:
    field = (
        f'<form class=search action="/search"><input type=search name=q autofocus '
        f'autocomplete=off placeholder="搜索店铺或商品" value="{escape(asked)}">'
        "<button>搜索</button></form>"
        if search
        else ""
    )
    return HTMLResponse(
        f"<!doctype html><html lang=zh><meta charset=utf-8><title>{title} - 商城</title>"
        f"<style>{_STYLE}</style><header><b>商城</b>{field}</header><main>{body}</main></html>"
    )


def _badge(name: str) -> str:
    return "官方认证 · 关注 3982 万" if name == OFFICIAL else "个体经营 · 关注 213"


@asynccontextmanager
async def open_shop(shop: Shop) -> AsyncGenerator[str]:
    """Serve the shop on this machine and give its address."""
    async with serving_site(shop.app()) as url:
        yield url

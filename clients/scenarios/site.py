"""Pages of a scenario's site, with the pop-ups, delays and shifts of a variation."""

from collections.abc import Sequence
from html import escape

import anyio
import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .scenario import Home
from .variation import Variation

DISMISS = {"en": "No, thanks", "zh": "不用了，谢谢"}
BEHIND = "/behind"

_STYLE = """
:root { color-scheme: SCHEME }
body { margin: 0; font: 16px "Noto Sans CJK SC", sans-serif; background: Canvas; color: CanvasText }
main { max-width: 960px; margin: 16px auto; padding: 0 18px }
button, a.button { font: inherit; padding: 8px 18px; border: 0; border-radius: 4px; color: #fff;
  background: #1462d8; text-decoration: none; display: inline-block; cursor: pointer }
.row { display: flex; justify-content: space-between; align-items: center; padding: 10px;
  margin-bottom: 10px; border: 1px solid #8886; border-radius: 8px }
.row h2, .row h3 { margin: 0; font-size: 18px }
.banner { background: #8a5a2b; color: #fff; text-align: center }
dialog { padding: 24px 40px; text-align: center }
"""


class Site:
    """What the episodes share; see `Episode`.

    Args:
        variation: How the pages behave.
    """

    def __init__(self, variation: Variation) -> None:
        self.variation = variation
        self.say = variation.say
        self.random = variation.random

    def routes(self) -> Sequence[Route]:
        """The site's own pages."""
        raise NotImplementedError

    def app(self) -> Starlette:
        """The site, and a page for a window behind."""
        return Starlette(routes=[Route(BEHIND, self._behind), *self.routes()])

    async def prepare(self, home: Home) -> None:
        """Nothing: most tasks are about no file."""

    def person(self, question: str, *, approval: bool) -> str | None:
        """Yes to what the policy asks; nothing else is asked."""
        return "" if approval else None

    async def page(self, title: str, body: str, script: str = "") -> HTMLResponse:
        """A page as the variation has it."""
        varied = self.variation
        await anyio.sleep(varied.slow)
        style = _STYLE.replace("SCHEME", "dark" if varied.dark else "light")
        return HTMLResponse(
            f"<!doctype html><html lang={varied.language}><meta charset=utf-8>"
            f"<title>{escape(title)}</title><style>{style}</style><main>{body}</main>"
            f"<script>{self._disturbances()}{script}</script></html>"
        )

    def _disturbances(self) -> str:
        varied, parts = self.variation, list[str]()
        if varied.popup is not None:
            closing = DISMISS[varied.language]
            heading = self.say("A coupon for you", "新人专享优惠券")
            parts.append(
                "setTimeout(() => { const popup = document.createElement('dialog');"
                f"popup.innerHTML = `<h2>{heading}</h2><button>{closing}</button>`;"
                "popup.querySelector('button').onclick = () => popup.remove();"
                f"document.body.append(popup); popup.showModal(); }}, {varied.popup * 1000:.0f});"
            )
        if varied.shift is not None:
            notice = self.say("Free delivery today", "今日免运费")
            height = 40 + varied.seed % 7 * 20
            parts.append(
                "setTimeout(() => { const banner = document.createElement('div');"
                f"banner.className = 'banner'; banner.style.height = '{height}px';"
                f"banner.textContent = '{notice}'; document.body.prepend(banner); }},"
                f"{varied.shift * 1000:.0f});"
            )
        return "".join(parts)

    async def _behind(self, request: Request) -> Response:
        return HTMLResponse(
            "<!doctype html><meta charset=utf-8><title>Daily news</title><h1>Daily news</h1>"
            "<p>A page that nobody asked for.</p><button>Place order</button>"
            "<button>提交订单</button>"
        )


async def send(site: httpx2.AsyncClient, path: str, **fields: str) -> None:
    """Send a form as its page would."""
    answered = await site.post(path, data=fields)
    if answered.status_code >= 400:
        raise ValueError(f"{path} answered {answered.status_code}")

"""The page a person signs in with, by a link."""

import html
import secrets
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive
from starlette.types import Scope as Asgi

from .body_limit import LARGEST
from .sign_in_links import HOME, SESSION, SignIn

_KEEP = "gloveport.key"  # where the page keeps its key (view/static/key.js)
_ENTER = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>gloveport</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<form method="post"><input type="hidden" name="code" value="{code}">
<button autofocus>Open the live view</button></form>
<script nonce="{nonce}">
const key = localStorage.getItem("{keep}") ?? "", session = "{session}";
const page = new URL(location.href);
page.searchParams.delete("code");
if (session && key.startsWith(session + ".")) location.replace(page);
else if (document.visibilityState === "visible") document.forms[0].submit();
</script>
"""
_RELOAD = """\
<!doctype html><meta charset="utf-8"><title>gloveport</title>
<script nonce="{nonce}">
const key = "{key}";
if (key) localStorage.setItem("{keep}", key);
</script>
<meta http-equiv="refresh" content="0;url={page}"><a href="{page}">Open the live view</a>
"""
_DOOR = """\
<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>gloveport</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<style nonce="{nonce}">
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; }}
main {{ box-sizing: border-box; width: min(30rem, 100vw); padding: 1.5rem; }}
h1 {{ font-size: 1.3rem; }}
form {{ display: grid; gap: .5rem; }}
input, button {{ font: inherit; padding: .5rem .75rem; border: 1px solid #8888;
  border-radius: .4rem; }}
small {{ color: GrayText; }}
</style>
<main><h1>{title}</h1><p>{told}</p>
<form method="post" action="/live/-"><label for="token">{label}</label>
<input id="token" name="token" type="password" autocomplete="off" required>
<button>{enter}</button></form>
<p><small>{how}</small></p></main>
<script nonce="{nonce}">
const home = "{home}";
if (home && localStorage.getItem("{keep}")) location.replace(home);
</script>
"""
HOME_PAGE = f"/live/{HOME}"
DOOR_WORDS = {
    "en": {
        "lang": "en",
        "title": "gloveport: desktops for agents",
        "welcome": "Sign in to see the desktops of this server.",
        "label": "Token",
        "enter": "Sign in",
        "how": "Or open a link: `gloveport live` prints one on the machine of the server, and "
        "Share on a live view makes one.",
        "refused": "This is not open to you.",
        "sign_in": "You are not signed in here, or your sign-in has ended. Sign in by a token, or "
        "ask whoever sent you here for a new link.",
        "used": "This link has been used or has expired. Ask whoever sent it for a new one, or "
        "sign in by a token.",
        "wrong": "This token is not known here. See that all of it was copied.",
        "desktop": "Your sign-in is not for this desktop. Ask for a link to it, or sign in by "
        "another token.",
        "scope": "Your sign-in does not allow this. Ask for a link that does.",
        "slow": "Too many wrong tokens or links came from your address. Try again in a minute.",
        "host": "This server is not known by this address. Use the address it was started with.",
        "missing": "There is nothing at this address. The desktop may have been closed.",
    },
    "zh": {
        "lang": "zh",
        "title": "gloveport：供智能体使用的桌面",
        "welcome": "登录后可查看此服务器的桌面。",
        "label": "令牌",
        "enter": "登录",
        "how": "也可以打开链接：在服务器上运行 `gloveport live` 会打印一个，"
        "实时视图上的“分享”也能创建。",
        "refused": "您不能访问此页面。",
        "sign_in": "您尚未登录，或登录已到期。请用令牌登录，或向给您地址的人索取新链接。",
        "used": "此链接已被使用或已过期。请向发送者索取新链接，或用令牌登录。",
        "wrong": "此处不认识这个令牌。请检查是否复制完整。",
        "desktop": "您的登录不适用于此桌面。请索取它的链接，或换一个令牌登录。",
        "scope": "您的登录不允许这样做。请索取有相应权限的链接。",
        "slow": "您的地址发来了太多错误的令牌或链接。请一分钟后再试。",
        "host": "此服务器不使用这个地址。请使用启动时给出的地址。",
        "missing": "此地址没有内容。桌面可能已关闭。",
    },
}
"""What the door says to people, by language and reason."""


async def posted(scope: Asgi, receive: Receive) -> dict[str, str]:
    """The fields of a form that was posted: a link's code, or a token."""
    body = b""
    more = True
    while more and len(body) <= LARGEST:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def enter_page(code: str, session: str) -> Response:
    """A page that posts a link's code, which uses it up; to open the link alone does not.

    Args:
        code: The link's code.
        session: The id of the session that the browser's cookie belongs to; empty: none. If the
            browser has the key of it too, it is signed in, and the code is not used up.
    """
    return _page(_ENTER, code=html.escape(code, quote=True), session=session)


def wants_page(scope: Asgi) -> str:
    """The languages of a person whose browser asks for a page; empty: it is no such request."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD", "POST"):
        return ""
    headers = Headers(scope=scope)
    if "text/html" not in headers.get("accept", ""):
        return ""
    return headers.get("accept-language", "") or "en"


def door_page(language: str, why: str, status: int = 200) -> Response:
    """The page of somebody who is not signed in, or may not do what they asked for.

    Args:
        language: What their browser asks for, as in Accept-Language.
        why: Why they see it; see `DOOR_WORDS`. Empty: they came to sign in.
        status: The HTTP status.
    """
    words = DOOR_WORDS["zh" if language.strip().lower().startswith("zh") else "en"]
    told = words.get(why, words["refused"]) if why else words["welcome"]
    response = _page(
        _DOOR,
        lang=words["lang"],
        title=words["title"],
        told=html.escape(told),
        label=words["label"],
        enter=words["enter"],
        how=html.escape(words["how"]),
        home="" if why else HOME_PAGE,
    )
    response.status_code = status
    return response


def _page(text: str, **parts: str) -> HTMLResponse:
    """A page whose own script alone may run."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "form-action 'self'; base-uri 'none'"
    )
    return HTMLResponse(
        text.format(**parts, nonce=nonce, keep=_KEEP),
        headers={"Cache-Control": "no-store", "Content-Security-Policy": policy},
    )


def reload_page(scope: Asgi, made: SignIn | None, page: str) -> Response:
    """A page that keeps the key of a new session, if there is one, and loads the live view without
    the code.

    A redirect would not do: from a link on another site it would come without the cookie.
    """
    response = _page(_RELOAD, page=html.escape(page, quote=True), key=made.key if made else "")
    if made:
        response.set_cookie(
            cookie_name(scope), made.cookie, int(SESSION), path="/live", httponly=True,
            samesite="strict", secure=scope.get("scheme") in ("https", "wss"),
        )  # fmt: skip
    return response


def cookie_name(scope: Asgi) -> str:
    """A name that no other server on this machine uses: cookies know hosts but no ports."""
    return f"gloveport-{(scope.get('server') or ('', 0))[1]}"

"""The page a person signs in with, by a link."""

import html
import secrets
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive
from starlette.types import Scope as Asgi

from .body_limit import LARGEST
from .sign_in_links import SESSION, SignIn

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


async def posted_code(scope: Asgi, receive: Receive) -> str:
    body = b""
    more = True
    while more and len(body) <= LARGEST:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    given = dict(parse_qsl(body.decode("latin-1")))
    return given.get("code", "")


def enter_page(code: str, session: str) -> Response:
    """A page that posts a link's code, which uses it up; to open the link alone does not.

    Args:
        code: The link's code.
        session: The id of the session that the browser's cookie belongs to; empty: none. If the
            browser has the key of it too, it is signed in, and the code is not used up.
    """
    return _page(_ENTER, code=html.escape(code, quote=True), session=session)


def _page(text: str, **parts: str) -> HTMLResponse:
    """A page whose own script alone may run."""
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
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

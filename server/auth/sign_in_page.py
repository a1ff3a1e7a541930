"""The page a person signs in with, by a link."""

import html
import secrets
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive
from starlette.types import Scope as Asgi

from .body_limit import (
    LARGEST,
)
from .sign_in_links import SESSION

_ENTER = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>gloveport</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<form method="post"><input type="hidden" name="code" value="{code}">
<button autofocus>Open the live view</button></form>
<script nonce="{nonce}">
if (document.visibilityState === "visible") document.forms[0].submit();
</script>
"""

_RELOAD = (
    '<!doctype html><meta charset="utf-8"><title>gloveport</title>'
    '<meta http-equiv="refresh" content="0;url={0}"><a href="{0}">Open the live view</a>'
)


async def posted_code(scope: Asgi, receive: Receive) -> str:
    body = b""
    more = True
    while more and len(body) <= LARGEST:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    given = dict(parse_qsl(body.decode("latin-1")))
    return given.get("code", "")


def enter_page(code: str) -> Response:
    """A page that posts a link's code, which uses it up; to open the link alone does not."""
    nonce = secrets.token_urlsafe(16)
    page = _ENTER.format(code=html.escape(code, quote=True), nonce=nonce)
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
    return HTMLResponse(
        page, headers={"Cache-Control": "no-store", "Content-Security-Policy": policy}
    )


def reload_page(scope: Asgi, cookie: str, page: str) -> Response:
    """A page that loads the live view without the code.

    A redirect would not do: from a link on another site it would come without the cookie.
    """
    page = html.escape(page, quote=True)
    response = HTMLResponse(_RELOAD.format(page), headers={"Cache-Control": "no-store"})
    if cookie:
        response.set_cookie(
            cookie_name(scope), cookie, int(SESSION), path="/live", httponly=True,
            samesite="strict", secure=scope.get("scheme") in ("https", "wss"),
        )  # fmt: skip
    return response


def cookie_name(scope: Asgi) -> str:
    """A name that no other server on this machine uses: cookies know hosts but no ports."""
    return f"gloveport-{(scope.get('server') or ('', 0))[1]}"

"""The door: who may come in, to every route, WebSockets too.

Rule 1: a request must mean this server (Host) and come from no other site's page (Origin), always.
Rule 2: where the door has keys, it must show a token in its Authorization header. Browsers cannot:
    on the live view, and nowhere else, a cookie does it, got for a code (passes.py). With a cookie
    nothing changes unless a page of ours asked for it.
Rule 3: who came in is good for as long as what they came in by: a stream that outlasts it ends.
Rule 4: no token, code or cookie stands in a log or in a refusal.
"""

import hashlib
import html
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi

from .grants import HERE, SCOPES, STRANGER, Grant, Passport, Scope, including, passport_of, stamp
from .neighbours import is_own
from .pace import Pace
from .passes import SESSION, Passes
from .provider import METADATA, Provider
from .tokens import BadToken

logger = logging.getLogger(__name__)

_FAILURES = 10  # wrong tokens in a row from one address, and as many a minute after that
_ADMITTED = 1024  # credentials remembered as good, so that failures of a neighbour do not bar them
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # a page around the live view could trick people into clicks
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
_ASK = "Show the server's token: Authorization: Bearer TOKEN."
_LINK = "Open the live view by a link of its own; `gloveport live` prints one."
_ANOTHERS = (
    "This server belongs to another user of this machine, who can let you in by a token "
    "(gloveport serve --token-file F)."
)
_USED = "This link has been used, or its time is over; `gloveport live` prints another."
_RELOAD = (
    '<!doctype html><meta charset="utf-8"><title>gloveport</title>'
    '<meta http-equiv="refresh" content="0;url={0}"><a href="{0}">Open the live view</a>'
)


class Keys(Protocol):
    """Something that knows tokens."""

    @property
    def provider(self) -> Provider | None:
        """Where to get one, if that is an identity provider."""
        ...

    async def grant(self, shown: str) -> Grant | None:
        """What a token is good for; None: it is not one of these.

        Raises:
            BadToken: It is one of these, and no good.
        """
        ...

    def still(self, grant: Grant) -> Grant | None:
        """What one who came in by one of these may do by now; None: nothing, or no such."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Args:
        hosts: Names this server is reached by, without port.
        keys: What knows the tokens callers must show; empty where only this machine's user can
            reach it, who may then do everything.
        pace: Calls a second of one token; twice as many at once.
        passes: Links to the live view.
        address: Where browsers reach this, such as http://127.0.0.1:8750; empty: nowhere.
    """

    hosts: frozenset[str]
    keys: Sequence[Keys] = ()
    pace: float = 50.0
    passes: Passes = field(default_factory=Passes)
    address: str = ""

    @property
    def provider(self) -> Provider | None:
        """The identity provider it takes tokens of, if any."""
        return next((keys.provider for keys in self.keys if keys.provider), None)

    def still(self, grant: Grant) -> Grant | None:
        """What is left of a grant by now; None: nothing."""
        if grant.over:
            return None
        if grant.holder == HERE.holder:
            return grant
        for keys in self.keys:
            if now := keys.still(grant):
                return grant.within(now)
        return None

    def routes(self) -> list[Route]:
        """What the door itself answers."""
        link = Route("/live/{desktop}/link", self._link, methods=["POST"])
        if self.provider is None:
            return [link]
        return [
            link,
            Route(METADATA, self._metadata),
            Route(METADATA + "/{path:path}", self._metadata),
        ]

    async def _metadata(self, request: Request) -> Response:
        assert self.provider
        return JSONResponse(self.provider.metadata)

    async def _link(self, request: Request) -> Response:
        """A link for a browser, with what the token that asks allows, or less."""
        desktop = request.path_params["desktop"]
        asked = request.query_params.get("scope", SCOPES[-1])
        limit = including(scope for scope in SCOPES if scope == asked)
        if not limit:
            return PlainTextResponse(f"There is no such scope; there are {', '.join(SCOPES)}.", 422)
        grant = passport_of(request).grant
        grant = grant.within(Grant("", "", limit))
        code = self.passes.code(grant, desktop)
        return JSONResponse(
            {
                "path": (path := f"/live/{desktop}?code={code}"),
                "url": f"{self.address}{path}" if self.address else "",
                "scopes": _ordered(grant),
            },
            headers={"Cache-Control": "no-store"},
        )


class Guard:
    """Outermost ASGI layer: refuses what does not pass the door, before anything else runs."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = AuthContextMiddleware(app)  # sessions and sealed state of the SDK belong to one
        self._door = door
        self._failures = Pace(_FAILURES / 60, _FAILURES)
        self._calls = Pace(door.pace, 2 * door.pace)
        self._admitted: dict[bytes, None] = {}

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_names(scope, headers)
            grant = await self._who(scope, headers)
        except _Refused as no:
            await no.answer(scope, receive, send)
            return
        except _Entered as yes:
            await yes.response(scope, receive, send)
            return
        wait = partial(self._calls.take, grant.holder)
        stamp(scope, Passport(grant) if grant is HERE else Passport(grant, wait))
        if grant not in (HERE, STRANGER):
            token = AccessToken(token="", client_id=grant.holder, scopes=[])
            scope["user"] = AuthenticatedUser(token)
            stream = _Stream(scope, receive, send, lambda: self._door.still(grant) is not None)
            receive, send = stream.receive, stream.send
        await self._app(scope, receive, _with_headers(send))

    def _check_names(self, scope: Asgi, headers: Headers) -> None:
        hosts = self._door.hosts
        if not _local(scope) and _name(headers.get("host", "")) not in hosts:
            raise _Refused(421, "This server is not reached by that name; see --allow-host.")
        origin = headers.get("origin")
        strange = origin is not None and _name(_place(origin)) not in hosts
        # What a page of another site embeds has no Origin but says so in another way. Links may.
        embedded = origin is None and headers.get("sec-fetch-site") == "cross-site"
        if strange or (embedded and headers.get("sec-fetch-dest") != "document"):
            raise _Refused(403, "Pages of other sites may not come in.")

    async def _who(self, scope: Asgi, headers: Headers) -> Grant:
        """Who a request comes from, and may."""
        path: str = scope["path"]
        if _local(scope):
            return HERE
        if not self._door.keys:
            if is_own(scope["client"], scope["server"]):
                return HERE
            if path == "/healthz":
                return STRANGER
            raise _Refused(403, _ANOTHERS)
        unasked = path == "/healthz" and "authorization" not in headers
        if unasked or path.startswith(METADATA):
            return STRANGER
        live = path.split("/")[2] if path.startswith("/live/") else ""
        grant = None
        if "authorization" in headers:
            grant = await self._by_token(scope, headers["authorization"])
        elif live:
            grant = self._by_browser(scope, headers, live)
        if grant is None:
            raise self._ask(_LINK if live and scope.get("method") == "GET" else _ASK)
        needed = _needed(scope, live)
        if not grant.may(needed):
            why = f"Your token does not have the scope {needed}, which this takes."
            raise _Refused(403, why, {"WWW-Authenticate": self._challenge("insufficient_scope")})
        named = path.split("/")[2] if path.startswith("/d/") else live
        if named and named != "static" and not grant.reaches(named):
            raise _Refused(403, "Your token is not for this desktop.")
        return grant

    async def _by_token(self, scope: Asgi, header: str) -> Grant:
        kind, _, shown = header.partition(" ")
        if kind.lower() != "bearer":
            raise self._ask(_ASK)
        shown = shown.strip()
        digest = hashlib.sha256(shown.encode()).digest()
        peer = _peer(scope)
        if digest not in self._admitted and (wait := self._failures.wait(peer)):
            raise _slow_down(wait)
        why = _ASK
        for keys in self._door.keys:
            try:
                grant = await keys.grant(shown)
            except BadToken as bad:
                why = str(bad)
            else:
                if grant:
                    self._admitted.pop(digest, None)
                    self._admitted[digest] = None
                    if len(self._admitted) > _ADMITTED:
                        del self._admitted[next(iter(self._admitted))]
                    return grant
        raise self._failed(scope, why)

    def _by_browser(self, scope: Asgi, headers: Headers, live: str) -> Grant | None:
        name = _cookie_name(scope)
        grant = self._by_cookie(_cookie(headers, name))
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        codes = [value for key, value in query if key == "code"]
        if codes and scope["type"] == "http" and scope["method"] == "GET":
            if wait := self._failures.wait(_peer(scope)):
                raise _slow_down(wait)
            cookie = self._door.passes.exchange(codes[0], live)
            if not cookie and grant is None:
                raise self._failed(scope, _USED)
            rest = urlencode([(key, value) for key, value in query if key != "code"])
            raise _Entered(_reload(scope, cookie, f"?{rest}" if rest else ""))
        if grant is None:
            return None
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        origin = headers.get("origin", "")
        if changes and _place(origin) != headers.get("host"):
            raise _Refused(403, "This is only done for a page of this server.")
        if scope["path"].endswith("/link"):
            raise self._ask(_ASK)  # or a link would outlive its time by another, for ever
        return grant

    def _by_cookie(self, cookie: str) -> Grant | None:
        found = self._door.passes.grant(cookie) if cookie else None
        return self._door.still(found) if found else None

    def _failed(self, scope: Asgi, why: str) -> "_Refused":
        peer = _peer(scope)
        self._failures.take(peer)
        logger.warning("refused %r to %s: wrong token or code", scope["path"], peer)
        return self._ask(why, "invalid_token")

    def _ask(self, why: str, error: str = "") -> "_Refused":
        return _Refused(401, why, {"WWW-Authenticate": self._challenge(error)})

    def _challenge(self, error: str) -> str:
        told = {"error": error} if error else {}
        if provider := self._door.provider:
            told |= {"scope": "view control", "resource_metadata": provider.metadata_url}
        return " ".join(["Bearer", ", ".join(f'{key}="{told[key]}"' for key in told)]).strip()


class _Refused(Exception):
    """A request does not pass the door."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        self._response = PlainTextResponse(why, status, headers)
        self._why = why

    async def answer(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._response(scope, receive, send)
        else:  # before it is accepted, so that a browser reads 403 and no reason anyway
            await send({"type": "websocket.close", "code": 1008, "reason": self._why})


class _Entered(Exception):
    """A browser has shown a code and is told to load the page again, without it."""

    def __init__(self, response: Response) -> None:
        self.response = response


class _Stream:
    """What passes between a client and the app, for as long as the client may be here."""

    def __init__(
        self, scope: Asgi, receive: Receive, send: Send, valid: Callable[[], bool]
    ) -> None:
        self._websocket = scope["type"] == "websocket"
        self._receive = receive
        self._send = send
        self._valid = valid
        self._endless = self._websocket
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        await self._end_if_over()
        if not self._ended or message["type"].endswith(".disconnect"):
            return message
        return {"type": "websocket.disconnect" if self._websocket else "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message["headers"]}
            self._endless = b"content-length" not in names
        else:
            await self._end_if_over()
        if not self._ended:
            await self._send(message)

    async def _end_if_over(self) -> None:
        if self._ended or not self._endless or self._valid():
            return
        self._ended = True
        if self._websocket:
            why = "Your token is not good any more."
            await self._send({"type": "websocket.close", "code": 1008, "reason": why})
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _with_headers(send: Send) -> Send:
    """Keep pages of other sites from framing or embedding what is sent."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_HEADERS]
        await send(message)

    return sending


def _needed(scope: Asgi, live: str) -> Scope:
    """The scope a route takes at least; what tools take is said by their own gate."""
    changes = live and scope["type"] == "http" and scope["method"] not in ("GET", "HEAD")
    return "control" if changes and not scope["path"].endswith("/link") else "view"


def _reload(scope: Asgi, cookie: str, query: str) -> Response:
    """A page that loads itself again without the code.

    A redirect would not do: from a link on another site it would come without the cookie.
    """
    page = html.escape(scope["path"] + query, quote=True)
    response = HTMLResponse(_RELOAD.format(page), headers={"Cache-Control": "no-store"})
    if cookie:
        response.set_cookie(
            _cookie_name(scope), cookie, int(SESSION), path="/live", httponly=True,
            samesite="strict", secure=scope.get("scheme") in ("https", "wss"),
        )  # fmt: skip
    return response


def _cookie_name(scope: Asgi) -> str:
    """A name that no other server on this machine uses: cookies know hosts but no ports."""
    return f"gloveport-{(scope.get('server') or ('', 0))[1]}"


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie("; ".join(headers.getlist("cookie")))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _slow_down(seconds: float) -> _Refused:
    why = f"Too many wrong tokens came from your address; try again in {seconds:.0f} s."
    return _Refused(429, why, {"Retry-After": str(int(seconds) + 1)})


def _peer(scope: Asgi) -> str:
    """Where a request comes from; the addresses of one IPv6 household count as one."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _local(scope: Asgi) -> bool:
    """Whether a request came by the Unix socket, which is this user's alone and has no port."""
    return (scope.get("server") or (None, None))[1] is None


def _name(host: str) -> str:
    """The name in "name:port" or "[::1]:port"."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if host else ""
    except ValueError:
        return ""


def _place(url: str) -> str:
    """The "name:port" of a URL."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _ordered(grant: Grant) -> list[str]:
    return [scope for scope in SCOPES if grant.may(scope)]

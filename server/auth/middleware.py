"""The door: who may come in, to every route, WebSockets too.

Rule 1: a request must mean this server and come from no other site's page, always (origin.py).
Rule 2: over TCP it must show a token in its Authorization header. Browsers cannot: on the live
    view, and nowhere else, a session does it, got for a code: a cookie, and for all but the page
    itself a key too, since cookies go to every port of a host (sign_in_links.py). By the Unix
    socket come this user's own processes and root's (connection_limit.py); nobody is told apart by
    user over TCP.
Rule 3: who came in is good for as long as what they came in by: a stream that outlasts it ends.
Rule 4: no token, code or cookie stands in a log or in a refusal.
Rule 5: a good token or link is let in, however many wrong ones came from the same address.
"""

import ipaddress
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi

from .body_limit import (
    TooLarge,
    counted,
    declared_too_large,
    limit_of,
    takes_messages,
    with_reasons,
)
from .connection_limit import Connections
from .identity_provider import METADATA, IdentityProvider
from .origin import own_origin, wrong_body, wrong_host, wrong_origin
from .principal import (
    HERE,
    PERSON,
    SCOPES,
    STRANGER,
    Passport,
    Principal,
    Scope,
    including,
    passport_of,
    stamp,
)
from .rate_limit import RateLimit
from .share import share_routes
from .sign_in_links import HOME, SignInLinks
from .sign_in_page import (
    cookie_name,
    door_page,
    enter_page,
    posted,
    reload_page,
    wants_page,
)
from .stream import BoundedStream
from .token_store import BadToken

logger = logging.getLogger(__name__)

PEER = "gloveport.peer"
"""In a request's scope: the other end of its connection, whatever a proxy says of the client."""
INSTANCE = "x-gloveport-instance"
"""A header by which a client says which server it means: what it knows of the desktop is of that
one. See `Door.instance`."""
KEY = "x-gloveport-key"
"""A header with the key of a browser's session. Browsers can set no header on a WebSocket: there it
is one of the subprotocols that they offer, behind `_KEY_PROTOCOL`."""
_KEY_PROTOCOL = "gloveport.key."
_GONE = "The desktop you mean is gone: its server has ended, and this is another one."
_FAILURES = 10  # wrong tokens in a row from one address, and as many a minute after that
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # a page around the live view could trick people into clicks
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),  # with none at all a form's Origin would be null
)
_ASK = "Show the server's token: Authorization: Bearer TOKEN."
_LINK = "The live view needs a sign-in link: run `gloveport live`."
_REASONS = {421: "host", 403: "scope", 429: "slow"}
"""Why a person is refused, by the HTTP status, unless it is said; see sign_in_page.py."""
_USED = "This link has expired or was already used. Run `gloveport live` for a new one."


class Keys(Protocol):
    """Something that knows tokens."""

    @property
    def provider(self) -> IdentityProvider | None:
        """Where to get one, if that is an identity provider."""
        ...

    async def grant(self, shown: str) -> Principal | None:
        """What a token is good for; None: it is not one of these.

        Raises:
            BadToken: It is one of these, and no good.
        """
        ...

    def still(self, grant: Principal) -> Principal | None:
        """What one who came in by one of these may do by now; None: nothing, or no such."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Args:
        hosts: Names this server is reached by, without port.
        keys: What knows the tokens that callers over TCP must show; empty: none is good.
        pace: Calls a second of one token; twice as many at once.
        passes: Links to the live view.
        address: Where browsers reach this, such as http://127.0.0.1:8750; empty: nowhere.
        origins: Origins of other pages that may speak to this server.
        connections: Those of the sockets it listens on, if they are bounded.
    """

    hosts: frozenset[str]
    keys: Sequence[Keys] = ()
    pace: float = 50.0
    passes: SignInLinks = field(default_factory=SignInLinks)
    address: str = ""
    origins: frozenset[str] = frozenset()
    connections: Connections | None = None
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells this server from another one that is reached by the same name later."""

    @property
    def provider(self) -> IdentityProvider | None:
        """The identity provider it takes tokens of, if any."""
        return next((keys.provider for keys in self.keys if keys.provider), None)

    def still(self, grant: Principal) -> Principal | None:
        """What is left of a grant by now; None: nothing."""
        if grant.over:
            return None
        if grant.holder in (HERE.holder, PERSON.holder):
            return grant
        for keys in self.keys:
            if now := keys.still(grant):
                return grant.within(now)
        return None

    def routes(self) -> list[Route]:
        """What the door itself answers."""
        links = [
            Route("/live/{desktop}/link", self._link, methods=["POST"]),
            Route("/", _sign_in),
            *share_routes(self.passes, self.address),
        ]
        if self.provider is None:
            return links
        return [
            *links,
            Route(METADATA, self._metadata),
            Route(METADATA + "/{path:path}", self._metadata),
        ]

    async def _metadata(self, request: Request) -> Response:
        assert self.provider
        return JSONResponse(self.provider.metadata)

    async def _link(self, request: Request) -> Response:
        """A link for a browser, with what the token that asks allows, or less."""
        desktop = request.path_params["desktop"]
        asked = request.query_params.get("scope", "admin").split(",")
        limit = including(scope for scope in SCOPES if scope in asked)
        if not limit or not set(asked) <= {*SCOPES}:
            return PlainTextResponse(f"Unknown scope; write some of {', '.join(SCOPES)}.", 422)
        links = passport_of(request).links
        assert links
        grant = links.within(Principal("", "", limit))
        code = self.passes.code(grant, desktop)
        return JSONResponse(
            {
                "path": (path := f"/live/{desktop}?code={code}"),
                "url": f"{self.address}{path}" if self.address else "",
                "scopes": [scope for scope in SCOPES if grant.may(scope)],
            },
            headers={"Cache-Control": "no-store"},
        )


async def _sign_in(request: Request) -> Response:
    return door_page(request.headers.get("accept-language", ""), "")


class Guard:
    """Outermost ASGI layer: refuses what does not pass the door, before anything else runs."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = AuthContextMiddleware(app)  # sessions and sealed state of the SDK belong to one
        self._door = door
        self._failures = RateLimit(_FAILURES / 60, _FAILURES)
        self._calls = RateLimit(door.pace, 2 * door.pace)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            receive = self._check(scope, receive)
            passport = await self._who(scope, receive)
        except _Refused as no:
            await no.answer(scope, receive, send)
            return
        except TooLarge as why:
            await PlainTextResponse(why.detail, 413)(scope, receive, send)
            return
        except _Entered as yes:
            self._prove(scope)
            await yes.response(scope, receive, _with_headers(send))
            return
        stamp(scope, passport)
        grant = passport.grant
        if grant is not STRANGER:
            self._prove(scope)
        if passport.still:
            token = AccessToken(token="", client_id=grant.holder, scopes=[])
            scope["user"] = AuthenticatedUser(token)
            stream = BoundedStream(
                scope, receive, send, lambda: self._door.still(grant) is not None
            )
            receive, send = stream.receive, stream.send
        if scope["type"] == "http" and takes_messages(scope["path"]):
            send = with_reasons(send)
        await self._app(scope, receive, _with_headers(send))

    def _prove(self, scope: Asgi) -> None:
        if self._door.connections:
            self._door.connections.prove(scope.get(PEER) or scope.get("client"))

    def _check(self, scope: Asgi, receive: Receive) -> Receive:
        """Refuse what is refused whoever sends it; return what reads the body within its limit."""
        if not _local(scope) and (why := wrong_host(scope, self._door.hosts)):
            raise _Refused(421, why)
        if why := wrong_origin(scope, self._door.origins):
            raise _Refused(403, why)
        meant = Headers(scope=scope).get(INSTANCE)
        if meant and meant != self._door.instance:
            raise _Refused(410, _GONE)
        if scope["type"] != "http":
            return receive
        limit = limit_of(scope["path"])
        if declared_too_large(Headers(scope=scope).get("content-length", ""), limit):
            raise TooLarge(limit)
        if not _enters(scope) and (why := wrong_body(scope)):
            raise _Refused(415, why)
        return counted(receive, limit)

    async def _who(self, scope: Asgi, receive: Receive) -> Passport:
        """Who a request comes from, and may."""
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if _local(scope):
            return Passport(HERE.shown, links=PERSON)
        unasked = path in ("/", "/live", "/healthz") and "authorization" not in headers
        if unasked or path.startswith(METADATA):
            return Passport(STRANGER)
        live = path.split("/")[2] if path.startswith("/live/") else ""
        passport = None
        if "authorization" in headers:
            passport = self._shown(await self._by_token(scope, headers["authorization"]))
        elif live:
            passport = await self._by_browser(scope, headers, receive, live)
        if passport is None:
            raise self._ask(
                _LINK if live and scope.get("method") == "GET" else _ASK, says="sign_in"
            )
        grant, needed = passport.grant, _needed(scope)
        if not any(map(grant.may, needed)):
            why = f"Your token does not have the scope {needed[0]}, which this takes."
            raise _Refused(403, why, {"WWW-Authenticate": self._challenge("insufficient_scope")})
        named = path.split("/")[2] if path.startswith("/d/") else live
        if named and named not in ("static", HOME) and not grant.reaches(named):
            raise _Refused(403, "Your token is not for this desktop.", says="desktop")
        return passport

    def _shown(self, grant: Principal) -> Passport:
        """The passport of a request that shows a token."""

        def still() -> Principal | None:
            now = self._door.still(grant)
            return now and now.shown

        wait = partial(self._calls.take, grant.holder)
        if grant.session:  # a gateway has signed this browser in, and makes its links
            still = partial(self._door.still, grant)
            return Passport(grant, wait, session=grant.session, still=still)
        return Passport(grant.shown, wait, links=grant, still=still)

    async def _by_token(self, scope: Asgi, header: str) -> Principal:
        kind, _, shown = header.partition(" ")
        if kind.lower() != "bearer":
            raise self._ask(_ASK)
        shown = shown.strip()
        why = _ASK
        for keys in self._door.keys:
            try:
                grant = await keys.grant(shown)
            except BadToken as bad:
                why = str(bad)
            else:
                if grant:
                    return grant
        raise self._failed(scope, why, "wrong")

    async def _by_browser(
        self, scope: Asgi, headers: Headers, receive: Receive, live: str
    ) -> Passport | None:
        cookie = _cookie(headers, cookie_name(scope))
        grant = self._by_cookie(cookie)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        rest = urlencode([(key, value) for key, value in query if key != "code"])
        page = scope["path"] + (f"?{rest}" if rest else "")
        if _enters(scope):
            given = await posted(scope, receive)
            code = given.get("code", "")
            if (token := given.get("token", "")) and live == HOME:
                shown = await self._by_token(scope, f"Bearer {token}")
                code = self._door.passes.code(shown, HOME)
            made = self._door.passes.exchange(code, live)
            if not made and grant is None:
                raise self._failed(scope, _USED, "used")
            raise _Entered(reload_page(scope, made, page))
        code = next((value for key, value in query if key == "code"), None)
        if code is not None and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            session = self._door.passes.session(cookie) if grant else ""
            if self._door.passes.good(code, live):
                raise _Entered(enter_page(code, session))
            if grant is not None:
                raise _Entered(reload_page(scope, None, page))
            raise self._failed(scope, _USED, "used")
        if grant is None:
            return None
        if not _is_page(scope) and not self._door.passes.keyed(cookie, _key(scope, headers)):
            raise self._ask(_LINK)
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if changes and headers.get("origin") not in (own_origin(scope), *self._door.origins):
            raise _Refused(403, "This is only done for a page of this server.")
        if scope["path"].endswith("/link"):
            raise self._ask(_ASK)  # or a link would outlive its time by another, for ever
        wait = partial(self._calls.take, grant.holder)
        passes = self._door.passes
        links = None if passes.shared(cookie) else grant
        return Passport(
            grant,
            wait,
            session=passes.session(cookie),
            links=links,
            still=lambda: self._by_cookie(cookie),
        )

    def _by_cookie(self, cookie: str) -> Principal | None:
        found = self._door.passes.grant(cookie) if cookie else None
        return self._door.still(found) if found else None

    def _failed(self, scope: Asgi, why: str, says: str) -> "_Refused":
        """Refuse what was wrong, and after several of them tell who sends them to wait."""
        peer = _peer(scope)
        if wait := self._failures.take(peer):
            return _slow_down(wait)
        logger.warning("refused %r to %s: wrong token or code", scope["path"], peer)
        return self._ask(why, "invalid_token", says)

    def _ask(self, why: str, error: str = "", says: str = "sign_in") -> "_Refused":
        return _Refused(401, why, {"WWW-Authenticate": self._challenge(error)}, says)

    def _challenge(self, error: str) -> str:
        told = {"error": error} if error else {}
        if provider := self._door.provider:
            told |= {"scope": "view control", "resource_metadata": provider.metadata_url}
        return " ".join(["Bearer", ", ".join(f'{key}="{told[key]}"' for key in told)]).strip()


class _Refused(Exception):
    """A request does not pass the door."""

    def __init__(
        self, status: int, why: str, headers: dict[str, str] | None = None, says: str = ""
    ) -> None:
        self._response = PlainTextResponse(why, status, headers)
        self._why = why
        self._says = says or _REASONS.get(status, "refused")

    async def answer(self, scope: Asgi, receive: Receive, send: Send) -> None:
        response: Response = self._response
        if language := wants_page(scope):
            response = door_page(language, self._says, response.status_code)
            for name in ("www-authenticate", "retry-after"):
                if name in self._response.headers:
                    response.headers[name] = self._response.headers[name]
        if scope["type"] == "http":
            await response(scope, receive, send)
        else:  # before it is accepted, so that a browser reads 403 and no reason anyway
            await send({"type": "websocket.close", "code": 1008, "reason": self._why})


class _Entered(Exception):
    """A browser has shown a code and is told to load the page again, without it."""

    def __init__(self, response: Response) -> None:
        self.response = response


def _with_headers(send: Send) -> Send:
    """Keep pages of other sites from framing or embedding what is sent."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_HEADERS]
        await send(message)

    return sending


def _needed(scope: Asgi) -> tuple[Scope, ...]:
    """The scopes of which a route takes any; what tools and verbs take they say themselves."""
    acts = scope["path"].startswith("/live/") and scope["path"].endswith("/do")
    return ("control", "approve") if acts else ("view",)


def _enters(scope: Asgi) -> bool:
    """Whether a request posts the code of a link."""
    path = scope["path"].split("/")
    at_view = len(path) == 3 and path[1] == "live" and path[2] not in ("", "static")
    return scope["type"] == "http" and scope["method"] == "POST" and at_view


def _is_page(scope: Asgi) -> bool:
    """Whether a request is for the live view's page or its files, which tell nothing of a desktop.

    Browsers fetch these themselves, and send no header of ours.
    """
    path = scope["path"].split("/")
    page = len(path) == 3 or path[2] == "static"
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and page


def _key(scope: Asgi, headers: Headers) -> str:
    """The key of a browser's session that a request carries; empty: none."""
    offered: list[str] = scope.get("subprotocols", [])
    keys = (one for one in offered if one.startswith(_KEY_PROTOCOL))
    return headers.get(KEY) or next(keys, "").removeprefix(_KEY_PROTOCOL)


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
    """Whether a request came by the Unix socket, which is this user's alone and has no port.

    Where the address is not known, it did not.
    """
    server = scope.get("server")
    return server is not None and server[1] is None

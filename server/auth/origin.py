"""Which pages may speak to this server: its own, and those of origins that were allowed.

One rule for every route, WebSockets too:

Rule 1: the Host header names this server.
Rule 2: an Origin header, where there is one, is this server's own scheme, host and port, as the
    request itself was addressed, or an allowed one.
Rule 3: a browser that says that another site, or another port of the same host, caused the request
    (Sec-Fetch-Site) is refused, unless a person goes to a page (a navigation).
Rule 4: what changes something has a body of JSON, which pages of other sites cannot send unasked.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_SCHEMES = {"ws": "http", "wss": "https"}


def named_host(host: str) -> str:
    """Return the name in "name:port" or "[::1]:port"; empty if that is no such thing."""
    found = _HOST.fullmatch(host) if len(host) < 300 else None
    return found["name"].strip("[]").lower() if found else ""


def wrong_host(scope: Scope, hosts: frozenset[str]) -> str:
    """Return why a request's Host header is refused; empty if it is not."""
    given = Headers(scope=scope).getlist("host")
    if len(given) == 1 and named_host(given[0]) in hosts:
        return ""
    return "Unknown Host header. Add the name with --allow-host NAME."


def wrong_origin(scope: Scope, allowed: frozenset[str]) -> str:
    """Return why a request is refused for the page it comes from; empty if it is not."""
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")  # of several, each may be the page's
    mine = own_origin(scope)
    if len(origins) > 1 or any(one not in allowed and one != mine for one in origins):
        return "Cross-origin request blocked. Allow the page's origin with --allow-origin."
    invited = bool(origins) and origins[0] in allowed
    site = headers.get("sec-fetch-site")
    if site in (None, "same-origin", "none") or invited or _navigates(scope, headers):
        return ""
    return "Cross-origin request blocked. Open the address in a tab of its own."


def wrong_body(scope: Scope) -> str:
    """Return why the body of a request that changes something is refused; empty if it is not."""
    headers = Headers(scope=scope)
    if scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
        return ""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return ""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return "" if kind == "application/json" else "Send JSON, as Content-Type: application/json."


def own_origin(scope: Scope) -> str:
    """Return the origin of a page of this server, as the request was addressed."""
    scheme = scope.get("scheme", "http")
    host = Headers(scope=scope).get("host", "")
    return _normal(f"{_SCHEMES.get(scheme, scheme)}://{host}")


def _normal(origin: str) -> str:
    """An origin as browsers write it: in lower case, without the port that goes without saying."""
    parts = urlsplit(origin.lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual) if usual else parts.netloc}"


def _navigates(scope: Scope, headers: Headers) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )

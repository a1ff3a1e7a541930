"""Links that people make on the live view for others: for so long, with so much, and taken back.

    POST /live/{desktop}/share    {"scope": "view", "hours": 1}: a link
    GET  /live/{desktop}/shares   those of this session
    POST /live/{desktop}/unshare  {"id": "..."}: it ends, with whoever came by it

A link is used up by the first browser that opens it, as all are. It allows no more than its maker
may, never to approve, and ends with the session of its maker at the latest. Who came by one makes
none.
"""

import json
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .principal import Principal, including, passport_of
from .sign_in_links import Share, SignInLinks

_LONGEST = 24.0  # hours


def share_routes(passes: SignInLinks, address: str) -> list[Route]:
    """The routes by which links are made, listed and taken back."""

    async def share(request: Request) -> Response:
        passport, given = passport_of(request), await _given(request)
        scope, hours = given.get("scope"), given.get("hours")
        if scope not in ("view", "control") or not isinstance(hours, int | float):
            return _no(422, 'Send JSON such as {"scope": "view", "hours": 1}.')
        if not 0 < hours <= _LONGEST:
            return _no(422, f"hours must be more than 0 and at most {_LONGEST:.0f}.")
        links = passport.links and passport.links.within(Principal("", "", including([scope])))
        if links is None or not links.may(scope):
            return _no(403, "Your sign-in does not let you share this.")
        made = Share(
            secrets.token_hex(8), request.path_params["desktop"], scope,
            min(time.time() + 3600 * hours, links.until), passport.person,
        )  # fmt: skip
        path = f"/live/{made.desktop}?code={passes.share(links, made)}"
        return JSONResponse(
            _told(made) | {"path": path, "url": f"{address}{path}" if address else ""}
        )

    async def shares(request: Request) -> Response:
        return JSONResponse([_told(one) for one in passes.shares(passport_of(request).person)])

    async def unshare(request: Request) -> Response:
        id = str((await _given(request)).get("id"))
        if not passes.revoke(id, passport_of(request).person):
            return _no(404, "There is no such link of yours; it may have ended.")
        return JSONResponse({"ok": True})

    below = "/live/{desktop}"
    return [
        Route(f"{below}/share", share, methods=["POST"]),
        Route(f"{below}/shares", shares),
        Route(f"{below}/unshare", unshare, methods=["POST"]),
    ]


async def _given(request: Request) -> dict[str, Any]:
    try:
        read: Any = json.loads(await request.body())
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {}  # type: ignore[return-value] # JSON


def _told(one: Share) -> dict[str, Any]:
    return {"id": one.id, "scope": one.scope, "until": one.until, "used": one.used}


def _no(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)

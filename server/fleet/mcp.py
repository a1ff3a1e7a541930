"""MCP by the gateway: which desktop a message is for, and the tool `desktops`.

    POST /d/{desktop}/mcp   for that desktop
    POST /mcp               for the desktop a call names, else of the session, else the caller's own

The gateway keeps no session: the id of a desktop's session, in the handshake era, is given on with
the desktop's id before it. A call of such a session that names another desktop goes there by the
stateless era of the protocol. So any gateway answers any request.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gloveport.sandbox.errors import BadText, SandboxError

from ..auth.principal import Passport, passport_of
from ..hosts.base import Full, Placed
from .directory import DEFAULT, Directory, Lost
from .relay import Relay
from .upstream import Answer, Broken, Headers

_SESSION, _CLIENT = b"mcp-session-id", b"x-gloveport-client"
_STATELESS = "2026-07-28"
_META = "io.modelcontextprotocol/"
_FAILED = -32000  # JSON-RPC: the first code that servers may use as they like
_NO_SESSION = 404
_OPENS = ("list", "open", "close")
_WHICH = {
    "type": "string", "default": "", "nullable": True,
    "description": "Name of a desktop, from desktops; default: main.",
}  # fmt: skip

Message = dict[str, Any]


class Mcp:
    """The MCP endpoint, as an ASGI app.

    Args:
        directory: Whose desktops there are.
        relay: Passes messages on.
        address: Where clients reach the gateway.
    """

    def __init__(self, directory: Directory, relay: Relay, address: str) -> None:
        self._directory = directory
        self._relay = relay
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        passport = passport_of(request)
        body = await request.body()
        message = _message(body)
        try:
            if why := _refusal(message, passport):
                raise BadText(why)
            told = await self._own(message, passport)
            if told is not None:
                await JSONResponse(_result(message, told))(scope, receive, send)
                return
            await self._forward(request, passport, message, body, send)
        except SandboxError as why:
            await _failed(message, why)(scope, receive, send)

    async def _own(self, message: Message, passport: Passport) -> Message | None:
        """What the gateway itself answers to a call of the tool desktops; None: it does not."""
        given = _arguments(message)
        action = given.get("action", "list")
        if _tool(message) != "desktops" or action not in _OPENS:
            return None
        if not passport.grant.may("control"):
            raise BadText(passport.refusal("desktops", needs="control", desktop=""))
        name, size = given.get("name", ""), given.get("size", "")
        if not isinstance(name, str) or not isinstance(size, str):
            raise BadText("name and size must be text. Nothing was done.")
        if action == "open":
            placed = await self._directory.open(passport.grant, _key(name), self._spec(size))
            return {"ok": True, "opened": placed.key, **self._told(placed)}
        if action == "close":
            return {"ok": True, "closed": (await self._directory.close(passport.grant, name)).key}
        listed = await self._directory.listed(passport.grant)
        return {"ok": True, "desktops": [self._told(placed) for placed in listed]}

    def _spec(self, size: str) -> Any:
        usual = self._directory.spec
        if not size:
            return usual
        width, _, height = size.lower().partition("x")
        sides = [int(one) for one in (width, height) if one.isdecimal() and len(one) < 5]
        if len(sides) != 2 or not all(320 <= side <= 3840 for side in sides):
            raise BadText(
                f"A desktop cannot have the size {size[:20]!r}; write one such as 1280x800, each "
                "side 320 to 3840. None was opened."
            )
        return replace(usual, options=(*usual.options, "--size", f"{sides[0]}x{sides[1]}"))

    def _told(self, placed: Placed) -> Message:
        return {
            "name": placed.key, "id": placed.id, "node": placed.node,
            "mcp": f"{self._address}/d/{placed.id}/mcp",
            "live": f"{self._address}/live/{placed.id}",
        }  # fmt: skip

    async def _forward(
        self, request: Request, passport: Passport, message: Message, body: bytes, send: Send
    ) -> None:
        """Send a message on to the desktop it is for, and its answer back."""
        of_session, _, session = request.headers.get("mcp-session-id", "").partition(".")
        named = _arguments(message).get("desktop") or ""
        if not isinstance(named, str):
            raise BadText("desktop must be text: the name of a desktop, from desktops.")
        of_url = str(request.path_params.get("desktop", ""))
        placed = await self._meant(passport, named, of_url, of_session)
        headers: Headers = [(_SESSION, session.encode())] if session else []
        if named:
            message = _without_desktop(message)
        if session and placed.id != of_session:
            message, headers = _stateless(message, of_session + session)
            request.scope["headers"] = [one for one in request["headers"] if one[0] != _SESSION]
        if named or headers[1:]:
            body = json.dumps(message).encode()
        query = request.url.query
        target = f"/mcp?{query}" if query else "/mcp"
        answer = await self._relay.send(placed, passport, request.scope, target, body, headers)
        if message.get("method") == "tools/list" and answer.status == 200:
            await (await _with_desktop(answer, placed))(request.scope, request.receive, send)
            return

        def handed(headers: Headers) -> Headers:
            return [
                (name, f"{placed.id}.".encode() + value if name.lower() == _SESSION else value)
                for name, value in headers
            ]

        await self._relay.pass_on(answer, request.receive, send, handed)

    async def _meant(self, passport: Passport, named: str, of_url: str, of_session: str) -> Placed:
        grant = passport.grant
        found = await self._directory.find(grant, of_url) if of_url else None
        if named:
            placed = await self._directory.find(grant, named)
            if found and placed.id != found.id:
                raise BadText(f"This URL is of the desktop {found.key}, not of {named[:40]!r}.")
            return placed
        if found:
            return found
        if of_session:
            return await self._directory.find(grant, of_session)
        return await self._directory.usual(grant)


def _refusal(message: Message, passport: Passport) -> str:
    """Why a call is not passed on: the scopes of each tool are looked at beside the desktop."""
    tool = _tool(message)
    if not tool or not (seconds := passport.wait()):
        return ""
    return (
        f"Rate limit reached for your token, so {tool[:40]} was not called. Retry in "
        f"{seconds:.1f} s, or do several things in one call with actions."
    )


def _message(body: bytes) -> Message:
    try:
        read: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast(Message, read) if isinstance(read, dict) else {}


def _params(message: Message) -> Message:
    params = message.get("params")
    return cast(Message, params) if isinstance(params, dict) else {}


def _tool(message: Message) -> str:
    name = _params(message).get("name") if message.get("method") == "tools/call" else ""
    return name if isinstance(name, str) else ""


def _arguments(message: Message) -> Message:
    given = _params(message).get("arguments") if _tool(message) else None
    return cast(Message, given) if isinstance(given, dict) else {}


def _key(name: str) -> str:
    key = name or DEFAULT
    if len(key) > 32 or not key.replace("-", "a").isalnum() or not key.isascii():
        raise BadText(
            f"A desktop cannot be called {key[:40]!r}; write letters, digits and hyphens, at most "
            "32. None was opened."
        )
    return key


def _without_desktop(message: Message) -> Message:
    given = {key: value for key, value in _arguments(message).items() if key != "desktop"}
    return {**message, "params": {**_params(message), "arguments": given}}


def _stateless(message: Message, client: str) -> tuple[Message, Headers]:
    """A call of a session, for a desktop that does not have the session."""
    params = _params(message)
    meta = params.get("_meta")
    known: Mapping[str, Any] = cast(Message, meta) if isinstance(meta, dict) else {}
    sealed: Message = {f"{_META}protocolVersion": _STATELESS, f"{_META}clientCapabilities": {}}
    headers = [
        (b"mcp-protocol-version", _STATELESS.encode()), (b"mcp-method", b"tools/call"),
        (b"mcp-name", _tool(message).encode()), (_CLIENT, f"session {client}".encode()),
    ]  # fmt: skip
    return {**message, "params": {**params, "_meta": {**known, **sealed}}}, headers


async def _with_desktop(answer: Answer, placed: Placed) -> Response:
    """The answer to tools/list with the parameter by which a call names a desktop."""
    try:
        told = json.loads(await answer.body())
    except Broken:
        raise Lost(placed.key, sent=True) from None
    finally:
        await answer.close()
    for tool in told.get("result", {}).get("tools", []):
        tool["inputSchema"].setdefault("properties", {})["desktop"] = _WHICH
    return JSONResponse(told)


def _result(message: Message, told: Message, *, failed: bool = False) -> Message:
    text = (
        json.dumps(told, ensure_ascii=False, separators=(",", ":")) if not failed else told["error"]
    )
    result: Message = {"content": [{"type": "text", "text": text}], "isError": failed}
    if f"{_META}protocolVersion" in (_params(message).get("_meta") or {}):
        result["resultType"] = "complete"
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": result}


def _failed(message: Message, why: SandboxError) -> Response:
    """A call is answered by a sentence; a session whose desktop is lost is told that it ended."""
    id = message.get("id")
    if _tool(message) and id is not None:
        return JSONResponse(_result(message, {"error": str(why)}, failed=True))
    retry = {"Retry-After": f"{why.retry_after:.0f}"} if isinstance(why, Full) else {}
    if id is None or isinstance(why, Lost):
        return PlainTextResponse(str(why), _NO_SESSION, retry)
    error = {"code": _FAILED, "message": str(why)}
    return JSONResponse({"jsonrpc": "2.0", "id": id, "error": error}, headers=retry)

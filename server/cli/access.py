"""The command line's part about who may come in: options of `serve`, `token` and `live`.

It imports what it needs when it runs, as main.py does.
"""

import argparse
import ipaddress
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..stdio.system_errors import system_error
from .numbers import number, whole
from .options import read_token, server_url

if TYPE_CHECKING:
    import httpx2

    from ..auth.middleware import Keys
    from ..auth.principal import Scope

_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SCOPES = ("view", "files", "control", "approve", "admin")


@dataclass(frozen=True, slots=True)
class Entry:
    """How callers show who they are.

    Args:
        keys: What knows their tokens; empty: nobody is asked.
        token: The token that does everything, to be printed; empty: none.
        names: Names they know this server by.
        file: The file of a token that does everything.
        origins: Origins of its pages by those names.
    """

    keys: tuple["Keys", ...] = ()
    token: str = ""
    names: tuple[str, ...] = ()
    file: Path | None = None
    origins: tuple[str, ...] = ()


def serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token-file", type=Path, metavar="F",
        help="file with one token that may do everything; made if missing. Without this and the "
        "next two the server makes a token of its own, which clients of this user read by "
        "themselves",
    )  # fmt: skip
    parser.add_argument(
        "--tokens",
        type=Path,
        metavar="F",
        help="file of tokens that `gloveport token add NAME` writes "
        "(~/.config/gloveport/tokens.toml)",
    )
    parser.add_argument(
        "--oauth-issuer", metavar="URL", help="identity provider whose tokens are taken as well"
    )
    parser.add_argument(
        "--oauth-audience", metavar="URL",
        help="this server in those tokens, such as https://box.example/mcp",
    )  # fmt: skip
    parser.add_argument(
        "--oauth-jwks", default="", metavar="FILE|URL",
        help="the provider's public keys, where it does not say itself where they are",
    )  # fmt: skip
    parser.add_argument(
        "--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="a page's origin, such as https://box.example, that may speak to this server besides "
        "its own pages; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--trusted-proxy", action="append", default=[], metavar="ADDRESS",
        help="address of a proxy in front whose X-Forwarded-For and X-Forwarded-Proto are "
        "believed; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--calls-per-second", type=number(0.01, 1e6), default=50.0, metavar="N",
        help="tool calls of one token; twice as many at once (%(default)g)",
    )  # fmt: skip


def commands(
    add_parser: Callable[..., argparse.ArgumentParser],
    server_name: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add `token` and `live` to the commands of a parser.

    Args:
        add_parser: Adds a command.
        server_name: Adds the options that name a server of this user's own.
    """
    token = add_parser(
        "token",
        help="give people and agents tokens of their own",
        description="Tokens with a name, a scope and an end. A running server knows of a change "
        "at once. Only a hash is kept: `add` prints the token, and nothing can again.",
    )
    what = token.add_subparsers(required=True, metavar="add|list|remove")
    adding = what.add_parser("add", help="make a token and print it")
    adding.add_argument("name", help="whose it is: letters, digits, _ and -")
    adding.add_argument(
        "--scopes", default="control", metavar="S,...",
        help="view (look), files (and read files), control (act; the usual), approve (make links "
        "by which people answer what needs a yes), admin (all, also other people's desktops)",
    )  # fmt: skip
    adding.add_argument("--expires", metavar="SPAN", help="such as 12h, 30d, 8w; else never")
    adding.add_argument("--desktops", metavar="NAME,...", help="the only ones it reaches")
    adding.add_argument(
        "--quota", type=whole(0, 1000), metavar="N", help="desktops it may have open"
    )
    adding.set_defaults(run=_add)
    listing = what.add_parser("list", help="say which there are")
    listing.set_defaults(run=_list)
    removing = what.add_parser("remove", help="take one away, and all that came in by it")
    removing.add_argument("name")
    removing.set_defaults(run=_remove)
    for parser in (adding, listing, removing):
        parser.add_argument(
            "--tokens", type=Path, metavar="F", help="the file (~/.config/gloveport/tokens.toml)"
        )

    live = add_parser(
        "live",
        help="print a link to watch a desktop in a browser",
        description="Print a link to the live view, good for one minute and one browser, which "
        "then may stay for 12 hours, or as long as the token is good.",
    )
    live.add_argument(
        "--url", help="a server; without it a link to each of your own that run is printed"
    )
    live.add_argument("--desktop", default="main", metavar="NAME", help="which (%(default)s)")
    live.add_argument(
        "--scope", default="admin", metavar="S,...",
        help="allow no more than this: view to watch, control to take part, approve to answer what "
        "needs a yes (all that the token allows)",
    )  # fmt: skip
    live.add_argument(
        "--token-file", type=Path, metavar="F", help="a token (~/.config/gloveport/token)"
    )
    server_name(live)
    live.set_defaults(run=_live, name="")


def entry(given: argparse.Namespace, own: Path) -> Entry:
    """How callers of `serve` show who they are, by its options.

    Args:
        given: The options.
        own: Where the server keeps a token of its own, if it is given none.
    """
    from ..auth.token_store import BadTokens, TokenFile, plain, table
    from ..stdio.state_folder import BadState, made_token

    asked = given.token_file or given.tokens or given.oauth_issuer
    if given.oauth_audience and not given.oauth_issuer:
        sys.exit("gloveport: --oauth-audience goes with --oauth-issuer.")
    single: Path | None = given.token_file
    if not asked:
        single = own if _loopback(given.host) else _config() / "token"
    token, several = "", given.tokens or _tokens(given)
    keys: list[Keys] = []
    try:
        if single:
            token = made_token(single)
            plain(single)
            keys.append(TokenFile(single, plain))
        if given.tokens or several.exists():
            table(several)
        keys.append(TokenFile(several, table))
    except (BadTokens, BadState) as why:
        missing = given.tokens and not several.exists()
        hint = " `gloveport token add NAME` makes it." if missing else ""
        sys.exit(f"gloveport: {why}{hint}")
    if not given.oauth_issuer:
        return Entry(tuple(keys), token if asked else "", file=single)
    oauth, audience = _oauth(given)
    parts = urlsplit(audience)
    return Entry(
        (*keys, oauth), token, (parts.hostname or "",), single,
        (f"{parts.scheme}://{parts.netloc}".lower(),),
    )  # fmt: skip


def _oauth(given: argparse.Namespace) -> tuple["Keys", str]:
    from ..auth.identity_provider import BadIssuer, IdentityProvider
    from ..auth.oauth import OAuth

    audience: str = given.oauth_audience
    if not audience:
        sys.exit("gloveport: --oauth-issuer needs --oauth-audience, this server's own URL.")
    try:
        provider = IdentityProvider(given.oauth_issuer, audience, given.oauth_jwks)
    except BadIssuer as why:
        sys.exit(f"gloveport: {why}")
    if given.oauth_jwks and "://" not in given.oauth_jwks and not Path(given.oauth_jwks).is_file():
        sys.exit(f"gloveport: --oauth-jwks {given.oauth_jwks} is no file.")
    return OAuth(provider), audience


def _add(given: argparse.Namespace) -> int:
    from ..auth.token_store import BadTokens, add

    scopes = _words(given.scopes)
    if not scopes or not set(scopes) <= set(_SCOPES):
        sys.exit(f"gloveport: --scopes {given.scopes}: write some of {', '.join(_SCOPES)}.")
    fields: dict[str, Any] = {"scopes": scopes}
    if given.expires:
        fields["expires"] = datetime.now(UTC) + _span(given.expires)
    if given.desktops:
        fields["desktops"] = _words(given.desktops)
    if given.quota is not None:
        fields["quota"] = given.quota
    path = _tokens(given)
    try:
        token = add(path, given.name, fields)
    except BadTokens as why:
        sys.exit(f"gloveport: {why}")
    except OSError as why:
        sys.exit(f"gloveport: {system_error(why, path, what='cannot be written')}")
    told = f"This is the token of {given.name}, shown this once; {path} has its hash."
    print(told, file=sys.stderr)  # noqa: T201 - for people; stdout is the token alone
    print(token)  # noqa: T201
    return 0


def _list(given: argparse.Namespace) -> int:
    from ..auth.token_store import BadTokens, table

    path = _tokens(given)
    try:
        entries = table(path) if path.exists() else []
    except BadTokens as why:
        sys.exit(f"gloveport: {why}")
    if not entries:
        print(f"There are no tokens in {path}.", file=sys.stderr)  # noqa: T201
    for grant in (entry.grant for entry in entries):
        told = [f"{grant.name:20}", _scopes(grant.scopes)]
        if grant.until < datetime.max.replace(tzinfo=UTC).timestamp() - 1:
            end = datetime.fromtimestamp(grant.until, UTC)
            told.append(f"{'expired' if grant.over else 'until'} {end:%Y-%m-%d %H:%M} UTC")
        if grant.desktops is not None:
            told.append(f"desktops {', '.join(sorted(grant.desktops))}")
        if grant.quota is not None:
            told.append(f"quota {grant.quota}")
        print("  ".join(told))  # noqa: T201
    return 0


def _remove(given: argparse.Namespace) -> int:
    from ..auth.token_store import BadTokens, remove

    try:
        remove(_tokens(given), given.name)
    except BadTokens as why:
        sys.exit(f"gloveport: {why}")
    except OSError as why:
        sys.exit(f"gloveport: {system_error(why, _tokens(given), what='cannot be written')}")
    return 0


def _live(given: argparse.Namespace) -> int:
    import httpx2

    from ..stdio.local_servers import connectable
    from ..stdio.state_folder import check_name, own_state

    if given.url:
        base = server_url(given.url).rstrip("/").removesuffix("/mcp")
        print(f"{base}{_link(given, base, None)['path']}")  # noqa: T201
        return 0
    state = own_state(given.state_dir)
    names = [check_name(given.name)] if given.name else state.names()
    sockets = [path for name in names if connectable(path := state.socket(name))]
    if not sockets:
        sys.exit("gloveport: no server of yours runs here; --url says where another is.")
    for socket in sockets:
        print(_link(given, "http://localhost", httpx2.HTTPTransport(uds=str(socket)))["url"])  # noqa: T201
    return 0


def _link(
    given: argparse.Namespace, base: str, transport: "httpx2.HTTPTransport | None"
) -> dict[str, str]:
    """A link to the live view, as a server makes it."""
    import httpx2

    file: Path = given.token_file or _config() / "token"
    asked = given.token_file or (transport is None and file.exists())
    token = read_token(file) if asked else ""
    try:
        with httpx2.Client(transport=transport, timeout=10, trust_env=False) as http:
            answer = http.post(
                f"{base}/live/{given.desktop}/link",
                params={"scope": given.scope},
                headers={"Authorization": f"Bearer {token}"} if token else {},
            )
    except (httpx2.HTTPError, httpx2.InvalidURL) as why:
        told = type(why).__name__
        sys.exit(f"gloveport: {base} does not answer ({told}). --url says where the server is.")
    if answer.status_code == 401 and not token:
        sys.exit("gloveport: the server asks for a token; --token-file says where one is.")
    if answer.status_code != 200:
        sys.exit(f"gloveport: {base} says: {answer.text.strip()}")
    return answer.json()


def _scopes(allowed: "frozenset[Scope]") -> str:
    """The scopes of a token in as few words as it was given them."""
    from ..auth.principal import SCOPES, including

    if "admin" in allowed:
        return "admin"
    named: list[Scope] = [one for one in SCOPES if one in allowed]
    return ", ".join(
        one
        for one in named
        if not any(one in including([wider]) for wider in named if wider != one)
    )


def _tokens(given: argparse.Namespace) -> Path:
    return given.tokens or _config() / "tokens.toml"


def _config() -> Path:
    try:
        return Path.home() / ".config" / "gloveport"
    except RuntimeError:
        sys.exit("gloveport: You have no home folder. Set HOME, or name files by options.")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if not found:
        sys.exit(f"gloveport: --expires {text}: write a time such as 12h, 30d or 8w.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})

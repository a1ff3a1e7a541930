"""Options that several commands take, and what they mean."""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..stdio.state_folder import DEFAULT, check_name, own_state, private
from ..stdio.system_errors import system_error
from .numbers import number, whole

if TYPE_CHECKING:
    from gloveport.sandbox import desktop
    from gloveport.sandbox.isolation.egress import EgressPolicy
    from gloveport.sandbox.secrets import store as vault

    from ..control.policy import Policy
    from ..stdio.autostart import OwnServer


DEFAULT_TTL = 15 * 60  # seconds


def server_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", default=DEFAULT, metavar="NAME",
        help="the server's name; clients of the same name share it, and a name of its own keeps "
        "its desktop: files, logins and checkpoints (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)


def staying_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ephemeral", action="store_true",
        help="keep nothing of a desktop that has a name; without a --name nothing is kept",
    )  # fmt: skip
    parser.add_argument(
        "--no-reopen", action="store_true",
        help="do not start again the programs that ran when a desktop that is kept ended",
    )  # fmt: skip


def homes_folder(state_dir: Path | None) -> Path:
    """Where desktops that stay are kept: `$XDG_STATE_HOME/gloveport`, by default in ~/.local/state.

    Args:
        state_dir: Of another installation; its desktops are below it, if nothing else is set.
    """
    set_by_user = Path(os.environ.get("XDG_STATE_HOME", ""))  # noqa: TID251 - the command line
    if set_by_user.is_absolute():
        return set_by_user / "gloveport"
    if state_dir and state_dir != own_state().folder:
        return state_dir / "homes"
    return Path.home() / ".local/state/gloveport"


def desktop_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", default="1280x800", metavar="WxH", help="screen (%(default)s)")
    parser.add_argument(
        "--max-image", type=whole(100, 2000), default=1456, metavar="PIXELS",
        help="longer side of a screenshot, at most 2000; larger screens are scaled (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--walls", choices=("auto", "bwrap", "none"), default="auto",
        help="what separates the desktop from this machine; none: nothing, its programs can do "
        "whatever you can (%(default)s: bubblewrap, or refuse to start)",
    )  # fmt: skip
    parser.add_argument(
        "--network", default="open", metavar="none|open[:PORT,...]|allow=HOST,...",
        help="where its programs may connect by HTTP: nowhere, the internet by ports 80 and 443 "
        "(open:8443 adds one) but never this machine or private addresses, or some hosts such as "
        "allow=a.com,*.b.org,host.internal:8000; the last is port 8000 of this machine "
        "(%(default)s)",
    )  # fmt: skip
    parser.add_argument("--cursor", action="store_true", help="draw the pointer in screenshots")
    parser.add_argument(
        "--tools", default="", metavar="GROUPS",
        help="opt-in groups, by commas: files (upload, download), low-level",
    )  # fmt: skip
    parser.add_argument(
        "--deadline", type=number(0, 60), default=3.0, metavar="SECONDS",
        help="longest wait for the screen to rest after an action (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--secrets", type=Path, metavar="FILE",
        help='file of NAME = "value", for type(secret="NAME"); readable by you alone',
    )  # fmt: skip
    parser.add_argument(
        "--policy", default="usual", metavar="FILE|usual|none",
        help="rules of what agents may do and what needs a person's yes; `gloveport policy` prints "
        "the usual ones (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--notify", default="", metavar="URL",
        help="send each question to a person there as JSON, such as to a chat's webhook",
    )  # fmt: skip


def desktop_settings(given: argparse.Namespace) -> "desktop.DesktopOptions":
    from gloveport.sandbox import desktop
    from gloveport.sandbox.session.session import IsolationOptions

    width, height = _size(given.size)
    return desktop.DesktopOptions(
        below=desktops_folder(),
        width=width,
        height=height,
        longest=min(given.max_image, 2000),
        cursor=given.cursor,
        deadline=given.deadline,
        walls=given.walls,
        enclosure=IsolationOptions(network=_network(given.network)),
        vault=_vault(given.secrets),
    )


def _network(text: str) -> "EgressPolicy":
    from gloveport.sandbox.errors import BadNetwork
    from gloveport.sandbox.isolation.egress import EgressPolicy

    try:
        return EgressPolicy.parse(text)
    except BadNetwork as why:
        sys.exit(f"gloveport: --network {why}")


def rules_of(named: str) -> "Policy":
    from ..control.policy import BUILT_IN, BadPolicy, Policy, load

    if named == "none":
        return Policy()
    try:
        return load(BUILT_IN if named == "usual" else Path(named))
    except BadPolicy as why:
        sys.exit(f"gloveport: {why}")


def _vault(file: Path | None) -> "vault.SecretStore":
    """The secrets of a file, kept out of what is logged from here on."""
    from gloveport.sandbox.errors import BadSecrets
    from gloveport.sandbox.secrets import store as vault

    if file is None:
        return vault.SecretStore()
    try:
        found = vault.load(file)
    except BadSecrets as why:
        sys.exit(f"gloveport: {why}")
    for handler in logging.getLogger().handlers:
        handler.addFilter(vault.Scrubbing(found))
    return found


def shown_token(given: argparse.Namespace) -> str:
    """The token for a server elsewhere; empty if there is none."""
    if given.token_file:
        return read_token(given.token_file)
    return os.environ.get("GLOVEPORT_TOKEN", "")  # noqa: TID251 - this is the command line


def read_token(file: Path) -> str:
    """The token in a file; ends the program if there is none."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except OSError as why:
        sys.exit(f"gloveport: {system_error(why, file, what='cannot be read')}")
    except UnicodeDecodeError:
        sys.exit(f"gloveport: {file} is no token: it is not text. Name the file of a token.")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        sys.exit(f"gloveport: {file} holds no token: one line of letters and digits is needed.")
    return token


def server_url(text: str) -> str:
    """The address of a server elsewhere; ends the program if it is none."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        sys.exit(f"gloveport: --url {text[:80]!r} is no address; one is http://box:8750/mcp.")
    return text


def own_server(given: argparse.Namespace) -> "OwnServer":
    """This user's own server of a name, which is started with these options if none runs."""
    from ..stdio.autostart import OwnServer

    _size(given.size)
    options = serve_options(given)
    state, name = own_state(given.state_dir), check_name(given.name)
    return OwnServer(state, name, options, (*options, "--ttl", str(given.ttl)))


def serve_options(given: argparse.Namespace) -> list[str]:
    """The options that make a desktop what it is, as `serve` takes them; none if as usual."""
    parser = argparse.ArgumentParser()
    desktop_options(parser)
    staying_options(parser)
    usual = parser.parse_args([])
    kept = (("--ephemeral", given.ephemeral), ("--no-reopen", given.no_reopen))
    options = [option for option, wanted in kept if wanted]
    for name in ("size", "max_image", "tools", "deadline", "walls", "network", "notify"):
        if getattr(given, name) != getattr(usual, name):
            options += [f"--{name.replace('_', '-')}", str(getattr(given, name))]
    if given.secrets:
        options += ["--secrets", str(given.secrets.absolute())]
    if given.policy != usual.policy:
        named = given.policy if given.policy == "none" else str(Path(given.policy).absolute())
        options += ["--policy", named]
    return [*options, *(["--cursor"] if given.cursor else [])]


def desktops_folder() -> Path:
    """Where desktops live: on a disk, for their homes hold browser profiles."""
    return private(Path("/tmp") / f"gloveport-{os.getuid()}") / "desktops"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if width.isdecimal() and height.isdecimal():
        size = int(width), int(height)
        if all(320 <= side <= 7680 for side in size):
            return size
    sys.exit(f"gloveport: --size {text} is not possible; write one such as 1280x800 (320 to 7680).")


def groups_of(text: str) -> frozenset[str]:
    groups = frozenset(name for name in text.split(",") if name)
    if unknown := groups - {"files", "low-level"}:
        named = ", ".join(sorted(unknown))
        sys.exit(f"gloveport: there is no group of tools {named}; there are files, low-level.")
    return groups

"""The command line: reads arguments and environment, and nothing else does.

Each command imports what it needs when it runs: a bridge must not wait for the server's imports.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from ..stdio.state_folder import DEFAULT, check_name
from . import access, fleet, servers
from .bench import add_bench
from .entry import INTERRUPTED
from .failures import run
from .loop import run_loop
from .numbers import YEAR, number, whole
from .options import (
    DEFAULT_TTL,
    desktop_options,
    desktop_settings,
    groups_of,
    own_server,
    rules_of,
    server_name,
    server_url,
    shown_token,
    staying_options,
)
from .run import add_run
from .serve import add_serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    whole = parser()
    given = whole.parse_args(argv)
    if not given.command:
        whole.print_help()
        return 2
    logging.basicConfig(
        level=logging.DEBUG if given.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("httpx2", "httpcore2", "mcp", "uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return run(given, given.run)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="gloveport",
        description="Gives any MCP client control of a sandboxed Linux desktop.",
        epilog="First `gloveport doctor`, then `gloveport demo`; clients run `gloveport stdio`.",
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    whole.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")
    add = commands.add_parser
    add_serve(add)
    _add_stdio(add)
    servers.commands(add, server_name)
    fleet.commands(add, server_name)
    servers.desktops(add)
    _add_demo(add)
    add_bench(add)
    _add_policy(add)
    access.commands(add, server_name)
    _add_config(add)
    _add_bundle(add)
    add_run(add)
    _add_doctor(add)
    _add_reference(add, whole)
    return whole


class _Version(argparse.Action):
    """Prints the version on one line; argparse's own action breaks a path in two."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end the program."""
        print(_version())  # noqa: T201 - what was asked for
        parser.exit()


def _version() -> str:
    """The version, and which installation it is of."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"gloveport {version('gloveport')} (Python {python}, {sys.prefix})"


def _add_stdio(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `stdio`."""
    bridging = add(
        "stdio",
        help="speak MCP on stdin and stdout; what a client's configuration runs",
        description="Speak MCP on stdin and stdout. Without --url, uses this user's own server and "
        "starts one if none runs; the desktop outlives this process.",
    )
    bridging.add_argument("--url", help="a server elsewhere, such as http://box:8750/mcp")
    bridging.add_argument(
        "--token-file", type=Path, metavar="F", help="file with its token; else $GLOVEPORT_TOKEN"
    )
    bridging.add_argument(
        "--ttl", type=number(0, YEAR), default=DEFAULT_TTL, metavar="SECONDS",
        help="a server started here ends after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    server_name(bridging)
    desktop_options(bridging)
    staying_options(bridging)
    bridging.set_defaults(run=_stdio)


def _add_demo(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `demo`."""
    demonstrating = add(
        "demo",
        help="see the whole loop: a shop, a brain with the MCP wire alone, and a judge",
        description="Run a desktop and a practice shop; a brain without a model buys a phone in it "
        "by the MCP wire alone. The shop's own books judge. Needs no key.",
    )
    demonstrating.add_argument(
        "--text", action="store_true", help="buy by reading the screen as text, without pictures"
    )
    demonstrating.add_argument(
        "--game", type=int, default=0, metavar="TILE", choices=[2**power for power in range(3, 12)],
        help="instead play 2048 until there is such a tile, by looking at the picture",
    )  # fmt: skip
    demonstrating.add_argument("--json", action="store_true", help="print one JSON object last")
    demonstrating.add_argument(
        "--out", type=Path, default=Path("demo-out"), help="folder for the pictures (%(default)s)"
    )
    demonstrating.add_argument(
        "--rounds", type=whole(0, 10_000), default=20, metavar="N",
        help="how often the shop's name is typed, our way and xdotool's (%(default)s)",
    )  # fmt: skip
    desktop_options(demonstrating)
    demonstrating.set_defaults(run=_demo)


def _add_policy(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `policy`."""
    ruling = add(
        "policy",
        help="print what needs a person's yes, as a file to change for --policy",
    )
    ruling.set_defaults(run=_policy)


def _add_config(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `config`."""
    configuring = add(
        "config",
        help="what to put where for each client; with --write puts it there",
        description="Print how a client is told of the desktop, or with --write add it to the "
        "client's settings file and keep the rest of it, or with --remove take it out. Without "
        "CLIENT, lists them, or takes it out of all.",
    )
    configuring.add_argument("client", nargs="?", default="", metavar="CLIENT")
    change = configuring.add_mutually_exclusive_group()
    change.add_argument(
        "--write", action="store_true", help="add it to the settings file; a backup stays beside it"
    )
    change.add_argument(
        "--remove", action="store_true", help="take it out of the settings file, or of all files"
    )
    configuring.add_argument(
        "--file", type=Path, metavar="F", help="another settings file, such as a project's"
    )
    configuring.add_argument(
        "--name", default="gloveport", help="what the client is to call it (%(default)s)"
    )
    configuring.add_argument(
        "--server", default=DEFAULT, metavar="NAME",
        help="which of your servers, by the name it is served with (%(default)s)",
    )  # fmt: skip
    configuring.add_argument("--url", help="a server elsewhere, such as http://box:8750/mcp")
    configuring.add_argument("--token-file", type=Path, metavar="F", help="file with its token")
    configuring.set_defaults(run=_config)


def _add_bundle(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `bundle`."""
    bundling = add(
        "bundle",
        help="make the files that install this in Claude Desktop",
        description="Make gloveport.mcpb, which gets all it needs by uv, and "
        "gloveport-remote.mcpb, which only reaches a server elsewhere. Open one in Claude Desktop.",
    )
    bundling.add_argument(
        "--out", type=Path, default=Path("dist"), metavar="DIR", help="folder (%(default)s)"
    )
    bundling.set_defaults(run=_bundle)


def _add_doctor(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `doctor`."""
    examining = add(
        "doctor",
        help="start a desktop, and say what is missing and the one command that gets it",
        description="Say what a desktop lacks on this machine and the command that gets it, and "
        "start one for a moment. The exit status is 0 if one runs behind walls, else 1.",
    )
    examining.add_argument("--json", action="store_true", help="print one JSON object")
    examining.set_defaults(run=_doctor)


def _add_reference(
    add: Callable[..., argparse.ArgumentParser], whole: argparse.ArgumentParser
) -> None:
    """The commands `completion` and `man`, which describe all the others."""

    def print_completion(given: argparse.Namespace) -> int:
        from ..setup.reference import completion

        print(completion(whole, given.shell), end="")  # noqa: T201 - what was asked for
        return 0

    def print_man(given: argparse.Namespace) -> int:
        from ..setup.reference import man

        print(man(whole), end="")  # noqa: T201 - what was asked for
        return 0

    completing = add(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Print a completion script. For bash: gloveport completion bash > "
        "~/.local/share/bash-completion/completions/gloveport",
    )
    completing.add_argument("shell", choices=("bash", "zsh", "fish"))
    completing.set_defaults(run=print_completion)
    paging = add(
        "man",
        help="print the man page",
        description="Print the man page. To read it: gloveport man | man -l -",
    )
    paging.set_defaults(run=print_man)


def _demo(given: argparse.Namespace) -> int:
    from ..practice.demo import demo, play
    from ..serve import Settings

    settings = Settings(
        desktop=desktop_settings(given),
        groups=groups_of(given.tools),
        policy=rules_of(given.policy),
    )
    logging.getLogger().setLevel(logging.WARNING)
    given.out.mkdir(parents=True, exist_ok=True)
    return run_loop(
        lambda: (
            play(settings, given.out, given.game, as_json=given.json)
            if given.game
            else demo(settings, given.out, given.rounds, as_json=given.json, by_text=given.text)
        )
    )


def _stdio(given: argparse.Namespace) -> int:
    from ..stdio.bridge import bridge

    if given.url:
        url, token, own = server_url(given.url), shown_token(given), None
    else:
        url, token, own = "http://localhost/mcp", "", own_server(given)
    return INTERRUPTED if run_loop(lambda: bridge(url, token, own)) else 0


def _policy(given: argparse.Namespace) -> int:
    from ..control.policy import BUILT_IN

    print(BUILT_IN.read_text(encoding="utf-8"), end="")  # noqa: T201 - what was asked for
    return 0


def _config(given: argparse.Namespace) -> int:
    from . import client_config

    environment = dict(os.environ)  # noqa: TID251 - this is the command line
    if given.remove:
        return client_config.remove(given.client, given.name, given.file, environment)
    args = ["stdio"]
    if given.server != DEFAULT:
        args += ["--name", check_name(given.server)]
    if given.token_file and not given.url:
        sys.exit("gloveport: --token-file goes with --url.")
    if given.url:
        args += ["--url", server_url(given.url)]
    if given.token_file:
        if not given.token_file.exists():
            sys.exit(f"gloveport: there is no token file {given.token_file}.")
        args += ["--token-file", str(given.token_file.absolute())]
    return client_config.run(
        given.client, given.name, args, given.file, environment, write=given.write
    )


def _bundle(given: argparse.Namespace) -> int:
    from ..setup.mcpb import NotBundled, bundles

    try:
        for one in bundles():
            print(one.write(given.out))  # noqa: T201
    except NotBundled as why:
        print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from ..setup.doctor import examine
    from .options import desktops_folder

    if not given.verbose:
        logging.getLogger().setLevel(logging.CRITICAL)  # what came of the start is said
    return examine(desktops_folder, as_json=given.json)

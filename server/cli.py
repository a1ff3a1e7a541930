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
from typing import TYPE_CHECKING

from . import access, lifecycle
from .state import DEFAULT, BadState, State, check_name, own_state, private

if TYPE_CHECKING:
    from gloveport.clients.prices import Price
    from gloveport.sandbox import desktop, vault
    from gloveport.sandbox.network import Network

    from .own_server import OwnServer
    from .policy import Policy
    from .serving import Served, Settings

_DEFAULT_TTL = 15 * 60  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    parser = _parser()
    given = parser.parse_args(argv)
    if not given.command:
        parser.print_help()
        return 2
    logging.basicConfig(
        level=logging.DEBUG if given.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("httpx2", "httpcore2", "mcp", "uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except BadState as why:
        print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("gloveport: stopped.", file=sys.stderr)  # noqa: T201
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gloveport",
        description="Gives any MCP client control of a sandboxed Linux desktop.",
        epilog="First `gloveport doctor`, then `gloveport demo`; clients run `gloveport stdio`.",
    )
    parser.add_argument("--version", action="version", version=version("gloveport"))
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    serving = commands.add_parser(
        "serve",
        help="run a desktop and serve it over HTTP",
        description="Run a desktop and serve it at http://HOST:PORT/mcp until told to stop.",
    )
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serving.add_argument("--port", type=int, default=8750, help="0 takes a free one (%(default)s)")
    serving.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="a name this server is also reached by; may be repeated",
    )  # fmt: skip
    access.serve_options(serving)
    _server_name(serving)
    serving.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    serving.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)
    serving.add_argument(
        "--ttl", type=float, default=0, metavar="SECONDS",
        help="end after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    serving.add_argument(
        "--desktops", type=int, default=1, metavar="N",
        help="how many desktops there may be; clients open more by the tool desktops (%(default)s)",
    )  # fmt: skip
    serving.add_argument(
        "--desktop-ttl", type=float, default=1800, metavar="SECONDS",
        help="a desktop that was opened is closed after so long without a call (%(default)s)",
    )  # fmt: skip
    _desktop_options(serving)
    serving.set_defaults(run=_serve)

    bridging = commands.add_parser(
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
        "--ttl", type=float, default=_DEFAULT_TTL, metavar="SECONDS",
        help="a server started here ends after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    _server_name(bridging)
    _desktop_options(bridging)
    bridging.set_defaults(run=_stdio)
    lifecycle.commands(commands.add_parser, _server_name)

    demonstrating = commands.add_parser(
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
        "--rounds", type=int, default=20, metavar="N",
        help="how often the shop's name is typed, our way and xdotool's (%(default)s)",
    )  # fmt: skip
    _desktop_options(demonstrating)
    demonstrating.set_defaults(run=_demo)

    ruling = commands.add_parser(
        "policy",
        help="print what needs a person's yes, as a file to change for --policy",
    )
    ruling.set_defaults(run=_policy)
    access.commands(commands.add_parser, _server_name)
    configuring = commands.add_parser(
        "config",
        help="what to put where for each client; with --write puts it there",
        description="Print how a client is told of the desktop, or with --write add it to the "
        "client's settings file and keep the rest of it. Without CLIENT, lists them.",
    )
    configuring.add_argument("client", nargs="?", default="", metavar="CLIENT")
    configuring.add_argument(
        "--write", action="store_true", help="add it to the settings file; a backup stays beside it"
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

    bundling = commands.add_parser(
        "bundle",
        help="make the files that install this in Claude Desktop",
        description="Make gloveport.mcpb, which gets all it needs by uv, and "
        "gloveport-remote.mcpb, which only reaches a server elsewhere. Open one in Claude Desktop.",
    )
    bundling.add_argument(
        "--out", type=Path, default=Path("dist"), metavar="DIR", help="folder (%(default)s)"
    )
    bundling.set_defaults(run=_bundle)

    running = commands.add_parser(
        "run",
        help="give a task to a model; it works on a desktop until it is done",
        description="Give a task to a model of Anthropic's, OpenAI's or Google's, whose SDK finds "
        "its key in the environment. It works on this user's own desktop, or on the one at --url, "
        "until it is done or its budget is. Progress goes to stderr, what it says in the end to "
        "stdout. Every step is written to a folder, from which a run can be taken up again.",
    )
    _run_options(running)
    _server_name(running)
    _desktop_options(running)
    running.set_defaults(run=_run)

    examining = commands.add_parser(
        "doctor", help="say what is missing and the one command that gets it"
    )
    examining.set_defaults(run=_doctor)
    return parser


def _server_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", default=DEFAULT, metavar="NAME",
        help="the server's name; clients of the same name share it (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", default="", help="what is to be done, in words")
    parser.add_argument(
        "--brain", choices=("claude", "openai", "gemini"), default="claude", help="(%(default)s)"
    )
    parser.add_argument("--model", default="", help="a model's name; default: the vendor's newest")
    parser.add_argument(
        "--endpoint", choices=("api", "bedrock", "vertex", "foundry"), default="api",
        help="where Claude is asked (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--base-url", default="", metavar="URL", help="another address of the API")
    parser.add_argument(
        "--vocabulary", default="", choices=("toolset", "computer_20251124", "computer_20250124"),
        help="what Claude calls its actions; default: what the model there is known to take",
    )  # fmt: skip
    parser.add_argument(
        "--no-threads", action="store_true", help="send the whole conversation with each turn"
    )
    parser.add_argument("--no-stream", action="store_true", help="act when a reply is complete")
    parser.add_argument(
        "--no-words", action="store_true",
        help="give it the computer alone, without the tools that look and act by words",
    )  # fmt: skip
    parser.add_argument("--url", help="a desktop elsewhere, such as http://box:8750/mcp")
    parser.add_argument("--token-file", type=Path, metavar="F", help="file with its token")
    parser.add_argument(
        "--ttl", type=float, default=_DEFAULT_TTL, metavar="SECONDS",
        help="a server started here ends after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, default=200, metavar="N",
        help="most it may do; 0 any number, as for the others (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--tokens", type=int, default=0, metavar="N", help="most it may use")
    parser.add_argument("--seconds", type=float, default=0, metavar="S", help="longest it may take")
    parser.add_argument("--dollars", type=float, default=0, metavar="D", help="most it may cost")
    parser.add_argument(
        "--price", default="", metavar="SENT/RECEIVED",
        help="dollars per million tokens, for a model whose price is not known here",
    )  # fmt: skip
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before it types, presses keys or opens"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR",
        help="where the folder of the run is made (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="take up the run of a folder where it was cut off",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the run as one page of HTML"
    )


def _desktop_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", default="1280x800", metavar="WxH", help="screen (%(default)s)")
    parser.add_argument(
        "--max-image", type=int, default=1456, metavar="PIXELS",
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
        "--deadline", type=float, default=3.0, metavar="SECONDS",
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


def _serve(given: argparse.Namespace) -> int:
    from .local import Running, only_one

    state, name = own_state(given.state_dir), check_name(given.name)
    try:
        with only_one(state, name):
            return _serve_alone(given, state, name)
    except Running as why:
        print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
        return 1


def _serve_alone(given: argparse.Namespace, state: State, name: str) -> int:
    if given.own:  # for its user's own clients, by the socket; browsers come by a link
        given.host, given.port = "127.0.0.1", 0
    entry = access.entry(given, state.token(name))

    import anyio

    from gloveport.sandbox.errors import SandboxError

    from .heap import prepare
    from .serving import NoAddress, Settings, serve

    settings = Settings(
        desktop=_desktop(given),
        host=given.host,
        port=given.port,
        names=(*given.allow_host, *entry.names),
        keys=entry.keys,
        origins=frozenset(
            (*(one.lower().rstrip("/") for one in given.allow_origin), *entry.origins)
        ),
        proxies=tuple(given.trusted_proxy),
        pace=given.calls_per_second,
        local=state.socket(name),
        ttl=given.ttl,
        groups=_groups(given.tools),
        policy=_rules(given.policy),
        most=given.desktops,
        desktop_ttl=given.desktop_ttl,
    )

    def ready(served: "Served") -> None:
        state.write_info(name, _info(given, served))
        if given.ready_fd >= 0:
            os.write(given.ready_fd, b"ready\n")
            os.close(given.ready_fd)
        if not given.own:
            _announce(given, served, settings, entry)

    prepare()
    try:
        anyio.run(serve, settings, ready)
    except SandboxError as why:
        print(f"gloveport: {why} Run `gloveport doctor`.", file=sys.stderr)  # noqa: T201
        return 1
    except NoAddress as why:
        print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as why:
        print(f"gloveport: {_told_error(why)}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        state.info(name).unlink(missing_ok=True)
    return 0


def _info(given: argparse.Namespace, served: "Served") -> dict[str, object]:
    """What clients of this user are told of a server."""
    return {
        "pid": os.getpid(),
        "version": version("gloveport"),
        "url": served.url,
        "options": _serve_options(given),
        "started_by": "client" if given.own else "person",
    }


def _told_error(why: OSError) -> str:
    """An error of the system, with what it was about."""
    about = f"{why.filename}: " if why.filename else ""
    return f"{about}{why.strerror or why}. Nothing was started."


def _demo(given: argparse.Namespace) -> int:
    import anyio

    from gloveport.sandbox.errors import SandboxError

    from .demo import demo, play
    from .serving import Settings

    settings = Settings(
        desktop=_desktop(given), groups=_groups(given.tools), policy=_rules(given.policy)
    )
    logging.getLogger().setLevel(logging.WARNING)
    status = 1
    try:
        status = anyio.run(
            lambda: (
                play(settings, given.out, given.game, as_json=given.json)
                if given.game
                else demo(settings, given.out, given.rounds, as_json=given.json, by_text=given.text)
            )
        )
    except* SandboxError as why:  # the shop runs in a group of tasks
        print(f"gloveport: {why.exceptions[0]} Run `gloveport doctor`.", file=sys.stderr)  # noqa: T201
    return status


def _desktop(given: argparse.Namespace) -> "desktop.Settings":
    from gloveport.sandbox import desktop
    from gloveport.sandbox.session import Enclosure

    width, height = _size(given.size)
    return desktop.Settings(
        below=_desktops(),
        width=width,
        height=height,
        longest=min(given.max_image, 2000),
        cursor=given.cursor,
        deadline=given.deadline,
        walls=given.walls,
        enclosure=Enclosure(network=_network(given.network)),
        vault=_vault(given.secrets),
    )


def _network(text: str) -> "Network":
    from gloveport.sandbox.errors import BadNetwork
    from gloveport.sandbox.network import Network

    try:
        return Network.parse(text)
    except BadNetwork as why:
        sys.exit(f"gloveport: --network {why}")


def _rules(named: str) -> "Policy":
    from .policy import BUILT_IN, BadPolicy, Policy, load

    if named == "none":
        return Policy()
    try:
        return load(BUILT_IN if named == "usual" else Path(named))
    except BadPolicy as why:
        sys.exit(f"gloveport: {why}")


def _vault(file: Path | None) -> "vault.Vault":
    """The secrets of a file, kept out of what is logged from here on."""
    from gloveport.sandbox import vault
    from gloveport.sandbox.errors import BadSecrets

    if file is None:
        return vault.Vault()
    try:
        found = vault.load(file)
    except BadSecrets as why:
        sys.exit(f"gloveport: {why}")
    for handler in logging.getLogger().handlers:
        handler.addFilter(vault.Scrubbing(found))
    return found


def _stdio(given: argparse.Namespace) -> int:
    import asyncio

    from .bridge import bridge

    if given.url:
        asyncio.run(bridge(given.url, _shown_token(given)))
    else:
        asyncio.run(bridge("http://localhost/mcp", "", _own_server(given)))
    return 0


def _policy(given: argparse.Namespace) -> int:
    from .policy import BUILT_IN

    print(BUILT_IN.read_text(encoding="utf-8"), end="")  # noqa: T201 - what was asked for
    return 0


def _config(given: argparse.Namespace) -> int:
    from . import configure

    args = ["stdio"]
    if given.server != DEFAULT:
        args += ["--name", check_name(given.server)]
    if given.token_file and not given.url:
        sys.exit("gloveport: --token-file goes with --url.")
    if given.url:
        args += ["--url", given.url]
    if given.token_file:
        if not given.token_file.exists():
            sys.exit(f"gloveport: there is no token file {given.token_file}.")
        args += ["--token-file", str(given.token_file.absolute())]
    return configure.run(
        given.client, given.name, args, given.file,
        dict(os.environ), write=given.write,  # noqa: TID251 - this is the command line
    )  # fmt: skip


def _bundle(given: argparse.Namespace) -> int:
    from .bundle import NotBundled, bundles

    try:
        for one in bundles():
            print(one.write(given.out))  # noqa: T201
    except NotBundled as why:
        print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as why:
        print(f"gloveport: {given.out} cannot be written: {why.strerror}.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _shown_token(given: argparse.Namespace) -> str:
    """The token for a server elsewhere; empty if there is none."""
    if given.token_file:
        return given.token_file.read_text().strip()
    return os.environ.get("GLOVEPORT_TOKEN", "")  # noqa: TID251 - this is the command line


def _own_server(given: argparse.Namespace) -> "OwnServer":
    """This user's own server of a name, which is started with these options if none runs."""
    from .own_server import OwnServer

    _size(given.size)
    options = _serve_options(given)
    state, name = own_state(given.state_dir), check_name(given.name)
    return OwnServer(state, name, options, (*options, "--ttl", str(given.ttl)))


def _run(given: argparse.Namespace) -> int:
    import anyio

    try:
        from rich.console import Console

        from gloveport.clients import errand
        from gloveport.clients.agent import Budget
        from gloveport.clients.record import BadRecord, began, new_folder
    except ModuleNotFoundError as why:
        return _lacks(given.brain, why)
    logging.getLogger().setLevel(logging.WARNING)
    for noisy in ("anthropic", "openai", "google_genai"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        first = began(given.resume) if given.resume else {"task": given.task}
    except BadRecord as why:
        sys.exit(f"gloveport: {why}")
    if not first["task"]:
        sys.exit('gloveport: say what is to be done: gloveport run "..."')
    if not (given.yes or sys.stdin.isatty()):
        sys.exit(
            "gloveport: there is no terminal to ask at before it types; --yes says yes to all. "
            "The desktop's own walls and policy stay."
        )
    if given.brain != "claude" and not given.tools:
        given.tools = "low-level"  # their vocabularies have buttons and drags that Claude's lacks
    price = _price(given.price)
    own = None if given.url else _own_server(given)
    if own:
        own.ensure_or_exit()
    folder = given.resume or new_folder(given.out)
    todo = errand.Errand(
        task=first["task"],
        folder=folder,
        brain=given.brain,
        model=given.model or errand.MODELS[given.brain],
        budget=Budget(given.steps, given.tokens, given.seconds, given.dollars),
        url=given.url or "http://localhost/mcp",
        token=_shown_token(given),
        socket=str(own.socket) if own else "",
        endpoint=given.endpoint,
        base_url=given.base_url,
        vocabulary=given.vocabulary,
        threads=not given.no_threads,
        stream=not given.no_stream,
        words=not given.no_words,
        yes=given.yes,
        terminal=sys.stdin.isatty(),
        price=price,
        report=given.report,
    )
    again = f"Go on with: gloveport run --resume {folder}"
    try:
        ending = anyio.run(errand.do, todo, Console(stderr=True))
    except ModuleNotFoundError as why:
        return _lacks(given.brain, why)
    except errand.Unreachable as why:
        print(f"gloveport: {why}\n{again}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print(f"\ngloveport: stopped. {again}", file=sys.stderr)  # noqa: T201
        return 130
    if ending.how == "done":
        print(ending.text)  # noqa: T201 - what was asked for
        return 0
    print(f"gloveport: {ending.text}\n{again}", file=sys.stderr)  # noqa: T201
    return 3


def _lacks(brain: str, why: ModuleNotFoundError) -> int:
    extra = {"claude": "anthropic"}.get(brain, brain)
    print(  # noqa: T201
        f"gloveport: {why.name} is missing; get it with: pip install 'gloveport[{extra}]'",
        file=sys.stderr,
    )
    return 1


def _price(text: str) -> "Price | None":
    from gloveport.clients.prices import Price

    if not text:
        return None
    sent, _, received = text.partition("/")
    try:
        return Price(float(sent), float(received), float(sent), float(sent))
    except ValueError:
        sys.exit(f"gloveport: --price {text} is not two numbers; write one such as 5/25.")


def _doctor(given: argparse.Namespace) -> int:
    from .doctor import examine

    return examine()


def _announce(
    given: argparse.Namespace, served: "Served", settings: "Settings", entry: access.Entry
) -> None:
    from .announce import announce

    desktop = settings.desktop
    walls = "none" if desktop.walls == "none" else f"bwrap, network {desktop.enclosure.network}"
    named = () if given.name == DEFAULT else ("--name", given.name)
    shown = f"[{given.host}]" if ":" in given.host else given.host
    here = given.host in ("127.0.0.1", "localhost", "::1")
    announce(
        served.url,
        served.live,
        walls,
        named,
        token=entry.token,
        file=entry.file,
        elsewhere="" if here else f"http://{shown}:{served.port}",
    )


def _serve_options(given: argparse.Namespace) -> list[str]:
    """The options that make a desktop what it is, as `serve` takes them; none if as usual."""
    usual = _parser().parse_args(["stdio"])
    options: list[str] = []
    for name in ("size", "max_image", "tools", "deadline", "walls", "network"):
        if getattr(given, name) != getattr(usual, name):
            options += [f"--{name.replace('_', '-')}", str(getattr(given, name))]
    if given.secrets:
        options += ["--secrets", str(given.secrets.absolute())]
    if given.policy != usual.policy:
        named = given.policy if given.policy == "none" else str(Path(given.policy).absolute())
        options += ["--policy", named]
    return [*options, *(["--cursor"] if given.cursor else [])]


def _desktops() -> Path:
    """Where desktops live: on a disk, for their homes hold browser profiles."""
    return private(Path("/tmp") / f"gloveport-{os.getuid()}") / "desktops"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if width.isdecimal() and height.isdecimal():
        size = int(width), int(height)
        if all(320 <= side <= 7680 for side in size):
            return size
    sys.exit(f"gloveport: --size {text} is not possible; write one such as 1280x800 (320 to 7680).")


def _groups(text: str) -> frozenset[str]:
    groups = frozenset(name for name in text.split(",") if name)
    if unknown := groups - {"files", "low-level"}:
        named = ", ".join(sorted(unknown))
        sys.exit(f"gloveport: there is no group of tools {named}; there are files, low-level.")
    return groups


if __name__ == "__main__":
    sys.exit(main())

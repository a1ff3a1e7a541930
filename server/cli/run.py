"""`gloveport run`: an agent does a task at a desktop."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .numbers import YEAR, number, whole
from .options import (
    DEFAULT_TTL,
    desktop_options,
    own_server,
    server_name,
    server_url,
    shown_token,
    staying_options,
)

if TYPE_CHECKING:
    from rich.console import Console

    from gloveport.clients.agents.prices import Price
    from gloveport.clients.agents.run import Errand


def add_run(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `run`."""
    running = add(
        "run",
        help="give a task to a model; it works on a desktop until it is done",
        description="Give a task to a model of Anthropic's, OpenAI's or Google's, whose SDK finds "
        "its key in the environment. It works on this user's own desktop, or on the one at --url, "
        "until it is done or its budget is. Progress goes to stderr, what it says in the end to "
        "stdout. Every step is written to a folder, from which a run can be taken up again.",
    )
    _run_options(running)
    server_name(running)
    desktop_options(running)
    staying_options(running)
    running.set_defaults(run=_run)


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
        "--ttl", type=number(0, YEAR), default=DEFAULT_TTL, metavar="SECONDS",
        help="a server started here ends after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    _budget_options(parser)
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


def _budget_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps", type=whole(0, 1_000_000), default=200, metavar="N",
        help="most it may do; 0 any number, as for the others (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--tokens", type=whole(0, 10**12), default=0, metavar="N", help="most it may use"
    )
    parser.add_argument(
        "--seconds", type=number(0, YEAR), default=0, metavar="S", help="longest it may take"
    )
    parser.add_argument(
        "--dollars", type=number(0, 1e6), default=0, metavar="D", help="most it may cost"
    )
    parser.add_argument(
        "--price", default="", metavar="SENT/RECEIVED",
        help="dollars per million tokens, for a model whose price is not known here",
    )  # fmt: skip


def _run(given: argparse.Namespace) -> int:
    try:
        from rich.console import Console

        from gloveport.clients.agents import run
        from gloveport.clients.agents.loop import Budget
        from gloveport.clients.agents.recorder import BadRecord, began, new_folder
    except ModuleNotFoundError as why:
        lacks(given.brain, why)
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
    budget = Budget(given.steps, given.tokens, given.seconds, given.dollars)
    price = _price(given.price)
    own = None if given.url else own_server(given)
    if own:
        own.ensure_or_exit()
    folder = given.resume or new_folder(given.out)
    todo = run.Errand(
        task=first["task"],
        folder=folder,
        brain=given.brain,
        model=given.model or run.MODELS[given.brain],
        budget=budget,
        url=server_url(given.url) if given.url else "http://localhost/mcp",
        token=shown_token(given),
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
        live=_live(given, str(own.socket) if own else ""),
    )
    again = f"Go on with: gloveport run --resume {folder}"
    return _do(todo, Console(stderr=True), given.brain, again)


def _do(todo: "Errand", console: "Console", brain: str, again: str) -> int:
    """Do an errand and say how it ended; returns the exit status."""
    import anyio

    from gloveport.clients.agents import run

    try:
        ending, shown = anyio.run(run.do, todo, console)
    except ModuleNotFoundError as why:
        lacks(brain, why)
    except run.Unreachable as why:
        print(f"gloveport: {why}\n{again}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print(f"\ngloveport: stopped. {again}", file=sys.stderr)  # noqa: T201
        return 130
    if ending.how == "done":
        if not (shown and sys.stdout.isatty() and sys.stderr.isatty()):
            print(ending.text)  # noqa: T201 - what was asked for
        return 0
    print(f"gloveport: {ending.text}\n{again}", file=sys.stderr)  # noqa: T201
    return 3


def _live(given: argparse.Namespace, socket: str) -> str:
    """A link to the live view of the desktop that is worked on; empty when there is none."""
    import httpx2

    base = "http://localhost" if socket else given.url.rstrip("/").removesuffix("/mcp")
    token = "" if socket else shown_token(given)
    transport = httpx2.HTTPTransport(uds=socket) if socket else None
    try:
        with httpx2.Client(transport=transport, timeout=5, trust_env=False) as http:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = http.post(f"{base}/live/main/link", headers=headers)
            made: dict[str, str] = answer.json() if answer.is_success else {}
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        return ""  # who cannot reach it hears so in a moment
    return made.get("url") or (base + made["path"] if made and not socket else "")


def lacks(brain: str, why: ModuleNotFoundError) -> NoReturn:
    """End the program with how to get a vendor's SDK."""
    extra = {"claude": "anthropic"}.get(brain, brain)
    from ..setup.installation import installation

    sys.exit(f"gloveport: {why.name} is missing. Get it with: {installation().adding(extra)}")


def _price(text: str) -> "Price | None":
    from gloveport.clients.agents.prices import Price

    if not text:
        return None
    sent, _, received = text.partition("/")
    try:
        return Price(float(sent), float(received), float(sent), float(sent))
    except ValueError:
        sys.exit(f"gloveport: --price {text} is not two numbers; write one such as 5/25.")

"""A task from the command line: which brain, which desktop, which budget, and how it went.

A vendor's SDK is imported when its brain is wanted: each is an extra, and takes seconds to load.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import anyio
from rich.console import Console

from ..desk import Unanswered, connect
from .loop import Brain, Budget, Confirm, Ending, Hands, run
from .prices import AS_OF, Price, price_of
from .progress import Answering, Asking, Phase, Progress
from .recorder import Record
from .report import report

Vendor = Literal["claude", "openai", "gemini"]
Endpoint = Literal["api", "bedrock", "vertex", "foundry"]
VENDORS: tuple[Vendor, ...] = get_args(Vendor)
ENDPOINTS: tuple[Endpoint, ...] = get_args(Endpoint)
MODELS: dict[Vendor, str] = {
    "claude": "claude-opus-5-5", "openai": "gpt-5.5", "gemini": "gemini-3.5-flash",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Errand:
    """All that a run is told; see the command line for what each is."""

    task: str
    folder: Path
    brain: Vendor
    model: str
    budget: Budget
    url: str
    token: str = ""
    socket: str = ""
    endpoint: Endpoint = "api"
    base_url: str = ""
    vocabulary: str = ""
    threads: bool = True
    stream: bool = True
    words: bool = True
    yes: bool = False
    terminal: bool = False
    """Whether a person is at the console, whom the desktop may ask."""
    price: Price | None = None
    report: Path | None = None
    live: str = ""
    """A link to the live view, which is told first."""


class Unreachable(Exception):
    """The desktop cannot be reached, or there is no key to ask the model with."""


async def do(errand: Errand, console: Console) -> tuple[Ending, bool]:
    """Run an errand and tell of it on a console.

    Returns:
        How it ended, and whether the console has shown what the brain said in the end.

    Raises:
        Unreachable: With what to do about it.
        ImportError: The vendor's SDK is not installed.
    """
    price = errand.price or price_of(errand.model)
    if price is None:
        money = "so there is no budget of money" if errand.budget.dollars else "so it is not shown"
        console.print(
            f"What {errand.model} costs is not in the price list of {AS_OF}, {money}; "
            "--price SENT/RECEIVED says it.", style="yellow",
        )  # fmt: skip
    phase = Phase(console)
    progress = Progress(phase)
    confirm = None if errand.yes else Asking(phase)
    async with AsyncExitStack() as running:
        progress.began(errand.model, errand.live)
        brain, client, failures = brain_of(errand, confirm)
        await running.enter_async_context(client)
        try:
            desk = await running.enter_async_context(
                connect(
                    errand.url,
                    errand.token,
                    errand.socket,
                    answers=Answering(phase) if errand.terminal else None,
                    name=f"gloveport run ({errand.model})",
                )
            )
        except Unanswered as why:
            raise Unreachable(f"No desktop answers at {errand.url}: {why}") from why
        record = running.enter_context(Record(errand.folder))
        hands = Hands(
            desk, record, errand.budget, price=price, confirm=confirm, watching=progress,
            waited=lambda: phase.waited,
        )  # fmt: skip
        tasks = await running.enter_async_context(anyio.create_task_group())
        tasks.start_soon(phase.tick)
        try:
            ending = await run(
                brain, hands, errand.task, failures=failures,
                brain=errand.brain, model=errand.model, url=errand.url,
            )  # fmt: skip
        finally:
            if errand.report:
                errand.report.write_text(report(errand.folder), encoding="utf-8")
        progress.ended(ending, hands.spent)
        tasks.cancel_scope.cancel()
    return ending, progress.last == ending.text


def brain_of(errand: Errand, confirm: Confirm | None = None) -> "tuple[Brain, Any, Failures]":
    """The model of an errand, the client to enter for it, and how its API fails.

    Raises:
        Unreachable: There is no key to ask it with.
        ImportError: The vendor's SDK is not installed.
    """
    return _BRAINS[errand.brain](errand, confirm or _yes)


async def _yes(call: Any) -> bool:
    return True


Failures = tuple[type[Exception], ...]


def _claude(errand: Errand, confirm: Confirm) -> tuple[Brain, Any, Failures]:
    import anthropic
    from anthropic.lib.bedrock import AsyncAnthropicBedrock
    from anthropic.lib.vertex import AsyncAnthropicVertex

    from .claude import Claude, vocabulary_of

    clients: dict[Endpoint, Callable[..., Any]] = {
        "api": anthropic.AsyncAnthropic,
        "bedrock": AsyncAnthropicBedrock,
        "vertex": AsyncAnthropicVertex,
        "foundry": anthropic.AsyncAnthropicFoundry,
    }
    elsewhere = {"base_url": errand.base_url} if errand.base_url else {}
    try:
        client = clients[errand.endpoint](**elsewhere)
    except (anthropic.AnthropicError, ValueError) as why:
        raise Unreachable(str(why)) from why
    if errand.endpoint == "api" and not (client.api_key or client.auth_token or client.credentials):
        raise Unreachable("There is no key to ask Claude with; set ANTHROPIC_API_KEY.")
    spoken: Any = errand.vocabulary or vocabulary_of(errand.model, errand.endpoint)
    brain = Claude(
        client,
        errand.model,
        spoken,
        threads=errand.threads and errand.endpoint == "api",
        stream=errand.stream,
        words=errand.words,
    )
    return brain, client, (anthropic.AnthropicError,)


def _gpt(errand: Errand, confirm: Confirm) -> tuple[Brain, Any, Failures]:
    import openai

    from .openai import Gpt

    try:
        client = openai.AsyncOpenAI(base_url=errand.base_url or None)
    except openai.OpenAIError as why:
        raise Unreachable(str(why)) from why
    return Gpt(client, errand.model, errand.words, confirm), client, (openai.OpenAIError,)


def _gemini(errand: Errand, confirm: Confirm) -> tuple[Brain, Any, Failures]:
    from google import genai
    from google.genai import errors, types

    from .gemini import Gemini

    there = types.HttpOptions(base_url=errand.base_url or None)
    try:
        client = genai.Client(http_options=there).aio
    except ValueError as why:  # it has no key
        raise Unreachable(str(why)) from why
    brain = Gemini(client, errand.model, words=errand.words, confirm=confirm)
    return brain, client, (errors.APIError,)


_BRAINS = {"claude": _claude, "openai": _gpt, "gemini": _gemini}

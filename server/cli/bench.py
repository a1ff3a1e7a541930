"""`gloveport bench`: measures agents at a desktop by scenarios that are judged by real state."""

import argparse
import json
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .loop import run_loop
from .numbers import whole
from .options import desktop_options, desktop_settings, groups_of, rules_of
from .run import lacks

if TYPE_CHECKING:
    from gloveport.clients.scenarios.runner import MakeBrain, Result
    from gloveport.clients.scenarios.scenario import Episode


_AGENTS = ("scripted", "nothing", "claude", "openai", "gemini")
_PART = 600_000  # bytes of a file in one answer


def add_bench(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `bench`."""
    measuring = add(
        "bench",
        help="run the scenarios: tasks with perturbations drawn by seed, judged by real state",
        description="Run each scenario on a fresh desktop, and print how many passed. Pop-ups, "
        "delays, layout shifts, look-alikes, screen size, theme, language and a second window are "
        "drawn by seed. The site's own books and the files judge. The exit status is 0 if all "
        "passed. Models find their key in the environment.",
    )
    measuring.add_argument("what", choices=("scenarios",), help="what is measured")
    measuring.add_argument(
        "--agent", choices=_AGENTS, default="scripted",
        help="who does them; scripted and nothing need no model (%(default)s)",
    )  # fmt: skip
    measuring.add_argument("--model", default="", help="a model's name; default: the newest")
    measuring.add_argument("--base-url", default="", metavar="URL", help="its API elsewhere")
    measuring.add_argument(
        "--repeat", type=whole(1, 10_000), default=1, metavar="N",
        help="how many seeds, from --seed on (%(default)s)",
    )  # fmt: skip
    measuring.add_argument(
        "--seed", type=whole(0, 10**9), default=1, metavar="S", help="the first (%(default)s)"
    )
    measuring.add_argument(
        "--only", default="", metavar="NAMES", help="scenarios by name, by commas; default: all"
    )
    measuring.add_argument("--json", action="store_true", help="print one JSON object last")
    measuring.add_argument(
        "--out", type=Path, default=Path("scenario-runs"), metavar="DIR",
        help="where the record of each run is written (%(default)s)",
    )  # fmt: skip
    desktop_options(measuring)
    measuring.set_defaults(run=_bench)


def _bench(given: argparse.Namespace) -> int:
    from gloveport.clients.agents.recorder import new_folder
    from gloveport.clients.scenarios.catalog import SCENARIOS
    from gloveport.clients.scenarios.runner import Runs, table

    from ..practice.places import places
    from ..serve import Settings

    names = [one for one in given.only.split(",") if one]
    known = [one.name for one in SCENARIOS]
    if unknown := [one for one in names if one not in known]:
        sys.exit(f"gloveport: there is no scenario {unknown[0]}; there are {', '.join(known)}.")
    logging.getLogger().setLevel(logging.WARNING)
    out = new_folder(given.out)
    brain = _brains(given, out)
    settings = Settings(
        desktop=desktop_settings(given),
        groups=groups_of(given.tools),
        policy=rules_of(given.policy),
    )
    runs = Runs(
        [one for one in SCENARIOS if one.name in (names or known)],
        range(given.seed, given.seed + given.repeat),
        places(settings),
        brain,
        out,
    )
    stream = sys.stderr if given.json else sys.stdout

    def tell(result: "Result") -> None:
        print(_line(result), file=stream, flush=True)

    results = run_loop(lambda: runs.all(tell))
    print(f"\n{table(results)}\nrecords: {runs.out}", file=stream)
    ran = [one for one in results if not one.skipped]
    passed = sum(one.passed for one in ran)
    ok = passed == len(ran) > 0
    if given.json:
        told = {"ok": ok, "agent": given.agent, "passed": passed, "of": len(ran)}
        each = [asdict(one) for one in results]
        print(json.dumps({**told, "runs": each}, ensure_ascii=False))  # noqa: T201
    return 0 if ok else 1


def _line(result: "Result") -> str:
    name = f"{result.scenario} (seed {result.seed})"
    if result.skipped:
        return f"  skipped  {name}: {result.skipped} is not installed"
    how = "passed" if result.passed else "FAILED"
    why = f": {result.why}" if result.why else ""
    return f"  {how:7}  {name}, {result.steps} steps, {result.seconds:.1f} s{why}"


def _brains(given: argparse.Namespace, out: Path) -> "MakeBrain":
    """Makes the agents that were asked for.

    Raises:
        SystemExit: The model's SDK is missing, or there is no key.
    """
    from gloveport.clients.scenarios import runner

    if given.agent == "scripted":
        return runner.scripted
    if given.agent == "nothing":
        return runner.nothing
    from gloveport.clients.agents import run
    from gloveport.clients.agents.loop import Budget

    if given.agent != "claude" and not given.tools:
        given.tools = "low-level"  # their vocabularies have buttons and drags that Claude's lacks
    model = given.model or run.MODELS[given.agent]
    base = given.base_url
    errand = run.Errand("", out, given.agent, model, Budget(), "", base_url=base)
    try:
        run.brain_of(errand)
    except ModuleNotFoundError as why:
        lacks(given.agent, why)
    except run.Unreachable as why:
        sys.exit(f"gloveport: {why}")

    @asynccontextmanager
    async def think(episode: "Episode", url: str) -> AsyncGenerator[runner.Mind]:
        brain, client, failures = run.brain_of(errand)
        async with client:
            yield runner.Mind(brain, failures)

    return think

"""Runs scenarios and tells how they went."""

import shutil
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import httpx2
from mcp.client import ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult

from ..agents.loop import Brain, Budget, Hands, run
from ..agents.recorder import Record
from ..desk import DeskClient, Refused, Unanswered
from ..practice.site import serving_site
from ..scripted.shopper import Lost
from .scenario import Episode, Home, Scenario
from .site import BEHIND
from .variation import Variation
from .visitor import Visitor

_OPENED = 20  # seconds for the window behind


@dataclass(frozen=True, slots=True)
class Result:
    """How a run went."""

    scenario: str
    seed: int
    passed: bool = False
    why: str = ""
    """Why it is not done; empty: it is done."""
    said: str = ""
    """What the agent said in the end."""
    steps: int = 0
    seconds: float = 0.0
    """Without the start of the desktop."""
    skipped: str = ""
    """A program that is missing; empty: it was run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh desktop for one run.

    Args:
        desk: The desktop over MCP.
        home: Its home, for the judge.
        url: The site as the desktop's browser reaches it.
    """

    desk: DeskClient
    home: Home
    url: str


Answers = ElicitationFnT
"""Answers what the desktop asks a person."""
MakePlace = Callable[[tuple[int, int], str, Answers], AbstractAsyncContextManager[Place]]
"""Makes a place from the size of its screen, the site's address here, and who answers there."""
MakeBrain = Callable[[Episode, str], AbstractAsyncContextManager["Mind"]]
"""Makes an agent for an episode whose site is at an address."""


@dataclass(frozen=True, slots=True)
class Mind:
    """An agent, and how the API of its model fails."""

    brain: Brain
    failures: tuple[type[Exception], ...] = (Lost, Refused, Unanswered)


@dataclass(frozen=True, slots=True)
class Runs:
    """What to run.

    Args:
        scenarios: Which.
        seeds: Of the variations; each scenario is run with each.
        place: Makes the desktops.
        brain: Makes the agents.
        budget: Of each run.
        out: Where the record of each run is written.
    """

    scenarios: Sequence[Scenario]
    seeds: Sequence[int]
    place: MakePlace
    brain: MakeBrain
    out: Path
    budget: Budget = field(default_factory=lambda: Budget(steps=0, futile=0, seconds=600))

    async def all(self, tell: Callable[[Result], None] = lambda result: None) -> list[Result]:
        """Run them one after the other.

        Args:
            tell: Told of each when it is done.
        """
        results: list[Result] = []
        for scenario in self.scenarios:
            for seed in self.seeds:
                results.append(await self.once(scenario, seed))
                tell(results[-1])
        return results

    async def once(self, scenario: Scenario, seed: int) -> Result:
        """Run one, with the variation of a seed."""
        if lacking := [one for one in scenario.needs if shutil.which(one) is None]:
            return Result(scenario.name, seed, skipped=lacking[0])
        variation = Variation.drawn(seed)
        episode = scenario.episode(variation)
        async with AsyncExitStack() as running:
            site = await running.enter_async_context(serving_site(episode.app()))
            place = await running.enter_async_context(
                self.place(variation.size, site, _answering(episode))
            )
            await episode.prepare(place.home)
            if variation.behind:
                await place.desk.open(place.url + BEHIND, show="never")
                await place.desk.wait_for("window", "Daily news", seconds=_OPENED, show="never")
                await place.desk.key("ctrl+n", show="never")
            record = running.enter_context(Record(self.out / f"{scenario.name}-{seed}"))
            hands = Hands(place.desk, record, self.budget)
            mind = await running.enter_async_context(self.brain(episode, place.url))
            began = time.monotonic()
            task = scenario.task(variation, place.url)
            ending = await run(mind.brain, hands, task, failures=mind.failures, seed=seed)
            seconds = time.monotonic() - began
            why = await episode.failure(ending.text if ending.how == "done" else "", place.home)
            if why and ending.how != "done":
                why = f"{why}; {ending.text}"
        spent = hands.spent.steps
        return Result(scenario.name, seed, not why, why, ending.text, spent, round(seconds, 2))


def _answering(episode: Episode) -> Answers:
    """Answers what the desktop asks as the person of an episode would."""

    async def answer(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        if isinstance(params, ElicitRequestURLParams):
            return ElicitResult(action="decline")
        fields = list(params.requested_schema.get("properties", {}))
        said = episode.person(params.message, approval=not fields)
        if said is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={fields[0]: said} if fields else {})

    return answer


@dataclass(frozen=True, slots=True)
class Solution:
    """The scripted solution as an agent."""

    episode: Episode
    url: str

    async def work(self, task: str, hands: Hands) -> str:
        """Do the task; it needs no words for it."""
        return await self.episode.solve(Visitor(hands, self.url))


class Nothing:
    """An agent that does nothing and says so."""

    async def work(self, task: str, hands: Hands) -> str:
        """Do nothing."""
        return "I did nothing."


@asynccontextmanager
async def scripted(episode: Episode, url: str) -> AsyncGenerator[Mind]:
    """The solution of an episode."""
    yield Mind(Solution(episode, url))


@asynccontextmanager
async def nothing(episode: Episode, url: str) -> AsyncGenerator[Mind]:
    """An agent that does nothing."""
    yield Mind(Nothing())


async def judged_wrong(scenario: Scenario, seed: int, home: Home) -> tuple[str, str]:
    """What the check says of an agent that did nothing, and of the wrong end state.

    Both are told without a desktop: the wrong end state is sent to the site as its page would send
    it. A check that says nothing of one of them is worth nothing.

    Args:
        scenario: Whose check.
        seed: Of its variation.
        home: Stands for the home of a desktop.
    """
    episode = scenario.episode(Variation.drawn(seed))
    await episode.prepare(home)
    idle = await episode.failure("I did nothing.", home)
    async with (
        serving_site(episode.app()) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False) as site,
    ):
        said = await episode.err(site, home)
    return idle, await episode.failure(said, home)


def table(results: Iterable[Result]) -> str:
    """The results as a table in Markdown, one line a scenario."""
    lines = [
        "| Scenario | Passed | Steps (median) | Seconds (median) |",
        "| --- | --- | --- | --- |",
    ]
    for name, group in groupby(results, key=lambda result: result.scenario):
        ran = [one for one in group if not one.skipped]
        if not ran:
            lines.append(f"| {name} | skipped | | |")
            continue
        passed = sum(one.passed for one in ran)
        steps = statistics.median(one.steps for one in ran)
        seconds = statistics.median(one.seconds for one in ran)
        lines.append(f"| {name} | {passed} of {len(ran)} | {steps:.0f} | {seconds:.1f} |")
    return "\n".join(lines)

"""What a scenario is: an instruction, a world for it, a solution, a wrong end state, a check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx2
from starlette.applications import Starlette

from .variation import Variation
from .visitor import Visitor


class Home(Protocol):
    """The home folder of the desktop, as whoever judges sees it; paths are below `~/`."""

    async def read(self, path: str) -> bytes | None:
        """The content of a file; None: there is none."""
        ...

    async def write(self, path: str, data: bytes) -> None:
        """Put a file there, over one that is there."""
        ...

    async def names(self, path: str) -> list[str]:
        """What is in a folder; nothing where there is no such folder."""
        ...


class Episode(Protocol):
    """One run of a scenario: its site and its books, which judge."""

    def app(self) -> Starlette:
        """The site; its first page is `/`."""
        ...

    async def prepare(self, home: Home) -> None:
        """Put the files there that the task is about."""
        ...

    def person(self, question: str, *, approval: bool) -> str | None:
        """What the person says to a question; None: no.

        Args:
            question: In full.
            approval: Whether a yes or no is asked for, not words.
        """
        ...

    async def solve(self, visitor: Visitor) -> str:
        """Do the task by MCP alone; returns what is to be said about it.

        Raises:
            Lost: The screen does not show what the next step needs.
        """
        ...

    async def err(self, site: httpx2.AsyncClient, home: Home) -> str:
        """Bring about a plausible wrong end state, and return what such an agent would say."""
        ...

    async def failure(self, said: str, home: Home) -> str:
        """Why the task is not done, by real state; empty: it is done.

        Args:
            said: What the agent said in the end.
            home: The files as they are now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """A task for an agent.

    Args:
        name: For the command line.
        english: The instruction; {url} is the address of the site.
        chinese: The same.
        episode: Makes the world of a run.
        long: Whether a run takes minutes.
        needs: Programs of the machine without which it cannot be run.
    """

    name: str
    english: str
    chinese: str
    episode: Callable[[Variation], Episode]
    long: bool = False
    needs: tuple[str, ...] = ()

    def task(self, variation: Variation, url: str) -> str:
        """The instruction of a run."""
        return variation.say(self.english, self.chinese).format(url=url)

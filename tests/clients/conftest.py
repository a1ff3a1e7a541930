from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from agents import MakeHands
from web import TOKEN, guarded, served
from witness import Witness

from gloveport.clients.agents.loop import Budget, Confirm, Hands
from gloveport.clients.agents.prices import Price
from gloveport.clients.agents.recorder import Record
from gloveport.clients.desk import DeskClient, connect
from gloveport.sandbox.desktop import Desktop

GROUPS = frozenset({"low-level"})


@pytest.fixture
async def desk(
    desktop: Desktop, witness: Witness, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[DeskClient]:
    """A desktop with a witness on it, over HTTP."""
    door = guarded(tmp_path_factory.mktemp("door"))
    async with served(desktop, door, GROUPS) as url, connect(f"{url}/mcp", TOKEN) as client:
        yield client


@pytest.fixture
def hands(desk: DeskClient, tmp_path: Path) -> Generator[MakeHands]:
    """Makes hands on the desktop, with a record in `tmp_path / "run"`."""
    records = ExitStack()

    def make(
        budget: Budget | None = None, *, price: Price | None = None, confirm: Confirm | None = None
    ) -> Hands:
        record = records.enter_context(Record(tmp_path / "run"))
        return Hands(desk, record, budget or Budget(), price=price, confirm=confirm)

    with records:
        yield make

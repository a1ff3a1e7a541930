from collections.abc import AsyncGenerator

import pytest
from mcp import Client
from web import served

from gloveport.sandbox.desktop import Desktop
from gloveport.server.mcp.server import DesktopServer


@pytest.fixture(params=["in memory", "http 2026-07-28", "http 2025-11-25"])
async def client(request: pytest.FixtureRequest, desktop: Desktop) -> AsyncGenerator[Client]:
    """A client of a desktop's server, by each way it can be reached without a process."""
    if request.param == "in memory":
        async with Client(DesktopServer(desktop)) as client:
            yield client
        return
    mode = "auto" if "2026" in request.param else "legacy"
    async with served(desktop) as url, Client(f"{url}/mcp", mode=mode) as client:
        yield client


@pytest.fixture
async def near(desktop: Desktop) -> AsyncGenerator[Client]:
    """A client in memory, for what no transport changes."""
    async with Client(DesktopServer(desktop)) as client:
        yield client

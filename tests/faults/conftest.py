"""A walled desktop of one's own, and an agent that uses it, for each fault that is made."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp import Client

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.isolation.bubblewrap import why_not
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer


@pytest.fixture(scope="session")
def below(open_folder: Path) -> Path:
    """The folder of walled desktops."""
    if why := why_not():
        pytest.skip(f"there can be no walls here: {why}")
    return open_folder


@pytest.fixture
async def desktop(anyio_backend: str, below: Path, keymap: Keymap) -> AsyncGenerator[Desktop]:
    async with open_desktop(
        DesktopOptions(below, width=640, height=480, walls="bwrap"), keymap
    ) as one:
        yield one


@pytest.fixture
async def agent(desktop: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(desktop)) as client:
        yield client

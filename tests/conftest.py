import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from desks import session_of
from witness import Witness

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Use a short base for tmp_path: sockets of a desktop below it have at most 107 bytes."""
    if not config.option.basetemp:  # a worker is given its part of that of the run
        base = tempfile.mkdtemp(prefix="gp-")
        config.option.basetemp = base
        config.add_cleanup(lambda: shutil.rmtree(base, ignore_errors=True))


# Half of the suite's time. `./run test --all` and .ci/run run them, too.
SLOW = (
    "faults",
    "sandbox/test_answers.py",
    "security/test_policy_effects.py",
    "server/tools/test_entry.py",
    "server/tools/test_seeing.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, before what is not asked for is left out."""
    slow = [Path(__file__).parent / path for path in SLOW]
    for item in items:
        if any(item.path.is_relative_to(path) for path in slow):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def keymap() -> Keymap:
    return Keymap()


@pytest.fixture(scope="session")
def open_folder() -> Generator[Path]:
    """A folder that the user of a walled desktop can reach; those of pytest only their owner can,
    and every run of pytest that starts closes them again."""
    path = Path(tempfile.mkdtemp(prefix="gloveport-tests-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def shared_desktop(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """One desktop for all tests; see `desktop`."""
    below = tmp_path_factory.mktemp("desktops")
    async with open_desktop(DesktopOptions(below, width=640, height=480), keymap) as running:
        yield running


@pytest.fixture
async def desktop(shared_desktop: Desktop) -> AsyncGenerator[Desktop]:
    """A desktop that the test leaves as it found it."""
    yield shared_desktop
    if shared_desktop.holding:
        await shared_desktop.let_go()


@pytest.fixture
def session(desktop: Desktop) -> Session:
    """What runs the desktop; tests look at it, the product does not."""
    return session_of(desktop)


@pytest.fixture
def witness(session: Session) -> Generator[Witness]:
    witness = Witness(session.x)
    yield witness
    witness.close()


@pytest.fixture
async def own_desktop(
    anyio_backend: str, tmp_path: Path, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop for a test that breaks it."""
    async with open_desktop(
        DesktopOptions(tmp_path / "d", width=640, height=480), keymap
    ) as running:
        yield running

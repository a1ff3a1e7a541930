"""What the tree is told and how, against what toolkits themselves call things."""

from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from accessible import ACCESSIBLE, accessibility_bus, asked
from desks import session_of
from fields import field

from gloveport.sandbox.accessibility.atspi.bus import Silent
from gloveport.sandbox.accessibility.atspi.nodes import ROLES, STATES
from gloveport.sandbox.accessibility.atspi.tree import AccessibilityTree
from gloveport.sandbox.desktop import Desktop


@pytest.fixture
def tree(desktop: Desktop) -> Generator[AccessibilityTree]:
    tree = AccessibilityTree(session_of(desktop).reach)
    yield tree
    tree.close()


async def test_roles_have_the_numbers_of_at_spi(
    desktop: Desktop, tree: AccessibilityTree, tmp_path: Path
) -> None:
    with field(session_of(desktop), "gtk3", tmp_path, "form") as opened:
        await desktop.wait_until_shown("Apply", 20)

        tops, _ = await anyio.to_thread.run_sync(tree.read, {opened.pid}, 3)
        said: set[tuple[str, str]] = set()
        async with accessibility_bus(session_of(desktop)) as bus:
            for node in [one for top in tops for one in top.nodes]:
                (name,) = await asked(bus, node.key, f"{ACCESSIBLE}.GetRoleName")
                said.add((node.role, str(name)))
    renamed = {("button", "push button"), ("entry", "text")}
    assert {role for role, name in said - renamed if role != name} == set()
    assert {"password text", "slider", "combo box", "check box"} <= {name for _, name in said}


def test_the_last_role_and_state_are_where_at_spi_has_them() -> None:
    # ATSPI_ROLE_SWITCH is 130 and ATSPI_STATE_READ_ONLY is 43 in at-spi2-core 2.46.
    assert (ROLES.index("switch"), ROLES.index("static"), ROLES.index("link")) == (130, 116, 88)
    assert (STATES.index("read only"), STATES.index("showing")) == (43, 25)


async def test_a_program_that_has_ended_is_silent(
    desktop: Desktop, tree: AccessibilityTree, tmp_path: Path
) -> None:
    with field(session_of(desktop), "gtk3", tmp_path, "form") as opened:
        await desktop.wait_until_shown("Apply", 20)
        tops, _ = await anyio.to_thread.run_sync(tree.read, {opened.pid}, 3)
    with pytest.raises(Silent):
        await anyio.to_thread.run_sync(tree.node, tops[0].nodes[0])
    assert await anyio.to_thread.run_sync(tree.read, {opened.pid}, 1) == ([], {})

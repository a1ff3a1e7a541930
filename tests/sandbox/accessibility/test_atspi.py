"""What the tree is told and how, against what toolkits themselves call things."""

from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from desks import session_of
from fields import field

from gloveport.sandbox.accessibility.nodes import ROLES, STATES, Node
from gloveport.sandbox.accessibility.tree import AccessibilityTree, Silent
from gloveport.sandbox.desktop import Desktop


@pytest.fixture
def tree(desktop: Desktop) -> Generator[AccessibilityTree]:
    tree = AccessibilityTree(session_of(desktop).reach)
    yield tree
    tree.close()


def called(tree: AccessibilityTree, node: Node) -> str:
    """What a program itself calls the role of one of its objects."""
    asked = tree._call(node.key, "org.a11y.atspi.Accessible", "GetRoleName")  # pyright: ignore[reportPrivateUsage]
    (name,) = tree._run(asked, 2)  # pyright: ignore[reportPrivateUsage]
    return str(name)


async def test_roles_have_the_numbers_of_at_spi(
    desktop: Desktop, tree: AccessibilityTree, tmp_path: Path
) -> None:
    with field(session_of(desktop), "gtk3", tmp_path, "form") as opened:
        await desktop.wait_until_shown("Apply", 20)

        def told() -> set[tuple[str, str]]:
            tops, _ = tree.read({opened.pid}, 3)
            return {(node.role, called(tree, node)) for top in tops for node in top.nodes}

        said = await anyio.to_thread.run_sync(told)
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

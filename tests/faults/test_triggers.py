"""A checkpoint is made before what is risky, whichever tool does it."""

import re
from collections.abc import Mapping

import pytest
from answers import call, facts, text
from attempts import run_inside
from desks import session_of
from mcp import Client

from gloveport.sandbox.actions import KeyDown
from gloveport.sandbox.checkpoints.history import (
    FILE_MANAGERS,
    TERMINALS,
    risk_of_keys,
    risk_of_text,
)
from gloveport.sandbox.desktop import Desktop

ENTERS = ["Return", "enter", "KP_Enter", "y Return", "ctrl+m", "ctrl+j", "ctrl+M", "Linefeed"]
DELETES = ["Delete", "shift+Delete", "KP_Delete", "ctrl+a Delete", "del"]
HARMLESS = ["a", "ctrl+c", "Up", "m", "ctrl+l", "shift+m", "nosuchkey", ""]


@pytest.mark.parametrize("program", sorted(TERMINALS))
def test_whatever_ends_a_line_of_a_terminal(program: str) -> None:
    assert all(risk_of_keys(program.title(), keys) for keys in ENTERS)
    assert not any(risk_of_keys(program, keys) for keys in (*DELETES, *HARMLESS))
    assert all(risk_of_text(program, text) for text in ("ls\n", "a\nb", "ls\r"))
    assert not risk_of_text(program, "ls")


@pytest.mark.parametrize("program", sorted(FILE_MANAGERS))
def test_whatever_deletes_in_a_file_manager(program: str) -> None:
    assert all(risk_of_keys(program.title(), keys) for keys in DELETES)
    assert not any(risk_of_keys(program, keys) for keys in (*ENTERS, *HARMLESS))
    assert not risk_of_text(program, "a name\n")


@pytest.mark.parametrize("program", ["Mousepad", "Chromium", ""])
def test_nowhere_else(program: str) -> None:
    assert not any(risk_of_keys(program, keys) for keys in (*ENTERS, *DELETES))


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("key", {"text": "y Return"}),
        ("key", {"text": "ctrl+m"}),
        ("hold_key", {"text": "Return", "duration": 0.1}),
        ("type", {"text": "ls\n"}),
    ],
)
async def test_each_tool_in_a_terminal(
    agent: Client, tool: str, given: Mapping[str, object]
) -> None:
    facts(await call(agent, "open", target="xterm"))
    told = facts(await call(agent, tool, **given))
    assert "was made before a command in a terminal" in str(told.get("notices"))


async def test_a_key_that_is_held_down(desktop: Desktop, agent: Client) -> None:
    facts(await call(agent, "open", target="xterm"))
    frame = await desktop.do(KeyDown("Return"))
    await desktop.let_go()
    assert "before a command in a terminal" in str(frame.notices)


async def test_a_click_by_coordinate_on_delete(desktop: Desktop, agent: Client) -> None:
    run_inside(session_of(desktop), "open('/home/user/precious.txt', 'w').write('x')")
    facts(await call(agent, "open", target="file manager"))
    facts(await call(agent, "click_element", target="precious.txt"))
    facts(await call(agent, "click_element", target="Edit"))
    shown = text(await call(agent, "read_screen"))
    at = re.search(r'"(?:Delete|Move to Trash)[^"\n]*" (?:.* )?(\d+),(\d+)', shown)
    assert at, shown
    x, y = map(int, at.groups())
    told = facts(await call(agent, "left_click", coordinate=[x, y]))
    assert "was made before a delete in the file manager" in str(told.get("notices"))
    facts(await call(agent, "rollback"))
    kept = run_inside(session_of(desktop), "print(open('/home/user/precious.txt').read())")
    assert kept == "x\n"

"""A program that paints, moves or names its window without pause stops no call."""

from typing import Any

import pytest
from answers import call, facts
from attempts import PYTHON
from desks import session_of
from mcp import Client
from vandals import STORM, STORMS

from gloveport.sandbox.desktop import Desktop

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("screenshot", {}),
    ("left_click", {"coordinate": [400, 400]}),
    ("key", {"text": "a"}),
    ("type", {"text": "hello"}),
    ("read_screen", {}),
    ("windows", {}),
    ("mouse_move", {"coordinate": [30, 30]}),
    ("wait_for", {"event": "still", "seconds": 1}),
]
TERMINALS = {"a terminal that scrolls": ["xterm", "-T", "storm", "-e", "yes"]}
PROGRAMS = TERMINALS | {name: [PYTHON, "-c", STORM, deed] for name, deed in STORMS.items()}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_each_call_is_answered_during(desktop: Desktop, agent: Client, name: str) -> None:
    session = session_of(desktop)
    session.launch(["xterm", "-geometry", "40x20+300+200", "-T", "calm"])
    facts(await call(agent, "wait_for", event="window", text="calm"))
    session.launch(PROGRAMS[name])
    facts(await call(agent, "wait_for", event="window", text="storm"))
    for tool, given in CALLS:
        result = await call(agent, tool, **given)
        assert not result.is_error, (tool, result.content)

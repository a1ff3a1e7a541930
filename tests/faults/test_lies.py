"""A program that answers the accessibility bus with nonsense costs its own lines only."""

import pytest
from answers import call, facts, text
from attempts import PYTHON
from desks import session_of
from mcp import Client
from processes import until
from vandals import LIAR

from gloveport.sandbox.desktop import Desktop

LIES = ["types", "empty", "numbers", "variants", "long", "huge", "mute"]


@pytest.mark.parametrize("lie", LIES)
async def test_others_are_seen_and_used(desktop: Desktop, agent: Client, lie: str) -> None:
    facts(await call(agent, "open", target="mousepad"))
    session = session_of(desktop)
    session.launch([PYTHON, "-c", LIAR, lie])
    assert until(lambda: session.folder.last_words(PYTHON) == "embedded", 20)
    for _ in range(2):
        told = text(await call(agent, "read_screen"))
        assert '"Help"' in told, told
        silent = [line for line in told.splitlines() if "did not answer" in line]
        assert not any("Mousepad" in line for line in silent), silent
    facts(await call(agent, "click_element", target="Help"))
    facts(await call(agent, "key", text="Escape"))
    facts(await call(agent, "find", text="Help"))

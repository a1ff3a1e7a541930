"""screenshot="text": what changed comes with the answer of each tool, as text, and no picture."""

import re
from typing import Any

from answers import call
from mcp import Client
from mcp_types import TextContent

STEPS: list[tuple[str, dict[str, Any], str]] = [
    ("open", {"target": "Text Editor"}, "menu “File”"),
    ("type", {"text": "hello"}, "entry = “hello”"),
    ("actions", {"actions": [{"action": "type", "text": " wow"}]}, "entry = “hello wow”"),
    ("wait_for", {"event": "still"}, "no change since"),
    ("click_element", {"target": "File", "modifiers": "shift"}, "menu item"),
    ("key", {"text": "Escape"}, "gone:"),
]


async def test_each_answer_tells_what_changed_since_the_last(near: Client) -> None:
    last = 0
    for name, given, expected in STEPS:
        answer = await call(near, name, **given, screenshot="text")
        assert not answer.is_error, answer.content
        told = [part.text for part in answer.content if isinstance(part, TextContent)]
        assert len(told) == len(answer.content) == 2, f"{name} sent a picture"
        assert expected.replace("“", '"').replace("”", '"') in told[1], (name, told[1])
        since = re.search(r"since (?:frame )?(\d+)", told[1].partition("\n")[0])
        assert int(since[1] if since else 0) == last, (name, told[1])
        frame = re.match(r"frame (\d+)", told[1])
        assert frame
        last = int(frame[1])

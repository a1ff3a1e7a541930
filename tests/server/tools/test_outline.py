"""The screen in words, as tables."""

from typing import Any

import pytest

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.geometry import Point, Rect
from gloveport.server.tools.screen_text import line

USABLE = frozenset(("sensitive", "showing"))


def element(role: str, name: str, text: str | None = None, **more: Any) -> Element:
    states = USABLE | frozenset(more.pop("states", ()))
    rect = Rect(310, 230, 20, 20)
    seen = more.pop("seen", rect)
    given: dict[str, Any] = {"ref": "e12", "window": 7, "point": Point(320, 240), **more}
    return Element(role=role, name=name, text=text, states=states, rect=rect, seen=seen, **given)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (element("button", "OK"), 'e12 button "OK" 320,240'),
        (element("static", "All saved"), 'e12 "All saved" 320,240'),
        (element("entry", "Name", "Ada\nL", states=("editable", "focused")),
         'e12 entry "Name" = "Ada\\nL" 320,240 focused'),
        (element("entry", "", "", states=("editable",)), 'e12 entry = "" 320,240'),
        (element("paragraph", "", "Words of Firefox"), 'e12 "Words of Firefox" 320,240'),
        (element("check box", "Yes", states=("checkable",)),
         'e12 check box "Yes" 320,240 unchecked'),
        (element("check box", "Yes", states=("checkable", "checked")),
         'e12 check box "Yes" 320,240 checked'),
        (element("slider", "Volume", "70"), 'e12 slider "Volume" = "70" 320,240'),
        (element("button", "Far", seen=None), 'e12 button "Far" hidden'),
        (element("text", "GAME OVER", ref="o3", eye="ocr"), 'o3 "GAME OVER" 320,240'),
        (element("entry", "Notes", "x" * 400, states=("editable",)),
         f'e12 entry "Notes" = "{"x" * 300}…" 320,240'),
    ],
)  # fmt: skip
def test_one_thing_is_one_line(told: Element, words: str) -> None:
    assert line(told) == words


def test_what_takes_no_clicks_says_so() -> None:
    locked = Element(
        "e1", "button", "Locked", None, frozenset(("showing",)), Rect(0, 0, 9, 9),
        Rect(0, 0, 9, 9), Point(4, 4), 7,
    )  # fmt: skip
    assert line(locked) == 'e1 button "Locked" 4,4 disabled'

"""Calls no tool can take: each is answered by one short sentence, and no input is sent."""

from functools import reduce
from typing import Any

import pytest
from answers import call, text
from desks import session_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from witness import Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.server.mcp.server import DesktopServer

PYTHON = ("unhashable", "NoneType", "Traceback", "object at 0x", "xception", "Error executing")
DEEP: Any = reduce(lambda inner, _: [inner], range(3000), list[Any]())
HUGE = "x" * 1_000_000
WRONG: list[Any] = [
    ["x"], {}, {"a": [1]}, [[]], 10**5000, -(10**5000), float("nan"), float("inf"), HUGE,
    "\ud800", "a\udfffb" * 100, DEEP, {"k": DEEP}, [10**5000, 10**5000], [float("nan"), 1],
    {HUGE: 1}, [HUGE, HUGE], True,
]  # fmt: skip
"""Values no parameter takes, or none takes whole."""
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def check_refused(answer: Any, of: str) -> None:
    said = text(answer)
    assert answer.is_error, (of, said[:300])
    check_form(answer, of)


def check_form(answer: Any, of: str) -> None:
    if answer.is_error:
        said = text(answer)
        assert 0 < len(said) <= 400, (of, len(said))
        assert not any(word in said for word in PYTHON), (of, said)


async def parameters(server: DesktopServer) -> list[tuple[str, str]]:
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
    return [(one.name, key) for one in tools for key in one.input_schema.get("properties", {})]


async def test_no_wrong_value_of_any_parameter_gets_through(desktop: Desktop) -> None:
    server = DesktopServer(desktop, frozenset({"low-level", "files"}))
    witness = Witness(session_of(desktop).x)
    try:
        for name, key in await parameters(server):
            for wrong in WRONG:
                of = f"{name}.{key}, {type(wrong).__name__}"
                answer = await server.call_tool(name, {key: wrong, "no such parameter": 1})
                check_refused(answer, of)
                if not isinstance(wrong, str | bool):
                    check_refused(await server.call_tool(name, {key: wrong}), of)
        assert witness.saw_nothing()
    finally:
        witness.close()


@pytest.mark.parametrize("name", ["windows", "clipboard", "checkpoint", "desktops"])
@pytest.mark.parametrize("wrong", [["x"], {}, {"a": 1}, [["y"]], 10**400])
async def test_an_action_that_is_no_text_is_told(near: Client, name: str, wrong: Any) -> None:
    check_refused(await call(near, name, action=wrong), name)


@pytest.mark.parametrize("long", [500, 5_000, 1_000_000])
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("hold_key", "text"),
        ("key", "text"),
        ("click_element", "target"),
        ("open", "target"),
        ("rollback", "to"),
        ("windows", "window"),
    ],
)
async def test_what_was_sent_is_quoted_short(near: Client, name: str, key: str, long: int) -> None:
    more = {"hold_key": {"duration": 1}, "windows": {"action": "focus"}}.get(name, {})
    check_refused(await call(near, name, **{key: "q" * long}, **more), name)


async def test_an_unknown_tool_is_quoted_short(near: Client) -> None:
    check_refused(await call(near, "t" * 1_000_000), "unknown")


async def test_a_bad_step_of_a_batch_is_told_short(near: Client) -> None:
    for step in ({"action": ["x"]}, {"action": HUGE}, {"action": "key", "text": HUGE}, {}):
        answer = await call(near, "actions", actions=[step])
        check_refused(answer, "actions")


async def test_junk_never_becomes_an_error_of_ours(desktop: Desktop) -> None:
    server = DesktopServer(desktop)
    looking = ["windows", "clipboard", "checkpoint", "desktops", "zoom", "find", "wait_for"]

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(looking), st.sampled_from(["action", "text", "region", "x"]), JUNK)
    def fuzz(name: str, key: str, junk: Any) -> None:
        calls.append((name, {key: junk, "unknown": 1}))

    calls: list[tuple[str, dict[str, Any]]] = []
    fuzz()
    for name, arguments in calls:
        check_refused(await server.call_tool(name, arguments), name)

"""Several steps in one call on a real page: late targets, checks, and where they stopped."""

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from answers import call, facts, picture, refusal, text
from desks import session_of
from fields import Field, page_in_chromium
from mcp import Client
from processes import until

from gloveport.sandbox.actions import Press
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.control.policy import Policy, Rule
from gloveport.server.mcp.server import DesktopServer

PAGE = """
<label>Name <input id=name></label> <label>Code <input id=code></label>
<label><input type=checkbox id=box> Gift</label>
<p><button onclick="add('a')">Add</button> <button onclick="add('b')">Add</button>
<button onclick="add('c')">Add</button></p>
<p><button onclick="late()">Later</button> <button disabled id=pay>Order</button></p>
<p id=said></p><div id=more></div>
<script>
const said = document.querySelector("#said");
const add = name => { keep("added " + name); said.textContent = "added " + name };
const done = button => { keep('confirmed'); said.textContent = 'all done'; button.remove() };
const late = () => setTimeout(() => { document.querySelector("#more").innerHTML =
  `<button onclick="done(this)">Confirm</button>`;
  document.querySelector("#pay").disabled = false }, 1200);
document.querySelector("#name").oninput = event => keep("name " + event.target.value);
document.querySelector("#code").oninput = event => {
  event.target.value = event.target.value.toUpperCase(); keep("code " + event.target.value) };
</script>"""


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    settings = DesktopOptions(tmp_path_factory.mktemp("wide"))
    async with open_desktop(settings, keymap) as running:
        yield running


@pytest.fixture(scope="module")
def opened(wide: Desktop, tmp_path_factory: pytest.TempPathFactory) -> Generator[Field]:
    with page_in_chromium(session_of(wide), tmp_path_factory.mktemp("page"), PAGE) as opened:
        yield opened


@pytest.fixture
async def page(wide: Desktop, opened: Field) -> Field:
    """The page as it was at first."""
    await wide.do(Press("ctrl+F5"), show="never")
    async with Client(DesktopServer(wide)) as client:
        shown = await call(client, "wait_for", event="element", text="Later", role="button")
        assert facts(shown)["happened"]
    assert until(lambda: opened.holds(""))
    return opened


@pytest.fixture
async def agent(wide: Desktop, page: Field) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


async def do(client: Client, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return facts(await call(client, "actions", actions=list(steps), **more))


async def stopped(client: Client, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(refusal(await call(client, "actions", actions=list(steps))))


@pytest.mark.parametrize(("nth", "added"), [(1, "a"), (2, "b"), (3, "c")])
async def test_the_nth_of_several_is_named(
    agent: Client, page: Field, nth: int, added: str
) -> None:
    told = await do(
        agent,
        {
            "action": "click_element", "target": "Add", "role": "button", "nth": nth,
            "expect": {"text": f"added {added}"},
        },
    )  # fmt: skip
    assert told["steps"][0]["expect"] == "holds"
    assert until(lambda: page.holds(f"added {added}"))


async def test_a_target_that_comes_later_is_waited_for(agent: Client, page: Field) -> None:
    result = await call(
        agent,
        "actions",
        actions=[
            {"action": "type", "into": "Name", "text": "Ada"},
            {"action": "click_element", "target": "Later"},
            {"action": "click_element", "target": "Confirm", "expect": {"gone": "Confirm"}},
            {"expect": {"text": "all done"}},
            {"action": "wait_for", "event": "enabled", "text": "Order"},
            {
                "action": "set",
                "target": "Gift",
                "value": "on",
                "expect": {"text": "Gift", "value": "on"},
            },
        ],
        read=True,
    )
    assert until(lambda: page.holds("confirmed"))
    assert picture(result)
    told = json.loads(result.content[1].text)  # type: ignore[union-attr]
    assert told["steps"][0]["typed"] == "verified"
    assert "button Confirm" in told["steps"][2]["clicked"]
    assert [step.get("expect") for step in told["steps"]] == [
        None,
        None,
        "holds",
        "holds",
        None,
        "holds",
    ]
    changed = result.content[2].text  # type: ignore[union-attr]
    assert "changes since frame" in changed
    assert "all done" in changed
    assert "Later" not in changed  # it stays as it was


FAILING: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such target": ({"action": "click_element", "target": "Refund"}, "find", "called 'Refund'"),
    "several": ({"action": "click_element", "target": "Add"}, "find", "called 'Add'"),
    "not so many": (
        {"action": "click_element", "target": "Add", "nth": 4}, "find", "number 4 called 'Add'",
    ),
    "another role": (
        {"action": "click_element", "target": "Later", "role": "link"}, "find", "role 'link'",
    ),
    "disabled": (
        {"expect": {"text": "Order", "enabled": True, "seconds": 0.5}}, "expect", "is disabled",
    ),
    "another value": (
        {
            "action": "type", "into": "Code", "text": "ab1",
            "expect": {"text": "Code", "value": "ab1"},
        },
        "expect", '"AB1"',
    ),
    "not ticked": ({"expect": {"text": "Gift", "value": "on", "seconds": 0.5}}, "expect", "is off"),
    "text that does not come": (
        {"action": "click_element", "target": "Add", "nth": 1, "expect": {"text": "added q"}},
        "expect", "called 'added q'",
    ),
    "text that stays": ({"expect": {"gone": "Later", "seconds": 0.5}}, "expect", '"Later"'),
    "no window": ({"expect": {"window": "Gimp", "seconds": 0.5}}, "expect", "page - Chromium"),
    "waiting in vain": (
        {"action": "wait_for", "event": "text", "text": "never", "seconds": 0.5}, "act", "'never'",
    ),
    "no application": ({"action": "open", "target": "No Such Program"}, "act", "No Such Program"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILING)
async def test_a_batch_that_stops_says_where_and_what_was_there(
    agent: Client, page: Field, case: str
) -> None:
    step, phase, words = FAILING[case]
    told = await stopped(
        agent,
        {"action": "type", "into": "Name", "text": "Ada"},
        step,
        {"action": "set", "target": "Name", "value": "never"},
    )
    assert told[0]["typed"] == "verified"
    assert told[1]["ok"] is False
    assert (told[1]["step"], told[1]["phase"]) == (1, phase)
    assert words in told[1]["error"]
    assert len(told[1]["error"]) <= 400
    assert told[2]["error"].startswith("Not executed")
    assert "never" not in page.value()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown check": (
        {"action": "wait", "duration": 0, "expect": {"texts": "x"}}, "did you mean text",
    ),
    "nothing to check": ({"expect": {}}, "says nothing to check"),
    "wrong type": ({"expect": {"text": 5}}, "Text must be text"),
    "too long": ({"expect": {"text": "x", "seconds": 60}}, "Seconds"),
    "no step": ({}, "names no tool"),
    "nth of a ref": ({"action": "click_element", "target": "e5", "nth": 2}, "nth counts"),
    "nth of nothing": ({"action": "key", "text": "a", "nth": 2}, "no parameter nth"),
    "waiting for control": ({"action": "wait_for", "event": "control"}, "by itself"),
    "waiting for nothing": ({"action": "wait_for", "event": "text"}, "say what for"),
    "a list of windows": ({"action": "windows"}, "other than list"),
    "a person": ({"action": "request_human", "reason": "x"}, "names no tool"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_all_steps_are_checked_before_the_first_is_done(
    agent: Client, page: Field, case: str
) -> None:
    step, words = WRONG[case]
    first = {"action": "type", "into": "Name", "text": "Ada"}
    said = refusal(await call(agent, "actions", actions=[first, step]))
    assert said.startswith("actions[1]")
    assert words in said
    assert said.endswith("Nothing was done.")
    assert len(said) <= 400
    assert "Ada" not in text(await call(agent, "find", role="entry"))


async def test_windows_are_opened_and_closed_between_steps(agent: Client, wide: Desktop) -> None:
    told = await do(
        agent,
        {"action": "open", "target": "xterm", "expect": {"window": "xterm"}},
        {"action": "key", "text": "ctrl+d"},
        {"action": "wait_for", "event": "window_gone", "text": "xterm"},
        {"expect": {"text": "Later"}},
    )
    assert told["steps"][0]["expect"] == told["steps"][3]["expect"] == "holds"
    assert told["window"].startswith("page")


async def test_the_policy_judges_each_step(wide: Desktop, page: Field) -> None:
    rules = (
        Rule("opening", "ask", tool=("open",)),
        Rule("adding", "refuse", tool=("click_element",), text=("add",)),
    )
    async with Client(DesktopServer(wide, policy=Policy(rules))) as client:
        await call(client, "wait_for", event="element", text="Later", role="button")
        opening = await stopped(client, {"action": "open", "target": "xterm"})
        assert opening[0]["phase"] == "act"
        assert "needs a person's yes" in opening[0]["error"]
        adding = await stopped(client, {"action": "click_element", "target": "Add", "nth": 2})
        assert adding[0]["phase"] == "act"
        assert "adding" in adding[0]["error"]
    assert page.holds("")

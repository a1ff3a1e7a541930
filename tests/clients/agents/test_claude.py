"""Claude as a brain: the vendor's SDK, its API scripted, a real desktop and its witness."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from agents import MakeHands
from anthropic.lib.vertex import AsyncAnthropicVertex
from models.anthropic_api import Anthropic
from models.script import Fail, Json, Say, Tokens, Turn, Use, serving
from witness import Key, Press, Witness

from gloveport.clients.agents.claude import MEMBERS, Claude, vocabulary_of
from gloveport.clients.agents.loop import NOT_EXECUTED, Budget, Call, Ending, run
from gloveport.clients.agents.prices import price_of
from gloveport.clients.agents.recorder import read
from gloveport.clients.desk import DeskClient

MODEL = "claude-opus-5-5"


def do(name: str, **given: Any) -> Use:
    return Use(name, given, toolset="computer")


def client(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="key", base_url=url, max_retries=2)


def results(model: Anthropic, at: int = -1) -> list[Json]:
    """The results in a request's last message."""
    content: list[Json] = model.requests[at].body["messages"][-1]["content"]
    return [block for block in content if block["type"] == "tool_result"]


def texts(result: Json) -> list[str]:
    if isinstance(result["content"], str):
        return [result["content"]]
    return [block["text"] for block in result["content"] if block["type"] == "text"]


WAYS = {
    "streamed, in a thread": (True, True),
    "streamed, whole history": (True, False),
    "at once, in a thread": (False, True),
    "at once, whole history": (False, False),
}


@pytest.mark.parametrize(("stream", "threads"), WAYS.values(), ids=WAYS)
async def test_a_batch_is_done_in_order_and_its_last_result_shows_the_screen(
    stream: bool, threads: bool, hands: MakeHands, witness: Witness
) -> None:
    batch = [Say("clicking"), do("left_click", coordinate=[5, 6]), do("key", text="a", repeat=8)]
    model = Anthropic([[do("screenshot")], batch, [Say("all done")]])
    async with serving(model) as url, client(url) as api:
        brain = Claude(api, MODEL, stream=stream, threads=threads)
        ending = await run(brain, hands(), "click and press")
    assert ending == Ending("done", "all done")
    assert model.refused == []
    saw = [one for one in witness.saw_all(18) if isinstance(one, Press | Key)]
    assert saw == [Press(1, 5, 6), *[Key("a")] * 8]

    clicked, pressed = results(model)
    assert clicked["toolset_name"] == "computer"
    assert texts(clicked)[0] == "Clicked."
    told = json.loads(texts(clicked)[1])
    assert (told["cursor"], told["note"]) == ([5, 6], "no visible change")
    assert [block["type"] for block in pressed["content"]] == ["text", "text", "image"]
    assert [one.image.size for one in model.requests[-1].images[-2:]][-1] == (640, 480)
    # With a thread a picture is sent once, without one every time.
    assert len(model.requests[-1].images) == (1 if threads else 2)
    assert ("thread" in model.requests[0].body) is threads


async def test_after_a_refusal_the_rest_is_not_done_and_the_model_reads_why(
    hands: MakeHands, witness: Witness
) -> None:
    batch = [do("left_click", coordinate=[5, 6]), do("left_click", coordinate=[640, 1]),
             do("type", text="never"), do("screenshot")]  # fmt: skip
    model = Anthropic([batch, [Say("sorry")]])
    async with serving(model) as url, client(url) as api:
        await run(Claude(api, MODEL), hands(), "click")
    first, outside, typed, shot = results(model)
    assert "is_error" not in first or not first["is_error"]
    assert outside["is_error"]
    assert texts(outside)[0].startswith("(640, 1) is outside the 640x480 screenshot")
    assert [texts(one)[0] for one in (typed, shot)] == [NOT_EXECUTED] * 2
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()
    assert model.refused == []


async def test_words_are_tools_beside_the_computer(hands: MakeHands) -> None:
    model = Anthropic([[Use("read_screen"), Use("find", {"text": "nothing like it"})], [Say("ok")]])
    async with serving(model) as url, client(url) as api:
        await run(Claude(api, MODEL), hands(), "read")
    tools = model.requests[0].body["tools"]
    assert tools[0]["type"] == "computer_toolset_20260801"
    named = {tool["name"] for tool in tools[1:]}
    assert {"read_screen", "find", "click_element", "open", "wait_for", "windows"} <= named
    assert not {"screenshot", "left_click", "actions", "button_down"} & named
    read_screen, _ = results(model)
    assert texts(read_screen)[0].startswith("frame ")
    assert model.requests[0].body["cache_control"] == {"type": "ephemeral"}
    (edit,) = model.requests[0].body["context_management"]["edits"]
    assert edit["type"] == "clear_tool_uses_20250919"


async def test_without_words_there_is_only_the_computer(hands: MakeHands) -> None:
    model = Anthropic([[Say("ok")]])
    async with serving(model) as url, client(url) as api:
        await run(Claude(api, MODEL, words=False), hands(), "nothing")
    assert len(model.requests[0].body["tools"]) == 1


async def test_the_desktop_has_all_members_of_the_toolset(desk: DeskClient) -> None:
    assert {tool.name for tool in (await desk.mcp.list_tools()).tools} >= MEMBERS


async def test_a_person_may_say_no(hands: MakeHands, witness: Witness) -> None:
    async def confirm(call: Call) -> bool:
        return call.name != "type"

    model = Anthropic([[do("type", text="rm -rf /")], [Say("understood")]])
    async with serving(model) as url, client(url) as api:
        ending = await run(Claude(api, MODEL), hands(confirm=confirm), "type")
    assert ending.text == "understood"
    assert texts(results(model)[0]) == [
        "The person in charge did not allow type. Nothing was done."
    ]
    assert witness.saw_nothing()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "at once"])
async def test_a_budget_of_steps_holds_inside_the_sdk(
    stream: bool, hands: MakeHands, witness: Witness
) -> None:
    model = Anthropic([[do("left_click", coordinate=[5, 6]), do("left_click", coordinate=[7, 8])]])
    async with serving(model) as url, client(url) as api:
        made = hands(Budget(steps=1))
        ending = await run(Claude(api, MODEL, stream=stream), made, "click")
    assert ending == Ending("budget", "All 1 steps are used.")
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()
    assert len(model.requests) == 1


async def test_money_is_counted_by_what_the_api_says(hands: MakeHands, tmp_path: Path) -> None:
    def endless(request: Json) -> Turn:
        return [do("mouse_move", coordinate=[1, len(model.requests)])]

    model = Anthropic(endless, Tokens(10_000, 1000, 50_000))
    async with serving(model) as url, client(url) as api:
        made = hands(Budget(dollars=0.15), price=price_of(MODEL))
        ending = await run(Claude(api, MODEL), made, "spend")
    assert ending == Ending("budget", "All of the $0.15 is spent.")
    turns = [line for line in read(tmp_path / "run") if line["kind"] == "turn"]
    # 10,000 at $4, 1,000 at $20 and 50,000 from the cache at $0.20 a million
    assert [turn["dollars"] for turn in turns] == [pytest.approx(0.07)] * 3


async def test_an_api_that_stumbles_is_asked_again(hands: MakeHands) -> None:
    model = Anthropic([[Fail(529, "overloaded")], [Say("here I am")]])
    async with serving(model) as url, client(url) as api:
        ending = await run(Claude(api, MODEL), hands(), "hello")
    assert ending.text == "here I am"


async def test_a_thread_that_is_lost_is_started_anew(hands: MakeHands) -> None:
    def forgetful(request: Json) -> Turn:
        if len(model.requests) == 1:
            return [do("screenshot")]
        if len(model.requests) == 2:
            model.forget()
            return [do("cursor_position")]
        return [Say("still here")]

    model = Anthropic(forgetful)
    async with serving(model) as url, client(url) as api:
        brain = Claude(api, MODEL, stream=False)
        ending = await run(brain, hands(), "look")
    assert ending.text == "still here"
    assert len(model.conversations[-1]) == 5  # all of it, anew


@pytest.mark.parametrize("kind", ["computer_20251124", "computer_20250124"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "at once"])
async def test_older_models_act_by_one_tool(
    kind: Any, stream: bool, hands: MakeHands, witness: Witness
) -> None:
    def computer(action: str, **given: Any) -> Use:
        return Use("computer", {"action": action, **given})

    batch = [computer("left_click", coordinate=[5, 6]), computer("key", text="nope!"),
             computer("type", text="never")]  # fmt: skip
    model = Anthropic([[computer("screenshot")], batch, [computer("dance")], [Say("done")]])
    async with serving(model) as url, client(url) as api:
        brain = Claude(api, "claude-opus-4-5", kind, threads=False, stream=stream)
        ending = await run(brain, hands(), "click")
    assert ending.text == "done"
    assert model.refused == []
    tool = model.requests[0].body["tools"][0]
    assert (tool["type"], tool["display_width_px"], tool["display_height_px"]) == (kind, 640, 480)
    (shot,) = results(model, 1)
    assert [block["type"] for block in shot["content"]] == ["image", "text"]
    clicked, pressed, typed = results(model, 2)
    assert "no visible change" in texts(clicked)[0]
    assert pressed["is_error"]
    assert texts(typed) == [NOT_EXECUTED]
    assert texts(results(model)[0])[0].startswith("There is no action 'dance'; there are cursor_")
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()


@pytest.mark.parametrize(
    ("model", "endpoint", "vocabulary"),
    [
        ("claude-opus-5-5", "api", "toolset"),
        ("claude-haiku-5-5-20261007", "vertex", "toolset"),
        ("anthropic.claude-opus-5-5", "bedrock", "computer_20251124"),
        ("claude-opus-4-8", "api", "computer_20251124"),
        ("claude-sonnet-4-6", "api", "computer_20251124"),
        ("claude-sonnet-4-5-20250929", "api", "computer_20250124"),
        ("claude-haiku-4-5", "api", "computer_20250124"),
    ],
)
def test_a_model_is_spoken_to_in_its_own_words(model: str, endpoint: str, vocabulary: str) -> None:
    assert vocabulary_of(model, endpoint) == vocabulary


PLATFORMS: dict[str, Callable[[str], Any]] = {
    "vertex": lambda url: AsyncAnthropicVertex(
        region="here", project_id="mine", access_token="token", base_url=url
    ),
    "foundry": lambda url: anthropic.AsyncAnthropicFoundry(
        api_key="key", base_url=f"{url}/anthropic"
    ),
}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_platform_is_the_sdks_own_client(platform: str, hands: MakeHands) -> None:
    model = Anthropic([[do("cursor_position")], [Say("done")]])
    async with serving(model) as url, PLATFORMS[platform](url) as api:
        brain = Claude(api, MODEL, threads=False)
        ending = await run(brain, hands(), "where")
    assert ending.text == "done"
    assert len(model.requests) == 2

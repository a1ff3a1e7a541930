"""Gemini as a brain: the vendor's SDK, its API scripted, a real desktop and its witness."""

from typing import Any

import pytest
from agents import MakeHands
from google import genai
from google.genai import types
from google.genai.client import AsyncClient
from models.gemini_api import Gemini as Api
from models.script import Json, Say, Tokens, Turn, Use, serving
from witness import Key, Press, Witness

from gloveport.clients.agents.gemini import Gemini, calls_of
from gloveport.clients.agents.loop import NOT_EXECUTED, Budget, Call, Ending, run

MODEL = "gemini-3.5-flash"
SIZE = (640, 480)


def client(url: str) -> AsyncClient:
    return genai.Client(api_key="key", http_options=types.HttpOptions(base_url=url)).aio


def responses(model: Api) -> list[Json]:
    parts: list[Json] = model.requests[-1].body["contents"][-1]["parts"]
    return [part["functionResponse"] for part in parts]


async def test_functions_arrive_where_the_grid_points(hands: MakeHands, witness: Witness) -> None:
    click = Use("click", {"x": 500, "y": 250, "intent": "press it"})
    model = Api(
        [[Say("clicking"), click, Use("hotkey", {"keys": ["control", "a"]})], [Say("done")]]
    )
    async with serving(model) as url, client(url) as api:
        assert await run(Gemini(api, MODEL), hands(), "click") == Ending("done", "done")
    assert model.refused == []
    saw = witness.saw_all(4)
    assert saw[0] == Press(1, 320, 120)
    assert Key("a", 4) in saw
    clicked, pressed = responses(model)
    assert "no visible change" in clicked["response"]["output"]
    assert "parts" not in clicked
    assert pressed["parts"]
    assert [one.image.size for one in model.requests[-1].images] == [SIZE, SIZE]
    tools = model.requests[0].body["tools"]
    assert tools[0] == {"computerUse": {"environment": "ENVIRONMENT_DESKTOP"}}
    assert "read_screen" in {one["name"] for one in tools[1]["functionDeclarations"]}


async def test_after_a_refusal_the_rest_is_not_done(hands: MakeHands, witness: Witness) -> None:
    calls = [Use("press_key", {"key": "nope!"}), Use("type", {"text": "never"}), Use("read_screen")]
    model = Api([calls, [Say("done")]])
    async with serving(model) as url, client(url) as api:
        await run(Gemini(api, MODEL), hands(), "press")
    first, *rest = [answer["response"]["error"] for answer in responses(model)]
    assert first.startswith("There is no key named 'nope!'")
    assert rest == [NOT_EXECUTED] * 2
    assert witness.saw_nothing()


def risky() -> Use:
    doubt = {"decision": "require_confirmation", "explanation": "This orders something."}
    return Use("click", {"x": 500, "y": 250, "safety_decision": doubt})


async def test_a_safety_decision_is_a_persons_to_confirm(
    hands: MakeHands, witness: Witness
) -> None:
    asked: list[Call] = []

    async def yes(call: Call) -> bool:
        asked.append(call)
        return True

    model = Api([[risky()], [Say("done")]])
    async with serving(model) as url, client(url) as api:
        await run(Gemini(api, MODEL, confirm=yes), hands(), "order")
    assert model.refused == []
    assert asked == [Call("confirm_safety", {"why": "This orders something."})]
    assert witness.saw_all(2)[0] == Press(1, 320, 120)


async def test_a_decision_that_nobody_confirms_ends_the_run(
    hands: MakeHands, witness: Witness
) -> None:
    model = Api([[risky()]])
    async with serving(model) as url, client(url) as api:
        ending = await run(Gemini(api, MODEL), hands(), "order")
    assert ending.how == "stuck"
    assert ending.text.endswith("and it was not: This orders something.")
    assert witness.saw_nothing()


async def test_old_pictures_are_taken_out_of_the_conversation(hands: MakeHands) -> None:
    def moving(request: Json) -> Turn:
        return [Use("move", {"x": len(model.requests) * 9, "y": 5})]

    model = Api(moving, Tokens(100, 10, 900))
    async with serving(model) as url, client(url) as api:
        ending = await run(Gemini(api, MODEL), hands(Budget(steps=9)), "move")
    assert ending.text == "All 9 steps are used."
    assert len(model.requests[-1].images) == 7  # of the last six turns, and the first


MIDDLE = {"coordinate": [320, 240]}
VOCABULARIES: dict[str, tuple[str, Json, list[Call]]] = {
    "drag": (
        "drag_and_drop",
        {"start_x": 0, "start_y": 0, "end_x": 999, "end_y": 999},
        [Call("left_click_drag", {"start_coordinate": [0, 0], "coordinate": [639, 479]})],
    ),
    "drag, first version": (
        "drag_and_drop",
        {"x": 100, "y": 100, "destination_x": 200, "destination_y": 200},
        [Call("left_click_drag", {"start_coordinate": [64, 48], "coordinate": [128, 96]})],
    ),
    "press the button": (
        "mouse_down",
        {"x": 500, "y": 500},
        [Call("mouse_move", {"coordinate": [320, 240]}), Call("left_mouse_down")],
    ),
    "type and enter": (
        "type",
        {"text": "小米", "press_enter": True},
        [Call("type", {"text": "小米"}), Call("key", {"text": "Return"})],
    ),
    "type, first version": (
        "type_text_at",
        {"x": 500, "y": 500, "text": "小米"},
        [Call("left_click", {"coordinate": [320, 240]}), Call("key", {"text": "ctrl+a Delete"}),
         Call("type", {"text": "小米"}), Call("key", {"text": "Return"})],
    ),
    "scroll": (
        "scroll",
        {"x": 500, "y": 500, "direction": "down", "magnitude_in_pixels": 300},
        [Call("scroll", {**MIDDLE, "scroll_direction": "down", "scroll_amount": 3})],
    ),
    "scroll a document": (
        "scroll_document",
        {"direction": "up"},
        [Call("scroll", {**MIDDLE, "scroll_direction": "up", "scroll_amount": 4})],
    ),
    "navigate": (
        "navigate", {"url": "https://a.com"}, [Call("open", {"target": "https://a.com"})],
    ),
    "back": ("go_back", {}, [Call("key", {"text": "alt+Left"})]),
    "wait": ("wait_5_seconds", {}, [Call("wait", {"duration": 5.0})]),
    "look": ("take_screenshot", {}, []),
}  # fmt: skip


@pytest.mark.parametrize(("name", "given", "calls"), VOCABULARIES.values(), ids=VOCABULARIES)
def test_each_function_has_its_calls(name: str, given: Json, calls: list[Call]) -> None:
    quiet: dict[str, Any] = {"screenshot": "never"}
    made = calls_of(name, given, SIZE)
    assert made == [Call(call.name, {**call.arguments, **quiet}) for call in calls]


async def test_the_pointer_moves_to_the_grids_corners(hands: MakeHands) -> None:
    made = hands()
    for x, y, at in ((0, 0, [0, 0]), (999, 999, [639, 479])):
        (call,) = calls_of("move", {"x": x, "y": y}, SIZE)
        answer = (await made.do(call.name, **call.arguments)).answer
        assert answer
        assert answer.facts["cursor"] == at

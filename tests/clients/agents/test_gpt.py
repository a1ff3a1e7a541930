"""GPT as a brain: the vendor's SDK, its API scripted, a real desktop and its witness."""

from typing import Any

import openai
import pytest
from agents import MakeHands
from models.openai_api import OpenAI
from models.script import Compute, Json, Say, Tokens, Use, serving
from witness import Key, Press, Release, Witness

from gloveport.clients.agents.loop import Budget, Call, Ending, run
from gloveport.clients.agents.openai import Gpt, calls_of, scrolls

MODEL = "gpt-5.5"
CONTROL, SHIFT = 4, 1  # modifier bits of X


def client(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="key", base_url=f"{url}/v1", max_retries=0)


def click(x: int, y: int, button: str = "left", **more: Any) -> Json:
    return {"type": "click", "button": button, "x": x, "y": y, **more}


@pytest.mark.parametrize("preview", [False, True], ids=["a batch", "one, as the preview has it"])
async def test_actions_arrive_and_a_picture_comes_back(
    preview: bool, hands: MakeHands, witness: Witness
) -> None:
    actions = [click(5, 6), {"type": "keypress", "keys": ["CTRL", "A"]}]
    model = OpenAI([[Compute(actions)], [Say("done")]], preview=preview)
    async with serving(model) as url, client(url) as api:
        assert await run(Gpt(api, MODEL), hands(), "click") == Ending("done", "done")
    assert model.refused == []
    saw = witness.saw_all(2 if preview else 4)
    assert saw[0] == Press(1, 5, 6)
    assert preview or Key("a", CONTROL) in saw
    (picture,) = model.requests[-1].images
    assert picture.image.size == (640, 480)
    assert any("no visible change" in text for text in model.requests[-1].texts)


async def test_buttons_modifiers_drags_and_scrolls_arrive(
    hands: MakeHands, witness: Witness
) -> None:
    path = [{"x": x, "y": 9} for x in (10, 20, 30)]
    actions = [
        click(5, 6, "back"),
        click(7, 8, keys=["SHIFT"]),
        {"type": "drag", "path": path},
        {"type": "scroll", "x": 50, "y": 60, "scroll_x": 0, "scroll_y": 200},
    ]
    model = OpenAI([[Compute(actions)], [Say("done")]])
    async with serving(model) as url, client(url) as api:
        await run(Gpt(api, MODEL), hands(), "all kinds")
    saw = [one for one in witness.saw_all(12) if isinstance(one, Press | Release)]
    assert [(one.button, one.x, one.y) for one in saw if isinstance(one, Press)] == [
        (8, 5, 6), (1, 7, 8), (1, 10, 9), (5, 50, 60), (5, 50, 60),
    ]  # fmt: skip
    assert Press(1, 7, 8, SHIFT) in saw
    assert (saw[5].x, saw[5].y) == (30, 9)  # where the drag let go


async def test_after_a_refusal_the_rest_is_not_done(hands: MakeHands, witness: Witness) -> None:
    model = OpenAI([[Compute([click(640, 1), click(5, 6)])], [Say("done")]])
    async with serving(model) as url, client(url) as api:
        await run(Gpt(api, MODEL), hands(), "click")
    told = "\n".join(model.requests[-1].texts)
    assert "left_click: (640, 1) is outside the 640x480 screenshot" in told
    assert "left_click: Not executed: an earlier computer action in this turn failed." in told
    assert witness.saw_nothing()


CHECK = {"id": "c1", "code": "malicious_instructions", "message": "The page gives orders."}


async def test_a_safety_check_is_a_persons_to_acknowledge(
    hands: MakeHands, witness: Witness
) -> None:
    asked: list[Call] = []

    async def yes(call: Call) -> bool:
        asked.append(call)
        return True

    model = OpenAI([[Compute([click(5, 6)], [CHECK])], [Say("done")]])
    async with serving(model) as url, client(url) as api:
        await run(Gpt(api, MODEL, confirm=yes), hands(), "click")
    assert model.refused == []
    assert [dict(call.arguments) for call in asked] == [CHECK]
    assert witness.saw_all(2)[0] == Press(1, 5, 6)


async def test_a_check_that_nobody_acknowledges_ends_the_run(
    hands: MakeHands, witness: Witness
) -> None:
    model = OpenAI([[Compute([click(5, 6)], [CHECK])]])
    async with serving(model) as url, client(url) as api:
        ending = await run(Gpt(api, MODEL), hands(), "click")
    why = "A safety check was not acknowledged: The page gives orders."
    assert ending == Ending("stuck", why)
    assert witness.saw_nothing()


async def test_words_are_functions_and_tokens_are_counted(hands: MakeHands) -> None:
    model = OpenAI([[Use("read_screen")], [Use("read_screen")]], Tokens(100, 10, 900))
    async with serving(model) as url, client(url) as api:
        ending = await run(Gpt(api, MODEL), hands(Budget(tokens=2000)), "read")
    assert ending == Ending("budget", "All 2,000 tokens are used.")
    assert any(text.startswith("frame ") for text in model.requests[1].texts)
    names = {tool.get("name") for tool in model.requests[0].body["tools"]}
    assert {"read_screen", "click_element"} <= names


@pytest.mark.parametrize(
    ("pixels", "notches"),
    [
        ((0, 300), [("down", 3)]),
        ((0, -40), [("up", 1)]),
        ((150, -1000), [("right", 2), ("up", 10)]),
        ((0, 0), []),
        ((-99_999, 0), [("left", 100)]),
    ],
)
def test_pixels_become_notches(pixels: tuple[int, int], notches: list[tuple[str, int]]) -> None:
    turned = scrolls(*pixels)
    assert [(one["scroll_direction"], one["scroll_amount"]) for one in turned] == notches


def test_an_action_nobody_knows_is_the_desktops_to_refuse() -> None:
    assert calls_of([{"type": "teleport"}]) == [Call("teleport")]

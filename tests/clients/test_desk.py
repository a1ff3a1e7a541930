"""The client of our own, and the loop, against a served desktop."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from web import TOKEN, guarded, served
from witness import Key, Press, Witness

from gloveport.clients.agent import NOT_EXECUTED, Call, Done, Outcome, OutOfSteps, run
from gloveport.clients.desk import DeskClient, Refused, connect
from gloveport.sandbox.desktop import Desktop


@pytest.fixture
async def desk(desktop: Desktop, witness: Witness, tmp_path: Path) -> AsyncGenerator[DeskClient]:
    async with (
        served(desktop, guarded(tmp_path)) as url,
        connect(f"{url}/mcp", TOKEN) as client,
    ):
        yield client


class Script:
    """A brain that says what it was told to, and remembers what came of it."""

    def __init__(self, *decisions: Sequence[Call] | Done) -> None:
        self._decisions = list(decisions)
        self.saw: list[Sequence[Outcome]] = []

    async def decide(self, task: str, outcomes: Sequence[Outcome]) -> Sequence[Call] | Done:
        self.saw.append(outcomes)
        return self._decisions.pop(0)


async def test_a_picture_comes_as_an_image(desk: DeskClient) -> None:
    image = (await desk.screenshot()).image
    assert image
    assert image.size == (640, 480)


async def test_a_click_lands_and_its_answer_has_facts(desk: DeskClient, witness: Witness) -> None:
    answer = await desk.click(12, 34)
    assert witness.saw() == Press(1, 12, 34)
    assert (answer.facts["cursor"], answer.changed) == ([12, 34], False)


async def test_a_refusal_is_raised_with_its_sentence(desk: DeskClient) -> None:
    with pytest.raises(Refused, match=r"^\(640, 0\) is outside the 640x480 screenshot"):
        await desk.click(640, 0)


async def test_a_brain_sees_what_came_of_what_it_decided(
    desk: DeskClient, witness: Witness
) -> None:
    brain = Script(
        [Call("screenshot")],
        [Call("left_click", {"coordinate": [5, 6]}), Call("key", {"text": "a"})],
        Done("all done"),
    )
    assert await run(brain, desk, "click and press") == "all done"
    assert brain.saw[0] == []
    (shot,) = brain.saw[1]
    assert shot.answer
    assert shot.answer.data
    assert [outcome.refused for outcome in brain.saw[2]] == ["", ""]
    assert witness.saw_all(3)[::2] == [Press(1, 5, 6), Key("a")]


async def test_after_a_refusal_the_rest_of_the_turn_is_not_done(
    desk: DeskClient, witness: Witness
) -> None:
    brain = Script([Call("key", {"text": "nope!"}), Call("key", {"text": "a"})], Done("gave up"))
    await run(brain, desk, "press")
    first, second = brain.saw[1]
    assert first.refused.startswith("There is no key named 'nope!'")
    assert second.refused == NOT_EXECUTED
    assert witness.saw_nothing()


async def test_a_brain_that_never_ends_is_stopped(desk: DeskClient) -> None:
    brain = Script(*[[Call("cursor_position")]] * 10)
    with pytest.raises(OutOfSteps, match="3 calls were made and the task is not done"):
        await run(brain, desk, "loop", most_calls=3)

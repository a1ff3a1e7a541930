"""The client of our own, against a served desktop."""

import pytest
from agents import deserted
from witness import Press, Witness

from gloveport.clients.desk import DeskClient, Refused, Unanswered
from gloveport.sandbox.desktop import Desktop


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


async def test_an_answer_in_words_has_no_facts(desk: DeskClient) -> None:
    answer = await desk.call("read_screen")
    assert answer.facts == {}
    assert answer.text.startswith("frame ")


async def test_a_server_that_went_away_leaves_a_call_unanswered(desktop: Desktop) -> None:
    async with deserted(desktop) as desk:
        with pytest.raises(Unanswered):
            await desk.click(1, 1)

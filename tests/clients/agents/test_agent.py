"""A run, with scripts for brains: what is made, written down, counted, and told after a crash."""

import json
from pathlib import Path
from typing import Any

import pytest
from agents import MakeHands, Script, deserted
from witness import Key, Press, Witness

from gloveport.clients.agents.loop import NOT_EXECUTED, Budget, Call, Ending, Hands, Outcome, run
from gloveport.clients.agents.prices import Price, Tokens, price_of
from gloveport.clients.agents.recorder import UNKNOWN, BadRecord, Record, began, read, story
from gloveport.sandbox.desktop import Desktop

CLICK = Call("left_click", {"coordinate": [5, 6], "screenshot": "never"})


async def forever(task: str, hands: Hands) -> str:
    while True:
        await hands.do("cursor_position")


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in read(folder / "run") if line["kind"] == kind]


async def test_a_run_is_written_down_as_it_goes(hands: MakeHands, tmp_path: Path) -> None:
    async def work(task: str, hands: Hands) -> str:
        hands.said("looking")
        await hands.do("screenshot")
        assert lines(tmp_path, "answered")[-1]["picture"] == "pictures/0001.png"
        await hands.do("left_click", coordinate=[640, 0])
        return "all done"

    assert await run(Script(work), hands(), "look", model="none") == Ending("done", "all done")
    kinds = [line["kind"] for line in read(tmp_path / "run")]
    assert kinds == ["began", "said", "asked", "answered", "asked", "answered", "ended"]
    assert began(tmp_path / "run")["task"] == "look"
    assert (tmp_path / "run/pictures/0001.png").read_bytes().startswith(b"\x89PNG")
    refused = lines(tmp_path, "answered")[-1]
    assert refused["ok"] is False
    assert refused["text"].startswith("(640, 0) is outside the 640x480 screenshot")
    assert oct((tmp_path / "run/record.jsonl").stat().st_mode & 0o777) == "0o600"


async def test_after_a_refusal_the_rest_of_the_turn_is_not_done(
    hands: MakeHands, witness: Witness
) -> None:
    made = hands()
    outcomes = await made.in_order(
        [CLICK, Call("key", {"text": "nope!"}), Call("key", {"text": "a"})]
    )
    assert outcomes[0].refused == ""
    assert outcomes[1].refused.startswith("There is no key named 'nope!'")
    assert outcomes[2].refused == NOT_EXECUTED
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()


async def test_what_is_not_confirmed_is_not_done(hands: MakeHands, witness: Witness) -> None:
    asked: list[Call] = []

    async def confirm(call: Call) -> bool:
        asked.append(call)
        return call.name == "key"

    made = hands(confirm=confirm)
    refused = await made.do("left_click", coordinate=[5, 6])
    assert refused.text == "The person in charge did not allow left_click. Nothing was done."
    await made.do("key", text="a")
    assert witness.saw() == Key("a")
    assert [call.name for call in asked] == ["left_click", "key"]


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (Budget(steps=3), "All 3 steps are used."),
        # The only budget: a fast machine would use up another one within half a second.
        (Budget(steps=0, seconds=0.5, futile=0), "The 0.5 seconds are over."),
    ],
    ids=["steps", "seconds"],
)
async def test_a_brain_that_never_ends_is_stopped(
    hands: MakeHands, budget: Budget, why: str
) -> None:
    assert await run(Script(forever), hands(budget), "loop") == Ending("budget", why)


async def test_tokens_and_money_are_counted_to_the_last_turn(hands: MakeHands) -> None:
    turns = 0

    async def work(task: str, hands: Hands) -> str:
        nonlocal turns
        while True:
            await hands.paid(Tokens(1000, 100))
            turns += 1

    price = Price(10, 50, 1, 12.5)  # 1.5 cents a turn
    ending = await run(Script(work), hands(Budget(dollars=0.05), price=price), "spend")
    assert ending == Ending("budget", "All of the $0.05 is spent.")
    assert turns == 3  # the fourth was over


async def test_the_tokens_of_all_turns_are_a_budget(hands: MakeHands) -> None:
    async def work(task: str, hands: Hands) -> str:
        await hands.paid(Tokens(1000, 100))
        await hands.paid(Tokens(1000, 100))
        return "in time"

    ending = await run(Script(work), hands(Budget(tokens=2000)), "spend")
    assert ending == Ending("budget", "All 2,000 tokens are used.")


async def test_the_same_again_to_no_effect_ends_the_run(hands: MakeHands, witness: Witness) -> None:
    texts: list[str] = []

    async def work(task: str, hands: Hands) -> str:
        while True:
            texts.append((await hands.do(CLICK.name, **CLICK.arguments)).text)

    ending = await run(Script(work), hands(Budget(futile=3)), "click")
    assert ending.how == "stuck"
    assert ending.text.startswith(
        'left_click {"coordinate": [5, 6], "screenshot": "never"} was tried 3'
    )
    assert all("no visible change" in text for text in texts)
    assert len(texts) == 2  # the third was the last straw


async def test_a_desktop_that_is_gone_ends_the_run(tmp_path: Path, desktop: Desktop) -> None:
    seen: list[str] = []

    async def work(task: str, hands: Hands) -> str:
        while True:
            seen.append((await hands.do("left_click", coordinate=[5, len(seen)])).text)

    async with deserted(desktop) as desk:
        with Record(tmp_path / "run") as record:
            ending = await run(Script(work), Hands(desk, record, Budget(silent=2)), "click")
    assert ending.how == "lost"
    assert "It is unknown whether it happened: look at the screen" in seen[0]


class Crash(BaseException):
    """The program ends in the middle of a call."""


async def test_a_run_is_taken_up_after_a_crash(
    hands: MakeHands, tmp_path: Path, witness: Witness
) -> None:
    async def crashing(call: Call) -> bool:
        if call.name == "type":
            raise Crash
        return True

    async def work(task: str, hands: Hands) -> str:
        hands.said("first the field")
        await hands.do(CLICK.name, **CLICK.arguments)
        await hands.paid(Tokens(1000, 10))
        await hands.do("type", text="小米官方旗舰店")
        raise NotImplementedError

    price = Price(10, 50, 1, 12.5)
    with pytest.raises(Crash):
        await run(Script(work), hands(price=price, confirm=crashing), "fill it in")
    with (tmp_path / "run/record.jsonl").open("ab") as file:
        file.write(b'{"kind": "asked", "ca')  # the disk got half a line
    witness.saw_all(2)

    async def again(task: str, hands: Hands) -> str:
        await hands.do("cursor_position")
        return "done"

    brain, made = Script(again), hands(Budget(steps=4), price=price)
    assert made.spent.steps == 2
    assert made.spent.dollars == pytest.approx(0.0105)
    assert await run(brain, made, began(tmp_path / "run")["task"]) == Ending("done", "done")
    task, cut_off, happened, _ = brain.told.split("\n\n")
    assert task == "fill it in"
    assert cut_off.startswith("You have worked on this task before and were cut off.")
    said, clicked, typed = happened.split("\n")
    assert said == "You said: first the field"
    assert clicked.startswith('1. left_click {"coordinate": [5, 6], "screenshot": "never"}: {"ok":')
    assert typed == f'2. type {{"text": "小米官方旗舰店"}}: {UNKNOWN}'
    assert witness.saw_nothing()  # nothing was done again unasked
    assert [line["kind"] for line in read(tmp_path / "run")][-4:] == [
        "resumed", "asked", "answered", "ended",
    ]  # fmt: skip
    assert [line["call"] for line in lines(tmp_path, "asked")] == [1, 2, 3]


def test_a_long_story_keeps_its_end() -> None:
    told = story([{"kind": "said", "text": f"{number} {'x' * 1000}"} for number in range(100)])
    assert "... (what came before is left out)\nYou said: 77 x" in told
    assert "You said: 99 x" in told


def test_a_folder_without_a_record_cannot_be_taken_up(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"holds no record\.jsonl: No such file or directory"):
        began(tmp_path)


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("claude-opus-5-5", 4),
        ("claude-opus-4-5-20251101", 5),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 5),
        ("claude-opus-4-5@20251101", 5),
        ("some-model-nobody-knows", None),
    ],
)
def test_a_model_has_its_price_or_none(model: str, sent: float | None) -> None:
    price = price_of(model)
    assert (price and price.sent) == sent


def test_a_long_prompt_costs_more_where_the_vendor_says_so() -> None:
    haiku = price_of("claude-haiku-5-5")
    assert haiku
    assert json.dumps([haiku.of(Tokens(100_000)), haiku.of(Tokens(0, 0, 100_001))]) == (
        "[0.01, 0.00500005]"
    )


def test_an_outcome_tells_what_the_desktop_said() -> None:
    assert Outcome(CLICK, refused="no").text == "no"

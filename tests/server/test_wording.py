"""What rules know of the labels of buttons, on lists in three groups of languages.

The lists are in `tests/labels`: what has to be asked about, and what not. Three were written down
together with the words, so they hold what works and measure nothing. `unseen.txt` was written
afterwards, of hard ones, and the words were not changed by it: the README has its numbers, which
may only get better.
"""

from itertools import product
from pathlib import Path

import pytest

from gloveport.server.wording import groups, says

LABELS = Path(__file__).parent.parent / "labels"
LISTS = ("english", "chinese", "others")


def labels(name: str) -> tuple[list[str], list[str]]:
    ask, no = (LABELS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return ask.removeprefix("ask: ").split("|"), no.removeprefix("not: ").split("|")


def asks(label: str) -> bool:
    return any(says(label, group) for group in groups())


@pytest.mark.parametrize("name", LISTS)
def test_labels_are_told_apart(name: str) -> None:
    ask, no = labels(name)
    assert [one for one in ask if not asks(one)] == []
    assert [one for one in no if asks(one)] == []


def test_labels_that_the_words_were_not_made_for() -> None:
    ask, no = labels("unseen")
    assert (len(ask), len(no)) == (32, 32)
    assert sum(map(asks, ask)) >= 13
    assert sum(map(asks, no)) <= 8


HIDDEN = ("\u200b", "\u00ad", "\u2060", "\ufe0f", "\u202e", "\u034f", "\u3164")


@pytest.mark.parametrize(("label", "hidden"), list(product(("Buy now", "付款", "Send"), HIDDEN)))
def test_what_cannot_be_seen_hides_nothing(label: str, hidden: str) -> None:
    assert all(asks(label[:at] + hidden + label[at:]) for at in range(len(label) + 1))


@pytest.mark.parametrize(
    "label",
    ["Вuy now", "Buу now", "Ѕеnd", "Рау", "Ｂｕｙ ｎｏｗ", "𝐁𝐮𝐲 𝐧𝐨𝐰", "Ρay", "BUY NOW", "Sеnd"],
)
def test_letters_that_look_alike_are_alike(label: str) -> None:
    assert asks(label)

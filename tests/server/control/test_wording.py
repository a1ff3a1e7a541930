"""What rules know of the labels of buttons, on lists in three groups of languages.

The lists are in `tests/labels`: what has to be asked about, and what not. The words were made with
those of the folder itself in sight. Those in `held_out` were written down first, and the words were
not changed by what became of them: they measure. Those in `programs` are menu items and buttons
drawn by chance from programs of Debian 12 (GTK, GIMP, Inkscape, Mousepad, Thunar, Xfce, ...) in
their own translations; what is to be asked about goes by the English they were translated from.
A few words were added since those were first measured (71 of 74 Chinese, 131 of 150 others).
`python tests/server/control/test_wording.py` writes the table of all in docs/guides/approvals.md.
"""

import re
from itertools import product
from pathlib import Path

import pytest

from gloveport.server.control.label_words import groups, says

LABELS = Path(__file__).parents[2] / "labels"
PAGE = Path(__file__).parents[3] / "docs" / "guides" / "approvals.md"
TABLE = re.compile(
    r"(?<=<!-- labels: written by tests/server/control/test_wording.py -->\n).*?"
    r"(?=<!-- /labels -->)",
    re.DOTALL,
)
GROUPS = {"english": "English", "chinese": "Chinese", "others": "Eleven others"}
KINDS = {"words made for them": "", "not": "held_out/", "of programs": "programs/"}
TUNED = ("english", "chinese", "others", "hard")
# Of labels that the words were not made for: what a change of the words may not go below.
MOST_ASKED, FALSE_ALARMS = 0.95, 0.02
# Translators are free with "Discard", which is "ignore" or "leave" to some.
MOST_OF_PROGRAMS = 0.88


def labels(name: str) -> tuple[list[str], list[str]]:
    ask: list[str] = []
    no: list[str] = []
    for line in (LABELS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        kind, _, told = line.partition(": ")
        if kind in ("ask", "not"):
            (ask if kind == "ask" else no).extend(told.split("|"))
    return ask, no


def asks(label: str) -> bool:
    return any(says(label, group) for group in groups())


def table() -> str:
    rows = [
        "| Labels | Asked, of those that should be | Asked, of those that should not |",
        "| --- | --- | --- |",
    ]
    for name, told in GROUPS.items():
        for kind, folder in KINDS.items():
            ask, no = labels(folder + name)
            hits, alarms = sum(map(asks, ask)), sum(map(asks, no))
            rows.append(f"| {told}, {kind} | {hits} of {len(ask)} | {alarms} of {len(no)} |")
    return "\n".join([*rows, ""])


@pytest.mark.parametrize("name", TUNED)
def test_labels_are_told_apart(name: str) -> None:
    ask, no = labels(name)
    assert [one for one in ask if not asks(one)] == (["Proceed"] if name == "hard" else [])
    assert [one for one in no if asks(one)] == []


@pytest.mark.parametrize("name", GROUPS)
def test_labels_that_the_words_were_not_made_for(name: str) -> None:
    ask, no = labels(f"held_out/{name}")
    assert sum(map(asks, ask)) >= MOST_ASKED * len(ask)
    assert sum(map(asks, no)) <= FALSE_ALARMS * len(no)


@pytest.mark.parametrize("name", GROUPS)
def test_labels_of_real_programs(name: str) -> None:
    ask, no = labels(f"programs/{name}")
    assert len(ask) + len(no) == 300
    assert sum(map(asks, ask)) >= MOST_OF_PROGRAMS * len(ask)
    assert sum(map(asks, no)) <= FALSE_ALARMS * len(no)


@pytest.mark.parametrize("name", GROUPS)
def test_there_are_enough_labels_to_measure(name: str) -> None:
    tuned, held_out = labels(name), labels(f"held_out/{name}")
    assert sum(map(len, (*tuned, *held_out))) >= 300
    for ask, no in (tuned, held_out):
        assert 0.4 <= len(ask) / (len(ask) + len(no)) <= 0.6


def test_the_readme_has_these_numbers() -> None:
    (shown,) = TABLE.findall(PAGE.read_text(encoding="utf-8"))
    assert shown == table()


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


@pytest.mark.parametrize(
    ("asked", "harmless"),
    [
        ("_Delete me", "_Deleted me"),
        ("Confirm your order", "Order confirmation"),
        ("View and pay", "View payments"),
        ("Don't save", "Don't delete"),
        ("Get it for $4.99", "Get it for Windows"),
        ("Join for 9,99 €", "Join for free"),
        ("Submit & close", "Settings & submit history"),
        ("立即出价", "成交价"),
        ("发布商品", "发布平台"),
        ("删除文件", "已删除文件"),
        ("Werbung kaufen", "Wie kaufen"),
        ("Enviar y cerrar", "Ver enviar"),
    ],
)
def test_the_place_of_a_word_in_a_label_counts(asked: str, harmless: str) -> None:
    assert asks(asked)
    assert not asks(harmless)


if __name__ == "__main__":
    written = table()
    PAGE.write_text(TABLE.sub(lambda _: written, PAGE.read_text(encoding="utf-8")), "utf-8")

import string
import unicodedata

import pytest

from gloveport.sandbox.x11.keymap import LEFT_EMPTY, SPARE, Keymap, keysym, repertoire


def test_every_character_of_the_us_layout_has_a_key(keymap: Keymap) -> None:
    assert all(char in keymap for char in string.printable if char not in "\r\x0b\x0c")


def test_every_character_has_a_place_of_its_own(keymap: Keymap) -> None:
    chars = [*repertoire(), *(char for char in string.printable if char in keymap)]
    assert len({keymap[char] for char in chars}) == len(set(chars))


@pytest.mark.parametrize(
    "text",
    [
        "小米官方旗舰店", "Übergröße", "Čeština", "Привет", "Ελλάδα", "😀🎉🚀👍🛒", "שלום", "مرحبا",
        "かな", "€–—“”…", "e\u0301",
    ],
)  # fmt: skip
def test_what_people_type_is_in_the_map(keymap: Keymap, text: str) -> None:
    assert [char for char in text if char not in keymap] == []


def test_common_chinese_is_in_the_map(keymap: Keymap) -> None:
    rows = range(16, 56)
    common = b"".join(bytes((0xA0 + row, 0xA0 + cell)) for row in rows for cell in range(1, 95))
    missing = [char for char in common.decode("gb2312", "ignore") if char not in keymap]
    assert missing == []


def test_some_keys_are_left_empty_for_other_programs(keymap: Keymap) -> None:
    used = {keymap[char].keycode for char in repertoire()}
    assert not used & set(SPARE[-LEFT_EMPTY:])


@pytest.mark.parametrize("keycode", [166, 167, 181, 135])
def test_keys_that_chromium_obeys_by_number_hold_no_text(keymap: Keymap, keycode: int) -> None:
    assert keycode not in SPARE


def test_characters_that_gtk_cuts_short_are_left_to_paste(keymap: Keymap) -> None:
    assert "＠" not in keymap


def test_nothing_unassigned_takes_a_place() -> None:
    assert {unicodedata.category(char) for char in repertoire()} & {"Cn", "Co", "Cs"} == set()


@pytest.mark.parametrize(("char", "value"), [("a", 0x61), ("é", 0xE9), ("小", 0x1005C0F),
                                             ("😀", 0x101F600)])  # fmt: skip
def test_keysyms_are_those_of_the_protocol(char: str, value: int) -> None:
    assert keysym(char) == value

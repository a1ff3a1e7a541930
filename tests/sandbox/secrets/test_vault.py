"""No text that leaves shows a value, or a part of one that something has cut."""

import json
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from gloveport.sandbox.secrets.store import SecretStore

CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+=."
VALUES = st.text(CHARS, min_size=8, max_size=400).filter(lambda value: len(set(value)) > 6)
AROUND = st.text("#!? ", max_size=300)
PART = 8


def shows(text: str, value: str) -> bool:
    """Whether eight characters of a value in a row stand anywhere."""
    low, value = text.lower(), value.lower()
    return any(value[at : at + PART] in low for at in range(len(value) - PART + 1))


@given(VALUES, AROUND, AROUND, st.integers(1, 400))
def test_a_cut_leaves_nothing_of_a_value(value: str, before: str, after: str, most: int) -> None:
    vault = SecretStore.of({"KEY": value})
    said = vault.cut(before + value + after, most)
    assert not shows(said, value)
    assert len(said) <= most + len("…")


@given(AROUND, st.integers(1, 400))
def test_a_cut_changes_nothing_else(text: str, most: int) -> None:
    expected = text if len(text) <= most else text[:most] + "…"
    assert SecretStore.of({"KEY": "qwertyuiop"}).cut(text, most) == expected
    assert SecretStore().cut(text, most) == expected


@given(VALUES, AROUND, st.data())
def test_what_was_cut_elsewhere_is_redacted(value: str, before: str, data: st.DataObject) -> None:
    vault = SecretStore.of({"KEY": value})
    at = data.draw(st.integers(PART, len(value)))
    for end in ("", "…", "...", '"', "\n"):
        assert not shows(vault.scrub(before + value[:at] + end), value)
        assert not shows(vault.scrub(json.dumps([before + value[:at] + end])), value)
    start = data.draw(st.integers(0, len(value) - PART))
    for begin in ("", "…", "...", '"', "\n"):
        assert not shows(vault.scrub(begin + value[start:] + before), value)
        assert not shows(vault.scrub(json.dumps([begin + value[start:] + before])), value)


@given(VALUES, st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_pieces_of_a_value_are_redacted(value: str, cuts: list[int]) -> None:
    vault = SecretStore.of({"KEY": value})
    ends = sorted({min(cut, len(value)) for cut in cuts} | {0, len(value)})
    for start, end in pairwise(ends):
        assert not shows(vault.scrub_piece(value[start:end]), value)


@given(st.lists(VALUES, min_size=2, max_size=3, unique=True), AROUND)
def test_several_values_are_redacted(values: list[str], between: str) -> None:
    vault = SecretStore.of({f"KEY{place}": value for place, value in enumerate(values)})
    text = between.join(values)
    assume(between)
    for value in values:
        assert not shows(vault.scrub(text), value)


def test_words_that_only_begin_alike_stay() -> None:
    vault = SecretStore.of({"KEY": "password-of-the-shop-77"})
    for text in ("password of the shop", "a password is needed", "at the-shop-77 we buy"):
        assert vault.scrub(text) == text

"""How well texts fit, as a table."""

import pytest

from gloveport.sandbox.accessibility.atspi.text_match import Fit, excerpt, fit, place_of, plain


@pytest.mark.parametrize(
    ("asked", "there", "how"),
    [
        ("OK", "OK", Fit.SAME),
        ("ok", "OK", Fit.SAME_BUT_CASE),
        ("Tile 1", "Tile 12", Fit.PART),
        ("Save", "Save As...", Fit.WITHIN),
        ("Agree", "I Agree", Fit.WITHIN),
        ("All", "Click to toggle between loop All, loop one and no loop", Fit.PART),
        ("all", "Click to toggle between loop all, loop one and no loop", Fit.PART),
        ("Click", "Click to toggle between loop all, loop one and no loop", Fit.PART),
        ("loop one", "Click to toggle between loop all, loop one and no loop", Fit.PART),
        ("All", "Allow", Fit.PART),
        ("OK", "Bookmark", Fit.PART),
        ("Send", "Send (Ctrl+Return)", Fit.WITHIN),
        ("搜索", "搜索商品", Fit.WITHIN),
        ("商品", "搜索商品", Fit.WITHIN),
        ("单", "在这里您可以随时查看和取消您的订单以及退货", Fit.PART),
        ("tile", "Big Tile", Fit.WITHIN_BUT_CASE),
        ("小米官方旗舰店", "小米官方旗店", Fit.NEAR),
        ("Ü", "ü", Fit.SAME_BUT_CASE),
        ("Save as", "Safe as", Fit.NEAR),
        ("OK", "Cancel", None),
        ("", "anything", None),
        ("anything", "", None),
        ("abc", "x" * 1000 + "abd", None),
    ],
)
def test_exact_comes_before_guesses(asked: str, there: str, how: Fit | None) -> None:
    assert fit(asked, there) is how


@pytest.mark.parametrize(
    ("asked", "text", "found"),
    [
        ("two three", "one two  \n three four", "two  \n three"),
        ("Two", "one two", "two"),
        ("two", "TWO two", "two"),
        ("a.c", "abc", None),
        ("", "abc", None),
    ],
)
def test_words_have_a_place_however_they_are_spaced(
    asked: str, text: str, found: str | None
) -> None:
    place = place_of(asked, text)
    assert (place and text[slice(*place)]) == found


def test_a_cut_text_shows_that_it_is_cut() -> None:
    long = "a" * 500 + " needle " + "b" * 500
    cut = excerpt("needle", long)
    assert " needle " in cut
    assert cut.startswith("…a")
    assert cut.endswith("b…")
    assert len(cut) < 200
    assert excerpt("needle", "a needle") == "a needle"


def test_spaces_and_forms_of_a_character_do_not_matter() -> None:
    assert plain("  Cafe\u0301 \n au  lait ") == "Café au lait"


def test_the_better_fit_is_the_smaller() -> None:
    assert sorted([Fit.NEAR, Fit.SAME, Fit.WITHIN]) == [Fit.SAME, Fit.WITHIN, Fit.NEAR]

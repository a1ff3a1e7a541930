"""How well texts fit, as a table."""

import pytest

from gloveport.sandbox.match import Fit, fit, plain


@pytest.mark.parametrize(
    ("asked", "there", "how"),
    [
        ("OK", "OK", Fit.SAME),
        ("ok", "OK", Fit.SAME_BUT_CASE),
        ("Tile 1", "Tile 12", Fit.WITHIN),
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


def test_spaces_and_forms_of_a_character_do_not_matter() -> None:
    assert plain("  Cafe\u0301 \n au  lait ") == "Café au lait"


def test_the_better_fit_is_the_smaller() -> None:
    assert sorted([Fit.NEAR, Fit.SAME, Fit.WITHIN]) == [Fit.SAME, Fit.WITHIN, Fit.NEAR]

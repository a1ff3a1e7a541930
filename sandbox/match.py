"""How well a text that is looked for fits one that is there: exact first, guesses last."""

import unicodedata
from difflib import SequenceMatcher
from enum import IntEnum

_NEAR = 0.6  # of the characters; below that texts have little to do with each other


class Fit(IntEnum):
    """The smaller, the better; the last is a guess and never good enough to act on."""

    SAME = 0
    SAME_BUT_CASE = 1
    WITHIN = 2
    WITHIN_BUT_CASE = 3
    NEAR = 4


def plain(text: str) -> str:
    """Text with single spaces, as one Unicode form, to be compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fit(asked: str, there: str) -> Fit | None:
    """How well `there` is what was `asked`; None when it is not. Both are `plain`."""
    if not asked or not there:
        return None
    if asked == there:
        return Fit.SAME
    lower, other = asked.casefold(), there.casefold()
    if lower == other:
        return Fit.SAME_BUT_CASE
    if asked in there:
        return Fit.WITHIN
    if lower in other:
        return Fit.WITHIN_BUT_CASE
    if len(other) > 4 * len(lower) + 20:
        return None
    matcher = SequenceMatcher(None, lower, other, autojunk=False)
    if matcher.quick_ratio() < _NEAR or matcher.ratio() < _NEAR:
        return None
    return Fit.NEAR

"""How well a text that is looked for fits one that is there: exact first, guesses last."""

import re
import unicodedata
from difflib import SequenceMatcher
from enum import IntEnum

_NEAR = 0.6  # of the characters; below that texts have little to do with each other
_MUCH, _MUCH_OF_START = 0.25, 0.1  # of a name, for words in it to stand for it
# Han, kana, Thai, Lao, Khmer and Burmese.
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Fit(IntEnum):
    """The smaller, the better; the last two are never good enough to act on a control.

    WITHIN is a whole word or more of a name, and a good part of it or its beginning; PART is any
    other text that is in there: a short word somewhere in a long sentence, or half a word.
    """

    SAME = 0
    SAME_BUT_CASE = 1
    WITHIN = 2
    WITHIN_BUT_CASE = 3
    PART = 4
    NEAR = 5


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
        return Fit.WITHIN if _much(asked, there) else Fit.PART
    if lower in other:
        return Fit.WITHIN_BUT_CASE if _much(lower, other) else Fit.PART
    if len(other) > 4 * len(lower) + 20:
        return None
    matcher = SequenceMatcher(None, lower, other, autojunk=False)
    if matcher.quick_ratio() < _NEAR or matcher.ratio() < _NEAR:
        return None
    return Fit.NEAR


def place_of(asked: str, text: str) -> tuple[int, int] | None:
    """Return where a text has what was asked, however its spaces are: start and end."""
    words = r"\s+".join(re.escape(one) for one in asked.split())
    if not words:
        return None
    found = re.search(words, text) or re.search(words, text, re.IGNORECASE)
    return found and found.span()


def excerpt(asked: str, text: str, around: int = 60) -> str:
    """Return a long text cut to what stands around the asked; signs show where it was cut."""
    place = place_of(asked, text)
    if place is None or len(text) <= 4 * around:
        return text
    start, end = max(0, place[0] - around), min(len(text), place[1] + around)
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _much(asked: str, there: str) -> bool:
    """Whether words are whole, and enough of a name to stand for it."""
    share = len(asked) / len(there)
    for found in re.finditer(re.escape(asked), there):
        start, end = found.span()
        whole = _between(there, start) and _between(there, end)
        if whole and share >= (_MUCH_OF_START if start == 0 else _MUCH):
            return True
    return False


def _between(text: str, at: int) -> bool:
    """Whether a word ends or begins at a place; Chinese and the like are written without spaces."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    return not (_joins(before) and _joins(after))


def _joins(character: str) -> bool:
    return character.isalnum() and not _SPACELESS.match(character)

"""Whether a label says one of the things rules know: words in many languages, folded and matched.

The words are in `words/LANGUAGE.toml`, in groups that rules name. A phrase fits where a label has
its words in a row; "=order" only where that is the whole label, "^send" where the label begins so.
In Chinese, Japanese and Korean, which put no spaces between words, it fits where it is contained.
Labels with a phrase of the list `not` do not count for what that phrase covers.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("words")
_CJK = (
    "\u3005\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# Marks belong to the word they stand in: Hindi writes its vowels with them.
_MARKS = "\u0300-\u036f\u064b-\u0652\u0670\u0900-\u0963\u0971-\u0dff\u0e00-\u0e7f"
_WORD = re.compile(rf"[{_CJK}]+|(?:[^\W{_CJK}]|[{_MARKS}])+")
_SPACED_CJK = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])")
_IS_CJK = re.compile(rf"[{_CJK}]")
# Accents that people leave out and harakat; other marks make other letters (Hindi, kana).
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0652\u0640\u0670]")
# Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties) that are not of category Cf, and
# the Braille blank, which looks like a space.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0000-\U000e0fff]"
)
# Letters that look like Latin ones (UTS 39, confusables.txt): Cyrillic, Greek, Armenian, Latin.
_LATIN = str.maketrans({
    char: latin
    for latin, alike in {
        "A": "АΑ", "B": "ВΒ", "C": "СϹ", "E": "ЕΕ", "G": "Ԍ", "H": "НΗ", "I": "ІΙӀ", "J": "Ј",
        "K": "КΚ", "M": "МΜ", "N": "Ν", "O": "ОΟՕ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ",
        "Y": "УΥҮ", "Z": "Ζ", "W": "Ԝ", "Q": "Ԛ",
        "a": "аɑα", "b": "Ьƅ", "c": "сϲ", "d": "ԁ", "e": "еҽ", "g": "ɡց", "h": "һհ", "i": "іıι",
        "j": "ј", "k": "кκ", "l": "ӏ", "m": "м", "n": "пηո", "o": "оοօσ", "p": "рρ", "q": "ԛ",
        "s": "ѕ", "t": "тτ", "u": "υս", "v": "νѵ", "w": "ԝѡ", "x": "хχ", "y": "уγүʏ", "r": "г",
    }.items()
    for char in alike
})  # fmt: skip
_LONG_CJK = 20  # characters of a label; a longer one is prose, unless a phrase begins or ends it
_LONG = 9  # words, the same


def has_words(text: str, phrase: str) -> bool:
    """Whether a text has all words of a phrase in a row; Chinese characters in a row are one."""
    asked = _tokens(_folded(phrase))
    there = [*_forms(text), _WORD.findall(_folded(text))]
    return any(_in_row(words, asked) for words in there)


def is_only(text: str, phrase: str) -> bool:
    """Whether a text is a phrase and nothing else but numbers."""
    asked = [word for word in _tokens(_folded(phrase)) if not _number(word)]
    return any([one for one in there if not _number(one)] == asked for there in _forms(text))


def words_of(text: str) -> list[str]:
    return _tokens(_folded(text))


def groups() -> frozenset[str]:
    """What rules can name by `words`."""
    return frozenset(group for _, group, _ in _phrases() if group not in ("not", "card"))


def says(label: str, group: str, *, button: bool = True) -> bool:
    """Whether a label says something of a group, in any of the languages.

    Args:
        label: The name of what is pressed.
        group: A group of the files of words.
        button: Whether it is on something to press; text that is not may be prose, and says
            something only where it is nothing else.
    """
    return _says(label[:400], group, button)


@lru_cache(4096)
def _says(label: str, group: str, button: bool) -> bool:
    for there in _forms(label):
        words = [word for word in there if not _number(word)]
        if any(_IS_CJK.match(word) for word in words) and _cjk_says(words, group, button):
            return True
        latin = tuple(word for word in words if not _IS_CJK.match(word))
        if latin and _spaced_says(latin, group, button):
            return True
    return False


def _cjk_says(words: Iterable[str], group: str, button: bool) -> bool:
    run = "|".join(word for word in words if _IS_CJK.match(word))
    bare = run
    for phrase in _cjk_phrases("not"):
        bare = bare.replace(phrase, "|")
    for phrase in _cjk_phrases(group):
        if phrase.startswith("="):
            if run == phrase[1:]:
                return True
        elif not button:
            if run == phrase:
                return True
        elif phrase in bare and (
            len(bare) <= _LONG_CJK or bare.startswith(phrase) or bare.endswith(phrase)
        ):
            return True
    return False


def _spaced_says(words: tuple[str, ...], group: str, button: bool) -> bool:
    phrases = _spaced_phrases(group)
    if any(words == phrase for _, phrase in phrases):
        return True
    counts = _without(words, [phrase for _, phrase in _spaced_phrases("not")])
    return button and any(
        how != "="
        and _fits(counts, how, phrase)
        and (len(words) <= _LONG or words[: len(phrase)] == phrase)
        for how, phrase in phrases
    )


def _without(words: tuple[str, ...], phrases: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Words with "|" in the place of phrases; of one word only at the beginning, for all of it."""
    left = list(words)
    for phrase in phrases:
        if len(phrase) == 1:
            if words[:1] == phrase:
                return ("|",)
            continue
        for at in range(len(left) - len(phrase) + 1):
            if tuple(left[at : at + len(phrase)]) == phrase:
                left[at : at + len(phrase)] = ["|"] * len(phrase)
    return tuple(left)


def _fits(words: tuple[str, ...], how: str, phrase: tuple[str, ...]) -> bool:
    match how:
        case "=":
            return words == phrase
        case "^":
            return words[: len(phrase)] == phrase
        case _:
            return _in_row(words, phrase)


@cache
def _phrases() -> tuple[tuple[str, str, str], ...]:
    """Language, group and phrase of all files."""
    found: list[tuple[str, str, str]] = []
    for file in sorted(_FOLDER.glob("*.toml")):
        for group, phrases in tomllib.loads(file.read_text(encoding="utf-8")).items():
            found += [(file.stem, group, phrase) for phrase in phrases]
    return tuple(found)


@cache
def _cjk_phrases(group: str) -> tuple[str, ...]:
    return tuple(
        ("=" if phrase.startswith("=") else "") + "".join(_tokens(_folded(phrase.lstrip("=^"))))
        for _, named, phrase in _phrases()
        if named == group and _IS_CJK.search(phrase)
    )


@cache
def _spaced_phrases(group: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (phrase[0] if phrase[0] in "=^" else "", tuple(_tokens(_folded(phrase.lstrip("=^")))))
        for _, named, phrase in _phrases()
        if named == group and not _IS_CJK.search(phrase)
    )


def _in_row(there: Iterable[str], asked: Iterable[str]) -> bool:
    words, phrase = list(there), list(asked)
    return any(words[at : at + len(phrase)] == phrase for at in range(len(words) - len(phrase) + 1))


def _number(word: str) -> bool:
    return word.isdecimal()


def _forms(text: str) -> tuple[list[str], ...]:
    """The words of a text as they are written, and as they look where letters look like Latin."""
    plain = _tokens(_folded(text))
    alike = _tokens(_folded(_skeleton(text)))
    return (plain,) if alike == plain else (plain, alike)


def _tokens(folded: str) -> list[str]:
    return _WORD.findall(_SPACED_CJK.sub("", folded))


def _folded(text: str) -> str:
    shown = _shown(text)
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", shown.casefold()))
    return unicodedata.normalize("NFKC", bare)


def _shown(text: str) -> str:
    """A text without what cannot be seen, wide and styled letters as plain ones."""
    normal = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return "".join(char for char in normal if unicodedata.category(char) != "Cf")


def _skeleton(text: str) -> str:
    return _shown(text).translate(_LATIN)

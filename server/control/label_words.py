"""Whether a label says one of the things rules know: words in many languages, folded and matched.

The words are in `words/LANGUAGE.toml`, in groups that rules name. A pattern fits where a label has
its words in a row; "=order" only where that is the whole label, "^send" where the label begins so,
"senden$" where it ends so. "confirm|place" is one word or the other, "*" any rest of a word, "_" up
to two words between, and "¤" an amount of money. In Chinese, Japanese and Korean, which put no
spaces between words, a pattern fits where it is contained, and "_" is up to four characters.

Each language is judged by itself. Some groups say what does not count:

- `not`: a pattern covers what it fits, and one with "^" the whole label. So does a single word,
  where words have spaces between them.
- `looking`: at the beginning, verbs that only look ("view"), for all before an "and" (`joining`).
- `about`: a thing that is only told about ("history"), for a label of purchases or of sends. In
  Chinese, Japanese and Korean that is the end of the label.

A label that is a pattern and nothing else says so in any case.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
_STOP, _MONEY = "|", "¤"
_NOT_SAID = ("not", "about", "looking", "joining")  # what a label does not say, see above
Line = tuple[str, ...] | str
"""The words of a label, or its characters where no spaces stand between words."""
_LABEL_WORD = re.compile(rf"{_WORD.pattern}|{_MONEY}")
_CURRENCY = r"(?:[$€£¥₹₩₽₺]|\b(?:USD|EUR|GBP|JPY|CNY|RMB|INR|KRW|BRL|RUB|TRY|CHF)\b)"
_AMOUNT = re.compile(rf"{_CURRENCY}\s?\d[\d.,]*|\d[\d.,]*\s?{_CURRENCY}")
_AND = re.compile(r"\s*[&+]\s*")
_DEEDS = ("purchases", "sends")  # groups that a label can be about without doing it
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
# Labels with two meanings, what stands beside them where they do no harm, and what does not.
_BESIDE = (
    ({"forward"}, {"back", "go back"}, {"reply", "reply all", "send"}),
    (
        {
            "replace", "ersetzen", "remplacer", "reemplazar", "substituir", "sostituisci",
            "заменить", "替换", "替換", "取代", "置換", "바꾸기",
        },
        {
            "find", "find next", "find previous", "search", "suchen", "weitersuchen", "rechercher",
            "buscar", "localizar", "cerca", "trova", "найти", "поиск", "查找", "寻找", "搜索",
            "尋找", "搜尋", "検索", "찾기",
        },
        {"skip", "keep both", "merge"},
    ),
)  # fmt: skip
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


def is_harmless(label: str, beside: Callable[[], Iterable[str]]) -> bool:
    """Whether a label with two meanings has the one that does no harm: "Forward" beside "Back".

    Args:
        label: What is pressed.
        beside: Yields the labels around it; asked only where they matter.
    """
    said = words_of(label)
    for labels, there, not_there in _BESIDE:
        if said in [words_of(one) for one in labels]:
            around = {" ".join(words_of(one)) for one in beside()}
            good, bad = ({" ".join(words_of(one)) for one in each} for each in (there, not_there))
            return not around.isdisjoint(good) and around.isdisjoint(bad)
    return False


def words_of(text: str) -> list[str]:
    return _tokens(_folded(text))


def groups() -> frozenset[str]:
    """What rules can name by `words`."""
    told = {group for language in _languages() for group in language.says}
    return frozenset(told - {"card"})


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
    lines = tuple(_lines(label))
    return any(
        language.fits(group, packed if language.packed else spaced, button=button)
        for language in _languages()
        for spaced, packed in lines
    )


def _lines(label: str) -> Iterator[tuple[Line, Line]]:
    """A label as each that patterns are tried on: its spaced words, and its packed characters."""
    seen: set[tuple[str, ...]] = set()
    label = label.replace("_", "")  # GTK 4 tells where the access key is, too: "_Delete"
    for text in (label, _skeleton(label)):
        priced = _AMOUNT.sub(f" {_MONEY} ", _AND.sub(" and ", _shown(text)))
        words = [word for word in _label_words(priced) if not _number(word)]
        for kept in (words, [word for word in words if word != _MONEY]):
            if tuple(kept) not in seen:
                seen.add(tuple(kept))
                spaced = tuple(word for word in kept if not _IS_CJK.match(word))
                yield spaced, "|".join(word for word in kept if _IS_CJK.match(word))


def _label_words(text: str) -> list[str]:
    return _LABEL_WORD.findall(_SPACED_CJK.sub("", _folded(text)))


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What fits a row of words, or of characters where no spaces stand between words.

    Args:
        parts: For each place the words it may be; None is a gap.
        begins: Whether it stands at the beginning only.
        ends: Whether it stands at the end only.
    """

    parts: tuple[frozenset[str] | None, ...]
    begins: bool
    ends: bool

    def after(self, line: Line, at: int, part: int = 0) -> int:
        """Where it ends if it fits from a place on; else -1."""
        if part == len(self.parts):
            return at if not self.ends or at == len(line) else -1
        words = self.parts[part]
        if words is None:
            most = 4 if isinstance(line, str) else 2
            for skipped in range(min(most, len(line) - at) + 1):
                if _STOP in line[at : at + skipped]:
                    break
                if (end := self.after(line, at + skipped, part + 1)) >= 0:
                    return end
            return -1
        if isinstance(line, str):
            ends = (at + len(word) for word in words if line.startswith(word, at))
        elif at < len(line) and (line[at] in words or _stemmed(line[at], words)):
            ends = iter((at + 1,))
        else:
            return -1
        return max((self.after(line, end, part + 1) for end in ends), default=-1)


class _Patterns:
    """Patterns, found by their first word."""

    def __init__(self, written: Iterable[str], *, packed: bool) -> None:
        self._by_first: dict[str, list[_Pattern]] = {}
        self._others: list[_Pattern] = []
        for pattern in (_read(one, packed=packed) for one in written):
            first = pattern.parts[0] or frozenset[str]()
            for word in first:
                if "*" in word:
                    self._others.append(pattern)
                else:
                    key = word[0] if packed else word
                    self._by_first.setdefault(key, []).append(pattern)

    def spans(self, line: Line, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where patterns begin and end in a line, in its order."""
        for at in range(start, len(line)):
            for pattern in (*self._by_first.get(line[at], ()), *self._others):
                if (at == 0 or not pattern.begins) and (end := pattern.after(line, at)) >= 0:
                    yield at, end


@dataclass(frozen=True, slots=True)
class _Language:
    """The patterns of one file."""

    packed: bool
    says: Mapping[str, _Patterns]
    void: _Patterns
    """What does not count, wherever it is."""
    void_all: _Patterns
    """Beginnings of labels of which nothing counts."""
    looking: _Patterns
    about: _Patterns
    joining: frozenset[str]

    def fits(self, group: str, line: Line, *, button: bool) -> bool:
        """Whether a label fits a group."""
        patterns = self.says.get(group)
        if patterns is None or not line or not any(patterns.spans(line)):
            return False
        if (0, len(line)) in patterns.spans(line):
            return True
        if not button or any(start == 0 for start, _ in self.void_all.spans(line)):
            return False
        if group in _DEEDS and any(self.about.spans(line)):
            return False
        left = self._counting(line)
        long = len(line) > (_LONG_CJK if self.packed else _LONG)
        return any(
            not long or start == 0 or (self.packed and end == len(line))
            for start, end in patterns.spans(left)
        )

    def _counting(self, line: Line) -> Line:
        """A line with stops in the place of what does not count."""
        void = {at for start, end in self.void.spans(line) for at in range(start, end)}
        if (0, 1) in self.looking.spans(line):
            joined = (at for at, word in enumerate(line) if word in self.joining)
            void |= set(range(next(joined, len(line))))
        if isinstance(line, str):
            return "".join(_STOP if at in void else char for at, char in enumerate(line))
        return tuple(_STOP if at in void else word for at, word in enumerate(line))


@cache
def _languages() -> tuple[_Language, ...]:
    files = sorted(_FOLDER.glob("*.toml"))
    return tuple(_language(tomllib.loads(one.read_text(encoding="utf-8"))) for one in files)


def _language(read: Mapping[str, list[str]]) -> _Language:
    packed = bool(_IS_CJK.search("".join(read["purchases"])))
    first = [one for one in read.get("not", ()) if one[0] == "^" or not (packed or " " in one)]

    def patterns(written: Iterable[str]) -> _Patterns:
        return _Patterns(written, packed=packed)

    return _Language(
        packed,
        {group: patterns(read[group]) for group in read if group not in _NOT_SAID},
        patterns(one for one in read.get("not", ()) if one not in first),
        patterns(first),
        patterns(read.get("looking", ())),
        patterns(read.get("about", ())),
        frozenset(map(_folded, read.get("joining", ["and"]))),
    )


def _read(written: str, *, packed: bool) -> _Pattern:
    """A pattern as it is written in a file.

    Raises:
        ValueError: It has a place without words.
    """
    parts: list[frozenset[str] | None] = []
    for part in written.strip("=^$").split():
        if part == "_":
            parts.append(None)
            continue
        tokens = [_pattern_words(one) for one in part.split("|")]
        if not all(tokens):
            raise ValueError(f"{part!r} of the pattern {written!r} has no word")
        if packed:
            parts.append(frozenset("".join(one) for one in tokens))
        elif len(tokens) == 1:
            parts += [frozenset({one}) for one in tokens[0]]
        else:
            parts.append(frozenset(one for several in tokens for one in several[:1]))
    return _Pattern(tuple(parts), written[0] in "=^", written[0] == "=" or written[-1] == "$")


def _pattern_words(written: str) -> list[str]:
    words = _label_words(written.replace("*", ""))
    before, rest = ("*" if written[:1] == "*" else ""), ("*" if written[-1:] == "*" else "")
    return [f"{before}{word}{rest}" for word in words]


def _stemmed(word: str, stems: Iterable[str]) -> bool:
    return any(
        (one[0] == "*" and word.endswith(one[1:])) or (one[-1] == "*" and word.startswith(one[:-1]))
        for one in stems
        if "*" in one
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

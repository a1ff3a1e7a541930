"""Dates and times as ISO 8601 writes them, taken apart for fields that are made of parts."""

import re
from calendar import day_abbr, day_name, month_abbr, month_name
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import product

from ..errors import BadText

_DAY = r"(?P<Year>\d{4})-(?P<Month>\d\d)-(?P<Day>\d\d)"
_CLOCK = r"(?P<Hours>\d\d):(?P<Minutes>\d\d)"
# What each looks like, and what makes a whole date and time of it, to see that there is one.
_FORMS = {
    _DAY: "{}T00:00",
    rf"{_DAY}[T ]{_CLOCK}": "{}",
    rf"{_CLOCK}(:(?P<Seconds>\d\d))?": "2000-01-01T{}",
    r"(?P<Year>\d{4})-(?P<Month>\d\d)": "{}-01T00:00",
    r"(?P<Year>\d{4})-W(?P<Week>\d\d)": "{}-1T00:00",
}
# How many digits fill a part, so that nothing more is waited for: Chromium has years up to 275760.
_DIGITS = {"Year": 6}
HALF = "AM/PM"


def parts_of(value: str) -> dict[str, int]:
    """The parts of a date or time by their English names.

    Raises:
        BadText: It is none, or there is no such day or hour.
    """
    text = value.strip()
    for form, whole in _FORMS.items():
        if found := re.fullmatch(form, text):
            try:
                datetime.fromisoformat(whole.format(text))
            except ValueError:
                break
            return {name: int(digits) for name, digits in found.groupdict().items() if digits}
    raise BadText(
        f"{value!r} is no date or time; write it as 1999-12-31, 21:05, 1999-12-31T21:05, 1999-12 "
        "or 1999-W52. Nothing was done."
    )


def keys_for(name: str, parts: dict[str, int], *, halves: bool) -> tuple[str, int]:
    """What to type into a part of a field, and the number it has then.

    Args:
        name: The part's, or HALF.
        parts: Those of the value.
        halves: Whether hours count to twelve twice.

    Raises:
        LookupError: The value has no such part.
    """
    if name == HALF:
        late = parts["Hours"] >= 12
        return ("P", 2) if late else ("A", 1)
    number = parts[name]
    if name == "Hours" and halves:
        number = number % 12 or 12
    return f"{number:0{_DIGITS.get(name, 2)}}", number


# Fields that show a date or time as one text

_WEEKDAY = "Weekday"
_CLOCKS = ("Hours", "Minutes", "Seconds")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")


def parts_shown(text: str) -> dict[str, int]:
    """The parts of a date or time as a field shows it; hours of the day, from 0 to 23.

    Raises:
        LookupError: Which number is what cannot be known, as in 1/2/20.
    """
    found: dict[str, int] = {}
    late: bool | None = None
    for token, kind in _kinds(text):
        if kind == HALF:
            late = token.casefold() == "pm"
        elif kind == "Month" and not token.isdigit():
            found[kind] = _named(token, month_abbr, month_name)
        elif kind and kind != _WEEKDAY:
            found[kind] = int(token)
    if late is not None and "Hours" in found:
        found["Hours"] = found["Hours"] % 12 + 12 * late
    return found


def written_like(text: str, parts: Mapping[str, int]) -> Iterator[str]:
    """A date or time in the form of another; whether numbers have leading zeros may be unknown.

    Args:
        text: The other, as a field shows it.
        parts: What to write; seconds are 0 if they are missing.

    Raises:
        LookupError: The forms have other parts, or it cannot be known which number is what.
    """
    kinds = _kinds(text)
    shown = {kind for _, kind in kinds} - {"", _WEEKDAY, HALF}
    if not set(parts) <= shown or shown - set(parts) - {"Seconds"}:
        raise LookupError(text)
    half = any(kind == HALF for _, kind in kinds)
    choices = [list(_ways(token, kind, parts, half=half)) for token, kind in kinds]
    gaps = _TOKEN.split(text)
    for chosen in product(*choices):
        yield gaps[0] + "".join(map(str.__add__, chosen, gaps[1:]))


def _kinds(text: str) -> list[tuple[str, str]]:
    """What each number and word of a date or time is; empty for what stays as it is."""
    found: list[tuple[str, str]] = []
    clocks = iter(_CLOCKS)
    for one in _TOKEN.finditer(text):
        token, around = one[0], text[one.start() - 1 : one.start()] + text[one.end() :][:1]
        if token.isdigit():
            kind = next(clocks, "?") if ":" in around else "Year" if len(token) > 3 else "?"
        else:
            kind = _kind_of_word(token)
        found.append((token, kind))
    unknown = [place for place, (_, kind) in enumerate(found) if kind == "?"]
    order = [kind for _, kind in found]
    if len(unknown) == 1 and "Month" in order:
        names = ["Day"]
    elif len(unknown) == 2 and "Year" in order and order.index("Year") < unknown[0]:
        names = ["Month", "Day"]
    elif unknown:
        raise LookupError(text)
    else:
        names = []
    for place, name in zip(unknown, names, strict=True):
        found[place] = found[place][0], name
    return found


def _kind_of_word(word: str) -> str:
    if word.casefold() in ("am", "pm"):
        return HALF
    if _named(word, month_abbr, month_name):
        return "Month"
    return _WEEKDAY if _named(word, ("", *day_abbr), ("", *day_name)) else ""


def _named(word: str, *lists: Iterable[str]) -> int:
    """The place of a name in one of some lists that begin at 1; 0 if it is in none."""
    for names in lists:
        for place, name in enumerate(names):
            if name and name.casefold() == word.casefold():
                return place
    return 0


def _ways(token: str, kind: str, parts: Mapping[str, int], *, half: bool) -> Iterator[str]:
    """How a part may be written where a token is."""
    number = parts.get(kind, 0)
    if kind == HALF:
        word = "pm" if parts["Hours"] >= 12 else "am"
        yield word.upper() if token.isupper() else word
    elif kind == _WEEKDAY:
        day = date(parts["Year"], parts["Month"], parts["Day"]).weekday()
        yield day_name[day] if len(token) > 3 else day_abbr[day]
    elif kind == "Month" and not token.isdigit():
        if len(token) <= 3:
            yield month_abbr[number]
        if (
            len(token) >= 3 and token.casefold() not in map(str.casefold, month_abbr)
        ) or token == "May":
            yield month_name[number]
    elif not kind:
        yield token
    else:
        number = number % 12 or 12 if kind == "Hours" and half else number
        if len(token) > 1:
            yield f"{number:0{len(token)}}"
        if len(token) == 1 or (token[0] != "0" and len(token) == 2):
            yield str(number)

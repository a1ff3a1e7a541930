"""Dates and times as ISO 8601 writes them, taken apart for fields that are made of parts."""

import re
from datetime import datetime

from .errors import BadText

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

"""Secrets an operator configured: typed by name, and taken out of every text that leaves.

The file is TOML: `NAME = "value"`, `NAME = { keyring = "service", user = "me" }`, or
`NAME = { totp = "BASE32 KEY" }` for one-time codes. A value is handed out to what types it and to
nobody else: no text of a vault shows one.
"""

import base64
import importlib
import json
import logging
import os
import re
import stat
import time
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus

from ..errors import BadSecrets, NoSuchSecret
from .totp import BadKey, Totp

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SHORTEST, _LONGEST = 4, 1000  # characters; shorter ones stand in too many other words
LONGEST_WAY = 32_000  # bytes of a value, escaped twice
_PART = 8  # characters of a value that may not stand alone where something else cut it
_SURE_PART = 16  # so many in a row are no chance, whatever stands beside them
_CODES_HIDDEN = (-3, -2, -1, 0, 1)
"""Which one-time codes are hidden, counted from the present one: sites accept the last for a while,
and an answer may be read a moment after the code was typed."""
_ENDS = ("", "…", '"', "'", "”", "’", "»", "\n", "\\", "\t")
"""What stands after the first part of a value that was cut, and before the last part of one."""


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Values by name; empty when none are configured."""

    _values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    _spoken: re.Pattern[str] | None = field(default=None, repr=False)
    _named: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    _parts: "_Parts | None" = field(default=None, repr=False)
    _codes: Mapping[str, Totp] = field(default_factory=dict[str, Totp], repr=False)
    _dated: "dict[tuple[str, ...], SecretStore]" = field(
        default_factory=dict[tuple[str, ...], "SecretStore"], repr=False
    )
    """The newest vault that knows the codes of a moment, too, by these codes."""

    @classmethod
    def of(
        cls, values: Mapping[str, str], codes: Mapping[str, Totp] = MappingProxyType({})
    ) -> "SecretStore":
        """A vault of these values.

        Args:
            values: What to type, by name.
            codes: Keys of one-time codes, by name.

        Raises:
            BadSecrets: A name or a value is not possible.
        """
        for name, value in values.items():
            _check(name, value)
        for name in codes:
            _check_name(name)
        keys = {name: base64.b32encode(one.key).decode() for name, one in codes.items()}
        hidden = [*values.items(), *keys.items(), *((n, k.rstrip("=")) for n, k in keys.items())]
        return cls._hiding(hidden, values, codes)

    @classmethod
    def _hiding(
        cls,
        hidden: Iterable[tuple[str, str]],
        values: Mapping[str, str],
        codes: Mapping[str, Totp] = MappingProxyType({}),
    ) -> "SecretStore":
        named = {way: name for name, value in hidden for way in _ways(value)}
        longest_first = sorted(named, key=len, reverse=True)
        # Programs that correct what is typed begin it with a capital.
        anyhow = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        spoken = anyhow if named else None
        return cls(dict(values), spoken, named, _Parts.of(named), dict(codes))

    @property
    def names(self) -> list[str]:
        return sorted({*self._values, *self._codes})

    def _now(self) -> "SecretStore":
        """A vault that also hides the one-time codes that hold now, or did a moment ago."""
        if not self._codes:
            return self
        now = time.time()
        codes = [
            (name, one.code(now + past * one.period))
            for name, one in self._codes.items()
            for past in _CODES_HIDDEN
        ]
        known = tuple(code for _, code in codes)
        if known not in self._dated:
            ways = [(name, way) for way, name in self._named.items()]
            made = SecretStore._hiding([*ways, *codes], {})
            self._dated.clear()
            self._dated[known] = made
            return made
        return self._dated[known]

    def value(self, name: str) -> str:
        """What to type: of a key of one-time codes, the code of this moment.

        Raises:
            NoSuchSecret: None has this name.
        """
        if name in self._codes:
            return self._codes[name].code(time.time())
        if name not in self._values:
            raise NoSuchSecret(name, self.names)
        return self._values[name]

    def scrub(self, text: str) -> str:
        """A text with every value in it replaced by its name, and what a cut has left of one."""
        if self._codes:
            return self._now().scrub(text)
        if self._spoken is None:
            return text
        whole = self._spoken.sub(lambda found: f"[secret {self._name(found[0])}]", text)
        return self._parts.redact(whole) if self._parts else whole

    def scrub_piece(self, text: str) -> str:
        """The same for all that one element shows: it may be a middle part of a value."""
        if self._codes:
            return self._now().scrub_piece(text)
        inner = text.strip().casefold()
        if self._spoken is not None and len(inner) >= _PART:
            for value, name in self._named.items():
                if inner in value.casefold():
                    known = len(inner) == len(value)
                    return f"[secret {name}]" if known else f"[part of secret {name}]"
        return self.scrub(text)

    def cut(self, text: str, most: int, mark: str = "…") -> str:
        """The first characters of a text, redacted before it is shortened.

        Args:
            text: What to shorten.
            most: Characters to keep; a value counts with the length of its name.
            mark: What stands for the rest.
        """
        if self._codes:
            return self._now().cut(text, most, mark)
        kept, room, at = list[str](), most, 0
        while room > 0 and self._spoken is not None:
            # A value that begins within the room is seen whole.
            found = self._spoken.search(text, at, at + room + LONGEST_WAY)
            if found is None or found.start() >= at + room:
                break
            name = f"[secret {self._name(found[0])}]"
            kept += [text[at : found.start()], name]
            room -= found.start() - at + len(name)
            at = found.end()
        whole = "".join([*kept, text[at : at + max(0, room) + 1]])
        if self._parts:
            whole = self._parts.redact(whole)
        return whole if len(whole) <= most and len(text) <= at + room else whole[:most] + mark

    def scrub_part(self, before: str, part: str, after: str) -> str:
        """A part of a text scrubbed, also of values that it has only an end of."""
        if self._codes:
            return self._now().scrub_part(before, part, after)
        if self._spoken is None:
            return part
        start, end = len(before), len(before) + len(part)
        whole, kept, at = before + part + after, list[str](), start
        for found in self._spoken.finditer(whole):
            if found.start() < end and found.end() > start:
                kept += [whole[at : max(at, found.start())], f"[secret {self._name(found[0])}]"]
                at = found.end()
        return "".join([*kept, whole[at:end]])

    def held(self, data: bytes) -> list[str]:
        """The names of the values that stand in some bytes, in any encoding of Unicode."""
        if self._codes:
            return self._now().held(data)
        if self._spoken is None:
            return []
        ways = [data.decode("utf-8", "ignore")]
        ways += [data[at:].decode("utf-16-le", "ignore") for at in (0, 1)]
        ways += [data[at:].decode("utf-16-be", "ignore") for at in (0, 1)]
        return sorted({self._name(one[0]) for way in ways for one in self._spoken.finditer(way)})

    def _name(self, said: str) -> str:
        """The name of the value that was said, in whatever case."""
        return self._named.get(said) or next(
            name
            for way, name in self._named.items()
            if re.fullmatch(re.escape(way), said, re.IGNORECASE)
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Finds what others have left of a value by cutting it: its beginning, or its end."""

    first: re.Pattern[str] = field(repr=False)
    last: re.Pattern[str] = field(repr=False)
    begins: Mapping[str, list[tuple[str, str]]] = field(repr=False)
    """Values in lower case and their names, by their first characters."""
    ends: Mapping[str, list[tuple[str, str]]] = field(repr=False)

    @classmethod
    def of(cls, named: Mapping[str, str]) -> "_Parts | None":
        begins, ends = dict[str, list[tuple[str, str]]](), dict[str, list[tuple[str, str]]]()
        for way, name in named.items():
            low = way.lower()
            if len(low) > _PART:
                begins.setdefault(low[:_PART], []).append((low, name))
                ends.setdefault(low[-_PART:], []).append((low, name))
        if not begins:
            return None
        return cls(_any_of(begins), _any_of(ends), begins, ends)

    def redact(self, text: str) -> str:
        low = text.lower()
        if len(low) != len(text):  # a few letters have a longer small form; places would be wrong
            low = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
        found = [*self._beginnings(low), *self._endings(low)]
        kept, at = list[str](), 0
        for start, end, name in sorted(found):
            if start >= at:
                kept += [text[at:start], f"[part of secret {name}]"]
            at = max(at, end)
        return "".join([*kept, text[at:]])

    def _beginnings(self, low: str) -> Iterator[tuple[int, int, str]]:
        done = 0
        for hit in self.first.finditer(low):
            start = hit.start()
            way, name = max(
                self.begins[hit[0]],
                key=lambda one: _shared(low[start : start + len(one[0])], one[0]),
            )
            end = start + _shared(low[start : start + len(way)], way)
            # A value may itself go on with what marks a cut, such as a dot.
            cut = any(
                low[at : at + 1] in _ENDS or low.startswith("...", at)
                for at in range(start + _PART, end + 1)
            )
            if start >= done and (cut or end - start >= _SURE_PART):
                yield start, end, name
                done = end

    def _endings(self, low: str) -> Iterator[tuple[int, int, str]]:
        for hit in self.last.finditer(low):
            end = hit.end()
            way, name = max(
                self.ends[hit[0]],
                key=lambda one: _shared(low[max(0, end - len(one[0])) : end][::-1], one[0][::-1]),
            )
            start = end - _shared(low[max(0, end - len(way)) : end][::-1], way[::-1])
            cut = any(
                low[max(0, at - 1) : at] in _ENDS
                or low.endswith(("...", "\\n", "\\t", "\\u2026"), 0, at)
                for at in range(start, end - _PART + 1)
            )
            if cut or end - start >= _SURE_PART:
                yield start, end, name


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


class Scrubbing(logging.Filter):
    """Takes secrets out of log records, their tracebacks included."""

    def __init__(self, vault: SecretStore) -> None:
        super().__init__()
        self._vault = vault

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._vault.scrub(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._vault.scrub(record.exc_text)
        return True


def load(path: Path) -> SecretStore:
    """Read a file of secrets.

    Raises:
        BadSecrets: It cannot be read, others may read it, or what it holds is not possible.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadSecrets(f"{path} is no file.")
            if found.st_uid != os.getuid():
                raise BadSecrets(f"{path} belongs to somebody else; make a copy of your own.")
            if found.st_mode & 0o077:
                raise BadSecrets(f"Others may read {path}; run: chmod 600 {path}")
            told: dict[str, Any] = tomllib.loads(file.read().decode())
    except OSError as why:
        raise BadSecrets(f"{path} cannot be read: {why.strerror}.") from why
    except UnicodeDecodeError:  # its text would show a part of the file
        raise BadSecrets(f"{path} is not UTF-8.") from None
    except tomllib.TOMLDecodeError as why:
        place = re.search(r"at line \d+", str(why))
        where = f" ({place[0]})" if place else ""
        raise BadSecrets(f'{path} is not TOML of the form NAME = "value"{where}.') from None
    codes = {name: _totp(name, one) for name, one in told.items() if _is_totp(one)}
    values = {name: _told(name, one) for name, one in told.items() if name not in codes}
    return SecretStore.of(values, codes)


def _is_totp(told: Any) -> bool:
    return isinstance(told, dict) and "totp" in told


def _totp(name: str, told: dict[str, Any]) -> Totp:
    key, more = told["totp"], {one: value for one, value in told.items() if one != "totp"}
    if not isinstance(key, str) or not more.keys() <= {"digits", "period", "algorithm"}:
        raise BadSecrets(
            f'The secret {name!r} must be {{ totp = "KEY" }}, with digits, period or algorithm '
            "where the site says others than 6, 30 and SHA1."
        )
    try:
        return Totp.of(key, **more)
    except BadKey as why:
        raise BadSecrets(f"The secret {name!r} gives no one-time codes: {why}.") from None


def _told(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case {"keyring": str(service), "user": str(user), **more} if not more:
            return _from_keyring(name, service, user)
        case _:
            raise BadSecrets(
                f"The secret {name!r} is neither a text nor "
                '{ keyring = "service", user = "name" } nor { totp = "KEY" }.'
            )


def _from_keyring(name: str, service: str, user: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError as why:
        raise BadSecrets(
            f"The secret {name!r} is in a keyring; install the extra: "
            "pip install 'gloveport[keyring]'"
        ) from why
    try:
        found: str | None = keyring.get_password(service, user)
    except errors.KeyringError as why:
        raise BadSecrets(f"The keyring with the secret {name!r} does not open.") from why
    if found is None:
        raise BadSecrets(f"The keyring has no {service!r} of {user!r} for the secret {name!r}.")
    return found


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadSecrets(
            f"{name!r} is no name of a secret: a letter, then up to 63 letters, digits, _ or -."
        )


def _check(name: str, value: str) -> None:
    _check_name(name)
    if not _SHORTEST <= len(value) <= _LONGEST:
        raise BadSecrets(
            f"The secret {name!r} has {len(value)} characters; it must have {_SHORTEST} to "
            f"{_LONGEST}: a shorter one could not be hidden."
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise BadSecrets(
            f"The secret {name!r} has a newline, a tab or another control character, which would "
            "do more than type."
        )
    if value != value.strip():
        raise BadSecrets(f"The secret {name!r} begins or ends with a space; take that away.")


def _ways(value: str) -> set[str]:
    """How a value may stand in a text: as it is, on one line, or escaped as Python, JSON, URLs do.

    An error quotes what it tells, and a list of errors is JSON, so escapes come in two layers.
    """
    plain = {value, " ".join(value.split())}
    quoted = {repr(f"'\"{one}")[4:-1] for one in plain}  # as between single quotes
    quoted |= {one.replace("\\'", "'") for one in quoted}  # as between double quotes
    once = {_json(one, way) for one in plain | quoted for way in (True, False)}
    twice = {_json(one, way) for one in once for way in (True, False)}
    return plain | quoted | once | twice | {quote(value), quote(value, ""), quote_plus(value)}


def _json(text: str, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]

"""Secrets an operator configured: typed by name, and taken out of every text that leaves.

The file is TOML: `NAME = "value"`, or `NAME = { keyring = "service", user = "me" }`. A value is
handed out to what types it and to nobody else: no text of a vault shows one.
"""

import importlib
import json
import logging
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from .errors import BadSecrets, NoSuchSecret

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SHORTEST, _LONGEST = 4, 1000  # characters; shorter ones stand in too many other words
LONGEST_WAY = 32_000  # bytes of a value, escaped twice


@dataclass(frozen=True, slots=True)
class Vault:
    """Values by name; empty when none are configured."""

    _values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    _spoken: re.Pattern[str] | None = field(default=None, repr=False)
    _named: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Vault":
        """A vault of these values.

        Raises:
            BadSecrets: A name or a value is not possible.
        """
        for name, value in values.items():
            _check(name, value)
        named = {way: name for name, value in values.items() for way in _ways(value)}
        longest_first = sorted(named, key=len, reverse=True)
        # Programs that correct what is typed begin it with a capital.
        anyhow = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        spoken = anyhow if named else None
        return cls(dict(values), spoken, named)

    @property
    def names(self) -> list[str]:
        return sorted(self._values)

    def value(self, name: str) -> str:
        """What to type.

        Raises:
            NoSuchSecret: None has this name.
        """
        if name not in self._values:
            raise NoSuchSecret(name, self.names)
        return self._values[name]

    def scrub(self, text: str) -> str:
        """A text with every value in it replaced by its name."""
        if self._spoken is None:
            return text
        return self._spoken.sub(lambda found: f"[secret {self._name(found[0])}]", text)

    def scrub_part(self, before: str, part: str, after: str) -> str:
        """A part of a text scrubbed, also of values that it has only an end of."""
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


class Scrubbing(logging.Filter):
    """Takes secrets out of log records, their tracebacks included."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self._vault = vault

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._vault.scrub(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._vault.scrub(record.exc_text)
        return True


def load(path: Path) -> Vault:
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
    return Vault.of({name: _told(name, value) for name, value in told.items()})


def _told(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case {"keyring": str(service), "user": str(user), **more} if not more:
            return _from_keyring(name, service, user)
        case _:
            raise BadSecrets(
                f"The secret {name!r} is neither a text nor "
                '{ keyring = "service", user = "name" }.'
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


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadSecrets(
            f"{name!r} is no name of a secret: a letter, then up to 63 letters, digits, _ or -."
        )
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

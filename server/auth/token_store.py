"""Tokens in a file: who has one, what it is good for, and none of the tokens themselves.

A token is 256 random bits that we make, so there is nothing to guess, and one SHA-256 hides it as
well as scrypt would, which costs 50 ms a request and is for passwords that people choose.

Rule 1: the file is looked at whenever a token is shown, and read when it has changed.
Rule 2: an edit that cannot be read leaves in force what was there, and the log says so. A file that
    is taken away takes its tokens away.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import tempfile
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from .principal import SCOPES, Principal, Scope, including

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_FIELDS = {"hash", "scopes", "expires", "desktops", "quota"}
_LARGEST = 1 << 20  # bytes of a file
_SHORTEST = 16  # characters of a token that somebody chose


class BadTokens(Exception):
    """A file of tokens cannot be used; its text says why."""


class BadToken(Exception):
    """A token was shown that is ours but no good; its text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token without itself.

    Args:
        hashed: `sha256:` and the hash of the token.
        grant: What it is good for.
    """

    hashed: str
    grant: Principal


class TokenFile:
    """The tokens of a file, as they are at the moment.

    Args:
        path: The file; it need not be there.
        read: What reads it: `table` or `plain`.
    """

    provider = None

    def __init__(self, path: Path, read: Callable[[Path], list[Entry]]) -> None:
        self.path = path
        self._read = read
        self._seen: tuple[int, ...] = ()
        self._entries: list[Entry] = []

    @property
    def entries(self) -> list[Entry]:
        """What is in the file now, or was when it last could be read."""
        seen = _look(self.path)
        if seen != self._seen:
            self._seen = seen
            try:
                self._entries = self._read(self.path) if seen else []
                logger.info("%s has %d tokens", self.path, len(self._entries))
            except BadTokens as why:
                logger.error("%s The tokens of before stay in force.", why)
        return self._entries

    async def grant(self, shown: str) -> Principal | None:
        """What a token is good for; None if it is not in the file.

        Raises:
            BadToken: It has expired.
        """
        hashed, found = _hashed(shown), list[Principal]()
        for entry in self.entries:  # all of them, whichever it is
            if hmac.compare_digest(entry.hashed, hashed):
                found.append(entry.grant)
        if not found:
            return None
        if found[0].over:
            raise BadToken("This token has expired; ask for another.")
        return found[0]

    def still(self, grant: Principal) -> Principal | None:
        """What somebody who came in by a token may do now; None if it is none of ours, or over."""
        for entry in self.entries:
            if entry.grant.holder == grant.holder and not entry.grant.over:
                return entry.grant
        return None


@dataclass(frozen=True, slots=True)
class OneToken:
    """One token that may do everything, held in memory alone."""

    token: str = field(repr=False)
    provider = None

    async def grant(self, shown: str) -> Principal | None:
        """What a token is good for; None: it is another one."""
        good = hmac.compare_digest(_hashed(self.token), _hashed(shown))
        return self._grant if good else None

    def still(self, grant: Principal) -> Principal | None:
        """What somebody who came in by it may do now."""
        return self._grant if grant.holder == self._grant.holder else None

    @property
    def _grant(self) -> Principal:
        return Principal("admin", f"plain {_hashed(self.token)}", including(["admin"]))


def plain(path: Path) -> list[Entry]:
    """Read a file that holds one token, which may do everything.

    Raises:
        BadTokens: It cannot be read, or the token is too short.
    """
    token = _text(path, private=False).strip()
    if len(token) < _SHORTEST:
        raise BadTokens(f"The token in {path} is shorter than {_SHORTEST} characters.")
    hashed = _hashed(token)
    return [Entry(hashed, Principal("admin", f"plain {hashed}", including(["admin"])))]


def table(path: Path) -> list[Entry]:
    """Read a file of tokens as `add` writes it.

    Raises:
        BadTokens: It cannot be read, others may read it, or what it holds is not possible.
    """
    return _parse(_text(path, private=True), path)


def add(path: Path, name: str, fields: Mapping[str, Any]) -> str:
    """Make a token, write its hash into a file, and return it; it is nowhere else.

    Args:
        path: The file, made if missing; what else is in it stays as it is.
        name: Whose it is.
        fields: `scopes`, and `expires`, `desktops`, `quota` where they apply.

    Raises:
        BadTokens: The name is taken or invalid, or the file cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise BadTokens(
            f"Invalid token name {name[:40]!r}. Use 1 to 64 letters A-Z and a-z, digits, - or _."
        )
    token = f"gp_{secrets.token_urlsafe(32)}"
    with _alone(path):
        text = _text(path, private=True) if path.exists() else ""
        if name in {entry.grant.name for entry in _parse(text, path)}:
            raise BadTokens(f"{path} has a token {name} already; remove it first.")
        lines = [f"[{name}]", f"hash = {_toml(_hashed(token))}"]
        lines += [f"{field} = {_toml(value)}" for field, value in fields.items()]
        gap = "\n" if text.endswith("\n") else "\n\n" if text else ""
        text = f"{text}{gap}{chr(10).join(lines)}\n"
        _parse(text, path)
        _write(path, text)
    return token


def remove(path: Path, name: str) -> None:
    """Take a token out of a file; what else is in it stays as it is.

    Raises:
        BadTokens: It is not there, or not written in a way that can be cut out.
    """
    with _alone(path):
        text = _text(path, private=True)
        before = _parse(text, path)
        if name not in (names := [entry.grant.name for entry in before]):
            there = f"there are {', '.join(names)}" if names else "there is none"
            raise BadTokens(f"{path} has no token {name}; {there}.")
        left = re.sub(rf"(?ms)^\[\s*{re.escape(name)}\s*\][^\n]*\n.*?(?=^\[|\Z)", "", text)
        try:
            after = _parse(left, path)
        except BadTokens:
            after = before
        if after != [entry for entry in before if entry.grant.name != name]:
            raise BadTokens(f"{name} is not written as [{name}] in {path}; take it out by hand.")
        _write(path, left)


def _parse(text: str, path: Path) -> list[Entry]:
    try:
        told: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise BadTokens(f"{path} is not TOML: {why}.") from None
    return [_entry(name, value, path) for name, value in told.items()]


def _entry(name: str, value: Any, path: Path) -> Entry:
    if not _NAME.fullmatch(name):
        raise BadTokens(f"{name!r} is no name of a token: 1 to 64 letters, digits, _ or -.")
    if not isinstance(value, dict):
        raise BadTokens(f"{name} in {path} is not a table, written as [{name}].")
    told = cast(dict[str, Any], value)

    def bad(field: str, what: str) -> BadTokens:
        return BadTokens(f"{field} of the token {name} in {path} is not {what}.")

    if unknown := told.keys() - _FIELDS:
        raise bad(min(unknown), f"known; there are {', '.join(sorted(_FIELDS))}")
    hashed, scopes = told.get("hash"), told.get("scopes")
    if not isinstance(hashed, str) or not _HASH.fullmatch(hashed):
        raise bad("hash", 'a text such as "sha256:..." with 64 digits')
    if not scopes or not isinstance(scopes, list) or not set(cast(list[Any], scopes)) <= {*SCOPES}:
        raise bad("scopes", f"a list of some of {', '.join(SCOPES)}")
    desktops = told.get("desktops")
    if desktops is not None and not _texts(desktops):
        raise bad("desktops", "a list of names")
    quota = told.get("quota")
    if quota is not None and (type(quota) is not int or quota < 0):
        raise bad("quota", "a number of desktops")
    expires = told.get("expires", datetime.max)
    if not isinstance(expires, datetime):
        raise bad("expires", "a time such as 2030-01-31T12:00:00Z")
    return Entry(
        hashed,
        Principal(
            name,
            f"token {name} {hashed}",
            including(cast(list[Scope], scopes)),
            None if desktops is None else frozenset(cast(list[str], desktops)),
            quota,
            expires.replace(tzinfo=expires.tzinfo or UTC).timestamp(),
        ),
    )


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, str) for one in cast(list[object], value)
    )


def _hashed(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _toml(value: Any) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case list():
            return f"[{', '.join(_toml(one) for one in cast(list[object], value))}]"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            return str(value)


def _look(path: Path) -> tuple[int, ...]:
    """What changes when a file does; empty if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _text(path: Path, *, private: bool) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadTokens(f"{path} is no file.")
            if private and found.st_uid != os.getuid():
                raise BadTokens(f"{path} belongs to somebody else; make a copy of your own.")
            if private and found.st_mode & 0o077:
                raise BadTokens(f"Others may read {path}; run: chmod 600 {path}")
            if found.st_size > _LARGEST:
                raise BadTokens(f"{path} is larger than {_LARGEST >> 20} MB.")
            return file.read(_LARGEST).decode()
    except OSError as why:
        raise BadTokens(f"{path} cannot be read: {why.strerror}.") from why
    except UnicodeDecodeError:
        raise BadTokens(f"{path} is not UTF-8.") from None


def _write(path: Path, text: str) -> None:
    """Put a file there whole, or leave the one that is there."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).replace(path)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Change a file while nobody else does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)

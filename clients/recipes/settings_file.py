"""Puts one entry into a client's settings file, or takes it out; all else in it stays as it is.

JSON, with or without comments, is changed by splicing text, TOML and YAML by libraries that keep
comments and order. Whatever made the new text, it is read back before it is written: unless it says
what the old one said with the entry, or without it, nothing is written.
"""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, cast

import tomlkit
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Table = dict[str, Any]


class NotWritten(Exception):
    """A settings file was left as it was; the text says why and what would work."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to a file.

    Args:
        path: The file itself, where links led to it.
        changes: A line for each key added or given another value; none: it was all there.
        backup: The file as it was before, if there was one.
    """

    path: Path
    changes: tuple[str, ...] = ()
    backup: Path | None = None


def put(path: Path, under: str, name: str, entry: Mapping[str, Any]) -> Written:
    """Make a settings file say `under.name = entry`; other keys of a present entry stay.

    Args:
        path: The file, whose suffix tells the format; made if missing.
        under: The object at its top that holds entries.
        name: The entry's name.
        entry: Its keys.

    Raises:
        NotWritten: The file cannot be read or means something else, or cannot be written.
    """
    path = path.resolve()
    kind, text, old = _read(path)
    changes = _changes(path, old, under, name, entry)
    if not changes:
        return Written(path)
    servers = cast(dict[str, Table], old.get(under) or {})
    wanted: Table = {**old, under: {**servers, name: {**servers.get(name, {}), **entry}}}
    new = kind.change(text, under, name, entry)
    if kind.read(new) != wanted:
        raise NotWritten(
            f"{path} was left as it is, for it is written in a way that cannot be added to safely. "
            f"Put it there by hand."
        )
    backup = _replace(path, text, new)
    return Written(path, tuple(changes), backup)


def take(path: Path, under: str, name: str) -> Written:
    """Take the entry `under.name` out of a settings file, if it is in it.

    Args:
        path: The file, whose suffix tells the format; it may be missing.
        under: The object at its top that holds entries.
        name: The entry's name.

    Raises:
        NotWritten: The file cannot be read, changed safely or written.
    """
    path = path.resolve()
    kind, text, old = _read(path)
    servers: Any = old.get(under)
    if not isinstance(servers, dict) or name not in servers:
        return Written(path)
    left = {key: value for key, value in cast(Table, servers).items() if key != name}
    without = {key: value for key, value in old.items() if key != under}
    new = kind.remove(text, under, name)
    # A table of TOML that holds nothing is not written.
    if kind.read(new) != {**old, under: left} and (left or kind.read(new) != without):
        raise NotWritten(
            f"{path} was left as it is, for it is written in a way that cannot be changed safely. "
            f"Take its {under}.{name} out by hand."
        )
    return Written(path, (f"took {under}.{name} out",), _replace(path, text, new))


def _read(path: Path) -> tuple["_Format", str, Table]:
    text = _text(path)
    kind = _FORMATS.get(path.suffix, _JSON)
    try:
        return kind, text, kind.read(text)
    except ValueError as why:
        raise NotWritten(f"{path} was left as it is, for it cannot be read: {why}.") from None


def _changes(
    path: Path, old: Table, under: str, name: str, entry: Mapping[str, Any]
) -> Sequence[str]:
    place = f"{under}.{name}"
    servers = old.get(under)
    if servers is None:
        return [f"added {place}"]
    if not isinstance(servers, dict):
        raise NotWritten(f"{path} was left as it is: its {under} holds no entries but {servers!r}.")
    if name not in servers:
        return [f"added {place}"]
    there = cast(Table, servers)[name]
    if not isinstance(there, dict):
        raise NotWritten(f"{path} was left as it is: its {place} is {there!r}. Take that out.")
    there = cast(Table, there)
    if other := {"url", "httpUrl", "serverUrl", "uri"} & there.keys():
        raise NotWritten(
            f"{path} was left as it is: its {place} is reached by {other.pop()}, not by a command. "
            f"Take that entry out, or choose another name with --name."
        )
    return [
        f"{place}.{key} = {json.dumps(value)}"
        + (f", was {json.dumps(there[key], default=str)}" if key in there else "")
        for key, value in entry.items()
        if _differs(there, key, value)
    ]


def _differs(there: Mapping[str, Any], key: str, value: object) -> bool:
    return key not in there or there[key] != value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise NotWritten(f"{path} was left as it is, for it is not UTF-8 text.") from None
    except OSError as why:
        raise NotWritten(f"{path} cannot be read: {why.strerror}.") from None


def _replace(path: Path, old: str, new: str) -> Path | None:
    """Write a file whole or not at all, and keep what it was beside it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as unless_renamed:
            descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            unless_renamed.callback(Path(fresh).unlink, missing_ok=True)
            with os.fdopen(descriptor, "wb") as file:
                file.write(new.encode())
                file.flush()
                os.fsync(descriptor)
            if _text(path) != old:
                raise NotWritten(f"{path} was changed by somebody else meanwhile. Try again.")
            backup = None
            if path.exists():
                owner = path.stat()
                if (owner.st_uid, owner.st_gid) != (os.getuid(), os.getgid()):
                    os.chown(fresh, owner.st_uid, owner.st_gid)
                shutil.copymode(path, fresh)
                backup = _backup(path)
            Path(fresh).replace(path)
            return backup
    except OSError as why:
        raise NotWritten(f"{path} cannot be written: {why.strerror}.") from None


def _backup(path: Path) -> Path:
    number = 1
    while True:
        backup = path.with_name(f"{path.name}.backup-{number}")
        try:
            backup.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        shutil.copy2(path, backup)
        return backup


# JSON with comments and trailing commas, as VS Code, Zed, opencode and Gemini CLI read it.

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")


def _blank(found: re.Match[str]) -> str:
    return found[1] or re.sub(r"\S", " ", found[0])


def _without_comments(text: str) -> str:
    return _COMMENT.sub(_blank, text.replace("\ufeff", " ", 1))


def _plain(text: str) -> str:
    """The same as JSON, every character where it was: comments and trailing commas are blanks."""
    return _TRAILING.sub(_blank, _without_comments(text))


def _read_json(text: str) -> Table:
    try:
        return _object(json.loads(_plain(text).strip() or "{}"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(value: Any) -> Table:
    if not isinstance(value, dict):
        raise ValueError("it holds no object")
    return cast(Table, value)


def _change_json(text: str, under: str, name: str, entry: Mapping[str, Any]) -> str:
    if not _plain(text).strip():
        text = f"{text}{{}}\n"
    old = _read_json(text)
    if old.get(under) is None:
        return _splice(text, (under,), {name: dict(entry)})
    if name not in old[under]:
        return _splice(text, (under, name), dict(entry))
    for key, value in entry.items():
        if _differs(old[under][name], key, value):
            text = _splice(text, (under, name, key), value)
    return text


def _splice(text: str, path: Sequence[str], value: Any) -> str:
    """Set the value at a path whose parent exists."""
    plain = _plain(text)
    start = _after_blanks(plain, 0)
    for key in path[:-1]:
        _, start, _ = _members(plain, start)[0][key]
    members, close = _members(plain, start)
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _indent(text)
    outer = _indent_at(text, start)
    inner = outer + unit
    written = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", newline + inner)
    if path[-1] in members:
        _, at, end = members[path[-1]]
        return text[:at] + written + text[end:]
    last = max((end for _, _, end in members.values()), default=start + 1)
    comma = members and "," not in _without_comments(text)[last:close]
    between = text[last:close].rstrip()  # comments stay with what they are about
    member = f"{json.dumps(path[-1], ensure_ascii=False)}: {written}"
    return (
        f"{text[:last]}{',' if comma else ''}{between}{newline}"
        f"{inner}{member}{newline}{outer}{text[close:]}"
    )


def _remove_json(text: str, under: str, name: str) -> str:
    plain, bare = _plain(text), _without_comments(text)
    _, start, _ = _members(plain, _after_blanks(plain, 0))[0][under]
    members, close = _members(plain, start)
    at, _, end = members[name]
    before = max((last for _, _, last in members.values() if last <= at), default=at)
    after = min((key for key, _, _ in members.values() if key >= end), default=close)
    comma = bare.find(",", end, after)
    if comma >= 0:
        end = comma + 1
    line, newline = text.rfind("\n", 0, at) + 1, text.find("\n", end)
    if not text[line:at].strip() and newline >= 0 and not text[end:newline].strip():
        at, end = line, newline + 1  # it has its lines alone
    if comma < 0 and (last := bare.find(",", before, at)) >= 0:
        return text[:last] + text[last + 1 : at] + text[end:]
    return text[:at] + text[end:]


def _members(plain: str, start: int) -> tuple[dict[str, tuple[int, int, int]], int]:
    """Where each key of an object begins, where its value begins and ends, and where it does."""
    read = json.JSONDecoder().raw_decode
    found: dict[str, tuple[int, int, int]] = {}
    at = start + 1
    while plain[at := _after_blanks(plain, at)] != "}":
        here = at
        key, at = read(plain, at)
        begin = _after_blanks(plain, plain.index(":", at) + 1)
        _, at = read(plain, begin)
        found[key] = (here, begin, at)
        at = _after_blanks(plain, at)
        at += plain[at] == ","
    return found, at


def _after_blanks(plain: str, at: int) -> int:
    while plain[at].isspace():
        at += 1
    return at


def _indent(text: str) -> str:
    """What the file indents by."""
    found = re.search(r"\{[^\S\n]*\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _read_toml(text: str) -> Table:
    return tomllib.loads(text)


def _change_toml(text: str, under: str, name: str, entry: Mapping[str, Any]) -> str:
    document = tomlkit.parse(text)
    servers = cast(Table, document.setdefault(under, tomlkit.table(is_super_table=True)))
    there = cast(Table, servers.setdefault(name, tomlkit.table()))
    _update(there, entry)
    return tomlkit.dumps(document)


def _remove_toml(text: str, under: str, name: str) -> str:
    document = tomlkit.parse(text)
    servers = cast(Table, document[under])
    del servers[name]
    if not servers:
        del document[under]
    return tomlkit.dumps(document)


def _update(there: Table, entry: Mapping[str, Any]) -> None:
    there.update({key: value for key, value in entry.items() if _differs(there, key, value)})


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 16  # lines stay as long as they are
    return yaml


def _load(yaml: YAML, text: str) -> Any:
    found: Any = yaml.load(text)  # pyright: ignore[reportUnknownMemberType] # ruamel's is half typed
    return {} if found is None else found


def _read_yaml(text: str) -> Table:
    try:
        return _object(_load(YAML(typ="safe", pure=True), text))
    except YAMLError as why:
        raise ValueError(" ".join(str(why).split())) from None


def _change_yaml(text: str, under: str, name: str, entry: Mapping[str, Any]) -> str:
    yaml = _yaml()
    document = _load(yaml, text)
    if document.get(under) is None:
        document[under] = {}
    _update(document[under].setdefault(name, {}), entry)
    return _dumped(yaml, document)


def _remove_yaml(text: str, under: str, name: str) -> str:
    yaml = _yaml()
    document = _load(yaml, text)
    del document[under][name]
    return _dumped(yaml, document)


def _dumped(yaml: YAML, document: Any) -> str:
    out = StringIO()
    yaml.dump(document, out)  # pyright: ignore[reportUnknownMemberType] # ruamel's is half typed
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Format:
    read: Callable[[str], Table]
    """What a text says; ValueError where it is not of the format."""
    change: Callable[[str, str, str, Mapping[str, Any]], str]
    remove: Callable[[str, str, str], str]


_JSON = _Format(_read_json, _change_json, _remove_json)
_TOML = _Format(_read_toml, _change_toml, _remove_toml)
_YAML = _Format(_read_yaml, _change_yaml, _remove_yaml)
_FORMATS = {".toml": _TOML, ".yaml": _YAML, ".yml": _YAML}

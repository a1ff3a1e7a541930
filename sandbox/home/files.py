"""Files of the desktop's home, from outside: which there are, one put there, one taken out.

Programs change the home as they like, at any moment. So the way down is gone inside, by
isolation/supervisor/home_files.py, as the desktop's own user and never through a link; what it
hands out is a descriptor, and we look again that it is a file before we read or write it.
"""

import codecs
import os
import secrets
import stat
from base64 import b64encode
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EEXIST, EISDIR, ELOOP, ENOENT, ENOTDIR, EWOULDBLOCK
from itertools import islice
from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ..errors import (
    BadAmount,
    FileFailed,
    FileThere,
    HoldsSecret,
    NoSuchFile,
    NotThatKind,
    OutsideHome,
    TooLarge,
)
from ..imaging import image_file
from ..imaging.image import Picture
from ..isolation.bubblewrap import as_user
from ..isolation.process_tree import ProcessTree
from ..secrets.store import LONGEST_WAY, SecretStore

MOST_UPLOADED = 10_000_000  # bytes
MOST_TEXT, MOST_BASE64 = 50_000, 600_000  # bytes of a file in one answer
MOST_LISTED = 300  # entries in one answer
_LARGEST_PICTURE = 10_000_000  # bytes of a file that is shown
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_MOST_COUNTED = 100_000  # entries of a folder
_LONGEST_PATH = 4000  # bytes
_NOTHING = " Nothing was written."

Encoding = Literal["auto", "text", "base64"]
Kind = Literal["file", "folder", "link", "other"]
_KINDS: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder; `modified` in seconds since the epoch, the name as it can be shown."""

    name: str
    kind: Kind
    size: int
    modified: float

    @property
    def mime(self) -> str:
        return mime(self.name)


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the entries of a folder, in the order of their names, and how many it has."""

    path: str
    entries: list[Entry]
    total: int


@dataclass(frozen=True, slots=True)
class Put:
    """What an upload did."""

    path: str
    size: int
    replaced: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file, and a little of what is before and after them."""

    path: str
    size: int
    """Of the whole file."""
    offset: int
    data: bytes
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file, or a part of it, as it can be sent: a picture, or content as text or base64."""

    path: str
    size: int
    """Of the whole file, in bytes."""
    mime: str
    encoding: Literal["text", "base64", "picture"]
    offset: int = 0
    end: int = 0
    """The offset of what comes next; the size when this was the rest."""
    content: str = ""
    picture: Picture | None = None


class Home:
    """The home of a desktop.

    Args:
        box: The box of its programs.
        path: Where they see it.
        uid: The user they are, outside.
        vault: The values that are not handed out.
    """

    def __init__(self, box: ProcessTree, path: Path, uid: int, vault: SecretStore) -> None:
        self._box = box
        self._path = path
        self._uid = uid
        self._vault = vault
        self._margin = LONGEST_WAY if vault.names else 0

    def list(self, asked: str, offset: int = 0, most: int = MOST_LISTED) -> Listing:
        """What is in a folder, from the entry at `offset` on.

        Raises:
            Impossible: There is no such folder in the home.
        """
        parts = self._parts(asked)
        with self._opened({"open": "folder"}, parts) as (_, (fd,)), _told(parts, "read"):
            with os.scandir(fd) as found:
                names = sorted(one.name for one in islice(found, _MOST_COUNTED))
            with as_user(self._uid):
                entries = list(_entries(fd, names[offset : offset + most]))
        return Listing(_shown(parts), entries, len(names))

    def put(self, asked: str, data: bytes, *, replace: bool) -> Put:
        """Write a file as a whole or not at all; folders that are missing on the way are made.

        Raises:
            Impossible: The path is not possible, the content too large, or there is a file already.
            FileFailed: It could not be written, such as on a full disk.
        """
        parts = self._file(asked)
        if len(data) > MOST_UPLOADED:
            raise TooLarge(_shown(parts), len(data), MOST_UPLOADED)
        named = {"temporary": f".upload-{secrets.token_hex(8)}", "replace": replace}
        with self._opened({"open": "new", **named}, parts) as (told, (fd, folder)):
            written = False
            try:
                with _told(parts, "written", _NOTHING):
                    _must_be_a_file(fd, parts)
                    _write(fd, data)
                written = True
            finally:
                placing = {"place": True, "keep": written, **named}
                with self._opened(placing, parts, [folder]):
                    pass
        return Put(_shown(parts), len(data), told["replaces"])

    def show(self, asked: str, longest: int, budget: int) -> Download | None:
        """A file as a picture within a longer side and a budget; None if it cannot be shown as one.

        Raises:
            Impossible: There is no such file in the home.
            HoldsSecret: A value stands in it.
        """
        head = self._take(asked, 0, len(_PICTURES[0]))
        if head.size > _LARGEST_PICTURE or not head.data.startswith(_PICTURES):
            return None
        whole = self._take(asked, 0, _LARGEST_PICTURE)
        shown = image_file.read(whole.data, longest, budget)
        if shown is None:
            return None
        self._must_hold_no_secret(whole)
        kind, end = mime(whole.path), len(whole.data)
        return Download(whole.path, whole.size, kind, "picture", 0, end, picture=shown)

    def take(self, asked: str, encoding: Encoding, offset: int, most: int) -> Download:
        """At most so many bytes of a file, from `offset` on, as text if they are.

        Raises:
            Impossible: There is no such file in the home, or it ends before `offset`.
            HoldsSecret: A value stands where the file would be sent as it is.
        """
        if encoding != "base64":
            part = self._take(asked, offset, min(most, MOST_TEXT))
            if told := self._as_text(part, strict=encoding == "auto"):
                return told
        part = self._take(asked, offset, min(most, MOST_BASE64))
        self._must_hold_no_secret(part)
        content, used = _base64(part.data, self._vault)
        return Download(
            part.path, part.size, mime(part.path), "base64", offset, offset + used, content
        )

    def _take(self, asked: str, offset: int, most: int) -> Part:
        parts = self._file(asked)
        with self._opened({"open": "file"}, parts) as (_, (fd,)), _told(parts, "read"):
            size = _must_be_a_file(fd, parts)
            first = max(0, offset - self._margin)
            held = _read(fd, first, offset - first + most + self._margin)
        if offset > size:
            raise BadAmount("offset", offset, 0, size, "bytes")
        start = offset - first
        data = held[start : start + most]
        return Part(_shown(parts), size, offset, data, held[:start], held[start + len(data) :])

    def _as_text(self, part: Part, *, strict: bool) -> Download | None:
        """A part as text without values, up to its last whole character; None if it is no text."""
        last = part.offset + len(part.data) >= part.size
        reading = codecs.getincrementaldecoder("utf-8")("strict" if strict else "replace")
        try:
            text = reading.decode(part.data, final=last)
        except UnicodeDecodeError:
            return None
        if strict and "\0" in text:
            return None
        rest = reading.getstate()[0]
        before, after = part.before.decode(errors="ignore"), rest + part.after
        clean = self._vault.scrub_part(before, text, after.decode(errors="ignore"))
        end = part.offset + len(part.data) - len(rest)
        kind = mime(part.path)
        if kind == "application/octet-stream":
            kind = "text/plain"
        return Download(part.path, part.size, kind, "text", part.offset, end, clean)

    def _must_hold_no_secret(self, part: Part) -> None:
        if held := self._vault.held(part.before + part.data + part.after):
            raise HoldsSecret(part.path, held)

    def _parts(self, asked: str) -> tuple[str, ...]:
        """The parts of a path below the home.

        Raises:
            OutsideHome: It leads elsewhere, or is no path.
        """
        written = asked.removeprefix("~/") if asked != "~" else "."
        path = self._path / written
        try:
            size = len(os.fsencode(path))
            parts = path.relative_to(self._path).parts
        except ValueError:  # elsewhere, or half of a surrogate pair
            raise OutsideHome(asked) from None
        if not asked or ".." in parts or "\0" in asked or size > _LONGEST_PATH:
            raise OutsideHome(asked)
        return parts

    def _file(self, asked: str) -> tuple[str, ...]:
        parts = self._parts(asked)
        if not parts or asked.endswith("/"):
            raise NotThatKind(_shown(parts), "folder")
        return parts

    @contextmanager
    def _opened(
        self, asked: dict[str, Any], parts: tuple[str, ...], fds: Sequence[int] = ()
    ) -> Generator[tuple[dict[str, Any], tuple[int, ...]]]:
        """What the box answers, and the descriptors it hands out; closed at the end."""
        message = {"home": str(self._path), "path": parts, **asked}
        told = self._box.files(message, fds)
        try:
            if "at" in told:
                raise _why(asked, parts, told)
            yield told, tuple(told["handed"])
        finally:
            for fd in told["handed"]:
                os.close(fd)


def mime(name: str) -> str:
    """The media type that a name stands for."""
    kind, packed = guess_type(f"x{PurePosixPath(name).suffix}")
    if packed:
        return f"application/{packed}"
    return kind or "application/octet-stream"


def _why(asked: dict[str, Any], parts: tuple[str, ...], told: dict[str, Any]) -> Exception:
    """What stands in the way of what was asked, as an error."""
    path, writing = _shown(parts[: told["at"] + 1]), asked.get("open") not in ("file", "folder")
    if "found" in told:
        last = told["at"] == len(parts) - 1
        if writing and last and told["found"] == "file":
            return FileThere(path)
        return NotThatKind(path, told["found"])
    number = told["number"]
    if number == EEXIST and writing:
        return FileThere(path)
    if number == ENOENT and not writing:
        return NoSuchFile(path)
    if number in (ELOOP, ENOTDIR, EISDIR):
        return NotThatKind(path, {ELOOP: "link", ENOTDIR: "file", EISDIR: "folder"}[number])
    why = "another program has it to itself" if number == EWOULDBLOCK else told["error"]
    return FileFailed(path, *(("written", why, _NOTHING) if writing else ("read", why)))


@contextmanager
def _told(parts: tuple[str, ...], verb: str, also: str = "") -> Generator[None]:
    """What the system refuses, in words."""
    try:
        yield
    except OSError as why:
        raise FileFailed(_shown(parts), verb, why.strerror or str(why), also) from why


def _must_be_a_file(fd: int, parts: tuple[str, ...]) -> int:
    """The size of a regular file."""
    there = os.fstat(fd)
    if not stat.S_ISREG(there.st_mode):
        raise NotThatKind(_shown(parts), "other")
    return there.st_size


def _entries(folder: int, names: Iterable[str]) -> Generator[Entry]:
    for name in names:
        try:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        kind = _KINDS.get(stat.S_IFMT(there.st_mode), "other")
        yield Entry(_printable(name), kind, there.st_size, there.st_mtime)


def _read(fd: int, offset: int, most: int) -> bytes:
    found = bytearray()
    while len(found) < most:
        more = os.pread(fd, most - len(found), offset + len(found))
        if not more:
            break
        found += more
    return bytes(found)


def _base64(data: bytes, vault: SecretStore) -> tuple[str, int]:
    """Some bytes as base64, and how many they are: all, but for what happens to spell a value.

    What is sent is scrubbed, which would damage it there.
    """
    while True:
        text = b64encode(data).decode()
        clean = vault.scrub(text)
        if clean == text or len(data) < 3:
            return text, len(data)
        pairs = zip(text, clean, strict=False)
        spoilt = next(at for at, (ours, theirs) in enumerate(pairs) if ours != theirs)
        data = data[: max(1, spoilt // 4 * 3)]


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _shown(parts: Iterable[str]) -> str:
    return _printable("/".join(("~", *parts)))


def _printable(name: str) -> str:
    """A name as text, also one that is not UTF-8 on the disk."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")

"""A home as one file: written by `export`, and taken in by `import` after a suspicious look.

The file is a tar archive, not compressed: what it says of itself, then the home's files, folders
and links. Checkpoints are not in it, nor sockets, locks and caches, nor links that lead out.
"""

import io
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ..errors import Impossible
from ..isolation import bubblewrap

FORMAT = 1
ABOUT = "gloveport-desktop.json"

_MOST_BYTES = bubblewrap.Limits().disk
_MOST_ENTRIES = 200_000
_MOST_HEADER = 1 << 20  # bytes of one header; the longest path has 4,096
_DEEPEST = 100  # folders
_LATEST = float(1 << 32)  # seconds since 1970; later times overflow some file systems
_PART = 1 << 20  # bytes that are copied at a time
# The files of a home, by their paths from there; none that another run would trip over.
_LIST = (
    "find home -mindepth 1 \\( -path home/.cache -prune \\) -o \\( -name 'Singleton*' "
    "-o -name .lock -o -name lock -type l \\) -o \\( -type f -o -type d -o -type l \\) -print0"
)
# Not by `cd`, for which a shell goes by the whole path, which root's desktops cannot enter.
_MOUNTED = 'mount -t overlay overlay -o "$1" home && exec sh -c "$2"'


class BadArchive(Impossible):
    """It was not taken in."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The archive was not imported: {why}. `gloveport desktops export` makes archives that "
            "can be."
        )


class NotExported(Impossible):
    """There is no archive."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The desktop was not exported: {why}.")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was imported."""

    files: int
    bytes: int


def export(store: Path, layers: list[str], file: Path, *, walled: bool) -> int:
    """Write a home that is not in use into a new file (0600); how many links were left out.

    Args:
        store: The folder of the desktop; see `HomeStore`.
        layers: The names of copies that it lies on, the newest first.
        file: Where there is nothing yet.
        walled: Whether its home is made of layers.

    Raises:
        NotExported: There is a file already, or something could not be read or written.
    """
    lower = ":".join(["upper", *(f"kept/{name}" for name in layers), "base"])
    tar = f"{_LIST} | tar -c --no-recursion --hard-dereference --null -T -"
    argv = ["sh", "-c", tar]
    if walled:
        uid = str((store / "upper").stat().st_uid)
        drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNTED, "sh",
                f"lowerdir={lower},userxattr", tar]  # fmt: skip
        argv = [*(drop if os.getuid() == 0 else []), *argv]
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as why:
        raise NotExported(f"{file}: {why.strerror}") from why
    try:
        with os.fdopen(fd, "wb") as opened, _running(argv, store) as made:
            return _rewrite(made, opened, walled=walled)
    except BaseException as why:
        file.unlink(missing_ok=True)
        if isinstance(why, OSError | tarfile.TarError):
            raise NotExported("its files could not be read, or the disk is full") from why
        raise


@contextmanager
def _running(argv: list[str], folder: Path) -> Generator[IO[bytes]]:
    """What a command writes; it has to succeed."""
    with subprocess.Popen(
        argv, cwd=folder, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdout
        assert running.stderr
        try:
            yield running.stdout
        except BaseException:
            running.kill()
            raise
        said = running.stderr.read(4096).decode(errors="replace").strip()
    if running.returncode:
        raise NotExported(said.splitlines()[-1][:200] if said else "its files could not be read")


def _rewrite(made: IO[bytes], to: IO[bytes], *, walled: bool) -> int:
    """Copy an archive, but not links that lead out; how many of these there are."""
    left_out = 0
    about = json.dumps({"format": FORMAT, "walled": walled}).encode()
    with (
        tarfile.open(fileobj=made, mode="r|") as read,
        tarfile.open(fileobj=to, mode="w", format=tarfile.PAX_FORMAT) as written,
    ):
        first = tarfile.TarInfo(ABOUT)
        first.size = len(about)
        written.addfile(first, io.BytesIO(about))
        for one in read:
            if one.issym() and _leads_out(one.name.removeprefix("home/"), one.linkname):
                left_out += 1
                continue
            one.mode &= 0o755
            one.uid = one.gid = 0
            one.uname = one.gname = ""
            one.pax_headers = {}
            written.addfile(one, read.extractfile(one) if one.isreg() else None)
    return left_out


def take_in(file: Path, into: Path) -> tuple[Taken, bool]:
    """Put an archive's home into an empty folder of ours.

    Returns:
        How much it was, and whether the desktop has walls.

    Raises:
        BadArchive: It is none of ours, too large, or holds what has no place in a home.
    """
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as why:
        raise BadArchive(f"{file}: {why.strerror}") from why
    with os.fdopen(fd, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise BadArchive("it is no file")
        try:
            # A list of all members would grow with them; `next` alone keeps none of use.
            with tarfile.TarFile(fileobj=_Bounded(opened), mode="r") as archive:  # type: ignore[arg-type]
                return _take_members(archive, into)
        except (tarfile.TarError, ValueError, EOFError, RecursionError) as why:
            raise BadArchive("it is no plain tar archive, or damaged") from why
        except OSError as why:
            raise BadArchive(f"a file of it could not be written: {why.strerror}") from why


class _Bounded(io.RawIOBase):
    """A file of which nobody reads a lot at once: a header says how long it is itself."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _MOST_HEADER:
            raise BadArchive("a header of it is too long")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _take_members(archive: tarfile.TarFile, into: Path) -> tuple[Taken, bool]:
    first = archive.next()
    walled = _about(archive, first)
    entries = total = 0
    tops = _Folders(into)
    try:
        while (one := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it keeps them all
            entries += 1
            total += one.size
            parts = _checked(one)
            if entries > _MOST_ENTRIES or total > _MOST_BYTES:
                raise BadArchive(
                    f"it holds more than a home may: {_MOST_BYTES >> 30} GB in "
                    f"{_MOST_ENTRIES:,} files"
                )
            if parts:
                _place(archive, one, parts, tops)
    finally:
        tops.close()
    return Taken(entries, total), walled


def _about(archive: tarfile.TarFile, first: tarfile.TarInfo | None) -> bool:
    """Whether the desktop has walls, as the first member says."""
    if first is None or first.name != ABOUT or not first.isreg() or first.size > 4096:
        raise BadArchive("it is none of a desktop's")
    read = archive.extractfile(first)
    told: object = json.loads(read.read()) if read else None
    facts = cast(dict[str, object], told) if isinstance(told, dict) else {}
    if facts.get("format") != FORMAT:
        raise BadArchive(f"its format is not {FORMAT}, the one this gloveport knows")
    return bool(facts.get("walled"))


def _checked(one: tarfile.TarInfo) -> tuple[str, ...]:
    """The parts of a member's path in the home; none for the home itself."""
    path = PurePosixPath(one.name)
    shown = repr(one.name[:80])
    if one.name.startswith("/") or ".." in path.parts or "\0" in one.name:
        raise BadArchive(f"{shown} leads out of the home")
    if path.parts[:1] != ("home",):
        raise BadArchive(f"{shown} is not below home/")
    if len(path.parts) > _DEEPEST:
        raise BadArchive(f"{shown} is too deep")
    if one.size < 0 or one.issparse() or not (one.isreg() or one.isdir() or one.issym()):
        raise BadArchive(f"{shown} is neither a file, a folder nor a link")
    name = "/".join(path.parts[1:])
    if one.issym() and _leads_out(name, one.linkname):
        raise BadArchive(f"the link {shown} leads out of the home")
    return path.parts[1:]


def _leads_out(name: str, target: str) -> bool:
    """Whether a link in a home leads elsewhere by its own text."""
    there = os.path.normpath(os.path.join(os.path.dirname(name), target))  # noqa: PTH118, PTH120
    return not target or target.startswith("/") or there == ".." or there.startswith("../")


class _Folders:
    """Folders of a new home, reached without following a link."""

    def __init__(self, top: Path) -> None:
        self._top = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._last: tuple[tuple[str, ...], int] = ((), os.dup(self._top))

    def at(self, parts: tuple[str, ...]) -> int:
        """A descriptor of a folder, made if it is missing; it holds until the next is asked for."""
        if self._last[0] != parts:
            os.close(self._last[1])
            here = os.dup(self._top)
            for part in parts:
                try:
                    there = _entered(here, part)
                finally:
                    os.close(here)
                here = there
            self._last = (parts, here)
        return self._last[1]

    def close(self) -> None:
        os.close(self._last[1])
        os.close(self._top)


def _entered(here: int, part: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=here)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(part, flags, dir_fd=here)


def _place(
    archive: tarfile.TarFile, one: tarfile.TarInfo, parts: tuple[str, ...], folders: _Folders
) -> None:
    if one.isdir():
        os.fchmod(folders.at(parts), 0o700)
        return
    here = folders.at(parts[:-1])
    if one.issym():
        os.symlink(one.linkname, parts[-1], dir_fd=here)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(parts[-1], flags, 0o700 if one.mode & 0o100 else 0o600, dir_fd=here)
    with os.fdopen(fd, "wb") as file:
        read = archive.extractfile(one)
        assert read
        left = one.size
        while left:
            data = read.read(min(left, _PART))
            if not data:
                raise BadArchive("it ends too early")
            file.write(data)
            left -= len(data)
        when = min(max(0.0, one.mtime), _LATEST)
        os.utime(fd, (when, when))

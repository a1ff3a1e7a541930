"""Desktops that stay, as files: taken out, taken in, copied; what is hostile is refused whole."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gloveport.sandbox.errors import Impossible
from gloveport.sandbox.session import archive
from gloveport.sandbox.session.home_store import StoreUnusable, open_store
from gloveport.sandbox.session.kept_desktops import (
    clone,
    export_home,
    import_home,
    kept_desktops,
    names,
    remove,
    rename,
)

Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, len(data)
    return made, data


def written(file: Path, *members: Member, said: object = None) -> Path:
    """An archive that begins as ours do."""
    about = json.dumps(said or {"format": archive.FORMAT, "walled": True}).encode()
    with tarfile.open(file, "w") as made:
        for one, data in (member(archive.ABOUT, about), *members):
            made.addfile(one, io.BytesIO(data))
    return file


def sized(name: str, size: int) -> Member:
    """A member that says it is this long."""
    made = tarfile.TarInfo(name)
    made.size = size
    return made, b""


HOSTILE: dict[str, list[Member]] = {
    "absolute": [member("/etc/cron.d/x", b"1")],
    "absolute below": [member("home//../../etc/x", b"1")],
    "up": [member("home/../x", b"1")],
    "elsewhere": [member("base/x", b"1")],
    "link out": [member("home/x", kind=tarfile.SYMTYPE, link="/etc/passwd")],
    "link up": [member("home/a/x", kind=tarfile.SYMTYPE, link="../../x")],
    "hard link": [member("home/x", kind=tarfile.LNKTYPE, link="/etc/passwd")],
    "device": [member("home/x", kind=tarfile.CHRTYPE)],
    "block device": [member("home/x", kind=tarfile.BLKTYPE)],
    "pipe": [member("home/x", kind=tarfile.FIFOTYPE)],
    "twice": [member("home/x", b"1"), member("home/x", b"2")],
    "through a link": [
        member("home/d", kind=tarfile.DIRTYPE),
        member("home/l", kind=tarfile.SYMTYPE, link="d"),
        member("home/l/x", b"1"),
    ],
    "file as folder": [member("home/f", b"1"), member("home/f/x", b"1")],
    "deep": [member("home/" + "d/" * 200 + "x", b"1")],
    "long name": [member("home/" + "n" * 300, b"1")],
    "too large": [sized("home/x", 3 << 30)],
    "cut off": [sized("home/x", 1 << 20)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    file, homes = tmp_path / "x.tar", tmp_path / "homes"
    about = json.dumps({"format": archive.FORMAT, "walled": True}).encode()
    with tarfile.open(file, "w") as made:
        for one, data in (member(archive.ABOUT, about), *HOSTILE[kind]):
            made.fileobj.write(one.tobuf(tarfile.PAX_FORMAT))  # type: ignore[union-attr]
            made.fileobj.write(data + bytes(-len(data) % 512))  # type: ignore[union-attr]
    with pytest.raises(archive.BadArchive) as refused:
        import_home(homes, "got", file)
    assert len(str(refused.value)) <= 400
    assert list(homes.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"", lambda: b"\x1f\x8b" + bytes(2000), lambda: os.urandom(4096),
        lambda: member("home/x")[0].tobuf(),
    ],
    ids=["empty", "gzip", "noise", "not ours"],
)  # fmt: skip
def test_what_is_no_archive_of_ours_is_refused(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    (tmp_path / "x").write_bytes(content())
    with pytest.raises(archive.BadArchive):
        import_home(tmp_path / "homes", "got", tmp_path / "x")
    assert names(tmp_path / "homes") == []


def test_a_header_that_says_it_is_huge_is_not_read(tmp_path: Path) -> None:
    head = tarfile.TarInfo("././@LongLink")
    head.type, head.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    file = written(tmp_path / "x.tar")
    with file.open("r+b") as opened:
        opened.seek(1024)
        opened.write(head.tobuf(tarfile.GNU_FORMAT))
        opened.truncate(1 << 31)  # a hole: there would be that much to read
    with pytest.raises(archive.BadArchive, match="too long"):
        import_home(tmp_path / "homes", "got", file)


def test_a_home_comes_out_and_in_again_and_only_its_own(tmp_path: Path) -> None:
    homes = tmp_path / "homes"
    first = written(
        tmp_path / "first.tar",
        member("home/notes/a.txt", b"one"),
        member("home/near", kind=tarfile.SYMTYPE, link="notes/a.txt"),
    )
    import_home(homes, "first", first)
    upper = homes / "first/upper"
    (upper / "out").symlink_to("/etc/passwd")
    os.mkfifo(upper / "pipe")
    assert export_home(homes, "first", tmp_path / "out.tar") == 1
    assert (tmp_path / "out.tar").stat().st_mode & 0o777 == 0o600
    import_home(homes, "second", tmp_path / "out.tar")
    got = homes / "second/upper"
    assert (got / "notes/a.txt").read_text() == "one"
    assert os.readlink(got / "near") == "notes/a.txt"  # noqa: PTH115
    assert not any(os.path.lexists(got / name) for name in ("out", "pipe"))
    with pytest.raises(archive.NotExported):  # nothing is written over
        export_home(homes, "first", tmp_path / "out.tar")


def test_one_is_renamed_copied_and_removed_but_not_while_it_is_in_use(tmp_path: Path) -> None:
    homes = tmp_path / "homes"
    import_home(homes, "one", written(tmp_path / "x.tar", member("home/a", b"1")))
    clone(homes, "one", "two")
    (homes / "two/upper/a").write_text("2")
    assert (homes / "one/upper/a").read_text() == "1"
    rename(homes, "two", "three")
    for taken in ("one", "main", "../x", ""):
        with pytest.raises(Impossible):
            rename(homes, "three", taken)
    held = open_store(homes / "three")
    assert [one.process for one in kept_desktops(homes)] == [0, os.getpid()]
    held.close()
    assert remove(homes, "one") > 0
    assert names(homes) == ["three"]


@pytest.mark.parametrize("said", ["2", "", "1.5", "x" * 9000])
def test_another_format_is_refused_and_left_as_it_is(tmp_path: Path, said: str) -> None:
    path = tmp_path / "homes/one"
    open_store(path).close()
    (path / "format").write_text(said)
    with pytest.raises(StoreUnusable, match="its format is") as refused:
        open_store(path)
    assert len(str(refused.value)) <= 400
    assert (path / "format").read_text() == said
    assert remove(tmp_path / "homes", "one") > 0

"""The desktops that stay, while they are closed: listed, removed, renamed, copied, in and out."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import Impossible
from ..home.populate import populate_home
from ..isolation import bubblewrap
from ..isolation.supervisor.paths import remove_tree, taken
from .archive import Taken, export, take_in
from .home_store import HomeStore, StoreUnusable, holder, open_store, read_record

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,43}")
_PARTS = ("home", "base", "upper", "work", "kept")


class NoSuchHome(Impossible):
    def __init__(self, name: str, names: list[str]) -> None:
        there = ", ".join(names[:20]) or "none"
        super().__init__(f"No desktop {name[:44]!r} is kept; there are {there}.")


class NameTaken(Impossible):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"A desktop {name[:44]!r} is kept already; remove it, or use another name."
        )


class BadHomeName(Impossible):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"Invalid name {name[:44]!r} of a desktop. Use 1 to 32 lower-case letters, digits, - "
            "or _, but not main."
        )


@dataclass(frozen=True, slots=True)
class KeptDesktop:
    """A desktop that stays.

    Args:
        name: Its name.
        bytes: It takes on the disk, checkpoints included.
        used: When it was last written to, in seconds since 1970; 0: not known.
        checkpoints: How many it has.
        process: That has it open; 0: none.
        wrong: Why it cannot be opened; empty: it can.
    """

    name: str
    bytes: int
    used: float
    checkpoints: int
    process: int
    wrong: str = ""


def names(homes: Path) -> list[str]:
    """The names of those there are."""
    if not homes.is_dir():
        return []
    return sorted(
        path.name
        for path in homes.iterdir()
        if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def kept_desktops(homes: Path) -> list[KeptDesktop]:
    """Those there are, by name."""
    return [_told(homes / name) for name in names(homes)]


def _told(path: Path) -> KeptDesktop:
    record: dict[str, Any] = {}
    wrong = ""
    try:
        record = read_record(path)
    except StoreUnusable as why:
        wrong = str(why)
    found: object = record.get("checkpoints")
    checkpoints = cast(list[object], found) if isinstance(found, list) else []
    used: object = record.get("used")
    when = float(used) if isinstance(used, int | float) else 0.0
    return KeptDesktop(path.name, taken(path), when, len(checkpoints), holder(path), wrong)


def remove(homes: Path, name: str) -> int:
    """Remove one with all its files; the bytes it took.

    Raises:
        NoSuchHome: There is none.
        StoreUnusable: It is in use.
    """
    _sweep(homes)
    with _opened(homes, name, known=False) as store:
        size = taken(store.path)
        going = homes / f".gone-{name}-{time.time_ns()}"
        store.path.rename(going)
        remove_tree(going)
        if going.exists():
            raise StoreUnusable(going, "it could not be removed whole")
    return size


def rename(homes: Path, name: str, new: str) -> None:
    """Give one another name.

    Raises:
        NoSuchHome, NameTaken, BadHomeName: There is none, or another has the name, or it is none.
        StoreUnusable: It is in use.
    """
    with _opened(homes, name) as store:
        _free(homes, new)
        store.path.rename(homes / new)


def clone(homes: Path, name: str, new: str) -> None:
    """Make another desktop whose home is as that of one now; its checkpoints stay with that one.

    What is never written to again is shared, but as root, where each desktop has a user of its own.

    Raises:
        NoSuchHome, NameTaken, BadHomeName: There is none, or another has the name, or it is none.
        StoreUnusable: It is in use, or the disk is full.
    """
    with _opened(homes, name) as store:
        record = store.read()
        layers = [str(one) for one in record.get("layers", [])]
        with _making(homes, new) as made:
            share = ["cp", "-a" if os.getuid() == 0 else "-al"]
            for part in ("base", *(f"kept/{one}" for one in layers)):
                (made.path / part).parent.mkdir(exist_ok=True)
                _run([*share, part, str(made.path / part)], store.path)
            for part in ("home", "upper"):
                _run(["cp", "-a", "--reflink=auto", part, str(made.path / part)], store.path)
            fresh = {"walled": record.get("walled"), "layers": layers, "checkpoints": []}
            copies = {one: layers[place + 1 :] for place, one in enumerate(layers)}
            _finish(made, {**fresh, "copies": copies, "programs": record.get("programs", [])})


def export_home(homes: Path, name: str, file: Path) -> int:
    """Write the home of one into a new file; how many links that lead out of it were left out.

    Raises:
        NoSuchHome: There is none.
        StoreUnusable: It is in use.
        NotExported: It could not be read or written.
    """
    with _opened(homes, name) as store:
        record = store.read()
        layers = [str(one) for one in record.get("layers", [])]
        return export(store.path, layers, file, walled=bool(record.get("walled")))


def import_home(homes: Path, name: str, file: Path) -> Taken:
    """Make a desktop of an archive.

    Raises:
        NameTaken, BadHomeName: Another has the name, or it is none.
        BadArchive: It is none of ours, or hostile; nothing is left of it.
    """
    with _making(homes, name) as made:
        for part in _PARTS:
            (made.path / part).mkdir(mode=0o700)
        got, walled = take_in(file, made.path / "upper")
        if walled:
            populate_home(made.path / "base", bubblewrap.HOME, lasts=True)
        else:
            (made.path / "home").rmdir()
            (made.path / "upper").rename(made.path / "home")
            (made.path / "upper").mkdir(mode=0o700)
        _finish(made, {"walled": walled, "layers": [], "copies": {}, "checkpoints": []})
    return got


def _finish(store: HomeStore, record: dict[str, Any]) -> None:
    for part in (*_PARTS, "pictures"):
        (store.path / part).mkdir(mode=0o700, exist_ok=True)
    store.write({"programs": [], **record, "count": 0, "used": time.time()})


@contextmanager
def _opened(homes: Path, name: str, *, known: bool = True) -> Generator[HomeStore]:
    """One that nobody uses meanwhile.

    Args:
        homes: Where they are.
        name: Its name.
        known: Whether it has to be of a format that is known.
    """
    if name not in names(homes):
        raise NoSuchHome(name, names(homes))
    store = open_store(homes / name, known=known)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _making(homes: Path, name: str) -> Generator[HomeStore]:
    """A new one, which is there whole or not at all."""
    _free(homes, name)
    _sweep(homes)
    being_made = homes / f".new-{name}-{time.time_ns()}"
    store = open_store(being_made)
    try:
        yield store
        _free(homes, name)
        being_made.rename(homes / name)
    except BaseException:
        remove_tree(being_made)
        raise
    finally:
        store.close()


def _sweep(homes: Path) -> None:
    """Remove what was being made or removed when that was killed."""
    for left in homes.iterdir() if homes.is_dir() else ():
        if left.name.startswith((".new-", ".gone-")) and not holder(left):
            remove_tree(left)


def _free(homes: Path, name: str) -> None:
    if not _NAME.fullmatch(name) or name == "main":
        raise BadHomeName(name)
    if (homes / name).exists() or (homes / name).is_symlink():
        raise NameTaken(name)


def _run(argv: list[str], folder: Path) -> None:
    with suppress(shutil.Error):
        ran = subprocess.run(
            argv, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False
        )
        if ran.returncode:
            said = ran.stderr.decode(errors="replace").strip().splitlines()
            raise StoreUnusable(folder, f"it could not be copied: {said[-1][:150] if said else ''}")

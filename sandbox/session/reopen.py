"""Takes up the home and the copies of a desktop that stays, however it ended."""

import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ..isolation import bubblewrap
from .folder import Folder, give_folder, make_folder, taken
from .home_layers import Pending, Remains
from .home_store import HomeStore, StoreUnusable, give_all

_COPY = re.compile(r"c[0-9]{1,9}|gone-[0-9]{1,20}")


def reopened(
    below: Path, name: str, store: HomeStore, record: Mapping[str, Any], *, walled: bool
) -> Remains | None:
    """Make ready what a desktop left, in a new folder for what does not last.

    Args:
        below: The folder that folder is made in.
        name: The desktop's name.
        store: What has its home and copies.
        record: What it wrote last; see `layers_record`.
        walled: Whether it is to run behind walls.

    Returns:
        What to go on with; None: it is new.

    Raises:
        StoreUnusable: It cannot be gone on with.
    """
    if not record:
        for left in store.path.iterdir():  # of a first start that did not get far
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
        return None
    if record.get("walled") is not walled:
        made, way = ("with", "without") if record.get("walled") else ("without", "with")
        raise StoreUnusable(
            store.path, f"it was made {made} walls, and its home cannot be used {way}; leave "
            "--walls as it was, or use another --name"
        )  # fmt: skip
    folder = make_folder(below, name, store)
    try:
        layers, copies, forgotten = _layers(folder, record)
        uid = _user(folder) if walled else os.getuid()
        give_all(uid, folder.path)
        _set_aside(folder, copies)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.release()
        raise
    return Remains(folder, uid, layers, copies, forgotten)


def layers_record(
    layers: tuple[Path, ...], below: Mapping[Path, tuple[Path, ...]], pending: Pending | None
) -> dict[str, Any]:
    """What is written of how the copies lie on each other."""

    def names(paths: tuple[Path, ...]) -> list[str]:
        return [path.name for path in paths]

    record: dict[str, Any] = {
        "layers": names(layers),
        "copies": {path.name: names(under) for path, under in below.items()},
    }
    if pending:
        record["rewind"] = {"gone": pending.gone, "layers": names(pending.layers)}
    return record


def _layers(
    folder: Folder, record: Mapping[str, Any]
) -> tuple[tuple[Path, ...], dict[Path, tuple[Path, ...]], set[Path]]:
    """How the copies lie on each other, and those that nobody can go back to."""

    def paths(names: object) -> tuple[Path, ...]:
        if not isinstance(names, list):
            raise StoreUnusable(folder.lasting, "its record is damaged")
        return tuple(copy(name) for name in cast(list[object], names))

    def copy(name: object) -> Path:
        if not isinstance(name, str) or not _COPY.fullmatch(name):
            raise StoreUnusable(folder.lasting, "its record is damaged")
        return folder.kept / name

    layers = paths(record.get("layers", []))
    rewind = record.get("rewind")
    if isinstance(rewind, dict):  # it was going back when it ended
        going = cast(dict[str, object], rewind)
        if Path(f"{copy(going.get('gone'))}.done").is_dir():  # all of it had been done
            layers = paths(going.get("layers"))
    found = record.get("copies", {})
    if not isinstance(found, dict):
        raise StoreUnusable(folder.lasting, "its record is damaged")
    copies = {copy(name): paths(under) for name, under in cast(dict[object, object], found).items()}
    known = {one.get("name") for one in record.get("checkpoints", [])}
    for layer in layers:
        if not layer.is_dir():
            raise StoreUnusable(folder.lasting, f"a part of its home is missing: kept/{layer.name}")
    return layers, copies, {one for one in copies if one.name not in known}


def _user(folder: Folder) -> int:
    """The user that owns the home; another one, for root, if a desktop that runs has that."""
    has = folder.upper.stat().st_uid
    if os.getuid() != 0:
        return has
    others = taken(folder)
    if has != 0 and has not in others and not _runs(has):
        os.chown(folder.lasting, has, has)
        return has
    uid = bubblewrap.own_user(others)
    give_folder(folder, uid)
    return uid


def _runs(uid: int) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                return True
        except OSError:
            continue
    return False


def _set_aside(folder: Folder, copies: Mapping[Path, object]) -> None:
    """Mark begun copies that nothing knows of for removal."""
    for place, left in enumerate(folder.kept.iterdir()):
        if left not in copies and not left.name.startswith("gone-"):
            left.rename(folder.kept / f"gone-{time.monotonic_ns()}{place}.done")

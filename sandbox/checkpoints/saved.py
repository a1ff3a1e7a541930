"""Checkpoints as they are kept on the disk, for a desktop that stays."""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ..imaging.image import Picture
from .history import Checkpoint, CheckpointHistory

_NAME = re.compile(r"c[0-9]{1,9}")
_TYPES = {"image/png": ".png", "image/jpeg": ".jpg"}
_MOST_PICTURE = 4 << 20  # bytes; one has 500 kB at the most


class DamagedCheckpoint(ValueError):
    """What was read is no checkpoint of ours."""


def record_of(history: CheckpointHistory) -> dict[str, Any]:
    """The checkpoints as JSON; their pictures are files, see `save_pictures`."""
    return {
        "count": history.count,
        "checkpoints": [
            {
                "name": one.name, "when": one.when, "note": one.note, "automatic": one.automatic,
                "size": one.size, "takes": history.takes(one), "programs": one.programs,
                "shown": one.shown, "windows": one.windows, "active": one.active,
                "picture": [_file(one), one.picture.width, one.picture.height],
            }
            for one in history.made
        ],
    }  # fmt: skip


def save_pictures(history: CheckpointHistory, folder: Path) -> None:
    """Write the pictures that are not there yet, and remove those of checkpoints that went."""
    folder.mkdir(mode=0o700, exist_ok=True)
    wanted = {_file(one): one.picture.data for one in history.made}
    there = {path.name for path in folder.iterdir()}
    for name in wanted.keys() - there:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(folder / name, flags, 0o600), "wb") as file:
            file.write(wanted[name])
    for name in there - wanted.keys():
        (folder / name).unlink(missing_ok=True)


def restore(
    history: CheckpointHistory, record: Mapping[str, Any], pictures: Path, kept: Path
) -> None:
    """Take up the checkpoints of a record.

    Args:
        history: That of a desktop that starts; it is empty.
        record: See `record_of`.
        pictures: The folder of their pictures.
        kept: The folder of their files.

    Raises:
        DamagedCheckpoint: It is no record of ours.
    """
    try:
        for told in record.get("checkpoints", []):
            one = _checkpoint(told, pictures, kept)
            if one.folder.is_dir():
                history.take_up(one, int(told["takes"]))
        history.count = max(int(record.get("count", 0)), history.count)
    except (KeyError, TypeError, ValueError, OSError) as why:
        raise DamagedCheckpoint(str(why)[:100]) from why


def _checkpoint(told: Mapping[str, Any], pictures: Path, kept: Path) -> Checkpoint:
    name = _text(told["name"])
    when = float(told["when"])
    if not _NAME.fullmatch(name) or not math.isfinite(when):
        raise DamagedCheckpoint(name[:20])
    file, width, height = told["picture"]
    kind = next(mime for mime, end in _TYPES.items() if file == f"{name}{end}")
    return Checkpoint(
        name, when, _text(told["note"]), bool(told["automatic"]), kept / name, int(told["size"]),
        [_texts(argv) for argv in told["programs"]], _texts(told["shown"]),
        _texts(told["windows"]), _text(told["active"]),
        Picture(_read(pictures / file), kind, int(width), int(height)),
    )  # fmt: skip


def _file(one: Checkpoint) -> str:
    return f"{one.name}{_TYPES[one.picture.mime]}"


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        return file.read(_MOST_PICTURE)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise DamagedCheckpoint("text is missing")
    return value


def _texts(values: object) -> list[str]:
    if not isinstance(values, list):
        raise DamagedCheckpoint("a list is missing")
    return [_text(one) for one in cast(list[object], values)]

"""The record of a desktop that stays, on the disk: what happened as lines of JSON, and pictures."""

import json
import logging
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from gloveport.sandbox.imaging.image import Picture

from .actor import Actor
from .event import Event

logger = logging.getLogger(__name__)

_MOST_LINE = 1 << 16  # bytes; an event with all its words has a tenth of that
_PICTURE = re.compile(r"([0-9]{1,12})-([0-9]{1,5})x([0-9]{1,5})\.(png|jpeg|webp)")


class SavedStory:
    """Writes as things happen; what cannot be written is left out, and logged once.

    Args:
        folder: A folder of this user's own, made if it is missing.
        most: How many events are kept.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._file = folder / "story.jsonl"
        self._lines = 0
        self._names: dict[int, str] = {}
        self._failed = False

    def load(self) -> tuple[list[Event], list[tuple[int, Picture]]]:
        """What was written before, the oldest first; without what is damaged."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            return self._events(), self._pictures()
        except OSError as why:
            self._fail(why)
            return [], []

    def add(self, event: Event) -> None:
        """Write one that has ended."""
        line = json.dumps(_written(event)).encode() + b"\n"
        if len(line) > _MOST_LINE:
            return
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._file, flags, 0o600), "ab") as file:
                file.write(line)
            self._lines += 1
            if self._lines > 2 * self._most:
                self._shorten()
        except OSError as why:
            self._fail(why)

    def add_picture(self, number: int, picture: Picture) -> None:
        """Write one that was sent."""
        kind = picture.mime.removeprefix("image/")
        name = f"{number}-{picture.width}x{picture.height}.{kind}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._folder / name, flags, 0o600), "wb") as file:
                file.write(picture.data)
            self._names[number] = name
        except OSError as why:
            self._fail(why)

    def drop_picture(self, number: int) -> None:
        """Remove one that is not kept any more."""
        if name := self._names.pop(number, ""):
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as why:
                self._fail(why)

    def _fail(self, why: OSError) -> None:
        if not self._failed:
            logger.warning("what happens is not written to %s: %s", self._folder, why.strerror)
        self._failed = True

    def _shorten(self) -> None:
        lines = self._file.read_bytes().splitlines(keepends=True)[-self._most :]
        new = self._file.with_name("story.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.writelines(lines)
        new.replace(self._file)
        self._lines = len(lines)

    def _events(self) -> list[Event]:
        if not self._file.exists():
            return []
        lines = self._file.read_bytes().splitlines()
        self._lines = len(lines)
        read = [_read(line) for line in lines[-self._most :] if len(line) < _MOST_LINE]
        return [event for event in read if event]

    def _pictures(self) -> list[tuple[int, Picture]]:
        found: list[tuple[int, Picture]] = []
        for path in self._folder.iterdir():
            if (named := _PICTURE.fullmatch(path.name)) and not path.is_symlink():
                number, width, height = (int(named[place]) for place in (1, 2, 3))
                self._names[number] = path.name
                picture = Picture(path.read_bytes(), f"image/{named[4]}", width, height)
                found.append((number, picture))
        return sorted(found, key=lambda one: one[0])


def _written(event: Event) -> dict[str, Any]:
    told = asdict(event)
    del told["who"]["key"]  # it is of the server that ended
    return told


def _read(line: bytes) -> Event | None:
    try:
        told = cast(dict[str, Any], json.loads(line))
        who = told.pop("who")
        actor = Actor(who["kind"], f"before {who['name']}", who["name"])
        at, to = (tuple(told.pop(key)) if told.get(key) else told.pop(key) for key in ("at", "to"))
        return Event(who=actor, at=at, to=to, **told)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

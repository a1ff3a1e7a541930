"""The record of a run: a line for everything, on the disk before the next thing happens.

A run that was cut off anywhere can be taken up from it. What was asked for and never answered is
the one thing it cannot know, and says so.

In its folder, which only its owner can read: `record.jsonl` and `pictures/`.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .prices import Tokens

_FILE = "record.jsonl"
_TOLD = 24_000  # characters of a story, about 6,000 tokens: newer steps matter more
_SUFFIX = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
UNKNOWN = "no answer was recorded: it is UNKNOWN whether this happened"


class BadRecord(Exception):
    """A folder holds no record that can be taken up."""


class Record:
    """Writes a record; `lines` are those that were there before.

    Args:
        folder: Where it is kept; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.pictures.mkdir(mode=0o700, exist_ok=True)
        self.lines = list(read(folder)) if (folder / _FILE).exists() else []
        self._calls = sum(line["kind"] == "asked" for line in self.lines)
        self._shown = len(list(self.pictures.iterdir()))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(folder / _FILE, flags, 0o600)
        if self.lines and not _whole(folder):
            os.write(self._file, b"\n")  # a crash left half a line; it ends here

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, kind: str, **told: Any) -> None:
        """Add a line; it is on the disk when this returns."""
        line = {"kind": kind, "at": round(time.time(), 3), **told}
        os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)

    def asked(self, name: str, arguments: Mapping[str, Any]) -> int:
        """Say what is about to be done; returns its number."""
        self._calls += 1
        self.write("asked", call=self._calls, name=name, arguments=dict(arguments))
        return self._calls

    def keep(self, data: bytes, mime: str) -> str:
        """Keep a picture and return its name in the folder."""
        self._shown += 1
        name = f"{self._shown:04d}.{_SUFFIX[mime]}"
        (self.pictures / name).write_bytes(data)
        return f"pictures/{name}"

    def spent(self) -> tuple[int, Tokens, float | None]:
        """Steps, tokens and dollars of the run until now; no dollars if a turn had no price."""
        turns = [line for line in self.lines if line["kind"] == "turn"]
        prices: list[float | None] = [turn["dollars"] for turn in turns]
        known = [price for price in prices if price is not None]
        names = ("sent", "received", "cache_read", "cache_written")
        tokens = Tokens(*(sum(turn[name] for turn in turns) for name in names))
        return self._calls, tokens, sum(known) if len(known) == len(prices) else None


def new_folder(below: Path) -> Path:
    """A folder for the record of a run that begins now."""
    return below / time.strftime("%Y%m%d-%H%M%S")


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a record; half a line, as a crash may leave, is none.

    Raises:
        BadRecord: There is no record in the folder.
    """
    try:
        text = (folder / _FILE).read_text(encoding="utf-8", errors="replace")
    except OSError as why:
        raise BadRecord(f"{folder} holds no {_FILE}: {why.strerror}.") from why
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def began(folder: Path) -> dict[str, Any]:
    """The first line of a record: the task and who was given it.

    Raises:
        BadRecord: There is none.
    """
    for line in read(folder):
        if line["kind"] == "began":
            return line
    raise BadRecord(f"{folder / _FILE} does not say what the task was.")


def story(lines: list[dict[str, Any]]) -> str:
    """What happened until now, in words for a model that has not been there."""
    answers = {line["call"]: line for line in lines if line["kind"] == "answered"}
    told: list[str] = []
    for line in lines:
        if line["kind"] == "said" and line["text"]:
            told.append(f"You said: {line['text']}")
        elif line["kind"] == "asked":
            answer = answers.get(line["call"])
            came = answer["text"] if answer else UNKNOWN
            doing = json.dumps(line["arguments"], ensure_ascii=False)
            told.append(f"{line['call']}. {line['name']} {doing}: {came}")
    kept: list[str] = []
    for line in reversed(told):
        if sum(map(len, kept)) + len(line) > _TOLD:
            kept.append("... (what came before is left out)")
            break
        kept.append(line)
    return (
        "You have worked on this task before and were cut off. This is what happened, in order:\n\n"
        + "\n".join(reversed(kept))
        + "\n\nThe desktop may have changed since. Look at it before you do anything, do not "
        "repeat what was done already, and find out about anything of which it is unknown "
        "whether it happened."
    )


def _whole(folder: Path) -> bool:
    with (folder / _FILE).open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"

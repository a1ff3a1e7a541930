"""Frames as results: the picture, if any, then one compact JSON object."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.frames import Frame
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.image import Picture
from gloveport.sandbox.screen.settle import End
from gloveport.sandbox.secrets.store import SecretStore

from ..control.call import Result
from .schema import bounded

_SHORT = 120  # characters of what the field with the focus holds
LONGEST = 1_000_000
"""Characters of an answer, its picture included; clients break on longer ones."""
_ROOM = 1000  # characters that the words about what was cut, or about people, may take


def answer(frame: Frame, **more: Any) -> Result:
    """What a frame shows and tells; `more` goes first."""
    return said({"ok": True, **more, **facts(frame)}, frame.picture)


def said(told: dict[str, Any], picture: Picture | None = None) -> Result:
    """A result of these facts."""
    return Result(told, picture=picture)


def saying(result: Result, more: Mapping[str, str | list[str]]) -> Result:
    """A result that tells more: among its facts, or in a line above its text."""
    if isinstance(result.facts, Mapping):
        both = dict(result.facts)
        for key, value in more.items():
            both[key] = [*both.get(key, []), *value] if isinstance(value, list) else value
        return replace(result, facts=both)
    lines = [f"# {one}" for value in more.values() for one in _each(value)]
    return replace(result, text="\n".join([*lines, result.text]))


def _each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def redacted(result: Result, vault: SecretStore) -> Result:
    """A result as it is sent: its facts written down, in at most `LONGEST` characters together with
    the picture, and without the values of secrets; a sentence of an error is bounded."""
    text = vault.scrub(result.text)
    if result.facts is None:
        return replace(result, text=bounded(text) if result.is_error else text)
    room = LONGEST - _ROOM - _base64(result.picture)
    written = _written(result.facts)
    if len(written) > room and isinstance(result.facts, Mapping):
        written = _written(_fitting(result.facts, room))
    return replace(result, facts=None, written=vault.scrub(written), text=text)


def _base64(picture: Picture | None) -> int:
    """How many characters a picture takes."""
    return 4 * -(-len(picture.data) // 3) if picture else 0


def _written(told: Any) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _fitting(told: Mapping[str, Any], room: int) -> dict[str, Any]:
    """Facts with their longest texts and lists cut until they fit, and a word about it."""
    most = room
    while True:
        most //= 2
        cut: set[str] = set()
        fitting = {key: _cut(value, most, key, cut) for key, value in told.items()}
        if len(_written(fitting)) <= room:
            return {**fitting, "cut": f"too long, so only the beginning is told: {sorted(cut)}"}


def _cut(value: Any, most: int, key: str, cut: set[str]) -> Any:
    """A value with at most so many characters of each text, and so much of each list."""
    if isinstance(value, str) and len(value) > most:
        cut.add(key)
        return value[:most]
    if isinstance(value, list):
        kept: list[Any] = []
        room = most
        for one in cast("list[Any]", value):
            kept.append(_cut(one, most, key, cut))
            room -= len(_written(kept[-1]))
            if room < 0:
                cut.add(key)
                return kept[:-1]
        return kept
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        return {name: _cut(one, most, key, cut) for name, one in inner.items()}
    return value


def facts(frame: Frame) -> dict[str, Any]:
    """What a frame tells, with only the keys that apply."""
    told: dict[str, Any] = {"frame": frame.number}
    if frame.stale:
        told["stale"] = "what is at this point had changed since your last answer"
    if frame.warning:
        told["warning"] = frame.warning
    if frame.end is not None:
        told["changed"] = _listed(frame.changed)
        told["settled"] = frame.end not in (End.DEADLINE, End.LOADING)
        told["ended"] = frame.end.value
        told["settle_ms"] = frame.settle_ms
        if frame.first_change_ms is not None:
            told["first_change_ms"] = frame.first_change_ms
        if frame.loading:
            told["loading"] = frame.loading
            told["note"] = "the answer is still on its way; wait_for(event=still) waits for it"
        elif frame.changed is None:
            told["note"] = "no visible change"
    if frame.meanwhile:
        told["changed_meanwhile"] = _listed(frame.meanwhile)
    if frame.notices:
        told["notices"] = list(frame.notices)
    told |= frame.told
    told["cursor"] = [frame.cursor.x, frame.cursor.y]
    told["window"] = frame.window
    if frame.focus:
        told["focus"] = _focus(frame.focus)
    if frame.picture:
        told["size"] = [frame.picture.width, frame.picture.height]
        told["scale"] = round(frame.view.scale, 4)
    if frame.part:
        told["picture_of"] = _listed(frame.part)
    return told


def _focus(element: Element) -> dict[str, Any]:
    told: dict[str, Any] = {"ref": element.ref, "role": element.role, "name": element.name}
    if element.text is not None:
        told["text"] = element.text[:_SHORT]
    return told


def together(frames: Sequence[Frame]) -> Frame:
    """Several frames of one turn as one: the last, with what changed in any of them."""
    rects = [frame.changed for frame in frames if frame.changed]
    firsts = [frame.first_change_ms for frame in frames if frame.first_change_ms is not None]
    return replace(
        frames[-1],
        changed=Rect.around(rects),
        meanwhile=frames[0].meanwhile,
        stale=any(frame.stale for frame in frames),
        warning=next((frame.warning for frame in frames if frame.warning), ""),
        first_change_ms=firsts[0] if firsts else None,
        settle_ms=sum(frame.settle_ms or 0 for frame in frames),
        notices=tuple(notice for frame in frames for notice in frame.notices),
    )


def _listed(rect: Rect | None) -> list[int] | None:
    return [rect.x, rect.y, rect.width, rect.height] if rect else None

"""What of our answers reached a model, or a program: pictures, words and errors."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from matrix.clients import Errors, Pictures
from models.script import Json, Request

_FLAGS = ("is_error", "isError", "error")


def pictures(sent: Sequence[bytes], bodies: Sequence[Json]) -> Pictures:
    """How all the pictures that a server sent arrived."""
    received = {picture.data for body in bodies for picture in Request("", {}, body).images}
    if received >= set(sent):
        return "intact"
    if len(received) >= len(set(sent)):
        return "recoded"
    everything = json.dumps(bodies)
    if all(base64.b64encode(picture).decode() in everything for picture in sent):
        return "as text"
    return "no"


def errors(sentence: str, bodies: Sequence[Json]) -> Errors:
    """How a refusal arrived."""
    if any(_says(node, sentence) for body in bodies for node in _flagged(body)):
        return "flagged"
    return "in words" if any(_says(body, sentence) for body in bodies) else "no"


def said(words: str, bodies: Sequence[Json]) -> bool:
    """Whether some words arrived, however often they were quoted on their way."""
    return any(_says(body, words) for body in bodies)


def _flagged(node: Any) -> Iterator[Json]:
    """All objects that are marked as errors."""
    if isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _flagged(one)
    elif isinstance(node, dict):
        held = cast("Json", node)
        if any(held.get(flag) for flag in _FLAGS):
            yield held
        for one in held.values():
            yield from _flagged(one)


def _says(node: Any, words: str) -> bool:
    return _plain(words) in _plain(json.dumps(node, ensure_ascii=False))


def _plain(text: str) -> str:
    return text.replace("\\", "").replace('"', "").replace(" ", "")

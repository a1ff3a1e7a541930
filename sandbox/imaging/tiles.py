"""The screen cut into tiles: which of them changed, each encoded once for all who watch."""

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

from ..geometry import Rect
from .image import Pixels

SIDE = 128  # pixels: 70 tiles of a 1280x800 screen, each a few kB as JPEG
# A tile that deflates to less is a drawn one, and sent as it is: JPEG would be larger or unsharp.
_DRAWN = 4
_QUALITY = 85
_COLOURS = np.uint32(0xFFFFFF)  # of a pixel; the fourth byte means nothing

Coding = Literal["raw", "lossless", "lossy"]


@dataclass(frozen=True, slots=True)
class Patch:
    """The pixels of one tile."""

    rect: Rect
    kind: Literal["raw", "fill", "deflated", "jpeg"]
    """raw: rows of blue, green, red, unused. fill: one red, green, blue for all of it. deflated: a
    whole zlib stream of rows of red, green, blue. jpeg: a JPEG file."""
    data: bytes


class Tiles:
    """What is shown of one screen. Used by one thread at a time."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.pixels: Pixels = np.zeros((height, width, 4), np.uint8)
        self._rects = [
            Rect(x, y, right - x, bottom - y)
            for y, bottom in _steps(height)
            for x, right in _steps(width)
        ]
        self._encoded: dict[tuple[int, Coding], Patch] = {}

    @property
    def all(self) -> range:
        return range(len(self._rects))

    def draw(self, pixels: Pixels, at: Rect) -> list[int]:
        """Show pixels of a part of the screen; which tiles look different now."""
        changed: list[int] = []
        given, shown = _words(pixels), _words(self.pixels)
        for tile, rect in enumerate(self._rects):
            part = rect.overlap(at)
            if part is None:
                continue
            new = given[part.y - at.y : part.bottom - at.y, part.x - at.x : part.right - at.x]
            old = shown[part.y : part.bottom, part.x : part.right]
            if not ((new ^ old) & _COLOURS).any():
                continue
            old[:] = new
            changed.append(tile)
            for coding in ("raw", "lossless", "lossy"):
                self._encoded.pop((tile, coding), None)
        return changed

    def patch(self, tile: int, coding: Coding) -> Patch:
        """One tile, encoded when it is asked for first."""
        found = self._encoded.get((tile, coding))
        if found is None:
            found = self._encoded[tile, coding] = self._encode(self._rects[tile], coding)
        return found

    def _encode(self, rect: Rect, coding: Coding) -> Patch:
        part = np.ascontiguousarray(self.pixels[rect.y : rect.bottom, rect.x : rect.right])
        if coding == "raw":
            return Patch(rect, "raw", part.tobytes())
        words = part.view(np.uint32)
        if (words == words[0, 0]).all():
            return Patch(rect, "fill", bytes(part[0, 0, 2::-1]))
        size = (rect.width, rect.height)
        image = Image.frombuffer("RGB", size, part, "raw", "BGRX", 0, 1)
        deflated = isal_zlib.compress(image.tobytes(), 1)
        if coding == "lossy" and len(deflated) * _DRAWN > rect.area * 3:
            file = BytesIO()
            image.save(file, "JPEG", quality=_QUALITY, subsampling=0)
            if file.tell() < len(deflated):
                return Patch(rect, "jpeg", file.getvalue())
        return Patch(rect, "deflated", deflated)


def _words(pixels: Pixels) -> NDArray[np.uint32]:
    """Each pixel as one number; the same memory."""
    return np.ascontiguousarray(pixels).view(np.uint32)[..., 0]


def _steps(length: int) -> list[tuple[int, int]]:
    """Where tiles begin and end; the last one takes what is left, so that none is a sliver."""
    count = max(1, length // SIDE)
    return [(step * SIDE, length if step == count - 1 else (step + 1) * SIDE)
            for step in range(count)]  # fmt: skip

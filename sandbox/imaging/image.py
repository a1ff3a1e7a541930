"""Pixels to pictures: what the screen shows, how two looks differ, and a file small enough to send.

Pixels are an array of shape (height, width, 4), bytes in the order blue, green, red, unused.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..geometry import Rect

Pixels = NDArray[np.uint8]

_MARK_SIZE = 10  # pixels; small enough not to hide what is marked
_LABEL_SIZE = 12  # pixels
_MARK_COLOURS = ("#c2185b", "#1565c0", "#2e7d32", "#e65100", "#6a1b9a", "#00838f")
# JPEG keeps all colour samples (4:4:4): halving them costs coloured text 10 dB.
_QUALITIES = (95, 90, 85, 75, 60, 40, 20)
_MASK = (0x6B, 0x4A, 0x5C, 0xFF)  # paints over what may not be seen; no toolkit uses it
_UP = 2  # PNG filter type: each row holds the difference to the row above


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file: its bytes, media type, and size in pixels."""

    data: bytes
    mime: str
    width: int
    height: int


def encode(pixels: Pixels, width: int, height: int, budget: int) -> Picture:
    """Draw pixels on a picture of a size, in at most `budget` bytes.

    A lossless PNG if it fits; else JPEG at the best quality that does (the lowest tried, if none
    does: no screen was seen to need it).
    """
    pixels = resized(pixels, width, height)
    if len(data := _png(pixels)) <= budget:
        return Picture(data, "image/png", width, height)
    image = _rgb(pixels)
    for quality in _QUALITIES:
        data = _jpeg(image, quality)
        if len(data) <= budget:
            break
    return Picture(data, "image/jpeg", width, height)


def marked(pixels: Pixels, marks: Iterable[tuple[str, Rect]]) -> Pixels:
    """A copy with a numbered box drawn around each rectangle; its number stands in a corner."""
    image = _rgb(pixels).copy()
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_MARK_SIZE)
    for place, (label, rect) in enumerate(marks):
        colour = _MARK_COLOURS[place % len(_MARK_COLOURS)]
        draw.rectangle((rect.x, rect.y, rect.right - 1, rect.bottom - 1), outline=colour)
        left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
        width, height = right - left + 3, bottom - top + 3
        x = max(0, min(rect.x, image.width - width))
        y = max(0, rect.y if rect.height > 2 * height else rect.y - height + 2)
        draw.rectangle((x, y, x + width, y + height), fill=colour)
        draw.text((x + 2 - left, y + 2 - top), label, "white", font=font)
    return np.ascontiguousarray(np.asarray(image.convert("RGBA"))[..., (2, 1, 0, 3)])


def album(pictures: Iterable[tuple[str, Picture]], budget: int, columns: int = 4) -> Picture:
    """Pictures in rows with a label above each, on one of at most `budget` bytes."""
    labelled = [(label, Image.open(BytesIO(one.data)).convert("RGB")) for label, one in pictures]
    wide = max(image.width for _, image in labelled) + 8
    high = max(image.height for _, image in labelled) + 20
    rows = -(-len(labelled) // columns)
    sheet = Image.new("RGB", (wide * min(columns, len(labelled)), high * rows), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (label, image) in enumerate(labelled):
        x, y = place % columns * wide + 4, place // columns * high
        draw.text((x, y + 2), label, "black", font=ImageFont.load_default(_LABEL_SIZE))
        sheet.paste(image, (x, y + 16))
    pixels = np.ascontiguousarray(np.asarray(sheet.convert("RGBA"))[..., (2, 1, 0, 3)])
    return encode(pixels, sheet.width, sheet.height, budget)


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Pixels drawn on another size; Lanczos keeps the contrast of text."""
    if (height, width) == pixels.shape[:2]:
        return pixels
    image = _rgb(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image.convert("RGBA"))[..., (2, 1, 0, 3)]


def png(pixels: Pixels) -> Picture:
    """A lossless picture, whatever its size in bytes."""
    height, width = pixels.shape[:2]
    return Picture(_png(pixels), "image/png", width, height)


def difference(before: Pixels, after: Pixels, ignored: Iterable[Rect] = ()) -> Rect | None:
    """The smallest rectangle around the pixels that differ outside the ignored ones; None if none.

    Both must have the same shape.
    """
    earlier, later = _words(before), _words(after)
    if np.array_equal(earlier, later):
        return None
    differs = ((earlier ^ later) & np.uint32(0xFFFFFF)) != 0
    for rect in ignored:
        differs[rect.y : rect.bottom, rect.x : rect.right] = False
    rows = np.flatnonzero(differs.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(differs.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return Rect(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def covered(pixels: Pixels, rects: Iterable[Rect]) -> Pixels:
    """A copy in which rectangles are painted over."""
    painted = pixels.copy()
    for rect in rects:
        painted[max(0, rect.y) : max(0, rect.bottom), max(0, rect.x) : max(0, rect.right)] = _MASK
    return painted


def draw_over(pixels: Pixels, image: Pixels, left: int, top: int) -> Pixels:
    """A copy with a small image blended over it; its colours are premultiplied by the last byte."""
    height, width = pixels.shape[:2]
    shown = Rect(left, top, image.shape[1], image.shape[0]).overlap(Rect(0, 0, width, height))
    drawn = pixels.copy()
    if shown:
        part = image[shown.y - top : shown.bottom - top, shown.x - left : shown.right - left]
        under = drawn[shown.y : shown.bottom, shown.x : shown.right]
        kept = under[..., :3].astype(np.uint16) * (255 - part[..., 3:].astype(np.uint16)) // 255
        under[..., :3] = np.minimum(part[..., :3] + kept, 255).astype(np.uint8)
    return drawn


def _words(pixels: Pixels) -> NDArray[np.uint32]:
    return pixels.view(np.uint32)[..., 0]


def _rgb(pixels: Pixels) -> Image.Image:
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    return Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", 0, 1)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def _png(pixels: Pixels) -> bytes:
    """One filter and a fast compressor: several times the speed of the usual writers."""
    height, width = pixels.shape[:2]
    colours = np.asarray(_rgb(pixels)).reshape(height, width * 3)
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = colours[0]
    np.subtract(colours[1:], colours[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            *_chunk(b"IHDR", header),
            *_chunk(b"IDAT", isal_zlib.compress(rows.data, 1)),
            *_chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)

"""Finding things in a picture by their colour: the eyes of brains that are no models."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of the picture."""

_FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"  # Debian's fonts-noto-cjk
_STEP = 4  # pixels between two that are looked at: nothing worth a click is smaller
_NEAR = 20  # how far each of red, green and blue may be off; JPEG blurs
_ROW = 24  # pixels within which things count as one row


def patches(image: Image.Image, colour: str, least: int = 400) -> list[Box]:
    """Connected patches of a colour such as "#ff6a00", in reading order.

    Args:
        image: The picture.
        colour: The colour.
        least: The smallest area of a patch's box, in pixels.
    """
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    pixels = np.asarray(image)[::_STEP, ::_STEP, :3].astype(int)
    left = {(int(x), int(y)) for y, x in np.argwhere((abs(pixels - wanted) <= _NEAR).all(axis=2))}
    boxes: list[Box] = []
    while left:
        x, y, width, height = _take_patch(left)
        if width * height >= least:
            boxes.append((x, y, width, height))
    return sorted(boxes, key=lambda box: (box[1] // _ROW, box[0]))


def middle(box: Box) -> tuple[int, int]:
    x, y, width, height = box
    return x + width // 2, y + height // 2


def _take_patch(left: set[tuple[int, int]]) -> Box:
    """Remove one patch from the points; points up to two steps apart belong together."""
    queue = [left.pop()]
    found: list[tuple[int, int]] = []
    while queue:
        x, y = queue.pop()
        found.append((x, y))
        near = {(x + dx, y + dy) for dx in range(-2, 3) for dy in range(-2, 3)} & left
        left -= near
        queue += near
    columns, rows = [x for x, _ in found], [y for _, y in found]
    return (
        min(columns) * _STEP, min(rows) * _STEP,
        (max(columns) - min(columns) + 1) * _STEP, (max(rows) - min(rows) + 1) * _STEP,
    )  # fmt: skip


def sheet(pictures: Sequence[tuple[str, Image.Image]], columns: int = 3) -> Image.Image:
    """All pictures on one, small, each under its title."""
    width, height, title = 480, 300, 26
    rows = -(-len(pictures) // columns)
    whole = Image.new(
        "RGB", (columns * (width + 8) + 8, rows * (height + title + 8) + 8), "#1d2731"
    )
    draw = ImageDraw.Draw(whole)
    font = ImageFont.truetype(_FONT, 15) if Path(_FONT).exists() else ImageFont.load_default(15)
    for place, (name, picture) in enumerate(pictures):
        x = 8 + place % columns * (width + 8)
        y = 8 + place // columns * (height + title + 8)
        draw.text((x + 2, y + 2), name, "#ffffff", font=font)
        small = picture.copy()
        small.thumbnail((width, height), Image.Resampling.LANCZOS)
        whole.paste(small, (x, y + title))
    return whole

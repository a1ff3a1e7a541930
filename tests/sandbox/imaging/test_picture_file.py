"""Picture files of anybody are decoded where nothing but computing can be done."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from gloveport.sandbox.imaging.image_file import read
from gloveport.server.heap import resident

LONGEST, BUDGET = 400, 500_000


def made(mode: str, kind: str, size: tuple[int, int] = (640, 320)) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(file, kind)
    return file.getvalue()


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, colour: int = 2) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


PIXELS = chunk(b"IDAT", zlib.compress(bytes((4 * 3 + 1) * 4)))
SHOWN: dict[str, Callable[[], bytes]] = {
    **{
        f"{kind} {mode}": lambda mode=mode, kind=kind: made(mode, kind)
        for kind, mode in [("PNG", "RGB"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA"),
                           ("PNG", "RGBA"), ("JPEG", "L"), ("JPEG", "CMYK")]
    },
    "the largest": lambda: made("RGB", "PNG", (8000, 5000)),
    "more pixels than are named": lambda: png(4, 4, chunk(b"IDAT", bomb(200 << 20))),
}  # fmt: skip
HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a cut PNG": lambda: cut(made("RGB", "PNG")),
    "a cut JPEG's head": lambda: made("L", "JPEG")[:100],
    "another format": lambda: made("P", "GIF"),
    "a row too many": lambda: made("RGB", "PNG", (8000, 5001)),
    "as large as can be written": lambda: png(0x7FFFFFFF, 0x7FFFFFFF, PIXELS),
    "no pixels": lambda: png(0, 0, PIXELS),
    "a chunk without end": lambda: png(4, 4, chunk(b"tEXt", b"x", 0x7FFFFFFF), PIXELS),
    "a chunk before the head": lambda: b"\x89PNG\r\n\x1a\n" + PIXELS,
    "a text of 500 MB": lambda: png(4, 4, chunk(b"zTXt", b"k\0\0" + bomb(500 << 20)), PIXELS),
    "a profile of 500 MB": lambda: png(4, 4, chunk(b"iCCP", b"k\0\0" + bomb(500 << 20)), PIXELS),
    "a palette without colours": lambda: png(4, 4, PIXELS, colour=3),
}  # fmt: skip


@pytest.mark.parametrize("what", SHOWN)
def test_pictures_are_shown(what: str) -> None:
    shown = read(SHOWN[what](), LONGEST, BUDGET)
    assert shown
    assert max(shown.width, shown.height) <= LONGEST
    assert len(shown.data) <= BUDGET


@pytest.mark.parametrize("what", HOSTILE)
def test_what_harms_a_decoder_costs_the_server_no_memory(what: str) -> None:
    data = HOSTILE[what]()
    before = resident()
    shown = read(data, LONGEST, BUDGET)
    assert shown is None or (shown.width, shown.height) == (4, 4)
    assert resident() < before + (30 << 20)

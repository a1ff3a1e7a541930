"""Decodes one picture file, in a process of its own that can do nothing else; run with `python -m`.

The bytes may be anybody's: only formats whose decoders are small or long proven are tried, and
nothing of the file but its pixels comes out.

    argv    the longer side it is to have at most, in pixels
    stdin   the file
    stdout  a file, which gets a line "width height" and the pixels, four bytes each (blue, green,
            red, unused); nothing at all if this is no picture, or too large a one
"""

import os
import sys
import warnings
from io import BytesIO

# All that decoding may want is loaded now: afterwards no file can be opened.
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin

from ..isolation.confine import only_compute

MOST_PIXELS = 40_000_000
_MEMORY = 1 << 30  # bytes; the largest picture takes 160 MB, twice while it is turned into colours
_SECONDS = 10  # of processor time; the largest takes 1 to 2
_LINE = 32  # bytes
_LOADED = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin)


def main() -> None:
    longest = int(sys.argv[1])
    warnings.simplefilter("ignore")
    Image.init()  # registers all plugins; only two are asked
    _warm(longest=2)
    only_compute(_MEMORY, _SECONDS, longest * longest * 4 + _LINE)
    with open(0, "rb", closefd=False) as given:
        data = given.read()
    try:
        shown = _decoded(data, longest)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        return
    if shown:
        left = memoryview(f"{shown.width} {shown.height}\n".encode() + shown.tobytes("raw", "BGRX"))
        while left:
            left = left[os.write(1, left) :]


def _decoded(data: bytes, longest: int) -> Image.Image | None:
    image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
    if image.width * image.height > MOST_PIXELS:
        return None
    image.draft("RGB", (longest, longest))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    layered = image.convert("RGBA")
    drawn = Image.new("RGBA", layered.size, "white")
    drawn.alpha_composite(layered)
    return drawn.convert("RGB")


def _warm(longest: int) -> None:
    """Decode what is our own, so that everything is loaded."""
    for kind in ("PNG", "JPEG"):
        file = BytesIO()
        Image.new("RGB", (4, 4)).save(file, kind)
        _decoded(file.getvalue(), longest)


if __name__ == "__main__":
    main()

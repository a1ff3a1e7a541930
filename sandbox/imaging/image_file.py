"""Picture files of anybody, drawn anew: decoded in a process that can do nothing else.

What comes back are pixels, which are looked at as such alone, so a decoder that a file has taken
over can paint a wrong picture and no more.
"""

import logging
import os
import re
import subprocess
import sys

import numpy as np

from .image import Picture, encode

logger = logging.getLogger(__name__)

_WITHIN = 20.0  # seconds; the worker ends itself after 10 of processor time
_HEAD = re.compile(rb"([1-9]\d{0,4}) ([1-9]\d{0,4})\n")


def read(data: bytes, longest: int, budget: int) -> Picture | None:
    """A picture file drawn anew, within a longer side and `budget` bytes; None if it is not shown.

    Args:
        data: The file, a PNG or JPEG of at most 40 million pixels.
        longest: Pixels.
        budget: The most bytes.
    """
    given, made = os.memfd_create("given"), os.memfd_create("made")
    try:
        with open(given, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(given, 0, os.SEEK_SET)
        ended = _decode(given, made, longest)
        if ended:
            logger.info("a picture file was not decoded: the worker ended with %s", ended)
            return None
        drawn = os.pread(made, longest * longest * 4 + 32, 0)
    finally:
        os.close(given)
        os.close(made)
    head = _HEAD.match(drawn)
    if head is None:
        return None
    width, height = int(head[1]), int(head[2])
    pixels = np.frombuffer(drawn, np.uint8, offset=head.end())
    if max(width, height) > longest or pixels.size != width * height * 4:
        return None
    return encode(pixels.reshape(height, width, 4), width, height, budget)


def _decode(given: int, made: int, longest: int) -> int:
    """How the worker ended, as its exit status."""
    worker = subprocess.Popen(
        [sys.executable, "-I", "-m", "gloveport.sandbox.imaging.image_worker", str(longest)],
        stdin=given, stdout=made, stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, cwd="/",
    )  # fmt: skip
    try:
        return worker.wait(_WITHIN)
    except subprocess.TimeoutExpired:
        worker.kill()
        return worker.wait()

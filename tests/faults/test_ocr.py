"""An engine that hangs or ends is answered for in time, and replaced."""

import os
import signal
import time
from collections.abc import Generator

import numpy as np
import pytest

from gloveport.sandbox.errors import Cancelled
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.ocr import Ocr, Unreadable

WHOLE = Rect(0, 0, 1280, 800)  # more than a pipe takes at once
SMALL = Rect(0, 0, 64, 32)


def white(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture that no other is like, so that it is read anew."""
    pixels = np.full((800, 1280, 4), 255, np.uint8)
    pixels[0, 0, 0] = number
    return pixels


@pytest.fixture
def ocr() -> Generator[Ocr]:
    ocr = Ocr(gave_up=lambda: False)
    if not ocr.installed:
        pytest.skip("needs the extra ocr")
    ocr.read(white(0), SMALL)
    yield ocr
    ocr.close()


def engine(ocr: Ocr) -> int:
    assert ocr.pid
    return ocr.pid


@pytest.mark.parametrize("region", [WHOLE, SMALL], ids=["large", "small"])
def test_one_that_hangs_is_given_up_in_time(ocr: Ocr, region: Rect) -> None:
    first = engine(ocr)
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(Unreadable, match="took too long"):
        ocr.read(white(1), region, seconds=1)
    assert ocr.read(white(2), region, seconds=60) == []
    assert engine(ocr) != first


def test_who_gives_up_does_not_wait_for_one_that_hangs() -> None:
    began = time.monotonic()
    ocr = Ocr(gave_up=lambda: time.monotonic() > began + 0.5)
    if not ocr.installed:
        pytest.skip("needs the extra ocr")
    ocr.start()
    os.kill(engine(ocr), signal.SIGSTOP)
    with pytest.raises(Cancelled):
        ocr.read(white(0), WHOLE, seconds=600)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_one_that_ended_is_replaced_unseen(ocr: Ocr, number: int) -> None:
    first = engine(ocr)
    os.kill(first, number)
    assert ocr.read(white(1), WHOLE, seconds=60) == []
    assert engine(ocr) != first

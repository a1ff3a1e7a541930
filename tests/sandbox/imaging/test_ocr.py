"""Text off the pixels, by the real engine."""

import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from processes import alive, until

from gloveport.sandbox.errors import Cancelled
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.ocr import Line, Ocr, Unreadable

FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
WHOLE = Rect(0, 0, 640, 200)


def drawn(*lines: str) -> NDArray[np.uint8]:
    image = Image.new("RGBA", (640, 200), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 22)
    for place, words in enumerate(lines):
        draw.text((40, 20 + 60 * place), words, "black", font=font)
    return np.ascontiguousarray(np.asarray(image)[..., (2, 1, 0, 3)])


@pytest.fixture(scope="module")
def ocr() -> Generator[Ocr]:
    ocr = Ocr(gave_up=lambda: False)
    yield ocr
    ocr.close()


def test_chinese_and_english_are_read_with_their_places(ocr: Ocr) -> None:
    lines = ocr.read(drawn("小米官方旗舰店", "Add to cart 加入购物车"), WHOLE)
    assert [line.text for line in lines] == ["小米官方旗舰店", "Add to cart 加入购物车"]
    assert "\nSeccomp:\t2\n" in Path(f"/proc/{ocr.pid}/status").read_text()
    assert all(line.rect.holds(Rect(45, 25 + 60 * n, 1, 20).centre) for n, line in enumerate(lines))


def test_a_word_has_a_place_of_its_own(ocr: Ocr) -> None:
    (line,) = ocr.read(drawn("File Edit View"), WHOLE)
    file, view = line.part(0, 4), line.part(10, 4)
    font = ImageFont.truetype(FONT, 22)
    starts = 40 + font.getlength("File Edit ")
    assert abs(file.x - 40) < 8
    assert abs(view.x - starts) < 8
    assert file.right < view.x


def test_a_region_is_told_in_pixels_of_the_screen(ocr: Ocr) -> None:
    pixels = drawn("above", "below")
    (line,) = ocr.read(pixels, Rect(0, 70, 640, 60))
    assert line.text == "below"
    assert 75 < line.rect.centre.y < 115


def test_nothing_is_read_where_nothing_is(ocr: Ocr) -> None:
    assert ocr.read(drawn(), WHOLE) == []


def test_a_part_without_columns_is_guessed_by_length() -> None:
    assert Line("abcd", Rect(0, 0, 40, 10), []).part(1, 2) == Rect(10, 0, 20, 10)


def test_an_engine_that_takes_too_long_is_ended(ocr: Ocr) -> None:
    with pytest.raises(Unreadable, match="took too long"):
        ocr.read(drawn("late"), WHOLE, seconds=0)
    assert [line.text for line in ocr.read(drawn("again"), WHOLE)] == ["again"]


def test_a_caller_who_gives_up_does_not_wait() -> None:
    ocr = Ocr(gave_up=lambda: True)
    with pytest.raises(Cancelled):
        ocr.read(drawn("never"), WHOLE)
    ocr.close()


_OWNER = """
import sys, time
import numpy as np
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.ocr import Ocr
ocr = Ocr(lambda: False)
ocr.read(np.full((60, 200, 4), 255, np.uint8), Rect(0, 0, 200, 60))
print(ocr._engine.pid, flush=True)
time.sleep(60)
"""


def test_the_engine_dies_with_its_owner() -> None:
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    engine = int(owner.stdout.readline())
    assert alive(engine)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert until(lambda: not alive(engine), 5)

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.image import Picture, Pixels, difference, draw_over, encode, png


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


def decoded(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red, green and blue as another program reads them."""
    return np.asarray(Image.open(BytesIO(picture.data)).convert("RGB"))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 60), st.integers(0, 9))
def test_a_png_is_the_screen_pixel_for_pixel(width: int, height: int, seed: int) -> None:
    pixels = noise(width, height, seed)
    assert np.array_equal(decoded(png(pixels)), pixels[..., 2::-1])


def test_a_picture_within_the_budget_is_lossless() -> None:
    pixels = np.full((800, 1280, 4), 200, np.uint8)
    picture = encode(pixels, 1280, 800, 500_000)
    assert picture.mime == "image/png"
    assert np.array_equal(decoded(picture), pixels[..., 2::-1])


@pytest.mark.parametrize("budget", [900_000, 500_000, 250_000])
def test_a_picture_above_the_budget_is_the_best_jpeg_that_fits(budget: int) -> None:
    smooth = np.asarray(Image.fromarray(noise(160, 100)).resize((1280, 800)))
    pixels = smooth ^ (noise(1280, 800, 1) & np.uint8(7))
    picture = encode(pixels, 1280, 800, budget)
    assert picture.mime == "image/jpeg"
    assert budget // 3 < len(picture.data) <= budget
    error = decoded(picture).astype(int) - pixels[..., 2::-1]
    assert np.abs(error).mean() < 12


def test_a_picture_has_the_size_that_is_asked_for() -> None:
    picture = encode(noise(640, 400), 320, 200, 1 << 30)
    assert decoded(picture).shape == (200, 320, 3)
    assert (picture.width, picture.height) == (320, 200)


def test_scaling_keeps_colours_in_their_places() -> None:
    pixels = np.zeros((400, 640, 4), np.uint8)
    pixels[:200, :320] = (255, 0, 0, 0)  # blue, top left
    pixels[200:, 320:] = (0, 0, 255, 0)  # red, bottom right
    small = decoded(encode(pixels, 320, 200, 1 << 30))
    assert tuple(small[50, 80]) == (0, 0, 255)
    assert tuple(small[150, 240]) == (255, 0, 0)
    assert tuple(small[50, 240]) == (0, 0, 0)


def test_pictures_that_look_alike_do_not_differ() -> None:
    pixels = noise(64, 48)
    unused = pixels.copy()
    unused[..., 3] ^= 255
    assert difference(pixels, unused) is None


def test_the_difference_is_the_smallest_rectangle_around_it() -> None:
    before = noise(64, 48)
    after = before.copy()
    after[10, 20, 0] ^= 1
    after[30, 5, 2] ^= 1
    assert difference(before, after) == Rect(5, 10, 16, 21)


def test_a_difference_in_ignored_places_alone_is_none() -> None:
    before = noise(64, 48)
    after = before.copy()
    after[10:20, 20:22, 0] ^= 1
    assert difference(before, after, [Rect(20, 10, 2, 10)]) is None
    assert difference(before, after, [Rect(20, 10, 2, 9)]) == Rect(20, 19, 2, 1)


def test_an_image_drawn_over_the_edge_is_cut() -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    arrow = np.full((8, 8, 4), 255, np.uint8)
    drawn = draw_over(pixels, arrow, 16, -4)
    assert (drawn[:4, 16:, :3] == 255).all()
    assert drawn[..., :3].sum() == 4 * 4 * 3 * 255
    assert not pixels.any()


def test_what_is_half_transparent_shows_what_is_below() -> None:
    pixels = np.full((4, 4, 4), 100, np.uint8)
    veil = np.zeros((4, 4, 4), np.uint8)
    veil[..., 3] = 128
    assert draw_over(pixels, veil, 0, 0)[0, 0, 0] == 100 * 127 // 255

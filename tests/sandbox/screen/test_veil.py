"""What may be shown of a window with a secret while its field moves faster than it is told."""

import numpy as np

from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.image import Pixels
from gloveport.sandbox.screen.stream_redaction import TOLD_WITHIN, StreamRedaction
from gloveport.sandbox.secrets.redaction import Hidden

WINDOW = Rect(0, 0, 60, 100)
SECRET, PAPER = 255, 1


def field(y: int) -> list[Hidden]:
    return [Hidden(("bus", "field"), WINDOW, [Rect(10, y, 40, 10)], [WINDOW])]


def page(y: int, elsewhere: int = PAPER) -> Pixels:
    """A window with the secret at a height, and something else beside it."""
    pixels = np.full((100, 100, 4), PAPER, np.uint8)
    pixels[y : y + 10, 10:50] = SECRET
    pixels[:, 60:] = elsewhere
    return pixels


def secret(shown: Pixels) -> bool:
    return bool((shown == SECRET).all(axis=-1).any())


EMPTY = np.full((100, 100, 4), PAPER, np.uint8)


def test_a_field_that_scrolls_before_it_tells_is_never_seen() -> None:
    veil = StreamRedaction()
    shown = veil.over(EMPTY, field(10), page(10), field(10), 0.0)
    assert not secret(shown)
    for step, moved in enumerate((10, 20, 30, 40, 50, 60)):  # painted; told only at the end
        shown = veil.over(shown, field(10), page(moved), field(10), 0.3 + step / 30)
        assert not secret(shown)
    for step in range(20):
        shown = veil.over(shown, field(60), page(60), field(60), 0.5 + step / 30)
        assert not secret(shown)
    assert (shown[10:20, 10:50] == PAPER).all()
    assert not (shown[60:70, 10:50] == PAPER).all(axis=-1).any()


def test_a_field_that_is_told_on_the_way_only_is_covered_in_between() -> None:
    veil = StreamRedaction()
    shown = veil.over(EMPTY, field(0), page(35), field(0), 0.0)
    shown = veil.over(shown, field(80), page(35), field(80), TOLD_WITHIN)
    assert not secret(shown)


def test_other_windows_are_shown_at_once() -> None:
    shown = StreamRedaction().over(EMPTY, field(10), page(10, elsewhere=77), field(10), 0.0)
    assert (shown[:, 60:] == 77).all()
    assert not secret(shown)


def test_a_window_that_keeps_changing_is_shown_a_moment_late() -> None:
    veil, shown = StreamRedaction(), EMPTY
    news: list[int] = []
    for step in range(30):
        now = page(10)
        now[80, 5] = 100 + step
        shown = veil.over(shown, field(10), now, field(10), step / 30)
        news.append(int(shown[80, 5, 0]))
        assert not secret(shown)
    assert len(set(news)) >= 3
    assert 100 + 29 - news[-1] <= 2 * TOLD_WITHIN * 30


def test_a_window_that_moves_takes_its_cover_along() -> None:
    veil = StreamRedaction()
    here, there = Rect(0, 0, 50, 50), Rect(40, 40, 50, 50)
    before = [Hidden(7, here, [here])]
    after = [Hidden(7, there, [there])]
    grabbed = np.full((100, 100, 4), PAPER, np.uint8)
    grabbed[20:70, 20:70] = SECRET  # half way
    assert not secret(veil.over(EMPTY, before, grabbed, after, 0.0))

"""The rules of rest, as tables: what is painted when, and when the wait ends and why."""

import sys
from types import FrameType
from typing import Any

import pytest

from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.screen.settle import End, Patience, Settling
from gloveport.sandbox.x11.damage import lately

WINDOW = Rect(100, 100, 400, 300)
CARET = Rect(200, 200, 2, 17)
SPINNER = Rect(300, 300, 60, 60)
PATIENCE = Patience(first=0.7, quiet=0.1, busy=0.8, deadline=3.0)

Painted = list[tuple[float, Rect]]


def ends(painted: Painted, earlier: Painted | None = None) -> tuple[float, End]:
    """Replay what is painted; times are seconds after the action."""
    settling = Settling(PATIENCE, 0.0, earlier or [])
    settling.sent(0.0)
    for when, rect in painted:
        due, why = settling.end()
        if due < when:
            return due, why
        settling.painted(when, rect)
    return settling.end()


def every(step: float, rect: Rect, start: float, end: float) -> Painted:
    return [(start + step * n, rect) for n in range(int((end - start) / step))]


@pytest.mark.parametrize(
    ("painted", "when", "why"),
    [
        ([], 0.7, End.UNCHANGED),
        ([(0.01, WINDOW)], 0.11, End.STILL),
        ([(0.01, WINDOW), (0.09, WINDOW)], 0.19, End.STILL),
        ([(0.4, WINDOW)], 0.5, End.STILL),
        ([(0.01, WINDOW), (0.3, WINDOW)], 0.11, End.STILL),
        (every(0.05, WINDOW, 0.01, 5), 0.51 + 0.8, End.ANIMATING),
        ([(0.01 + n * 0.09, Rect(n * 64, 0, 64, 64)) for n in range(60)], 3.0, End.DEADLINE),
    ],
    ids=["nothing", "at once", "twice", "late", "after silence", "all the time", "ever new"],
)
def test_the_wait_ends_when_the_screen_rests(painted: Painted, when: float, why: End) -> None:
    due, ended = ends(painted)
    assert ended is why
    assert due == pytest.approx(when, abs=0.06)


def test_a_blinking_caret_does_not_hold_the_wait() -> None:
    blinks = [(-1.5, CARET), (-1.0, CARET), (-0.5, CARET)]
    assert ends([(0.01, WINDOW), (0.05, CARET), (0.09, CARET)], blinks) == (0.11, End.STILL)


def test_a_blinking_caret_is_not_a_change() -> None:
    blinks = [(-1.5, CARET), (-1.0, CARET), (-0.5, CARET)]
    assert ends([(0.02, CARET), (0.52, CARET)], blinks) == (0.7, End.UNCHANGED)


def test_a_typed_character_is_a_change_however_small() -> None:
    due, why = ends([(0.01, Rect(210, 200, 9, 17))])
    assert (due, why) == (0.11, End.STILL)


def test_characters_painted_one_by_one_hold_the_wait() -> None:
    due, why = ends([(0.05 * n, Rect(200 + 9 * n, 200, 9, 17)) for n in range(1, 11)])
    assert why is End.STILL
    assert due == pytest.approx(0.6)


def test_what_moved_before_the_action_is_not_a_change() -> None:
    before = every(0.05, SPINNER, -2.0, 0.0)
    due, why = ends(every(0.05, SPINNER, 0.01, 2.0), before)
    assert (due, why) == (0.7, End.UNCHANGED)


def test_what_moved_before_the_action_does_not_hold_the_wait() -> None:
    before = every(0.05, SPINNER, -2.0, 0.0)
    after = sorted([*every(0.05, SPINNER, 0.01, 2.0), (0.12, WINDOW)], key=lambda one: one[0])
    due, why = ends(after, before)
    assert why is End.STILL
    assert due == pytest.approx(0.22)


def test_what_moved_once_and_has_stopped_counts_when_it_moves_again() -> None:
    before = every(0.05, SPINNER, -1.0, -0.3)
    due, why = ends([(0.05 * n, SPINNER) for n in range(1, 15)], before)
    assert why is End.STILL
    assert due == pytest.approx(0.8)


def test_a_spinner_that_starts_may_mean_loading_and_holds_for_a_while() -> None:
    due, why = ends([(0.01, WINDOW), *every(0.05, SPINNER, 0.02, 3.0)])
    assert why is End.ANIMATING
    assert 0.8 <= due <= 1.5


def test_a_program_at_work_holds_the_wait_until_the_deadline() -> None:
    settling = Settling(PATIENCE, 0.0)
    settling.sent(0.0)
    settling.painted(0.01, WINDOW)
    settling.hold(0.6)
    assert settling.end() == (0.6, End.STILL)
    settling.hold(9.9)
    assert settling.end() == (3.0, End.DEADLINE)


def test_patience_begins_when_the_last_key_was_sent() -> None:
    settling = Settling(PATIENCE, 0.0)
    settling.painted(0.01, WINDOW)
    settling.sent(5.0)
    assert settling.end() == (5.1, End.STILL)


def test_the_first_and_the_last_change_are_remembered() -> None:
    settling = Settling(PATIENCE, 0.0)
    for when in (0.02, 0.05, 0.08):
        settling.painted(when, WINDOW)
    assert (settling.first, settling.last) == (0.02, 0.08)


def counted(painted: Painted) -> int:
    """How many lines of Python one wait takes that begins after all this was painted."""
    lines = 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    sys.settrace(count)
    try:
        settling = Settling(PATIENCE, painted[-1][0], lately(painted, painted[-1][0]))
        settling.end()
    finally:
        sys.settrace(None)
    return lines


SCREEN = Rect(0, 0, 1280, 800)
LINES = [Rect(0, 17 * n, 1270, 17) for n in range(40)]


@pytest.mark.parametrize(
    "painted",
    [
        every(1 / 60, SCREEN, 0.0, 120.0),
        every(1 / 60, Rect(400, 200, 370, 370), 0.0, 120.0),
        [(n / 60, Rect(n % 60, 0, 1200, 780)) for n in range(7200)],
        [(n / 200, LINES[n % 40]) for n in range(24_000)],
    ],
    ids=["the whole screen", "a spinner", "never the same twice", "a terminal that prints"],
)
def test_what_was_painted_for_two_minutes_costs_an_action_next_to_nothing(painted: Painted) -> None:
    # A line is less than a microsecond: 5,000 of them are less than 5 ms.
    assert counted(painted) < 5_000
    assert counted(painted) <= 1.5 * counted(painted[: len(painted) // 8])


def test_what_is_painted_while_an_action_waits_costs_little_for_each_frame() -> None:
    settling = Settling(PATIENCE, 0.0)
    lines = 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    frames = every(1 / 60, SCREEN, 0.0, 3.0)
    sys.settrace(count)
    try:
        for when, rect in frames:
            settling.painted(when, rect)
    finally:
        sys.settrace(None)
    assert lines < 100 * len(frames)

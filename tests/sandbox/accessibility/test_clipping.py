"""The geometry of scroll areas, over made trees."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.sandbox.accessibility.atspi.clips import NOTHING, clipped, sticking_out
from gloveport.sandbox.geometry import Rect

RECTS = st.builds(
    Rect, st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 60), st.integers(1, 60)
)


@settings(deadline=None)  # the machine may have better things to do
@given(st.lists(st.tuples(RECTS, st.booleans(), st.booleans()), min_size=2, max_size=12), st.data())
def test_an_object_shows_where_all_that_hold_it_do(
    made: list[tuple[Rect, bool, bool]], data: st.DataObject
) -> None:
    parents = {place: data.draw(st.integers(0, place - 1)) for place in range(1, len(made))}
    holders = {place: rect for place, (rect, holds, _) in enumerate(made) if holds}
    free = {place for place, (_, _, alone) in enumerate(made) if alone}
    found = clipped(range(len(made)), parents, holders, free)
    for place in range(len(made)):
        around: list[Rect] = []
        here = place
        while here in parents and here not in free:
            here = parents[here]
            around += [holders[here]] if here in holders else []
        points = {
            (x, y)
            for x in range(-50, 111, 7)
            for y in range(-50, 111, 7)
            if all(one.x <= x < one.right and one.y <= y < one.bottom for one in around)
        }
        limit = found.get(place)
        assert (limit is not None) is bool(around)
        for x, y in points:
            assert limit is None or (limit.x <= x < limit.right and limit.y <= y < limit.bottom)
        if limit and limit != NOTHING:
            assert all(limit.overlap(one) == limit for one in around)


def test_a_tree_that_goes_round_in_circles_ends() -> None:
    parents = {"a": "b", "b": "c", "c": "a"}
    assert set(clipped(list("abc"), parents, {"a": Rect(0, 0, 9, 9)}, ())) <= set("abc")


@settings(deadline=None)  # the machine may have better things to do
@given(st.lists(RECTS, max_size=6), st.lists(RECTS, max_size=6))
def test_what_sticks_out_is_partly_in_and_partly_out(
    rects: list[Rect], holders: list[Rect]
) -> None:
    expected = {
        (one, other)
        for one, rect in enumerate(rects)
        for other, holder in enumerate(holders)
        if (shared := rect.overlap(holder)) and shared not in (rect, holder)
    }
    assert set(sticking_out(rects, holders)) == expected

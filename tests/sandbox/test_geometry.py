from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.sandbox.geometry import Point, Rect, View

sides = st.integers(320, 4000)
places, extents = st.integers(-50, 50), st.integers(1, 60)
rects = st.builds(Rect, places, places, extents, extents)
views = st.builds(View.fitting, sides, sides, st.integers(400, 2000))


@given(views, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_point_of_the_picture_is_a_point_of_the_screen(view: View, x: float, y: float) -> None:
    point = Point(int(x * view.picture.width), int(y * view.picture.height))
    assert view.screen.holds(view.to_screen(point))


@given(views, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_point_comes_back_from_the_screen_as_it_went(view: View, x: float, y: float) -> None:
    point = Point(int(x * view.picture.width), int(y * view.picture.height))
    assert view.to_picture(view.to_screen(point)) == point


@given(sides, sides, st.integers(400, 2000))
def test_a_picture_is_never_larger_than_asked_nor_than_the_screen(
    width: int, height: int, longest: int
) -> None:
    picture = View.fitting(width, height, longest).picture
    assert max(picture.width, picture.height) <= longest
    assert picture.width <= width
    assert picture.height <= height


def test_a_screen_that_fits_is_shown_as_it_is() -> None:
    view = View.fitting(1280, 800, 1456)
    assert (view.picture, view.scale) == (Rect(0, 0, 1280, 800), 1.0)


def test_a_region_of_the_screen_is_inside_the_region_that_shows_it() -> None:
    view = View.fitting(3840, 2160, 1456)
    region = Rect(1001, 503, 17, 9)
    shown = view.region_to_screen(view.region_to_picture(region))
    assert shown.overlap(region) == region


def test_rectangles_that_only_touch_do_not_overlap() -> None:
    assert Rect(0, 0, 10, 10).overlap(Rect(10, 0, 5, 5)) is None


def test_nothing_is_around_nothing() -> None:
    assert Rect.around([]) is None


def test_the_smallest_rectangle_around_several() -> None:
    assert Rect.around([Rect(5, 6, 1, 1), Rect(1, 9, 3, 4)]) == Rect(1, 6, 5, 7)


@settings(deadline=None)  # the machine may have better things to do
@given(rects, st.lists(rects, max_size=4))
def test_what_is_left_of_a_rectangle_is_all_and_only_what_others_do_not_cover(
    rect: Rect, others: list[Rect]
) -> None:
    left = rect.without(others)
    for x in range(rect.x, rect.right, max(1, rect.width // 7)):
        for y in range(rect.y, rect.bottom, max(1, rect.height // 7)):
            point = Point(x, y)
            covered = any(one.holds(point) for one in others)
            assert sum(one.holds(point) for one in left) == (not covered)

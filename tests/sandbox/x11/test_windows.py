"""The windows of real programs, listed and moved through the window manager."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from desks import session_of

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import BadText, NoSuchApplication, NoSuchWindow, NotDone
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.sandbox.x11.windows import Window


@pytest.fixture(scope="module")
async def two(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop with two terminals, the second one in front."""
    settings = DesktopOptions(tmp_path_factory.mktemp("d"), width=1000, height=700)
    async with open_desktop(settings, keymap) as desktop:
        for title in ("第一 one", "two"):
            session_of(desktop).launch(["xterm", "-T", title, "-geometry", "40x10"])
            happened, _ = await desktop.wait_for_window(title, 10)
            assert happened
        await desktop.wait_until_still(5)
        yield desktop


async def window(desktop: Desktop, title: str) -> Window:
    (found,) = [one for one in await desktop.windows() if one.title == title]
    return found


async def test_windows_are_listed_with_the_topmost_last(two: Desktop) -> None:
    await two.manage("focus", "two")
    windows = await two.windows()
    assert [(one.title, one.application, one.active) for one in windows] == [
        ("第一 one", "XTerm", False),
        ("two", "XTerm", True),
    ]


@pytest.mark.parametrize("asked", ["第一 one", "第一", "ONE"])
async def test_a_window_is_found_by_its_title_or_part_of_it(two: Desktop, asked: str) -> None:
    await two.manage("focus", "two")
    frame = await two.manage("focus", asked)
    assert frame.window == "第一 one"
    assert (await window(two, "第一 one")).active


async def test_a_window_is_found_by_its_id(two: Desktop) -> None:
    found = await window(two, "two")
    frame = await two.manage("focus", f"0x{found.id:x}")
    assert frame.window == "two"


async def test_a_window_that_is_not_there_is_refused_with_those_that_are(two: Desktop) -> None:
    with pytest.raises(NoSuchWindow, match=r"There is no window 'three'; open windows: '第一 one'"):
        await two.manage("focus", "three")


async def test_a_window_is_moved_and_given_a_size(two: Desktop) -> None:
    await two.manage("move", "two", Rect(100, 80, 400, 300))
    rect = (await window(two, "two")).rect
    assert abs(rect.x - 100) <= 5
    assert abs(rect.y - 80) <= 30  # the frame's corner is at the point; its title bar comes first
    assert abs(rect.width - 400) <= 10  # a terminal is whole characters wide
    assert abs(rect.height - 300) <= 16


async def test_moving_without_a_rectangle_is_refused(two: Desktop) -> None:
    with pytest.raises(BadText, match="To move a window, give rect"):
        await two.manage("move", "two")


async def test_a_window_is_maximised_minimised_and_brought_back(two: Desktop) -> None:
    await two.manage("maximise", "two")
    assert (await window(two, "two")).rect.width > 980
    await two.manage("minimise", "two")
    assert (await window(two, "two")).minimised
    await two.manage("focus", "two")
    found = await window(two, "two")
    assert (found.minimised, found.active) == (False, True)


async def test_a_window_is_closed(two: Desktop) -> None:
    session_of(two).launch(["xterm", "-T", "soon gone"])
    assert (await two.wait_for_window("soon gone", 10))[0]
    await two.manage("close", "soon gone")
    happened, _ = await two.wait_for_window("soon gone", 5, gone=True)
    assert happened


async def test_waiting_for_a_window_in_vain_says_so(two: Desktop) -> None:
    happened, _ = await two.wait_for_window("never", 0.2)
    assert not happened


async def test_an_application_is_opened_by_its_name(own_desktop: Desktop) -> None:
    frame = await own_desktop.open("Mousepad")
    assert "Mousepad" in frame.window
    assert frame.changed


@pytest.mark.parametrize("role", ["text editor", "mousepad", "org.xfce.mousepad"])
async def test_an_application_is_opened_by_what_it_is(own_desktop: Desktop, role: str) -> None:
    assert "Mousepad" in (await own_desktop.open(role)).window


async def test_a_file_is_opened_with_its_application(own_desktop: Desktop) -> None:
    home: Path = session_of(own_desktop).folder.home
    (home / "note.txt").write_text("hello")
    assert "note.txt" in (await own_desktop.open(f"{home}/note.txt")).window


async def test_a_file_of_the_home_is_opened_by_its_short_path(own_desktop: Desktop) -> None:
    (session_of(own_desktop).home / "购物.txt").write_text("小米")
    frame = await own_desktop.open("~/购物.txt")
    assert "购物.txt" in frame.window


async def test_a_page_of_the_home_is_opened_in_chromium(own_desktop: Desktop) -> None:
    page = "<meta charset=utf-8><title>小米</title>"
    (session_of(own_desktop).home / "page.html").write_text(page)
    frame = await own_desktop.open("~/page.html")
    assert frame.window == "小米 - Chromium"


@pytest.mark.parametrize(
    ("asked", "title"),
    [("chrome://version", "About Version"), ("view-source:about:blank", "view-source:about:blank")],
)
async def test_the_browser_s_own_pages_are_opened(
    own_desktop: Desktop, asked: str, title: str
) -> None:
    await own_desktop.open("about:blank")
    frame = await own_desktop.open(asked)
    assert frame.window == f"{title} - Chromium"


async def test_the_home_is_opened_in_the_file_manager(own_desktop: Desktop) -> None:
    assert (await own_desktop.open("~")).window.endswith(" - Thunar")


async def test_opening_what_shows_no_window_says_what_the_program_said(
    own_desktop: Desktop,
) -> None:
    await own_desktop.wait_until_still(5)
    with pytest.raises(NotDone, match=r"gio was started, showed no window .* said: .*gone\.txt"):
        await own_desktop.open("~/gone.txt")


async def test_an_unknown_application_is_refused_with_near_ones(desktop: Desktop) -> None:
    with pytest.raises(
        NoSuchApplication, match=r"There is no application 'Mousepat'; there are 'Mousepad'"
    ):
        await desktop.open("Mousepat")


@pytest.mark.parametrize("nothing", ["", "  ", "a\0b"])
async def test_nothing_is_not_opened(desktop: Desktop, nothing: str) -> None:
    with pytest.raises(BadText, match="Name an application, a URL or a file to open"):
        await desktop.open(nothing)

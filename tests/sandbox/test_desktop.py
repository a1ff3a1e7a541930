"""One turn after the other: what was asked is what arrives at a real X client."""

import os
import signal
from pathlib import Path

import anyio
import pytest
from desks import session_of
from processes import until
from witness import Key, KeyUp, Moved, Press, Release, Witness

from gloveport.sandbox.actions import (
    Action,
    ButtonDown,
    ButtonUp,
    Click,
    Drag,
    Hold,
    KeyDown,
    Move,
    Scroll,
    Type,
    Wait,
)
from gloveport.sandbox.actions import (
    KeyUp as LetGo,
)
from gloveport.sandbox.actions import (
    Press as PressKey,
)
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import (
    BadAmount,
    BadRegion,
    BadText,
    DesktopClosed,
    DesktopLost,
    Impossible,
    OffScreen,
)
from gloveport.sandbox.geometry import Point, Rect
from gloveport.sandbox.screen.settle import End, Patience
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.keymap import Keymap

SHIFT, CONTROL = 1, 4
QUICK = Patience(first=0.05)


async def do(desktop: Desktop, *actions: Action) -> None:
    await desktop.do_all(actions, patience=QUICK, show="never")


@pytest.mark.parametrize(
    ("button", "number"), [("left", 1), ("middle", 2), ("right", 3), ("back", 8), ("forward", 9)]
)
async def test_a_click_lands_where_it_was_aimed(
    desktop: Desktop, witness: Witness, button: str, number: int
) -> None:
    await do(desktop, Click(Point(31, 77), button))  # type: ignore[arg-type] # from the table
    assert witness.saw_all(2) == [Press(number, 31, 77), Release(number, 31, 77)]


async def test_a_click_without_a_point_lands_where_the_pointer_is(
    desktop: Desktop, witness: Witness
) -> None:
    await do(desktop, Move(Point(100, 120)), Click())
    assert witness.saw() == Press(1, 100, 120)


async def test_the_corners_of_the_screen_can_be_clicked(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, Click(Point(0, 0)), Click(Point(639, 479)))
    first, _, second, _ = witness.saw_all(4)
    assert (first, second) == (Press(1, 0, 0), Press(1, 639, 479))


async def test_a_click_at_the_same_place_again_does_not_wait(
    desktop: Desktop, witness: Witness
) -> None:
    with anyio.fail_after(5):
        await do(desktop, *[Click(Point(50, 50))] * 10)
    assert witness.saw_all(20) == [Press(1, 50, 50), Release(1, 50, 50)] * 10


async def test_a_triple_click_is_three_clicks(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, Click(Point(9, 9), times=3))
    assert witness.saw_all(6) == [Press(1, 9, 9), Release(1, 9, 9)] * 3
    assert witness.saw_nothing()


async def test_modifiers_are_held_during_a_click_and_let_go_after(
    desktop: Desktop, witness: Witness
) -> None:
    await do(desktop, Click(Point(5, 6), held="ctrl+shift"))
    assert witness.saw_all(6) == [
        Key("Control_L"),
        Key("Shift_L", CONTROL),
        Press(1, 5, 6, CONTROL | SHIFT),
        Release(1, 5, 6, CONTROL | SHIFT),
        KeyUp("Shift_L", CONTROL | SHIFT),
        KeyUp("Control_L", CONTROL),
    ]


@pytest.mark.parametrize(
    ("direction", "button"), [("up", 4), ("down", 5), ("left", 6), ("right", 7)]
)
async def test_scrolling_turns_the_wheel(
    desktop: Desktop, witness: Witness, direction: str, button: int
) -> None:
    await do(desktop, Scroll(direction, 3, Point(40, 41)))  # type: ignore[arg-type]
    presses = [one for one in witness.saw_all(6) if isinstance(one, Press)]
    assert presses == [Press(button, 40, 41)] * 3


async def test_a_drag_passes_between_its_ends(desktop: Desktop, session: Session) -> None:
    witness = Witness(session.x, motion=True)
    await do(desktop, Drag([Point(10, 10), Point(110, 60)]))
    assert witness.saw_all(2) == [Moved(10, 10), Press(1, 10, 10)]
    passed = witness.saw_all(12)
    assert all(isinstance(one, Moved) for one in passed)
    assert (passed[0], passed[-1]) == (Moved(18, 14), Moved(110, 60))
    assert witness.saw() == Release(1, 110, 60)
    witness.close()


async def test_a_drag_goes_through_all_its_points(desktop: Desktop, session: Session) -> None:
    witness = Witness(session.x, motion=True)
    await do(desktop, Drag([Point(10, 10), Point(50, 10), Point(50, 90)], "right"))
    seen = witness.saw_all(15)
    assert seen[1] == Press(3, 10, 10)
    assert Moved(50, 10) in seen
    assert seen[-1] == Release(3, 50, 90)
    witness.close()


async def test_a_button_stays_down_until_it_is_released(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, Move(Point(7, 8)), ButtonDown())
    assert witness.saw() == Press(1, 7, 8)
    assert desktop.holding
    assert witness.saw_nothing()
    await do(desktop, Move(Point(70, 80)), ButtonUp())
    assert witness.saw() == Release(1, 70, 80)
    assert not desktop.holding


async def test_letting_go_releases_keys_and_buttons(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, Move(Point(7, 8)), ButtonDown("right"), KeyDown("shift"))
    assert witness.saw_all(2) == [Press(3, 7, 8), Key("Shift_L")]
    await desktop.let_go()
    assert witness.saw_all(2) == [KeyUp("Shift_L", SHIFT), Release(3, 7, 8)]
    assert not desktop.holding


@pytest.mark.parametrize(
    ("keys", "arrives"),
    [
        ("a", [Key("a"), KeyUp("a")]),
        ("Return", [Key("Return"), KeyUp("Return")]),
        ("ctrl+s", [Key("Control_L"), Key("s", CONTROL), KeyUp("s", CONTROL),
                    KeyUp("Control_L", CONTROL)]),
        ("A", [Key("Shift_L"), Key("a", SHIFT), KeyUp("a", SHIFT), KeyUp("Shift_L", SHIFT)]),
        ("Tab Tab", [Key("Tab"), KeyUp("Tab")] * 2),
    ],
)  # fmt: skip
async def test_keys_arrive_as_they_are_named(
    desktop: Desktop, witness: Witness, keys: str, arrives: list[Key | KeyUp]
) -> None:
    await do(desktop, PressKey(keys))
    assert witness.saw_all(len(arrives)) == arrives
    assert witness.saw_nothing()


async def test_a_key_is_repeated(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, PressKey("Down", 5))
    assert witness.saw_all(10) == [Key("Down"), KeyUp("Down")] * 5


async def test_a_key_is_held_and_released(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, Hold("space", 0.2))
    seen = witness.saw_all(2)
    assert seen[0] == Key("space")
    while seen[-1] != KeyUp("space"):  # the server repeats a key that is held
        seen.append(witness.saw())
    assert witness.saw_nothing()


async def test_what_is_pressed_stays_pressed_until_it_is_let_go(
    desktop: Desktop, witness: Witness
) -> None:
    await do(desktop, KeyDown("ctrl"), Click(Point(3, 3)), LetGo("ctrl"))
    assert witness.saw_all(4) == [
        Key("Control_L"),
        Press(1, 3, 3, CONTROL),
        Release(1, 3, 3, CONTROL),
        KeyUp("Control_L", CONTROL),
    ]


async def test_text_is_not_typed_into_a_held_modifier(desktop: Desktop, witness: Witness) -> None:
    await do(desktop, KeyDown("ctrl"))
    assert witness.saw() == Key("Control_L")
    with pytest.raises(Impossible, match="A modifier key is held down"):
        await do(desktop, Type("w"))
    await desktop.let_go()
    assert witness.saw() == KeyUp("Control_L", CONTROL)
    assert witness.saw_nothing()


BAD: list[tuple[Action, type[Impossible], str]] = [
    (Click(Point(640, 0)), OffScreen, r"\(640, 0\) is outside the 640x480 screenshot; x goes from"),
    (Click(Point(-1, 5)), OffScreen, r"\(-1, 5\) is outside"),
    (Move(Point(10**30, 5)), OffScreen, "is outside"),
    (Drag([Point(1, 1), Point(1, 480)]), OffScreen, r"\(1, 480\) is outside"),
    (Drag([Point(1, 1), Point(1, 1)]), BadText, r"A drag from \(1, 1\) to itself moves nothing"),
    (Scroll("up", 0), BadAmount, "scroll_amount 0 is not possible; it goes from 1 to 100 notches"),
    (Scroll("up", 10**9), BadAmount, r"scroll_amount 1e\+09 is not possible"),
    (PressKey("a", 101), BadAmount, "repeat 101 is not possible"),
    (Hold("a", 31), BadAmount, "duration 31 is not possible"),
    (Wait(float("nan")), BadAmount, "duration nan is not possible"),
    (Type(""), BadText, "There is no text to type"),
    (Type("a\0b"), BadText, r"Character 2 of the text is the control character U\+0000"),
    (Type("ok \x1b[2J"), BadText, r"Character 4 of the text is the control character U\+001B"),
    (Type("x\ud83d"), BadText, r"Character 2 of the text is U\+D83D, half of a surrogate pair"),
    (Type("x" * 10_000_000), BadText, "The text has 10000000 characters; type takes at most"),
    (Click(Point(1, 1), held="nope"), Impossible, "There is no key named 'nope'"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "kind", "words"), BAD, ids=[repr(one[0])[:40] for one in BAD])
async def test_the_impossible_is_refused_and_nothing_is_sent(
    desktop: Desktop, witness: Witness, action: Action, kind: type[Impossible], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await do(desktop, Click(Point(1, 1)), action)
    assert witness.saw_nothing()


async def test_no_turn_falls_between_another_s_press_and_release(
    desktop: Desktop, witness: Witness
) -> None:
    async with anyio.create_task_group() as tasks:
        for x in range(1, 9):
            tasks.start_soon(do, desktop, Click(Point(x, 1), held="shift"))
    seen = witness.saw_all(8 * 4)
    for start in range(0, len(seen), 4):
        shift, press, release, up = seen[start : start + 4]
        assert isinstance(press, Press)
        assert (shift, up) == (Key("Shift_L"), KeyUp("Shift_L", SHIFT))
        assert release == Release(1, press.x, 1, SHIFT)


async def test_turns_come_in_the_order_they_were_asked_for(
    desktop: Desktop, witness: Witness
) -> None:
    async with anyio.create_task_group() as tasks:
        for x in range(20):
            tasks.start_soon(do, desktop, Click(Point(x, 2)))
    presses = [one for one in witness.saw_all(40) if isinstance(one, Press)]
    assert [press.x for press in presses] == list(range(20))


async def test_a_cancelled_turn_lets_go_within_a_second(desktop: Desktop, witness: Witness) -> None:
    with anyio.move_on_after(0.3):
        await do(desktop, Hold("shift", 20))
    with anyio.fail_after(1):
        await do(desktop, Wait(0))
    seen = witness.saw_all(2)
    assert seen[0] == Key("Shift_L")
    assert seen[-1] == KeyUp("Shift_L", SHIFT)


async def test_a_turn_cancelled_before_it_began_does_nothing(
    desktop: Desktop, witness: Witness
) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(do, desktop, Wait(0.3))
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0.05):
            await do(desktop, Click(Point(1, 1)))
    assert witness.saw_nothing()


async def test_an_action_that_changes_the_screen_says_where(
    desktop: Desktop, witness: Witness
) -> None:
    await desktop.look()

    witness.paint_when_pressed(0xFF0000, 100, 50, 200, 30)
    frame = await desktop.do(Click(Point(1, 1)))
    assert (frame.changed, frame.end) == (Rect(100, 50, 200, 30), End.STILL)
    assert frame.picture


async def test_an_action_that_changes_nothing_says_so(desktop: Desktop, witness: Witness) -> None:
    before = await desktop.look()
    frame = await desktop.do(Click(Point(1, 1)), seen=before.look)
    assert (frame.changed, frame.end, frame.picture) == (None, End.UNCHANGED, None)
    assert frame.look == before.look


async def test_the_next_answer_says_what_changed_meanwhile(
    desktop: Desktop, witness: Witness
) -> None:
    await desktop.look()
    witness.paint(0x00FF00, 10, 20, 30, 40)
    frame = await desktop.do(Click(Point(1, 1)))
    assert (frame.meanwhile, frame.changed) == (Rect(10, 20, 30, 40), None)


async def test_a_picture_is_sent_only_to_who_has_not_seen_it(
    desktop: Desktop, witness: Witness
) -> None:
    frame = await desktop.look()
    assert frame.picture
    assert (await desktop.look(show="auto", seen=frame.look)).picture is None
    assert (await desktop.look(show="auto", seen=frame.look - 1)).picture
    assert (await desktop.look(show="never")).picture is None


async def test_a_zoom_shows_native_pixels_enlarged(desktop: Desktop, witness: Witness) -> None:
    witness.paint(0xFF0000, 100, 100, 10, 10)
    frame = await desktop.zoom([100, 100, 132, 124])
    assert frame.picture
    assert (frame.picture.width, frame.picture.height) == (640, 480)


@pytest.mark.parametrize("region", [[], [1, 2, 3], [5, 5, 5, 9], [9, 0, 5, 5], [0, 0, 641, 5]])
async def test_a_region_outside_the_screen_is_refused(desktop: Desktop, region: list[int]) -> None:
    with pytest.raises(BadRegion, match="is not a region of the 640x480 screenshot"):
        await desktop.zoom(region)


async def test_a_large_screen_is_shown_smaller_and_clicked_where_it_is_aimed(
    tmp_path: Path, keymap: Keymap
) -> None:
    settings = DesktopOptions(tmp_path / "d", width=2560, height=1440, longest=1280)
    async with open_desktop(settings, keymap) as desktop:
        witness = Witness(session_of(desktop).x)
        frame = await desktop.look()
        assert frame.picture
        assert (frame.picture.width, frame.picture.height, frame.view.scale) == (1280, 720, 2.0)
        await do(desktop, Click(Point(1279, 100)))
        assert witness.saw() == Press(1, 2559, 201)
        frame = await desktop.look(show="never")
        assert frame.cursor == Point(1279, 100)
        with pytest.raises(OffScreen):
            await do(desktop, Click(Point(1280, 100)))
        witness.close()


async def test_the_pointer_is_drawn_only_when_asked(tmp_path: Path, keymap: Keymap) -> None:
    shown: list[bytes] = []
    for cursor in (False, True):
        settings = DesktopOptions(tmp_path / "d", width=640, height=480, cursor=cursor)
        async with open_desktop(settings, keymap) as desktop:
            witness = Witness(session_of(desktop).x)
            await do(desktop, Move(Point(300, 200)))
            frame = await desktop.look()
            assert frame.picture
            shown.append(frame.picture.data)
            witness.close()
    assert shown[0] != shown[1]


async def test_a_lost_display_is_said_and_a_fresh_desktop_takes_its_place(
    own_desktop: Desktop,
) -> None:
    session = session_of(own_desktop)
    os.kill(session.x.pid, signal.SIGKILL)
    (session.home / "kept").write_text("kept")
    with pytest.raises(DesktopLost, match=r"the X server ended\. The files of its home are kept"):
        await do(own_desktop, Click(Point(5, 5)))
    witness = Witness(session_of(own_desktop).x)
    await do(own_desktop, Click(Point(5, 5)))
    assert witness.saw() == Press(1, 5, 5)
    witness.close()
    assert (session_of(own_desktop).home / "kept").read_text() == "kept"


async def test_a_display_that_dies_during_a_turn_is_said(own_desktop: Desktop) -> None:
    session = session_of(own_desktop)

    async def kill() -> None:
        await anyio.sleep(0.2)
        os.kill(session.x.pid, signal.SIGKILL)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kill)
        with pytest.raises(DesktopLost):
            await own_desktop.wait_until_changed(20, [0, 0, 5, 5])
    assert (await own_desktop.look()).picture


async def test_a_desktop_whose_box_was_killed_starts_afresh(own_desktop: Desktop) -> None:
    session = session_of(own_desktop)
    os.kill(session.box.pid, signal.SIGKILL)
    assert until(session.lost.is_set)
    with pytest.raises(DesktopLost):
        await own_desktop.look()
    assert (await own_desktop.look()).picture


async def test_a_closed_desktop_says_so(tmp_path: Path, keymap: Keymap) -> None:
    async with open_desktop(
        DesktopOptions(tmp_path / "d", width=640, height=480), keymap
    ) as desktop:
        pass
    with pytest.raises(DesktopClosed, match="This desktop is closed"):
        await desktop.look()


async def test_desktops_leave_no_descriptor_behind(tmp_path: Path, keymap: Keymap) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    settings = DesktopOptions(tmp_path / "d", width=320, height=320)
    counts: list[int] = []
    for _ in range(5):
        async with open_desktop(settings, keymap) as desktop:
            await desktop.look()
        counts.append(descriptors())
    assert counts[-1] == counts[0]
    assert list((tmp_path / "d").iterdir()) == []

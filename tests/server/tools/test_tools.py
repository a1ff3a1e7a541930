"""In at the top, judged at the bottom: tools are called over MCP, a real X client watches."""

import base64
import json
import struct
from typing import Any

import anyio
import pytest
from answers import call, facts, picture, refusal, text
from mcp import Client
from witness import Key, KeyUp, Moved, Press, Release, Witness

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.session.session import Session
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.tools.batch import NOT_EXECUTED

CONTROL = 4


async def test_a_click_lands_where_it_was_aimed(client: Client, witness: Witness) -> None:
    result = await call(client, "left_click", coordinate=[31, 77], screenshot="never")
    assert facts(result)["cursor"] == [31, 77]
    assert witness.saw_all(2) == [Press(1, 31, 77), Release(1, 31, 77)]


async def test_a_key_reaches_the_focused_window(client: Client, witness: Witness) -> None:
    await call(client, "key", text="ctrl+s")
    assert witness.saw_all(4) == [
        Key("Control_L"),
        Key("s", CONTROL),
        KeyUp("s", CONTROL),
        KeyUp("Control_L", CONTROL),
    ]


async def test_a_screenshot_is_a_picture_and_then_its_facts(
    client: Client, witness: Witness
) -> None:
    result = await call(client, "screenshot")
    image, told = picture(result), facts(result)
    assert image
    assert image.mime_type == "image/png"
    assert struct.unpack(">II", base64.b64decode(image.data)[16:24]) == (640, 480)
    assert (told["ok"], told["size"], told["scale"]) == (True, [640, 480], 1.0)
    assert result.structured_content is None


async def test_an_action_attaches_a_picture_only_if_the_screen_changed(
    client: Client, witness: Witness
) -> None:
    assert picture(await call(client, "screenshot"))
    result = await call(client, "left_click", coordinate=[5, 5])
    assert picture(result) is None
    assert facts(result)["note"] == "no visible change"
    witness.saw_all(2)
    witness.paint_when_pressed(0xFF0000, 10, 20, 30, 40)
    result = await call(client, "left_click", coordinate=[5, 5])
    assert picture(result)
    assert facts(result)["changed"] == [10, 20, 30, 40]


@pytest.mark.parametrize(("show", "sent"), [("always", True), ("never", False)])
async def test_a_picture_comes_always_or_never_when_asked(
    near: Client, witness: Witness, show: str, sent: bool
) -> None:
    await call(near, "screenshot")
    result = await call(near, "left_click", coordinate=[5, 5], screenshot=show)
    assert bool(picture(result)) is sent


async def test_a_second_client_gets_the_picture_the_first_one_has(
    near: Client, desktop: Desktop, witness: Witness
) -> None:
    await call(near, "screenshot")
    async with Client(DesktopServer(desktop)) as other:
        result = await call(other, "left_click", coordinate=[5, 5])
    assert picture(result)


CALLS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("right_click", {"coordinate": [3, 4]}, [Press(3, 3, 4), Release(3, 3, 4)]),
    ("middle_click", {"coordinate": [3, 4]}, [Press(2, 3, 4), Release(2, 3, 4)]),
    ("double_click", {"coordinate": [3, 4]}, [Press(1, 3, 4), Release(1, 3, 4)] * 2),
    ("triple_click", {"coordinate": [3, 4]}, [Press(1, 3, 4), Release(1, 3, 4)] * 3),
    ("scroll", {"coordinate": [3, 4], "scroll_direction": "down", "scroll_amount": 2},
     [Press(5, 3, 4), Release(5, 3, 4)] * 2),
    ("hold_key", {"text": "F5", "duration": 0}, [Key("F5"), KeyUp("F5")]),
    ("key", {"text": "Down", "repeat": 2}, [Key("Down"), KeyUp("Down")] * 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "arrives"), CALLS, ids=[one[0] for one in CALLS])
async def test_a_tool_does_what_its_name_says(
    near: Client, witness: Witness, name: str, arguments: dict[str, Any], arrives: list[Any]
) -> None:
    facts(await call(near, name, **arguments))
    assert witness.saw_all(len(arrives)) == arrives
    assert witness.saw_nothing()


async def test_the_button_goes_down_moves_and_comes_up(near: Client, session: Session) -> None:
    witness = Witness(session.x, motion=True)
    await call(near, "mouse_move", coordinate=[20, 30])
    await call(near, "left_mouse_down")
    await call(near, "mouse_move", coordinate=[60, 70])
    await call(near, "left_mouse_up")
    assert witness.saw_all(4) == [
        Moved(20, 30),
        Press(1, 20, 30),
        Moved(60, 70),
        Release(1, 60, 70),
    ]
    assert facts(await call(near, "cursor_position")) == {"ok": True, "x": 60, "y": 70}
    witness.close()


async def test_modifiers_are_held_during_a_click(near: Client, witness: Witness) -> None:
    await call(near, "left_click", coordinate=[1, 1], text="ctrl")
    assert witness.saw_all(2) == [Key("Control_L"), Press(1, 1, 1, CONTROL)]


async def test_a_drag_goes_from_start_to_end(near: Client, witness: Witness) -> None:
    await call(near, "left_click_drag", start_coordinate=[10, 10], coordinate=[90, 50])
    assert witness.saw_all(2) == [Press(1, 10, 10), Release(1, 90, 50)]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("left_click", {"coordinate": [640, 0]},
     "(640, 0) is outside the 640x480 screenshot; x goes from 0 to 639, y from 0 to 479."),
    ("left_click", {"coordinate": [10**30, 0]}, "is outside the 640x480 screenshot"),
    ("left_click", {"x": 1, "y": 2},
     "There is no parameter x; there is no parameter y. "
     "left_click takes coordinate, text, expect, screenshot."),
    ("left_click", {"coordinat": [1, 2]}, "no parameter coordinat, did you mean coordinate?"),
    ("left_click", {"coordinate": [1]}, "Coordinate: [1] is not of the form [x, y]."),
    ("left_click", {"coordinate": [1, 2, 3]}, "Coordinate must have 2 items, not 3."),
    ("left_click", {"coordinate": [1.5, 2]}, "Coordinate.0: 1.5 is not a whole number."),
    ("left_click", {"coordinate": ["1", 2]}, 'Coordinate.0: "1" is not a whole number.'),
    ("left_click", {"coordinate": [True, 2]}, "Coordinate.0: true is not a whole number."),
    ("left_click", {"coordinate": [None, 2]}, "Coordinate.0 must be a number."),
    ("left_click", {"coordinate": "here"}, "must be a list of numbers such as [640, 400]"),
    ("left_click", {"text": "hyperspace"}, "There is no key named 'hyperspace'"),
    ("left_click", {"screenshot": "maybe"},
     "Screenshot must be one of 'auto', 'always', 'never', 'changed' or 'text'."),
    ("left_click_drag", {"coordinate": [1, 2]}, "Start_coordinate is missing."),
    ("left_click_drag", {"start_coordinate": [], "coordinate": [1, 2]}, "A point is missing"),
    ("left_click_drag", {"start_coordinate": [5, 5], "coordinate": [5, 5]},
     "A drag from (5, 5) to itself moves nothing"),
    ("mouse_move", {}, "Coordinate is missing. mouse_move takes coordinate, screenshot."),
    ("type", {"text": ""}, "There is no text to type."),
    ("type", {"text": 5}, "Text must be text."),
    ("type", {"text": "a\0"}, "Character 2 of the text is the control character U+0000"),
    ("type", {}, "There is no text to type."),
    ("key", {"text": "Retrun"}, "There is no key named 'Retrun'; did you mean 'return'"),
    ("key", {"text": "a", "repeat": 0}, "repeat 0 is not possible; it goes from 1 to 100 times."),
    ("hold_key", {"text": "a", "duration": 31}, "duration 31 is not possible"),
    ("hold_key", {"text": "a", "duration": "long"}, "Duration must be a number."),
    ("wait", {"duration": 1e9}, "duration 1e+09 is not possible; it goes from 0 to 30 seconds."),
    ("wait", {"duration": -1}, "duration -1 is not possible"),
    ("scroll", {"scroll_direction": "up", "scroll_amount": 0}, "scroll_amount 0 is not possible"),
    ("scroll", {"scroll_direction": "up", "scroll_amount": 10**9}, "scroll_amount 1e+09 is not"),
    ("scroll", {"scroll_direction": "away", "scroll_amount": 1},
     "Scroll_direction must be one of 'up', 'down', 'left' or 'right'."),
    ("zoom", {"region": [5, 5, 5, 9]}, "[5, 5, 5, 9] is not a region of the 640x480 screenshot"),
    ("wait_for", {"event": "still", "region": [9, 9, 1, 1]},
     "wait_for watches a region for change alone, not for still; leave it out."),
    ("wait_for", {"event": "control", "region": [0, 0, 9, 9]},
     "wait_for watches a region for change alone, not for control; leave it out."),
    ("zoom", {"region": [0, 0, 9]}, "Region: [0, 0, 9] is not of the form [x0, y0, x1, y1]."),
    ("wait_for", {"event": "window"}, 'To wait for window, say what for as "text".'),
    ("wait_for", {"event": "still", "seconds": 46}, "Seconds: input should be less than or equal"),
    ("open", {"target": "Photoshop 9000"}, "There is no application 'Photoshop 9000'; there are"),
    ("open", {"target": " "}, "Name an application, a URL or a file to open."),
    ("windows", {"action": "close"}, 'To close a window, give its title or id as "window".'),
    ("windows", {"action": "focus", "window": "nothing like it"},
     "There is no window 'nothing like it'"),
    ("windows", {"action": "move", "window": "x"}, "To move a window, give rect"),
    ("clipboard", {"action": "write", "text": "x" * 1_000_001}, "The text has 1000001 characters"),
    ("screenshot", {"region": [1, 2]}, "There is no parameter region. screenshot takes marks."),
    ("actions", {"actions": []}, "Actions must have at least 1 item, not 0."),
    ("actions", {"actions": [{"action": "fly"}]}, "actions[0] names no tool that acts ('fly')"),
    ("actions", {"actions": [{"action": "wait", "duration": 0}] * 21},
     "Actions must have at most 20 items, not 21."),
    ("actions", {"actions": [{"action": "key", "text": "a"}, {"action": "key", "text": "nope!"}]},
     "actions[1]: There is no key named 'nope!'"),
    ("actions", {"actions": [{"action": "key", "text": "a"}, {"action": "key"}]},
     "actions[1]: Text is missing. key takes text, repeat, screenshot. Nothing was done."),
    ("click_left", {"coordinate": [1, 2]}, "There is no tool 'click_left'; did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "words"), WRONG, ids=[f"{one[0]} {str(one[1])[:40]}" for one in WRONG]
)
async def test_bad_input_gets_one_sentence_and_sends_nothing(
    near: Client, witness: Witness, name: str, arguments: dict[str, Any], words: str
) -> None:
    said = refusal(await call(near, name, **arguments))
    assert words in said
    assert "\n" not in said
    assert "pydantic" not in said
    assert witness.saw_nothing()


async def test_ten_megabytes_of_text_get_a_sentence(client: Client, witness: Witness) -> None:
    said = refusal(await call(client, "type", text="x" * 10_000_000))
    assert said.startswith("The text has 10000000 characters; type takes at most 100000")
    assert witness.saw_nothing()


async def test_half_a_character_gets_a_sentence(near: Client, witness: Witness) -> None:
    said = refusal(await call(near, "type", text="x\ud800"))
    assert said.startswith("Character 2 of the text is U+D800, half of a surrogate pair")
    assert witness.saw_nothing()


async def test_null_stands_for_a_parameter_that_is_left_out(
    client: Client, witness: Witness
) -> None:
    await call(client, "mouse_move", coordinate=[8, 9])
    await call(client, "left_click", coordinate=None, text=None, screenshot=None)
    assert witness.saw() == Press(1, 8, 9)


async def test_a_list_may_come_as_json_text(client: Client, witness: Witness) -> None:
    await call(client, "left_click", coordinate="[8, 9]")
    assert witness.saw() == Press(1, 8, 9)


@pytest.mark.parametrize("typed", ["null", "12"])
async def test_text_that_looks_like_json_is_typed_as_it_is(
    client: Client, witness: Witness, typed: str
) -> None:
    await call(client, "type", text=typed)
    seen = [one.name for one in witness.saw_all(2 * len(typed)) if isinstance(one, Key)]
    assert "".join(seen) == typed


async def test_a_batch_is_done_in_order_and_answers_once(near: Client, witness: Witness) -> None:
    result = await call(
        near,
        "actions",
        actions=[
            {"action": "left_click", "coordinate": [10, 20]},
            {"action": "type", "text": "a"},
            {"action": "key", "text": "Return"},
        ],
        screenshot="always",
    )
    assert [type(one) for one in witness.saw_all(6)] == [Press, Release, Key, KeyUp, Key, KeyUp]
    assert picture(result)
    assert len(facts(result)["steps"]) == 3


async def test_a_batch_tells_what_any_of_it_changed(own_desktop: Desktop) -> None:
    async with Client(DesktopServer(own_desktop)) as client:
        await call(client, "open", target="Mousepad")
        steps = [{"action": "type", "text": "小米"}, {"action": "mouse_move", "coordinate": [9, 9]}]
        told = facts(await call(client, "actions", actions=steps))
    first, second = told["steps"]
    assert first["changed"] is not None
    assert second["changed"] is None
    assert told["changed"] == first["changed"]
    assert "note" not in told


async def test_a_batch_is_checked_before_any_of_it_is_done(near: Client, witness: Witness) -> None:
    steps = [{"action": "key", "text": "a"}, {"action": "left_click", "coordinate": [999, 1]}]
    said = refusal(await call(near, "actions", actions=steps))
    assert said.startswith("actions[1]: (999, 1) is outside the 640x480 screenshot")
    assert said.endswith("Nothing was done.")
    assert witness.saw_nothing()


async def test_a_batch_stops_at_the_first_that_fails(near: Client, witness: Witness) -> None:
    steps = [
        {"action": "key", "text": "a"},
        {"action": "type", "text": "한국어"},  # the witness takes no paste
        {"action": "key", "text": "b"},
    ]
    told = json.loads(refusal(await call(near, "actions", actions=steps)))
    assert [one["ok"] for one in told] == [True, False, False]
    assert "did not take it as a paste" in told[1]["error"]
    assert told[2]["error"] == NOT_EXECUTED
    names = {one.name for one in witness.saw_all(6) if isinstance(one, Key)}
    assert "b" not in names


async def test_waiting_for_a_change_says_whether_it_came(near: Client, witness: Witness) -> None:
    await call(near, "screenshot")
    result = await call(near, "wait_for", event="change", seconds=0.2)
    assert facts(result)["happened"] is False
    assert picture(result) is None

    async def paint() -> None:
        await anyio.sleep(0.2)
        await anyio.to_thread.run_sync(witness.paint, 0x123456, 5, 5, 50, 50)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(paint)
        result = await call(near, "wait_for", event="change", seconds=5, region=[0, 0, 60, 60])
    assert facts(result)["happened"] is True
    assert picture(result)


async def test_the_clipboard_is_written_and_read(client: Client) -> None:
    written = await call(client, "clipboard", action="write", text="小米 Ü 😀")
    assert facts(written) == {"ok": True, "written": 6}
    assert facts(await call(client, "clipboard")) == {"ok": True, "text": "小米 Ü 😀"}


async def test_calls_of_one_turn_are_done_in_the_order_they_came(
    near: Client, witness: Witness
) -> None:
    async with anyio.create_task_group() as tasks:
        for x in range(12):
            tasks.start_soon(
                lambda x=x: call(near, "left_click", coordinate=[x, 1], screenshot="never")
            )
    presses = [one.x for one in witness.saw_all(24) if isinstance(one, Press)]
    assert presses == list(range(12))


async def test_a_cancelled_call_lets_go_of_what_it_holds(client: Client, witness: Witness) -> None:
    with anyio.move_on_after(0.4):
        await call(client, "hold_key", text="shift", duration=20)
    # The server may share this loop: leave it free while waiting.
    seen = await anyio.to_thread.run_sync(witness.saw_all, 2)
    assert seen == [Key("Shift_L"), KeyUp("Shift_L", 1)]
    # The SDK's client fails when it is closed while the answer to a cancelled call is on its way.
    assert facts(await call(client, "cursor_position"))["ok"] is True


async def test_the_screen_is_a_resource(client: Client, witness: Witness) -> None:
    found = {str(one.uri): one.mime_type for one in (await client.list_resources()).resources}
    assert found["screen://main"] == "image/png"
    (contents,) = (await client.read_resource("screen://main")).contents
    data = base64.b64decode(getattr(contents, "blob", ""))
    assert struct.unpack(">II", data[16:24]) == (640, 480)


async def test_low_level_tools_are_there_only_when_asked_for(
    near: Client, desktop: Desktop, witness: Witness
) -> None:
    assert "button_down" not in {tool.name for tool in (await near.list_tools()).tools}
    async with Client(DesktopServer(desktop, frozenset({"low-level"}))) as client:
        await call(client, "drag", path=[[5, 5], [50, 5], [50, 50]], button="right")
        await call(client, "key_down", text="ctrl")
        await call(client, "click", button="back", coordinate=[9, 9])
        await call(client, "key_up", text="ctrl")
    assert witness.saw_all(6) == [
        Press(3, 5, 5),
        Release(3, 50, 50),
        Key("Control_L"),
        Press(8, 9, 9, CONTROL),
        Release(8, 9, 9, CONTROL),
        KeyUp("Control_L", CONTROL),
    ]


async def test_a_closed_desktop_says_so(own_desktop: Desktop) -> None:
    async with Client(DesktopServer(own_desktop)) as client:
        await own_desktop.close()
        assert refusal(await call(client, "screenshot")) == "This desktop is closed."


async def test_the_text_of_an_answer_is_one_line_of_json(near: Client) -> None:
    assert "\n" not in text(await call(near, "left_click", coordinate=[1, 1]))

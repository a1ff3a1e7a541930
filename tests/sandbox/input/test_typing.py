"""What was asked is what arrives, in every toolkit, also when the program is stalled."""

import random
import string
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import anyio
import pytest
from desks import session_of
from fields import KINDS, Field, field

from gloveport.sandbox.actions import Action, Hold, KeyDown, KeyUp, Press, Type
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.screen.settle import Patience
from gloveport.sandbox.x11.keymap import SPARE, Keymap, repertoire

TEXTS = {
    "shop": "小米官方旗舰店",
    "ascii": string.printable.strip() + " ok",
    "accents": "Übergröße Café ñandú Čeština žluťoučký œuvre €9.99 – „quoted“ …",
    "emoji": "ok 😀🎉❤🔥🛒👍 end",
    "sequences": "👩‍💻 e\u0301 n\u0303 ❤️ 🇨🇳",
    "right to left": "שלום world مرحبا 123",
    "lines": "first\n第二行\n\nlast",
    "not in the map": "한국어 텍스트 and 繁體中文漢字 ﷽ end",
    "mixed": "小米 14 Ultra（16GB+512GB）— ¥5,999.00！Größe: 6.73″ ✅ 한 끝",
}


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("d")), keymap) as desktop:
        yield desktop


@pytest.fixture(scope="module", params=KINDS)
async def open_field(
    request: pytest.FixtureRequest, wide: Desktop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Field]:
    with field(session_of(wide), request.param, tmp_path_factory.mktemp("field")) as opened:
        await wide.wait_until_still(10)
        yield opened


async def typed(desktop: Desktop, into: Field, text: str) -> str:
    """Type into what the field holds already and return what came of it."""
    before = into.value()
    await desktop.do(Type(text), show="never")
    into.holds(before + text)
    return into.value().removeprefix(before)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.timeout(120)
async def test_text_arrives_as_it_was_asked_for(
    wide: Desktop, open_field: Field, text: str
) -> None:
    assert await typed(wide, open_field, text) == text


AT_ONCE = Patience(first=0, quiet=0)
WAYS: dict[str, Callable[[str], list[Action]]] = {
    "key": lambda char: [Press(char, patience=AT_ONCE)],
    "key_down and key_up": lambda char: [KeyDown(char, AT_ONCE), KeyUp(char, AT_ONCE)],
    "hold_key": lambda char: [Hold(char, 0, AT_ONCE)],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.timeout(120)
async def test_a_key_of_a_character_enters_it_whichever_way_it_is_pressed(
    wide: Desktop, open_field: Field, way: str
) -> None:
    if "key_down" not in way and open_field.kind != "gtk3":
        pytest.skip("key and hold_key are seen in one toolkit; their path is the same in all")
    others = [char for char in repertoire() if ord(char) > 127 and not char.isspace()]
    chars = "azAZ09!@#+-_{}|~\\"
    chars += "é中小Ф€ñß„" + "".join(random.Random(1).sample(others, 20))
    before = open_field.value()
    for char in chars:
        for action in WAYS[way](char):
            await wide.do(action, show="never")
    assert open_field.holds(before + chars), open_field.value().removeprefix(before)
    assert not wide.holding


@pytest.mark.timeout(120)
async def test_a_paste_arrives_and_the_clipboard_is_put_back(
    wide: Desktop, open_field: Field
) -> None:
    await wide.copy("former")
    for number in range(3):
        text = f"한국어 텍스트 {number}"
        assert await typed(wide, open_field, text) == text
    assert await wide.clipboard() == "former"


@pytest.mark.timeout(180)
async def test_text_arrives_in_a_stalled_program(wide: Desktop, open_field: Field) -> None:
    chance = random.Random(7)
    text = "".join(chance.choices(repertoire(), k=300)) + "小米官方旗舰店"
    with open_field.stalled():
        assert await typed(wide, open_field, text) == text


async def test_the_keyboard_is_left_as_it_was_found(wide: Desktop, open_field: Field) -> None:
    x = session_of(wide).x.connect()
    before = x.get_keyboard_mapping(8, 248), x.get_pointer_mapping()
    await wide.do(Type("Über小"), show="never")
    assert (x.get_keyboard_mapping(8, 248), x.get_pointer_mapping()) == before
    assert x.screen().root.query_pointer().mask == 0
    x.close()


async def test_a_keymap_that_somebody_replaced_is_loaded_again(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    session = session_of(own_desktop)
    with field(session, "gtk3", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        await anyio.run_process(["setxkbmap", "de"], env=session.env)
        assert await typed(own_desktop, opened, "zy Üß 小米") == "zy Üß 小米"


REMAPS = {
    "letter": ["xmodmap", "-e", "keycode 38 = b B"],
    "shifted": ["xmodmap", "-e", "keycode 39 = s dollar"],
    "added": ["xmodmap", "-e", "keycode 97 = x y"],
    "Return": ["xmodmap", "-e", "keycode 36 = Escape"],
    "arrows": ["xmodmap", "-e", "keycode 113 = Right", "-e", "keycode 114 = Left"],
    "modifiers": ["xmodmap", "-e", "remove Control = Control_L", "-e", "add Shift = Control_L"],
    "swap": ["xmodmap", "-e", "keysym y = z Z", "-e", "keysym z = y Y"],
    "layout": ["setxkbmap", "fr"],
    "option": ["setxkbmap", "-option", "ctrl:swapcaps"],
    "groups": ["setxkbmap", "us,ru"],
}


@pytest.mark.timeout(180)
async def test_keys_that_a_program_changed_are_put_right_before_the_next(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    session = session_of(own_desktop)
    with field(session, "gtk3", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        expected = opened.value()
        for command in REMAPS.values():
            await anyio.run_process(command, env=session.env)
            await own_desktop.do(Press("a"), show="never")
            await anyio.run_process(command, env=session.env)
            expected += "a"
            assert opened.holds(expected), command
            text = "Sb aAzy sS$ é小x\n"
            assert await typed(own_desktop, opened, text) == text, command
            expected += text
            await anyio.run_process(command, env=session.env)
            await own_desktop.do(Press("Left"), show="never")
            await own_desktop.do(Press("ctrl+End"), show="never")
            assert opened.holds(expected)


async def test_keys_that_are_left_to_programs_stay_theirs(own_desktop: Desktop) -> None:
    session = session_of(own_desktop)
    x = session.x.connect()
    spare = SPARE[-1]
    await own_desktop.do(Press("a"), show="never")
    await anyio.run_process(["xmodmap", "-e", f"keycode {spare} = Hangul"], env=session.env)
    await own_desktop.do(Press("a"), show="never")
    assert x.get_keyboard_mapping(spare, 1)[0][0] == 0xFF31
    x.close()


async def test_caps_lock_does_not_change_text_and_stays_on(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    from gloveport.sandbox.actions import Press

    with field(session_of(own_desktop), "gtk3", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        await own_desktop.do(Press("Caps_Lock"), show="never")
        assert await typed(own_desktop, opened, "aB小") == "aB小"
        await own_desktop.do(Press("c"), show="never")
        assert opened.holds("aB小C")


async def test_what_was_on_the_clipboard_is_there_after_a_paste(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    with field(session_of(own_desktop), "gtk3", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        await own_desktop.copy("kept")
        assert await typed(own_desktop, opened, "한국어") == "한국어"
        assert await own_desktop.clipboard() == "kept"


async def test_a_paste_that_nobody_takes_is_no_success(own_desktop: Desktop) -> None:
    from gloveport.sandbox.errors import NotDone

    with pytest.raises(NotDone, match="'한국어' has characters that no key has"):
        await own_desktop.do(Type("한국어"))


@pytest.mark.timeout(120)
async def test_a_hundred_thousand_characters_arrive_from_one_call(
    own_desktop: Desktop, tmp_path: Path
) -> None:
    line = "小米官方旗舰店 The quick brown fox; Übergröße. 0123456789\n"
    text = (line * (100_000 // len(line) + 1))[:100_000]
    with field(session_of(own_desktop), "xterm", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        await own_desktop.do(Type(text), show="never")
        await anyio.to_thread.run_sync(opened.holds, text, 60)
        assert opened.value() == text

import pytest

from gloveport.sandbox.errors import BadText, UnknownKey
from gloveport.sandbox.x11.keysyms import Chord, held_keys, sequence

RETURN, ESCAPE, TAB, PAGE_DOWN, UP, DELETE = 0xFF0D, 0xFF1B, 0xFF09, 0xFF56, 0xFF52, 0xFFFF
CTRL, SHIFT, ALT, SUPER = 0xFFE3, 0xFFE1, 0xFFE9, 0xFFEB


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Return", Chord((), RETURN)),
        ("ENTER", Chord((), RETURN)),
        ("esc", Chord((), ESCAPE)),
        ("Page_Down", Chord((), PAGE_DOWN)),
        ("pagedown", Chord((), PAGE_DOWN)),
        ("Page Down", Chord((), PAGE_DOWN)),
        ("ArrowUp", Chord((), UP)),
        ("DELETE", Chord((), DELETE)),
        ("F5", Chord((), 0xFFC2)),
        ("f12", Chord((), 0xFFC9)),
        ("a", Chord((), "a")),
        ("A", Chord((), "A")),
        ("é", Chord((), "é")),
        ("小", Chord((), "小")),
        ("U5c0f", Chord((), "小")),
        ("+", Chord((), "+")),
        ("plus", Chord((), "+")),
        ("space", Chord((), " ")),
        (" ", Chord((), " ")),
        ("minus", Chord((), "-")),
        ("slash", Chord((), "/")),
        ("ctrl+s", Chord((CTRL,), "s")),
        ("CTRL+S", Chord((CTRL,), "s")),
        ("ctrl + s", Chord((CTRL,), "s")),
        ("ctrl++", Chord((CTRL,), "+")),
        ("ctrl+plus", Chord((CTRL,), "+")),
        ("ctrl+shift+t", Chord((CTRL, SHIFT), "t")),
        ("Control_L+alt+Delete", Chord((CTRL, ALT), DELETE)),
        ("CMD", Chord((), SUPER)),
        ("cmd+c", Chord((SUPER,), "c")),
        ("alt+Tab", Chord((ALT,), TAB)),
        ("shift", Chord((), SHIFT)),
    ],
)  # fmt: skip
def test_a_key_is_read_as_it_is_meant(written: str, meant: Chord) -> None:
    assert sequence(written) == (meant,)


def test_keys_one_after_another_are_written_with_spaces() -> None:
    assert sequence("Tab Tab ctrl+a Return") == (
        Chord((), TAB),
        Chord((), TAB),
        Chord((CTRL,), "a"),
        Chord((), RETURN),
    )


@pytest.mark.parametrize(("wrong", "near"), [("Retrun", "return"), ("Escpae", "escape")])
def test_an_unknown_key_is_refused_with_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(UnknownKey, match=f"There is no key named '{wrong}'; did you mean '{near}'"):
        sequence(wrong)


@pytest.mark.parametrize("nothing", ["", " \n ", "\t\t"])
def test_no_key_at_all_is_refused(nothing: str) -> None:
    with pytest.raises(BadText, match="There is no key in the text"):
        sequence(nothing)


def test_only_modifiers_can_be_held_with_another_key() -> None:
    with pytest.raises(BadText, match="'a' in 'a\\+b' is not a modifier key"):
        sequence("a+b")


@pytest.mark.parametrize(
    ("written", "held"), [("", ()), ("ctrl", (CTRL,)), ("Shift+CTRL", (SHIFT, CTRL))]
)
def test_modifiers_for_a_click_are_read(written: str, held: tuple[int, ...]) -> None:
    assert held_keys(written) == held


def test_a_click_holds_nothing_but_modifiers() -> None:
    with pytest.raises(BadText, match="'ctrl\\+a' is not a combination of modifier keys"):
        held_keys("ctrl+a")

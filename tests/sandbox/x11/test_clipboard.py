"""Text goes between our clipboard and other programs, both ways, whatever its length."""

from collections.abc import Generator
from pathlib import Path

import pytest
from desks import session_of
from fields import field
from Xlib import X
from Xlib.display import Display

from gloveport.sandbox.actions import Press
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.errors import BadText, NotDone
from gloveport.sandbox.session.session import Session
from gloveport.sandbox.x11.selections import Clipboard

LONG = "小米官方旗舰店 Ü 😀\n" * 40_000  # 1.2 MB: in pieces


@pytest.fixture
def other(session: Session) -> Generator[Clipboard]:
    """Another program with a clipboard."""
    other = Clipboard(session.x.connect())
    yield other
    other.close()


@pytest.mark.parametrize(
    "text", ["小米 Ü 😀", "", "a\n\tb", LONG], ids=["short", "none", "lines", "long"]
)
async def test_what_we_copy_another_program_pastes(
    desktop: Desktop, other: Clipboard, text: str
) -> None:
    await desktop.copy(text[:1_000_000])
    assert other.read() == text[:1_000_000]


@pytest.mark.parametrize("text", ["小米 Ü 😀", LONG], ids=["short", "long"])
async def test_what_another_program_copies_we_read(
    desktop: Desktop, other: Clipboard, text: str
) -> None:
    other.own(text)
    assert await desktop.clipboard() == text


async def test_the_clipboard_is_given_up_to_who_copies_next(
    desktop: Desktop, other: Clipboard
) -> None:
    await desktop.copy("ours")
    other.own("theirs")
    assert await desktop.clipboard() == "theirs"
    await desktop.copy("ours again")
    assert other.read() == "ours again"


async def test_a_clipboard_that_nobody_filled_is_none(own_desktop: Desktop) -> None:
    assert await own_desktop.clipboard() is None


async def test_a_program_that_does_not_hand_out_its_clipboard_is_said(
    desktop: Desktop, session: Session
) -> None:
    deaf: Display = session.x.connect()
    window = deaf.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    window.set_selection_owner(deaf.intern_atom("CLIPBOARD"), X.CurrentTime)
    deaf.sync()
    with pytest.raises(NotDone, match="did not hand it out in 3 s"):
        await desktop.clipboard()
    deaf.close()


async def test_half_a_character_is_not_copied(desktop: Desktop) -> None:
    with pytest.raises(BadText, match="half of a surrogate pair"):
        await desktop.copy("x\udfff")


async def test_a_gtk_program_pastes_what_we_copy(own_desktop: Desktop, tmp_path: Path) -> None:
    text = "小米官方旗舰店 Ü 😀\n" * 20_000
    with field(session_of(own_desktop), "gtk3", tmp_path) as opened:
        await own_desktop.wait_until_still(5)
        await own_desktop.copy(text)
        await own_desktop.do(Press("ctrl+v"), show="never")
        assert opened.holds(text)
        await own_desktop.do(Press("ctrl+a ctrl+c"), show="never")
        await own_desktop.copy("between")
        await own_desktop.do(Press("ctrl+c"), show="never")
        assert await own_desktop.clipboard() == text

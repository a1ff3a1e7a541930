"""File choosers, read, filled in and confirmed by text alone; judged by the programs that asked."""

from pathlib import Path

import pytest
from desks import session_of
from fields import field

from gloveport.sandbox.actions import ClickElement, Press, SetValue, Type
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap

KITS = ("gtk3", "gtk4", "pyqt5", "pyqt6")


async def _asked(desktop: Desktop, what: str) -> None:
    """Have a program ask for a file, and wait until it does."""
    for _ in range(100):
        if (await desktop.find(f"Ask to {what}")).elements:
            break
        await desktop.rest(0.1)
    await desktop.do(ClickElement(f"Ask to {what}"), show="never")
    found, _ = await desktop.wait_for_window(f"Which to {what}", 20)
    assert found


@pytest.mark.parametrize("kind", KITS)
async def test_a_file_is_saved_by_text_alone(tmp_path: Path, keymap: Keymap, kind: str) -> None:
    async with open_desktop(
        DesktopOptions(tmp_path / "d", width=1000, height=700), keymap
    ) as desktop:
        with field(session_of(desktop), kind, tmp_path, "choosers") as app:
            await _asked(desktop, "save")
            wanted = session_of(desktop).folder.home / "Documents/report.txt"
            qt = kind.startswith("pyqt")
            await desktop.do(SetValue("File name:" if qt else "Name:", str(wanted)), show="never")
            confirm = "Save" if qt else "Choose"
            await desktop.wait_until_shown(confirm, 10, state="sensitive")  # GTK looks at it first
            await desktop.do(ClickElement(confirm), show="never")
            assert app.holds(f"save {wanted}"), app.value()


@pytest.mark.parametrize("kind", KITS)
async def test_a_file_is_opened_by_text_alone(tmp_path: Path, keymap: Keymap, kind: str) -> None:
    async with open_desktop(
        DesktopOptions(tmp_path / "d", width=1000, height=700), keymap
    ) as desktop:
        wanted = session_of(desktop).folder.home / "report.txt"
        wanted.touch()
        with field(session_of(desktop), kind, tmp_path, "choosers") as app:
            await _asked(desktop, "open")
            if kind == "gtk4":  # whose list of files no program can read
                await desktop.do(Type(str(wanted)), show="never")
                await desktop.do(Press("Return"), show="never")
            else:
                await desktop.do(ClickElement("report.txt"), show="never")
                confirm = "Choose" if kind == "gtk3" else "Open"
                await desktop.do(ClickElement(confirm), show="never")
            assert app.holds(f"open {wanted}"), app.value()

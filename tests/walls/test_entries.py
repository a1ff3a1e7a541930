"""Every program that has a desktop entry starts on a new desktop, and tells what it shows."""

import time
from pathlib import Path

import anyio
import pytest
from attempts import run_inside
from desks import session_of

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.session.desktop_entries import installed
from gloveport.sandbox.x11.keymap import Keymap

# What each has on it, in the entries that the packages of ./run and well-known programs bring.
SAYS = {
    "chromium": "New Tab",
    "featherpad": "Search",
    "firefox-esr": "New Tab",
    "gimp": "Layer",
    "libreoffice-calc": "Sheet",
    "libreoffice-draw": "Shape",
    "libreoffice-impress": "Slide",
    "libreoffice-startcenter": "Open File",
    "libreoffice-writer": "Styles",
    "lxterminal": "Tabs",
    "org.inkscape.Inkscape": "Layer",
    "org.xfce.mousepad": "Document",
    "org.xfce.mousepad-settings": "Editor",
    "thunar": "Bookmarks",
    "thunar-bulk-rename": "Add Files...",
    "thunar-settings": "Behavior",
    "thunderbird": "Mail",
    "tint2conf": "Edit theme...",
    "vlc": "Playback",
}
UNSAID = ("Welcome", "Tip of the Day", "Privacy", "User Installation", "Select a Template", "Error")


async def said(desktop: Desktop) -> list[str]:
    _, scene = await desktop.read()
    groups = [one for one in scene.groups if not one.layer.dock]
    titles = [one.layer.title for one in groups]
    return titles + [one.name for group in groups for one in group.elements if one.eye == "tree"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("entry", SAYS)
async def test_a_program_starts_and_tells_what_it_shows(
    below: Path, keymap: Keymap, entry: str
) -> None:
    if entry not in {one.id for one in installed(below)}:
        pytest.skip(f"{entry} is not installed here")
    async with open_desktop(DesktopOptions(below, walls="bwrap"), keymap) as desktop:
        await desktop.open(entry)
        until = time.monotonic() + 60
        while SAYS[entry] not in " ".join(words := await said(desktop)):
            assert time.monotonic() < until, words
            await anyio.sleep(0.2)
        assert [one for one in words if any(bad in one for bad in UNSAID)] == []


JAVA = """
import os, subprocess
if os.path.exists('/usr/bin/java'):
    print(subprocess.run(['java', '-XshowSettings:locale', '-version']).returncode)
else:
    print('none')
"""


@pytest.mark.timeout(120)
async def test_java_starts(below: Path, keymap: Keymap) -> None:
    async with open_desktop(DesktopOptions(below, walls="bwrap"), keymap) as desktop:
        ended = run_inside(session_of(desktop), JAVA).split()[-1]
    if ended == "none":
        pytest.skip("java is not installed here")
    assert ended == "0"

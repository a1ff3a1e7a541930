"""Browsers ask for files by a dialog that text alone can read, fill in, confirm and cancel.

Judged by what the page's script got: names, paths, sizes and contents.
"""

import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from answers import call, facts, text
from desks import session_of
from fields import Field, page_in
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

# Names that quoting, globbing, URIs or the shell could spoil.
NAMES = (
    "plain.txt", "two words.txt", "100% #1?.txt", 'say "hi".txt', "back\\slash.txt", "~tilde.txt",
    "Fußgänger 小米 🙂.txt", '"quoted".txt', "-dash.txt", "a&b;c'd.txt",
)  # fmt: skip
ASKS = """
<input type=file aria-label=One><input type=file multiple aria-label=Many>
<input type=file webkitdirectory aria-label=Whole>
<input type=file accept=.png,.txt aria-label=Pictures>
<button onclick=save()>Write</button>
<script>
for (const input of document.querySelectorAll("input")) {
  input.oncancel = () => keep("cancelled");
  input.onchange = async () => {
    const got = {};
    for (const file of input.files) got[file.webkitRelativePath || file.name] = await file.text();
    keep(JSON.stringify(got));
    input.value = "";
  };
}
async function save() {
  try {
    const file = await showSaveFilePicker({suggestedName: "draft.txt"});
    const out = await file.createWritable();
    await out.write("written");
    await out.close();
    keep(`saved ${file.name}`);
  } catch (why) { keep(why.name) }
}
</script>"""


class Asking:
    """A page with fields for files, and the folder of the files there are."""

    def __init__(self, client: Client, page: Field, home: Path) -> None:
        self.client, self.page = client, page
        self.folder = home / "Documents"

    async def told(self, tool: str, **given: Any) -> dict[str, Any]:
        return facts(await call(self.client, tool, screenshot="never", **given))

    async def shown(self, what: str, role: str = "") -> None:
        waited = await call(
            self.client, "wait_for", event="enabled", text=what, role=role, seconds=30
        )
        assert facts(waited)["happened"], text(await call(self.client, "read_screen"))

    async def ask(self, what: str, entry: str = "File name") -> None:
        """Press something that asks for files, and wait for the dialog."""
        await self.shown(what, "button")
        self.page.path.write_text("")
        await self.told("click_element", target=what)
        await self.shown(entry, "entry")

    def got(self) -> Any:
        """What the page was told."""
        assert until(lambda: bool(self.page.value()), 20)
        said = self.page.value()
        return json.loads(said) if said.startswith("{") else said


@asynccontextmanager
async def asking_in(browser: str, below: Path, keymap: Keymap) -> AsyncGenerator[Asking]:
    """A desktop with a browser that shows the page."""
    async with (
        open_desktop(DesktopOptions(below / "d"), keymap) as desktop,
        Client(DesktopServer(desktop)) as client,
    ):
        session = session_of(desktop)
        for name in NAMES:
            (session.folder.home / "Documents" / name).write_text(f"in {name}")
        with page_in(session, browser, below, ASKS) as page:
            yield Asking(client, page, session.folder.home)


@pytest.fixture(scope="module")
async def asking(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Asking]:
    """One page in Chromium for all tests."""
    async with asking_in("chromium", tmp_path_factory.mktemp("dialogs"), keymap) as page:
        yield page


def _quoted(path: object) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


async def test_a_path_of_any_kind_is_written(asking: Asking) -> None:
    for name in NAMES[1:4]:
        await asking.ask("One")
        path = str(asking.folder / name)
        written = await asking.told("set", target="File name:", value=path)
        await asking.told("click_element", target="Open")
        assert (written["set"], asking.got()) == ("verified", {name: f"in {name}"})


async def test_several_paths_are_written_in_quotes(asking: Asking) -> None:
    await asking.ask("Many")
    typed = await asking.told(
        "type", text=" ".join(map(_quoted, (asking.folder / name for name in NAMES))) + "\n"
    )
    assert typed["typed"] == "verified, then Return"
    assert asking.got() == {name: f"in {name}" for name in NAMES}


async def test_files_are_picked_in_the_list(asking: Asking) -> None:
    await asking.ask("Many")
    await asking.told("type", text=f"{asking.folder}\n")
    await asking.shown("plain.txt", "table cell")
    await asking.told("click_element", target="plain.txt")
    await asking.told("click_element", target="two words.txt", modifiers="ctrl")
    field = facts(await call(asking.client, "find", text="File names:", role="entry"))
    await asking.told("click_element", target="Open")
    assert asking.got() == {name: f"in {name}" for name in NAMES[:2]}
    assert '= ""plain.txt" "two words.txt""' in field["found"][0]


async def test_a_folder_is_chosen(asking: Asking) -> None:
    await asking.ask("Whole", "Folder name")
    await asking.told("type", text=f"{asking.folder}\n")
    await call(asking.client, "wait_for", event="text_gone", text="Folder name", seconds=20)
    await asking.shown("Upload", "button")  # both ask whether the page may have all of it
    await asking.told("click_element", target="Upload")
    got = asking.got()  # Chromium writes backslashes of names as slashes
    assert all(path.startswith("Documents/") for path in got)
    assert sorted(got.values()) == sorted(f"in {name}" for name in NAMES)


async def test_what_is_not_there_keeps_the_dialog_open_and_is_said(asking: Asking) -> None:
    for given, said in (
        ("nowhere.txt", "There is no"),
        ("", "Nothing is chosen"),
        ('"unclosed', "in double quotes each"),
        (f"{_quoted(asking.folder)} {_quoted(asking.folder)}", "is a folder"),
    ):
        await asking.ask("Many")
        await asking.told("set", target="File names:", value=given)
        await asking.told("click_element", target="Open")
        waited = await call(asking.client, "wait_for", event="text", text=said, seconds=20)
        assert facts(waited)["happened"], given
        assert not asking.page.value()
        await asking.told("click_element", target="Cancel")
        assert asking.got() == "cancelled"


async def test_it_is_cancelled_by_any_way_out(asking: Asking) -> None:
    for leave in ("Escape", "alt+F4", ""):
        await asking.ask("One")
        if leave:
            await asking.told("key", text=leave)
        else:
            await asking.told("click_element", target="Cancel")
        assert asking.got() == "cancelled"


async def test_a_page_is_saved_in_place_of_a_file(asking: Asking) -> None:
    wanted = asking.folder.parent / "Downloads/kept.html"
    wanted.write_text("old")
    await asking.told("key", text="ctrl+s")
    await asking.shown("Name:", "entry")
    await asking.told("set", target="Name:", value=str(wanted))
    await asking.told("click_element", target="Save")
    await asking.shown("Replace", "button")
    await asking.told("click_element", target="Replace")
    assert until(lambda: "webkitdirectory" in wanted.read_text(), 20)


async def test_firefox_asks_by_the_same_dialog(tmp_path: Path, keymap: Keymap) -> None:
    async with asking_in("firefox", tmp_path, keymap) as page:
        await test_several_paths_are_written_in_quotes(page)
        await test_a_folder_is_chosen(page)
        await test_a_page_is_saved_in_place_of_a_file(page)
        await page.ask("One")
        await page.told("key", text="Escape")
        assert page.got() == "cancelled"


async def test_a_file_is_saved_by_a_script(asking: Asking) -> None:
    await asking.ask("Write", "Name:")
    await asking.told("set", target="Name:", value=str(asking.folder.parent / "new.txt"))
    await asking.told("click_element", target="Save")
    assert asking.got() == "saved new.txt"
    assert (asking.folder.parent / "new.txt").read_text() == "written"


async def test_the_dialog_goes_with_its_program(asking: Asking) -> None:
    await asking.ask("One")
    os.kill(asking.page.pid, signal.SIGKILL)
    waited = await call(asking.client, "wait_for", event="window_gone", text="File", seconds=20)
    assert facts(waited)["happened"]

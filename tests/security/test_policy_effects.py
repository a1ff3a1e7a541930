"""What is done is judged by the default policy, whatever key, button or program does it.

Each case looks at the program's own state: what needs a yes was not done, and the rest was.
"""

import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import Field, field, page_in_chromium
from mcp import Client
from processes import pids_of

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.control.policy import BUILT_IN, load
from gloveport.server.mcp.server import DesktopServer

TOOLKITS = ("gtk3", "gtk4", "qt", "pyqt6", "pyqt5")
PAGE = """
<form id=order onsubmit="done('order'); return false">
 <input aria-label=Coupon id=coupon> <button type=button onclick="done('clear')">Clear</button>
 <button>Place order</button></form>
<form onsubmit="done('search'); return false"><input aria-label=Query id=query>
 <button>Search</button></form>
<form onsubmit="done('login'); return false"><input type=password aria-label=Password id=password>
 <button>Sign in</button></form>
<form onsubmit="done('card'); return false"><input aria-label="Card number" id=card>
 <button id=go>Continue</button></form>
<div style="margin-top:40px"><textarea aria-label=Message id=message
 onkeydown="if (event.key === 'Enter') done('chat')"></textarea>
 <button onclick="done('chat button')">Send</button></div>
<p style="margin-top:90px"><span id=plain>Some plain words</span>
 <button onpointerup="done('released')" style="margin-left:200px">Publish</button>
 <button onclick="done('more')">More</button></p>
<script>
const now = { done: [] };
let sent = Promise.resolve();
const tell = () => { const told = JSON.stringify(now); sent = sent.then(() => keep(told)); };
const done = what => { now.done.push(what); tell(); };
for (const one of document.querySelectorAll("input, textarea"))
  one.oninput = () => { now[one.id] = one.value; tell(); };
tell();
</script>
"""


@pytest.fixture(scope="module")
async def desktop(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("effects")), keymap) as running:
        yield running


_NOT_YET = ("did not answer in time", "program does not answer", "is covered by a menu")
"""What is said, and nothing done, while a program is slow."""


class Program:
    """A program, its desktop, and an agent under the default policy."""

    def __init__(self, agent: Client, at: Field) -> None:
        self.agent = agent
        self._at = at

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(self._at.value() or "{}")

    async def refused(self, name: str, **given: Any) -> str:
        said = refusal(await self._answered(name, given))
        assert "needs a person's yes" in said, said
        return said

    async def does(self, name: str, **given: Any) -> Any:
        return facts(await self._answered(name, given))

    async def _answered(self, name: str, given: dict[str, Any]) -> Any:
        """An answer, once the program tells what it shows: LibreOffice takes its time."""
        with anyio.fail_after(60):
            while True:
                answer = await call(self.agent, name, **given)
                if not answer.is_error or not any(one in text(answer) for one in _NOT_YET):
                    return answer
                if "covered by a menu" in text(answer):  # that an earlier try has opened
                    await call(self.agent, "key", text="Escape Escape")

    async def at(self, text: str, role: str = "") -> list[int]:
        told: dict[str, Any] = {"found": []}
        with anyio.move_on_after(60):
            while not told["found"]:
                told = await self.does("find", text=text, role=role)
        assert told["found"], told
        found = told["found"][0]
        words = [word for word in found.split() if word.replace(",", "").isdecimal()]
        return [int(number) for number in next(one for one in words if "," in one).split(",")]

    async def comes_to(self, key: str, value: Any) -> bool:
        with anyio.move_on_after(10):
            while self.state.get(key) != value:  # noqa: ASYNC110 - a file has no event
                await anyio.sleep(0.01)
        return self.state.get(key) == value

    async def stays(self, key: str, value: Any) -> bool:
        """Whether it has a value once all that was sent before has arrived."""
        await call(self.agent, "wait_for", event="still", seconds=5)
        return self.state.get(key) == value


@asynccontextmanager
async def agent_of(desktop: Desktop, *groups: str) -> AsyncGenerator[Client]:
    server = DesktopServer(desktop, frozenset(groups), policy=load(BUILT_IN))
    async with Client(server) as client:
        yield client


@pytest.fixture
async def page(desktop: Desktop, tmp_path: Path) -> AsyncGenerator[Program]:
    with page_in_chromium(session_of(desktop), tmp_path, PAGE) as at:
        async with agent_of(desktop, "low-level") as client:
            await call(client, "wait_for", event="enabled", text="More", role="button", seconds=30)
            yield Program(client, at)


async def test_what_submits_a_form_is_a_click_on_its_button(page: Program) -> None:
    said = await page.refused("type", text="abc\n", into="Coupon")
    assert "press “Place order” by Return" in said
    await page.does("type", text="abc", into="Coupon")
    for key in ("Return", "KP_Enter", "Enter", "ctrl+Return"):
        await page.refused("key", text=key)
    await page.refused("hold_key", text="Return", duration=0.1)
    await page.refused("key_down", text="Return")
    assert await page.stays("done", [])
    await page.does("type", text="shoes\n", into="Query")
    assert await page.comes_to("done", ["search"])


async def test_a_form_with_a_card_or_a_password_is_sent_by_a_yes_alone(page: Program) -> None:
    assert "rule 'forms'" in await page.refused("click_element", target="Continue")
    assert "rule 'forms'" in await page.refused("click_element", target="Sign in")
    assert "rule 'forms'" in await page.refused("type", text="4111\n", into="Card number")
    assert await page.stays("done", [])
    await page.does("click_element", target="Clear")
    assert await page.comes_to("done", ["clear"])


async def test_a_return_in_a_chat_presses_what_is_beside_it(page: Program) -> None:
    said = await page.refused("type", text="hello\n", into="Message")
    assert "press “Send” by Return" in said
    assert "its program does not tell which button a Return presses" in said
    assert await page.stays("done", [])


async def test_what_gets_into_a_password_is_typing(page: Program) -> None:
    await page.does("clipboard", action="write", text="hunter2")
    await page.does("click_element", target="Password")
    for key in ("ctrl+v", "shift+Insert", "ctrl+shift+v", "h", "H", "shift+h", "KP_1", "space",
                "KP_Add", "exclam", "at", "XF86_Paste"):  # fmt: skip
        await page.refused("key", text=key)
        await page.refused("hold_key", text=key, duration=0.1)
        await page.refused("key_down", text=key)
    await page.does("key_down", text="ctrl")
    await page.refused("key", text="v")
    await page.does("key_up", text="ctrl")
    assert await page.stays("password", None)
    await page.does("key", text="Home")
    await page.does("key", text="ctrl+a")
    await page.does("click_element", target="Query")
    await page.does("key", text="ctrl+v")
    await page.does("key", text="shift+h")
    assert await page.comes_to("query", "hunter2H")


async def test_the_middle_button_types_what_is_selected(page: Program) -> None:
    await page.does("type", text="abc", into="Query")
    await page.does("key", text="shift+Home")
    await page.refused("middle_click", coordinate=await page.at("Password", "password text"))
    assert await page.stays("password", None)


async def test_where_a_button_is_let_go_is_clicked(page: Program) -> None:
    plain, end = await page.at("Some plain words"), await page.at("Publish", "button")
    await page.refused("left_click_drag", start_coordinate=plain, coordinate=end)
    await page.refused("drag", path=[plain, [plain[0], plain[1] + 9], end])
    await page.does("mouse_move", coordinate=plain)
    await page.does("left_mouse_down")
    await page.does("mouse_move", coordinate=end)
    await page.refused("left_mouse_up")
    await page.refused("button_up")
    assert await page.stays("done", [])
    await page.does("mouse_move", coordinate=plain)
    await page.does("left_mouse_up")
    more = await page.at("More", "button")
    await page.does("left_click_drag", start_coordinate=more, coordinate=[more[0] + 2, more[1]])
    assert await page.comes_to("done", ["more"])


@asynccontextmanager
async def till(desktop: Desktop, kind: str, folder: Path) -> AsyncGenerator[Program]:
    with field(session_of(desktop), kind, folder, "till") as at:
        async with agent_of(desktop, "low-level") as client:
            await call(client, "wait_for", event="window", text="till", seconds=20)
            await call(client, "wait_for", event="enabled", text="Help me", seconds=20)
            yield Program(client, at)


@pytest.mark.parametrize("kind", TOOLKITS)
async def test_the_same_holds_in_every_toolkit(desktop: Desktop, kind: str, tmp_path: Path) -> None:
    async with till(desktop, kind, tmp_path) as shown:
        await shown.refused("click_element", target="Pay now")
        await shown.refused("left_click", coordinate=await shown.at("Pay now", "button"))
        password = await shown.at("Password")
        await shown.does("left_click", coordinate=password)
        await shown.refused("type", text="hunter2")
        await shown.refused("key", text="shift+h")
        assert await shown.stays("password", "")
        await shown.does("left_click", coordinate=await shown.at("Note"))
        await shown.does("type", text="a note")
        assert await shown.comes_to("note", "a note")
        await shown.refused("key", text="Return")
        await shown.refused("type", text="x\n")
        await shown.refused("key", text="Tab Tab Tab space")
        await shown.does("click_element", target="Help me")
        assert await shown.comes_to("pressed", ["Help me"])


@pytest.mark.parametrize("kind", TOOLKITS)
async def test_an_item_of_a_menu_is_asked_for(desktop: Desktop, kind: str, tmp_path: Path) -> None:
    async with till(desktop, kind, tmp_path) as shown:
        await shown.does("left_click", coordinate=await shown.at("File"))
        pay = await shown.at("Pay now", "menu item")
        await shown.refused("left_click", coordinate=pay)
        await shown.does("key", text="Down")
        await shown.does("key", text="Down")
        if "Pay now" in str(shown.state["pressed"]):
            pytest.fail("pressed without a yes")
        assert shown.state["pressed"] == []


@pytest.mark.parametrize("kind", TOOLKITS)
async def test_an_access_key_is_a_click(desktop: Desktop, kind: str, tmp_path: Path) -> None:
    async with till(desktop, kind, tmp_path) as shown:
        said = await shown.refused("key", text="alt+d")
        assert "Delete me" in said
        await shown.refused("hold_key", text="alt+d", duration=0.1)
        await shown.does("key_down", text="alt")
        await shown.refused("key", text="d")
        await shown.does("key_up", text="alt")
        if kind != "gtk4":  # it does not tell its access keys
            assert "not certain" not in said
        await shown.does("key", text="alt+k")
        assert await shown.comes_to("pressed", ["Keep it"])


@pytest.mark.parametrize("kind", ["gtk3", "qt", "pyqt6", "pyqt5"])
async def test_a_shortcut_is_a_click_on_its_item(
    desktop: Desktop, kind: str, tmp_path: Path
) -> None:
    async with till(desktop, kind, tmp_path) as shown:
        await shown.does("left_click", coordinate=await shown.at("Note"))
        await shown.does("type", text="abc")
        for key in ("BackSpace", "Left", "ctrl+a", "ctrl+x"):
            await shown.does("key", text=key)
        assert await shown.comes_to("note", "")
        if kind == "gtk3":  # which presses the item, whatever has the focus
            await shown.refused("key", text="Delete")
        else:
            await shown.does("key", text="Delete")
        for key, name in (("ctrl+shift+y", "Pay now"), ("F8", "Erase disk")):
            said = await shown.refused("key", text=key)
            assert f"press “{name}”" in said
            assert "not certain" not in said
        await shown.refused("hold_key", text="F8", duration=0.1)
        await shown.does("key_down", text="ctrl")
        await shown.refused("key", text="shift+Y")
        await shown.does("key_up", text="ctrl")
        await shown.does("click_element", target="Help me")
        assert "press “Delete all”" in await shown.refused("key", text="Delete")
        await shown.does("key", text="ctrl+o")
        assert await shown.comes_to("pressed", ["Help me", "menu Open"]), shown.state


@pytest.mark.parametrize("kind", ["gtk3", "qt", "pyqt6", "pyqt5"])
async def test_a_letter_in_an_open_menu_is_a_click(
    desktop: Desktop, kind: str, tmp_path: Path
) -> None:
    async with till(desktop, kind, tmp_path) as shown:
        await shown.does("left_click", coordinate=await shown.at("File"))
        await shown.does("key", text="Down")  # GTK takes letters once an item is chosen
        for key in ("p", "P", "shift+p", "alt+p"):
            assert "press “Pay now”" in await shown.refused("key", text=key), key
        assert "press “Pay now”" in await shown.refused("type", text="p")
        assert "press “Delete all”" in await shown.refused("type", text="xD")
        await shown.refused("hold_key", text="e", duration=0.1)
        await shown.refused("key_down", text="d")
        assert shown.state["pressed"] == []
        if kind == "gtk3":
            await shown.does("key", text="o")
            assert await shown.comes_to("pressed", ["menu Open"])
        else:  # Qt tells a shortcut in place of the letter, which may be any of the name's
            assert "does not tell its access keys" in await shown.refused("key", text="y")
            await shown.does("key", text="z")


@pytest.mark.timeout(180)
async def test_menus_and_dialogs_of_libreoffice_are_judged(
    desktop: Desktop, tmp_path: Path
) -> None:
    session = session_of(desktop)
    async with agent_of(desktop, "low-level") as client:
        opened = await call(client, "open", target="spreadsheet", screenshot="never")
        assert facts(opened)["window"].endswith("LibreOffice Calc")
        shown = Program(client, Field("calc", tmp_path / "none", 0))
        try:
            await call(client, "wait_for", event="text", text="B2", seconds=30)
            assert (await shown.does("set", target="B2", value="kept"))["set"] == "verified"
            assert "press “Delete Rows”" in await shown.refused(
                "click_element", target="Sheet > Delete Rows"
            )
            rows = await shown.at("Delete Rows", "menu item")
            assert "press “Delete Rows”" in await shown.refused("left_click", coordinate=rows)
            await shown.does("key", text="Escape Escape")
            await shown.does("key", text="ctrl+q")
            await call(client, "wait_for", event="enabled", text="Don’t Save", seconds=20)
            lost = await shown.at("Don’t Save", "button")
            for name, given in (
                ("click_element", {"target": "Don’t Save"}),
                ("left_click", {"coordinate": lost}),
                ("key", {"text": "alt+n"}),
            ):
                assert "press “Don’t Save”" in await shown.refused(name, **given), name
            await shown.does("click_element", target="Cancel")
            cell = (await shown.does("find", text="kept", role="table cell"))["found"]
            assert '"B2" = "kept"' in cell[0]
        finally:
            for pid in pids_of("soffice.bin", session.folder.mark):
                os.kill(pid, signal.SIGKILL)


async def test_what_no_rule_about_texts_sees_is_told_once(desktop: Desktop, tmp_path: Path) -> None:
    """A canvas and a terminal: nothing is asked, and the answer says what is not seen."""
    html = """<canvas width=300 height=200 style="background:#ddd" onclick="keep(++n)"></canvas>
     <button>Next</button><script>let n = 0</script>"""
    with page_in_chromium(session_of(desktop), tmp_path, html) as at:
        async with agent_of(desktop) as client:
            await call(client, "wait_for", event="enabled", text="Next", seconds=30)
            shown = Program(client, at)
            button = await shown.at("Next", "button")
            painted = [button[0] - 100, button[1] - 100]
            said = [await shown.does("left_click", coordinate=painted) for _ in range(2)]
            said.append(await shown.does("left_click", coordinate=button))
            assert at.holds("2")
    assert len(untold(said)) == 1
    async with agent_of(desktop) as client:
        opened = await call(client, "open", target="terminal", screenshot="never")
        shown = Program(client, Field("terminal", tmp_path / "none", 0))
        said = [await shown.does("type", text=f"echo {word} > {tmp_path}/said\n")
                for word in ("delete", "pay")]  # fmt: skip
        with anyio.fail_after(20):
            while not (tmp_path / "said").exists():  # noqa: ASYNC110 - a file has no event
                await anyio.sleep(0.01)
        await shown.does("type", text="exit\n")
    (told,) = untold(said)
    assert facts(opened)["window"] in told


def untold(answers: list[Any]) -> list[str]:
    """The notices that something does not tell what it shows."""
    notices = [one for answer in answers for one in answer.get("notices", [])]
    return [one for one in notices if "rules of the policy about texts cannot see" in one]


async def test_keys_that_delete_files_are_asked_for(desktop: Desktop, tmp_path: Path) -> None:
    session = session_of(desktop)
    files = [tmp_path / name for name in ("one.txt", "two.txt")]
    for one in files:
        one.write_text("kept")
    pid = session.launch(["thunar", str(tmp_path)])
    async with agent_of(desktop, "low-level") as client:
        shown = Program(client, Field("thunar", tmp_path / "state", pid))
        await call(client, "wait_for", event="text", text="one.txt", seconds=30)
        await shown.does("click_element", target="one.txt")
        for key in ("Delete", "shift+Delete", "KP_Delete", "ctrl+Delete"):
            said = await shown.refused("key", text=key)
            assert "its program does not tell what its keys do" in said
        for key in ("Down", "ctrl+c", "F5", "ctrl+a"):
            await shown.does("key", text=key)
        await shown.does("click_element", target="two.txt")
        await shown.does("key", text="F2")
        await shown.does("key", text="Delete")  # in the field for its new name
        await shown.does("key", text="Escape")
        assert all(one.read_text() == "kept" for one in files)
        await shown.does("key", text="ctrl+q")


async def test_an_access_key_of_a_page_is_a_click(desktop: Desktop, tmp_path: Path) -> None:
    html = """<button accesskey=d onclick="keep('deleted')">Delete me</button>
     <button accesskey=k onclick="keep('kept')">Keep it</button>"""
    with page_in_chromium(session_of(desktop), tmp_path, html) as at:
        async with agent_of(desktop) as client:
            await call(client, "wait_for", event="enabled", text="Keep it", seconds=30)
            shown = Program(client, at)
            said = await shown.refused("key", text="alt+d")
            assert "press “Delete me”" in said
            await shown.does("key", text="alt+k")
            assert at.holds("kept")


async def test_forward_and_replace_that_do_no_harm_are_not_asked_for(
    desktop: Desktop, tmp_path: Path
) -> None:
    html = """<button onclick="keep('sent')">Forward</button> <button>Back</button>
     <button>Replace</button> <button>Find</button>
     <button onclick="history.pushState(0, ''); history.back();
       keep('has gone back')">Go</button>"""
    with page_in_chromium(session_of(desktop), tmp_path, html) as at:
        async with agent_of(desktop) as client:
            await call(client, "wait_for", event="enabled", text="Replace", seconds=30)
            shown = Program(client, at)
            await shown.does("click_element", target="Go")
            assert at.holds("has gone back")
            await call(client, "wait_for", event="still", seconds=5)
            found = (await shown.does("find", text="Forward", role="button"))["found"]
            refs = [
                one.split()[0] for one in sorted(found, key=lambda one: int(one.split(",")[-1]))
            ]
            assert len(refs) == 2
            await shown.does("click_element", target=refs[0])  # of the browser
            await shown.refused("click_element", target=refs[1])
            await shown.refused("click_element", target="Replace")
            assert at.value() == "has gone back"
    pid = session_of(desktop).launch(["featherpad"])
    async with agent_of(desktop) as client:
        shown = Program(client, Field("featherpad", tmp_path / "none", pid))
        await call(client, "wait_for", event="text", text="Jump to", seconds=30)
        await shown.does("key", text="ctrl+r")
        await shown.does("left_click", coordinate=await shown.at("Replace", "button"))
        await shown.does("key", text="ctrl+q")


async def test_a_game_is_played_without_questions(desktop: Desktop, tmp_path: Path) -> None:
    with field(session_of(desktop), "game", tmp_path, "till") as at:
        async with agent_of(desktop) as client:
            await call(client, "wait_for", event="window", text="2048", seconds=20)
            shown = Program(client, at)
            moves = ["Up", "Left", "Down", "Right", "w", "a", "s", "d", "space", "Return"]
            said = [await shown.does("key", text=move) for move in moves]
            assert await shown.comes_to("keys", len(moves))
            said.append(await shown.does("left_click", coordinate=[640, 400]))
    (told,) = [one for answer in said for one in answer.get("notices", []) if "policy" in one]
    assert "does not tell what it shows" in told
    assert "2048" in told

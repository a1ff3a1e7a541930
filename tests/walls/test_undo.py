"""Checkpoints and going back, over MCP, judged by the files and by the processes there are."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from answers import call, facts, picture, refusal
from attempts import PYTHON, run_inside
from desks import session_of
from leftovers import left_by
from mcp import Client
from processes import until
from sites import site

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.isolation.egress import EgressPolicy, Internet
from gloveport.sandbox.session.session import IsolationOptions, Session, start_session
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

LIST = """
import os
for root, _, names in os.walk('/home/user'):
    for name in names:
        path = os.path.join(root, name)
        if '/.' not in path: print(path, open(path, errors='replace').read())
"""


@pytest.fixture
async def walled_desktop(
    anyio_backend: str, below: Path, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(
        DesktopOptions(below, width=800, height=600, walls="bwrap"), keymap
    ) as desktop:
        yield desktop


@pytest.fixture
async def agent(walled_desktop: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(walled_desktop)) as client:
        yield client


def files(desktop: Desktop) -> list[str]:
    return run_inside(session_of(desktop), LIST).splitlines()


def write(desktop: Desktop, name: str, text: str) -> None:
    run_inside(session_of(desktop), f"open('/home/user/{name}', 'w').write({text!r})")


async def test_files_are_as_they_were(walled_desktop: Desktop, agent: Client) -> None:
    write(walled_desktop, "kept", "1")
    write(walled_desktop, "changed", "before")
    before = files(walled_desktop)
    made = facts(await call(agent, "checkpoint", note="all is well"))
    assert made["checkpoint"] == "c1"
    run_inside(session_of(walled_desktop), "import os; os.unlink('/home/user/kept')")
    run_inside(session_of(walled_desktop), "import shutil; shutil.rmtree('/home/user/Documents')")
    write(walled_desktop, "changed", "after")
    write(walled_desktop, "evil", "x")
    assert files(walled_desktop) != before
    told = facts(await call(agent, "rollback", to="c1"))
    assert told["back_to"] == "c1"
    assert "stays done" in told["remember"]
    assert files(walled_desktop) == before
    assert run_inside(session_of(walled_desktop), "import os; os.listdir('Documents')") == ""


async def test_back_and_forth_between_checkpoints(walled_desktop: Desktop, agent: Client) -> None:
    for number in (1, 2, 3):
        write(walled_desktop, "note", str(number))
        await call(agent, "checkpoint")
    for number in (1, 3, 2, 3):
        facts(await call(agent, "rollback", to=f"c{number}", screenshot="never"))
        assert files(walled_desktop) == [f"/home/user/note {number}"]
    write(walled_desktop, "note", "4")
    assert facts(await call(agent, "checkpoint"))["checkpoint"] == "c4"
    facts(await call(agent, "rollback", to="c1", screenshot="never"))
    facts(await call(agent, "rollback", screenshot="never"))
    assert files(walled_desktop) == ["/home/user/note 4"]


async def test_programs_come_back_and_can_be_used(walled_desktop: Desktop, agent: Client) -> None:
    await call(agent, "open", target="mousepad")
    await call(agent, "type", text="before")
    found = facts(await call(agent, "find", text="File", role="menu"))["found"]
    await call(agent, "checkpoint")
    await call(agent, "windows", action="close", window="mousepad", screenshot="never")
    facts(await call(agent, "rollback"))
    titles = [one["title"] for one in facts(await call(agent, "windows"))["windows"]]
    assert len(titles) == 1
    assert "Mousepad" in titles[0]
    assert "There is no element" in refusal(
        await call(agent, "click_element", target=found[0].split()[0])
    )
    assert facts(await call(agent, "type", text="小米"))["typed"] == "verified"


async def test_the_answer_names_the_programs_that_came_back(
    walled_desktop: Desktop, agent: Client
) -> None:
    for target in ("mousepad", "xterm", "thunar"):
        facts(await call(agent, "open", target=target, screenshot="never"))
    session_of(walled_desktop).launch(["mousepad", "-o", "window", "/etc/hostname"])
    assert facts(await call(agent, "wait_for", event="window", text="hostname"))["happened"]
    run_inside(
        session_of(walled_desktop),
        "import os, shutil; os.makedirs('/home/user/bin', exist_ok=True); "
        "shutil.copy('/usr/bin/xterm', '/home/user/bin/passing')",
    )
    session_of(walled_desktop).launch(["/home/user/bin/passing"])
    assert facts(await call(agent, "wait_for", event="window", text="passing"))["happened"]
    run_inside(session_of(walled_desktop), "import os; os.unlink('/home/user/bin/passing')")
    facts(await call(agent, "checkpoint"))
    told = facts(await call(agent, "rollback"))
    assert sorted(told["programs"]["back"]) == ["mousepad", "thunar", "xterm"]
    assert told["programs"]["missing"] == ["mousepad", "passing"]  # a window of mousepad is less
    there = {
        one["application"].casefold() for one in facts(await call(agent, "windows"))["windows"]
    }
    assert there == {"mousepad", "thunar", "xterm"}


async def test_a_browser_comes_back_with_its_page(below: Path, keymap: Keymap) -> None:
    with site(b"<title>the page</title>") as (port, _):
        network = EgressPolicy.parse(f"allow=a.example:{port}")
        internet = Internet({"a.example": "127.0.0.1"}, ("127.0.0.0/8",))
        settings = DesktopOptions(
            below, walls="bwrap", enclosure=IsolationOptions(network=network, internet=internet)
        )
        async with open_desktop(settings, keymap) as desktop:
            await desktop.open(f"http://a.example:{port}/")
            assert (await desktop.wait_for_window("the page", 10))[0]
            await desktop.wait_until_changed(4)  # Chromium writes what is open after 2.5 s
            await desktop.checkpoint()
            await desktop.rollback()
            assert (await desktop.wait_for_window("the page", 10))[0]
            assert (await desktop.wait_until_shown("Restore pages", 0.3))[0] is None


async def test_the_list_has_pictures(walled_desktop: Desktop, agent: Client) -> None:
    none = await call(agent, "checkpoint", action="list")
    assert facts(none)["checkpoints"] == []
    assert picture(none) is None
    await call(agent, "checkpoint", note="one")
    await call(agent, "open", target="mousepad", screenshot="never")
    await call(agent, "checkpoint", note="two")
    listed = await call(agent, "checkpoint", action="list")
    shown = facts(listed)["checkpoints"]
    assert [(one["checkpoint"], one["note"], len(one["windows"])) for one in shown] == [
        ("c1", "one", 0),
        ("c2", "two", 1),
    ]
    assert picture(listed)


async def test_one_is_made_before_a_command_in_a_terminal(
    walled_desktop: Desktop, agent: Client
) -> None:
    write(walled_desktop, "precious", "x")
    await call(agent, "open", target="terminal")
    told = facts(await call(agent, "type", text="rm precious\n"))
    assert told["notices"] == ["checkpoint c1 was made before a command in a terminal."]
    assert until(lambda: files(walled_desktop) == [])
    assert "notices" not in facts(await call(agent, "type", text="ls\n"))
    facts(await call(agent, "rollback"))
    assert files(walled_desktop) == ["/home/user/precious x"]


async def test_what_cannot_be_gone_back_to_is_said(agent: Client) -> None:
    assert "none has been made yet" in refusal(await call(agent, "rollback"))
    await call(agent, "checkpoint")
    assert "there are 'c1'" in refusal(await call(agent, "rollback", to="c7"))


async def test_without_walls_there_is_no_undo(desktop: Desktop) -> None:
    async with Client(DesktopServer(desktop)) as client:
        for name in ("checkpoint", "rollback"):
            assert "no walls" in refusal(await call(client, name))


def test_many_times_leave_nothing_behind(below: Path, keymap: Keymap) -> None:
    session = start_session(below, "again", 640, 480, keymap, IsolationOptions())
    try:
        kept = session.keep("c1").folder
        session.go_back(kept)
        rest = "import time; open('/home/user/changed', 'w').write('x'); time.sleep(600)"
        for _ in range(3):  # what each time leaves would show in the second
            session.launch([PYTHON, "-c", rest])
            session.go_back(kept)
        assert until(lambda: not list(session.folder.kept.glob("gone-*")), 20)
        before = all_started(session)
        for _ in range(10):  # bench/walls.py does it 100 times
            session.launch([PYTHON, "-c", rest])
            session.go_back(kept)
        assert until(lambda: left_by(session) == before, 20), (before, left_by(session))
    finally:
        session.close()
    assert not session.folder.path.exists()


def all_started(session: Session) -> dict[str, int]:
    """What there is once all the desktop's own programs have started their own."""
    while True:
        before = left_by(session)
        if not until(lambda before=before: left_by(session) != before, 1):
            return before


async def test_a_checkpoint_that_fails_is_said_and_leaves_nothing(
    walled_desktop: Desktop, agent: Client
) -> None:
    kept = session_of(walled_desktop).folder.kept
    (kept / "c1").write_text("in the way")
    said = refusal(await call(agent, "checkpoint"))
    assert said == "The home could not be copied: File exists."
    assert until(lambda: not list(kept.iterdir()))
    (kept / "c2").write_text("in the way")
    await call(agent, "open", target="terminal")
    told = facts(await call(agent, "type", text="touch done\n"))["notices"]
    assert told[0].startswith("no checkpoint could be made before a command in a terminal: ")
    assert until(lambda: files(walled_desktop) == ["/home/user/done "])
    assert facts(await call(agent, "checkpoint"))["checkpoint"] == "c3"


async def test_a_long_chain_of_checkpoints_keeps_every_state(walled_desktop: Desktop) -> None:
    """Each lies on the one before, until there are too many layers; what was removed stays so."""
    made: list[str] = []
    for step in range(11):
        write = f"""
import os
open('/home/user/step{step}', 'w').write('{step}')
if {step}: os.unlink('/home/user/step{step - 1}')
"""
        run_inside(session_of(walled_desktop), write)
        made.append((await walled_desktop.checkpoint()).name)
        await walled_desktop.rollback(made[-1])
    look = "import os; print([one for one in sorted(os.listdir('/home/user')) if 'step' in one])"
    there = [one.name for one in walled_desktop.checkpoints]
    for name in there[::-1]:
        await walled_desktop.rollback(name)
        assert run_inside(session_of(walled_desktop), look) == f"['step{made.index(name)}']\n"

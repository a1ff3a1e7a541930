"""A rollback brings programs back with what they had open: profiles, tabs and documents."""

from pathlib import Path

import pytest
from answers import call, facts
from attempts import run_inside
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.checkpoints.programs import again, name_of
from gloveport.sandbox.desktop import Desktop

PROFILES = ("Default", "Profile 1", "Profile 2", "Profile 3")


def titles(told: dict[str, list[dict[str, str]]]) -> list[str]:
    return sorted(one["title"].partition(" - ")[0] for one in told["windows"])


async def test_the_tabs_of_each_profile_of_chromium_that_was_open(
    desktop: Desktop, agent: Client
) -> None:
    session = session_of(desktop)
    for name in PROFILES:
        page = f"data:text/html,<title>of {name}</title>"
        session.launch(["chromium", f"--profile-directory={name}", page])
        found = await call(agent, "wait_for", event="window", text=f"of {name}", seconds=45)
        assert facts(found)["happened"]
    facts(await call(agent, "windows", action="close", window="of Profile 1"))
    open_now = sorted(f"of {name}" for name in PROFILES if name != "Profile 1")
    folder = session.home / ".config/chromium"

    def written() -> bool:
        """Chromium writes a new profile's settings and its session some seconds later."""
        code = f"""
from pathlib import Path
print(all(
    (Path({str(folder)!r}) / name / "Preferences").exists()
    and any(b"of " + name.encode() in one.read_bytes().replace(b"\\0", b"")
            for one in (Path({str(folder)!r}) / name / "Sessions").glob("Session_*"))
    for name in {[one for one in PROFILES if one != "Profile 1"]!r}
))"""
        return run_inside(session, code).strip() == "True"

    assert until(written, 40)
    facts(await call(agent, "checkpoint"))
    told = facts(await call(agent, "rollback"))["programs"]
    assert (len(told["back"]), told["missing"]) == (3, [])
    for title in open_now:
        found = await call(agent, "wait_for", event="window", text=title, seconds=45)
        assert facts(found)["happened"], title
    assert titles(facts(await call(agent, "windows"))) == open_now


async def test_a_document_that_libreoffice_had_open(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    make = "import os; os.mkdir('/home/user/my work'); os.chdir('/home/user/my work')"
    run_inside(session, f"{make}; open('two words.txt', 'w').write('kept')")
    # The document is opened by a second command, as its File menu does: no argument tells of it.
    session.launch(["soffice", "--norestore", "--writer"])
    found = await call(agent, "wait_for", event="window", text="Untitled", seconds=45)
    assert facts(found)["happened"]
    session.launch(["env", "-C", "/home/user/my work", "soffice", "two words.txt"])
    found = await call(agent, "wait_for", event="window", text="two words", seconds=45)
    assert facts(found)["happened"]
    facts(await call(agent, "type", text="unsaved "))
    facts(await call(agent, "checkpoint"))
    run_inside(session, "open('/home/user/my work/two words.txt', 'w').write('lost')")
    told = facts(await call(agent, "rollback"))["programs"]
    assert "soffice" in told["back"]
    found = await call(agent, "wait_for", event="window", text="two words", seconds=45)
    assert facts(found)["happened"]
    there = titles(facts(await call(agent, "windows")))
    assert there == ["two words.txt"], there  # no question about recovery or a lock
    assert run_inside(session, "print(open('/home/user/my work/two words.txt').read())") == "kept\n"


@pytest.mark.parametrize(
    ("argv", "held", "command"),
    [
        (["xterm", "-en", "utf-8", "-e", "rm x"], [], "env -C /d xterm -en utf-8"),
        (["/usr/bin/lxterminal", "--command=rm x"], [], "env -C /d /usr/bin/lxterminal"),
        (["mousepad", "-e", "a b"], [], "env -C /d mousepad -e a b"),
        (["/usr/lib/x/soffice.bin", "a.odt"], [], "env -C /d soffice --norestore a.odt"),
        (["soffice.bin", "--writer"], ["/d/b c.odt"], "env -C /d soffice --norestore /d/b c.odt"),
        (["/u/chromium --user-data-dir=/a b --x"], ["/a b/P 1/Session Storage/LOCK"],
         "chromium --user-data-dir=/a b --restore-last-session --profile-directory=P 1"),
        (["/u/chromium"], [], "chromium --restore-last-session"),
        (["/u/firefox-esr", "-P", "x"], [], "/u/firefox-esr"),
    ],
)  # fmt: skip
def test_the_command_that_brings_a_program_back(
    argv: list[str], held: list[str], command: str
) -> None:
    made = again(argv, "/d", held)
    assert " ".join(made) == command
    assert Path(name_of(made)).name == name_of(made) != "env"

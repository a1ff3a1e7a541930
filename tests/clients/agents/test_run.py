"""`gloveport run` as a person runs it: a process, a scripted model, a desktop and its witness."""

import json
import os
import re
import select
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from models.anthropic_api import Anthropic
from models.gemini_api import Gemini
from models.openai_api import OpenAI
from models.script import Compute, Model, Say, Use, serving
from web import TOKEN, served, serving_web
from witness import Press, Witness

from gloveport.clients.agents.recorder import UNKNOWN
from gloveport.sandbox.desktop import Desktop
from gloveport.server.control.policy import Policy, Rule
from gloveport.server.mcp.server import DesktopServer

pytestmark = pytest.mark.timeout(120)  # processes that load an SDK, on machines that are busy
KEYS = {"ANTHROPIC_API_KEY": "key", "OPENAI_API_KEY": "key", "GEMINI_API_KEY": "key"}
RUN = [sys.executable, "-m", "gloveport.server.cli", "run"]
GROUPS = frozenset({"low-level"})


def environment(keys: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/nonexistent", **keys}


def do(name: str, **given: Any) -> Use:
    return Use(name, given, toolset="computer")


SAID, DONE = Say("I <b>click</b>"), [Say("小米")]
CLICK = {"type": "click", "button": "left", "x": 5, "y": 6}
SCRIPTS: dict[str, Model] = {
    "claude": Anthropic([[SAID, do("left_click", coordinate=[5, 6])], DONE]),
    "openai": OpenAI([[SAID, Compute([CLICK])], DONE]),
    "gemini": Gemini([[SAID, Use("click", {"x": 8, "y": 13})], DONE]),
}


@pytest.mark.parametrize("brain", SCRIPTS)
async def test_a_task_is_done_told_and_reported(
    brain: str, desktop: Desktop, witness: Witness, tmp_path: Path
) -> None:
    page, token = tmp_path / "run.html", tmp_path / "token"
    token.write_text(TOKEN)
    async with serving(SCRIPTS[brain]) as api, served(desktop, groups=GROUPS) as url:
        options = ["--url", f"{url}/mcp", "--brain", brain, "--base-url", base(brain, api),
                   "--out", str(tmp_path / "runs"), "--report", str(page), "--yes",
                   "--token-file", str(token)]  # fmt: skip
        ran = await anyio.run_process(
            [*RUN, "click <there>", *options], env=environment(KEYS), check=False
        )
    told = ran.stderr.decode()
    assert (ran.returncode, ran.stdout.decode()) == (0, "小米\n"), told
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert re.match(r"Watch, or take over: http://\S+/live/main\?code=\S+\n", told), told
    assert re.search(r"thinking \d+ s, acting \d+ s, waiting for you 0 s", told), told
    assert re.search(r"1 left_click .*\d+ ms", told), told
    assert re.search(r"\d tokens, *\$\d", told.replace("\n", " ")), told
    assert SCRIPTS[brain].refused == []

    html = page.read_text(encoding="utf-8")
    assert "<h1>click &lt;there&gt;</h1>" in html
    assert "<b>left_click</b>" in html
    assert "data:image/png;base64," in html
    assert not re.search(r"(src|href)=(?!'data:)", html)  # one file that needs nothing else
    assert "<blockquote>I &lt;b&gt;click&lt;/b&gt;</blockquote>" in html


def base(brain: str, api: str) -> str:
    return f"{api}/v1" if brain == "openai" else api


async def test_the_person_at_the_terminal_is_asked_before_anything_is_typed(
    desktop: Desktop, witness: Witness, tmp_path: Path
) -> None:
    batch = [do("left_click", coordinate=[5, 6]), do("type", text="请尽快发货 rm -rf /\u202e")]
    model = Anthropic([batch, [Say("as you wish")]])
    async with serving(model) as api, served(desktop) as url:
        mine, terminal = os.openpty()
        process = await anyio.open_process(
            [*RUN, "type", "--url", f"{url}/mcp", "--base-url", api, "--out", str(tmp_path)],
            env=environment({**KEYS, "COLUMNS": "200"}), stdin=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        asked = await anyio.to_thread.run_sync(until, mine, b"[a]lways type")
        os.write(mine, b"n\n")
        assert process.stdout
        with anyio.fail_after(30):
            assert await process.stdout.receive() == b"as you wish\n"
            await process.wait()
        os.close(mine)
        await process.aclose()
    # What a terminal would not show is shown.
    assert 'type {"text": "请尽快发货 rm -rf /\\u202e"}? [y]es' in asked.decode()
    told = "\n".join(model.requests[-1].texts)
    assert "The person in charge did not allow type. Nothing was done." in told
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()


@pytest.mark.parametrize("answer", ["y", "n", ""])
async def test_the_person_at_the_terminal_answers_the_policy(
    answer: str, desktop: Desktop, witness: Witness, tmp_path: Path
) -> None:
    model = Anthropic([[do("left_click", coordinate=[5, 6])], [Say("so be it")]])
    server = DesktopServer(desktop, policy=Policy((Rule("by hand", "ask", tool=("left_click",)),)))
    async with serving(model) as api, serving_web(server, desktop) as url:
        mine, terminal = os.openpty()
        process = await anyio.open_process(
            [*RUN, "click", "--url", f"{url}/mcp", "--base-url", api, "--out", str(tmp_path)],
            env=environment({**KEYS, "COLUMNS": "200"}), stdin=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        asked = await anyio.to_thread.run_sync(until, mine, b"[y]es, [N]o")
        assert witness.saw_nothing()
        os.write(mine, answer.encode() + b"\n")
        assert process.stdout
        with anyio.fail_after(60):
            assert await process.stdout.receive() == b"so be it\n"
            await process.wait()
        os.close(mine)
        await process.aclose()
    plain = re.sub(rb"\x1b\[[\d;]*m", b"", asked)
    assert b"The desktop asks: gloveport's policy asks (rule 'by hand'): May the agent" in plain
    assert "“gloveport run (claude-opus-5-5)”".encode() in plain
    told = "\n".join(model.requests[-1].texts)
    if answer == "y":
        assert witness.saw_all(2)[0] == Press(1, 5, 6)
    else:
        assert "said no" in told
        assert witness.saw_nothing()


async def test_without_a_terminal_the_policy_refuses_and_says_why(
    desktop: Desktop, witness: Witness, tmp_path: Path
) -> None:
    model = Anthropic([[do("left_click", coordinate=[5, 6])], [Say("so be it")]])
    server = DesktopServer(desktop, policy=Policy((Rule("by hand", "ask", tool=("left_click",)),)))
    options = ["--base-url", "", "--out", str(tmp_path), "--yes"]
    async with serving(model) as api, serving_web(server, desktop) as url:
        options[1] = api
        ran = await anyio.run_process(
            [*RUN, "click", "--url", f"{url}/mcp", *options], env=environment(KEYS), check=False
        )
    assert ran.returncode == 0, ran.stderr
    assert "nobody can be asked now" in "\n".join(model.requests[-1].texts)
    assert witness.saw_nothing()


def until(terminal: int, text: bytes) -> bytes:
    """What a terminal shows, until it shows a text."""
    shown = b""
    while text not in shown:
        assert select.select([terminal], [], [], 50)[0], shown
        shown += os.read(terminal, 4096)
    return shown


async def test_a_run_that_was_killed_is_taken_up_without_doing_anything_again(
    desktop: Desktop, witness: Witness, tmp_path: Path
) -> None:
    first = Anthropic([[do("left_click", coordinate=[5, 6]), do("wait", duration=6)]])
    second = Anthropic([[Say("I see where I was")]])
    async with AsyncExitStack() as running:
        url = await running.enter_async_context(served(desktop))
        options = ["--url", f"{url}/mcp", "--yes", "--out", str(tmp_path)]
        api = await running.enter_async_context(serving(first))
        command = [*RUN, "wait a bit", *options, "--base-url", api]
        process = await anyio.open_process(command, env=environment(KEYS))
        folder = await waiting(tmp_path, process)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await process.aclose()

        again = await running.enter_async_context(serving(second))
        ran = await anyio.run_process(
            [*RUN, "--resume", str(folder), *options, "--base-url", again],
            env=environment(KEYS), check=False,
        )  # fmt: skip
    assert ran.stdout == b"I see where I was\n", ran.stderr.decode()
    told = "\n".join(second.requests[0].texts)
    assert "wait a bit\n\nYou have worked on this task before and were cut off." in told
    assert re.search(rf"^2\. wait .*: {UNKNOWN}$", told, re.MULTILINE)
    assert witness.saw_all(2)[0] == Press(1, 5, 6)
    assert witness.saw_nothing()


async def waiting(below: Path, process: Process) -> Path:
    """The folder of the run, once its record says that it is about to wait."""
    with anyio.fail_after(50):
        while not (folders := waiters(below)):
            assert process.returncode is None
            await anyio.sleep(0.02)
    return folders[0]


def waiters(below: Path) -> list[Path]:
    return [
        file.parent
        for file in below.glob("*/record.jsonl")
        if any(json.loads(line).get("name") == "wait" for line in file.read_text().splitlines())
    ]


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    ("options", "keys", "why"),
    [
        (["do it"], KEYS, "gloveport: there is no terminal to ask at before it types; --yes says"),
        (["--yes"], KEYS, 'gloveport: say what is to be done: gloveport run "..."'),
        (["--yes", "--resume", "nowhere"], KEYS, "gloveport: nowhere holds no record.jsonl: No"),
        (["do it", "--yes", "--price", "much"], KEYS, "gloveport: --price much is not two numbers"),
        (
            ["do it", "--yes", "--url", "http://127.0.0.1:9/mcp"], KEYS,
            "gloveport: No desktop answers at http://127.0.0.1:9/mcp: All connection attempts",
        ),
        (
            ["do it", "--yes", "--brain", "openai", "--url", "http://127.0.0.1:9/mcp"], {},
            "gloveport: Missing credentials.",
        ),
        (
            ["do it", "--yes", "--url", "http://127.0.0.1:9/mcp"], {},
            "gloveport: There is no key to ask Claude with; set ANTHROPIC_API_KEY.",
        ),
    ],
    ids=["no terminal", "no task", "no record", "no price", "no desktop", "no key", "nor here"],
)  # fmt: skip
async def test_what_is_missing_is_said_in_a_sentence(
    options: list[str], keys: dict[str, str], why: str, tmp_path: Path
) -> None:
    ran = await anyio.run_process(
        [*RUN, *options], env=environment(keys), check=False, cwd=tmp_path, stdin=None, input=b""
    )
    told = ran.stderr.decode()
    assert ran.returncode == 1
    assert why in told
    assert "Traceback" not in told
    assert contents(tmp_path) == []

"""Clients of other people, each as it is published, fill in a form on a desktop.

A scripted model tells them what to call; those that have none get the same calls from their
program. The form says what arrived on the desktop; the model, or the program, what came back.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from desks import session_of
from fields import Field, field
from matrix import reached
from matrix.clients import CLIENTS, Client, Errors, Pictures
from matrix.homes import Home
from matrix.table import PAGE, Row, known
from matrix.watching import Watched, WatchedServer
from models.anthropic_api import Anthropic
from models.gemini_api import Gemini
from models.openai_api import OpenAI
from models.script import OVER, Json, Model, Say, Turn, Use, Write, serving
from processes import until
from web import serving_web

from gloveport.clients.recipes.table import Reach, recipes
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap

NAME = "小米官方旗舰店"
TILES = ("Tile 2", "Tile 0", "Tile 1")
APIS: dict[str, type[Model]] = {"anthropic": Anthropic, "openai": OpenAI, "gemini": Gemini}
_ANSWERED_WITHIN = 120  # seconds a client has, from its start to its end
_SHOWN = 6000  # characters of what it said
_NO_HOST = "http://127.0.0.1:9"  # the discard port: whoever would go further is refused at once

Call = tuple[str, Json]


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    """A desktop of the usual size."""
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
def form(wide: Desktop, tmp_path: Path) -> Generator[Field]:
    with field(session_of(wide), "gtk3", tmp_path, "form") as opened:
        yield opened


@pytest.fixture
def home(client: Client) -> Home:
    home = Home(client)
    home.make()
    return home


async def points(desktop: Desktop, *names: str) -> list[list[int]]:
    """Where things of the form are."""
    shown, _ = await desktop.wait_until_shown(names[-1], 20)
    assert shown
    _, scene = await desktop.read()
    found = {one.name: one.point for one in scene.elements if one.role != "label"}
    return [[found[name].x, found[name].y] for name in names]


async def turns(desktop: Desktop, client: Client) -> list[list[Call]]:
    """What the model does, turn by turn."""
    typing: Json = {"text": NAME}
    if client.first_only:
        typing["screenshot"] = "never"
    name, subscribe, *tiles = await points(desktop, "Name", "Subscribe", *TILES)
    both: list[Json] = [
        {"action": "left_click", "coordinate": subscribe},
        {"action": "left_click", "coordinate": tiles[0]},
    ]
    return [
        [("left_click", {"coordinate": name})],
        [("type", typing)],
        [("actions", {"actions": both})],
        [("left_click", {"coordinate": [5000, 5]})],
        [("left_click", {"coordinate": tile}) for tile in tiles],
        [("screenshot", {})],
    ]


def scripted(client: Client, wanted: list[list[Call]]) -> Model:
    """A model that says them; what is asked without tools (for a title, say) is no turn."""
    left = iter(wanted)

    def say(body: Json) -> Turn:
        more = [one for one in body.get("input", ()) if one.get("type") == "additional_tools"]
        if not body.get("tools") and not more:
            return [Say("A form")]
        turn = next(left, None)
        if turn is None:
            return OVER
        if client.writes:
            return [Write(client.writes, program(client, turn))]
        return [
            Use(client.prefix + name, arguments, namespace=client.namespace)
            for name, arguments in turn
        ]

    return APIS[client.api](say)


def program(client: Client, turn: list[Call]) -> str:
    """What Codex' models write to call tools and to see all that they answer."""
    calls = ", ".join(
        f"tools.{client.prefix}{name}({json.dumps(arguments)})" for name, arguments in turn
    )
    return (
        f"for (const answer of await Promise.all([{calls}]))"
        " for (const part of answer.content)"
        ' if (part.type === "image") image(part); else text(part.text);'
    )


def environment(home: Home, folder: Path, model: str) -> dict[str, str]:
    """A user's, whose models are all at one address, who wants no telemetry and no updates."""
    ours = Path(sys.executable).parent
    path = [*home.path, ours, *os.get_exec_path()]
    openai = f"{model}/v1"
    return {
        "PATH": os.pathsep.join(map(str, path)), "HOME": str(folder), "LANG": "C.UTF-8",
        "ANTHROPIC_API_KEY": "none",
        # The AI SDK takes /v1 for a part of it; others add theirs, which the server takes as well.
        "ANTHROPIC_BASE_URL": f"{model}/v1",
        "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": openai, "OPENAI_API_BASE": openai,
        "GEMINI_API_KEY": "none", "GOOGLE_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": model,
        "HTTPS_PROXY": _NO_HOST, "NO_PROXY": "127.0.0.1,localhost",
        "DO_NOT_TRACK": "1", "DISABLE_TELEMETRY": "1", "OTEL_SDK_DISABLED": "true",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
        "OPENAI_AGENTS_DISABLE_TRACING": "1", "GEMINI_TELEMETRY_ENABLED": "false",
        "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        "AGNO_TELEMETRY": "false", "MCP_USE_ANONYMIZED_TELEMETRY": "false",
        "LANGSMITH_TRACING": "false", "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_TRACING_ENABLED": "false", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip


async def run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    """Run a client to its end, and end what it leaves running; give what it printed."""
    printed, complained = folder / "out.txt", folder / "err.txt"
    with printed.open("wb") as out, complained.open("wb") as err:
        client = await anyio.open_process(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True,
        )  # fmt: skip
        try:
            with anyio.move_on_after(_ANSWERED_WITHIN):
                await client.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(client.pid, signal.SIGKILL)
            with anyio.CancelScope(shield=True):
                await client.wait()
    said = f"{printed.read_text()}\n{complained.read_text()}"
    print(said[-_SHOWN:])  # noqa: T201 - pytest shows it when the test fails
    assert client.returncode == 0, f"it ended with {client.returncode}"
    return printed.read_text()


def parameters() -> list[Any]:
    slow = pytest.mark.client
    return [pytest.param(one, id=one.name, marks=() if one.quick else slow) for one in CLIENTS]


async def driven(
    client: Client, home: Home, wide: Desktop, folder: Path, command: Callable[[str], list[str]]
) -> tuple[Watched, list[Json]]:
    """Run a command, told the desktop's URL; give what the server saw and what the model was told.

    Without a model, that is what the program printed.
    """
    wanted = await turns(wide, client)
    server = WatchedServer(wide)
    server.watched = watched = Watched()
    async with serving_web(server, wide) as url:
        if client.api:
            model = scripted(client, wanted)
            async with serving(model) as api:
                await run(command(f"{url}/mcp"), folder, environment(home, folder, api))
            assert not model.refused
            bodies = [request.body for request in model.requests]
        else:
            env = environment(home, folder, _NO_HOST)
            said = await run([*command(f"{url}/mcp"), json.dumps(wanted)], folder, env)
            bodies = [json.loads(line) for line in said.splitlines()]
    assert watched.called == [name for turn in wanted for name, _ in turn]
    return watched, bodies


def filled_in(form: Field) -> list[str]:
    """Check that the form holds all that was wanted, and give the tiles of the last turn."""
    assert until(lambda: len(json.loads(form.value())["clicked"]) == 1 + len(TILES))
    done = json.loads(form.value())
    assert (done["name"], done["subscribed"]) == (NAME, True)
    first, *others = done["clicked"]
    assert first == TILES[0]
    assert sorted(others) == sorted(TILES)
    return others


def came_back(watched: Watched, bodies: list[Json]) -> tuple[Pictures, Errors]:
    """Check that the words of answers came back, and tell how pictures and errors did."""
    assert reached.said('"typed":"verified"', bodies)
    (refusal,) = watched.refusals
    return reached.pictures(watched.pictures, bodies), reached.errors(refusal, bodies)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("client", parameters())
async def test_a_client_fills_in_the_form(
    client: Client, home: Home, wide: Desktop, form: Field, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    watched, bodies = await driven(client, home, wide, folder, lambda url: [*home.command, url])
    tiles = filled_in(form)
    assert came_back(watched, bodies) == (client.pictures, client.errors)
    assert watched.wires == {client.wire}
    (protocol,) = watched.protocols
    Row(
        name=client.name,
        protocol=protocol,
        at_once=watched.at_once,
        in_order=tuple(tiles) == TILES,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    ).keep()


@pytest.mark.client
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("client", [one for one in CLIENTS if one.model], ids=lambda one: one.name)
async def test_the_published_recipe_does_the_same(
    client: Client, home: Home, wide: Desktop, form: Field, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()

    def command(url: str) -> list[str]:
        reach = Reach(str(Path(sys.executable).with_name("gloveport")), ("stdio", "--url", url))
        recipe = home.program(recipes()[client.recipe].snippet(reach))
        return [*recipe, client.model, "Fill in the form that is open."]

    watched, bodies = await driven(client, home, wide, folder, command)
    filled_in(form)
    assert came_back(watched, bodies) == (client.pictures, client.errors)
    assert watched.wires == {"stdio"}


@pytest.mark.parametrize("client", [one for one in CLIENTS if one.recipe], ids=lambda one: one.name)
def test_recipes_tell_what_runs_see(client: Client) -> None:
    sees = "pictures" if client.pictures in ("intact", "recoded") else "text"
    assert recipes()[client.recipe].sees == sees


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_page_says_what_runs_see(client: Client) -> None:
    assert known(client) in PAGE.read_text(encoding="utf-8")

"""`gloveport config` says how each client reaches the desktop, and what it says is right."""

import ast
import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gloveport.clients.recipes.table import Reach, Recipe, recipes
from gloveport.server.cli.banner import announce
from gloveport.server.cli.client_config import reaching
from gloveport.server.cli.main import main

REACH = Reach("/a b/gloveport", ("stdio", "--url", "http://box:8750/mcp", "--token-file", "/t"))
TABLE = recipes()
COMMAND = str(Path(sys.executable).with_name("gloveport"))
SETTINGS = [one for one in TABLE.values() if not one.code]
PROGRAMS = [one for one in TABLE.values() if one.code]
CLIENTS = (
    "claude-desktop claude-code codex gemini-cli opencode cursor vscode windsurf goose zed "
    "qwen-code copilot-cli cline lm-studio hermes-agent "
    "langchain openai-agents pydantic-ai agno ai-sdk adk llamaindex crewai smolagents autogen"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "GEMINI_CLI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def said(path: Path) -> Any:
    """What a settings file says."""
    text = path.read_text()
    if path.suffix == ".toml":
        return tomllib.loads(text)
    if path.suffix == ".yaml":
        return YAML(typ="safe").load(text)  # pyright: ignore[reportUnknownMemberType] # half typed
    return json.loads(text)


def test_all_clients_are_listed_with_what_each_sees(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[: len(TABLE)]] == CLIENTS.split()
    (text_only,) = (line for line in out.splitlines() if "LlamaIndex" in line)
    assert "text only" in text_only


@pytest.mark.parametrize("recipe", SETTINGS, ids=lambda one: one.key)
def test_what_is_printed_is_what_is_written(recipe: Recipe, tmp_path: Path) -> None:
    printed = tmp_path / f"printed{Path(recipe.file[-1]).suffix}"
    printed.write_text(recipe.part(REACH))
    assert said(printed) == {recipe.under: {"gloveport": recipe.settings(REACH)}}


@pytest.mark.parametrize("recipe", SETTINGS, ids=lambda one: one.key)
def test_the_settings_file_is_written_and_has_a_command(recipe: Recipe, home: Path) -> None:
    path = recipe.path({"HOME": str(home)}, mac=False)
    assert home in path.parents
    assert main(["config", recipe.key, "--write", "--name", "box"]) == 0
    entry = said(path)[recipe.under]["box"]
    program = entry.get("command", entry.get("cmd"))
    if recipe.key == "opencode":  # has it all in one list
        assert program == [COMMAND, "stdio"]
    else:
        assert [program, *entry["args"]] == [COMMAND, "stdio"]


@pytest.mark.parametrize("recipe", PROGRAMS, ids=lambda one: one.key)
def test_programs_reach_the_desktop_by_the_same_command(recipe: Recipe) -> None:
    code = recipe.snippet(REACH)
    assert f"{json.dumps(REACH.command)}" in code
    assert '["stdio", "--url", "http://box:8750/mcp", "--token-file", "/t"]' in code
    if recipe.key != "ai-sdk":
        ast.parse(code)


def test_the_command_of_claude_code_survives_a_shell() -> None:
    words = shlex.split(TABLE["claude-code"].snippet(REACH))
    assert words == ["claude", "mcp", "add", "-s", "user", "gloveport", "--", REACH.command,
                     *REACH.args]  # fmt: skip


def test_a_token_is_named_by_its_file_and_stands_nowhere(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = home / "token"
    token.write_text("a-secret-of-some-length")
    given = ["--url", "http://box:8750/mcp", "--token-file", str(token)]
    assert main(["config", "cursor", "--write", *given]) == 0
    told = capsys.readouterr().out + (home / ".cursor/mcp.json").read_text()
    assert str(token) in told
    assert "a-secret" not in told


def test_what_changed_is_said_and_a_second_time_nothing_does(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / ".codex/config.toml"
    file.parent.mkdir()
    file.write_text('model = "some"\n')
    assert main(["config", "codex", "--write"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:",
        "  added mcp_servers.gloveport",
        f"As it was before: {file}.backup-1",
        "`codex mcp list` shows it.",
    ]
    assert main(["config", "codex", "--write"]) == 0
    assert capsys.readouterr().out == f"{file} says so already; nothing was changed.\n"


def test_remove_takes_the_entry_out_of_every_client(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [recipe.path({"HOME": str(home)}, mac=False) for recipe in SETTINGS]
    for recipe in SETTINGS:
        assert main(["config", recipe.key, "--write"]) == 0
        assert main(["config", recipe.key, "--write", "--name", "other"]) == 0
    assert main(["config", "zed", "--remove", "--name", "other"]) == 0
    capsys.readouterr()
    assert main(["config", "--remove"]) == 0
    told = capsys.readouterr().out
    for recipe, file in zip(SETTINGS, files, strict=True):
        assert f"{file}:\n  took {recipe.under}.gloveport out\n" in told
        kept = said(file).get(recipe.under, {}).keys()
        assert kept == ({"other"} if recipe.key != "zed" else set())
    assert main(["config", "--remove"]) == 0
    assert (
        capsys.readouterr().out == "No settings file has an entry gloveport; nothing was changed.\n"
    )
    files[0].write_text("{")
    assert main(["config", "--remove", "--name", "other"]) == 1
    told = capsys.readouterr()
    assert f"{files[0]} was left as it is" in told.err
    assert told.out.count("took") == len(files) - 2


def test_another_file_is_written_where_one_is_named(home: Path) -> None:
    file = home / ".vscode/mcp.json"
    assert main(["config", "vscode", "--write", "--file", str(file)]) == 0
    assert said(file)["servers"]["gloveport"]["type"] == "stdio"


def test_variables_move_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(home / "elsewhere"))
    assert main(["config", "codex", "--write"]) == 0
    assert (home / "elsewhere/config.toml").exists()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["nobody"], "there is no recipe for nobody; there are claude-desktop,"),
        (["agno", "--write"], "Agno has no settings file"),
        (["zed", "--name", "a.b"], "--name a.b is not possible"),
        (["nobody", "--remove"], "there is no recipe for nobody; there are claude-desktop,"),
        (["--remove", "--file", "f"], "--file goes with a CLIENT"),
    ],
)
def test_what_is_not_possible_is_said(
    given: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", *given]) == 1
    assert why in capsys.readouterr().err


def test_the_server_prints_the_same_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    address = "http://127.0.0.1:8750"
    announce(address, "/live/main?code=x", "bwrap", (), token="", file=None, elsewhere="")
    out = capsys.readouterr().out
    assert TABLE["claude-code"].snippet(reaching(["stdio"])) in out
    for line in TABLE["codex"].snippet(reaching(["stdio"])).splitlines():
        assert line in out

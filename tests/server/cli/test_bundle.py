"""The bundles for Claude Desktop: the official tool takes them, and what is in them runs."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from answers import call, facts
from mcp import Client, StdioServerParameters
from npm import node, package, program
from trap import set_trap
from uv import find_uv_bin
from web import TOKEN, guarded, served

from gloveport.sandbox.desktop import Desktop
from gloveport.server.cli.main import main

pytestmark = pytest.mark.timeout(400)  # the first test installs the official tool
NAMES = ["gloveport.mcpb", "gloveport-remote.mcpb"]
# The official substitution of settings, as the hosts of bundles run it.
FILL = """
const [library, manifest, folder, settings] = process.argv.slice(1);
const { getMcpConfigForManifest } = await import(library);
const filled = await getMcpConfigForManifest({
  manifest: JSON.parse(manifest), extensionPath: folder, systemDirs: {}, pathSeparator: "/",
  userConfig: JSON.parse(settings),
});
console.log(JSON.stringify(filled));
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles")
    assert main(["bundle", "--out", str(out)]) == 0
    return out


def mcpb(*arguments: str | Path) -> str:
    command = [*program("mcpb"), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module", params=NAMES)
def unpacked(
    request: pytest.FixtureRequest, made: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    mcpb("unpack", made / request.param, folder)
    return folder


def filled(folder: Path, **settings: str) -> dict[str, Any]:
    """What a host runs for an unpacked bundle with these settings."""
    library = package("@anthropic-ai/mcpb") / "dist" / "index.js"
    manifest = (folder / "manifest.json").read_text()
    ran = subprocess.run(
        [node(), "--input-type=module", "-e", FILL, "--", str(library), manifest, str(folder),
         json.dumps(settings)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(ran.stdout)


def parameters(config: dict[str, Any], home: Path) -> StdioServerParameters:
    command, environment = config["command"], {**config["env"], "HOME": str(home)}
    if command == "uv":  # with the packages that are here, instead of some from an index
        command = find_uv_bin()
        environment |= {"UV_PROJECT_ENVIRONMENT": sys.prefix, "UV_NO_SYNC": "1", "UV_OFFLINE": "1"}
    else:  # a Python without one package of ours
        command = sys.executable
        config["args"].insert(0, "-S")
    return StdioServerParameters(command=command, args=config["args"], env=environment)


def test_the_official_tool_validates_and_packs_it(unpacked: Path, tmp_path: Path) -> None:
    assert "passes" in mcpb("validate", unpacked / "manifest.json")
    mcpb("pack", unpacked, tmp_path / "again.mcpb")
    assert "manifest.json" in zipfile.ZipFile(tmp_path / "again.mcpb").namelist()


async def test_it_runs_nothing_of_the_folder_it_is_started_in(
    unpacked: Path, desktop: Desktop, tmp_path: Path
) -> None:
    project, ran = set_trap(tmp_path)
    async with served(desktop, guarded(tmp_path)) as url:
        started = parameters(filled(unpacked, url=f"{url}/mcp", token=TOKEN), tmp_path)
        started.cwd = project
        started.env = {**(started.env or {}), "PWD": str(project)}
        async with Client(started) as client:
            told = facts(await call(client, "mouse_move", coordinate=[34, 12]))
    assert told["cursor"] == [34, 12]
    assert not ran.exists(), ran.read_text()


async def test_its_command_reaches_a_desktop_elsewhere(
    unpacked: Path, desktop: Desktop, tmp_path: Path
) -> None:
    async with served(desktop, guarded(tmp_path)) as url:
        config = filled(unpacked, url=f"{url}/mcp", token=TOKEN)
        async with Client(parameters(config, tmp_path)) as client:
            told = facts(await call(client, "mouse_move", coordinate=[12, 34]))
    assert told["cursor"] == [12, 34]


def test_an_address_left_out_stands_for_a_desktop_here_or_is_asked_for(unpacked: Path) -> None:
    manifest = json.loads((unpacked / "manifest.json").read_text())
    if manifest["server"]["type"] == "python":
        assert manifest["user_config"]["url"]["required"]
        return
    config = filled(unpacked)
    assert config["args"][-4:] == ["stdio", "--url=", "--size=1280x800", "--walls=auto"]
    assert config["env"]["GLOVEPORT_TOKEN"] == ""


def test_a_token_is_hidden(unpacked: Path) -> None:
    manifest = json.loads((unpacked / "manifest.json").read_text())
    assert manifest["user_config"]["token"]["sensitive"]
    assert TOKEN not in " ".join(filled(unpacked, url="http://box/mcp", token=TOKEN)["args"])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_sources_make_the_same_bytes(made: Path, name: str, tmp_path: Path) -> None:
    assert main(["bundle", "--out", str(tmp_path)]) == 0
    assert (tmp_path / name).read_bytes() == (made / name).read_bytes()

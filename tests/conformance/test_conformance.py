"""The official MCP conformance suite, run against the product's whole stack but its tools.

`pytest -m conformance`. What differs from the product and why:

- The suite's own tools, resources and prompts are added (fixtures.py).
- `logging/setLevel`, `resources/subscribe` and `completion/complete` are answered by fixtures: the
  first two ended with the handshake era, and the SDK serves none of the three by itself.
- Answers come in streams, which a client can come back to. The product answers in JSON, for a
  desktop's tools say nothing while they run; what the suite then misses is listed in `IN_JSON`.
"""

import json
import subprocess
from pathlib import Path

import anyio
import pytest
from conformance.fixtures import FixtureServer
from npm import program
from web import serving_web

from gloveport.sandbox.desktop import Desktop

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(400),
    # The suite's fixtures log and sample, which the protocol has given up and the suite has not.
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]

HANDSHAKE, STATELESS = "2025-11-25", "2026-07-28"
PASSED = {HANDSHAKE: 84, STATELESS: 152}
# Progress and log messages need a stream to come on. Questions to the client do in the handshake
# era; in the stateless one they are answers, and pass.
IN_JSON = {
    HANDSHAKE: {
        "elicitation-sep1034-general", "elicitation-sep1330-general", "tools-call-elicitation",
        "tools-call-sampling", "tools-call-with-logging", "tools-call-with-progress",
    },
    STATELESS: {"tools-call-with-progress"},
}  # fmt: skip


def written(out: Path) -> list[dict[str, str]]:
    return [check for path in out.rglob("checks.json") for check in json.loads(path.read_text())]


async def checks(url: str, version: str, out: Path) -> list[dict[str, str]]:
    """Every check the suite made."""
    command = [*program("conformance"),
               "server", "--url", f"{url}/mcp", "--suite", "all", "--spec-version", version,
               "--output-dir", str(out)]  # fmt: skip
    ran = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT)
    found = written(out)
    assert found, ran.stdout.decode()
    return found


def failed(found: list[dict[str, str]]) -> dict[str, str]:
    return {
        check["id"]: check.get("errorMessage", "")
        for check in found
        if check["status"] in {"FAILURE", "WARNING", "SKIPPED"}
    }


@pytest.mark.parametrize("version", PASSED)
async def test_every_check_passes(desktop: Desktop, version: str, tmp_path: Path) -> None:
    async with serving_web(FixtureServer(desktop, streams=True), desktop) as url:
        found = await checks(url, version, tmp_path)
    assert failed(found) == {}
    assert sum(check["status"] == "SUCCESS" for check in found) == PASSED[version]


@pytest.mark.parametrize("version", PASSED)
async def test_answers_in_json_lack_only_what_needs_a_stream(
    desktop: Desktop, version: str, tmp_path: Path
) -> None:
    async with serving_web(FixtureServer(desktop, streams=False), desktop) as url:
        assert set(failed(await checks(url, version, tmp_path))) == IN_JSON[version]

"""What the bridge answers before the server runs is what the server answers.

`python tests/server/stdio/test_greeting.py` writes server/stdio/greeting.json anew."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

FILE = Path(__file__).parents[3] / "server" / "stdio" / "greeting.json"
COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
MODERN = "2026-07-28"
CLIENT = {"clientInfo": {"name": "x", "version": "1"}, "capabilities": {}}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT["clientInfo"],
    "io.modelcontextprotocol/clientCapabilities": {},
}
Requests = Sequence[tuple[str, dict[str, Any]]]
LEGACY: Requests = [
    ("initialize", {"protocolVersion": HANDSHAKE_PROTOCOL_VERSIONS[-1], **CLIENT}),
    ("tools/list", {}),
]
STATELESS: Requests = [("server/discover", {"_meta": META}), ("tools/list", {"_meta": META})]


@contextmanager
def state() -> Generator[Path]:
    """A state folder with a short name, as a Unix socket needs, whose servers end with it."""
    with tempfile.TemporaryDirectory(prefix="gp") as folder:
        yield Path(folder)
        subprocess.run([*COMMAND, "stop", "--all", "--state-dir", folder], check=False)


def asked(state: Path, requests: Requests) -> list[dict[str, Any]]:
    """What a bridge answers to requests, one after another."""
    with subprocess.Popen(
        [*COMMAND, "stdio", "--size", "640x480", "--state-dir", str(state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as bridge:  # fmt: skip
        assert bridge.stdin
        assert bridge.stdout
        answers: list[dict[str, Any]] = []
        for number, (method, params) in enumerate(requests):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            bridge.stdin.write(json.dumps(request) + "\n")
            bridge.stdin.flush()
            answer = json.loads(bridge.stdout.readline())
            assert answer["id"] == number
            answers.append(answer["result"])
        bridge.stdin.close()
    return answers


def warm(folder: Path) -> list[dict[str, Any]]:
    """What the server itself answers."""
    called = {"name": "cursor_position", "arguments": {}, "_meta": META}
    asked(folder, [("tools/call", called)])  # which is answered by the server alone
    return [*asked(folder, LEGACY), *asked(folder, STATELESS)]


@pytest.mark.parametrize("requests", [LEGACY, STATELESS], ids=["handshake", "stateless"])
def test_the_bridge_says_at_once_what_the_server_says(
    requests: Requests,
) -> None:
    with state() as folder:
        cold = asked(folder, requests)
        served = warm(folder)
    assert cold == served[:2] if requests is LEGACY else cold == served[2:]


def test_a_version_it_does_not_know_gets_the_newest_of_the_handshake_era() -> None:
    with state() as folder:
        (told,) = asked(folder, [("initialize", {"protocolVersion": "1999-01-01", **CLIENT})])
    assert told["protocolVersion"] == HANDSHAKE_PROTOCOL_VERSIONS[-1]


if __name__ == "__main__":
    with state() as folder:
        hello, listed, discovered, listed_now = warm(folder)
    legacy = {"initialize": hello, "tools/list": listed}
    modern = {MODERN: {"server/discover": discovered, "tools/list": listed_now}}
    versions = list(HANDSHAKE_PROTOCOL_VERSIONS)
    made = {"legacy": legacy, "modern": modern, "versions": versions}
    FILE.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

"""The bridge outlives its server, runs no code of the folder it stands in, and answers whatever
happens."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from processes import alive, until
from trap import set_trap

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
GLOVEPORT = str(Path(sys.executable).with_name("gloveport"))
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO = {
    "protocolVersion": "2025-11-25", "capabilities": {},
    "clientInfo": {"name": "x", "version": "1"},
}  # fmt: skip


@pytest.fixture
def state() -> Generator[Path]:
    """A state folder with a short name, as a Unix socket needs, whose servers end with it."""
    with tempfile.TemporaryDirectory(prefix="gp") as folder:
        yield Path(folder)
        subprocess.run([*COMMAND, "stop", "--all", "--state-dir", folder], check=False)


class Bridge:
    """A client's end of a bridge: one request at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._asked = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request."""
        assert self._process.stdin
        assert self._process.stdout
        self._asked += 1
        asked = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["id"] == self._asked
        return answer

    def note(self, method: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method}) + "\n")
        self._process.stdin.flush()

    def call(self, tool: str, *, legacy: bool, **arguments: Any) -> dict[str, Any]:
        """What a tool answers."""
        meta = {} if legacy else {"_meta": META}
        return self.ask("tools/call", name=tool, arguments=arguments, **meta)["result"]


@contextmanager
def bridging(*options: str, cwd: Path | None = None, program: str = "") -> Generator[Bridge]:
    command = [program] if program else COMMAND
    with subprocess.Popen(
        [*command, "stdio", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, cwd=cwd, env={"PATH": os.defpath},
    ) as process:  # fmt: skip
        yield Bridge(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(20) == 0


def server_of(state: Path) -> int:
    """The process of a server."""
    told = subprocess.run(
        [*COMMAND, "status", "--json", "--state-dir", str(state)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(json.loads(told.stdout)[0]["pid"])


@pytest.mark.parametrize("legacy", [True, False], ids=["handshake", "stateless"])
def test_a_lost_server_is_started_again_and_the_next_call_says_so(
    state: Path, legacy: bool
) -> None:
    with bridging("--size", "640x480", "--state-dir", str(state)) as bridge:
        if legacy:
            assert bridge.ask("initialize", **HELLO)["result"]["serverInfo"]["name"] == "gloveport"
            bridge.note("notifications/initialized")
        moved = bridge.call("mouse_move", legacy=legacy, coordinate=[7, 9])
        assert not moved.get("isError"), moved
        first = server_of(state)
        os.kill(first, signal.SIGKILL)
        assert until(lambda: not alive(first))
        said = bridge.call("left_click", legacy=legacy, coordinate=[7, 9])
        assert said["isError"]
        assert said["content"][0]["text"].startswith("Desktop lost: its server ended")
        found = bridge.call("cursor_position", legacy=legacy)
        assert json.loads(found["content"][0]["text"])["x"] != 7  # another desktop
        assert server_of(state) != first
        assert not bridge.call("left_click", legacy=legacy, coordinate=[5, 5]).get("isError")


def test_a_server_that_cannot_start_is_said_by_each_call(state: Path) -> None:
    policy = state / "no-such-policy.toml"
    options = ("--state-dir", str(state), "--policy", str(policy))
    with bridging(*options) as bridge:
        assert bridge.ask("initialize", **HELLO)["result"]["serverInfo"]["name"] == "gloveport"
        assert len(bridge.ask("tools/list")["result"]["tools"]) > 20
        for _ in range(2):
            said = bridge.call("screenshot", legacy=True)
            assert said["isError"]
            text = said["content"][0]["text"]
            assert text.startswith("The desktop server did not start: ")
            assert "no-such-policy.toml" in text
            assert "Traceback" not in text


BODIES = [
    (502, b"upstream error"), (200, b"{"), (200, b"[]"), (200, b"null"), (200, b"[" * 100_000),
    (200, b"\xff\xfe"), (500, b""), (200, b""), (204, b""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_an_answer_that_is_none_becomes_one_sentence(status: int, body: bytes, kind: str) -> None:
    class Upstream(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        Thread(target=upstream.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{upstream.server_port}/mcp"
            with bridging("--url", url) as bridge:
                for _ in range(2):  # and it goes on
                    said = bridge.call("screenshot", legacy=False)
                    assert said["isError"]
                    assert 0 < len(said["content"][0]["text"]) <= 400
                    assert "error" in bridge.ask("tools/list", _meta=META)
        finally:
            upstream.shutdown()


def test_a_server_elsewhere_that_does_not_answer_is_said() -> None:
    with bridging("--url", "http://127.0.0.1:9/mcp") as bridge:
        said = bridge.call("screenshot", legacy=False)
        assert said["content"][0]["text"].startswith("The desktop server does not answer at http")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return set_trap(tmp_path)[0]


def test_the_folder_a_client_stands_in_runs_no_code(state: Path, project: Path) -> None:
    options = ("--size", "640x480", "--state-dir", str(state))
    with bridging(*options, cwd=project, program=GLOVEPORT) as bridge:
        told = bridge.call("open", legacy=False, target="data:text/html,<title>here</title>")
        assert not told.get("isError"), told
        assert not bridge.call("checkpoint", legacy=False).get("isError")
    for command in (["status"], ["live"], ["config", "codex"], ["doctor"], ["stop"]):
        more = [] if command[0] in ("config", "doctor") else ["--state-dir", str(state)]
        subprocess.run(
            [GLOVEPORT, *command, *more], cwd=project, check=False, capture_output=True,
            env={"PATH": os.defpath, "HOME": str(project)}, timeout=60,
        )  # fmt: skip
    ran = project.parent / "ran"
    assert not ran.exists(), ran.read_text()


def test_the_trap_works_where_python_looks_at_the_folder(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "json"], cwd=project, check=False, capture_output=True)
    assert (project.parent / "ran").exists()


@pytest.mark.parametrize("attended", [False, True])
def test_a_server_of_another_version_is_replaced_unless_it_is_used(
    state: Path, attended: bool
) -> None:
    with bridging("--size", "640x480", "--state-dir", str(state)) as bridge:
        bridge.call("mouse_move", legacy=False, coordinate=[7, 9])
        first = server_of(state)
        info = state / "main.json"
        info.write_text(json.dumps(json.loads(info.read_text()) | {"version": "0.0.1"}))
        if attended:
            with bridging("--size", "640x480", "--state-dir", str(state)) as other:
                other.call("cursor_position", legacy=False)
            assert server_of(state) == first
    if attended:
        return
    with bridging("--size", "640x480", "--state-dir", str(state)) as other:
        found = other.call("cursor_position", legacy=False)
        assert json.loads(found["content"][0]["text"])["x"] != 7
        assert server_of(state) != first
    assert until(lambda: not alive(first))


def test_a_second_server_of_a_name_is_refused(state: Path) -> None:
    with bridging("--size", "640x480", "--state-dir", str(state)) as bridge:
        bridge.call("cursor_position", legacy=False)
        second = subprocess.run(
            [*COMMAND, "serve", "--port", "0", "--state-dir", str(state)],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert second.returncode == 1
    assert second.stderr.startswith("gloveport: A server named main already runs")
    assert "--name OTHER" in second.stderr


def test_whatever_the_environment_says_it_is_the_same_server(state: Path) -> None:
    """Codex starts its servers with an empty environment."""
    for environment in ({"XDG_RUNTIME_DIR": str(state)}, {"XDG_RUNTIME_DIR": "/nowhere"}, {}):
        said = subprocess.run(
            [sys.executable, "-c", "from gloveport.server.stdio.state_folder import own_state; "
             "print(own_state().folder)"],
            env={"PATH": os.defpath, **environment}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert said.strip() in (
            f"/run/user/{os.getuid()}/gloveport",
            f"/tmp/gloveport-{os.getuid()}",
        )

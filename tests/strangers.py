"""A server as a newcomer starts it, and programs of another user of this machine."""

import json
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
STRANGER = 54321  # a user id that owns nothing
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "stranger", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def calling(tool: str, **arguments: Any) -> dict[str, Any]:
    """A call of a tool, as JSON-RPC."""
    params = {"name": tool, "arguments": arguments, "_meta": META}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def naming(tool: str) -> dict[str, str]:
    """The headers of such a call."""
    return {
        "accept": "application/json, text/event-stream", "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool,
    }  # fmt: skip


MOVE = calling("mouse_move", coordinate=[7, 9])


class Server:
    """A server as a newcomer starts it: no token, on loopback."""

    def __init__(self, state: Path, port: int, process: subprocess.Popen[str]) -> None:
        self.state = state
        self.port = port
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.token = (state / "main.token").read_text().strip()

    def over_socket(self) -> httpx2.Client:
        """A client of this user's own, by the Unix socket."""
        transport = httpx2.HTTPTransport(uds=str(self.state / "main.sock"))
        return httpx2.Client(transport=transport, base_url="http://localhost", timeout=20)

    def pointer(self) -> list[int]:
        """Where the pointer is."""
        asked, headers = calling("cursor_position"), naming("cursor_position")
        with self.over_socket() as http:
            answer = http.post("/mcp", json=asked, headers=headers)
        told = json.loads(answer.json()["result"]["content"][0]["text"])
        return [told["x"], told["y"]]


@contextmanager
def serving(*options: str, limit: int = 0) -> Generator[Server]:
    with tempfile.TemporaryDirectory(prefix="gp") as folder:
        state = Path(folder)
        before = ["prlimit", f"--nofile={limit}:{limit}"] if limit else []
        (state / "log").touch(0o600)
        with (state / "log").open("w") as log:
            process = subprocess.Popen(
                [*before, *COMMAND, "serve", "--port", "0", "--size", "640x480", "--walls", "none",
                 "--state-dir", folder, *options],
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert process.stdout
        try:
            for line in process.stdout:
                if line.startswith("  MCP "):
                    url = line.split()[1]
                    break
            else:
                raise AssertionError((state / "log").read_text())
            for line in process.stdout:
                if "Ctrl+C" in line:
                    break
            yield Server(state, int(url.split(":")[2].split("/")[0]), process)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


def as_stranger(code: str, *given: object) -> str:
    """What a program of another user prints."""
    run = [sys.executable, "-I", "-S", "-c", textwrap.dedent(code), *map(str, given)]
    drop = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    done = subprocess.run([*drop, *run], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr

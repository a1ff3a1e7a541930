"""What a client's configuration runs, as a process: it starts, finds or joins a server."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts, picture, refusal
from mcp import Client, StdioServerParameters
from mcp_types import ElicitRequestParams, ElicitResult
from processes import alive, until

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]


@pytest.fixture
def runtime() -> Generator[Path]:
    """A state folder with a short name, as a Unix socket needs."""
    with tempfile.TemporaryDirectory(prefix="gp") as folder:
        yield Path(folder)
        for pid in servers(Path(folder)):
            os.kill(pid, signal.SIGTERM)
        assert until(lambda: not servers(Path(folder)))


def servers(runtime: Path) -> list[int]:
    """Servers that were started with this folder."""
    found: list[int] = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = command.read_bytes().split(b"\0")
            if b"serve" in said and str(runtime).encode() in said:
                found.append(int(command.parent.name))
        except OSError:
            pass
    return [pid for pid in found if alive(pid)]


ENVIRONMENT = {"PATH": os.environ["PATH"]}  # noqa: TID251


def stdio(runtime: Path, *options: str) -> list[str]:
    """What a client's configuration runs, with servers of its own."""
    return [*COMMAND, "stdio", "--size", "640x480", "--state-dir", str(runtime), *options]


def parameters(runtime: Path, *options: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=COMMAND[0], args=stdio(runtime, *options)[1:], env=ENVIRONMENT
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_desktop_is_started_and_outlives_the_client(runtime: Path, mode: Any) -> None:
    async with Client(parameters(runtime), mode=mode) as client:
        assert picture(await call(client, "screenshot"))
        await call(client, "mouse_move", coordinate=[77, 88])
    async with Client(parameters(runtime), mode=mode) as client:
        told = facts(await call(client, "cursor_position"))
        assert (told["x"], told["y"]) == (77, 88)
    assert len(servers(runtime)) == 1


async def test_several_clients_at_once_start_one_server(runtime: Path) -> None:
    async def use() -> None:
        async with Client(parameters(runtime)) as client:
            facts(await call(client, "screenshot"))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(use)
    assert len(servers(runtime)) == 1


async def test_calls_sent_at_once_are_done_in_order(runtime: Path) -> None:
    async with Client(parameters(runtime)) as client:
        done: list[int] = []

        async def move(x: int) -> None:
            told = facts(await call(client, "mouse_move", coordinate=[x, 1], screenshot="never"))
            assert told["cursor"] == [x, 1]
            done.append(x)

        async with anyio.create_task_group() as tasks:
            for x in range(8):
                tasks.start_soon(move, x)
        assert done == list(range(8))


async def test_a_server_that_nobody_needs_ends(runtime: Path) -> None:
    async with Client(parameters(runtime, "--ttl", "1")) as client:
        facts(await call(client, "screenshot"))
        (server,) = servers(runtime)
        await anyio.sleep(1.5)
        assert alive(server)
    assert await anyio.to_thread.run_sync(until, lambda: not alive(server), 15)
    assert await anyio.to_thread.run_sync(lambda: not list(runtime.glob("*.sock")))


async def test_what_a_killed_client_holds_is_released(runtime: Path) -> None:
    async with Client(parameters(runtime)) as other:
        process = subprocess.Popen(  # noqa: ASYNC220
            stdio(runtime), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
        )
        assert process.stdin
        assert process.stdout
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = {
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "left_mouse_down", "arguments": {}, "_meta": meta},
        }  # fmt: skip
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(await anyio.to_thread.run_sync(process.stdout.readline))
        assert not answer["result"].get("isError"), answer
        process.kill()
        await anyio.to_thread.run_sync(process.wait)
        process.stdin.close()
        process.stdout.close()
        # Held, the button would turn this move into a drag that never ends; see the server's log.
        log = runtime / "main.log"
        facts(await call(other, "mouse_move", coordinate=[5, 5]))
        assert await anyio.to_thread.run_sync(until, lambda: "released what" in log.read_text(), 5)


@pytest.fixture
def process(runtime: Path) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        stdio(runtime),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        yield process
        process.kill()


def initialize(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdin
    assert process.stdout
    message = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                   "clientInfo": {"name": "test", "version": "0"}},
    }  # fmt: skip
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize("how", ["end of input", signal.SIGINT, signal.SIGTERM], ids=str)
def test_the_bridge_ends_cleanly(process: subprocess.Popen[bytes], how: Any) -> None:
    assert initialize(process)["result"]["serverInfo"]["name"] == "gloveport"
    if how == "end of input":
        assert process.stdin
        process.stdin.close()
    else:
        process.send_signal(how)
    assert process.wait(30) == (130 if how is signal.SIGINT else 0)
    assert process.stderr
    assert b"Traceback" not in process.stderr.read()


def test_what_is_no_json_gets_an_error_and_the_bridge_goes_on(
    process: subprocess.Popen[bytes],
) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"hello\n[1,2]\n\n")
    process.stdin.flush()
    codes = [json.loads(process.stdout.readline())["error"]["code"] for _ in range(2)]
    assert codes == [-32700, -32600]
    assert initialize(process)["result"]["protocolVersion"] == "2025-06-18"


async def test_a_server_elsewhere_is_reached_by_its_address(runtime: Path) -> None:
    token = runtime / "token"
    with subprocess.Popen(  # noqa: ASYNC220
        [
            *COMMAND, "serve", "--port", "0", "--size", "640x480", "--token-file", str(token),
            "--state-dir", str(runtime),
        ],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    ) as server:  # fmt: skip
        assert server.stdout
        url = ""
        while not url:
            line = await anyio.to_thread.run_sync(server.stdout.readline)
            url = line.split()[1] if line.startswith("  MCP ") else ""
        options = ["--url", url, "--token-file", str(token)]
        async with Client(parameters(runtime, *options)) as client:
            assert picture(await call(client, "screenshot"))
            assert "outside" in refusal(await call(client, "mouse_move", coordinate=[640, 0]))
        assert token.stat().st_mode & 0o777 == 0o600
        server.send_signal(signal.SIGINT)
        assert await anyio.to_thread.run_sync(server.wait, 10) == 130


def test_a_server_that_cannot_start_is_said(runtime: Path) -> None:
    done = subprocess.run(
        stdio(runtime, "--size", "9x9"), input=b"", capture_output=True, timeout=30,
        env=ENVIRONMENT, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"--size 9x9 is not possible" in done.stderr


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_user_of_a_client_is_asked_through_the_bridge(runtime: Path, mode: Any) -> None:
    async def user(context: Any, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"answer": f"{params.message} Latte"})

    async with Client(parameters(runtime), mode=mode, elicitation_callback=user) as client:
        told = facts(await call(client, "request_human", reason="Which coffee?"))
        asked = "The agent “mcp 0.1.0” asks in its own words: “Which coffee?”"
        assert told["answer"] == f"{asked} Latte"


async def test_the_bridge_s_server_has_the_usual_policy_unless_told(runtime: Path) -> None:
    async with Client(parameters(runtime)) as client:
        assert "needs a person's yes" in refusal(await call(client, "rollback"))
    other = ("--name", "other", "--policy", "none", "--walls", "none")
    async with Client(parameters(runtime, *other)) as client:
        assert "has no walls" in refusal(await call(client, "rollback"))


async def test_a_desktop_that_a_client_started_can_be_watched_by_a_link(runtime: Path) -> None:
    async with Client(parameters(runtime)) as client:
        await call(client, "mouse_move", coordinate=[5, 5])
        asked = [*COMMAND, "live", "--state-dir", str(runtime)]
        made = await anyio.run_process(asked, env=ENVIRONMENT | {"HOME": str(runtime)})
        link = made.stdout.decode().strip()
        base = link.partition("/live/")[0]
        async with httpx2.AsyncClient(trust_env=False) as http:
            for path in ("/mcp", "/live/main", "/metrics"):  # nobody else of this machine
                assert (await http.get(f"{base}{path}")).status_code == 401
            code = {"code": link.partition("code=")[2]}
            entered = await http.post(f"{base}/live/main", data=code, headers={"origin": base})
            assert entered.status_code == 200
            assert (await http.get(f"{base}/live/main")).status_code == 200  # by the cookie
            assert (await http.get(f"{base}/mcp")).status_code == 401


def test_without_a_server_there_is_no_link(runtime: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "live", "--state-dir", str(runtime)], env=ENVIRONMENT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr == ("gloveport: no server of yours runs here; --url says where another is.\n")

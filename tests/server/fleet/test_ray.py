"""Drills on a cluster of two Ray nodes: what dies is told, and nothing else notices."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts, picture, refusal
from fleet import free_port, inside, process_of
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from web import bearer

from gloveport.server.hosts.base import Placed

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]
GLOVEPORT = [sys.executable, "-P", "-m", "gloveport.server.cli"]
FIRST, SECOND = "127.0.0.1", "127.0.0.2"


class Cluster:
    """Two nodes and a gateway, by the commands that docs/fleet.md has."""

    def __init__(self, first: Path, second: Path) -> None:
        self.first, self.second = first, second
        self.address = f"{FIRST}:{free_port()}"
        self._gateway: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        """Start the gateway, and the head with the first."""
        ready, told = os.pipe()
        self._gateway = subprocess.Popen(
            [
                *GLOVEPORT, "serve", "--fleet", f"ray://{self.address}", "--port", "0",
                "--size", "400x320", "--policy", "none", "--state-dir", str(self.first),
                "--ready-fd", str(told),
            ],
            pass_fds=[told], stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(told)
        assert os.read(ready, 10) == b"ready\n"
        os.close(ready)

    def join(self) -> None:
        """Let the second node join."""
        token = str(self.first / "fleet.token")
        self.run(
            "join", self.address, "--node", SECOND, "--fleet-token", token, "--cores", "2",
            at=self.second,
        )  # fmt: skip

    def run(self, *words: str, at: Path | None = None) -> str:
        command = [*GLOVEPORT, "fleet", *words, "--state-dir", str(at or self.first)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def kill_gateway(self) -> None:
        assert self._gateway
        self._gateway.kill()
        self._gateway.wait()

    @property
    def listed(self) -> list[dict[str, str]]:
        return json.loads(self.run("status", "--json"))

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Client]:
        url = json.loads((self.first / "main.json").read_text())["url"]
        token = (self.first / "main.token").read_text().strip()
        async with (
            httpx2.AsyncClient(trust_env=False, headers=bearer(token), timeout=90) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            yield client

    def end(self) -> None:
        if self._gateway and self._gateway.poll() is None:
            self._gateway.terminate()
            self._gateway.wait()
        for folder in (self.second, self.first):
            if (folder / "ray.lock").exists():
                subprocess.run(
                    [*GLOVEPORT, "fleet", "leave", "--state-dir", str(folder)], check=False
                )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two"))
    try:
        cluster.serve()
        cluster.join()
        yield cluster
    finally:
        cluster.end()


def placed(told: dict[str, str]) -> Placed:
    return Placed(told["id"], "", told["name"], told["url"], "")


async def test_a_gateway_that_was_killed_finds_its_desktops_again(cluster: Cluster) -> None:
    async with cluster.client() as client:
        for name in ("one", "two"):
            facts(await call(client, "desktops", action="open", name=name))
            await call(client, "left_click", coordinate=[len(name), 9], desktop=name)
    before = cluster.listed
    cluster.kill_gateway()
    cluster.serve()
    assert cluster.listed == before
    assert {one["node"] for one in before} == {FIRST, SECOND}, "spread over the machines"
    async with cluster.client() as client:
        for name in ("one", "two"):
            told = facts(await call(client, "cursor_position", desktop=name))
            assert (told["x"], told["y"]) == (3, 9)


@pytest.mark.skipif(os.getuid() != 0, reason="only root enters the network of a desktop")
def test_programs_of_a_desktop_do_not_reach_the_engine(cluster: Cluster) -> None:
    pid = inside(placed(cluster.listed[0]))
    port = cluster.address.rpartition(":")[2]
    script = (
        f"import socket\nfor host in {_own_addresses()!r}:\n"
        f"    with socket.socket() as s: s.settimeout(3); print(s.connect_ex((host, {port})) == 0)"
    )
    here = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "True" in here.stdout, "the head listens"
    command = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "True" not in said


def _own_addresses() -> list[str]:
    said = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout
    return [FIRST, *(one for one in said.split() if "." in one)]


async def test_a_killed_desktop_is_told_and_the_other_goes_on(cluster: Cluster) -> None:
    async with cluster.client() as client:
        lost = next(one for one in cluster.listed if one["name"] == "two")
        os.kill(process_of(placed(lost)), signal.SIGKILL)
        said = refusal(await call(client, "screenshot", desktop="two"))
        assert said.startswith(("The desktop 'two' is lost", "The desktop 'two' is not reached"))
        assert picture(await call(client, "screenshot", desktop="one"))
        new = facts(await call(client, "desktops", action="open", name="two"))
        assert new["id"] != lost["id"]


async def test_a_node_that_dies_takes_its_own_desktops_alone(cluster: Cluster) -> None:
    async with cluster.client() as client:
        there = {one["node"]: one for one in cluster.listed}
        assert set(there) == {FIRST, SECOND}
        process = placed(there[SECOND])
        pid = process_of(process)
        os.killpg(json.loads((cluster.second / "ray.json").read_text())["pid"], signal.SIGKILL)
        await gone(pid)
        name, other = there[SECOND]["name"], there[FIRST]["name"]
        said = refusal(await call(client, "screenshot", desktop=name))
        assert said.startswith((f"The desktop '{name}' is lost", f"The desktop '{name}' is not"))
        assert picture(await call(client, "screenshot", desktop=other))


async def test_without_a_head_the_desktops_of_other_machines_run_on(cluster: Cluster) -> None:
    cluster.join()
    async with cluster.client() as client:
        for name in ("third", "fourth"):
            facts(await call(client, "desktops", action="open", name=name))
    there = {one["node"]: one for one in cluster.listed}
    os.killpg(json.loads((cluster.first / "ray.json").read_text())["pid"], signal.SIGKILL)
    await gone(process_of(placed(there[FIRST])))
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{there[SECOND]['url']}/healthz")).json() == {"ok": True}


async def gone(pid: int) -> None:
    with anyio.fail_after(60):
        while _state(pid) != "Z":  # noqa: ASYNC110 - it is no child of ours
            await anyio.sleep(0.05)


def _state(pid: int) -> Any:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


async def test_leaving_ends_everything(cluster: Cluster) -> None:
    """Last: no server of a desktop is left, nor anything that knows the cluster."""
    servers = having("serve", "/gloveport-fleet-")
    assert servers, "the second machine still has desktops"
    cluster.end()
    for pid in servers:
        await gone(pid)
    assert not having(cluster.address)
    assert not having(str(cluster.first))


def having(*words: str) -> list[int]:
    """The processes that have some words in their command."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(folder.name))
    return found

"""People and the credentials they came by: who may answer, who still drives, who keeps a server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from answers import call, facts
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from processes import alive, until
from views import viewing
from web import PERSON, bearer, given, guarded, served

from gloveport.sandbox.desktop import Desktop
from gloveport.server.auth.token_store import remove

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]

pytestmark = pytest.mark.anyio


async def test_who_asked_never_answers(desktop: Desktop, tmp_path: Path) -> None:
    door = guarded(tmp_path)
    ada, bob = (given(tmp_path, name, "admin") for name in ("ada", "bob"))
    async with (
        served(desktop, door) as url,
        httpx2.AsyncClient(headers=bearer(ada), trust_env=False, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as agent,
        viewing(url, "Ada", token=ada) as own,
        viewing(url, "Bob", token=bob) as other,
        viewing(url, "Cy", token=bob, scope="control") as drives,
        viewing(url, "Di", token=bob, scope="view") as watches,
        anyio.create_task_group() as tasks,
    ):
        heard: list[object] = []

        async def ask() -> None:
            answer = await call(agent, "request_human", reason="Delete it all?", kind="approve")
            heard.append(facts(answer))

        tasks.start_soon(ask)
        (question,) = await other.until_asked()
        said: dict[str, Any] = {
            "verb": "answer",
            "id": question["id"],
            "approved": True,
            "text": "yes",
        }
        wrong = {
            "its own link": await own.do(**said),
            "a link that only drives": await drives.do(**said),
            "a link that only watches": await watches.do(**said),
            "its own token": await http.post(f"{url}/live/main/do", json=said),
            "another token": await http.post(f"{url}/live/main/do", json=said, headers=bearer(bob)),
        }
        for who, answer in wrong.items():
            assert 400 <= answer.status_code < 500, (who, answer.text)
            assert not heard, who
        assert "token that your link was made with" in wrong["its own link"].json()["error"]
        assert (await other.do(**said)).status_code == 200
        with anyio.fail_after(10):
            while not heard:  # noqa: ASYNC110 - the call ends in another task
                await anyio.sleep(0.01)
        assert heard == [{"ok": True, "by": "Bob", "said": "yes", "note": "yes"}]


async def test_a_person_whose_token_is_removed_drives_no_longer(
    desktop: Desktop, tmp_path: Path
) -> None:
    door = guarded(tmp_path)
    ada = given(tmp_path, "ada", "control")
    async with (
        served(desktop, door) as url,
        viewing(url, "Bob", token=PERSON) as bob,
        viewing(url, "Ada", token=ada) as own,
    ):
        assert (await own.do("take")).status_code == 200
        await bob.until(driver={"kind": "person", "name": "Ada"})
        assert (await bob.do("take")).status_code != 200
        remove(tmp_path / "tokens.toml", "ada")
        assert (await own.do("hide", hidden=True)).status_code == 401
        await bob.until(driver={"kind": "nobody", "name": ""})
        assert (await bob.do("take")).status_code == 200


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state"


def test_a_server_stays_for_as_long_as_a_person_watches(state: Path) -> None:
    with subprocess.Popen(
        [
            *COMMAND, "serve", "--port", "0", "--size", "640x480", "--walls", "none",
            "--state-dir", str(state), "--ttl", "2",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={"PATH": os.defpath},
    ) as server:  # fmt: skip
        assert until(lambda: (state / "main.sock").exists() and (state / "main.json").exists())
        told = subprocess.run(
            [*COMMAND, "status", "--json", "--state-dir", str(state)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(told.stdout)[0]["pid"] == server.pid
        transport = httpx2.HTTPTransport(uds=str(state / "main.sock"))
        with httpx2.Client(transport=transport, base_url="http://localhost", timeout=20) as person:
            with person.stream("GET", "/live/main/events", params={"name": "Ada"}) as events:
                lines = events.iter_lines()
                end = time.monotonic() + 6  # three times as long as nobody needs to be there
                while time.monotonic() < end:
                    next(lines)
                    assert alive(server.pid)
            assert server.wait(20) == 0

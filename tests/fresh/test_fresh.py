"""The README's first commands on new Debian systems, as root, with sudo and without."""

import json
import os
import shutil
from collections.abc import Generator

import pytest
from fresh.system import System

pytestmark = [
    pytest.mark.fresh,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("debootstrap"), reason="root and debootstrap"
    ),
]
ASKED = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"}}},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "open", "arguments": {"target": "mousepad"}}},
]  # fmt: skip
STDIO = """
(printf '%s\\n' '{}' '{}'; sleep 60) | ./run stdio | head -n 2
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie", "sid"])
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[System]:
    made = System(tmp_path_factory.mktemp("fresh") / str(request.param), str(request.param))
    made.make()
    yield made
    shutil.rmtree(made.root, ignore_errors=True)


def test_without_root_the_packages_to_ask_for_are_listed(system: System) -> None:
    ran = system.run("./run", "doctor", user="bob")
    assert ran.returncode == 1
    (line,) = (line for line in ran.stderr.splitlines() if "apt-get install" in line)
    assert {"xvfb", "bubblewrap", "chromium", "openbox"} <= set(line.split())
    assert "@" not in line


def test_with_sudo_the_demo_buys_the_right_phone(system: System) -> None:
    refused = system.run("./run", "demo", user="ada")
    assert refused.returncode == 1
    assert "nothing was installed" in refused.stderr
    ran = system.run("./run", "--yes", "demo", "--json", "--rounds", "2", user="ada")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout.splitlines()[-1])["ok"] is True
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("user", ["ada", "bob", "root"])
def test_doctor_and_a_client_find_a_desktop(system: System, user: str) -> None:
    doctor = system.run("./run", "doctor", user=user)  # installs the packages of Python first
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    said = system.run("sh", "-c", STDIO.format(*map(json.dumps, ASKED)), user=user, seconds=120)
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    opened = next(one for one in answers if one.get("id") == 2)["result"]
    assert not opened.get("isError"), opened
    assert "Mousepad" in json.dumps(opened)

"""What can be foreseen to fail ends with one sentence and a status, and never with a traceback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]
MOUNTS = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "test", "version": "0"}},
}  # fmt: skip
CALL: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 2, "method": "tools/call",
    "params": {"name": "screenshot", "arguments": {}},
}  # fmt: skip

# A command line, and what its sentence says: the reason and what works.
WRONG = {
    "serve --port 99999": ("99999 is not from 0 to 65535",),
    "serve --port -1": ("-1 is not from 0",),
    "serve --port x": ("'x' is no whole number",),
    "serve --desktops 0": ("0 is not from 1",),
    "serve --desktops -3": ("-3 is not from 1",),
    "serve --desktops 1.5": ("'1.5' is no whole number",),
    "serve --ttl -3": ("-3 is not from 0",),
    "serve --ttl nan": ("'nan' is no number",),
    "serve --ttl inf": ("inf is not from 0",),
    "serve --desktop-ttl 0": ("0 is not from 1",),
    "serve --deadline -1": ("-1 is not from 0",),
    "serve --max-image 0": ("0 is not from 100",),
    "serve --calls-per-second 0": ("0 is not from 0.01",),
    "serve --size 0x0": ("--size 0x0", "1280x800"),
    "serve --network nowhere": ("--network",),
    "serve --host 192.0.2.1 --port 0": ("192.0.2.1:0 cannot be listened on", "--host"),
    "serve --port {taken}": ("Address already in use", "--port 0", "gloveport status"),
    "serve --token-file {folder}": ("Is a directory", "Name a file"),
    "serve --token-file {folder}/none/in/here/{long}": ("File name too long", "shorter"),
    "serve --secrets {folder}": ("{folder}", "Is a directory"),
    "serve --policy {folder}/none": ("{folder}/none", "No such file"),
    "serve --state-dir {file}": ("{file} cannot be used", "Name another"),
    "serve --name A/B": ("Invalid server name", "lower-case"),
    "stdio --ttl -1": ("-1 is not from 0",),
    "stdio --url nonsense": ("'nonsense' is no address", "http://box:8750/mcp"),
    "stdio --url http://": ("is no address",),
    "stdio --url http://box:99999/mcp": ("is no address",),
    "stdio --url http://[::1/mcp": ("is no address",),
    "stdio --url http://127.0.0.1:9/mcp --token-file {folder}/none": ("cannot be read", "Check"),
    "stdio --url http://127.0.0.1:9/mcp --token-file {binary}": ("is no token",),
    "stdio --url http://127.0.0.1:9/mcp --token-file {empty}": ("holds no token",),
    "live --url nonsense": ("'nonsense' is no address",),
    "live --url http://127.0.0.1:9": ("does not answer", "--url"),
    "config codex --url nonsense": ("'nonsense' is no address",),
    "config nobody": ("there is no recipe for nobody",),
    "config codex --write --file {folder}": ("{folder} cannot be",),
    "token add a.b": ("Invalid token name 'a.b'", "letters"),
    "token add 小米": ("Invalid token name '小米'", "letters"),
    "token add ''": ("Invalid token name ''",),
    "token add ada --quota -1": ("-1 is not from 0",),
    "token add ada --tokens {file}/tokens.toml": ("tokens.toml cannot be written: File exists",),
    "token list --tokens {binary}": ("{binary}",),
    "demo --rounds -1": ("-1 is not from 0",),
    "demo --out {file}": ("{file}", "Name another"),
    "bundle --out {file}": ("{file}", "Name another"),
    "run task --yes --steps -1": ("-1 is not from 0",),
    "run task --yes --dollars nan": ("'nan' is no number",),
    "run --yes --resume {folder}/none": ("{folder}/none",),
    "run task --yes --url nonsense": ("'nonsense' is no address",),
}


def failed(
    arguments: list[str], folder: Path, *, under: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command that is to fail, below some mounts if any."""
    command = [*COMMAND, *arguments]
    if under:
        command = [*MOUNTS, "sh", "-c", f'{under}; cd "$HOME"; exec "$@"', "sh", *command]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "HOME": str(folder)},  # noqa: TID251 - a test's program
        cwd=folder,
    )  # fmt: skip
    assert ran.returncode in (1, 2), ran
    assert "Traceback" not in ran.stderr
    return ran


def sentence(ran: subprocess.CompletedProcess[str]) -> str:
    """What a command said last; a short sentence."""
    last = ran.stderr.rstrip().splitlines()[-1]
    assert last.startswith("gloveport"), ran.stderr
    assert len(last) <= 400
    return last


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_line_is_a_sentence(line: str, tmp_path: Path) -> None:
    named = {name: str(tmp_path / name) for name in ("file", "binary", "empty")}
    named |= {"folder": str(tmp_path), "long": "x" * 300}
    (tmp_path / "file").write_text("text")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    (tmp_path / "empty").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        named["taken"] = str(taken.getsockname()[1])
        words = ["" if word == "''" else word.format(**named) for word in line.split()]
        if words[0] == "serve" and "--state-dir" not in words:
            words += ["--state-dir", str(tmp_path / "state")]
        said = sentence(failed(words, tmp_path))
    for part in WRONG[line]:
        assert part.format(**named) in said


READ_ONLY = "mount --bind {0} {0} && mount -o remount,ro,bind {0}"
FULL = "mount -t tmpfs -o size=16k none {0} && (yes > {0}/filler; true) 2>/dev/null"


@pytest.mark.parametrize(
    ("line", "under", "parts"),
    [
        ("serve --port 0 --state-dir {0}/s", READ_ONLY, ("{0}/s", "Read-only", "writable")),
        ("serve --port 0 --state-dir {0}/s", FULL, ("No space left", "Free some space")),
        ("token add ada", READ_ONLY, ("tokens.toml cannot be written: Read-only",)),
        ("token add ada", FULL, ("tokens.toml cannot be written: No space left",)),
        ("demo", READ_ONLY, ("demo-out", "Read-only")),
        ("config codex --write", READ_ONLY, ("config.toml", "Read-only")),
        ("bundle", READ_ONLY, ("dist", "Read-only")),
    ],
)
def test_a_disk_that_takes_nothing_is_named(
    line: str, under: str, parts: tuple[str, ...], tmp_path: Path
) -> None:
    words = line.format(tmp_path).split()
    said = sentence(failed(words, tmp_path, under=under.format(tmp_path)))
    for part in parts:
        assert part.format(tmp_path) in said


def test_a_client_is_told_at_once_why_its_server_cannot_start(tmp_path: Path) -> None:
    under = FULL.format(tmp_path / "state") + f"; touch {tmp_path}/state/main.log"
    (tmp_path / "state").mkdir()
    with subprocess.Popen(
        [*MOUNTS, "sh", "-c", f'{under}; exec "$@"', "sh", *COMMAND, "stdio", "--state-dir",
         str(tmp_path / "state")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as bridge:  # fmt: skip
        assert bridge.stdin
        assert bridge.stdout
        for message in (INITIALIZE, CALL):
            bridge.stdin.write(f"{json.dumps(message)}\n")
        bridge.stdin.flush()
        told = [json.loads(bridge.stdout.readline()) for _ in range(2)]
        answers = {answer["id"]: answer for answer in told}
        bridge.stdin.close()
    said = answers[2]["result"]["content"][0]["text"]
    assert "did not start" in said
    assert "No space left on device. Free some space" in said


def test_output_that_nobody_takes_is_no_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, "policy"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode == 1
    assert ran.stderr == "gloveport: No space left on device. Free some space on its disk.\n"
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run([*COMMAND, "policy"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (141, b"")


# A job in the background of a shell without job control ignores SIGINT, and so do its children.
HEARS_CTRL_C = ["env", "--default-signal=INT"]
INTERRUPTED = [
    *((line, after) for line in ("serve", "stdio", "demo --rounds 0") for after in (3, 40, 150)),
    # The modules that are imported last before and while a desktop starts.
    *(("serve", after) for after in (400, 600, "uvicorn.protocols", "asyncio.base_subprocess")),
    *(("demo --rounds 0", after) for after in (600, "uvicorn.protocols")),
]


def ended(process: subprocess.Popen[str]) -> list[str]:
    """What a process that was interrupted still says; it has a minute to end with 130."""
    late = threading.Timer(60, process.kill)
    late.start()
    try:
        assert process.stderr
        rest = [said for said in process.stderr if not said.startswith("import time:")]
        assert process.wait() == 130, rest
    finally:
        late.cancel()
    return rest


@pytest.mark.parametrize(("line", "after"), INTERRUPTED)
def test_ctrl_c_ends_with_130_however_early(line: str, after: int | str, tmp_path: Path) -> None:
    """Python tells each module it has imported: a clock that no load of the machine disturbs."""
    words = [*line.split(), *([] if "demo" in line else ["--state-dir", str(tmp_path / "s")])]
    words += ["--port", "0"] if line == "serve" else []
    with subprocess.Popen(
        [*HEARS_CTRL_C, sys.executable, "-P", "-X", "importtime", *COMMAND[2:], *words],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path,
    ) as started:  # fmt: skip
        assert started.stderr
        ours = 0
        for line_said in started.stderr:
            ours += bool(ours) or "gloveport.server.cli.entry" in line_said
            if ours == after or (isinstance(after, str) and after in line_said and ours):
                break
        started.send_signal(signal.SIGINT)
        rest = ended(started)
    assert "".join(rest) == "gloveport: stopped.\n"


def test_ctrl_c_ends_a_demo_and_a_server_that_run(tmp_path: Path) -> None:
    for words, running in (
        (["serve", "--port", "0", "--state-dir", str(tmp_path / "s")], "Ctrl\\+C ends"),
        (["demo"], "watch it at"),
        (["demo"], "buying a phone"),
    ):
        with subprocess.Popen(
            [*HEARS_CTRL_C, *COMMAND, *words], cwd=tmp_path, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # noqa: TID251 - a test's program
        ) as started:  # fmt: skip
            assert started.stdout
            assert started.stderr
            assert any(re.search(running, said) for said in started.stdout)
            started.send_signal(signal.SIGINT)
            assert "Traceback" not in "".join(ended(started))

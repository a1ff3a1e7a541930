"""What the README tells a newcomer to type is typed, for each installer, from install to uninstall.

The lines are read from the README. They run with a home, a /run/user and processes of their own, so
that what they leave can be listed.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from uv import find_uv_bin

README = (ROOT / "README.md").read_text(encoding="utf-8")
# The first process: it takes in what servers leave behind, as a machine's own does.
INIT = """
import os, sys
shell = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
while (ended := os.wait())[0] != shell:
    pass
sys.exit(os.waitstatus_to_exitcode(ended[1]))
"""
# A client that starts what the settings of Codex say, and opens an editor.
CLIENT = """
import json, pathlib, subprocess, sys, tomllib
settings = tomllib.loads(pathlib.Path.home().joinpath(".codex/config.toml").read_text())
entry = settings["mcp_servers"]["gloveport"]
asked = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "codex", "version": "0"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "open", "arguments": {"target": "mousepad"}}},
]
with subprocess.Popen([entry["command"], *entry["args"], *sys.argv[1:]], text=True,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
    print(*map(json.dumps, asked), sep="\\n", file=server.stdin, flush=True)
    print(next(line for line in server.stdout if json.loads(line).get("id") == 2))
"""
STEP = 'printf "\\n@@ %s\\n" {0}; {{ {1}\n}} 2>&1; printf "\\n== %s" "$?"\n'
PROCESSES = "ps -eo stat=,comm= | grep -v ^Z"
FILES = 'find "$HOME" "$TMPDIR" /run/user ! -type d'
KEPT = 'test -n "$(ls -A "$HOME/.local/state/gloveport")"'
NAMED = 'grep -rl gloveport "$HOME" "$TMPDIR" /run/user || true'

UNINSTALLERS = {"uvx": "uv"}

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts"),
]


def block(heading: str) -> list[str]:
    """The command lines below a heading of the README."""
    part = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^ {4}(\S.*)$", part, re.MULTILINE)
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def installing(kind: str) -> str:
    """The README's command for an installer: `uvx`, `uv tool`, `pipx` or `pip`."""
    return next(
        one
        for one in re.findall(r"`([^`\n]+)`", README)
        if one.startswith(kind + " ") and "FILE" in one
    )


def uninstalling(kind: str) -> str:
    return next(
        one
        for one in re.findall(r"`([^`\n]+)`", README)
        if re.match(rf"{UNINSTALLERS.get(kind, kind)} (uninstall|cache)", one)
    )


def interpreter(version: str) -> str:
    """A Python of this machine."""
    named = f"python{version}"
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{named}"))
    if found := next((str(one) for one in pyenv), shutil.which(named)):
        return found
    pytest.skip(f"there is no Python {version} here")


def typed(python: str, folder: Path, steps: list[str]) -> dict[str, tuple[int, str]]:
    """Type lines as a newcomer in a new home; the exit status and output of each."""
    uv, programs = find_uv_bin(), folder / "programs"
    programs.mkdir()
    for name in ("uv", "uvx"):
        (programs / name).symlink_to(Path(uv).with_name(name))
    (programs / "pipx").write_text(f'#!/bin/sh\nexec {uv} tool run -q pipx "$@"\n')
    (programs / "pipx").chmod(0o755)
    home = folder / "home"
    home.mkdir()
    (folder / "tmp").mkdir()
    # A /run/user and a /tmp of its own: what it uninstalls is not what others here run.
    tmp = Path("/tmp")
    kept = sorted(
        {
            next(one for one in (path, *path.parents) if one.parent == tmp)
            for path in (folder, Path(uv).resolve(), Path(sys.prefix))
            if tmp in path.parents
        }
    )
    aside = [Path("/run/user", str(place)) for place in range(len(kept))]
    moves = list(zip(kept, aside, strict=True))
    own = "; ".join(
        [
            "set -e; mkdir -p /run/user; mount -t tmpfs tmpfs /run/user",
            *(f"mkdir {away}; mount --bind {path} {away}" for path, away in moves),
            "mount -t tmpfs -o mode=1777 tmpfs /tmp",
            *(f"mkdir {path}; mount --move {away} {path}; rmdir {away}" for path, away in moves),
            "mkdir -p -m 700 /run/user/0; set +e; cd",
        ]
    )
    environment = {
        **os.environ,  # noqa: TID251 - a test starts programs
        "HOME": str(home), "SHELL": "/bin/sh", "TMPDIR": str(folder / "tmp"), "UV_PYTHON": python,
        "PATH": f"{home}/venv/bin:{home}/.local/bin:{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP_NO_COMPILE": "1", "PIP_CACHE_DIR": str(Path.home() / ".cache/pip"),
        "UV_CACHE_DIR": subprocess.check_output([uv, "cache", "dir"], text=True).strip(),
    }  # fmt: skip
    script = "\n".join([own, *(STEP.format(shlex.quote(one), one) for one in steps)])
    ran = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
         sys.executable, "-c", INIT, "sh", "-c", script],
        env=environment, capture_output=True, text=True, check=False, timeout=380,
    )  # fmt: skip
    parts = [part.partition("\n") for part in ran.stdout.split("\n@@ ")[1:]]
    assert len(parts) == len(steps), ran
    return {
        line: (int((ends := said.rpartition("\n== "))[2]), ends[0])
        for line, (_, _, said) in zip(steps, parts, strict=True)
    }


KINDS = [
    pytest.param("uv tool", "3.11", id="uv tool"),
    pytest.param("uvx", "3.11", id="uvx", marks=pytest.mark.fresh),
    pytest.param("pipx", "3.11", id="pipx", marks=pytest.mark.fresh),
    pytest.param("pip", "3.11", id="pip"),
    *(
        pytest.param("uv tool", one, id=one, marks=pytest.mark.fresh)
        for one in ("3.12", "3.13", "3.14")
    ),
]


@pytest.mark.parametrize(("kind", "version"), KINDS)
def test_every_line_from_install_to_uninstall(
    kind: str, version: str, wheel: Path, tmp_path: Path
) -> None:
    python, client = interpreter(version), tmp_path / "client.py"
    client.write_text(CLIENT)
    install = installing(kind).replace("FILE", str(wheel))
    if kind == "uvx":  # each of its lines fetches it anew
        called = install.removesuffix(" stdio")
        install = f'gloveport() {{ {called} "$@"; }}'
    if kind == "pip":
        install = f'{python} -m venv "$HOME/venv" && {install}'
    plug = [line for line in block("Plug it in") if line.startswith("gloveport")]
    look, uninstall = block("Run, look, stop"), block("Uninstall")
    started = f"{sys.executable} {client}"
    # One with a name of its own is kept; once is enough.
    kept = [f"{started} --name work", KEPT] if kind == "uv tool" else []
    before = [install, *plug, started, *kept, *look[:2], "gloveport doctor --json"]
    after = [*uninstall, uninstalling(kind)]
    assert [line.split()[:2] for line in look] == [
        ["gloveport", word] for word in ("status", "live", "stop", "doctor")
    ]
    said = typed(python, tmp_path, [*before, *after, PROCESSES, FILES, NAMED])
    for line in [*before, *after]:
        assert said[line][0] == 0, (line, said[line])
    assert "Mousepad" in said[started][1]
    assert all("Mousepad" in said[line][1] for line in kept[:1])
    assert "main" in said["gloveport status"][1]
    assert "http://127.0.0.1:" in said["gloveport live"][1]
    assert json.loads(said["gloveport doctor --json"][1])["installed"] == kind
    first, *others = (line.split()[1] for line in said[PROCESSES][1].splitlines())
    assert first.startswith("python")  # INIT
    assert sorted(others) == ["grep", "ps", "sh"]
    left = [line for line in said[FILES][1].splitlines() if "gloveport" in line]
    left += [line for line in said[NAMED][1].splitlines() if ".backup-" not in line]
    assert not [line for line in left if "pipx" not in Path(line).parts]  # its locks and logs

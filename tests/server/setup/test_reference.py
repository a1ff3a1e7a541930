"""The reference, the man page and shell completion say all that the command line takes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-P", "-m", "gloveport.server.cli"]


def said(*arguments: str) -> str:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=True).stdout


def completed(script: Path, *words: str) -> list[str]:
    """What a real bash offers after some words."""
    count = len(words)
    line = f'COMP_WORDS=(gloveport "$@"); COMP_CWORD={count}; _gloveport; echo "${{COMPREPLY[@]}}"'
    ran = subprocess.run(
        ["bash", "--norc", "-c", f'source "$0"; {line}', script, *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not ran.stderr
    return ran.stdout.split()


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(said("completion", "bash"))
    assert completed(script, "to") == ["token"]
    assert completed(script, "token", "re") == ["remove"]
    assert completed(script, "token", "add", "--sc") == ["--scopes"]
    assert completed(script, "-v", "serve", "--po") == ["--port", "--policy"]
    assert completed(script, "serve", "--port", "8000", "--allow-h") == ["--allow-host"]
    assert {"serve", "stdio", "demo", "doctor", "status", "stop"} <= set(completed(script, ""))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_every_option(shell: str) -> None:
    script = said("completion", shell)
    assert "allow-host" in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man here")
def test_the_man_page_is_read_without_a_warning(tmp_path: Path) -> None:
    page = tmp_path / "gloveport.1"
    page.write_text(said("man"))
    ran = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", page],
        capture_output=True, text=True, check=True, env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert ran.stderr == ""
    for text in ("--token-file", "gloveport token add", "EXIT STATUS", "/run/user/UID/gloveport"):
        assert text in ran.stdout

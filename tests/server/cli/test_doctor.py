"""`gloveport doctor` starts a desktop, and says why none starts on machines where none can."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gloveport.sandbox.isolation.bubblewrap import why_not

ROOT = shlex.quote(str(Path(__file__).resolve().parents[3]))
DOCTOR = [sys.executable, "-P", "-m", "gloveport.server.cli", "doctor"]
APT = "apt-get update && apt-get install --no-install-recommends"
HIDE = (
    "mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work && mount -t overlay overlay "
    "-o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin && rm /usr/bin/{}"
)
MOUNTS = ["unshare", "--mount", "--propagation", "private"]
# A user that is not root, in a namespace in which no other may be made.
NOBODY = ["unshare", "--user", "--map-user=1234", "--keep-caps"]
NO_NAMESPACES = (
    "echo 0 > /proc/sys/user/max_user_namespaces && "
    "exec setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all"
)

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")


def doctor(*before: str, script: str = "exec") -> tuple[int, dict[str, Any], str]:
    """The exit status, the JSON and the text of the command, on such a machine."""
    argv = [*before, "sh", "-c", f'{script} "$@"', "sh", *DOCTOR]
    ran = [
        subprocess.run([*argv, *more], capture_output=True, text=True, timeout=60, check=False)
        for more in (["--json"], [])
    ]
    assert ran[0].returncode == ran[1].returncode, ran
    assert ran[0].stderr == ran[1].stderr == ""
    return ran[0].returncode, json.loads(ran[0].stdout), ran[1].stdout


@pytest.mark.skipif(bool(why_not()), reason="there can be no walls here")
def test_a_desktop_is_started_and_seen() -> None:
    status, told, text = doctor()
    assert (status, told["ok"]) == (0, True)
    assert [(one["walls"], one["ok"]) for one in told["started"]] == [(True, True)]
    assert "a desktop started behind walls and was seen after" in text
    assert text.endswith("A desktop runs.\n")


@needs_root
@pytest.mark.parametrize(
    ("program", "package", "started"),
    [("bwrap", "bubblewrap", [(False, True)]), ("Xvfb", "xvfb", []), ("openbox", "openbox", [])],
)
def test_a_missing_program_is_named_with_the_command_that_gets_it(
    program: str, package: str, started: list[tuple[bool, bool]]
) -> None:
    status, told, text = doctor(*MOUNTS, script=f"{HIDE.format(program)} && exec")
    assert (status, told["ok"]) == (1, False)
    assert told["get"] == [f"{APT} {package}"]
    assert f"  {APT} {package}\n" in text
    assert [(one["walls"], one["ok"]) for one in told["started"]] == started
    end = "A desktop runs without walls only" if started else "A desktop cannot run yet."
    assert end in text


@needs_root
def test_a_script_that_starts_a_snap_is_no_browser() -> None:
    ubuntu = "'#!/bin/sh\\nexec /snap/bin/firefox \"$@\"\\n'"  # its /usr/bin/firefox, cut short
    script = (
        f"{HIDE.format('chromium')} /usr/bin/firefox-esr && "
        f"printf {ubuntu} > /usr/bin/firefox && chmod 755 /usr/bin/firefox && exec"
    )
    status, told, text = doctor(*MOUNTS, script=script)
    assert (status, told["ok"]) == (0, True)
    (browser,) = (need for need in told["needs"] if need["what"] == "browser")
    assert browser["found"] is None
    assert told["get"] == [f"{APT} chromium chromium-sandbox"]
    assert "missing  browser" in text


@needs_root
def test_a_kernel_that_permits_no_namespaces_is_named_with_the_setting() -> None:
    status, told, text = doctor(*NOBODY, script=NO_NAMESPACES)
    assert (status, told["ok"]) == (1, False)
    assert told["get"] == ["sudo sysctl -w user.max_user_namespaces=15000"]
    assert [one["walls"] for one in told["started"]] == [False]
    assert "no walls are possible here: " in text


@needs_root
def test_what_keeps_a_desktop_from_starting_is_said() -> None:
    script = (  # this checkout may be in /tmp
        f"mount --rbind {ROOT} /mnt && mount -t tmpfs tmpfs /tmp && mkdir -p {ROOT} && "
        f"mount --rbind /mnt {ROOT} && mount -o remount,ro /tmp && exec"
    )
    status, told, text = doctor(*MOUNTS, script=script)
    assert (status, told["ok"]) == (1, False)
    assert "Read-only file system" in text
    assert "Traceback" not in text

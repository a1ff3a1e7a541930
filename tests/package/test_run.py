"""`./run` on machines where something is missing, in a copy of the repository's files."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from checkout import copy_of_the_repository

from gloveport.server.setup.doctor import system_needs

HIDE = (
    "mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work && mount -t overlay overlay "
    "-o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin && "
    "cd /usr/bin && rm -f {} && cd - >/dev/null; "
)
NO_LISTS = "mount -t tmpfs tmpfs /var/lib/apt/lists && rm -rf /var/cache/apt/*.bin; "
USER = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts"),
]


@pytest.fixture(scope="module")
def checkout(open_folder: Path) -> Generator[Path]:
    """The files of the repository, for any user to read and write."""
    folder = open_folder / "check out"
    copy_of_the_repository(folder)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() or os.access(path, os.X_OK) else 0o666)
    yield folder
    shutil.rmtree(folder)


def run(
    folder: Path, *arguments: str, setup: str = "", user: bool = False, says: str = "",
    network: bool = False,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run ./run below some mounts, without a network unless it is asked for."""
    spaces = ["unshare", "--mount", *([] if network else ["--net"])]
    whose = USER if user else []
    return subprocess.run(
        [*spaces, "sh", "-c", f'{setup} exec "$@"', "sh", *whose, folder / "run", *arguments],
        cwd=folder, input=says, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "HOME": str(folder)},  # noqa: TID251 - a test starts a program
    )  # fmt: skip


def test_what_a_client_starts_never_installs(checkout: Path) -> None:
    ran = run(checkout, "stdio")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"gloveport: gloveport is not installed yet. Run {checkout}/run once in a terminal, "
        "then start this client again.\n"
    )
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    "setup", [HIDE.format("bwrap sudo"), HIDE.format("bwrap sudo Xvfb") + NO_LISTS]
)
def test_who_cannot_be_root_gets_a_list_to_ask_for(checkout: Path, setup: str) -> None:
    ran = run(checkout, "doctor", setup=setup, user=True)
    assert ran.returncode == 1
    assert "Ask for:\n  apt-get update && apt-get install --no-install-recommends" in ran.stderr
    assert "bubblewrap" in ran.stderr
    assert ("xvfb" in ran.stderr) == ("Xvfb" in setup)
    assert "Traceback" not in ran.stderr


def test_packages_are_installed_only_after_a_yes(checkout: Path) -> None:
    for answer in ("", "n\n"):
        ran = run(checkout, "doctor", setup=HIDE.format("bwrap"), says=answer)
        assert ran.returncode == 1
        assert "of disk): bubblewrap" in ran.stderr
        assert "gloveport: nothing was installed." in ran.stderr


def test_a_system_without_apt_is_asked_for_files_alone(checkout: Path) -> None:
    lacks = run(checkout, "doctor", setup=HIDE.format("bwrap apt-get dpkg-query"))
    assert lacks.returncode == 1
    assert "has no apt to get them" in lacks.stderr
    assert "bubblewrap" in lacks.stderr
    assert "@" not in lacks.stderr
    complete = run(checkout, "doctor", setup=HIDE.format("apt-get dpkg-query"))
    assert "packages" not in complete.stderr.partition("making .venv")[0]
    assert "there is no network" in complete.stderr
    assert len([line for line in complete.stderr.splitlines() if "Retrying" in line]) == 0
    assert complete.returncode == 1


def test_the_list_of_packages_is_that_of_doctor() -> None:
    needs = system_needs()
    assert {"xvfb", "bubblewrap", "chromium"} <= {need.package for need in needs}
    assert all(need.any_of and need.what for need in needs)


@pytest.mark.fresh
def test_a_checkout_survives_interrupts_moves_links_and_company(
    checkout: Path, tmp_path: Path
) -> None:
    for seconds in ("0.5", "1", "2", "5"):
        cut = subprocess.run(
            ["timeout", "-s", "INT", seconds, checkout / "run", "--version"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert cut.returncode in (124, 130, -signal.SIGINT, 0)
    with ThreadPoolExecutor(3) as several:
        started = [several.submit(run, checkout, "--version", network=True) for _ in range(3)]
        ran = [one.result() for one in started]
    assert [one.returncode for one in ran] == [0, 0, 0], ran
    moved = checkout.with_name("moved")
    checkout.rename(moved)
    try:
        link = tmp_path / "gloveport"
        link.symlink_to(moved / "run")
        there = run(moved, "--version")  # without a network
        assert str(moved) in there.stdout, there
        linked = subprocess.run([link, "--version"], capture_output=True, text=True, check=True)
        assert linked.stdout == there.stdout
        assert not (tmp_path / ".venv").exists()
    finally:
        moved.rename(checkout)

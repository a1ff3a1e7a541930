"""The wheel and the sdist, built from the files of the repository alone, and what they install."""

import shutil
import site
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from checkout import ROOT
from package.building import LIVE, built, cut_off
from pages import browsing
from playwright.async_api import expect
from uv import find_uv_bin

pytestmark = pytest.mark.timeout(300)


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_a_build_without_novnc_fails_with_one_sentence(clone: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(clone, bare, symlinks=True, ignore=shutil.ignore_patterns("novnc"))
    for kind in ("--sdist", "--wheel"):
        ran = built(bare, kind, tmp_path / "out", **cut_off(tmp_path))
        assert ran.returncode != 0
        assert "gloveport: noVNC, which browsers watch desktops with" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert not list((tmp_path / "out").glob("gloveport-*"))


def test_the_sdist_has_what_building_and_testing_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        LIVE, "run", "server/view/static/package-lock.json", "buildtools/gloveport_build.py",
        "requirements.lock", "requirements-dev.lock", "CHANGELOG.md", "docs/clients.md",
        "tests/package/test_package.py", "tests/npm/package-lock.json", "bench/actions.py",
    ):  # fmt: skip
        assert name in names, name


def test_the_wheel_declares_its_licences_and_what_it_is(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["License-Expression"] == "MIT AND MPL-2.0"
    assert set(said.get_all("License-File", [])) == {
        "LICENSE",
        "LICENSES/noVNC.txt",
        "LICENSES/pako.txt",
    }
    assert len(said["Summary"]) <= 100  # what the MCP registry takes
    assert said["Keywords"]
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    static = ROOT / "server" / "view" / "static"
    for one in static.rglob("*"):  # all that this checkout serves, noVNC as well
        name = f"gloveport/server/view/static/{one.relative_to(static)}"
        if one.is_file() and not one.name.startswith("package"):
            assert name in files, name


def test_the_copies_of_licences_are_those_of_the_lock(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for copy, served in (("noVNC.txt", "LICENSE.txt"), ("pako.txt", "vendor/pako/LICENSE")):
            there = archive.read(f"gloveport/server/view/static/novnc/{served}")
            assert (ROOT / "LICENSES" / copy).read_bytes() == there


async def test_an_installed_wheel_serves_the_live_view(wheel: Path, tmp_path: Path) -> None:
    program = installed(wheel, tmp_path / "venv")
    said = version(program)
    assert said.startswith(f"gloveport {metadata(wheel)['Version']} (Python ")
    assert str(tmp_path / "venv") in said
    with serving(program, tmp_path) as link:
        async with browsing() as browser:
            page = await browser.new_page()
            await page.goto(link)
            await expect(page.locator("body")).to_have_attribute("data-screen", "live")


def installed(wheel: Path, folder: Path) -> Path:
    """The command of a wheel in an environment of its own, which borrows our other packages."""
    uv = [find_uv_bin(), "--offline", "-q"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [*uv, "pip", "install", "--no-deps", "--python", str(python), str(wheel)], check=True
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    (ours,) = site.getsitepackages()
    (packages / "borrowed.pth").write_text(f"{ours}\n")  # and no .pth file of there
    return folder / "bin" / "gloveport"


def version(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


@contextmanager
def serving(program: Path, folder: Path) -> Generator[str]:
    """A server, and the link to its live view that it prints."""
    with subprocess.Popen(
        [program, "serve", "--port", "0", "--state-dir", folder / "state"],
        cwd="/", stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        try:
            lines = (line.split() for line in server.stdout)
            yield next(words[1] for words in lines if words[:1] == ["live"])
        finally:
            server.terminate()
            server.wait(30)

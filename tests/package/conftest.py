"""The sdist and the wheel of the repository's files, built once for each file of tests."""

import tarfile
from pathlib import Path

import pytest
from checkout import copy_of_the_repository
from package.building import LIVE, built, cut_off


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean") / "gloveport"
    copy_of_the_repository(folder)
    assert not (folder / LIVE).exists()
    return folder


@pytest.fixture(scope="module")
def sdist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    ran = built(clone, "--sdist", out)
    assert ran.returncode == 0, ran.stderr
    (path,) = out.glob("gloveport-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, without any network."""
    unpacked, out = tmp_path_factory.mktemp("unpacked"), tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    ran = built(next(unpacked.iterdir()), "--wheel", out, **cut_off(out))
    assert ran.returncode == 0, ran.stderr
    (path,) = out.glob("gloveport-*.whl")
    return path

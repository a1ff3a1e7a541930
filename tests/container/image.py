"""Makes the image of the Dockerfile with no registry, in a store of its own, and runs it.

    PYTHONPATH=tests python -m container.image FOLDER

debootstrap makes what the Dockerfile starts from, buildah builds, podman runs. The packages come
from where apt, pip and npm of this machine get theirs: their settings are mounted while it is
built, and nothing of them stays in the image.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from npm import NPM

TOOLS = ("debootstrap", "buildah", "podman", "runc", "slirp4netns")
NAME = "localhost/gloveport"
WALLED = ("--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined")
"""What a container needs for walls inside it."""
_BASE = "localhost/base"
_CHECKOUT = Path(__file__).parents[2]
_OPTIONS = (
    "--network", "slirp4netns", "--publish", "127.0.0.1::8750", "--shm-size", "512m",
    # Root may have fewer than podman's usual limits, which it could not set then.
    "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
)  # fmt: skip
# Settings of this machine, and where they are mounted.
_MOUNTED = {
    "sources.list": "/etc/apt/sources.list",
    "apt.conf": "/etc/apt/apt.conf.d/99machine",
    "pip.conf": "/etc/pip.conf",
    "npmrc": "/root/.npmrc",
}
_HEALTHY = 60  # seconds; one second where nothing else runs
# What the slim images of Debian leave out, so that this one has the size of theirs.
_LEFT_OUT = ("doc", "man", "info", "locale", "lintian", "groff")


class NotMade(Exception):
    """A tool failed; the text is its command and the end of what it said."""


def why_not() -> str:
    """Why the image cannot be made here; empty when it can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)}: not installed (apt-get install {' '.join(missing)})"
    return "" if os.getuid() == 0 else "debootstrap needs root"


@dataclass(frozen=True, slots=True)
class Store:
    """Images and containers below a folder, apart from all others of this machine."""

    folder: Path

    def build(self) -> None:
        """Make the image, anew as far as the Dockerfile or what it copies has changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if _BASE not in self.podman("images", "--format", "{{.Repository}}"):
            self._make_base()
        self._buildah(
            "bud", "--isolation", "chroot", "--network", "host", "--pull-never", "--layers",
            "--format", "docker", "--build-arg", f"BASE={_BASE}", *_mounts(self.folder / "machine"),
            "--tag", NAME, str(_CHECKOUT),
        )  # fmt: skip

    @contextmanager
    def running(self, *words: str, options: Sequence[str] = ()) -> Generator["Container"]:
        """A container that is healthy; it is gone afterwards.

        Args:
            words: The command of gloveport, if not the image's own.
            options: More options of podman.
        """
        name = self.podman("create", *_OPTIONS, *options, NAME, *words).strip()
        try:
            # Without systemd nothing runs the health check by the clock, so it is run here.
            self.podman("start", name)
            yield self._healthy(name)
        finally:
            self.podman("rm", "--force", "--volumes", "--time", "0", name)

    def run(self, *words: str) -> str:
        """Run a command of gloveport in a container until it ends; what it printed."""
        return self.podman("run", "--rm", "--no-healthcheck", *_OPTIONS, NAME, *words)

    def _healthy(self, name: str) -> "Container":
        deadline = time.monotonic() + _HEALTHY
        while True:
            try:
                self.podman("healthcheck", "run", name)
                break
            except NotMade as why:
                if time.monotonic() > deadline:
                    raise NotMade(f"{why}\n{self.podman('logs', name)}") from None
                time.sleep(0.2)
        url = "http://" + self.podman("port", name, "8750/tcp").strip()
        token = re.search(r"^  token  (\S+)$", self.podman("logs", name), re.MULTILINE)
        assert token
        return Container(self, name, url, token[1])

    def podman(self, *words: str) -> str:
        """Run podman on this store; what it printed."""
        options = ["--tmpdir", f"{self.folder}/tmp", "--cgroup-manager", "cgroupfs",
                   "--events-backend", "file", "--runtime", "runc"]  # fmt: skip
        return _run(["podman", *self._where(), *options, *words])

    def close(self) -> None:
        """End all containers, those of a build that failed too, and unmount what is mounted."""
        self.podman("rm", "--all", "--force", "--time", "0")
        self._buildah("rm", "--all")
        if Path(mounted := f"{self.folder}/store/overlay").is_mount():
            _run(["umount", mounted])

    def _make_base(self) -> None:
        root = self.folder / "base"
        shutil.rmtree(root, ignore_errors=True)
        _run(["debootstrap", "--variant=minbase", _suite(), str(root), mirrors(_suite())[0][0]])
        shared = root / "usr/share"
        for name in _LEFT_OUT:
            shutil.rmtree(shared / name, ignore_errors=True)
        excluded = "".join(f"path-exclude /usr/share/{name}/*\n" for name in _LEFT_OUT)
        (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
        # What the settings of this machine are mounted over.
        for empty in _MOUNTED.values():
            (root / empty.removeprefix("/")).write_text("")
        archive = self.folder / "base.tar"
        without = [
            f"--exclude=./{path}/*" for path in ("var/cache/apt", "var/lib/apt/lists", "dev")
        ]
        _run(["tar", "-C", str(root), *without, "-cf", str(archive), "."])
        self.podman("import", "--change", 'CMD ["bash"]', str(archive), _BASE)
        shutil.rmtree(root)
        archive.unlink()

    def _buildah(self, *words: str) -> None:
        _run(["buildah", *self._where(), *words])

    def _where(self) -> list[str]:
        return ["--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run",
                "--storage-driver", "overlay"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of the image.

    Args:
        store: Where it is.
        name: Its name there.
        url: Where it is reached from here.
        token: What it printed as the token.
    """

    store: Store
    name: str
    url: str
    token: str

    def exec(self, *argv: str) -> str:
        """Run a command in it; what it printed."""
        return self.store.podman("exec", self.name, *argv)

    def stop(self) -> int:
        """Ask it to end, kill it after ten seconds; its exit status."""
        self.store.podman("stop", "--time", "10", self.name)
        return int(self.store.podman("inspect", "--format", "{{.State.ExitCode}}", self.name))


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise NotMade(f"{' '.join(argv)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def _suite() -> str:
    """The Debian that the Dockerfile starts from."""
    text = (_CHECKOUT / "Dockerfile").read_text()
    found = re.search(r"^ARG BASE=debian:(\w+)-slim$", text, re.MULTILINE)
    assert found
    return found[1]


def mirrors(suite: str) -> list[tuple[str, str]]:
    """Where this machine's apt gets its own Debian, as sites and suites, for another Debian."""
    told = _run(["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)",
                 "Created-By: Packages", "Origin: Debian", "Component: main"])  # fmt: skip
    pairs = [line.split() for line in told.splitlines()]
    return sorted(
        {(site, re.sub(r"^\w+", suite, codename)) for site, codename in pairs},
        key=lambda pair: len(pair[1]),
    )


def machine_settings(folder: Path, suite: str) -> None:
    """Write the settings of this machine's apt, pip and npm into a folder, for another Debian."""
    folder.mkdir(exist_ok=True)
    (folder / "sources.list").write_text(
        "".join(
            f"deb {site} {codename} main\n"
            for site, codename in mirrors(suite)
            if suite != "sid" or codename == suite  # sid has no updates beside it
        )
    )
    (folder / "apt.conf").write_text(
        "\n".join(
            line
            for line in _run(["apt-config", "dump", "Acquire"]).splitlines()
            if not line.startswith("Acquire::IndexTargets")
        )
    )
    pip = _pip_settings()
    npm = {"registry": _run([*NPM, "config", "get", "registry"]).strip()}
    if certificates := pip.get("cert"):
        shutil.copy(certificates, folder / "certificates.pem")
        pip["cert"] = npm["cafile"] = "/mnt/certificates.pem"
    (folder / "pip.conf").write_text("[global]\n" + _lines(pip))
    (folder / "npmrc").write_text(_lines(npm))


def _mounts(folder: Path) -> list[str]:
    """The settings of this machine, as options that mount them."""
    machine_settings(folder, _suite())
    mounted = {folder: "/mnt", **{folder / name: there for name, there in _MOUNTED.items()}}
    return [word for here, there in mounted.items() for word in ("--volume", f"{here}:{there}:ro")]


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def _pip_settings() -> dict[str, str]:
    """What pip of this machine is told of indexes, except folders of this machine."""
    settings: dict[str, str] = {}
    for line in _run([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        key, _, value = line.partition("=")
        words = [word for word in value.strip("'").split() if not word.startswith(("file:", "/"))]
        name = key.rpartition(".")[2]
        if name == "cert":
            settings[name] = value.strip("'")
        elif words:
            settings[name] = " ".join(words)
    return settings


if __name__ == "__main__":
    Store(Path(sys.argv[1]).absolute()).build()

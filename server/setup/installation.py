"""How this program was installed: what starts it again, and what adds an extra to it."""

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["checkout", "uvx", "uv tool", "pipx", "uv", "pip"]


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with gloveport in it.

    Args:
        kind: What made it; `uv` is an environment without pip.
        prefix: Its folder.
        source: Where gloveport came from: a name, file or address that an installer takes.
    """

    kind: Kind
    prefix: Path
    source: str

    @property
    def command(self) -> tuple[str, ...]:
        """The words that start gloveport, from any folder and for as long as it is installed."""
        if self.kind == "uvx":  # its environment goes whenever uv's cache is cleaned
            return shutil.which("uvx") or "uvx", *self._from, "gloveport"
        return (str(self.prefix / "bin" / "gloveport"),)

    @property
    def called(self) -> str:
        """The command as a person types it."""
        if self.kind == "uvx":
            return shlex.join(("uvx", *self.command[1:]))
        there = self.command[0]
        if self.kind == "checkout":
            there = str(Path(self.source) / "run")
        return "gloveport" if shutil.which("gloveport") == there else shlex.quote(there)

    def adding(self, extra: str) -> str:
        """The command line that adds what an extra of gloveport needs."""
        needs = [
            need.partition(";")[0].strip()
            for need in distribution("gloveport").requires or ()
            if f'extra == "{extra}"' in need.replace("'", '"')
        ]
        withs = [word for need in needs for word in ("--with", need)]
        python = str(self.prefix / "bin" / "python")
        return shlex.join(
            {
                "uvx": ["uvx", *withs, *self._from, "gloveport"],
                "uv tool": ["uv", "tool", "install", *withs, self.source],
                "pipx": ["pipx", "inject", "gloveport", *needs],
                "uv": ["uv", "pip", "install", "--python", python, *needs],
                "pip": [python, "-m", "pip", "install", *needs],
                "checkout": [python, "-m", "pip", "install", *needs],
            }[self.kind]
        )

    @property
    def _from(self) -> tuple[str, ...]:
        return () if self.source == "gloveport" else ("--from", self.source)


def installation() -> Installation:
    """Find out how the running program was installed."""
    prefix = Path(sys.prefix)
    told = json.loads(distribution("gloveport").read_text("direct_url.json") or "{}")
    url = str(told.get("url", ""))
    source = unquote(urlsplit(url).path) if url.startswith("file:") else url or "gloveport"
    if told.get("dir_info", {}).get("editable") and (Path(source) / "run").is_file():
        return Installation("checkout", prefix, source)
    return Installation(_kind(prefix), prefix, source)


def _kind(prefix: Path) -> Kind:
    # Names that uv and pipx give to files and folders of theirs.
    if (prefix / "uv-receipt.toml").exists():
        return "uv tool"
    if (prefix / "pipx_metadata.json").exists():
        return "pipx"
    if {"archive-v0", "environments-v2"} & set(prefix.parts):
        return "uvx"
    return "pip" if find_spec("pip") else "uv"

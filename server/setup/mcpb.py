"""Bundles for Claude Desktop (.mcpb): this package as one file that is installed by opening it.

Two, for neither fits everywhere. The `uv` one (manifest 0.4) gets Python and packages when it is
installed and can start a desktop on Linux; the `python` one (manifest 0.3) brings the few pure
packages the bridge needs, asks nothing of the network, and only reaches a server elsewhere.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

NOVNC = Path(str(files("gloveport.server.view"))) / "static" / "novnc" / "core"
_ROOMS = ("server", "sandbox", "clients")
# Where what `gloveport stdio --url` runs is, and the packages it needs; all of them pure Python.
# Whole folders: a list of modules goes stale with the first import that is added.
_BRIDGE = ("server/__init__.py", "server/py.typed", "server/cli/", "server/stdio/")
_BRIDGE_NEEDS = ("httpx2", "anyio")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources make the same bytes

Files = dict[str, bytes]


class NotBundled(Exception):
    """A bundle could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle: its file's name, and what is in it."""

    name: str
    files: Files

    def write(self, folder: Path) -> Path:
        """Write the bundle into a folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(self.files.items()):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
        return path


def bundles() -> tuple[Bundle, Bundle]:
    """The `uv` and the `python` bundle.

    Raises:
        NotBundled: A package for the `python` one is not pure Python, or noVNC is missing.
    """
    if not NOVNC.is_dir():
        raise NotBundled(
            "noVNC, which a bundle needs for the live view, is missing. "
            "Run `python buildtools/gloveport_build.py` in the checkout."
        )
    ours = distribution("gloveport")
    icon = {"icon.png": NOVNC.parents[1].joinpath("icon.png").read_bytes()}
    described = {f"{_info(ours)}/METADATA": (ours.read_text("METADATA") or "").encode()}
    whole = {f"gloveport/{name}": data for name, data in _sources()}
    parts = tuple(f"gloveport/{name}" for name in _BRIDGE)
    bridge = {name: data for name, data in whole.items() if name.startswith(parts)}
    with_uv = {
        **whole, **described, **icon,
        "manifest.json": _json(_uv_manifest(ours)),
        "pyproject.toml": _project(ours).encode(),
    }  # fmt: skip
    with_python = {
        **{f"lib/{name}": data for name, data in {**bridge, **described, **_vendored()}.items()},
        **icon,
        "manifest.json": _json(_python_manifest(ours)),
    }
    return Bundle("gloveport.mcpb", with_uv), Bundle("gloveport-remote.mcpb", with_python)


def _uv_manifest(ours: Distribution) -> dict[str, Any]:
    url = (
        "Of a desktop elsewhere, such as http://box:8750/mcp. Empty: one on this computer (Linux)."
    )
    return {
        "manifest_version": "0.4",
        **_about(ours, "gloveport"),
        "server": {
            "type": "uv",
            "entry_point": "gloveport/server/cli/__main__.py",
            "mcp_config": {
                "command": "uv",
                # An empty setting is filled in only where it is a part of an argument.
                "args": [
                    "run", "--directory", "${__dirname}", "python", "-P",
                    "-m", "gloveport.server.cli", "stdio", "--url=${user_config.url}",
                    "--size=${user_config.size}", "--walls=${user_config.walls}",
                ],
                "env": _environment("${__dirname}"),
            },
        },
        "user_config": {
            "url": _setting("Address", url, default=""),
            **_token(),
            "size": _setting("Size", "Of a screen on this computer.", default="1280x800"),
            "walls": _setting(
                "Walls",
                "What separates a desktop on this computer from it: auto, bwrap or none.",
                default="auto",
            ),
        },
    }  # fmt: skip


def _python_manifest(ours: Distribution) -> dict[str, Any]:
    about = _about(ours, "gloveport-remote")
    about["compatibility"] = {**about["compatibility"], "runtimes": {"python": ">=3.11"}}
    url = "Of the desktop's server, such as http://box:8750/mcp."
    return {
        "manifest_version": "0.3",
        **about,
        "server": {
            "type": "python",
            "entry_point": "lib/gloveport/server/cli/__main__.py",
            "mcp_config": {
                "command": "python3",
                "args": [
                    "-P",
                    "-m",
                    "gloveport.server.cli",
                    "stdio",
                    "--url=${user_config.url}",
                ],
                "env": _environment("${__dirname}/lib"),
            },
        },
        "user_config": {"url": _setting("Address", url, required=True), **_token()},
    }


def _about(ours: Distribution, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "display_name": "gloveport" if name == "gloveport" else "gloveport (elsewhere)",
        "version": ours.version,
        "description": ours.metadata["Summary"],
        "author": {"name": "gloveport"},
        "license": str(ours.metadata["License-Expression"]),
        "icon": "icon.png",
        "tools_generated": True,
        "compatibility": {"platforms": ["darwin", "linux"]},
    }


def _environment(modules: str) -> dict[str, str]:
    return {"GLOVEPORT_TOKEN": "${user_config.token}", "PYTHONPATH": modules}


def _setting(title: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "title": title, "description": description, **more}


def _token() -> dict[str, Any]:
    told = "What the server elsewhere asks for. Empty: nothing."
    return {"token": _setting("Token", told, sensitive=True, default="")}


def _project(ours: Distribution) -> str:
    """What uv installs: all on Linux, elsewhere what reaches a desktop on another machine."""
    needs = [
        need if _named(need) in _BRIDGE_NEEDS else f"{need}; sys_platform == 'linux'"
        for need in ours.requires or ()
        if ";" not in need
    ]
    return "\n".join(
        [
            "[project]",
            'name = "gloveport-bundle"',
            f"version = {json.dumps(ours.version)}",
            f"requires-python = {json.dumps(ours.metadata['Requires-Python'])}",
            f"dependencies = {json.dumps(needs, indent=4)}",
            "",
            "[tool.uv]",
            "package = false",
            "",
        ]
    )


def _sources() -> Iterator[tuple[str, bytes]]:
    for room in _ROOMS:
        yield from _below(files(f"gloveport.{room}"), PurePosixPath(room))


def _below(folder: Traversable, name: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_file():
            yield str(name / entry.name), entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _below(entry, name / entry.name)


def _vendored() -> Files:
    """The files of the packages the bridge needs, and of those they need."""
    found: Files = {}
    waiting, seen = list(_BRIDGE_NEEDS), set[str]()
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        seen.add(name)
        try:
            package = distribution(name)
        except PackageNotFoundError:  # one for other systems or older Pythons
            continue
        waiting += [_named(need) for need in package.requires or () if "extra ==" not in need]
        for file in package.files or ():
            if file.suffix in {".so", ".pyd", ".dylib"}:
                raise NotBundled(f"{name} is not pure Python: it has {file}.")
            if ".." not in file.parts and file.suffix != ".pyc":
                found[str(file)] = Path(str(file.locate())).read_bytes()
    return found


def _named(need: str) -> str:
    """The name in a requirement such as `anyio>=4.9,<5`."""
    (name,) = re.findall(r"^[\w.-]+", need)
    return str(name)


def _info(package: Distribution) -> str:
    return f"{package.metadata['Name']}-{package.version}.dist-info"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"

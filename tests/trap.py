"""A folder of somebody else's whose files run if a program that stands in it looks at them."""

import os
from pathlib import Path

POISONED = (
    "json", "mcp", "numpy", "secrets", "PIL/__init__", "anyio/__init__", "queue", "token",
    "http/__init__", "logging/__init__", "socket", "subprocess", "asyncio/__init__", "uvicorn",
    "starlette/__init__", "argparse", "typing", "re", "sitecustomize", "usercustomize",
    "gloveport/__init__", "server/__init__", "h11", "Xlib/__init__", "ctypes/__init__", "struct",
)  # fmt: skip
FILES = {
    ".env": "PYTHONPATH={folder}\nPYTHONSTARTUP={folder}/json.py\n",
    "uv.toml": "offline = false\nno-such-setting = true\n",
    "pyproject.toml": "[project]\nname = 'trap'\nversion = '1'\ndependencies = ['no-such']\n",
    "pyvenv.cfg": "home = {folder}\n",
}
PROGRAMS = ("run", "python", "python3", "uv", "bwrap", "Xvfb", "openbox", "env", "sh")


def set_trap(below: Path) -> tuple[Path, Path]:
    """A folder in which every name that a program imports or starts leads to a trap, and the file
    that tells what was run."""
    folder, ran = below / "project", below / "ran"
    folder.mkdir()
    for name in POISONED:
        file = folder / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"open({str(ran)!r}, 'a').write(__name__ + '\\n')\n")
    for name, text in FILES.items():
        (folder / name).write_text(text.format(folder=folder))
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {os.fspath(ran)}\n")
        (folder / name).chmod(0o755)
    return folder, ran

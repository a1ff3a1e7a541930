"""How far one call goes: the modules of ours that one left_click and one type enter, counted as
they run, and how large packages, modules and functions are.

    .venv/bin/python bench/modules.py [--names]

The calls come over HTTP, as an agent's do, with the built-in rules. Functions are counted by
sys.setprofile in every thread; the first call of each kind is not counted, for it sets things up.
"""

import argparse
import ast
import re
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import anyio
from mcp import Client

from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.server.control.policy import BUILT_IN, load
from gloveport.server.mcp.server import DesktopServer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from web import serving_web

ROOT = Path(__file__).parent.parent
ROOMS = ("sandbox", "server", "clients")
_WORDS = ("told", "one", "keep")


class Counter:
    """The modules of ours that are entered while it counts."""

    def __init__(self) -> None:
        self.counting = False
        self.entered: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if self.counting and event == "call":
            file = frame.f_code.co_filename
            name = self._names.get(file)
            if name is None:
                name = self._names[file] = _module(file)
            if name:
                self.entered[name] = self.entered.get(name, 0) + 1


def _module(file: str) -> str:
    path = Path(file).resolve()
    if not path.is_relative_to(ROOT):
        return ""
    inside = path.relative_to(ROOT)
    return ".".join(inside.with_suffix("").parts) if inside.parts[0] in ROOMS else ""


async def calls(folder: Path, names: bool) -> None:
    counter = Counter()
    threading.setprofile(counter)
    sys.setprofile(counter)
    asked = {
        "left_click": {"coordinate": [640, 400]},
        "type": {"text": "hello"},
    }
    async with open_desktop(DesktopOptions(folder)) as desktop:
        server = DesktopServer(desktop, policy=load(BUILT_IN))
        async with serving_web(server, desktop) as url, Client(f"{url}/mcp") as client:
            await client.call_tool("open", {"target": "Text Editor"})
            for name, arguments in asked.items():
                await client.call_tool(name, arguments)
                counter.entered.clear()
                counter.counting = True
                await client.call_tool(name, arguments)
                counter.counting = False
                _tell(name, counter.entered, names)
    sys.setprofile(None)


def _tell(name: str, entered: dict[str, int], names: bool) -> None:
    rooms = {room: sum(one.startswith(room) for one in entered) for room in ROOMS}
    parts = ", ".join(f"{room} {count}" for room, count in rooms.items() if count)
    print(f"  {name:<12} {len(entered):3} modules ({parts}), {sum(entered.values())} calls")
    if names:
        for module, count in sorted(entered.items(), key=lambda one: -one[1]):
            print(f"      {count:6}  {module}")


def _modules() -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def _functions(text: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def sizes() -> None:
    read = _modules()
    folders: dict[Path, int] = {}
    for path in read:
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    lines = sorted(text.count("\n") for text in read.values())
    functions = sorted(length for text in read.values() for length in _functions(text))
    long = {str(path.relative_to(ROOT)): text.count("\n") for path, text in read.items()}
    large = {path: count for path, count in long.items() if count > 500}
    print(f"  folders {len(folders)}, modules a folder at most {max(folders.values())}")
    print(f"  module lines: median {statistics.median(lines):g}, most {lines[-1]}")
    print(f"  modules over 500 lines: {large}")
    p95 = functions[int(len(functions) * 0.95)]
    print(
        f"  function lines: median {statistics.median(functions):g}, p95 {p95}, "
        f"most {functions[-1]}; over 60: {sum(one > 60 for one in functions)}"
    )
    for word in _WORDS:
        found = re.compile(rf"\b{word}\b")
        print(f"  places of {word}: {sum(len(found.findall(text)) for text in read.values())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", action="store_true", help="name the modules")
    options = parser.parse_args()
    print("\nOne call, from the wire to the X server (target: <= 16 modules)")
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(calls, Path(folder), options.names)
    print("\nSizes (targets: 15 modules a folder, 500 lines a module, 60 a function)")
    sizes()


if __name__ == "__main__":
    main()

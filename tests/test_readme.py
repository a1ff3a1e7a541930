"""The README says what the server serves. `python tests/test_readme.py` writes its table anew."""

import re
from pathlib import Path

import anyio
from mcp import Client
from mcp_types import Tool

from gloveport.sandbox.desktop import Desktop, DesktopOptions
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

README = Path(__file__).parent.parent / "README.md"
TABLE = re.compile(
    r"(?<=<!-- tools: written by tests/test_readme.py -->\n).*?(?=<!-- /tools -->)", re.DOTALL
)


async def served() -> list[Tool]:
    """The tools a client is offered; a desktop need not run for that."""
    desktop = Desktop(DesktopOptions(Path("unused")), Keymap())
    try:
        async with Client(DesktopServer(desktop)) as client:
            return (await client.list_tools()).tools
    finally:
        await desktop.close()


def table(tools: list[Tool]) -> str:
    rows = [f"| `{tool.name}` | {_takes(tool)} | {_first(tool)} |" for tool in tools]
    return "\n".join(["| Tool | Takes | |", "| --- | --- | --- |", *rows, ""])


def _takes(tool: Tool) -> str:
    required = set(tool.input_schema.get("required", []))
    names = [name for name in tool.input_schema.get("properties", {}) if name != "screenshot"]
    return ", ".join(f"**{name}**" if name in required else name for name in names)


def _first(tool: Tool) -> str:
    """The first sentence of a description."""
    return re.split(r"(?<=\.) ", tool.description or "")[0]


async def test_the_table_of_tools_is_what_is_served() -> None:
    (shown,) = TABLE.findall(README.read_text(encoding="utf-8"))
    assert shown == table(await served())


def test_the_pictures_it_shows_are_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).is_file()


if __name__ == "__main__":
    written = table(anyio.run(served))
    README.write_text(TABLE.sub(lambda _: written, README.read_text(encoding="utf-8")), "utf-8")

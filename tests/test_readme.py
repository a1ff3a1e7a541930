"""The README and docs/ say what is so. `python tests/test_readme.py` writes the generated parts."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp_types import Tool

from gloveport.clients.recipes.table import recipes
from gloveport.sandbox.desktop import Desktop, DesktopOptions
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.cli.main import parser
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.setup.reference import markdown

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TOOLS = ROOT / "docs" / "tools.md"
REFERENCE = ROOT / "docs" / "cli.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "skills/gloveport/SKILL.md"]
TABLE = re.compile(
    r"(?<=<!-- tools: written by tests/test_readme.py -->\n).*?(?=<!-- /tools -->)", re.DOTALL
)
LINK = re.compile(r"(?<!\!)\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


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


def reference() -> str:
    return (
        "# Command line\n\n<!-- written by tests/test_readme.py -->\n\n"
        "In a checkout, `./run` takes the same commands.\n\n" + markdown(parser())
    )


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """The lines of code of a page that run gloveport."""
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^    +((?:gloveport|\./run)\b[^\n]*(?:\\\n[^\n]*)*)", text, re.MULTILINE)
    lines += re.findall(r"(?<!`)`(gloveport [^`]+)`", text)
    return [re.sub(r"\s+#.*", "", re.sub(r"\\?\n", " ", line)).strip() for line in lines]


LINES = sorted({line for page in PAGES for line in commands(page)})


async def test_the_table_of_tools_is_what_is_served() -> None:
    (shown,) = TABLE.findall(TOOLS.read_text(encoding="utf-8"))
    assert shown == table(await served())


def test_the_reference_is_that_of_the_command_line() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in PICTURE.findall(text):
        assert (page.parent / path).is_file(), path
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_one_or_two_links_from_the_readme() -> None:
    seen, frontier = {README}, {README}
    for _ in range(2):
        targets = {
            (page.parent / target.partition("#")[0]).resolve()
            for page in frontier
            for target in LINK.findall(page.read_text(encoding="utf-8"))
        }
        frontier = {target for target in targets if target.suffix == ".md"} - seen
        seen |= frontier
    assert set(PAGES) <= seen


@pytest.mark.parametrize("line", LINES)
def test_the_command_line_takes_every_command_shown(line: str) -> None:
    words = shlex.split(line.partition(" | ")[0].partition(" > ")[0])[1:]
    if words[:1] == ["--yes"]:
        words = words[1:]
    if not words or words[0] == "test":
        return
    given = parser().parse_args(words)
    if given.command == "config" and given.client:
        assert given.client in (*recipes(), "CLIENT", "NAME")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_of_every_language_is_well_formed(page: Path) -> None:
    for language, code in FENCED.findall(page.read_text(encoding="utf-8")):
        match language:
            case "json":
                json.loads(code)
            case "python":
                compile(code, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            case "toml":
                tomllib.loads(code)
            case _:
                pytest.fail(f"{page}: nothing checks code in {language!r}")


def test_the_options_named_in_the_readme_are_served(capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Options$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    with pytest.raises(SystemExit):
        parser().parse_args(["serve", "--help"])
    helped = capsys.readouterr().out
    rows = re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE)
    for option in re.findall(r"`(--[a-z-]+)", " ".join(rows)):
        assert option in helped, option


def test_the_readme_answers_what_newcomers_ask() -> None:
    """Each question, and what answers it: a heading of the README, or of the page of questions."""
    text = README.read_text(encoding="utf-8")
    faq = (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
    assert "(docs/faq.md)" in text
    for heading in ("Install", "Plug it in", "Options", "Troubleshooting", "Uninstall"):
        assert f"\n## {heading}\n" in text
    for question in (
        "Who can see my desktop?", "Can the agent see my files and windows?", "Where is the log?",
        "How do I stop it?", "How do I watch it?", "How do I undo what it did?",
        "How do I update it?", "How do I remove it?", "Why does my client say \"failed\"?",
        "Does it work with Wayland, on macOS, or on Windows?",
    ):  # fmt: skip
        assert f"\n## {question}\n" in faq


def test_what_registries_read_is_what_is_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    server = json.loads((ROOT / "server.json").read_text())
    assert f"mcp-name: {server['name']}" in README.read_text(encoding="utf-8")
    assert server["description"] == project["description"]
    assert len(server["description"]) <= 100
    assert server["version"] == project["version"] == server["packages"][0]["version"]
    arguments = [one["value"] for one in server["packages"][0]["packageArguments"]]
    assert parser().parse_args(arguments).command == "stdio"


async def test_the_skill_names_tools_that_are_served() -> None:
    text = PAGES[-1].read_text(encoding="utf-8")
    names = {tool.name for tool in await served()}
    named = set(re.findall(r"`([a-z_]+)(?:\(|`)", text)) - {"into", "changed", "verified"}
    assert named - {"warning", "stale", "expect"} <= names


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", tmp_path / "site"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "site" / "guides" / "watch" / "index.html").is_file()


if __name__ == "__main__":
    written = table(anyio.run(served))
    TOOLS.write_text(TABLE.sub(lambda _: written, TOOLS.read_text(encoding="utf-8")), "utf-8")
    REFERENCE.write_text(reference(), "utf-8")

"""How each client is told of a desktop: a table (recipes.toml), and its rows as text to paste."""

import json
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_TABLE = Path(__file__).with_name("recipes.toml")
# Clients put it before the names of tools, and a key of TOML or YAML needs no quotes around it.
NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_PLACEHOLDER = re.compile(r"\b(?:COMMAND_AND_ARGS|COMMAND|ARGS|NAME)\b")


@dataclass(frozen=True, slots=True)
class Reach:
    """How a client gets to a desktop: it runs a command and speaks MCP with it.

    Args:
        command: The program, as a path.
        args: Its arguments.
        name: What the client is to call the desktop; see `NAMES`.
    """

    command: str
    args: tuple[str, ...] = ("stdio",)
    name: str = "gloveport"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One client, as recipes.toml has it; a framework has `code`, any other a settings file."""

    key: str
    title: str
    sees: Literal["pictures", "text", "untried"]
    folder: str = ""
    folder_on_mac: str = ""
    folder_from: str = ""
    file: Sequence[str] = ()
    under: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shell: str = ""
    then: str = ""
    code: str = ""

    def path(self, environment: Mapping[str, str], *, mac: bool) -> Path:
        """The client's settings file for this user: the one that exists, else where it would be."""
        home = environment.get("HOME") or str(Path.home())
        usual = (mac and self.folder_on_mac) or self.folder
        folder = Path(environment.get(self.folder_from) or usual.replace("~", home, 1))
        paths = [folder / name for name in self.file]
        return next((path for path in paths if path.exists()), paths[-1])

    def settings(self, reach: Reach) -> dict[str, Any]:
        """What goes below `under` and the desktop's name."""
        stands: dict[str, Any] = {
            "COMMAND": reach.command,
            "ARGS": list(reach.args),
            "COMMAND_AND_ARGS": [reach.command, *reach.args],
            "NAME": reach.name,
        }
        return {
            key: stands.get(value, value) if isinstance(value, str) else value
            for key, value in self.entry.items()
        }

    def snippet(self, reach: Reach) -> str:
        """What to paste: a command, a part of the settings file, or a program."""
        if self.code:
            code = {"COMMAND": json.dumps(reach.command), "ARGS": _list(reach.args)}
            return _filled(self.code.strip(), code)
        if self.shell:
            words = shlex.join([reach.command, *reach.args])
            return _filled(self.shell, {"COMMAND_AND_ARGS": words, "NAME": reach.name})
        return self.part(reach)

    def part(self, reach: Reach) -> str:
        """The part of the settings file, in the file's format."""
        settings = self.settings(reach)
        match Path(self.file[-1]).suffix:
            case ".toml":
                lines = [f"{key} = {_list_or_value(value)}" for key, value in settings.items()]
                return "\n".join([f"[{self.under}.{reach.name}]", *lines])
            case ".yaml":
                lines = [f"    {key}: {_list_or_value(value)}" for key, value in settings.items()]
                return "\n".join([f"{self.under}:", f"  {reach.name}:", *lines])
            case _:
                return json.dumps(
                    {self.under: {reach.name: settings}}, indent=2, ensure_ascii=False
                )


def recipes() -> dict[str, Recipe]:
    """All clients by the name `gloveport config` takes."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {key: Recipe(key, **row) for key, row in table.items()}


def _filled(text: str, stands: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: stands.get(found[0], found[0]), text)


# What JSON writes for text, numbers and truth, TOML, YAML, Python and JavaScript read as the same;
# escapes beyond ASCII are written out, for TOML has no surrogates.
def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(_value(value) for value in values)}]"


def _list_or_value(value: Any) -> str:
    return _list(value) if isinstance(value, list) else _value(value)  # pyright: ignore[reportUnknownArgumentType] # a list of text, by recipes.toml

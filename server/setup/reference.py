"""The command line described from its own parser: Markdown, a man page, shell completion."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast

_Group = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage] - as argparse documents it


@dataclass(frozen=True, slots=True)
class Command:
    """A command as its parser has it.

    Args:
        words: Its name, such as `token add`; empty: the program itself.
        help: One line.
        parser: What reads its arguments.
    """

    words: str
    help: str
    parser: argparse.ArgumentParser

    @property
    def actions(self) -> list[argparse.Action]:
        """Its options and arguments, in their order, without hidden ones."""
        actions = self.parser._actions  # pyright: ignore[reportPrivateUsage] - argparse has no other way
        return [
            action
            for action in actions
            if action.help is not argparse.SUPPRESS
            and not isinstance(action, argparse._SubParsersAction)  # pyright: ignore[reportPrivateUsage] - as above
        ]


def commands(parser: argparse.ArgumentParser) -> Iterator[Command]:
    """The program and all its commands, each before those below it."""
    yield Command("", parser.description or "", parser)
    yield from _below(parser, "")


def _below(parser: argparse.ArgumentParser, before: str) -> Iterator[Command]:
    for group in parser._actions:  # pyright: ignore[reportPrivateUsage] - as above
        if not isinstance(group, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage] - as above
            continue
        helps = {one.dest: one.help or "" for one in group._choices_actions}  # pyright: ignore[reportPrivateUsage] - as above
        choices = cast(dict[str, argparse.ArgumentParser], cast(Any, group).choices)
        for name, below in choices.items():
            words = f"{before} {name}".strip()
            yield Command(words, helps.get(name, ""), below)
            yield from _below(below, words)


def described(action: argparse.Action) -> tuple[str, str]:
    """An option or argument as it is written, and its help."""
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    )
    shown = str(value or (action.dest.upper() if action.nargs != 0 else ""))
    written = ", ".join(action.option_strings) or shown
    if action.option_strings and action.nargs != 0:
        written += f" {shown}"
    default = {**vars(action), "prog": "gloveport"}
    return written, (action.help or "") % default


def markdown(parser: argparse.ArgumentParser) -> str:
    """The reference of the command line for the documentation."""
    parts: list[str] = []
    for one in commands(parser):
        parts.append(f"## gloveport {one.words}".rstrip())
        parts.append(_sentence(one.parser.description or one.help))
        rows = [described(action) for action in one.actions]
        table = [f"| `{_cell(written)}` | {_cell(told)} |" for written, told in rows]
        if table:
            parts.append("\n".join(["| Argument | Meaning |", "| --- | --- |", *table]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def man(parser: argparse.ArgumentParser) -> str:
    """The man page gloveport(1), in roff."""
    lines = [
        f'.TH GLOVEPORT 1 "" "gloveport {version("gloveport")}"',
        ".SH NAME",
        r"gloveport \- MCP server that gives a client control of a sandboxed Linux desktop",
        ".SH SYNOPSIS",
        ".B gloveport",
        r"[\-v] COMMAND [ARGUMENTS]",
        ".SH COMMANDS",
    ]
    for one in commands(parser):
        lines += [f".SS gloveport {one.words}".rstrip()]
        lines.append(_roff(_sentence(one.parser.description or one.help)))
        for action in one.actions:
            written, told = described(action)
            lines += [".TP", f".B {_roff(written)}", _roff(told)]
    lines += [
        ".SH FILES",
        r"Sockets, logs and tokens of servers: /run/user/UID/gloveport or /tmp/gloveport\-UID.",
        r"Desktops: /tmp/gloveport\-UID/desktops. Tokens of others: ~/.config/gloveport.",
        ".SH EXIT STATUS",
        "0: done. 1: failed, with one sentence on stderr. 2: wrong arguments.",
        "3: no such server runs. 130: ended by Ctrl+C.",
    ]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("\n", " ")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """A script that completes commands and options in bash, zsh or fish."""
    table = {
        one.words: [
            *(name for name in _names(parser, one.words)),
            *(string for action in one.actions for string in action.option_strings),
        ]
        for one in commands(parser)
    }
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](table)


def _names(parser: argparse.ArgumentParser, before: str) -> list[str]:
    found = [one.words for one in commands(parser) if one.words]
    return [words.rpartition(" ")[2] for words in found if words.rpartition(" ")[0] == before]


def _cases(table: dict[str, list[str]]) -> str:
    return "\n".join(
        f'    "{words}") words="{" ".join(found)}" ;;' for words, found in table.items()
    )


_PICK = """
  local words="" path="" word
  for word in {before}; do
    case "$word" in -*) continue ;; esac
    [ -n "$(_gloveport_words "${{path:+$path }}$word")" ] && path="${{path:+$path }}$word"
  done
  words=$(_gloveport_words "$path")
"""


def _words_function(table: dict[str, list[str]]) -> str:
    head = '_gloveport_words() {\n  local words=""\n  case "$1" in\n'
    return f"{head}{_cases(table)}\n  esac\n  echo $words\n}}\n"


def _bash(table: dict[str, list[str]]) -> str:
    pick = _PICK.format(before='"${COMP_WORDS[@]:1:COMP_CWORD-1}"')
    return (
        f"# bash completion of gloveport\n{_words_function(table)}_gloveport() {{{pick}"
        '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))\n}\n'
        "complete -o default -F _gloveport gloveport\n"
    )


def _zsh(table: dict[str, list[str]]) -> str:
    pick = _PICK.format(before="${words_before[@]}")
    return (
        f"#compdef gloveport\n{_words_function(table)}_gloveport() {{\n"
        f"  local -a words_before=(${{words[2,CURRENT-1]}}){pick}"
        "  compadd -- ${=words}\n  _files\n}\n"
        "compdef _gloveport gloveport\n"
    )


def _fish(table: dict[str, list[str]]) -> str:
    lines = ["# fish completion of gloveport"]
    for words, found in table.items():
        seen = (
            f"__fish_seen_subcommand_from {words.rpartition(' ')[2]}"
            if words
            else "__fish_use_subcommand"
        )
        for name in found:
            given = (
                f"-l {name[2:]}"
                if name.startswith("--")
                else f"-s {name[1:]}"
                if re.fullmatch("-.", name)
                else f"-f -a {name}"
            )
            lines.append(f"complete -c gloveport -n '{seen}' {given}")
    return "\n".join(lines) + "\n"

"""Tells a client of the desktop: prints what to put where, or puts it there."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gloveport.clients.recipes.settings_file import NotWritten, Written, put, take
from gloveport.clients.recipes.table import NAMES, Reach, Recipe, recipes

from ..setup.installation import installation

_SEES = {
    "pictures": "sees the pictures",
    "text": "sees text only: read_screen is its eyes",
    "untried": "not tried here",
}


def reaching(args: Sequence[str], name: str = "gloveport") -> Reach:
    """How clients start this installation with some arguments."""
    program, *before = installation().command
    return Reach(program, (*before, *args), name)


def run(
    client: str,
    name: str,
    args: Sequence[str],
    file: Path | None,
    environment: Mapping[str, str],
    *,
    write: bool,
) -> int:
    """Do what `gloveport config` was asked to; the exit status.

    Args:
        client: Which; empty: list them.
        name: What it is to call the desktop.
        args: What the client's command is given.
        file: Its settings file, if not the usual one.
        environment: Where the usual one is.
        write: Put it there instead of printing it.
    """
    table = recipes()
    if not client:
        print(_listed(table.values()))  # noqa: T201
        return 0
    if not NAMES.fullmatch(name):
        return _failed(
            f"--name {name} is not possible: a letter, then at most 31 of A-Z a-z 0-9 _ -."
        )
    if client not in table:
        return _failed(f"there is no recipe for {client}; there are {', '.join(table)}.")
    recipe = table[client]
    reach = reaching(args, name)
    if recipe.code:
        if write or file:
            return _failed(
                f"{recipe.title} has no settings file; it takes neither --write nor --file."
            )
        print(recipe.snippet(reach))  # noqa: T201
        return 0
    path = file or recipe.path(environment, mac=sys.platform == "darwin")
    if not write:
        print(shown(recipe, reach, path))  # noqa: T201
        return 0
    try:
        done = put(path, recipe.under, name, recipe.settings(reach))
    except NotWritten as why:
        return _failed(str(why))
    if not done.changes:
        print(f"{done.path} says so already; nothing was changed.")  # noqa: T201
        return 0
    _tell(done)
    print(recipe.then)  # noqa: T201
    return 0


def remove(client: str, name: str, file: Path | None, environment: Mapping[str, str]) -> int:
    """Take the entry of a desktop out of settings files; the exit status.

    Args:
        client: Which client's; empty: all that have one.
        name: What they call the desktop.
        file: The settings file, if not the usual one; with a client.
        environment: Where the usual ones are.
    """
    table = recipes()
    if client and client not in table:
        return _failed(f"there is no recipe for {client}; there are {', '.join(table)}.")
    if file and not client:
        return _failed("--file goes with a CLIENT, which tells the form of the file.")
    chosen = [table[client]] if client else list(table.values())
    removed, failed = False, 0
    for recipe in chosen:
        if recipe.code:
            continue
        path = file or recipe.path(environment, mac=sys.platform == "darwin")
        try:
            done = take(path, recipe.under, name)
        except NotWritten as why:
            failed = _failed(str(why))
            continue
        if done.changes:
            removed = True
            _tell(done)
    if not removed and not failed:
        print(f"No settings file has an entry {name}; nothing was changed.")  # noqa: T201
    return failed


def _tell(done: Written) -> None:
    print(f"{done.path}:")  # noqa: T201
    for change in done.changes:
        print(f"  {change}")  # noqa: T201
    if done.backup:
        print(f"As it was before: {done.backup}")  # noqa: T201


def shown(recipe: Recipe, reach: Reach, path: Path) -> str:
    """What to run, or to put where, for a client that has a settings file."""
    if recipe.shell:
        return f"Run:\n\n{recipe.snippet(reach)}\n\n{recipe.then}"
    return f"In {path}:\n\n{recipe.part(reach)}\n\n{recipe.then}"


def _listed(table: Iterable[Recipe]) -> str:
    rows = [
        f"  {one.key:15} {one.title:18} {'a program' if one.code else 'a settings file':16} "
        f"{_SEES[one.sees]}"
        for one in table
    ]
    told = "`gloveport config CLIENT` prints what to put where, with --write puts it there."
    return "\n".join([*rows, "", told])


def _failed(why: str) -> int:
    print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
    return 1

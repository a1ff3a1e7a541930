"""The command line's part about servers that run, and desktops that stay: `status`, `stop`,
`desktops`."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ..stdio.state_folder import DEFAULT, check_name, own_state
from .options import DEFAULT_TTL, desktop_options, homes_folder, own_server, staying_options

_NONE_RUNS = 3  # exit status of a service that does not run (LSB)


def commands(
    add_parser: Callable[..., argparse.ArgumentParser],
    server_name: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add `status` and `stop` to the commands of a parser."""
    telling = add_parser(
        "status",
        help="say which servers of yours run",
        description="Say which servers of yours run, where, and whether anybody uses them. The "
        "exit status is 0 if one runs, 3 if none does.",
    )
    telling.add_argument("--json", action="store_true", help="print one JSON list")
    server_name(telling)
    telling.set_defaults(run=_status, name="")
    stopping = add_parser(
        "stop",
        help="end a server of yours, with its desktops",
        description="End a server of yours and the desktops it runs. Files go, unless the desktop "
        "has a name of its own.",
    )
    server_name(stopping)
    stopping.add_argument("which", nargs="?", default="", metavar="NAME", help="the server's name")
    stopping.add_argument("--all", action="store_true", help="all of yours")
    stopping.set_defaults(run=_stop)


def _status(given: argparse.Namespace) -> int:
    from ..stdio.local_servers import about

    state = own_state(given.state_dir)
    names = [check_name(given.name)] if given.name else state.names()
    found = {name: told for name in names if (told := about(state, name))}
    if given.json:
        print(json.dumps([{"name": name, **told} for name, told in found.items()]))  # noqa: T201
    elif not found:
        print("No server of yours runs. `gloveport serve` starts one.")  # noqa: T201
    else:
        for name, told in found.items():
            used = "in use" if told.get("attended") else "not in use"
            print(  # noqa: T201
                f"{name:12} {told.get('url', ''):28} process {told['pid']}, version "
                f"{told.get('version', 'unknown')}, walls {told.get('walls')}, {used}"
            )
    return 0 if found else _NONE_RUNS


def _stop(given: argparse.Namespace) -> int:
    from ..stdio.local_servers import stop
    from ..stdio.state_folder import NoServer

    state = own_state(given.state_dir)
    names = state.names() if given.all else [check_name(given.which or given.name)]
    ended: list[str] = []
    for name in names:
        try:
            ended += [name] if stop(state, name) else []
        except NoServer as why:
            print(f"gloveport: {why}", file=sys.stderr)  # noqa: T201
            return 1
    print(f"Stopped {', '.join(ended)}." if ended else "No such server of yours runs.")  # noqa: T201
    return 0 if ended else _NONE_RUNS


def desktops(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `desktops` to the commands of a parser."""
    telling = add_parser(
        "desktops",
        help="list, open, close, remove, rename, copy, export or import desktops that stay",
        description="List the desktops that stay, what each takes on the disk and which are open; "
        "or open, close, remove, rename, export or import one.",
    )
    telling.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)
    telling.add_argument("--json", action="store_true", help="print one JSON list")
    telling.set_defaults(run=_list)
    verbs = telling.add_subparsers(dest="verb", metavar="VERB")

    def verb(
        name: str, run: Callable[[argparse.Namespace], int], told: str, *words: str
    ) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
        for word in words:
            made.add_argument(word.lower(), metavar=word)
        made.set_defaults(run=run)
        return made

    listing = verb("list", _list, "list them, with what each takes on the disk")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    opening = verb("open", _open, "start a server of a name in the background", "NAME")
    opening.add_argument(
        "--from", dest="source", metavar="OTHER", help="begin with a copy of OTHER"
    )
    opening.add_argument("--ttl", type=int, default=DEFAULT_TTL, help=argparse.SUPPRESS)
    desktop_options(opening)
    staying_options(opening)
    verb("close", _close, "end the server of a name; its desktop stays", "NAME")
    verb("remove", _remove, "remove a desktop with all its files, for good", "NAME")
    verb("rename", _rename, "give a desktop another name", "NAME", "NEW")
    verb("export", _export, "write a home, logins included, into one file (0600)", "NAME", "FILE")
    verb("import", _import, "make a desktop of an exported file", "NAME", "FILE")


def _list(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import kept_desktops

    homes = homes_folder(given.state_dir)
    found = kept_desktops(homes)
    if given.json:
        print(json.dumps([asdict(one) for one in found]))  # noqa: T201 - what was asked for
        return 0
    if not found:
        print(f"No desktop is kept in {homes}. `gloveport serve --name work` makes one.")  # noqa: T201
        return 0
    for one in found:
        state = f"open (process {one.process})" if one.process else one.wrong or "closed"
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.used)) if one.used else "never"
        kept = f"{one.checkpoints} checkpoint{'s' * (one.checkpoints != 1)}"
        print(f"{one.name:20} {_mb(one.bytes):>10}  {kept:15} used {used}  {state}")  # noqa: T201
    free = shutil.disk_usage(homes).free
    total = sum(one.bytes for one in found)
    print(f"{'in all':20} {_mb(total):>10}  {_mb(free)} free in {homes}")  # noqa: T201
    return 0


def _open(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import clone, names

    given.name = _named(given.name)
    if given.source:
        clone(homes_folder(given.state_dir), given.source, given.name)
    elif given.ephemeral and given.name in names(homes_folder(given.state_dir)):
        sys.exit("gloveport: this desktop is kept, so it cannot be opened with --ephemeral.")
    own_server(given).ensure_or_exit()
    print(f"Opened {given.name}. `gloveport live --name {given.name}` shows it.")  # noqa: T201
    return 0


def _close(given: argparse.Namespace) -> int:
    from ..stdio.local_servers import stop

    closed = stop(own_state(given.state_dir), _named(given.name))
    print(f"Closed {given.name}." if closed else f"{given.name} is not open.")  # noqa: T201
    return 0 if closed else _NONE_RUNS


def _remove(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import remove

    size = remove(homes_folder(given.state_dir), given.name)
    print(f"Removed {given.name}; {_mb(size)} are free again.")  # noqa: T201
    return 0


def _rename(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import rename

    rename(homes_folder(given.state_dir), given.name, _named(given.new))
    print(f"Renamed {given.name} to {given.new}.")  # noqa: T201
    return 0


def _export(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import export_home

    left = export_home(homes_folder(given.state_dir), given.name, Path(given.file))
    without = f", without {left} links that lead out of the home" if left else ""
    print(f"Exported {given.name} to {given.file}{without}. Its logins are in it.")  # noqa: T201
    return 0


def _import(given: argparse.Namespace) -> int:
    from gloveport.sandbox.session.kept_desktops import import_home

    name = _named(given.name)
    got = import_home(homes_folder(given.state_dir), name, Path(given.file))
    print(f"Imported {name}: {got.files:,} files, {_mb(got.bytes)}.")  # noqa: T201
    return 0


def _named(name: str) -> str:
    """A name that keeps a desktop; ends the program if it does not."""
    if check_name(name) == DEFAULT:
        sys.exit(f"gloveport: {DEFAULT} is the name of what is not kept; use another.")
    return name


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

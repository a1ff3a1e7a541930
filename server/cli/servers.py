"""The command line's part about servers that run: `status` and `stop`."""

import argparse
import json
import sys
from collections.abc import Callable

from ..stdio.state_folder import check_name, own_state

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

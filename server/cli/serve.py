"""`gloveport serve`: runs a server until it is told to stop."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ..stdio.state_folder import DEFAULT, State, check_name, own_state
from . import access, fleet
from .entry import INTERRUPTED
from .loop import run_loop
from .numbers import YEAR, number, whole
from .options import (
    desktop_options,
    desktop_settings,
    groups_of,
    homes_folder,
    rules_of,
    serve_options,
    server_name,
    staying_options,
)

if TYPE_CHECKING:
    from ..serve import Served, Settings


def add_serve(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The command `serve`."""
    serving = add(
        "serve",
        help="run a desktop and serve it over HTTP",
        description="Run a desktop and serve it at http://HOST:PORT/mcp until told to stop.",
    )
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serving.add_argument(
        "--port", type=whole(0, 65535), default=8750, help="0 takes a free one (%(default)s)"
    )
    serving.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="a name this server is also reached by; may be repeated",
    )  # fmt: skip
    access.serve_options(serving)
    server_name(serving)
    serving.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    serving.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)
    serving.add_argument("--relayed", type=Path, help=argparse.SUPPRESS)  # see hosts/assertion.py
    serving.add_argument(
        "--ttl", type=number(0, YEAR), default=0, metavar="SECONDS",
        help="end after so long without a client; 0 never (%(default)s)",
    )  # fmt: skip
    serving.add_argument(
        "--desktops", type=whole(1, 1000), default=1, metavar="N",
        help="how many desktops there may be; clients open more by the tool desktops (%(default)s)",
    )  # fmt: skip
    serving.add_argument(
        "--desktop-ttl", type=number(1, YEAR), default=1800, metavar="SECONDS",
        help="a desktop that was opened is closed after so long without a call (%(default)s)",
    )  # fmt: skip
    fleet.fleet_option(serving)
    desktop_options(serving)
    staying_options(serving)
    serving.set_defaults(run=_serve)


def _serve(given: argparse.Namespace) -> int:
    from ..stdio.local_servers import Running, only_one

    state, name = own_state(given.state_dir), check_name(given.name)
    try:
        with only_one(state, name):
            if given.fleet:
                return fleet.serve_fleet(given, state, name)
            return _serve_alone(given, state, name)
    except Running as why:
        sys.exit(f"gloveport: {why}")


def _serve_alone(given: argparse.Namespace, state: State, name: str) -> int:
    if (
        given.own and not given.relayed
    ):  # for its user's own clients, by the socket; browsers come by a link
        given.host, given.port = "127.0.0.1", 0

    from ..heap import prepare
    from ..hosts.assertion import AssertionKeys, Relayed
    from ..serve import NoAddress, Settings, serve

    relayed = Relayed.read(given.relayed) if given.relayed else None
    keys = AssertionKeys(relayed.secret) if relayed else None
    entry = access.Entry((keys,)) if keys else access.entry(given, state.token(name))
    homes = None if given.ephemeral or relayed else homes_folder(given.state_dir)
    stay = homes / name if homes and name != DEFAULT else None
    desktop = replace(desktop_settings(given), stay=stay, reopen=not given.no_reopen)
    settings = Settings(
        desktop=replace(desktop, name=relayed.desktop) if relayed else desktop,
        homes=homes,
        host=given.host,
        port=given.port,
        names=(*given.allow_host, *entry.names),
        keys=entry.keys,
        origins=frozenset(
            (*(one.lower().rstrip("/") for one in given.allow_origin), *entry.origins)
        ),
        proxies=tuple(given.trusted_proxy),
        pace=given.calls_per_second,
        local=state.socket(name),
        ttl=given.ttl,
        groups=groups_of(given.tools),
        policy=rules_of(given.policy),
        most=given.desktops,
        desktop_ttl=given.desktop_ttl,
        notify=given.notify,
        address=relayed.address if relayed else "",
    )

    def ready(served: "Served") -> None:
        state.write_info(name, _info(given, served))
        if given.ready_fd >= 0:
            os.write(given.ready_fd, b"ready\n")
            os.close(given.ready_fd)
        if not given.own:
            _announce(given, served, settings, entry)

    prepare()
    try:
        interrupted = run_loop(lambda: serve(settings, ready))
    except NoAddress as why:
        sys.exit(f"gloveport: {why}")
    finally:
        state.info(name).unlink(missing_ok=True)
    return INTERRUPTED if interrupted else 0


def _info(given: argparse.Namespace, served: "Served") -> dict[str, object]:
    """What clients of this user are told of a server."""
    return {
        "pid": os.getpid(),
        "version": version("gloveport"),
        "url": served.url,
        "options": serve_options(given),
        "started_by": "client" if given.own else "person",
    }


def _announce(
    given: argparse.Namespace, served: "Served", settings: "Settings", entry: access.Entry
) -> None:
    from .banner import announce

    desktop = settings.desktop
    walls = "none" if desktop.walls == "none" else f"bwrap, network {desktop.enclosure.network}"
    named = () if given.name == DEFAULT else ("--name", given.name)
    shown = f"[{given.host}]" if ":" in given.host else given.host
    here = given.host in ("127.0.0.1", "localhost", "::1")
    announce(
        served.url,
        served.live,
        walls,
        named,
        token=entry.token,
        file=entry.file,
        elsewhere="" if here else f"http://{shown}:{served.port}",
    )

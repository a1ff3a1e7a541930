"""The command line's part about many desktops: `serve --fleet`, and `fleet status` and `stop`."""

import argparse
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..stdio.state_folder import State, check_name, made_token, own_state, private
from . import access
from .entry import INTERRUPTED
from .loop import run_loop
from .numbers import whole
from .options import desktop_settings, rules_of, serve_options

if TYPE_CHECKING:
    from ..hosts.base import Host
    from ..serve_fleet import FleetServed

_NONE_RUNS = 3  # exit status of a service that does not run (LSB)
_USUALLY = 8  # desktops of a fleet that is given no number
_PATIENCE = 30.0  # seconds a gateway has to answer; it may end a desktop meanwhile


def fleet_option(parser: argparse.ArgumentParser) -> None:
    """The option of `serve` that makes it a gateway."""
    parser.add_argument(
        "--fleet", default="", metavar="local|ray[://ADDRESS[:PORT]]",
        help="serve many desktops, each by a server of its own, behind this one address; they "
        "outlive it. ray: on the machines of a cluster, whose head is started if the address is "
        "this machine's (docs/fleet.md)",
    )  # fmt: skip


def commands(
    add_parser: Callable[..., argparse.ArgumentParser],
    server_name: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add `fleet` to the commands of a parser."""
    fleet = add_parser("fleet", help="the desktops behind a gateway: `serve --fleet`")
    below = fleet.add_subparsers(dest="what", metavar="COMMAND", required=True)
    telling = below.add_parser(
        "status",
        help="say which desktops run, and where",
        description="Say which desktops a gateway of yours has, and where. The exit status is 0 if "
        "the gateway runs, else 3.",
    )
    telling.add_argument("--json", action="store_true", help="print one JSON list")
    server_name(telling)
    telling.set_defaults(run=_status)
    stopping = below.add_parser(
        "stop",
        help="end desktops, with their files",
        description="End desktops of a gateway of yours, with their files. The gateway runs on.",
    )
    server_name(stopping)
    stopping.add_argument("which", nargs="*", metavar="ID", help="their ids")
    stopping.add_argument("--all", action="store_true", help="all of them")
    stopping.set_defaults(run=_stop)
    joining = below.add_parser(
        "join",
        help="let the desktops of a cluster run on this machine too",
        description="Let desktops of a cluster run on this machine too, until `fleet leave`.",
    )
    joining.add_argument("cluster", metavar="ADDRESS[:PORT]", help="its first machine")
    joining.add_argument(
        "--node", required=True, metavar="ADDRESS", help="this machine's own, for the others"
    )
    joining.add_argument(
        "--fleet-token", required=True, type=Path, metavar="F",
        help="copy of the first machine's fleet.token; `serve --fleet ray` says where it is",
    )  # fmt: skip
    joining.add_argument("--cores", type=whole(0, 4096), default=0, metavar="N",
                         help="processor cores to offer; 0: all (%(default)s)")  # fmt: skip
    joining.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)
    joining.set_defaults(run=_join)
    leaving = below.add_parser(
        "leave",
        help="leave the cluster; ends the desktops on this machine",
        description="Leave the cluster. Ends the desktops on this machine; on the first machine, "
        "ends the cluster.",
    )
    leaving.add_argument("--state-dir", type=Path, help=argparse.SUPPRESS)
    leaving.set_defaults(run=_leave)


def serve_fleet(given: argparse.Namespace, state: State, name: str) -> int:
    """Serve as a gateway until told to end."""
    from ..heap import prepare
    from ..hosts.base import Spec
    from ..serve import NoAddress
    from ..serve_fleet import FleetSettings
    from ..serve_fleet import serve_fleet as serve

    entry = access.entry(given, state.token(name))
    desktop_settings(given)  # a wrong option is told of now, and not with the first desktop
    rules_of(given.policy)
    options = (*serve_options(given), "--calls-per-second", str(given.calls_per_second))
    settings = FleetSettings(
        _host(given, state),
        Spec(options, idle=given.desktop_ttl),
        given.host,
        given.port,
        (*given.allow_host, *entry.names),
        entry.keys,
        frozenset((*(one.lower().rstrip("/") for one in given.allow_origin), *entry.origins)),
        tuple(given.trusted_proxy),
        given.calls_per_second,
        state.socket(name),
    )

    def ready(served: "FleetServed") -> None:
        info = {"pid": os.getpid(), "version": version("gloveport"), "url": served.url}
        state.write_info(name, {**info, "options": [], "started_by": "person"})
        if given.ready_fd >= 0:
            os.write(given.ready_fd, b"ready\n")
            os.close(given.ready_fd)
        _announce(served, entry, _joining(given, state))

    prepare()
    try:
        interrupted = run_loop(lambda: serve(settings, ready))
    except NoAddress as why:
        sys.exit(f"gloveport: {why}")
    finally:
        state.info(name).unlink(missing_ok=True)
    return INTERRUPTED if interrupted else 0


def _host(given: argparse.Namespace, state: State) -> "Host":
    from ..hosts.local import LocalHost

    kind, _, address = given.fleet.partition("://")
    if given.fleet == "local":
        most = given.desktops if given.desktops > 1 else _USUALLY
        return LocalHost(private(state.folder / "fleet"), most)
    if kind != "ray":
        sys.exit(f"gloveport: --fleet {given.fleet[:40]} is not possible; write local or ray.")
    return _ray(state, _cluster(address or "127.0.0.1"))


def _ray(state: State, cluster: str) -> "Host":
    """A host on a cluster, whose head is started if it is to be this machine."""
    from ..hosts.ray_host import RayHost
    from ..hosts.ray_node import Node, NoNode, environment, is_here

    _require_ray()
    token = state.folder / "fleet.token"
    made_token(token)
    node = Node(state.folder)
    address = cluster.rpartition(":")[0]
    try:
        if not node.runs and is_here(address):
            print("Starting Ray; this takes some seconds.", file=sys.stderr)  # noqa: T201
            node.start(cluster, address, token, dict(os.environ))  # noqa: TID251 - handed on
        if not node.runs:
            sys.exit(
                f"gloveport: this machine is not in the cluster of {address}. Join it first: "
                f"gloveport fleet join {address} --node THIS_MACHINE --fleet-token F"
            )
        os.environ.update(environment(token))  # noqa: TID251 - Ray reads nothing else
        return RayHost(cluster, node.address)
    except NoNode as why:
        sys.exit(f"gloveport: {why}")
    except (ConnectionError, TimeoutError):
        sys.exit(f"gloveport: Ray does not answer at {cluster}; see {state.folder / 'ray.log'}")


def _require_ray() -> None:
    if find_spec("ray") is None:
        sys.exit("gloveport: Ray is not installed here. Run: pip install 'gloveport[fleet]'")


def _cluster(text: str) -> str:
    """A cluster's ADDRESS:PORT; ends the program if it is none."""
    from ..hosts.ray_node import PORT

    address, _, port = text.partition(":")
    port = port or str(PORT)
    if not address or not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"gloveport: {text[:60]!r} is no address of a cluster, such as 10.0.0.5:6379.")
    return f"{address}:{port}"


def _join(given: argparse.Namespace) -> int:
    from ..hosts.ray_node import Node, NoNode

    _require_ray()
    state = own_state(given.state_dir)
    if not given.fleet_token.is_file():
        sys.exit(f"gloveport: there is no file {given.fleet_token}.")
    token = state.folder / "fleet.token"
    if given.fleet_token.absolute() != token:
        token.touch(mode=0o600)
        token.write_text(given.fleet_token.read_text(encoding="utf-8"), encoding="utf-8")
    try:
        handed = dict(os.environ)  # noqa: TID251 - Ray's processes get all of it
        cluster = _cluster(given.cluster)
        Node(state.folder).start(cluster, given.node, token, handed, given.cores)
    except NoNode as why:
        sys.exit(f"gloveport: {why}")
    print(f"Joined. Desktops of {given.cluster} may run here, until `gloveport fleet leave`.")  # noqa: T201
    return 0


def _leave(given: argparse.Namespace) -> int:
    from ..hosts.ray_node import Node, NoNode

    try:
        left = Node(own_state(given.state_dir).folder).end()
    except NoNode as why:
        sys.exit(f"gloveport: {why}")
    print("Left the cluster." if left else "This machine is in no cluster.")  # noqa: T201
    return 0 if left else _NONE_RUNS


def _announce(served: "FleetServed", entry: access.Entry, joined: str) -> None:
    shows = f"  header Authorization: Bearer $(cat {entry.file})" if entry.file else ""
    print(  # noqa: T201 - this is for people
        f"""
  live   {served.url}{served.live}  (10 minutes, once)
  MCP    {served.url}/mcp{shows or "  with a token"}
{f"  token  {entry.token}{chr(10)}" if entry.token else ""}
{joined}  Ctrl+C ends the gateway, not the desktops: the next gateway has them again.
  `gloveport fleet status` lists them, `gloveport fleet stop --all` ends them.
""",
        flush=True,
    )


def _joining(given: argparse.Namespace, state: State) -> str:
    """How other machines join, for people."""
    _, _, address = given.fleet.partition("://")
    if not address:
        return ""
    return (
        "  Another machine joins, with a copy of this file, by\n"
        f"    gloveport fleet join {address} --node ITS_ADDRESS --fleet-token "
        f"{state.folder / 'fleet.token'}\n\n"
    )


def _status(given: argparse.Namespace) -> int:
    state, name = own_state(given.state_dir), check_name(given.name)
    found = _ask(state, name, "GET", "/fleet")
    if found is None:
        print(f"No gateway {name} of yours runs. `gloveport serve --fleet local` starts one.")  # noqa: T201
        return _NONE_RUNS
    if given.json:
        print(json.dumps(found))  # noqa: T201
        return 0
    for one in found:
        print(f"{one['id']:24} {one['name']:16} {one['node']:16} {one['url']}")  # noqa: T201
    if not found:
        print("No desktops run.")  # noqa: T201
    return 0


def _stop(given: argparse.Namespace) -> int:
    state, name = own_state(given.state_dir), check_name(given.name)
    found = _ask(state, name, "GET", "/fleet")
    if found is None:
        print(f"No gateway {name} of yours runs.")  # noqa: T201
        return _NONE_RUNS
    known = [one["id"] for one in found]
    wanted = known if given.all else given.which
    if unknown := set(wanted) - set(known):
        sys.exit(f"gloveport: there is no desktop {min(unknown)}; `gloveport fleet status`.")
    ended = [id for id in wanted if _ask(state, name, "DELETE", f"/fleet/{id}") is not None]
    print(f"Ended {', '.join(ended)}." if ended else "None was ended.")  # noqa: T201
    return 0 if len(ended) == len(wanted) else 1


def _ask(state: State, name: str, method: str, path: str) -> Any:
    """What a gateway of this user's answers by its socket; None: none answers."""
    connection = http.client.HTTPConnection("localhost", timeout=_PATIENCE)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection.sock:
            connection.sock.settimeout(_PATIENCE)
            connection.sock.connect(str(state.socket(name)))
            connection.request(method, path)
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None

"""The state folder of this user's servers: sockets, tokens and what is known of each by name.

The folder is found by the user id alone, never by the environment, so that every client of one user
finds the same servers: some clients (Codex) start their MCP servers with an empty environment.
"""

import os
import re
import stat
from pathlib import Path

DEFAULT = "main"
"""The name of a server that was given none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class BadState(Exception):
    """The state folder cannot be used; its text says why and what works."""


def check_name(name: str) -> str:
    """Return a server's name, or refuse it.

    Raises:
        BadState: It is not 1 to 32 of a-z, 0-9, `-` and `_`.
    """
    if not _NAME.fullmatch(name):
        raise BadState(
            f"Invalid server name {name[:40]!r}. Use 1 to 32 lower-case letters, digits, - or _."
        )
    return name


def folder() -> Path:
    """Return this user's state folder (0700), made if it is missing.

    It is `/run/user/UID/gloveport` where the system has made `/run/user/UID`, else
    `/tmp/gloveport-UID`.

    Raises:
        BadState: Another user made it first, or it cannot be made.
    """
    uid = os.geteuid()
    runtime = Path(f"/run/user/{uid}")
    path = runtime / "gloveport" if _usable(runtime, uid) else Path(f"/tmp/gloveport-{uid}")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as why:
        raise BadState(f"{path} cannot be made: {why.strerror}.") from why
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise BadState(f"{path} belongs to another user. Remove it, or ask its owner to.")
    return path


def socket_file(name: str = DEFAULT) -> Path:
    """The Unix socket of a server, for this user's own clients (peer credentials)."""
    return folder() / f"{check_name(name)}.sock"


def token_file(name: str = DEFAULT) -> Path:
    """The token (0600) that a server without a configured one makes for itself."""
    return folder() / f"{check_name(name)}.token"


def info_file(name: str = DEFAULT) -> Path:
    """What is known of a running server: JSON with pid, version, url, socket and token_file."""
    return folder() / f"{check_name(name)}.json"


def _usable(runtime: Path, uid: int) -> bool:
    try:
        found = runtime.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and os.access(runtime, os.W_OK)

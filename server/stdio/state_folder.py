"""The state folder of this user's servers: sockets, tokens and what is known of each by name.

The folder is found by the user id alone, never by the environment, so that every client of one user
finds the same servers: some clients (Codex) start their MCP servers with an empty environment.
"""

import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .system_errors import system_error

DEFAULT = "main"
"""The name of a server that was given none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class BadState(Exception):
    """The state folder cannot be used; its text says why and what works."""


class NoServer(Exception):
    """The local server did not start or end; its text says why."""


@dataclass(frozen=True, slots=True)
class State:
    """Where the servers of one user keep what their clients need.

    Args:
        folder: A folder of this user alone (0700); see `own_state`.
    """

    folder: Path

    def socket(self, name: str = DEFAULT) -> Path:
        """The Unix socket of a server, for this user's own clients."""
        return self.folder / f"{check_name(name)}.sock"

    def token(self, name: str = DEFAULT) -> Path:
        """The token (0600) that a server without a configured one makes for itself."""
        return self.folder / f"{check_name(name)}.token"

    def info(self, name: str = DEFAULT) -> Path:
        """What a running server says of itself; see `write_info`."""
        return self.folder / f"{check_name(name)}.json"

    def names(self) -> list[str]:
        """The names of servers that have, or had, a socket."""
        return sorted(path.stem for path in self.folder.glob("*.sock"))

    def write_info(self, name: str, info: Mapping[str, Any]) -> None:
        """Say what a server is: pid, version, url, options."""
        path = self.info(name)
        new = path.with_suffix(f".json.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(json.dumps(info), encoding="utf-8")
        new.replace(path)

    def read_info(self, name: str) -> dict[str, Any]:
        """Return what a server says of itself; empty if it says nothing."""
        try:
            read = json.loads(self.info(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return cast(dict[str, Any], read) if isinstance(read, dict) else {}


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


def own_state(given: Path | None = None) -> State:
    """Return this user's state, in a folder (0700) that is made if it is missing.

    It is `/run/user/UID/gloveport` where the system has made `/run/user/UID`, else
    `/tmp/gloveport-UID`.

    Args:
        given: Another folder, for tests and for several installations.

    Raises:
        BadState: The folder is another user's, or cannot be made.
    """
    uid = os.geteuid()
    runtime = Path(f"/run/user/{uid}")
    usual = runtime / "gloveport" if _usable(runtime, uid) else Path(f"/tmp/gloveport-{uid}")
    return State(private(given or usual))


def private(path: Path) -> Path:
    """Return a folder of this user alone, made if it is missing.

    Raises:
        BadState: It is another user's, no folder, or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            # The desktops of root have users of their own, who must get through to their folders.
            path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            return path
    except OSError as why:
        raise BadState(system_error(why, path)) from why
    raise BadState(f"{path} belongs to another user. Remove it, or ask its owner to.")


def made_token(path: Path) -> str:
    """Return the token in a file (0600), which is made if it is missing.

    Raises:
        BadState: It cannot be read or made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "r+", encoding="utf-8") as file:
            token = file.read().strip()
            if not token:
                token = secrets.token_urlsafe(32)
                file.write(f"{token}\n")
            return token
    except OSError as why:
        raise BadState(system_error(why, path)) from why


def _usable(runtime: Path, uid: int) -> bool:
    try:
        found = runtime.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and os.access(runtime, os.W_OK)

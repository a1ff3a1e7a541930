"""What a server of this version answers first, known before it runs.

A desktop takes a second to start, and some clients look at their tools once, before that: Claude
Code had none in its first turns. So the bridge answers `initialize`, `server/discover` and
`tools/list` by itself while the server starts. `greeting.json` holds what the server of this
version answers with the usual tools; tests/server/stdio/test_greeting.py writes it and holds it
equal.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_FILE = Path(__file__).with_name("greeting.json")
# Options of `serve` that change what it says first.
_CHANGING = {"--tools", "--secrets", "--desktops"}
_META_VERSION = "io.modelcontextprotocol/protocolVersion"


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first answers of a server, by method.

    Args:
        legacy: `initialize` and `tools/list` of the handshake era.
        modern: `server/discover` and `tools/list` of the stateless era, by protocol version.
        versions: Protocol versions of the handshake era, the newest last.
    """

    legacy: dict[str, Any]
    modern: dict[str, dict[str, Any]]
    versions: tuple[str, ...]

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to a request, if it is known."""
        method = message.get("method")
        params = message.get("params")
        given = cast(dict[str, Any], params) if isinstance(params, dict) else {}
        meta = given.get("_meta")
        stateless = meta.get(_META_VERSION) if isinstance(meta, dict) else None  # type: ignore[reportUnknownMemberType] # JSON
        if isinstance(stateless, str):
            result = self.modern.get(stateless, {}).get(str(method))
        else:
            result = self.legacy.get(str(method))
        if result is None or given.get("cursor"):
            return None
        if method == "initialize":
            asked = given.get("protocolVersion")
            version = asked if asked in self.versions else self.versions[-1]
            result = {**result, "protocolVersion": version}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def greeting(options: Sequence[str]) -> Greeting | None:
    """Return what a server with these options of `serve` will say first; None: not known."""
    walls = options[options.index("--walls") + 1] if "--walls" in options else "auto"
    if walls == "none" or _CHANGING & set(options):
        return None
    try:
        told: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Greeting(told["legacy"], told["modern"], tuple(told["versions"]))

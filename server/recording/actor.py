"""Who does something at a desktop: an agent, a person, or the server."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody at a desktop.

    Args:
        kind: An agent's client, a person at the live view, or the server itself.
        key: Tells one from another.
        name: What people and models read.
    """

    kind: Literal["agent", "person", "system"]
    key: str
    name: str

"""The clients' page of the documentation, from what the last run saw.

    python tests/matrix/table.py     writes docs/clients.md anew
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matrix.clients import CLIENTS, Client

PAGE = Path(__file__).parents[2] / "docs/clients.md"


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen of a client in one run."""

    name: str
    version: str
    wire: str
    protocol: str
    pictures: str
    errors: str
    at_once: int
    """The most calls of one turn that it had sent before one was answered."""
    in_order: bool
    """Whether those took effect in the model's order."""
    seconds: float

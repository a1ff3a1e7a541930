"""The table of docs/clients.md, from what the last run saw of each client.

cd tests; ../.venv/bin/python -m matrix.table     writes it anew
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from matrix.clients import CLIENTS, Client
from matrix.homes import HOMES

PAGE = Path(__file__).parents[2] / "docs/clients.md"
ROWS = HOMES / "rows"
_TABLE = re.compile(
    r"(?<=<!-- seen: written by tests/matrix/table.py -->\n).*?(?=<!-- /seen -->)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen of a client in one run, besides what clients.py knows."""

    name: str
    protocol: str
    at_once: int
    """The most calls of one turn that it had sent before one was answered."""
    in_order: bool
    """Whether those took effect in the model's order."""
    date: str

    def keep(self) -> None:
        ROWS.mkdir(exist_ok=True)
        (ROWS / f"{self.name}.json").write_text(json.dumps(asdict(self)))


def known(client: Client) -> str:
    """The columns that a run has to see again."""
    program = f"../tests/matrix/programs/{client.program}"
    title = f"[{client.title}]({program})"
    columns = (title, client.version, client.wire, client.pictures, client.errors)
    return f"| {' | '.join(columns)} |"


def table(rows: Mapping[str, Row]) -> str:
    lines = [
        "| Client | Version | Wire | Picture | Refusal | Protocol | Calls of a turn | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for client in CLIENTS:
        row = rows[client.name]
        calls = "one by one" if row.at_once == 1 else "at once"
        lines.append(f"{known(client)} {row.protocol} | {calls} | {client.note} |")
    days = sorted(row.date for row in rows.values())
    seen = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return "\n".join([*lines, "", f"Seen on {seen}, on Linux.", ""])


def main() -> None:
    rows = [Row(**json.loads(path.read_text())) for path in ROWS.glob("*.json")]
    written = table({row.name: row for row in rows})
    PAGE.write_text(_TABLE.sub(lambda _: written, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

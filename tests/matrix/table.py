"""The clients' page of the documentation, from what the last run saw of each.

    cd tests; ../.venv/bin/python -m matrix.table     writes docs/clients.md anew
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matrix.clients import CLIENTS, Client

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/clients.md"
ROWS = ROOT / ".pytest_cache/d/matrix"

_TOP = """\
# Clients

What other people's clients make of gloveport. Each was installed as it is published and run against a
served desktop, with a scripted model on the same machine in place of its vendor's: it clicked into a
field, typed 「小米官方旗舰店」, clicked a check box and a button in one batch (`actions`), was refused a click
outside the screen, made three calls in one turn, and took a screenshot. The form on the desktop said what
arrived, the model's requests what came back. In every client below all of it arrived.

{table}
Seen on {date}, on Linux. Names lead to the program that was run, which is a recipe as well;
`./run test --all` runs them all, and `cd tests; ../.venv/bin/python -m matrix.table` writes this page.

- **Picture**: how a screenshot reaches the model. *Intact* is byte for byte. Where it says *no* or *as text*
  the model is blind to pictures: `read_screen`, `find`, `click_element`, `type` with `into` and `set` do
  without, and `screenshot: "never"` saves the time and, where a picture becomes text, very many tokens.
- **Refusal**: *flagged* is marked as an error for the model; *in words* is the sentence alone, for OpenAI's
  APIs have no mark. Every refusal says what would work.
- **Calls of a turn**: whether the client sends what the model calls in one turn *one by one* or *at once*.
  A desktop does one call after the other anyway, over stdio in the order they were sent; over HTTP calls
  sent at once may overtake each other. Where the order matters, `actions` keeps it and stops at the
  first step that fails.

## Not run

{absent}"""

_ABSENT = {
    "Claude Desktop, Cursor, Windsurf, Zed": "desktop programs that are in no package registry; "
    "they start `gloveport stdio` like the clients above.",
    "VS Code, Goose": "not in a package registry that this was made with; they use the SDKs above.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen of a client in one run."""

    name: str
    protocol: str
    at_once: int
    """The most calls of one turn that it had sent before one was answered."""
    in_order: bool
    """Whether those took effect in the model's order."""
    seconds: float
    date: str


def known(client: Client) -> str:
    """The columns that a run has to see again."""
    program = f"../tests/matrix/programs/{client.program}"
    columns = (
        f"[{client.title}]({program})", client.version, client.wire, client.pictures,
        client.errors,
    )  # fmt: skip
    return f"| {' | '.join(columns)} |"


def page(rows: Mapping[str, Row]) -> str:
    """The page; a client without a row was not run."""
    lines = [
        "| Client | Version | Wire | Picture | Refusal | Protocol | Calls of a turn | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for client in CLIENTS:
        row = rows[client.name]
        calls = "one by one" if row.at_once == 1 else "at once"
        lines.append(f"{known(client)} {row.protocol} | {calls} | {client.note} |")
    absent = [f"- {names}: {why}" for names, why in _ABSENT.items()]
    return _TOP.format(
        table="\n".join([*lines, ""]),
        date=max(row.date for row in rows.values()),
        absent="\n".join([*absent, ""]),
    )


def main() -> None:
    rows = [Row(**json.loads(path.read_text())) for path in ROWS.glob("*/row.json")]
    PAGE.write_text(page({row.name: row for row in rows}), encoding="utf-8")


if __name__ == "__main__":
    main()

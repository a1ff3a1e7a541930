"""What a person reads once the server is up: addresses, and what to paste where."""

from collections.abc import Sequence
from pathlib import Path

from gloveport.clients.recipes.table import recipes

from ..setup.installation import installation
from .client_config import reaching


def announce(
    url: str,
    live: str,
    walls: str,
    named: Sequence[str],
    *,
    token: str,
    file: Path | None,
    elsewhere: str,
) -> None:
    """Print where the server is and how clients reach it.

    Args:
        url: Where this machine reaches it.
        live: Path of its live view, with a code that signs a browser in.
        walls: What separates its desktop from this machine.
        named: The options by which clients of this user name the server.
        token: The token that does everything, if it is to be printed.
        file: The file it is in, if it is in one.
        elsewhere: Where other machines reach it; empty: nowhere.
    """
    if walls == "none":
        walls = "NO WALLS: programs of the desktop can do whatever you can"
    reach = reaching(("stdio", *named))
    table = recipes()
    desktop, codex = table["claude-desktop"], table["codex"]
    asks = f"  header Authorization: Bearer $(cat {file})" if file else "  with a token"
    other = f"\n  Other machines: gloveport stdio --url {elsewhere}/mcp --token-file TOKEN_FILE\n"
    print(  # noqa: T201 - this is for people; MCP on stdio is another command
        f"""
  live   {url}{live}  (10 minutes, once; `{installation().called} live` prints another)
  MCP    {url}/mcp{asks}
  walls  {walls}
{f"  token  {token}{chr(10)}" if token else ""}
  Clients of yours on this machine need no token:

  Claude Code     {table["claude-code"].snippet(reach)}

  Claude Desktop  {desktop.file[-1]}:
{_indented(desktop.snippet(reach))}

  Codex           ~/.codex/{codex.file[-1]}:
{_indented(codex.snippet(reach))}

  {len(table) - 3} more by `{installation().called} config`, which also puts it there.
{other if elsewhere else ""}
  Ctrl+C ends the desktop and everything in it.
""",
        flush=True,
    )


def _indented(text: str) -> str:
    return "\n".join(f"{'':18}{line}" for line in text.splitlines())

"""What a person reads once the server is up: addresses, and what to paste where."""

from gloveport.clients.recipes import Reach, recipes

from .configure import command


def announce(host: str, port: int, token: str, walls: str, live: str, *, asks: bool) -> None:
    """Print where the server is and how clients reach it.

    Args:
        host: Its address.
        port: Its TCP port.
        token: The token that does everything, if there is one to print.
        walls: What separates its desktop from this machine.
        live: Path of its live view.
        asks: It asks for a token.
    """
    if walls == "none":
        walls = "NO WALLS: programs of the desktop can do whatever you can"
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    reach = Reach(
        command(),
        ("stdio", "--url", f"{url}/mcp", "--token-file", "TOKEN_FILE") if asks else ("stdio",),
    )
    once = "  (10 minutes, once; `gloveport live` prints another)" if asks else ""
    table = recipes()
    desktop, codex = table["claude-desktop"], table["codex"]
    print(  # noqa: T201 - this is for people; MCP on stdio is another command
        f"""
  MCP    {url}/mcp
  live   {url}{live}{once}
  walls  {walls}
{f"  token  {token}{chr(10)}" if token else ""}
  Claude Code     {table["claude-code"].snippet(reach)}

  Claude Desktop  {desktop.file[-1]}:
{_indented(desktop.snippet(reach))}

  Codex           ~/.codex/{codex.file[-1]}:
{_indented(codex.snippet(reach))}

  {len(table) - 3} more by `{command()} config`, which also puts it there.

  Ctrl+C ends the desktop and everything in it.
""",
        flush=True,
    )


def _indented(text: str) -> str:
    return "\n".join(f"{'':18}{line}" for line in text.splitlines())

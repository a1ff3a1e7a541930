"""What a person reads once the server is up: addresses, and what to paste where."""

import json
import sys
from pathlib import Path


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
    command = str(Path(sys.executable).with_name("gloveport"))
    reach = (
        ["stdio"] if not asks else ["stdio", "--url", f"{url}/mcp", "--token-file", "TOKEN_FILE"]
    )
    desktop = {"mcpServers": {"gloveport": {"command": command, "args": reach}}}
    header = f' --header "Authorization: Bearer {token or "TOKEN"}"' if asks else ""
    once = "  (10 minutes, once; `gloveport live` prints another)" if asks else ""
    quoted = ", ".join(json.dumps(word) for word in reach)
    print(  # noqa: T201 - this is for people; MCP on stdio is another command
        f"""
  MCP    {url}/mcp
  live   {url}{live}{once}
  walls  {walls}
{f"  token  {token}{chr(10)}" if token else ""}
  Claude Code     claude mcp add -t http gloveport {url}/mcp{header}

  Claude Desktop  claude_desktop_config.json:
{_indented(json.dumps(desktop, indent=2))}

  Codex           ~/.codex/config.toml:
                  [mcp_servers.gloveport]
                  command = {json.dumps(command)}
                  args = [{quoted}]

  Ctrl+C ends the desktop and everything in it.
""",
        flush=True,
    )


def _indented(text: str) -> str:
    return "\n".join(f"{'':18}{line}" for line in text.splitlines())

"""The desktop inside the client's own window: an MCP App bound to `show_desktop`.

Clients that know MCP Apps show the page below next to the conversation; it asks for new pictures by
the same tool, through the client. The others show the picture that the tool answers with.
"""

from pathlib import Path

from mcp.server.apps import Apps

APP_URI = "ui://gloveport/live"
_PAGE = Path(__file__).with_name("app_view.html")


def live_app() -> Apps:
    """The extension that serves the page."""
    apps = Apps()
    apps.add_html_resource(
        APP_URI,
        _PAGE.read_text(encoding="utf-8"),
        name="live",
        title="The desktop, live",
        description="Shows the desktop while the agent works.",
        prefers_border=True,
    )
    return apps

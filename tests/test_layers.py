"""Who may import whom. A room may only look down."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "sandbox": {"Xlib", "mss", "anyio", "numpy", "PIL", "isal", "dbus_fast"},
    "server": {
        "gloveport.sandbox", "mcp", "mcp_types", "pydantic", "starlette", "uvicorn", "anyio",
        "httpx2", "prometheus_client",
    },
    "clients": {
        "mcp", "mcp_types", "anyio", "httpx2", "PIL", "numpy", "ruamel", "tomlkit",
    },
}  # fmt: skip
# Where the parts are put together: the command line starts clients too, and the demo's shop is a
# web site, not a part of the server.
ALSO = {
    "sandbox/isolation/egress_worker.py": {"h11"},  # a process of its own
    "sandbox/imaging/ocr_worker.py": {"rapidocr"},  # a process of its own, only where the extra is
    "server/cli/banner.py": {"gloveport.clients"},  # the table of clients
    "server/auth/oauth.py": {"jwt"},
    "server/cli/client_config.py": {"gloveport.clients"},
    "server/view/rfb.py": {"numpy"},  # the order of colours that a viewer asks for
    "server/cli/main.py": {"gloveport.clients", "rich"},
    "server/cli/demo.py": {"gloveport.clients", "PIL"},
    "clients/practice/shop.py": {"starlette"},
    "clients/practice/game.py": {"starlette"},
    "clients/practice/site.py": {"starlette", "uvicorn"},
    # Each vendor's SDK is an extra: only its brain knows it, and what picks the brain.
    "clients/agents/claude.py": {"anthropic"},
    "clients/agents/gemini.py": {"google.genai"},
    "clients/agents/run.py": {"anthropic", "openai", "google", "rich"},
    "clients/agents/progress.py": {"rich"},
}
# Every other module of the sandbox knows these and nothing else of it.
WORDS = {"errors", "geometry", "names"}
COMPOSE = {
    "network_worker": {"confine", "network"},
    "ocr_worker": {"confine"},
    "box": {"cgroups"},
    "xserver": {"grabs"},
    "undo": {"keys", "picture", "terminals"},
    "apps": {"targets"},
    "files": {"box", "picture", "picture_file", "vault", "walls"},
    "picture_file": {"picture"},
    "picture_worker": {"confine"},
    "walls": {"etc"},
    "atspi": {"bus", "clipping", "match"},
    "session": {
        "box", "cgroups", "furnish", "keymap", "network", "pulse", "wallpaper", "walls", "xmemory",
        "xserver",
    },
    "xmemory": {"windows"},
    "accelerators": {"keys"},
    "situation": {"accelerators", "atspi", "elements", "windows"},
    "dragging": {"activity", "watcher", "windows"},
    "hands": {
        "clipboard", "dragging", "keyboard", "keymap", "keys", "pointer", "situation", "terminals",
        "windows",
    },
    "masks": {"atspi", "elements", "windows"},
    "console": {"keyboard", "keymap", "pointer"},
    "veil": {"masks", "picture"},
    "tiles": {"picture"},
    "lens": {"atspi", "masks", "picture", "veil", "windows"},
    "stream": {"lens", "tiles"},
    "echo": {"picture"},
    "eyes": {
        "activity", "atspi", "echo", "masks", "pages", "picture", "settle", "traffic", "watcher",
        "windows",
    },
    "pages": {"atspi", "elements", "windows"},
    "pairing": {"atspi", "windows"},
    "elements": {"atspi", "pairing", "windows"},
    "guarded": {"elements", "watcher", "windows"},
    "reach": {"atspi", "elements", "windows"},
    "sight": {"atspi", "elements", "eyes", "match", "ocr", "reach"},
    "proof": {"atspi"},
    "typist": {"atspi", "elements", "hands", "keys", "masks", "proof", "sight"},
    "undelivered": {"watcher", "windows"},
    "values": {
        "atspi", "dates", "elements", "hands", "keys", "proof", "sight", "situation", "typist",
    },
    "menus": {"elements", "match", "sight"},
    "actions": {
        "elements", "hands", "keys", "menus", "proof", "settle", "sight", "typist", "values",
        "vault",
    },
    "desktop": {
        "actions", "activity", "apps", "atspi", "clipboard", "console", "dragging", "elements",
        "eyes", "files", "guarded", "hands", "keymap", "keys", "lens", "masks", "network", "ocr",
        "pages", "picture", "reach", "session", "settle", "sight", "situation", "stream", "traffic",
        "typist", "undelivered", "undo", "values", "vault", "watcher",
        "windows",
    },
}  # fmt: skip


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def siblings(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", [p for room in MAY_IMPORT for p in modules(room)], ids=str)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    here = path.relative_to(ROOT)
    allowed = MAY_IMPORT[here.parts[0]] | ALSO.get(str(here), set()) | set(sys.stdlib_module_names)
    strangers = {
        name
        for name in imported(path)
        if not any(name == one or name.startswith(f"{one}.") for one in allowed)
    }
    assert not strangers


@pytest.mark.parametrize("path", modules("sandbox"), ids=lambda path: path.stem)
def test_modules_of_the_sandbox_know_only_what_they_compose(path: Path) -> None:
    assert siblings(path) <= WORDS | COMPOSE.get(path.stem, set())


def modules_after(code: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_server_does_not_load_model_clients_or_ocr() -> None:
    code = "import sys, gloveport.server.serve; print(*sys.modules)"
    assert not {"anthropic", "openai", "rapidocr", "google.genai", "jwt"} & modules_after(code)


def test_the_bridge_does_not_load_the_sdk() -> None:
    code = "import sys, gloveport.server.cli, gloveport.server.stdio.bridge; print(*sys.modules)"
    assert not {"mcp", "mcp_types", "pydantic", "Xlib", "numpy"} & modules_after(code)

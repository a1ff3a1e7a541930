"""Who may import whom: one line a package, its own room first. A package only looks down."""

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("sandbox", "server", "clients")
# What each package may import: packages of gloveport ("sandbox.*": all of a room) and of others.
# "sandbox.ground" is the modules at the foot of the sandbox, which all of it may know.
GROUND = {"sandbox.errors", "sandbox.geometry", "sandbox.names"}
MAY_IMPORT = {
    "sandbox.ground": set[str](),
    "sandbox.isolation": {"h11"},
    "sandbox.isolation.supervisor": set[str](),
    "sandbox.activity": set[str](),
    "sandbox.x11": {"Xlib", "mss", "numpy"},
    "sandbox.imaging": {"sandbox.isolation", "numpy", "PIL", "isal", "rapidocr"},
    "sandbox.accessibility.atspi": {"sandbox.activity", "dbus_fast", "numpy"},
    "sandbox.accessibility": {"sandbox.accessibility.atspi", "sandbox.x11", "dbus_fast", "numpy"},
    "sandbox.secrets": {"sandbox.accessibility", "sandbox.accessibility.atspi", "sandbox.x11"},
    "sandbox.screen": {
        "sandbox.accessibility", "sandbox.accessibility.atspi", "sandbox.activity",
        "sandbox.imaging", "sandbox.secrets", "sandbox.x11", "Xlib", "mss", "numpy",
    },
    "sandbox.input": {
        "sandbox.accessibility", "sandbox.accessibility.atspi", "sandbox.activity",
        "sandbox.screen", "sandbox.secrets", "sandbox.x11", "Xlib",
    },
    "sandbox.home": {
        "sandbox.imaging", "sandbox.isolation", "sandbox.secrets", "Xlib", "numpy",
    },
    "sandbox.session": {
        "sandbox.home", "sandbox.isolation", "sandbox.isolation.supervisor", "sandbox.x11", "Xlib",
    },
    "sandbox.checkpoints": {"sandbox.imaging", "sandbox.x11"},
    "sandbox": {"sandbox.*", "anyio", "Xlib", "mss"},
    "server.stdio": {"anyio", "httpx2"},
    "server.auth": {"anyio", "httpx2", "jwt", "mcp", "starlette"},
    "server.recording": {"sandbox.*", "anyio"},
    "server.control": {"sandbox.*", "server.auth", "server.recording", "anyio"},
    "server.hosts": {
        "sandbox.*", "server.auth", "server.control", "anyio", "httpx2", "prometheus_client",
    },
    "server.tools": {
        "sandbox.*", "server.auth", "server.control", "server.hosts", "mcp", "mcp_types",
        "pydantic",
    },
    "server.gate": {
        "sandbox.*", "server.auth", "server.control", "server.hosts", "server.recording",
        "server.tools", "anyio",
    },
    "server.mcp": {
        "sandbox.*", "server.auth", "server.control", "server.gate", "server.hosts",
        "server.recording", "server.tools", "anyio", "mcp", "mcp_types", "pydantic",
    },
    "server.view": {
        "sandbox.*", "server.auth", "server.control", "server.hosts", "server.recording", "anyio",
        "numpy", "starlette",
    },
    "server.fleet": {
        "sandbox.*", "server.auth", "server.hosts", "server.view", "anyio", "h11",
        "prometheus_client", "starlette", "websockets",
    },
    "server": {
        "sandbox.*", "server.auth", "server.control", "server.fleet", "server.hosts", "server.mcp",
        "server.view",
        "anyio", "mcp", "starlette", "uvicorn",
    },
    "server.cli": {
        "sandbox.*", "clients.*", "server", "server.auth", "server.control", "server.hosts",
        "server.practice", "server.setup", "server.stdio",
        "anyio", "httpx2", "PIL", "rich",
    },
    "server.practice": {"sandbox.*", "clients.*", "server", "server.auth", "anyio", "PIL"},
    "server.setup": {"sandbox.*", "server.stdio", "anyio"},
    "clients": {"anyio", "httpx2", "mcp", "mcp_types", "PIL"},
    "clients.agents": {"clients", "anyio", "anthropic", "google", "mcp", "mcp_types", "openai",
                       "rich"},
    "clients.practice": {"anyio", "starlette", "uvicorn"},
    "clients.scripted": {"clients", "clients.agents", "clients.practice", "PIL", "numpy"},
    "clients.scenarios": {
        "clients", "clients.agents", "clients.practice", "clients.scripted", "anyio", "httpx2",
        "mcp", "mcp_types", "starlette",
    },
    "clients.recipes": {"ruamel", "tomlkit"},
}  # fmt: skip
# What is an extra, or the business of one process, and the modules that may know it.
ONLY = {
    "anthropic": {"clients.agents.claude", "clients.agents.run"},
    "google": {"clients.agents.gemini", "clients.agents.run"},
    "h11": {"sandbox.isolation.egress_worker", "server.fleet.upstream"},
    "jwt": {"server.auth.oauth"},
    "openai": {"clients.agents.run"},
    "rapidocr": {"sandbox.imaging.ocr_worker"},
}
MOST_LINES, LONGEST = 500, 60  # of a module, of a function
# One file, so that the desktop's Python runs it alone, isolated from all other files.
ALONE = "sandbox/home/template/file_dialog.py"
MOST_MODULES = 15  # of a package, so that it can be taken in at a glance


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


# Programs that desktops run are none of ours.
MODULES = {
    name_of(path): path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if path.parent != ROOT / "sandbox/home/template"
}


def package_of(module: str) -> str:
    return "sandbox.ground" if module in GROUND else module.rpartition(".")[0]


def imported(module: str) -> set[str]:
    """The packages a module imports, other people's by their first name; none of Python's own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: -node.level]
                base = ".".join(["gloveport", *above, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        found |= {_package(name) for name in names}
    return found - set(sys.stdlib_module_names) - {package_of(module)}


def _package(name: str) -> str:
    if not name.startswith("gloveport."):
        return name.partition(".")[0]
    ours = name.removeprefix("gloveport.")
    return package_of(ours if ours in MODULES else ours.rpartition(".")[0])


def allowed(package: str) -> set[str]:
    room = package.partition(".")[0]
    whole = {one.removesuffix(".*") for one in MAY_IMPORT[package] if one.endswith(".*")}
    of_rooms = {one for one in MAY_IMPORT if one.partition(".")[0] in whole and one != package}
    ground = {"sandbox.ground"} if room == "sandbox" else set[str]()
    return {one for one in MAY_IMPORT[package] if not one.endswith(".*")} | of_rooms | ground


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_a_package_imports_only_what_it_may(module: str) -> None:
    strangers = imported(module) - allowed(package_of(module))
    strangers |= {one for one, knows in ONLY.items() if module not in knows} & imported(module)
    assert not strangers


def test_no_package_imports_one_above_it() -> None:
    graph = {package: allowed(package) & set(MAY_IMPORT) - {package} for package in MAY_IMPORT}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_package_has_its_line_and_is_shipped() -> None:
    folders = {name.removesuffix(".__init__") for name in MODULES if name.endswith(".__init__")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = {f"gloveport.{one}" for one in folders}
    assert set(project["tool"]["setuptools"]["packages"]) == shipped
    assert set(MAY_IMPORT) == folders | {"sandbox.ground"}
    assert {package_of(module) for module in MODULES} == folders | {"sandbox.ground"}


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_has_few_modules_and_a_docstring(package: str) -> None:
    inside = [m for m in MODULES if package_of(m) == package and not m.endswith(".__init__")]
    assert len(inside) <= MOST_MODULES
    init = MODULES.get(f"{package}.__init__")
    assert init is None or ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))


def test_modules_and_functions_are_short() -> None:
    modules, functions = dict[str, int](), dict[str, int]()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        modules[name] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[f"{name}:{node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    assert [name for name, lines in modules.items() if lines > MOST_LINES] == [ALONE]
    assert [name for name, lines in functions.items() if lines > LONGEST] == []


def modules_after(code: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_server_does_not_load_model_clients_or_ocr() -> None:
    code = "import sys, gloveport.server.serve; print(*sys.modules)"
    assert not {"anthropic", "openai", "rapidocr", "google.genai", "jwt"} & modules_after(code)


def test_the_bridge_does_not_load_the_sdk() -> None:
    code = (
        "import sys, gloveport.server.cli.main, gloveport.server.stdio.bridge; print(*sys.modules)"
    )
    assert not {"mcp", "mcp_types", "pydantic", "Xlib", "numpy"} & modules_after(code)


def test_measuring_and_tests_look_at_no_private_part() -> None:
    """What they need is offered, so that a change inside breaks none of them."""
    for folder in ("tests", "bench"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "ignore[reportPrivate" + "Usage" not in path.read_text(encoding="utf-8"), path

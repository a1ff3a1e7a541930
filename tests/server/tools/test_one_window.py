"""Windows of one program that lie over each other, and menus: what is told is what can be seen."""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from fields import APPS, SYSTEM_PYTHON, site
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.control.policy import BUILT_IN, load
from gloveport.server.mcp.server import DesktopServer

PAGE = """<!doctype html><meta charset=utf-8><script>
const n = location.search.slice(1);
document.title = "TITLE".replace("#", n);
const keep = value => fetch("/value", {method: "POST", body: String(value)});
document.write(`<p><button onclick="keep('own ' + n)">Press ${n}</button></p>
<p><button onclick="keep('both ' + n)">Both</button></p>
<p><button onclick="keep('bought ' + n)">${n == "0" ? "立即购买" : "Harmless"}</button></p>`);
keep("opened " + n);
</script>"""


class Shop:
    """Several windows of one browser, and what was last pressed in one of them."""

    def __init__(self, desktop: Desktop, path: Path, title: str, ids: list[str]) -> None:
        self.desktop = desktop
        self.path = path
        self.title = title
        self.ids = ids

    def came(self, what: str) -> bool:
        return until(lambda: self.path.read_text() == what, 20)


@pytest.fixture(scope="module")
async def wide(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("wide")), keymap) as running:
        yield running


@pytest.fixture
async def client(wide: Desktop) -> AsyncGenerator[Client]:
    async with Client(DesktopServer(wide)) as client:
        yield client


@pytest.fixture(params=["the same title", "title #"], ids=["same", "own"])
async def shop(
    wide: Desktop, client: Client, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[Shop]:
    """Three windows, all maximised, the last one on top."""
    path, title = tmp_path / "value", str(request.param)
    session, ids = session_of(wide), list[str]()
    browser = [str(session.folder.home / ".local/bin/chromium"), f"--user-data-dir={tmp_path}/p"]
    with site(path, PAGE.replace("TITLE", title).encode()) as url:
        first = 0
        try:
            for number in range(3):
                pid = session.launch([*browser, "--new-window", f"{url}?{number}"])
                first = first or pid
                assert until(lambda n=number: path.exists() and path.read_text() == f"opened {n}")
                ids.append(await newest(client, ids))
                await shown(client, f"Press {number}")
            yield Shop(wide, path, title, ids)
        finally:
            session.box.signal(first, 15)
            assert until(lambda: not Path(f"/proc/{first}").exists(), 10)


async def newest(client: Client, known: list[str]) -> str:
    with anyio.fail_after(20):
        while True:
            windows = facts(await call(client, "windows"))["windows"]
            fresh = [one["id"] for one in windows if one["id"] not in known]
            if fresh:
                return fresh[-1]
            await call(client, "wait_for", event="change", seconds=1)


async def shown(client: Client, name: str) -> None:
    waited = await call(client, "wait_for", event="enabled", text=name, role="button", seconds=30)
    assert facts(waited)["happened"], name


async def seen(client: Client) -> list[str]:
    """The numbers of the windows whose own button is told."""
    lines = text(await call(client, "read_screen")).split("\n")
    return [line.split('"Press ')[1][0] for line in lines if '"Press ' in line]


async def raised(client: Client, window: str, number: int) -> None:
    await call(client, "windows", action="focus", window=window, screenshot="never")
    await shown(client, f"Press {number}")


async def test_only_the_window_on_top_is_told_and_clicked(shop: Shop, client: Client) -> None:
    for number in (2, 0, 1, 2):
        await raised(client, shop.ids[number], number)
        assert await seen(client) == [str(number)]
        for other in {0, 1, 2} - {number}:
            waited = await call(
                client, "wait_for", event="text", text=f"Press {other}", seconds=0.3
            )
            assert not facts(waited)["happened"]
            refused = await call(client, "click_element", target=f"Press {other}")
            assert refused.is_error
        await call(client, "click_element", target="Both", screenshot="never")
        assert shop.came(f"both {number}")


async def test_what_is_expected_is_looked_for_in_the_window_that_gets_the_click(
    shop: Shop, client: Client
) -> None:
    for number in (0, 2, 1):
        await raised(client, shop.ids[number], number)
        lines = text(await call(client, "read_screen")).split("\n")
        (line,) = [one for one in lines if f'"Press {number}"' in one]
        at = [int(one) for one in line.split()[-1].split(",")]
        other = await call(client, "left_click", coordinate=at, expect=f"Press {(number + 1) % 3}")
        assert "was expected" in refusal(other)
        await call(
            client, "left_click", coordinate=at, expect=f"Press {number}", screenshot="never"
        )
        assert shop.came(f"own {number}")


async def test_windows_that_overlap_are_each_told_where_they_show(
    shop: Shop, client: Client
) -> None:
    places = ([0, 0, 700, 500], [720, 20, 550, 500], [280, 200, 700, 500])
    for window, place in zip(shop.ids, places, strict=True):
        await call(client, "windows", action="move", window=window, rect=place, screenshot="never")
    await raised(client, shop.ids[2], 2)
    await call(client, "wait_for", event="still", seconds=5)
    for number in range(3):
        await call(client, "click_element", target=f"Press {number}", screenshot="never")
        assert shop.came(f"own {number}")
        await raised(client, shop.ids[2], 2)


async def test_a_minimised_window_is_not_told(shop: Shop, client: Client) -> None:
    await raised(client, shop.ids[1], 1)
    await call(client, "windows", action="minimize", window=shop.ids[1], screenshot="never")
    await raised(client, shop.ids[2], 2)
    assert await seen(client) == ["2"]
    await call(client, "windows", action="minimize", window=shop.ids[2], screenshot="never")
    await shown(client, "Press 0")
    assert await seen(client) == ["0"]
    await call(client, "click_element", target="Both", screenshot="never")
    assert shop.came("both 0")


async def test_an_order_is_asked_for_with_windows_behind_and_only_then(
    shop: Shop, wide: Desktop
) -> None:
    async with Client(DesktopServer(wide, policy=load(BUILT_IN))) as client:
        for number in (0, 1, 0):
            await raised(client, shop.ids[number], number)
            name = "立即购买" if number == 0 else "Harmless"
            lines = text(await call(client, "read_screen")).split("\n")
            (line,) = [one for one in lines if f'"{name}"' in one]
            at = [int(one) for one in line.split()[-1].split(",")]
            clicked = await call(client, "left_click", coordinate=at, screenshot="never")
            by_name = await call(client, "click_element", target=name, screenshot="never")
            assert clicked.is_error == by_name.is_error == (number == 0)
            if number:
                assert shop.came(f"bought {number}")
            else:
                assert "bought 0" not in shop.path.read_text()


# Menus

KINDS = ("gtk3", "qt5", "qt6")


class Menus:
    """A window with menus, and what was chosen from them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().split("\n") if self.path.exists() else []

    def came(self, *lines: str) -> bool:
        return until(lambda: self.lines == [*lines], 20)


@contextmanager
def menus(desktop: Desktop, kind: str, folder: Path) -> Generator[Menus]:
    path, session = folder / f"{kind}.txt", session_of(desktop)
    pid = session.launch([SYSTEM_PYTHON, str(APPS / "menus.py"), kind, str(path)])
    try:
        assert until(path.exists, 30), session.folder.last_words(SYSTEM_PYTHON)
        yield Menus(path)
    finally:
        session.box.signal(pid, 15)
        assert until(lambda: not Path(f"/proc/{pid}").exists(), 10)


@pytest.mark.parametrize("kind", KINDS)
async def test_menus_are_read_and_clicked_by_name(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with menus(wide, kind, tmp_path) as opened:
        await shown(client, "Pay now")
        await call(client, "click_element", target="File", screenshot="never")
        for item in ("About", "Save As"):
            waited = await call(client, "wait_for", event="element", text=item, seconds=20)
            assert facts(waited)["happened"]
        lines = text(await call(client, "read_screen")).split("\n")
        popup = next(at for at, line in enumerate(lines) if line.startswith("# popup"))
        assert [line.split('"')[1] for line in lines[popup + 1 :]][:3] == [
            "Save As", "About", "Quit",
        ]  # fmt: skip
        await call(client, "click_element", target="About", screenshot="never")
        assert opened.came("About")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_path_of_menus_is_opened_level_by_level(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with menus(wide, kind, tmp_path) as opened:
        await shown(client, "Pay now")
        one = await call(client, "click_element", target="File > About", screenshot="never")
        assert facts(one)["clicked"].endswith("menu item About")
        two = await call(client, "click_element", target="File > Save As > Picture")
        assert facts(two)["clicked"].endswith("menu item Picture")
        assert opened.came("About", "Picture")
        none = await call(client, "click_element", target="File > Save As > Sound")
        assert "'Sound' in the menu 'Save As'" in refusal(none)


@pytest.mark.parametrize("kind", KINDS)
async def test_rules_see_what_a_menu_and_a_field_of_any_toolkit_are(
    wide: Desktop, tmp_path: Path, kind: str
) -> None:
    async with Client(DesktopServer(wide, policy=load(BUILT_IN))) as client:
        with menus(wide, kind, tmp_path) as opened:
            await shown(client, "Pay now")
            await call(client, "click_element", target="Password", screenshot="never")
            typed = await call(client, "type", text="pw0", screenshot="never")
            assert typed.is_error
            await call(client, "key", text="Tab", screenshot="never")
            pressed = await call(client, "key", text="space", screenshot="never")
            assert pressed.is_error
            assert opened.lines == [""]


@pytest.mark.parametrize("kind", KINDS)
async def test_text_is_typed_into_fields_of_any_toolkit(
    wide: Desktop, client: Client, tmp_path: Path, kind: str
) -> None:
    with menus(wide, kind, tmp_path) as opened:
        await shown(client, "Pay now")
        typed = await call(client, "type", text="Ada", into="Name", screenshot="never")
        assert facts(typed)["typed"] == "verified"
        assert facts(typed)["focus"]["name"] == "Name"
        assert opened.came("Name=Ada")

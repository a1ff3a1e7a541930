"""The demo as a newcomer runs it, and the shop that judges it."""

import json
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from web import served

from gloveport.clients.desk import connect
from gloveport.clients.practice.shop import (
    HIGH,
    LOOKALIKE,
    LOW,
    OFFICIAL,
    PRODUCTS,
    Shop,
    open_shop,
)
from gloveport.clients.scripted.reader import Reader
from gloveport.sandbox.desktop import DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap


@pytest.mark.timeout(120)
def test_the_demo_buys_what_was_asked_for(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gloveport.server.cli", "demo", "--json", "--rounds", "2",
         "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["ok"] is True, told
    assert done.returncode == 0
    assert (told["cart"], told["searched"]) == (["Redmi K70E"], [OFFICIAL])
    assert told["typing"]["gloveport"] == 2
    with Image.open(told["pictures"]) as pictures:
        assert pictures.width > 1000
    assert "Traceback" not in done.stderr


async def test_the_errand_is_done_without_one_picture(tmp_path: Path, keymap: Keymap) -> None:
    shop, pictures = Shop(), list[bytes]()
    async with AsyncExitStack() as running:
        desktop = await running.enter_async_context(
            open_desktop(DesktopOptions(tmp_path / "d"), keymap)
        )
        server = await running.enter_async_context(served(desktop))
        url = await running.enter_async_context(open_shop(shop))
        desk = await running.enter_async_context(connect(f"{server}/mcp"))
        reader = Reader(desk, lambda step: pictures.append(step.answer.data))
        assert await reader.buy(url) == "Redmi K70E"
    assert shop.done
    assert shop.searches == [OFFICIAL]
    assert set(pictures) == {b""}
    assert max(map(len, reader.characters)) < 6000


def test_exactly_one_product_is_right() -> None:
    phones = [one for one in PRODUCTS if (one.shop, one.kind) == (OFFICIAL, "手机")]
    assert [one.name for one in phones if LOW <= one.price <= HIGH] == ["Redmi K70E"]


@pytest.mark.parametrize(
    ("bought", "done"),
    [([5], True), ([], False), ([21], False), ([3], False), ([5, 1], False), ([5, 5], False)],
    ids=["right", "nothing", "look-alike shop", "a tablet", "one too many", "twice"],
)
async def test_the_shop_judges_by_its_own_books(bought: list[int], done: bool) -> None:
    shop = Shop()
    async with open_shop(shop) as url, httpx2.AsyncClient(trust_env=False) as http:
        for one in bought:
            await http.post(f"{url}/cart", data={"id": str(one)})
    assert shop.done is done


async def test_a_mistyped_name_finds_nothing() -> None:
    shop = Shop()
    async with open_shop(shop) as url, httpx2.AsyncClient(trust_env=False) as http:
        right = (await http.get(f"{url}/search", params={"q": OFFICIAL})).text
        wrong = (await http.get(f"{url}/search", params={"q": "小官官方旗舰店"})).text
    assert OFFICIAL in right
    assert LOOKALIKE in right
    assert "没有找到" in wrong
    assert shop.searches == [OFFICIAL, "小官官方旗舰店"]

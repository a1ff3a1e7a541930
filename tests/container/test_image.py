"""The image as it is run: podman outside, an MCP client and the programs of the desktop inside."""

from collections.abc import Generator

import httpx2
import pytest
from container.image import WALLED, Container, NotMade, Store, why_not

from gloveport.clients.desk import connect

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]

SHOP = "「小米官方旗舰店」"
# An emoji that the font of the text has no black one of.
COLOURED = """data:text/html,<meta charset=utf-8><h1>小米官方旗舰店 🛒</h1><canvas></canvas><script>
const pen = document.querySelector("canvas").getContext("2d");
pen.font = "40px sans-serif";
pen.fillText("🛒", 20, 60);
const {data} = pen.getImageData(0, 0, 100, 100);
const coloured = data.some((_, i) => i % 4 == 0 && data[i] > data[i + 2] + 50);
document.title = "emoji " + (coloured ? "in colour" : "missing");
</script>""".replace("\n", " ")
ORPHAN = """
import os, pathlib, time
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
    os._exit(0)
os.wait()
orphan = pathlib.Path("/proc", os.read(read, 20).decode())
deadline = time.monotonic() + 5
while orphan.exists() and time.monotonic() < deadline:
    time.sleep(0.01)
print(orphan.exists())
"""


@pytest.fixture(scope="module")
def store(pytestconfig: pytest.Config) -> Generator[Store]:
    if why := why_not():
        pytest.skip(f"the image cannot be made here: {why}")
    assert pytestconfig.cache
    store = Store(pytestconfig.cache.mkdir("container"))
    try:
        store.build()
        yield store
    finally:
        store.close()


@pytest.fixture(scope="module", params=["none", "bwrap"])
def walls(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def container(store: Store, walls: str) -> Generator[Container]:
    command = ("serve", "--host", "0.0.0.0", "--token-file", "/home/user/token", "--policy", "none")
    words, options = (command, WALLED) if walls == "bwrap" else ((), ())
    with store.running(*words, options=options) as container:
        yield container


async def test_health_says_what_walls_there_are(container: Container, walls: str) -> None:
    token = {"authorization": f"Bearer {container.token}"}
    async with httpx2.AsyncClient(trust_env=False) as http:
        told = await http.get(container.url + "/healthz", headers=token, timeout=5)
        to_strangers = await http.get(container.url + "/healthz", timeout=5)
    assert told.json() == {"ok": True, "desktop": "main", "walls": walls}
    assert to_strangers.json() == {"ok": True}


@pytest.mark.parametrize("shown", ["", "Bearer wrong"])
async def test_without_the_token_nobody_comes_in(container: Container, shown: str) -> None:
    headers = {"authorization": shown} if shown else {}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(container.url + "/mcp", headers=headers, json={}, timeout=5)
    assert answer.status_code == 401


async def test_text_arrives(container: Container) -> None:
    async with connect(container.url + "/mcp", container.token) as desk:
        seen = await desk.screenshot()
        assert seen.image
        assert seen.image.size == (1280, 800)
        await desk.open("mousepad")
        assert (await desk.type(SHOP)).facts["typed"] == "verified"


async def test_chromium_shows_pages_and_emoji(container: Container) -> None:
    async with connect(container.url + "/mcp", container.token) as desk:
        await desk.open(COLOURED)
        seen = await desk.wait_for("window", "emoji in colour")
        assert seen.facts["happened"]
        assert seen.window == "emoji in colour - Chromium"
        assert "小米官方旗舰店" in await desk.read_screen()


async def test_chinese_has_a_font(container: Container) -> None:
    assert "Noto Sans CJK SC" in container.exec("fc-match", "sans:lang=zh-cn")


async def test_what_was_done_can_be_undone_behind_walls(container: Container, walls: str) -> None:
    if walls == "none":
        pytest.skip("without walls there is no undo")
    async with connect(container.url + "/mcp", container.token) as desk:
        made = await desk.call("checkpoint")
        told = await desk.call("rollback", to=made.facts["checkpoint"])
        assert told.facts["back_to"] == made.facts["checkpoint"]


async def test_nothing_in_it_is_root(container: Container) -> None:
    users = container.exec("sh", "-c", "grep -h ^Uid: /proc/[0-9]*/status; true").splitlines()
    assert set(users) == {"Uid:\t1000\t1000\t1000\t1000"}


async def test_an_init_reaps_orphans(container: Container) -> None:
    assert container.exec("cat", "/proc/1/comm") == "tini\n"
    assert container.exec("/usr/bin/python3", "-c", ORPHAN) == "False\n"


@pytest.mark.parametrize("tool", ["gcc", "cc", "make", "git", "pip", "pip3"])
async def test_no_tool_of_the_build_is_left(container: Container, tool: str) -> None:
    assert container.exec("sh", "-c", f"command -v {tool} || echo none") == "none\n"


async def test_it_ends_when_asked_to(store: Store) -> None:
    with store.running() as container:
        assert container.stop() != 137  # killed


async def test_without_its_options_it_says_how_to_have_walls(store: Store) -> None:
    with pytest.raises(NotMade, match="there can be no walls around it here") as refused:
        store.run("serve", "--host", "0.0.0.0", "--walls", "auto")
    assert " ".join(WALLED) in str(refused.value)

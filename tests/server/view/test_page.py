"""The live view's page, used by people in real browsers, judged at the desktop and by the agent."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from answers import call, facts, picture, refusal, text
from desks import session_of
from fields import field
from injections import injected
from mcp import Client
from pages import arrive, browsing, nameless, on_screen, person, sign_in_link
from playwright.async_api import Browser, Page, expect
from relay import relayed
from web import guarded, served
from witness import Key, KeyUp, Press, Release, Witness

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.isolation.bubblewrap import why_not
from gloveport.sandbox.x11.keymap import Keymap

LIVE = Path(__file__).parents[3] / "server" / "view" / "static"
HELD = ("Control", "Alt", "Shift")


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


@asynccontextmanager
async def ada_at(
    browser: Browser, desktop: Desktop, **more: Any
) -> AsyncGenerator[tuple[Page, Client]]:
    """Ada at the live view, and an agent."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(desktop))
        client = await stack.enter_async_context(Client(f"{url}/mcp"))
        ada = await stack.enter_async_context(person(browser, "Ada", **more))
        yield await arrive(ada, url), client


async def take(page: Page) -> None:
    await page.click("#take")
    await expect(page.locator("#driver")).to_have_text("You are in control")


async def test_a_person_takes_over_amid_a_drag_while_others_watch(
    browser: Browser, desktop: Desktop
) -> None:
    async with (
        served(desktop) as url,
        Client(f"{url}/mcp") as client,
        person(browser, "Ada") as her,
        person(browser, "Bob") as his,
        anyio.create_task_group() as tasks,
    ):
        ada, bob = await arrive(her, url), await arrive(his, url)
        await expect(ada.locator("#watching")).to_have_text("Watching: Ada, Bob")
        witness = Witness(session_of(desktop).x)
        said: list[str] = []

        async def drag() -> None:
            steps = [
                {"action": "mouse_move", "coordinate": [100, 100]},
                {"action": "left_mouse_down"},
                {"action": "wait", "duration": 25},
                {"action": "left_mouse_up"},
            ]
            said.append(refusal(await call(client, "actions", actions=steps)))

        tasks.start_soon(drag)
        assert await anyio.to_thread.run_sync(witness.saw) == Press(1, 100, 100)
        await expect(bob.locator("#driver")).to_have_text("mcp 0.1.0 is working")
        await take(ada)
        assert await anyio.to_thread.run_sync(witness.saw) == Release(1, 100, 100)
        await expect(bob.locator("#driver")).to_have_text("Ada is in control")
        await expect(bob.locator("#take")).to_be_disabled()
        row = bob.locator("#story li", has_text="wants to do 4 steps: move the pointer")
        await expect(row).to_contain_text("A person took control; it was stopped half way.")
        assert said[0].startswith("Ada took control while this was being done.")

        await ada.mouse.click(*await on_screen(ada, 321, 123))
        assert await anyio.to_thread.run_sync(witness.saw_all, 2) == [
            Press(1, 321, 123),
            Release(1, 321, 123),
        ]
        await ada.click("#hand_back")
        await ada.fill("#ask_field", "The captcha is done.")
        await ada.press("#ask_field", "Enter")
        await expect(bob.locator("#driver")).to_have_text(
            re.compile("No agent is connected|is thinking")
        )
        told = refusal(await call(client, "left_click", coordinate=[20, 30]))
        assert 'They say: "The captcha is done."' in told
        told = facts(await call(client, "screenshot"))["handed_back"]
        assert 'They say: "The captcha is done."' in told
        witness.close()


async def test_what_a_person_types_arrives(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    with field(session_of(desktop), "gtk3", tmp_path) as entry:
        async with ada_at(browser, desktop) as (page, _):
            await take(page)
            await page.keyboard.type("Ada ")
            await page.click("#keyboard")
            await page.keyboard.insert_text("Ü小米")  # as input methods do
            assert await anyio.to_thread.run_sync(entry.holds, "Ada Ü小米")


async def test_who_only_watches_cannot_act(
    browser: Browser, desktop: Desktop, witness: Witness
) -> None:
    async with ada_at(browser, desktop) as (page, _):
        await page.mouse.click(*await on_screen(page, 100, 100))
        await expect(page.locator("#hint")).to_contain_text("You are watching.")
        await page.keyboard.type("abc")
        assert await page.evaluate(PRESS_RAW) == "sent"
        assert await anyio.to_thread.run_sync(witness.saw_nothing)


async def test_a_link_to_watch_lets_nobody_do_more(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    async with served(desktop, guarded(tmp_path)) as url, person(browser, "Ada") as ada:
        page = await ada.new_page()
        await page.goto(await sign_in_link(url, scope="view"))
        await expect(page.locator("body")).to_have_attribute("data-screen", "live")
        await expect(page.locator("#view_only")).to_have_text("Your link lets you watch.")
        looks = ["1:1", "Full screen", "Hide panel"]
        await expect(page.locator(".bar button:visible")).to_have_text(looks)


# A page that does not keep to noVNC: pointer and key messages on a socket of its own.
PRESS_RAW = """async () => {
  const socket = new WebSocket(`ws://${location.host}${location.pathname}/rfb`,
    ["binary", "gloveport.key." + localStorage.getItem("gloveport.key")]);
  socket.binaryType = "arraybuffer";
  let got = 0, wake = () => {};
  socket.onmessage = ({ data }) => { got += data.byteLength; wake(); };
  const heard = async bytes => { while (got < bytes) await new Promise(done => (wake = done)); };
  await heard(12);
  socket.send(new TextEncoder().encode("RFB 003.008\\n"));
  await heard(14);
  socket.send(Uint8Array.of(1));
  await heard(18);
  socket.send(Uint8Array.of(1));
  await heard(18 + 24);
  for (const buttons of [1, 0]) socket.send(Uint8Array.of(5, buttons, 0, 100, 0, 100));
  for (const down of [1, 0]) socket.send(Uint8Array.of(4, down, 0, 0, 0, 0, 0, 97));
  got = 0;
  socket.send(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 16, 0, 16));
  await heard(16); // it has read what came before
  socket.close();
  return "sent";
}"""


async def test_a_chord_hands_back_without_the_mouse(browser: Browser, desktop: Desktop) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await page.focus("#take")
        await page.keyboard.press("Enter")
        await expect(page.locator("#driver")).to_have_text("You are in control")
        for key in HELD:
            await page.keyboard.down(key)
        await page.keyboard.press("KeyH")
        for key in HELD:
            await page.keyboard.up(key)
        await expect(page.locator("#driver")).to_have_text(
            re.compile("No agent is connected|is thinking")
        )
        assert picture(await call(client, "screenshot"))


async def test_a_page_that_is_loaded_again_keeps_control(
    browser: Browser, desktop: Desktop, witness: Witness
) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await take(page)
        await page.reload()
        await expect(page.locator("#driver")).to_have_text("You are in control")
        await expect(page.locator("body")).to_have_attribute("data-screen", "live")
        assert "Ada has control" in refusal(await call(client, "key", text="a"))
        await page.mouse.click(*await on_screen(page, 100, 100))
        assert await anyio.to_thread.run_sync(witness.saw) == Press(1, 100, 100)


async def test_a_second_tab_is_the_same_person(browser: Browser, desktop: Desktop) -> None:
    async with ada_at(browser, desktop) as (page, _):
        await take(page)
        async with page.expect_popup() as opened:
            await page.evaluate("() => { window.open(location.href); }")
        other = await opened.value
        await expect(other.locator("#driver")).to_have_text("You are in control")
        await other.close()
        await expect(page.locator("#driver")).to_have_text("You are in control")


async def test_the_page_comes_back_after_the_network_was_gone(
    browser: Browser, desktop: Desktop
) -> None:
    async with (
        served(desktop) as url,
        Client(f"{url}/mcp") as client,
        person(browser, "Ada") as ada,
        relayed(url) as relay,
    ):
        page = await arrive(ada, relay.url)
        await call(client, "mouse_move", coordinate=[50, 50])
        await expect(page.locator("#story li")).to_have_count(1)
        relay.cut()
        await expect(page.locator("#veil_text")).to_contain_text("Trying again.")
        await call(client, "mouse_move", coordinate=[60, 60])
        relay.mend()
        await expect(page.locator("body")).to_have_attribute("data-screen", "live")
        await expect(page.locator("#veil")).to_be_hidden()
        await expect(page.locator("#story li")).to_have_count(2)
        await expect(page.locator("#story li").first).to_contain_text("moved the pointer to 60,60")


async def test_what_the_agent_does_is_told_with_its_errors(
    browser: Browser, desktop: Desktop
) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await call(client, "left_click", coordinate=[20, 30])
        await call(client, "left_click", coordinate=[900, 30])
        rows = page.locator("#story li")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_contain_text("(900, 30) is outside the 640x480 screenshot")
        await expect(rows.last).to_have_text(re.compile(r"mcp 0.1.0 clicked at 20,30\d.* m?s$"))
        await expect(page.locator("#polite")).to_contain_text("900,30")


async def test_the_agents_click_is_drawn_where_it_is(
    browser: Browser, desktop: Desktop, witness: Witness
) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await call(client, "left_click", coordinate=[320, 240])
        seen: list[int] = []
        with anyio.fail_after(5):
            while not seen:
                seen = await page.evaluate(INKED)
        left, top, _, _ = seen
        canvas = "document.querySelector('#marks')"
        wide, high = await page.evaluate(f"() => [{canvas}.width, {canvas}.height]")
        # The pointer's tip, or the ring around it of at most 27 pixels.
        assert wide / 2 - 28 <= left <= wide / 2 + 1
        assert high / 2 - 28 <= top <= high / 2 + 1


INKED = """() => {
  const canvas = document.querySelector("#marks");
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let at = 3; at < data.length; at += 4) {
    if (!data[at]) continue;
    const x = ((at - 3) / 4) % width, y = Math.floor((at - 3) / 4 / width);
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  }
  return right < 0 ? [] : [left, top, right, bottom];
}"""


async def test_looking_back_shows_what_the_agent_was_sent(
    browser: Browser, desktop: Desktop
) -> None:
    async with ada_at(browser, desktop) as (page, client):
        for _ in range(2):
            await call(client, "screenshot")
        ticks = page.locator("#ticks li")
        await expect(ticks).to_have_count(2)
        await ticks.last.focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#past")).to_contain_text("Looking back")
        await expect(page.locator("#picture")).to_have_attribute("data-path", "/live/main/frames/1")
        await expect(page.locator("#picture")).to_have_js_property("naturalWidth", 640)
        await page.click("#later")
        await expect(page.locator("#picture")).to_have_attribute("data-path", "/live/main/frames/2")
        await page.keyboard.press("Escape")
        await expect(page.locator("#picture")).to_be_hidden()
        await expect(page.locator("#now")).to_be_visible()
        await page.locator("#story button").last.click()
        await expect(page.locator("#picture")).to_have_attribute("data-path", "/live/main/frames/1")
        # After a click, and before it, with the place drawn in.
        await call(client, "left_click", coordinate=[160, 120], screenshot="always")
        await page.locator("#story button", has_text="clicked").click()
        await expect(page.locator("#past_ring")).to_be_visible()
        ring = await page.locator("#past_ring").bounding_box()
        whole = await page.locator("#picture").bounding_box()
        assert ring
        assert whole
        assert abs(ring["x"] + ring["width"] / 2 - whole["x"] - whole["width"] / 4) < 2
        assert abs(ring["y"] + ring["height"] / 2 - whole["y"] - whole["height"] / 4) < 2
        await page.click("#before")
        await expect(page.locator("#picture")).to_have_attribute("data-path", "/live/main/frames/2")
        await expect(page.locator("#past_ring")).to_be_visible()
        await page.click("#present")
        await expect(page.locator("#past")).to_be_hidden()


async def test_a_question_is_answered_by_a_button_or_in_words(
    browser: Browser, desktop: Desktop
) -> None:
    async with ada_at(browser, desktop) as (page, client), anyio.create_task_group() as tasks:
        said: list[dict[str, Any]] = []

        async def ask(reason: str, choices: list[str]) -> None:
            asked = await call(client, "request_human", reason=reason, choices=choices)
            said.append(facts(asked))

        tasks.start_soon(ask, "Iced americano is out. Which coffee?", ["Latte", "Mocha"])
        await expect(page.locator("#questions")).to_contain_text("Which coffee?")
        await expect(page.locator("#urgent")).to_contain_text("Which coffee?")
        await expect(page).to_have_title(re.compile(r"^\(1\) Iced americano is out"))
        icon = page.locator("link[rel=icon]")
        await expect(icon).to_have_attribute("href", re.compile("icon-asks"))
        assert await nameless(page) == []
        await page.get_by_role("button", name="Latte").click()
        await expect(page.locator("#questions")).to_be_hidden()
        await expect(page).to_have_title("main · gloveport")
        await expect(icon).to_have_attribute("href", re.compile(r"icon\.svg"))
        tasks.start_soon(ask, "And which size?", list[str]())
        await page.get_by_role("textbox", name="Answer in your own words").fill("大杯")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#questions")).to_be_hidden()
        with anyio.fail_after(10):
            while len(said) < 2:  # noqa: ASYNC110 - set by tasks that have nothing else to tell
                await anyio.sleep(0.01)
        assert [one["answer"] for one in said] == ["Latte", "大杯"]


@pytest.mark.parametrize("answer", ["Approve", "Refuse"])
async def test_what_an_agent_wants_to_do_is_approved_or_refused(
    browser: Browser, desktop: Desktop, answer: str
) -> None:
    async with ada_at(browser, desktop) as (page, client), anyio.create_task_group() as tasks:
        said: list[str] = []

        async def ask() -> None:
            asked = await call(client, "request_human", reason="Place the order?", kind="approve")
            said.append(text(asked))

        tasks.start_soon(ask)
        await page.get_by_role("button", name=answer).click()
        await expect(page.locator("#questions")).to_be_hidden()
        with anyio.fail_after(10):
            while not said:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
        assert ('"said":"yes"' in said[0]) == (answer == "Approve")


async def test_pausing_and_going_on(browser: Browser, desktop: Desktop) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await page.click("#pause")
        await expect(page.locator("#driver")).to_have_text("Ada paused the agents")
        assert "Ada has paused you" in refusal(await call(client, "key", text="a"))
        await expect(page.locator("#resume")).to_be_focused()
        await page.click("#resume")
        assert facts(await call(client, "mouse_move", coordinate=[7, 7]))["ok"]


async def test_hiding_the_screen_while_driving(browser: Browser, desktop: Desktop) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await take(page)
        await page.click("#hide")
        await expect(page.locator("#more")).to_have_text("The agents cannot see the screen.")
        await expect(page.locator("#hide")).to_have_attribute("aria-pressed", "true")
        assert "has hidden the screen" in refusal(await call(client, "screenshot"))
        await page.click("#hide")
        await expect(page.locator("#hide")).to_have_attribute("aria-pressed", "false")
        assert picture(await call(client, "screenshot"))


async def test_rolling_back_is_asked_once_more(
    browser: Browser, open_folder: Path, keymap: Keymap
) -> None:
    if why := why_not():
        pytest.skip(f"there can be no walls here, so no undo: {why}")
    settings = DesktopOptions(open_folder, width=640, height=480, walls="auto")
    async with (
        open_desktop(settings, keymap) as desktop,
        ada_at(browser, desktop) as (page, client),
    ):
        await call(client, "screenshot")
        await page.click("#checkpoint")
        await page.fill("#ask_field", "before it all")
        await page.click("#ask_yes")
        await page.click("#undo summary")
        row = page.locator("#checkpoints li", has_text="before it all")
        await row.get_by_role("button", name="Roll back").click()
        await expect(page.locator("#ask_text")).to_contain_text("cannot be undone")
        await page.click("#ask_no")
        await row.get_by_role("button", name="Roll back").click()
        keeper = session_of(desktop).keeper.pid
        with injected(keeper, "mkdir,rename,copy_file_range", "error=ENOSPC"):
            await page.click("#ask_yes")  # the present cannot be kept, so it is asked again
            await expect(page.locator("#ask_text")).to_contain_text("could not be saved")
        await page.click("#ask_yes")
        await expect(page.locator("#story")).to_contain_text("rolled back to c1")
        assert "rolled back to c1" in refusal(await call(client, "key", text="a"))


async def test_the_name_is_asked_once(browser: Browser, desktop: Desktop) -> None:
    async with served(desktop) as url, person(browser) as somebody:
        page = await arrive(somebody, url)
        await expect(page.locator("#ask_title")).to_have_text("What should the others call you?")
        await page.fill("#ask_field", "Zoë")
        await page.press("#ask_field", "Enter")
        await expect(page.locator("#watching")).to_have_text("Watching: Zoë")
        await page.reload()
        await expect(page.locator("#watching")).to_have_text("Watching: Zoë")
        await expect(page.locator("#ask")).to_be_hidden()


async def test_it_speaks_chinese_and_switches(browser: Browser, desktop: Desktop) -> None:
    async with ada_at(browser, desktop, locale="zh-CN") as (page, _):
        await expect(page.locator("html")).to_have_attribute("lang", "zh")
        await expect(page.locator("#take")).to_have_text("接管")
        await expect(page.locator("#driver")).to_have_text("没有智能体连接")
        await page.click("#language")
        await expect(page.locator("#take")).to_have_text("Take control")
        await page.reload()
        await expect(page.locator("#driver")).to_have_text(
            re.compile("No agent is connected|is thinking")
        )


def test_every_language_says_everything() -> None:
    tables = {path.stem: words_of(path) for path in LIVE.glob("words_*.js")}
    english = tables["words_en"]
    assert len(tables) > 1
    for name, table in tables.items():
        assert set(table) == set(english), name
        for key, said in table.items():
            gaps = re.findall(r"\{\w+\}", said)
            assert sorted(gaps) == sorted(re.findall(r"\{\w+\}", english[key])), (name, key)
    done = {key.removeprefix("do_") for key in english if key.startswith("do_")}
    under_way = {key.removeprefix("now_") for key in english if key.startswith("now_")}
    assert done - under_way == AT_ONCE  # all else takes time, and is not told as done before it is
    page = (LIVE / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-say(?:-\w+)?="(\w+)"', page)) <= set(english)
    code = "".join(path.read_text(encoding="utf-8") for path in LIVE.glob("*.js"))
    assert set(re.findall(r'\bsay\("(\w+)"', code)) <= set(english)


# What is over when it is told, and tools that do not exist.
AT_ONCE = {
    "allowed", "answered", "asks", "dropped", "handed_back", "made_checkpoint", "pasted",
    "paused_agents", "put", "resumed_agents", "rolled_back", "rolling_back", "signed_out",
    "stopped_agents", "took", "took_file", "unknown",
}  # fmt: skip


def words_of(path: Path) -> dict[str, str]:
    """The sentences of one language, by key."""
    table = path.read_text(encoding="utf-8").partition("export default {\n")[2]
    entries = re.split(r"^(?=  \w+:)", table, flags=re.MULTILINE)
    return {one.split(":")[0].strip(): one for one in entries if one.strip()}


@pytest.mark.parametrize("driving", [False, True])
async def test_it_fits_a_phone(browser: Browser, desktop: Desktop, driving: bool) -> None:
    async with ada_at(browser, desktop, width=390, phone=True) as (page, client):
        await call(client, "screenshot")
        if driving:
            await page.tap("#take")
            await page.tap("#keyboard")
            await expect(page.locator("#typed")).to_be_focused()
        assert await page.evaluate("() => document.documentElement.scrollWidth") == 390
        for button in await page.locator("button:visible").all():
            box = await button.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 44


async def test_a_phone_types_by_a_field(
    browser: Browser, desktop: Desktop, witness: Witness
) -> None:
    async with ada_at(browser, desktop, width=390, phone=True) as (page, _):
        await page.tap("#take")
        await page.tap("#keyboard")
        await page.keyboard.insert_text("b")
        assert await anyio.to_thread.run_sync(witness.saw) == Key("b")
        assert await anyio.to_thread.run_sync(witness.saw) == KeyUp("b")
        await page.tap("#keys [data-key=Escape]")
        assert await anyio.to_thread.run_sync(witness.saw) == Key("Escape")
        await expect(page.locator("#typed")).to_be_focused()


async def test_every_control_has_a_name_and_every_id_is_one(
    browser: Browser, desktop: Desktop
) -> None:
    async with ada_at(browser, desktop) as (page, client):
        await call(client, "screenshot")
        await expect(page.locator("#ticks li")).to_have_count(1)
        assert await nameless(page) == []
        await page.click("#ticks li")
        await page.click("#name")
        assert await nameless(page) == []
        ids: list[str] = await page.evaluate(
            "() => Array.from(document.querySelectorAll('[id]'), node => node.id)"
        )
        assert len(ids) == len(set(ids))


async def test_nothing_moves_when_the_page_comes_up(browser: Browser, desktop: Desktop) -> None:
    async with served(desktop) as url, person(browser, "Ada") as ada:
        await ada.add_init_script(
            "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
            "one => (window.moved += one.value))).observe({type: 'layout-shift', buffered: true});"
        )
        page = await arrive(ada, url)
        # What browsers' makers call good; the page is made for a screen of 1280x800.
        assert await page.evaluate("() => window.moved") < 0.1


async def test_without_novnc_there_are_still_pictures(browser: Browser, desktop: Desktop) -> None:
    async with served(desktop) as url, person(browser, "Ada") as ada:
        await ada.route("**/novnc/core/rfb.js", lambda route: route.fulfill(status=404))
        page = await ada.new_page()
        await page.goto(await sign_in_link(url))
        await expect(page.locator("#veil_text")).to_contain_text("./run gets it")
        await expect(page.locator("#still")).to_have_js_property("naturalWidth", 640)


async def test_only_the_servers_own_files_run_in_the_page(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada") as ada:
        page = await arrive(ada, url)
        for path in ("/live/main", "/live/static/page.js"):
            answer = await page.goto(url + path)
            assert answer
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
            assert answer.headers["cache-control"] == "no-cache"

"""What people bring along to the desktop: their clipboard and files; and how large they see it."""

import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import anyio
import pytest
from desks import session_of
from fields import field
from pages import arrive, browsing, on_screen, person, sign_in_link
from playwright.async_api import Browser, Page, expect
from views import viewing
from web import served
from witness import Press, Witness

from gloveport.sandbox.desktop import Desktop

DROP = """(names) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File(["hi " + name], name));
  const told = { bubbles: true, cancelable: true, dataTransfer: data };
  document.querySelector("#stage").dispatchEvent(new DragEvent("dragover", told));
  document.querySelector("#stage").dispatchEvent(new DragEvent("drop", told));
}"""


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncGenerator[Browser]:
    async with browsing() as browser:
        yield browser


async def take(page: Page) -> None:
    await page.click("#take")
    await expect(page.locator("#driver")).to_have_text("You are in control")


async def test_the_persons_own_clipboard_is_pasted(
    browser: Browser, desktop: Desktop, tmp_path: Path
) -> None:
    with field(session_of(desktop), "gtk3", tmp_path) as entry:
        async with served(desktop) as url, person(browser, "Ada") as ada, viewing(url) as bob:
            await ada.grant_permissions(["clipboard-read", "clipboard-write"])
            page = await arrive(ada, url)
            await take(page)
            for text in ("first", "小米 ö€"):  # never what the desktop had before
                await page.evaluate("text => navigator.clipboard.writeText(text)", text)
                await page.keyboard.press("Control+a")
                await page.keyboard.press("Control+v")
                await expect(page.locator("#story")).to_contain_text(f"pasted {len(text)}")
                assert await anyio.to_thread.run_sync(entry.holds, text)
            assert not any("小米" in one["told"] for one in bob.happened.values())


async def test_dropped_files_go_to_downloads_and_replace_nothing(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada") as ada:
        page = await arrive(ada, url)
        await page.evaluate(DROP, ["a.txt", "账单.pdf"])
        await expect(page.locator("#story")).to_contain_text("put ~/Downloads/账单.pdf there")
        await page.evaluate(DROP, ["a.txt"])
        await expect(page.locator("#story")).to_contain_text("put ~/Downloads/a (1).txt there")
        folder = session_of(desktop).folder.home / "Downloads"
        for name, said in (("a.txt", "a.txt"), ("账单.pdf", "账单.pdf"), ("a (1).txt", "a.txt")):
            assert (folder / name).read_text() == f"hi {said}"


async def test_files_of_downloads_are_handed_out_whole_to_who_may_read_them(
    browser: Browser, desktop: Desktop
) -> None:
    folder = session_of(desktop).folder.home / "Downloads"
    folder.mkdir(exist_ok=True)
    whole = bytes(range(256)) * 5000  # more than goes into one answer
    for name, data in (("报表 1%.bin", whole), ("empty", b""), ("page.html", b"<script>")):
        (folder / name).write_bytes(data)
    async with (
        served(desktop) as url,
        person(browser, "Ada") as hers,
        person(browser, "Bob") as his,
    ):
        ada = await arrive(hers, url)
        await ada.click("#downloads")
        for name, data in (("报表 1%.bin", whole), ("empty", b""), ("page.html", b"<script>")):
            async with ada.expect_download() as kept:
                await ada.get_by_role("button", name=f"Download: {name}", exact=True).click()
            file = await kept.value
            assert file.suggested_filename == name
            assert await anyio.Path(await file.path()).read_bytes() == data
        await expect(ada.locator("#story")).to_contain_text("took ~/Downloads/page.html out")
        (folder / "empty").unlink()
        await ada.get_by_role("button", name="Download: empty").click()
        await expect(ada.locator("#files_why")).to_contain_text("There is no ~/Downloads/empty")
        await ada.click("#files_close")
        bob = await his.new_page()
        await bob.goto(await sign_in_link(url, scope="view"))
        await expect(bob.locator("#view_only")).to_be_visible()
        await expect(bob.locator("#downloads")).to_be_hidden()
        ask = """async path => (await (await import("/live/static/key.js")).keyed(path)).status"""
        for path in ("files", "files/page.html"):
            assert await bob.evaluate(ask, f"/live/main/{path}") == 403
            assert await ada.evaluate(ask, f"/live/main/{path}") == 200
        # What is private on the screen of who drives is private in files, too.
        cleo = await arrive(his, url)
        await take(ada)
        await ada.click("#hide")
        await expect(cleo.locator("#driver")).to_contain_text("Ada")
        await expect(ada.locator("#hide")).to_have_attribute("aria-pressed", "true")
        assert await cleo.evaluate(ask, "/live/main/files") == 403
        assert await ada.evaluate(ask, "/live/main/files") == 200


async def sized(page: Page, fits: Callable[[float], bool]) -> None:
    """Wait for the screen to have a width: the browser tells the page of a new one later."""
    canvas = page.locator("#screen canvas")
    with anyio.fail_after(10):
        while not ((box := await canvas.bounding_box()) and fits(box["width"])):
            await page.wait_for_timeout(20)


async def test_the_screen_is_shown_pixel_for_pixel_and_the_panel_folds(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada", width=900) as ada:
        page = await arrive(ada, url)
        await page.click("#actual")
        await expect(page.locator("#actual")).to_have_attribute("aria-pressed", "true")
        await sized(page, lambda width: round(width) == 640)
        await page.click("#actual")
        await page.click("#fold")
        await expect(page.locator("#side")).to_be_hidden()
        await expect(page.locator("#fold")).to_have_text("Show panel")
        await sized(page, lambda width: width > 640)


async def test_a_phone_on_its_side_shows_all_of_the_screen_and_the_buttons(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada", phone=True, width=844) as ada:
        page = await arrive(ada, url)
        await page.set_viewport_size({"width": 844, "height": 390})
        await take(page)
        for shown in ("#screen canvas", "#hand_back", "#hide", "#driver"):
            box = await page.locator(shown).bounding_box()
            assert box, shown
            assert box["y"] >= 0, shown
            assert box["y"] + box["height"] <= 390, shown
            assert box["x"] + box["width"] <= 844, shown


async def test_two_fingers_zoom_and_move_the_screen_and_a_tap_still_hits(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada", phone=True, width=390) as ada:
        page = await arrive(ada, url)
        await take(page)
        witness = Witness(session_of(desktop).x)
        try:
            canvas = page.locator("#screen canvas")
            before = await canvas.bounding_box()
            assert before
            touch = await ada.new_cdp_session(page)

            async def fingers(*path: tuple[float, float, float, float]) -> None:
                """Two fingers, as distances from the middle of what is seen at first."""
                x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
                for kind, places in (
                    ("touchStart", path[:1]), ("touchMove", path[1:]), ("touchEnd", [()])
                ):  # fmt: skip
                    for place in places:
                        points = [
                            {"x": x + place[i], "y": y + place[i + 1], "id": i}
                            for i in range(0, len(place), 2)
                        ]
                        given = {"type": kind, "touchPoints": points}
                        await touch.send("Input.dispatchTouchEvent", given)  # pyright: ignore[reportUnknownMemberType] # half typed

            apart = [(-40.0 - step, 0.0, 40.0 + step, 0.0) for step in range(0, 81, 10)]
            await fingers(*apart)
            await expect(page.locator("body")).to_have_class(re.compile("zoomed"))
            larger = await canvas.bounding_box()
            assert larger
            assert larger["width"] > 1.8 * before["width"]
            middle = (larger["x"] + larger["width"] / 2) - (before["x"] + before["width"] / 2)
            assert abs(middle) < 0.2 * before["width"]  # what was between the fingers stayed there
            await fingers(*((-30.0 - step, 0.0, 30.0 - step, 0.0) for step in range(0, 61, 10)))
            moved = await canvas.bounding_box()
            assert moved
            assert moved["x"] < larger["x"] - 20
            await page.touchscreen.tap(*await on_screen(page, 400, 240))
            press = await anyio.to_thread.run_sync(witness.saw)
            assert isinstance(press, Press)
            assert press.button == 1
            assert max(abs(press.x - 400), abs(press.y - 240)) <= 1
            await anyio.to_thread.run_sync(witness.saw)  # its release
            await fingers(*reversed(apart))
            await expect(page.locator("body")).not_to_have_class(re.compile("zoomed"))
            # No turn of the wheel came of it.
            assert await anyio.to_thread.run_sync(witness.saw_nothing)
        finally:
            witness.close()

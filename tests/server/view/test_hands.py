"""What people bring along to the desktop: their clipboard and files; and how large they see it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from desks import session_of
from fields import field
from pages import arrive, browsing, person
from playwright.async_api import Browser, Page, expect
from views import viewing
from web import served

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


async def test_the_screen_is_shown_pixel_for_pixel_and_the_panel_folds(
    browser: Browser, desktop: Desktop
) -> None:
    async with served(desktop) as url, person(browser, "Ada", width=900) as ada:
        page = await arrive(ada, url)
        stage = page.locator("#screen canvas")
        await page.click("#actual")
        await expect(page.locator("#actual")).to_have_attribute("aria-pressed", "true")
        box = await stage.bounding_box()
        assert box
        assert (round(box["width"]), round(box["height"])) == (640, 480)
        await page.click("#actual")
        await page.click("#fold")
        await expect(page.locator("#side")).to_be_hidden()
        await expect(page.locator("#fold")).to_have_text("Show panel")
        larger = await stage.bounding_box()
        assert larger
        assert larger["width"] > 640


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

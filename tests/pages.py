"""The live view's page in a real browser: Debian's Chromium, without a window."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import ceil

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from web import PERSON, bearer

CHROMIUM = "/usr/bin/chromium"
SECONDS = 20  # that a page may take for anything, on a machine with much else to do

expect.set_options(timeout=SECONDS * 1000)


@asynccontextmanager
async def browsing() -> AsyncGenerator[Browser]:
    """A browser; a page's own context keeps it from other pages' storage."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=SECONDS * 1000
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def person(
    browser: Browser,
    name: str = "",
    *,
    locale: str = "en-GB",
    width: int = 1280,
    phone: bool = False,
) -> AsyncGenerator[BrowserContext]:
    """Somebody at a browser of their own, known by a name unless they have not given one.

    Nothing their pages do may break a rule of the page's own policy, or be an error.
    """
    context = await browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 844 if phone else 800},
        has_touch=phone,
        is_mobile=phone,
    )
    context.set_default_timeout(SECONDS * 1000)
    if name:
        keep = f"localStorage.setItem('gloveport.name', '{name}')"
        await context.add_init_script(f"if (location.host) {keep}")  # about:blank has no storage
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
    )
    yield context
    await context.close()
    assert not wrong, wrong


async def arrive(context: BrowserContext, url: str) -> Page:
    """Sign in at the live view by a link and wait until it shows the screen."""
    page = await context.new_page()
    await page.goto(await sign_in_link(url))
    await expect(page.locator("body")).to_have_attribute("data-screen", "live")
    return page


async def sign_in_link(url: str, *, token: str = PERSON, scope: str = "admin") -> str:
    """A link by which a browser signs in."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        asked = f"{url}/live/main/link?scope={scope}"
        made = await http.post(asked, headers=bearer(token))
    return url + str(made.json()["path"])


async def on_screen(
    page: Page, x: int, y: int, size: tuple[int, int] = (640, 480)
) -> tuple[int, int]:
    """A point of a page that is this pixel of the desktop, shown at its size or larger."""
    box = await page.locator("#screen canvas").bounding_box()
    assert box
    wide, high = size
    # Whole numbers, for a mouse event has no others.
    return (
        ceil(box["x"] + x * box["width"] / wide),
        ceil(box["y"] + y * box["height"] / high),
    )


async def nameless(page: Page) -> list[str]:
    """The controls in view that have no name for who cannot see them."""
    return await page.evaluate(
        """() => Array.from(document.querySelectorAll(
               "button, input, summary, dialog, [role=listbox], [role=option], [role=toolbar]"))
             .filter(node => node.checkVisibility())
             .filter(node => ![node.ariaLabel, node.textContent, node.labels?.[0]?.textContent,
                 document.getElementById(node.getAttribute("aria-labelledby"))?.textContent]
               .some(name => name?.trim()))
             .map(node => node.outerHTML)"""
    )

"""What pages find in the desktop's Chromium, judged by the pages."""

from gloveport.sandbox.actions import Press, Type
from gloveport.sandbox.desktop import Desktop

_FOUND = """
const canvas = kind => document.createElement("canvas").getContext(kind);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
let named = true;
try { new Intl.DateTimeFormat("en", {timeZone: zone}) } catch { named = false }
document.title = [!!canvas("webgl"), !!canvas("webgl2"), named, zone].join(" ");
"""


async def test_pages_have_webgl_and_a_time_zone_with_a_name(own_desktop: Desktop) -> None:
    frame = await own_desktop.open(f"data:text/html,<script>{_FOUND}</script>")
    webgl, webgl2, named, zone = frame.window.removesuffix(" - Chromium").split(" ")
    assert (webgl, webgl2, named) == ("true", "true", "true")
    assert zone != "Etc/Unknown"


async def test_what_is_typed_after_a_new_tab_goes_into_its_address_bar(
    own_desktop: Desktop,
) -> None:
    await own_desktop.open("about:blank")
    for title in ("one", "two"):
        await own_desktop.do(Press("ctrl+t"))
        frame = await own_desktop.do(Type(f"data:text/html,<title>{title}</title>\n"))
        assert frame.window == f"{title} - Chromium"


async def test_firefox_starts_without_a_welcome(own_desktop: Desktop) -> None:
    await own_desktop.open("firefox")
    await own_desktop.do(Type("data:text/html,<title>here</title>\n"))
    found, frame = await own_desktop.wait_for_window("here", 20)
    assert found, frame.window
    titles = [window.title for window in await own_desktop.windows()]
    assert not [title for title in titles if "Welcome" in title]

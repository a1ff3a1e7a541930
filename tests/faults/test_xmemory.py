"""A program that eats the X server's memory is cut off and named; the others keep their windows."""

from typing import Any

import pytest
from answers import call, facts
from attempts import PYTHON
from desks import session_of
from mcp import Client
from processes import until
from vandals import WINDOW
from Xlib import error

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.session.session import Session

EATERS = {
    "pixmaps": "x.XCreatePixmap(d, root, 1024, 1024, 24)",
    "large pixmaps": "x.XCreatePixmap(d, root, 4096, 4096, 24)",
    "small pixmaps": "[x.XCreatePixmap(d, root, 60, 60, 24) for _ in range(300)]",
    "pixmaps of every depth": "[x.XCreatePixmap(d, root, 900, 900, one) for one in (1, 8, 24, 32)]",
    "small pixmaps without a pause": (
        "x.XSetErrorHandler(IGNORED)\nwhile True: x.XCreatePixmap(d, root, 60, 60, 24)"
    ),
    "pixmaps that outlive it": (
        "x.XSetCloseDownMode(d, 1); x.XCreatePixmap(d, root, 1024, 1024, 24)"
    ),
    "windows": "[x.XCreateSimpleWindow(d, w, 0, 0, 1, 1, 0, 0, 0) for _ in range(500)]",
    "graphics contexts": "[x.XCreateGC(d, w, ctypes.c_ulong(0), None) for _ in range(500)]",
}
EATER = (
    "NAME = 'the eater'\n"
    + WINDOW
    + """
import sys
IGNORED = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda d, e: 0)
deed = compile(sys.argv[1], 'deed', 'exec')
while True:
    exec(deed)
    x.XSync(d, 0)
    time.sleep(0.005)
"""
)


@pytest.mark.parametrize("kind", EATERS)
async def test_it_is_cut_off_and_named(desktop: Desktop, agent: Client, kind: str) -> None:
    facts(await call(agent, "open", target="mousepad"))
    session = session_of(desktop)
    eater = session.launch([PYTHON, "-c", EATER, EATERS[kind]])
    assert until(lambda: not session.box.running(eater), 60)
    notices = facts(await call(agent, "screenshot"))["notices"]
    assert any("'the eater' was cut off from the display" in one for one in notices), notices
    titles = [one["title"] for one in facts(await call(agent, "windows"))["windows"]]
    assert any("Mousepad" in one for one in titles)
    facts(await call(agent, "open", target="xterm"))
    assert session is session_of(desktop)


async def test_many_that_take_little_each_are_cut_off_until_there_is_room(
    desktop: Desktop, agent: Client
) -> None:
    some = (
        EATER.replace("while True:", "for _ in range(50):")
        + "\nwhile True: x.XSync(d, 0); time.sleep(0.1)\n"
    )
    session = session_of(desktop)
    eaters = [session.launch([PYTHON, "-c", some, EATERS["pixmaps"]]) for _ in range(6)]
    assert until(lambda: not all(session.box.running(one) for one in eaters), 30)
    notices = facts(await call(agent, "screenshot"))["notices"]
    assert any("all together nearly took what there is" in one for one in notices), notices
    facts(await call(agent, "open", target="xterm"))
    assert session is session_of(desktop)


def test_a_value_that_x_refuses_is_an_error_as_any_other(session: Session) -> None:
    display = session.x.connect()
    asked: Any = display
    with pytest.raises(error.BadValue):
        asked.res_query_client_pixmap_bytes(0x7F << 21)
    display.close()

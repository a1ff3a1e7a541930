"""Clicks on pages that answer late, in Chromium: the picture is the new one, or says it is not."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import anyio
import numpy as np
import pytest
from answering import BUTTON, SQUARE, WAYS, answering, colour
from PIL import Image

from gloveport.sandbox.actions import Action, Click, Drag, Press
from gloveport.sandbox.activity.requests import Traffic
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.frames import Frame
from gloveport.sandbox.geometry import Point
from gloveport.sandbox.imaging.press_echo import local
from gloveport.sandbox.isolation.egress import EgressPolicy
from gloveport.sandbox.screen.settle import End
from gloveport.sandbox.session.session import IsolationOptions
from gloveport.sandbox.x11.keymap import Keymap

pytestmark = pytest.mark.anyio
HARD = {way: how for way, how in WAYS.items() if way != "a spinner"}  # one that stays is harder
root = pytest.mark.skipif(os.geteuid() != 0, reason="walls are made by root here")


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    with answering() as port:
        yield port


@pytest.fixture(scope="module")
async def direct(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap, port: int
) -> AsyncGenerator[tuple[Desktop, str]]:
    """A desktop without walls, and where its browser finds the pages."""
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("d")), keymap) as desktop:
        await desktop.open("about:blank", show="never")
        yield desktop, f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
async def filtered(
    anyio_backend: str, open_folder: Path, keymap: Keymap, port: int
) -> AsyncGenerator[tuple[Desktop, str]]:
    """A desktop behind walls, whose browser finds the pages through the network filter."""
    host = f"host.internal:{port}"
    inner = IsolationOptions(network=EgressPolicy.parse(f"allow={host}"))
    settings = DesktopOptions(open_folder / "answers", walls="bwrap", enclosure=inner)
    async with open_desktop(settings, keymap) as desktop:
        await desktop.open("about:blank", show="never")
        yield desktop, host


def shown(frame: Frame, at: Point, number: int) -> bool:
    assert frame.picture
    with Image.open(BytesIO(frame.picture.data)) as image:
        pixel = np.array(image.convert("RGB").getpixel((at.x, at.y)))
    return bool((abs(pixel - colour(number)) <= 5).all())


def middle(frame: Frame, shown: tuple[int, int, int]) -> Point:
    """The middle of all that has a colour."""
    assert frame.picture
    with Image.open(BytesIO(frame.picture.data)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    rows, columns = np.nonzero((abs(pixels - shown) <= 5).all(axis=2))
    return Point(int(columns.min() + columns.max()) // 2, int(rows.min() + rows.max()) // 2)


async def clicks(way: str, delay: int, where: tuple[Desktop, str]) -> list[tuple[bool, Frame]]:
    """Three clicks one right after the other: whether each picture is right, and the frames."""
    desktop, host = where
    await desktop.open(f"http://{host}/page?way={quote(way)}&d={delay}")
    at = middle(await desktop.wait_until_still(10, show="always"), colour(0))
    button = Point(at.x - SQUARE[0] + BUTTON[0], at.y - SQUARE[1] + BUTTON[1])
    answers: list[tuple[bool, Frame]] = []
    for number in range(1, 4):
        frame = await desktop.do(Click(button), show="always")
        answers.append((shown(frame, at, number), frame))
    await desktop.do(Press("ctrl+w"), show="never")  # what stays open takes memory
    return answers


@pytest.mark.parametrize("way", sorted(HARD.keys() - {"a long poll is open"}))
async def test_a_picture_is_the_answer_or_says_it_is_not(
    way: str, direct: tuple[Desktop, str]
) -> None:
    for right, frame in await clicks(way, 1500, direct):
        assert right or frame.end in (End.LOADING, End.DEADLINE), frame.end


@root
@pytest.mark.parametrize("way", HARD)
async def test_so_it_is_through_the_network_filter(way: str, filtered: tuple[Desktop, str]) -> None:
    for right, frame in await clicks(way, 700, filtered):
        assert right or frame.end in (End.LOADING, End.DEADLINE), frame.end


async def test_an_answer_that_takes_too_long_is_said_to_be_loading_and_can_be_waited_for(
    direct: tuple[Desktop, str],
) -> None:
    desktop, host = direct
    await desktop.open(f"http://{host}/page?way=one request&d=6000")
    at = middle(await desktop.wait_until_still(10, show="always"), colour(0))
    button = Point(at.x - SQUARE[0] + BUTTON[0], at.y - SQUARE[1] + BUTTON[1])
    frame = await desktop.do(Click(button), show="always")
    assert (frame.end, frame.loading) == (End.LOADING, 1)
    frame = await desktop.wait_until_still(20, show="always")
    assert shown(frame, at, 1)


# Actions right after one that changed nothing

TIMED = """<!doctype html><title>timed</title><style>body {{ margin: 0 }}
#n {{ position: absolute; left: 400px; top: 100px; width: 160px; height: 160px }}</style>
<div id=n></div><script>
let n = 0;
const paint = () => document.querySelector("#n").style.background =
  `rgb(${{40 + 13 * (n % 16)}}, ${{40 + 13 * (n >> 4 & 15)}}, 90)`;
paint();
onmousedown = down => down.clientX < 300 && setTimeout(() => {{ n++; paint() }}, {after});
</script>"""


@pytest.mark.parametrize("after", [1000, 1450])
async def test_a_late_answer_is_not_taken_for_that_of_the_next_click(
    after: int, direct: tuple[Desktop, str]
) -> None:
    desktop, _ = direct
    await desktop.open(f"data:text/html,{quote(TIMED.format(after=after))}")
    at = middle(await desktop.wait_until_still(10, show="always"), colour(0))
    first = await desktop.do(Click(Point(100, at.y)), show="always")
    second = await desktop.do(Click(Point(100, at.y)), show="always")
    assert first.end is End.UNCHANGED or shown(first, at, 1)  # on a busy machine it may be seen
    assert shown(second, at, 2)
    await desktop.do(Press("ctrl+w"), show="never")


async def test_what_changed_nothing_long_ago_does_not_hold_the_next_action(
    direct: tuple[Desktop, str],
) -> None:
    desktop, _ = direct
    await desktop.open(f"data:text/html,{quote(TIMED.format(after=0))}")
    at = middle(await desktop.wait_until_still(10, show="always"), colour(0))
    idle, answered = list[float](), list[float]()
    for number in range(1, 4):
        began = time.monotonic()
        nothing = await desktop.do(Click(Point(700, at.y)), show="always")
        idle.append(time.monotonic() - began)
        assert nothing.end is End.UNCHANGED
        await anyio.sleep(max(0.0, began + 1.7 - time.monotonic()))  # what it is judged by
        began = time.monotonic()
        assert shown(await desktop.do(Click(Point(100, at.y)), show="always"), at, number)
        answered.append(time.monotonic() - began)
    assert min(answered) < min(idle)
    await desktop.do(Press("ctrl+w"), show="never")


# The window that is told is the picture's


TITLED = """<!doctype html><title>t0</title><body style="height:90vh"><p id=p>0</p><script>
let n = 0;
onkeydown = onmousedown = () => {{ n++; {change} }};
const paint = () => {{ document.querySelector("p").textContent = n;
document.body.style.background = n % 2 ? "#fff" : "#ccc" }};
</script>"""
CHANGES = {
    "at once": "document.title = `t${n}`; paint()",
    "the title first": "document.title = `t${n}`; setTimeout(paint, 50)",
    "the title only": "document.title = `t${n}`",
    "with spaces and signs": "document.title = `t${n}  <b>&amp;\\n ü`; paint()",
}


@pytest.mark.parametrize("action", [Press("x"), Click(Point(300, 300))], ids=["key", "click"])
@pytest.mark.parametrize("change", CHANGES)
async def test_the_title_told_is_the_one_the_page_has_given_itself(
    change: str, action: Action, direct: tuple[Desktop, str]
) -> None:
    desktop, _ = direct
    await desktop.open(f"data:text/html,{quote(TITLED.format(change=CHANGES[change]))}")
    await desktop.wait_until_still(10)
    for number in range(1, 6):
        frame = await desktop.do(action, show="always")
        assert frame.window.startswith(f"t{number}"), frame
    await desktop.do(Press("ctrl+w"), show="never")


async def test_the_title_told_is_that_of_the_page_or_the_tab_gone_to(
    direct: tuple[Desktop, str],
) -> None:
    desktop, host = direct
    await desktop.open(f"http://{host}/page?way=one request&d=0")
    await desktop.open(f"http://{host}/page?way=a new page&d=150")
    at = middle(await desktop.wait_until_still(10, show="always"), colour(0))
    for _ in range(3):
        frame = await desktop.do(Press("ctrl+Prior"))
        assert frame.window.startswith("one request"), frame
        frame = await desktop.do(Press("ctrl+Next"))
        assert frame.window.startswith("a new page"), frame
    frame = await desktop.do(
        Click(Point(at.x - SQUARE[0] + BUTTON[0], at.y - SQUARE[1] + BUTTON[1]))
    )
    assert frame.window.startswith("a new page"), frame
    frame = await desktop.do(Press("alt+Left"))
    assert frame.window.startswith("a new page"), frame
    for _ in range(2):
        await desktop.do(Press("ctrl+w"), show="never")


async def test_a_window_that_closes_is_not_waited_for(direct: tuple[Desktop, str]) -> None:
    desktop, _ = direct
    await desktop.open("xterm")
    frame = await desktop.do(Press("alt+F4"))
    assert frame.end is End.STILL
    assert "xterm" not in frame.window.lower()


# Places that have changed since the caller was shown them

CHANGING = """<!doctype html><title>changing</title>
<style>body { margin: 0; background: #eee }
div { position: absolute; width: 200px; height: 100px; background: #9bd }
#b { left: 400px } #c { left: 800px; animation: turn 0.5s linear infinite; border-radius: 20px }
@keyframes turn { to { transform: rotate(1turn) } }</style>
<div id=a></div><div id=b></div><div id=c></div><script>
onkeydown = () => setTimeout(() => { document.querySelector("#a").style.background = "#fa0" }, 4000)
</script>"""


async def test_a_click_on_what_has_changed_since_the_last_answer_is_stale(
    direct: tuple[Desktop, str],
) -> None:
    desktop, _ = direct
    await desktop.open(f"data:text/html,{quote(CHANGING)}")
    frame = await desktop.wait_until_still(3, show="always")
    top = middle(frame, (0x99, 0xBB, 0xDD)).y
    changes, stays, moves = Point(100, top), Point(500, top), Point(900, top)
    other = await desktop.look()
    for at in (changes, stays, moves):
        assert not (await desktop.do(Click(at))).stale
    frame = await desktop.do(Press("x"))
    known = frame.look
    await desktop.wait_until_changed(10, [0, top - 40, 200, top + 40])
    assert (await desktop.do(Click(changes), known=known)).stale
    assert (await desktop.do(Drag([changes, stays]), known=known)).stale
    assert not (await desktop.do(Click(stays), known=known)).stale
    assert not (await desktop.do(Click(moves), known=known)).stale
    assert not (await desktop.do(Click(changes))).stale  # told in the last answer
    assert other.look < known
    await desktop.do(Press("ctrl+w"), show="never")


# Requests in flight, as the kernel tells of them


@pytest.fixture
def traffic() -> Generator[Traffic]:
    traffic = Traffic(lambda: [os.getpid()])
    traffic.begin(time.monotonic())
    yield traffic
    assert traffic.known
    traffic.close()


class Served:
    """A connection to a server that answers when it is told to; the server is another process."""

    def __init__(self) -> None:
        code = (
            "import socket, sys\n"
            "listening = socket.create_server(('127.0.0.1', 0))\n"
            "print(listening.getsockname()[1], flush=True)\n"
            "connected, _ = listening.accept()\n"
            "for line in sys.stdin:\n"
            "    connected.sendall(line.encode())\n"
        )
        self.server = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.server.stdout
        self.socket = socket.create_connection(("127.0.0.1", int(self.server.stdout.readline())))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do

    def asks(self) -> None:
        self.socket.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n")

    def acknowledges(self) -> None:
        """As HTTP/2 does now and then: a window's update, in a record of TLS."""
        self.socket.sendall(bytes(35))

    def answers(self, size: int = 5) -> None:
        assert self.server.stdin
        self.server.stdin.write(b"here\n".rjust(size))
        self.server.stdin.flush()
        self.socket.recv(size)

    def close(self) -> None:
        self.socket.close()
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()


@pytest.fixture
def served() -> Generator[Served]:
    with closing(Served()) as served:
        yield served


def ends(traffic: Traffic) -> bool:
    """Whether nothing is in flight any more, soon."""
    until = time.monotonic() + 10
    while traffic.waiting() and time.monotonic() < until:
        time.sleep(0.01)
    return not traffic.waiting()


def test_a_connection_on_which_nothing_was_sent_is_no_request(
    traffic: Traffic, served: Served
) -> None:
    assert traffic.waiting() == 0


def test_a_request_is_in_flight_until_it_is_answered(traffic: Traffic, served: Served) -> None:
    served.asks()
    assert traffic.waiting() == 1
    served.answers()
    assert ends(traffic)


def test_the_second_request_on_a_connection_is_one_too(traffic: Traffic, served: Served) -> None:
    served.asks()
    assert traffic.waiting() == 1
    served.answers()
    served.asks()
    time.sleep(0.3)  # longer than an answer counts after it came
    assert traffic.waiting() == 1
    served.answers()
    assert ends(traffic)


@pytest.mark.parametrize(
    ("looked", "late"), [(True, 0), (False, 0), (False, 0.1)], ids=["looked", "at once", "late"]
)
def test_what_acknowledges_an_answer_is_no_request(
    traffic: Traffic, served: Served, looked: bool, late: float
) -> None:
    served.asks()
    if looked:
        assert traffic.waiting() == 1
    served.answers()
    time.sleep(late)
    served.acknowledges()
    if looked:
        assert ends(traffic)
    else:  # it may as well be a request that was sent when the first had been answered
        assert traffic.waiting() == 1
    traffic.begin(time.monotonic() + 6)  # as if six seconds had passed: it is no long poll
    traffic.begin(time.monotonic())
    served.asks()
    time.sleep(1.1)  # longer than anything of which it is not known whether it asks
    assert traffic.waiting() == 1


def test_a_request_counts_while_another_connection_listens(
    traffic: Traffic, served: Served
) -> None:
    """Whichever of the two was made first."""
    with closing(socket.create_connection(served.socket.getpeername())) as listening:
        served.asks()
        served.answers()
        assert traffic.waiting() == 1
        listening.sendall(b"GET /news HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n")
        assert traffic.waiting() == 2
        traffic.begin(time.monotonic() + 6)  # as if six seconds had passed without an answer
        traffic.begin(time.monotonic())
        time.sleep(0.05)
        traffic.begin(time.monotonic())
        assert traffic.waiting() == 0
        served.asks()
        assert traffic.waiting() == 1


def test_a_request_beside_a_long_poll_on_one_connection_counts_until_it_is_known_to_be_none(
    traffic: Traffic, served: Served
) -> None:
    served.asks()
    time.sleep(0.05)
    traffic.begin(time.monotonic() + 6)  # as if six seconds had passed without an answer
    traffic.begin(time.monotonic())
    assert traffic.waiting() == 0
    served.asks()
    time.sleep(1.1)  # longer than anything of which it is not known whether it asks
    assert traffic.waiting() == 1
    served.answers()
    assert ends(traffic)
    served.asks()
    traffic.begin(time.monotonic() + 6)
    traffic.begin(time.monotonic())
    served.answers()  # news, and nothing is asked at once
    assert ends(traffic)
    traffic.begin(time.monotonic())
    served.asks()
    assert traffic.waiting() == 1
    served.answers()
    served.asks()
    traffic.begin(time.monotonic() + 6)
    traffic.begin(time.monotonic())
    served.asks()  # such as news of a WebSocket that nobody answers
    assert traffic.waiting() == 1
    traffic.begin(time.monotonic() + 6)
    traffic.begin(time.monotonic())
    served.asks()
    assert traffic.waiting() == 0


@pytest.mark.parametrize("answer", ["an older request", "a ping"])
def test_an_answer_to_something_else_on_one_connection_is_not_taken_for_that_of_a_request(
    traffic: Traffic, served: Served, answer: str
) -> None:
    if answer == "an older request":
        served.asks()
        assert traffic.waiting() == 1
        time.sleep(0.05)  # more than the kernel's clock is coarse
        traffic.begin(time.monotonic())
    served.asks()
    assert traffic.waiting() == 1
    served.answers(5 if answer == "an older request" else 39)  # as HTTP/2 does over TLS
    time.sleep(0.3)  # longer than an answer counts after it came
    assert traffic.waiting() == 1
    served.answers()
    assert ends(traffic)


def test_a_request_that_was_sent_before_the_action_does_not_count(
    traffic: Traffic, served: Served
) -> None:
    served.asks()
    time.sleep(0.05)  # more than the kernel's clock is coarse
    traffic.begin(time.monotonic())
    assert traffic.waiting() == 0


def test_a_long_poll_that_is_begun_anew_does_not_hold_once_it_is_known(
    traffic: Traffic, served: Served
) -> None:
    served.asks()
    time.sleep(0.05)
    traffic.begin(time.monotonic() + 6)  # as if six seconds had passed without an answer
    traffic.begin(time.monotonic())
    served.answers()
    served.asks()
    assert ends(traffic)


def test_what_the_other_side_of_a_connection_sends_is_no_request(traffic: Traffic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        code = (
            "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
            "s.recv(9); print(flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(listening.getsockname()[1])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as client:  # fmt: skip
            connected, _ = listening.accept()
            with connected:
                connected.sendall(b"news")
                assert client.stdout
                client.stdout.readline()
                assert traffic.waiting() == 0
            client.communicate()


def test_requests_of_other_programs_do_not_count(served: Served) -> None:
    traffic = Traffic(lambda: [served.server.pid])
    traffic.begin(time.monotonic())
    served.asks()
    assert traffic.waiting() == 0
    traffic.close()


# What is only the look of a pressed thing

BLANK = np.zeros((400, 640, 4), np.uint8)
AT = Point(200, 100)


def painted(*rects: tuple[int, int, int, int]) -> bool:
    after = BLANK.copy()
    for x, y, width, height in rects:
        after[y : y + height, x : x + width] = 200
    return local(BLANK, after, [AT, Point(500, 300)])


@pytest.mark.parametrize(
    ("rects", "only"),
    [
        ([], True),
        ([(150, 80, 100, 40)], True),
        ([(150, 80, 100, 1), (150, 119, 100, 1)], False),
        ([(150, 90, 100, 1), (150, 110, 100, 1), (150, 90, 1, 20), (249, 90, 1, 20)], True),
        ([(150, 80, 100, 40), (450, 290, 100, 20)], True),
        ([(150, 80, 100, 40), (300, 200, 20, 10)], False),
        ([(0, 0, 640, 400)], False),
        ([(100, 60, 200, 200)], False),
        ([(400, 90, 60, 20)], False),
        ([(600, 396, 40, 4)], False),
    ],
    ids=[
        "nothing", "a button", "two lines", "its outline", "it and the one before",
        "it and a number", "all", "a card", "beside it", "in the last rows",
    ],
)  # fmt: skip
def test_only_what_is_small_and_under_the_pointer_is_the_look_of_what_was_pressed(
    rects: list[tuple[int, int, int, int]], only: bool
) -> None:
    assert painted(*rects) is only

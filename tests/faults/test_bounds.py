"""Whatever a program says to the X server, answers and memory stay bounded, and seeing goes on."""

import random
import resource
import struct
import threading
import time
import unicodedata
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from answers import call, facts, refusal, text
from desks import session_of
from mcp import Client
from mcp_types import CallToolResult, ImageContent, TextContent
from processes import until
from Xlib import X, Xatom, error
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from gloveport.sandbox.accessibility.element import Element
from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.geometry import Rect
from gloveport.sandbox.imaging.image import Picture
from gloveport.sandbox.secrets.store import SecretStore
from gloveport.sandbox.x11.selections import LONGEST_READ
from gloveport.server.mcp.wire import encoded
from gloveport.server.tools.encode import redacted, said

LONGEST_NAME = 200
LONGEST_ANSWER = 1_000_000
PIECE = 200_000  # bytes that one request holds without BIG-REQUESTS
MUCH = 400_000


class Hostile:
    """A program that has its own idea of what X is for; one window."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.root = display.screen().root
        display.set_error_handler(lambda failure, request: None)

    def window(self, *, override: bool = False) -> Window:
        return self.root.create_window(
            20, 40, 300, 200, 0, X.CopyFromParent, override_redirect=override,
            event_mask=X.StructureNotifyMask,
        )  # fmt: skip

    def put(self, window: Window, name: str, kind: str, data: bytes) -> None:
        """A property of any length, in pieces."""
        atom, kind_atom = self.display.intern_atom(name), self.display.intern_atom(kind)
        for start in range(0, max(1, len(data)), PIECE):
            mode = X.PropModeAppend if start else X.PropModeReplace
            window.change_property(atom, kind_atom, 8, data[start : start + PIECE], mode)
        self.display.sync()

    def numbers(self, window: Window, name: str, kind: int, count: int) -> None:
        atom = self.display.intern_atom(name)
        piece = PIECE // 4
        for start in range(0, count, piece):
            mode = X.PropModeAppend if start else X.PropModeReplace
            values = list(range(start + 1, start + 1 + min(piece, count - start)))
            window.change_property(atom, kind, 32, values, mode)
        self.display.sync()

    def show(self, window: Window) -> None:
        window.map()
        self.display.sync()
        assert until(lambda: window.get_attributes().map_state == X.IsViewable)


@pytest.fixture
def hostile(desktop: Desktop) -> Generator[Hostile]:
    display = session_of(desktop).x.connect()
    yield Hostile(display)
    with suppress(error.ConnectionClosedError):
        display.close()


def clean(words: str) -> bool:
    return all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Cn") for one in words)


NASTY = "a\x1b[31m\x00\u202ereversed\u2066\nline\ttab\u200b" + "\U000e0041"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_NET_WM_NAME", "UTF8_STRING"),
        ("_NET_WM_NAME", "STRING"),
        ("_NET_WM_VISIBLE_NAME", "UTF8_STRING"),
        ("WM_NAME", "STRING"),
        ("WM_NAME", "COMPOUND_TEXT"),
        ("WM_NAME", "INTEGER"),
        ("WM_CLASS", "STRING"),
    ],
)
async def test_what_a_window_is_called_is_short_and_clean(
    agent: Client, hostile: Hostile, name: str, kind: str
) -> None:
    window = hostile.window()
    hostile.put(window, "_NET_WM_NAME", "UTF8_STRING", b"first")
    hostile.show(window)
    for sign in ("x", "中", "\x01", "\u202e", NASTY):
        said = ("start\0start" if name == "WM_CLASS" else "start") + sign * (MUCH // len(sign))
        encoding = "utf-8" if kind == "UTF8_STRING" else "latin-1"
        hostile.put(window, name, kind, said.encode(encoding, "replace"))
        facts(await call(agent, "windows"))
        for tool in ("windows", "screenshot", "read_screen"):
            answer = text(await call(agent, tool))
            assert len(answer) < 5_000, tool
            assert clean(answer.replace("\n", "")), tool
        (found,) = facts(await call(agent, "windows"))["windows"]
        assert len(found["title"]) <= LONGEST_NAME
        assert len(found["application"]) <= LONGEST_NAME
        if name == "WM_CLASS":
            assert found["application"].startswith("start")
            whole = found["application"]
            chosen = facts(await call(agent, "windows", action="focus", window=whole))
            assert chosen["ok"]


@pytest.mark.parametrize("count", [0, 1, 40, 400_000])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_NET_WM_WINDOW_TYPE", Xatom.ATOM),
        ("_NET_WM_STATE", Xatom.ATOM),
        ("_NET_WM_PID", Xatom.CARDINAL),
        ("WM_PROTOCOLS", Xatom.ATOM),
    ],
)
async def test_numbers_of_any_kind_are_taken(
    agent: Client, hostile: Hostile, name: str, kind: int, count: int
) -> None:
    window = hostile.window()
    hostile.numbers(window, name, kind, count)
    hostile.show(window)
    for tool in ("windows", "screenshot", "read_screen"):
        answer = await call(agent, tool)
        assert not answer.is_error, text(answer)
        assert len(text(answer)) < 5_000
    facts(await call(agent, "left_click", coordinate=[100, 100]))


@contextmanager
def storming(desktop: Desktop, send: Callable[[Hostile, int], None], rate: int) -> Generator[None]:
    """What a program does so many times a second."""
    over = threading.Event()

    def storm() -> None:
        with suppress(error.ConnectionClosedError, OSError):
            began, sent = time.monotonic(), 0
            while not over.wait(0.002):
                due = int((time.monotonic() - began) * rate)
                for number in range(sent, due):
                    send(one, number)
                sent = due
                one.display.flush()

    one = Hostile(session_of(desktop).x.connect())
    thread = threading.Thread(target=storm)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(error.ConnectionClosedError):
            one.display.close()


def lie(one: Hostile, number: int) -> None:
    """Tell the root window that a window is elsewhere."""
    said = event.ConfigureNotify(
        event=one.root, window=one.root, above_sibling=X.NONE, x=number % 100, y=0, width=100,
        height=100, border_width=0, override=0,
    )  # fmt: skip
    one.root.send_event(said, event_mask=X.StructureNotifyMask | X.SubstructureNotifyMask)


@pytest.mark.parametrize("rate", [500, 5_000])
async def test_a_storm_of_events_stops_no_seeing(
    desktop: Desktop, agent: Client, rate: int
) -> None:
    with storming(desktop, lie, rate):
        for _ in range(3):
            facts(await call(agent, "screenshot"))
            facts(await call(agent, "left_click", coordinate=[5, 5]))
            facts(await call(agent, "key", text="a"))
            assert not (await call(agent, "read_screen")).is_error


def raw(kind: int, window: int, mask: int, body: bytes) -> bytes:
    """A SendEvent request (X11 protocol) with an event of any kind and content."""
    return struct.pack("=BBHII", 25, 0, 11, window, mask) + bytes([kind]) + body[:31]


@pytest.mark.parametrize("seed", range(3))
async def test_events_of_any_kind_and_content_harm_nothing(
    desktop: Desktop, agent: Client, seed: int
) -> None:
    """SendEvent lets a program send what only the server should."""
    chance = random.Random(seed)
    facts(await call(agent, "clipboard", action="write", text="ours"))
    ours = desktop.runtime.clipboard.window
    with desktop.watch() as viewer:
        one = Hostile(session_of(desktop).x.connect())
        masks = (0, X.StructureNotifyMask, X.SubstructureNotifyMask, X.PropertyChangeMask, 0xFFFFFF)
        for kind in range(2, 128):
            for _ in range(20):
                body = chance.choice((bytes(31), b"\xff" * 31, chance.randbytes(31)))
                for window in (one.root.id, ours):
                    request = raw(kind, window, chance.choice(masks), body)
                    one.display.display.socket.sendall(request)
        one.display.display.socket.close()
        assert not (await call(agent, "left_click", coordinate=[5, 5])).is_error
        assert viewer
        facts(await call(agent, "screenshot"))
        facts(await call(agent, "key", text="a"))
        assert not (await call(agent, "read_screen")).is_error
        facts(await call(agent, "clipboard", action="write", text="again"))
        assert facts(await call(agent, "clipboard"))["text"] == "again"
    assert not session_of(desktop).lost.is_set()
    parts = desktop.runtime
    for thread in ("gloveport-watcher", "gloveport-clipboard"):
        assert any(one.name == thread for one in threading.enumerate())
    assert not parts.watcher.cut
    assert not parts.clipboard.cut


class Owner:
    """A program that owns the clipboard and answers as it likes, on a thread of its own."""

    def __init__(self, hostile: Hostile, answer: Callable[["Owner", Any], None]) -> None:
        self.hostile, self.display = hostile, hostile.display
        self.answer = answer
        self.over = threading.Event()
        self.sent = 0
        """Bytes that were handed out."""
        self.asked = 0
        self.window = hostile.window()
        self.window.set_selection_owner(self.atom("CLIPBOARD"), X.CurrentTime)
        self.display.sync()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def atom(self, name: str) -> int:
        return self.display.intern_atom(name)

    def notify(self, asked: Any, place: int) -> None:
        said = event.SelectionNotify(
            time=asked.time, requestor=asked.requestor, selection=asked.selection,
            target=asked.target, property=place,
        )  # fmt: skip
        asked.requestor.send_event(said)
        self.display.flush()

    def put(self, asked: Any, kind: str, data: bytes) -> None:
        asked.requestor.change_property(asked.property, self.atom(kind), 8, data)
        self.sent += len(data)

    def close(self) -> None:
        self.over.set()
        self.thread.join()

    def _serve(self) -> None:
        with suppress(error.ConnectionClosedError, OSError):
            while not self.over.wait(0.005):
                while self.display.pending_events():
                    seen = self.display.next_event()
                    if isinstance(seen, event.SelectionRequest):
                        self.asked += 1
                        self.answer(self, seen)


@contextmanager
def owning(hostile: Hostile, answer: Callable[[Owner, Any], None]) -> Generator[Owner]:
    owner = Owner(hostile, answer)
    try:
        yield owner
    finally:
        owner.close()


def feed(owner: Owner, asked: Any) -> None:
    """Pieces without end."""
    asked.requestor.change_attributes(event_mask=X.PropertyChangeMask)
    asked.requestor.change_property(asked.property, owner.atom("INCR"), 32, [100])
    owner.notify(asked, asked.property)
    while not owner.over.wait(0.001) and owner.sent < 100_000_000:
        while owner.display.pending_events():
            seen = owner.display.next_event()
            if isinstance(seen, event.PropertyNotify) and seen.state == X.PropertyDelete:
                owner.put(asked, "UTF8_STRING", b"x" * PIECE)
                owner.display.flush()


def put_much(owner: Owner, asked: Any) -> None:
    """One property of more than is read."""
    for _ in range(2 + LONGEST_READ // PIECE):
        asked.requestor.change_property(
            asked.property, owner.atom("UTF8_STRING"), 8, b"x" * PIECE, X.PropModeAppend
        )
    owner.notify(asked, asked.property)


@pytest.mark.parametrize("answer", [feed, put_much])
async def test_a_clipboard_without_end_is_not_read_to_it(
    desktop: Desktop, agent: Client, hostile: Hostile, answer: Callable[[Owner, Any], None]
) -> None:
    with owning(hostile, answer) as owner:
        said = refusal(await call(agent, "clipboard"))
        assert "more text than" in said
        assert len(said) <= 400
        sent = owner.sent
        facts(await call(agent, "screenshot"))
        assert owner.sent <= sent + PIECE < 2 * MUCH * 10
    facts(await call(agent, "clipboard", action="write", text="ours"))
    assert facts(await call(agent, "clipboard"))["text"] == "ours"


def put_numbers(owner: Owner, asked: Any) -> None:
    asked.requestor.change_property(asked.property, owner.atom("UTF8_STRING"), 32, [2**32 - 1] * 9)
    owner.notify(asked, asked.property)


def put_nothing(owner: Owner, asked: Any) -> None:
    owner.notify(asked, asked.property)


def put_numbers_in_pieces(owner: Owner, asked: Any) -> None:
    asked.requestor.change_property(asked.property, owner.atom("INCR"), 32, [100])
    owner.notify(asked, asked.property)
    assert until(lambda: asked.requestor.get_property(asked.property, 0, 0, 1) is None)
    put_numbers(owner, asked)


@pytest.mark.parametrize("answer", [put_numbers, put_nothing, put_numbers_in_pieces])
async def test_a_clipboard_of_no_text_is_answered_so(
    agent: Client, hostile: Hostile, answer: Callable[[Owner, Any], None]
) -> None:
    with owning(hostile, answer):
        for _ in range(3):
            assert not facts(await call(agent, "clipboard"))["text"]
    facts(await call(agent, "clipboard", action="write", text="ours"))
    assert facts(await call(agent, "clipboard"))["text"] == "ours"


async def test_an_answer_that_comes_too_late_is_not_that_of_the_next_question(
    agent: Client, hostile: Hostile
) -> None:
    waiting: list[Any] = []

    def late(owner: Owner, asked: Any) -> None:
        if not waiting:
            waiting.append(asked)
            return
        first = waiting[0]
        for one, text_ in ((first, b"of the first"), (asked, b"of the second")):
            owner.put(one, "UTF8_STRING", text_)
            owner.notify(one, one.property)

    with owning(hostile, late):
        assert "did not hand it out" in refusal(await call(agent, "clipboard"))
        assert facts(await call(agent, "clipboard"))["text"] == "of the second"


async def test_texts_of_requestors_that_are_gone_are_not_kept(
    desktop: Desktop, agent: Client, hostile: Hostile
) -> None:
    facts(await call(agent, "clipboard", action="write", text="x" * 900_000))
    clipboard, display = hostile.display.intern_atom("CLIPBOARD"), hostile.display
    place, kind = display.intern_atom("_PLACE"), display.intern_atom("UTF8_STRING")
    before = memory()
    windows: list[Window] = []
    for _ in range(300):
        windows.append(hostile.window())
        windows[-1].convert_selection(clipboard, kind, place, X.CurrentTime)
    display.sync()
    assert until(lambda: windows[-1].get_property(place, 0, 0, 1) is not None)
    assert memory() - before < 100_000_000  # a copy for each would be 270 MB
    for window in windows:
        window.destroy()
    display.sync()
    facts(await call(agent, "clipboard", action="write", text="short"))
    assert facts(await call(agent, "clipboard"))["text"] == "short"


def memory() -> int:
    """Bytes of this process, the server's, that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_what_was_read_is_not_kept_for_ever(desktop: Desktop, agent: Client) -> None:
    facts(await call(agent, "open", target="mousepad"))
    facts(await call(agent, "wait_for", event="window", text="mousepad", seconds=20))
    found: list[Element] = []
    with anyio.fail_after(40):
        while not found:
            found = (await desktop.read())[1].elements
    elements = desktop.runtime.elements
    first = next(one for one in found if one.eye == "tree")
    known = elements.known(first)
    for number in range(45_000):
        identity = ((known.node.key[0], f"/renewed/{number}"), None)
        made = elements.refs.keep(identity, known)
        assert made == elements.refs.keep(identity, known)
    assert len(elements.refs) == 20_000
    assert not known.top.nodes
    gone = refusal(await call(agent, "click_element", target=first.ref))
    assert f"There is no element '{first.ref}'" in gone


async def test_texts_read_off_pixels_are_not_kept_for_ever(desktop: Desktop, agent: Client) -> None:
    facts(await call(agent, "screenshot"))
    sight = desktop.runtime.sight
    named: set[str] = set()
    for number in range(5_000):
        rect = Rect(number % 600, number % 400, 40, 20)
        made = sight.text(f"text {number}", rect, 0)
        named.add(made.ref)
        again = sight.text(f"text {number}", rect, 0)
        assert again.ref == made.ref
    assert len(named) == 5_000
    assert len(sight.refs) == 2000
    assert sight.resolve("o5000").name == "text 4999"
    assert "There is no element 'o1'" in refusal(await call(agent, "click_element", target="o1"))


@pytest.mark.parametrize("sign", ["x", "\x01", '"', "中", "😀"])
async def test_an_answer_is_never_longer_than_a_million_characters(
    desktop: Desktop, agent: Client, hostile: Hostile, sign: str
) -> None:
    whole = sign * (4_000_000 // len(sign.encode()))

    def answer(owner: Owner, asked: Any) -> None:
        if asked.property:
            for start in range(0, len(whole), PIECE // 4):
                asked.requestor.change_property(
                    asked.property, asked.target, 8,
                    whole[start : start + PIECE // 4].encode(), X.PropModeAppend,
                )  # fmt: skip
            owner.notify(asked, asked.property)

    with owning(hostile, answer):
        result = await call(agent, "clipboard")
    assert len(text(result)) <= LONGEST_ANSWER
    found = facts(result)
    assert whole.startswith(found["text"])
    assert len(found["text"]) > 80_000
    assert ("cut" in found) == (found["text"] != whole)


@pytest.mark.parametrize(
    "told",
    [
        {"ok": True, "windows": [{"title": '"' * 200, "rect": [1, 2, 3, 4]}] * 10_000},
        {"ok": True, "text": "\x00" * 2_000_000},
        {"ok": True, "a": {"b": ["x" * 600_000, "y" * 600_000]}, "c": "z" * 600_000},
        {"ok": True, "many": [[n] for n in range(400_000)]},
    ],
)
@pytest.mark.parametrize("picture", [None, Picture(b"x" * 500_000, "image/png", 10, 10)])
def test_answers_are_cut_where_they_are_longest(
    told: dict[str, Any], picture: Picture | None
) -> None:
    result = encoded(redacted(said(told, picture), SecretStore()), SecretStore())
    assert isinstance(result, CallToolResult)
    length = sum(
        len(one.text if isinstance(one, TextContent) else one.data)
        for one in result.content
        if isinstance(one, TextContent | ImageContent)
    )
    assert 100_000 < length <= LONGEST_ANSWER
    found = facts(result)
    assert found["ok"]
    assert "only the beginning" in found["cut"]

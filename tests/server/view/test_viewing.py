"""People at a desktop: a real VNC client on a real WebSocket sees it and acts on it."""

import os
import signal
import subprocess
import threading
import time
from contextlib import AsyncExitStack, suppress
from io import BytesIO
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
import pytest
from answers import call, facts
from copier import Copier
from desks import session_of
from fields import field
from mcp import Client
from PIL import Image
from processes import until
from viewers import Chair, Viewer, viewing, watched
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from witness import Key, KeyUp, Press, Release, Witness
from Xlib.error import ConnectionClosedError

from gloveport.sandbox.actions import KeyDown, Wait
from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.errors import DesktopLost
from gloveport.sandbox.imaging.image import Pixels
from gloveport.sandbox.screen.stream_redaction import TOLD_WITHIN
from gloveport.sandbox.secrets.store import SecretStore
from gloveport.sandbox.x11.keymap import Keymap, keysym
from gloveport.server.mcp.server import DesktopServer
from gloveport.server.view.rfb import Encoding

BLUE, GREEN, RED = 0x3366CC, 0x00FF00, 0xFF0000  # the witness is blue
SHIFT, CONTROL = 1, 4
SHIFT_L, CONTROL_L, ALT_GR = 0xFFE1, 0xFFE3, 0xFE03
MODE = ("20", "500", "510", "520", "530", "300", "301", "302", "303")  # of 500x300
NOISE = 20  # levels; JPEG of quality 85 was seen to be off by 12
PATIENCE = 10  # seconds


async def screen(desktop: Desktop) -> Pixels:
    """The screen as it is, as red, green, blue."""
    image = Image.open(BytesIO((await desktop.lossless()).data)).convert("RGB")
    return np.asarray(image)[..., ::-1]


def noise(witness: Witness) -> None:
    """Paint what no encoder can guess."""
    for step in range(60):
        witness.paint(step * 0x3B1D05 & 0xFFFFFF, 200 + step * 3, 100 + step % 7 * 9, 17, 23)


@pytest.mark.parametrize(
    ("encodings", "kinds"),
    [
        ([Encoding.RAW], {"raw"}),
        ([Encoding.TIGHT, Encoding.RAW], {"fill", "deflated"}),
    ],
)
async def test_a_viewer_sees_the_screen_pixel_for_pixel(
    desktop: Desktop, witness: Witness, encodings: list[int], kinds: set[str]
) -> None:
    async with watched(desktop) as url, viewing(url, encodings) as viewer:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        noise(witness)
        witness.paint(GREEN, 600, 440, 40, 40)
        await viewer.see_until(lambda one: one.colour(639, 479) == GREEN)
        assert (viewer.pixels[..., :3] == await screen(desktop)).all()
        assert viewer.kinds == kinds


async def test_a_photograph_is_sent_as_jpeg_and_looks_like_it(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        x, y = np.mgrid[0:128, 0:128]
        photograph = np.stack([x + y, x * 2, 200 - y, x], axis=-1).astype(np.uint8)
        photograph += np.random.default_rng(7).integers(0, 9, photograph.shape, np.uint8)
        witness.put(photograph.tobytes(), 128, 128)
        witness.paint(GREEN, 600, 440, 40, 40)
        await viewer.see_until(lambda one: one.colour(639, 479) == GREEN)
        seen = viewer.pixels[..., :3].astype(int)
        off = np.abs(seen - await screen(desktop))
        assert "jpeg" in viewer.kinds
        assert off.mean() < NOISE / 10
        assert off[128:].max() == 0


async def test_only_what_changed_is_sent(desktop: Desktop, witness: Witness) -> None:
    async with watched(desktop) as url, viewing(url, [Encoding.TIGHT]) as viewer:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        await anyio.to_thread.run_sync(witness.saw_nothing)
        before = viewer.rectangles
        witness.paint(GREEN, 10, 10, 5, 5)
        await viewer.see_until(lambda one: one.colour(12, 12) == GREEN)
        assert viewer.rectangles == before + 1


async def test_a_viewer_sees_while_the_desktop_is_busy(desktop: Desktop, witness: Witness) -> None:
    async with watched(desktop) as url, viewing(url) as viewer, anyio.create_task_group() as tasks:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        tasks.start_soon(desktop.do, Wait(30))
        await anyio.lowlevel.checkpoint()
        witness.paint(GREEN, 10, 10, 5, 5)
        await viewer.see_until(lambda one: one.colour(12, 12) == GREEN)
        tasks.cancel_scope.cancel()


async def test_a_slow_viewer_is_sent_the_last_state_not_the_way_there(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as slow, viewing(url) as fast:
        for viewer in (slow, fast):
            await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        before = slow.rectangles
        for step in range(20):
            colour = GREEN + step + 1
            witness.paint(colour, 10, 10, 5, 5)
            await fast.see_until(lambda one, colour=colour: one.colour(12, 12) == colour)
        await slow.see_until(lambda one: one.colour(12, 12) == GREEN + 20)
        assert slow.rectangles == before + 1


async def test_a_request_for_everything_is_answered_at_once(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        await viewer.ask()  # nothing changes
        viewer.pixels[:] = 0
        await viewer.see(everything=True)
        assert viewer.colour(5, 5) == BLUE


async def test_a_viewer_sees_the_shape_and_place_of_the_pointer(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see()
        await desktop.point(77, 88, 0)
        await viewer.see_until(lambda one: one.pointer == (77, 88))
        before = viewer.cursor_seen.copy()
        assert viewer.cursor
        assert viewer.cursor[0] > 4
        width, _, x, _ = viewer.cursor
        assert x < width
        witness.wear_cursor(68)
        await viewer.see_until(lambda one: not np.array_equal(one.cursor_seen, before))


# Acting


async def test_who_drives_moves_clicks_scrolls_and_goes_back(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see()
        assert viewer.more_buttons
        for buttons in (1, 2, 4, 8, 1 << 7, 1 << 8):
            await viewer.point(31, 77, buttons)
            await viewer.point(31, 77, 0)
        seen = [await anyio.to_thread.run_sync(witness.saw) for _ in range(12)]
        for number, at in zip((1, 2, 3, 4, 8, 9), range(0, 12, 2), strict=True):
            assert seen[at : at + 2] == [Press(number, 31, 77), Release(number, 31, 77)]


async def the_end(socket: ClientConnection) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            await socket.recv()


async def saw(witness: Witness, count: int) -> list[object]:
    return [await anyio.to_thread.run_sync(witness.saw) for _ in range(count)]


async def test_keys_come_with_the_modifiers_as_they_are_held(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.tap(CONTROL_L, ord("a"))
        assert await saw(witness, 4) == [
            Key("Control_L"), Key("a", CONTROL), KeyUp("a", CONTROL), KeyUp("Control_L", CONTROL),
        ]  # fmt: skip
        await viewer.tap(SHIFT_L, ord("A"))
        assert await saw(witness, 4) == [
            Key("Shift_L"), Key("a", SHIFT), KeyUp("a", SHIFT), KeyUp("Shift_L", SHIFT),
        ]  # fmt: skip
        await viewer.tap(0xFF0D, 0xFF51)
        assert await saw(witness, 4) == [Key("Return"), Key("Left"), KeyUp("Left"), KeyUp("Return")]


async def test_a_key_repeats_as_often_as_on_the_person_s_side(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        for _ in range(3):
            await viewer.key(ord("a"), down=True)
        await anyio.sleep(0.9)  # the X server itself would repeat after 0.66 s
        await viewer.key(ord("a"), down=False)
        assert await saw(witness, 6) == [Key("a"), KeyUp("a")] * 3
        assert witness.saw_nothing()


@pytest.mark.parametrize("kind", ["gtk3", "xterm"])
async def test_characters_arrive_as_they_are(desktop: Desktop, tmp_path: Path, kind: str) -> None:
    """Those of other layouts, with the Shift or AltGr held that these want there."""
    with field(session_of(desktop), kind, tmp_path) as opened:
        await desktop.wait_until_still(5)
        async with watched(desktop) as url, viewing(url) as viewer:
            for char in "小米 ab":
                await viewer.tap(keysym(char))
            await viewer.tap(SHIFT_L, keysym("Ü"))
            await viewer.tap(SHIFT_L, keysym("/"))  # German
            await viewer.tap(ALT_GR, keysym("@"))
            await viewer.tap(keysym("B"))  # CapsLock
            await viewer.tap(0x6D6, 0x20AC, 0xFFB7)  # Cyrillic v, Euro, the keypad's 7
            assert await anyio.to_thread.run_sync(opened.holds, "小米 abÜ/@Bж€7"), opened.value()


async def test_a_viewer_who_may_not_act_moves_presses_and_types_nothing(
    desktop: Desktop, witness: Witness
) -> None:
    chair = Chair(acts=False)
    async with watched(desktop, chair) as url, viewing(url) as viewer:
        await viewer.see()
        before = (await desktop.look(show="never")).cursor
        await viewer.point(123, 45, 1)
        await viewer.point(123, 45, 0)
        await viewer.tap(ord("a"))
        await viewer.tap(CONTROL_L, ord("c"))
        await viewer.see(everything=True)  # all of it has been read
        assert await anyio.to_thread.run_sync(witness.saw_nothing)
        assert (await desktop.look(show="never")).cursor == before
        chair.change(acts=True)
        await viewer.tap(ord("b"))
        assert await saw(witness, 2) == [Key("b"), KeyUp("b")]


async def test_what_is_held_is_released_when_the_socket_ends(
    desktop: Desktop, witness: Witness
) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.point(7, 8, 1)
        await viewer.key(SHIFT_L, down=True)
        assert await saw(witness, 2) == [Press(1, 7, 8), Key("Shift_L")]
        viewer.socket.transport.abort()
        assert await saw(witness, 2) == [KeyUp("Shift_L", SHIFT), Release(1, 7, 8)]


async def test_what_is_held_is_released_when_another_takes_over(
    desktop: Desktop, witness: Witness
) -> None:
    chair = Chair()
    async with watched(desktop, chair) as url, viewing(url) as viewer:
        await viewer.key(CONTROL_L, down=True)
        assert await saw(witness, 1) == [Key("Control_L")]
        chair.change(acts=False)
        assert await saw(witness, 1) == [KeyUp("Control_L", CONTROL)]


async def test_what_an_agent_holds_stays_when_a_person_goes(
    desktop: Desktop, witness: Witness
) -> None:
    await desktop.do(KeyDown("shift"), show="never")
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.tap(CONTROL_L)
        seen = await saw(witness, 3)
    assert seen == [Key("Shift_L"), Key("Control_L", SHIFT), KeyUp("Control_L", SHIFT | CONTROL)]
    assert witness.saw_nothing()
    assert desktop.holding


async def test_a_person_comes_before_turns_that_wait(desktop: Desktop, witness: Witness) -> None:
    async with watched(desktop) as url, viewing(url) as viewer, anyio.create_task_group() as tasks:
        await viewer.see()
        tasks.start_soon(desktop.do, Wait(0.5))
        await anyio.sleep(0.1)
        tasks.start_soon(desktop.do, Wait(30))
        await anyio.sleep(0.1)
        await viewer.point(3, 4, 1)
        assert await saw(witness, 1) == [Press(1, 3, 4)]
        tasks.cancel_scope.cancel()


# The clipboard


async def test_text_goes_both_ways_in_chinese(desktop: Desktop) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see()
        await viewer.cut("小米\nÜber")
        with anyio.fail_after(PATIENCE):
            while await desktop.clipboard() != "小米\nÜber":  # noqa: ASYNC110 - of X
                await anyio.sleep(0.01)
        copying = Copier(session_of(desktop).x, "来自桌面\n2")
        assert await viewer.hear() == "来自桌面\n2"
        copying.close()


async def test_an_old_client_hears_latin_letters(desktop: Desktop) -> None:
    async with watched(desktop) as url, viewing(url, [Encoding.RAW]) as viewer:
        await viewer.see()
        copying = Copier(session_of(desktop).x, "Übung")
        assert await viewer.hear() == "Übung"
        copying.close()


# What is kept from viewers


async def test_a_hidden_screen_is_blank_until_it_is_shown_again(
    desktop: Desktop, witness: Witness
) -> None:
    chair = Chair()
    async with watched(desktop, chair) as url, viewing(url) as viewer:
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        await viewer.ask()
        chair.change(hidden=True)
        await viewer.take_update()
        assert not viewer.pixels[..., :3].any()
        await viewer.ask(everything=True)
        witness.paint(GREEN, 10, 10, 5, 5)
        with pytest.raises(TimeoutError):
            await viewer.take_update(0.3)
        chair.change(hidden=False)
        await viewer.see_until(lambda one: one.colour(12, 12) == GREEN)
        assert viewer.colour(5, 5) == BLUE


def squares(viewer: Viewer) -> int:
    """How many places look like a part of a large black square."""
    dark = viewer.pixels[..., :3].max(axis=-1) < 10
    return int(np.lib.stride_tricks.sliding_window_view(dark, (6, 6)).all(axis=(2, 3)).sum())


async def test_a_secret_is_at_no_moment_seen_by_who_watches(tmp_path: Path, keymap: Keymap) -> None:
    vault = SecretStore.of({"BLACK": "■■■■■■■■"})
    settings = DesktopOptions(tmp_path / "d", width=800, height=600, vault=vault)
    async with (
        open_desktop(settings, keymap) as desktop,
        Client(DesktopServer(desktop)) as client,
        watched(desktop) as url,
        viewing(url, [Encoding.TIGHT]) as viewer,
        anyio.create_task_group() as tasks,
    ):
        with field(session_of(desktop), "gtk3", tmp_path, "form"):
            await call(client, "wait_for", event="enabled", text="Apply", role="button")
            await viewer.see_until(lambda one: bool(one.pixels.any()))
            await viewer.see(everything=True)
            usual, seen = squares(viewer), [0]
            await call(client, "type", text="■■■■■■■■", into="Name")
            await viewer.see_until(lambda one: squares(one) > usual)  # so it would be seen
            await call(client, "key", text="ctrl+a BackSpace")
            await viewer.see_until(lambda one: squares(one) == usual)

            async def watch() -> None:
                while True:
                    await viewer.ask()
                    await viewer.take_update(60)
                    seen.append(squares(viewer))

            tasks.start_soon(watch)
            typed = await call(client, "type", secret="BLACK", into="Name")
            assert facts(typed)["typed"] == "unverified: a secret is not read back"
            for x in (40, 0, 30):
                await call(client, "windows", action="move", window="form", rect=[x, x, 700, 500])
            await anyio.sleep(2 * TOLD_WITHIN)
            assert len(seen) > 5
            assert max(seen) <= usual
            assert np.array_equal(viewer.pixels[..., :3], await screen(desktop))
            tasks.cancel_scope.cancel()


# Ends


async def test_messages_may_come_in_pieces_of_any_size(desktop: Desktop, witness: Witness) -> None:
    async with watched(desktop) as url, connect(url, proxy=None) as socket:
        bytes_sent = (
            b"RFB 003.008\n\x01\x01" + bytes.fromhex("00000000 20180001 00ff00ff00ff 000810")
            + bytes(3) + bytes.fromhex("02000001 00000000 04010000 00000061 04000000 00000061")
        )  # fmt: skip
        for at in range(len(bytes_sent)):
            await socket.send(bytes_sent[at : at + 1])
        assert await saw(witness, 2) == [Key("a"), KeyUp("a")]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "Only RFB 3.8 is spoken here."),
        (b"RFB 003.003\n", "Only RFB 3.8 is spoken here."),
        (b"RFB 003.008\n\x02", "Security type 2 was not offered."),
        (b"RFB 003.008\n\x01\x01\x63", "A message of type 99 is not spoken here."),
        (b"RFB 003.008\n\x01\x01\x06\0\0\0\x7f\xff\xff\xff",
         "A clipboard of 2147483647 bytes is too long."),
        (b"RFB 003.008\n\x01\x01\x02\0\xff\xff", "65535 encodings are too many."),
        (b"RFB 003.008\n\x01\x01\0\0\0\0\x08\x08\0\0" + bytes(12),
         "Pixels of 8 bits and depth 8 are not spoken here; ask for 32 bits with 8 for each "
         "colour."),
    ],
)  # fmt: skip
async def test_what_is_not_understood_ends_the_connection_with_a_reason(
    desktop: Desktop, sent: bytes, why: str
) -> None:
    async with watched(desktop) as url, connect(url, proxy=None) as socket:
        await socket.send(sent)
        with pytest.raises(ConnectionClosed):
            await the_end(socket)
        assert (socket.close_code, socket.close_reason) == (1002, why)


async def test_a_desktop_that_starts_afresh_is_blank_and_then_seen_again(
    own_desktop: Desktop,
) -> None:
    async with watched(own_desktop) as url, viewing(url) as viewer:
        witness = Witness(session_of(own_desktop).x)
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        os.kill(session_of(own_desktop).x.pid, signal.SIGKILL)
        await viewer.see_until(lambda one: not one.pixels[..., :3].any())
        with suppress(ConnectionClosedError):
            witness.close()
        with pytest.raises(DesktopLost):
            await own_desktop.look()
        witness = Witness(session_of(own_desktop).x)
        await viewer.see_until(lambda one: one.colour(5, 5) == BLUE)
        await viewer.tap(ord("a"))
        assert await saw(witness, 2) == [Key("a"), KeyUp("a")]
        witness.close()


@pytest.mark.parametrize("told", [Encoding.DESKTOP_SIZE, Encoding.EXTENDED_DESKTOP_SIZE])
async def test_a_screen_of_another_size_is_followed(own_desktop: Desktop, told: int) -> None:
    def xrandr(*arguments: str) -> None:
        subprocess.run(["/usr/bin/xrandr", *arguments], check=True, env=own_desktop.environment)

    async with watched(own_desktop) as url, viewing(url, [Encoding.TIGHT, told]) as viewer:
        await viewer.see()
        xrandr("--newmode", "500x300", *MODE)
        xrandr("--addmode", "screen", "500x300")
        xrandr("--output", "screen", "--mode", "500x300")
        await viewer.see_until(lambda one: (one.width, one.height) == (500, 300))
        witness = Witness(session_of(own_desktop).x)
        await viewer.see_until(lambda one: one.colour(499, 299) == BLUE)
        witness.close()


async def test_a_closed_desktop_ends_the_connection(own_desktop: Desktop) -> None:
    async with watched(own_desktop) as url, viewing(url) as viewer:
        await viewer.see()
        await own_desktop.close()
        with pytest.raises(ConnectionClosed):
            await the_end(viewer.socket)
        assert (viewer.socket.close_code, viewer.socket.close_reason) == (
            1001, "This desktop is closed.",
        )  # fmt: skip


async def test_the_server_ends_within_a_second_with_viewers_watching(desktop: Desktop) -> None:
    async with AsyncExitStack() as viewers:
        with anyio.fail_after(PATIENCE):
            async with watched(desktop) as url:
                for _ in range(5):
                    viewer = await viewers.enter_async_context(viewing(url))
                    await viewer.see()
                    await viewer.ask()
                began = time.monotonic()
        assert time.monotonic() - began < PATIENCE


async def test_nothing_follows_the_screen_when_nobody_watches(desktop: Desktop) -> None:
    async with watched(desktop) as url, viewing(url) as viewer:
        await viewer.see()
        assert "gloveport-stream" in [one.name for one in threading.enumerate()]
    alone = lambda: "gloveport-stream" not in [one.name for one in threading.enumerate()]  # noqa: E731
    assert await anyio.to_thread.run_sync(until, alone)

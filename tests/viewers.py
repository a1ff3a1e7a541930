"""A VNC viewer over a WebSocket, small and strict: it fails at any byte it does not expect."""

import zlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from struct import pack, unpack
from types import MappingProxyType

import anyio
import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from web import listening
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.imaging.image import Pixels
from gloveport.server.view.rfb import Encoding
from gloveport.server.view.vnc_session import Seat, rfb

EVERYTHING = (
    Encoding.TIGHT, Encoding.RAW, Encoding.JPEG_QUALITY_LOWEST + 6, Encoding.DESKTOP_SIZE,
    Encoding.POINTER_POSITION, Encoding.CURSOR, Encoding.EXTENDED_DESKTOP_SIZE,
    Encoding.MORE_BUTTONS, Encoding.EXTENDED_CLIPBOARD,
)  # fmt: skip
PATIENCE = 10  # seconds


@dataclass
class Chair:
    """Whether who sits here may act and see; a test changes it."""

    acts: bool = True
    hidden: bool = False
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def change(self, *, acts: bool | None = None, hidden: bool | None = None) -> None:
        self.acts = self.acts if acts is None else acts
        self.hidden = self.hidden if hidden is None else hidden
        self._changed.set()
        self._changed = anyio.Event()

    def seat(self, desktop: Desktop) -> Seat:
        async def changed() -> None:
            await self._changed.wait()

        return Seat.at(desktop, lambda: self.acts, lambda: self.hidden, changed)


@asynccontextmanager
async def watched(desktop: Desktop, chair: Chair | None = None) -> AsyncGenerator[str]:
    """Serve the endpoint alone and give its address."""
    chair = chair or Chair()

    async def live(websocket: WebSocket) -> None:
        await rfb(websocket, desktop, chair.seat(desktop))

    app = Starlette(routes=[WebSocketRoute("/rfb", live)])
    async with listening(app) as url:
        yield f"ws{url.removeprefix('http')}/rfb"


class Viewer:
    """What a person has before them: a screen that follows, a keyboard and a mouse."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.width = self.height = 0
        self.pixels: Pixels = np.zeros((0, 0, 4), np.uint8)
        self.cursor: tuple[int, int, int, int] | None = None
        """Width, height, and the point that points."""
        self.cursor_seen: Pixels = self.pixels
        self.pointer: tuple[int, int] | None = None
        self.more_buttons = False
        self.kinds: set[str] = set()
        """How pixels came so far."""
        self.rectangles = 0
        self.texts: list[str] = []
        self._data = b""

    async def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            frame = await self.socket.recv()
            assert isinstance(frame, bytes)
            self._data += frame
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    async def shake_hands(self, encodings: Sequence[int]) -> None:
        assert await self._take(12) == b"RFB 003.008\n"
        await self.socket.send(b"RFB 003.008\n")
        assert await self._take(2) == b"\x01\x01"
        await self.socket.send(b"\x01")
        assert await self._take(4) == bytes(4)
        await self.socket.send(b"\x01")
        self.width, self.height = unpack(">HH", await self._take(4))
        assert await self._take(16) == bytes.fromhex("20180001 00ff00ff00ff 100800 000000")
        (length,) = unpack(">I", await self._take(4))
        assert (await self._take(length)).startswith(b"gloveport ")
        self.pixels = np.zeros((self.height, self.width, 4), np.uint8)
        listed = pack(f">{len(encodings)}i", *encodings)
        await self.socket.send(pack(">BxH", 2, len(encodings)) + listed)

    async def ask(self, *, everything: bool = False) -> None:
        await self.socket.send(pack(">BBHHHH", 3, not everything, 0, 0, self.width, self.height))

    async def see(self, *, everything: bool = False) -> None:
        """Ask for an update and take it."""
        await self.ask(everything=everything)
        await self.take_update()

    async def take_update(self, seconds: float = PATIENCE) -> None:
        with anyio.fail_after(seconds):
            while await self._message() != "update":
                pass

    async def see_until(self, true: "Callable[[Viewer], bool]") -> None:
        """Take updates until what is seen is as wanted."""
        with anyio.fail_after(PATIENCE):
            while not true(self):
                await self.see()

    async def hear(self) -> str:
        """Wait for a text from the clipboard."""
        with anyio.fail_after(PATIENCE):
            await self.ask()
            while not self.texts:
                await self._message()
        return self.texts.pop()

    async def point(self, x: int, y: int, buttons: int = 0) -> None:
        if buttons > 0x7F:
            low, high = buttons & 0x7F | 0x80, buttons >> 7
            await self.socket.send(pack(">BBHHB", 5, low, x, y, high))
        else:
            await self.socket.send(pack(">BBHH", 5, buttons, x, y))

    async def key(self, keysym: int, *, down: bool) -> None:
        await self.socket.send(pack(">BBxxI", 4, down, keysym))

    async def tap(self, *keysyms: int) -> None:
        """Press keys one after another and release them the other way round."""
        for keysym in keysyms:
            await self.key(keysym, down=True)
        for keysym in reversed(keysyms):
            await self.key(keysym, down=False)

    async def cut(self, text: str) -> None:
        """Offer a text as noVNC does, and hand it out when asked."""
        await self._extended(pack(">I", 1 << 27 | 1))
        with anyio.fail_after(PATIENCE):
            while await self._message() != "wanted":
                pass
        said = text.replace("\n", "\r\n").encode() + b"\0"
        packed = zlib.compress(pack(">I", len(said)) + said)
        await self._extended(pack(">I", 1 << 28 | 1) + packed)

    async def _extended(self, data: bytes) -> None:
        await self.socket.send(pack(">Bxxxi", 6, -len(data)) + data)

    async def _message(self) -> str:
        kind = (await self._take(1))[0]
        if kind == 3:
            return await self._clipboard()
        assert kind == 0, f"message {kind}"
        (count,) = unpack(">xH", await self._take(3))
        for _ in range(count):
            await self._rectangle(*unpack(">4Hi", await self._take(12)))
        self.rectangles += count
        return "update"

    async def _clipboard(self) -> str:
        (length,) = unpack(">xxxi", await self._take(7))
        data = await self._take(abs(length))
        if length >= 0:
            self.texts.append(data.decode("latin-1"))
            return "told"
        (flags,) = unpack(">I", data[:4])
        if flags >> 24 & 1:
            return "abilities"
        if flags >> 27 & 1:
            await self._extended(pack(">I", 1 << 25 | 1))
        if flags >> 28 & 1:
            said = zlib.decompress(data[4:])
            (size,) = unpack(">I", said[:4])
            assert len(said) == 4 + size
            self.texts.append(said[4:].rstrip(b"\0").decode().replace("\r\n", "\n"))
        return "wanted" if flags >> 25 & 1 else "told"

    async def _rectangle(self, x: int, y: int, width: int, height: int, encoding: int) -> None:
        match encoding:
            case Encoding.RAW:
                self.kinds.add("raw")
                rows = np.frombuffer(await self._take(width * height * 4), np.uint8)
                self._draw(x, y, rows.reshape(height, width, 4)[..., :3])
            case Encoding.TIGHT:
                await self._tight(x, y, width, height)
            case Encoding.CURSOR:
                shape = np.frombuffer(await self._take(width * height * 4), np.uint8)
                self.cursor_seen = shape.reshape(height, width, 4)
                await self._take((width + 7) // 8 * height)
                self.cursor = (width, height, x, y)
            case Encoding.POINTER_POSITION:
                self.pointer = (x, y)
            case Encoding.DESKTOP_SIZE:
                self._resize(width, height)
            case Encoding.EXTENDED_DESKTOP_SIZE:
                assert unpack(">BxxxIHHHHI", await self._take(20))[4:6] == (width, height)
                assert (x, y) in ((0, 0), (1, 1))
                if (width, height) != (self.width, self.height):
                    self._resize(width, height)
            case Encoding.MORE_BUTTONS:
                self.more_buttons = True
            case _:
                raise AssertionError(f"encoding {encoding}")

    async def _tight(self, x: int, y: int, width: int, height: int) -> None:
        control = (await self._take(1))[0]
        if control == 0x80:
            self.kinds.add("fill")
            colour = np.frombuffer(await self._take(3), np.uint8)
            self._draw(x, y, np.broadcast_to(colour[::-1], (height, width, 3)))
        elif control == 0x90:
            self.kinds.add("jpeg")
            image = Image.open(BytesIO(await self._take(await self._length()))).convert("RGB")
            assert image.size == (width, height)
            self._draw(x, y, np.asarray(image)[..., ::-1])
        else:
            assert control == 0x01  # basic, stream 0, begun anew, no filter
            assert width * height * 3 >= 12  # less comes as it is
            self.kinds.add("deflated")
            rows = zlib.decompress(await self._take(await self._length()))
            drawn = np.frombuffer(rows, np.uint8).reshape(height, width, 3)
            self._draw(x, y, drawn[..., ::-1])

    async def _length(self) -> int:
        length = 0
        for shift in (0, 7, 14):
            byte = (await self._take(1))[0]
            length |= (byte & 0x7F if shift < 14 else byte) << shift
            if shift < 14 and not byte & 0x80:
                break
        return length

    def _draw(self, x: int, y: int, colours: Pixels) -> None:
        height, width = colours.shape[:2]
        self.pixels[y : y + height, x : x + width, :3] = colours

    def _resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.pixels = np.zeros((height, width, 4), np.uint8)

    def colour(self, x: int, y: int) -> int:
        """0xRRGGBB."""
        blue, green, red = (int(one) for one in self.pixels[y, x, :3])
        return red << 16 | green << 8 | blue


@asynccontextmanager
async def viewing(
    url: str,
    encodings: Sequence[int] = EVERYTHING,
    *,
    origin: str = "",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> AsyncGenerator[Viewer]:
    """A viewer that has been let in."""
    async with connect(
        url,
        subprotocols=[Subprotocol("binary")],
        compression=None,
        max_size=None,
        proxy=None,
        origin=Origin(origin) if origin else None,
        additional_headers=dict(headers),
    ) as socket:
        viewer = Viewer(socket)
        await viewer.shake_hands(encodings)
        yield viewer

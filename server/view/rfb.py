"""RFB 3.8, the protocol of VNC, as its server speaks it (RFC 6143): bytes to messages and back.

No sockets here: `Reader` is fed with any split of the bytes a client sent, and the rest makes the
bytes to send. Of the extensions there are those that noVNC and the usual viewers use: Tight, the
cursor, sizes, more buttons, and the clipboard in UTF-8 (rfbproto, "Extended Clipboard").
"""

import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import pack, unpack
from typing import Self

import numpy as np

from gloveport.sandbox.geometry import Point
from gloveport.sandbox.imaging.tiles import Patch
from gloveport.sandbox.screen.live_capture import Cursor

VERSION = b"RFB 003.008\n"
NONE = 1  # the security type; who may come in was decided before
LONGEST_TEXT = 4_000_000  # bytes of UTF-8; a million characters
_MOST_ENCODINGS = 1024


class Encoding(IntEnum):
    """Those we use of the encodings and pseudo-encodings a client can say it knows."""

    RAW = 0
    TIGHT = 7
    JPEG_QUALITY_LOWEST = -32
    JPEG_QUALITY_HIGHEST = -23
    DESKTOP_SIZE = -223
    POINTER_POSITION = -232
    CURSOR = -239
    EXTENDED_DESKTOP_SIZE = -308
    MORE_BUTTONS = -316
    EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)


class Refused(Exception):
    """What a client sent ends its connection; the text says why."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Where a client wants each colour: bits to shift, in words of 32 bits."""

    big: bool = False
    red: int = 16
    green: int = 8
    blue: int = 0

    @classmethod
    def read(cls, data: bytes) -> Self:
        """From the 16 bytes of a message.

        Raises:
            Refused: It is not one of 32 bits with 8 for each colour.
        """
        bits, depth, big, true, red_max, green_max, blue_max, red, green, blue = unpack(
            ">BBBBHHHBBB3x", data
        )
        maxima = {red_max, green_max, blue_max}
        if bits != 32 or not true or maxima != {255} or {red, green, blue} - {0, 8, 16, 24}:
            raise Refused(
                f"Pixels of {bits} bits and depth {depth} are not spoken here; ask for 32 bits "
                "with 8 for each colour."
            )
        return cls(bool(big), red, green, blue)

    def pixels(self, rows: bytes) -> bytes:
        """Pixels of blue, green, red, unused in this format."""
        if self == PixelFormat():
            return rows
        source = np.frombuffer(rows, np.uint8).reshape(-1, 4)
        made = np.zeros_like(source)
        for shift, colour in ((self.blue, 0), (self.green, 1), (self.red, 2)):
            place = shift // 8
            made[:, 3 - place if self.big else place] = source[:, colour]
        return made.tobytes()

    def written(self) -> bytes:
        return pack(
            ">BBBBHHHBBB3x", 32, 24, self.big, 1, 255, 255, 255, self.red, self.green, self.blue
        )


# Messages of a client


@dataclass(frozen=True, slots=True)
class Version:
    """RFB 3.8."""


@dataclass(frozen=True, slots=True)
class Security:
    """None, the one that was offered."""


@dataclass(frozen=True, slots=True)
class ClientInit:
    shared: bool


@dataclass(frozen=True, slots=True)
class SetPixelFormat:
    format: PixelFormat


@dataclass(frozen=True, slots=True)
class SetEncodings:
    known: frozenset[int]


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    incremental: bool


@dataclass(frozen=True, slots=True)
class KeyEvent:
    down: bool
    keysym: int


@dataclass(frozen=True, slots=True)
class PointerEvent:
    x: int
    y: int
    buttons: int
    """Bit 0 the left one, then middle, right, wheel up, down, left and right, back, forward."""


@dataclass(frozen=True, slots=True)
class CutText:
    text: str


@dataclass(frozen=True, slots=True)
class ClipboardOffered:
    """The client has a text; ask for it."""


@dataclass(frozen=True, slots=True)
class ClipboardWanted:
    """The client asks for the text that was offered to it."""


@dataclass(frozen=True, slots=True)
class SizeWanted:
    """The client asks for another size of the screen."""


Message = (
    Version | Security | ClientInit | SetPixelFormat | SetEncodings | UpdateRequest | KeyEvent
    | PointerEvent | CutText | ClipboardOffered | ClipboardWanted | SizeWanted
)  # fmt: skip

_TEXT = 1  # the one format of the clipboard we take
_CAPS, _REQUEST, _PEEK, _NOTIFY, _PROVIDE = (1 << bit for bit in range(24, 29))


class Reader:
    """What a client sends, from its first byte on."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._messages: list[Message] = []
        self._reading = self._read()
        self._missing = next(self._reading)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete with these bytes.

        Raises:
            Refused: It is not RFB, or more than is taken.
        """
        self._data += data
        while len(self._data) >= self._missing:
            taken = bytes(self._data[: self._missing])
            del self._data[: self._missing]
            self._missing = self._reading.send(taken)
        found = self._messages.copy()
        self._messages.clear()
        return found

    def _read(self) -> Generator[int, bytes, None]:
        """Asks for so many bytes, again and again."""
        version = yield 12
        if version[:4] != VERSION[:4] or version < VERSION:
            raise Refused("Only RFB 3.8 is spoken here.")
        self._messages.append(Version())
        kind = (yield 1)[0]
        if kind != NONE:
            raise Refused(f"Security type {kind} was not offered.")
        self._messages.append(Security())
        self._messages.append(ClientInit(bool((yield 1)[0])))
        while True:
            kind = (yield 1)[0]
            match kind:
                case 0:
                    self._messages.append(SetPixelFormat(PixelFormat.read((yield 19)[3:])))
                case 2:
                    (count,) = unpack(">xH", (yield 3))
                    if count > _MOST_ENCODINGS:
                        raise Refused(f"{count} encodings are too many.")
                    known = unpack(f">{count}i", (yield 4 * count)) if count else ()
                    self._messages.append(SetEncodings(frozenset(known)))
                case 3:
                    self._messages.append(UpdateRequest(bool((yield 9)[0])))
                case 4:
                    down, keysym = unpack(">B2xI", (yield 7))
                    self._messages.append(KeyEvent(bool(down), keysym))
                case 5:
                    buttons, x, y = unpack(">BHH", (yield 5))
                    if buttons & 0x80:
                        buttons = buttons & 0x7F | (yield 1)[0] << 7
                    self._messages.append(PointerEvent(x, y, buttons))
                case 6:
                    yield from self._cut()
                case 251:
                    (screens,) = unpack(">5xBx", (yield 7))
                    if screens:
                        yield 16 * screens
                    self._messages.append(SizeWanted())
                case _:
                    raise Refused(f"A message of type {kind} is not spoken here.")

    def _cut(self) -> Generator[int, bytes, None]:
        (length,) = unpack(">3xi", (yield 7))
        if abs(length) > LONGEST_TEXT:
            raise Refused(f"A clipboard of {abs(length)} bytes is too long.")
        if length > 0:
            self._messages.append(CutText((yield length).decode("latin-1")))
        elif length == 0:
            self._messages.append(CutText(""))
        elif length > -4:
            raise Refused("A clipboard message without flags.")
        else:
            self._extended((yield -length))

    def _extended(self, data: bytes) -> None:
        (flags,) = unpack(">I", data[:4])
        if flags & _CAPS:
            return  # what it can do it shows by doing it
        if flags & _PROVIDE:
            if flags & _TEXT:
                self._messages.append(CutText(_unpacked(data[4:])))
        elif flags & _NOTIFY:
            if flags & _TEXT:
                self._messages.append(ClipboardOffered())
        elif flags & (_REQUEST | _PEEK) and flags & _TEXT:
            self._messages.append(ClipboardWanted())


def _unpacked(data: bytes) -> str:
    inflating = zlib.decompressobj()
    try:
        size = int.from_bytes(inflating.decompress(data, 4))
        if size > LONGEST_TEXT:
            raise Refused(f"A clipboard of {size} bytes is too long.")
        text = inflating.decompress(inflating.unconsumed_tail, size) if size else b""
        if len(text) != size:
            raise Refused("A clipboard that ends too soon.")
        return text.rstrip(b"\0").decode().replace("\r\n", "\n")
    except (zlib.error, UnicodeDecodeError) as why:
        raise Refused(f"A clipboard that cannot be read ({why}).") from why


# Messages of the server


def security_types() -> bytes:
    return bytes((1, NONE))


def security_passed() -> bytes:
    return pack(">I", 0)


def server_init(width: int, height: int, name: str) -> bytes:
    said = name.encode()
    return pack(">HH", width, height) + PixelFormat().written() + pack(">I", len(said)) + said


def update(rectangles: Sequence[bytes]) -> bytes:
    """One message of rectangles as the functions below make them."""
    return pack(">BxH", 0, len(rectangles)) + b"".join(rectangles)


def patch(one: Patch, format: PixelFormat) -> bytes:
    """The pixels of one tile; all but raw ones are for clients that know Tight."""
    rect = one.rect
    header = (rect.x, rect.y, rect.width, rect.height)
    if one.kind == "raw":
        return pack(">4Hi", *header, Encoding.RAW) + format.pixels(one.data)
    start = pack(">4Hi", *header, Encoding.TIGHT)
    match one.kind:
        case "fill":
            return start + b"\x80" + one.data
        case "jpeg":
            return start + b"\x90" + _length(len(one.data)) + one.data
        case "deflated":
            # Stream 0, begun anew each time, so that all viewers can be sent the same bytes.
            return start + b"\x01" + _length(len(one.data)) + one.data


def blank(width: int, height: int, *, tight: bool) -> bytes:
    """The whole screen in black."""
    if tight:
        return pack(">4Hi", 0, 0, width, height, Encoding.TIGHT) + b"\x80\0\0\0"
    return pack(">4Hi", 0, 0, width, height, Encoding.RAW) + bytes(width * height * 4)


def cursor(one: Cursor, format: PixelFormat) -> bytes:
    """The shape of the pointer; it knows no half transparent pixels, so those count as either."""
    given = np.frombuffer(one.pixels, np.uint8).reshape(one.height, one.width, 4)
    alpha = given[..., 3]
    shown = alpha >= 128
    plain = np.zeros_like(given)
    for colour in range(3):  # they are times alpha
        whole = given[..., colour].astype(np.uint16) * 255 // np.maximum(alpha, 1)
        plain[..., colour] = np.where(shown, np.minimum(whole, 255), 0)
    mask = np.packbits(shown, axis=1).tobytes()
    start = pack(">4Hi", one.hot.x, one.hot.y, one.width, one.height, Encoding.CURSOR)
    return start + format.pixels(plain.tobytes()) + mask


def pointer(at: Point) -> bytes:
    """Where the pointer is."""
    return pack(">4Hi", at.x, at.y, 0, 0, Encoding.POINTER_POSITION)


def size(width: int, height: int) -> bytes:
    """Another size of the screen."""
    return pack(">4Hi", 0, 0, width, height, Encoding.DESKTOP_SIZE)


def extended_size(width: int, height: int, *, refused: bool = False) -> bytes:
    """The size of the screen, or that a client may not change it."""
    reason, status = (1, 1) if refused else (0, 0)
    start = pack(">4Hi", reason, status, width, height, Encoding.EXTENDED_DESKTOP_SIZE)
    return start + pack(">B3x", 1) + pack(">IHHHHI", 0, 0, 0, width, height, 0)


def more_buttons() -> bytes:
    """That back and forward are understood."""
    return pack(">4Hi", 0, 0, 0, 0, Encoding.MORE_BUTTONS)


def cut_text(text: str) -> bytes:
    """Text for a client that knows Latin-1 only; what it lacks is a question mark, by the RFC."""
    said = text.encode("latin-1", "replace")
    return pack(">B3xI", 3, len(said)) + said


def clipboard_abilities() -> bytes:
    actions = _CAPS | _REQUEST | _NOTIFY | _PROVIDE
    return _extended(pack(">II", actions | _TEXT, 0))


def clipboard_offered() -> bytes:
    return _extended(pack(">I", _NOTIFY | _TEXT))


def clipboard_wanted() -> bytes:
    return _extended(pack(">I", _REQUEST | _TEXT))


def clipboard_provided(text: str) -> bytes:
    said = text.replace("\n", "\r\n").encode() + b"\0"
    return _extended(pack(">I", _PROVIDE | _TEXT) + zlib.compress(pack(">I", len(said)) + said, 1))


def _extended(data: bytes) -> bytes:
    return pack(">B3xi", 3, -len(data)) + data


def _length(count: int) -> bytes:
    """Tight's own: 7 bits, 7 bits, 8 bits, each with a bit that says whether more follow."""
    if count < 1 << 7:
        return bytes((count,))
    if count < 1 << 14:
        return bytes((count & 0x7F | 0x80, count >> 7))
    return bytes((count & 0x7F | 0x80, count >> 7 & 0x7F | 0x80, count >> 14))

"""Keeps a program that grabs the X server from stopping our own connections (XTEST GrabControl).

While one client has the server to itself, requests of all others wait. Those of an impervious
connection do not, so the screen can be seen, and the desktop taken back, whatever a program does.
"""

import ctypes

import mss
from mss.linux.xcbhelpers import LIB
from Xlib.display import Display

_GRAB_CONTROL = 3  # minor opcode of XTEST; the request has two words, the second says yes or no
_SEND_VOID = 0


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Request(ctypes.Structure):
    """xcb_protocol_request_t; without `extension` the opcode is taken as it is."""

    _fields_ = (
        ("count", ctypes.c_size_t),
        ("extension", ctypes.c_void_p),
        ("opcode", ctypes.c_uint8),
        ("is_void", ctypes.c_uint8),
    )


def ignore_grabs(display: Display) -> None:
    """Make a connection impervious to grabs of the server."""
    display.xtest_grab_control(True)
    display.sync()


def ignore_grabs_of_camera(camera: mss.MSS, display: Display) -> None:
    """Make the connection of a camera impervious to grabs of the server.

    Args:
        camera: One that grabs through XCB, which has no call for this of its own.
        display: Another connection to the same server.
    """
    opcode: int = display.display.get_extension_major("XTEST")
    words = ctypes.create_string_buffer(bytes([0, _GRAB_CONTROL, 2, 0, 1, 0, 0, 0]), 8)
    # XCB may use the two entries before the first.
    parts = (_Part * 3)(_Part(), _Part(), _Part(ctypes.addressof(words), len(words)))
    request = _Request(1, None, opcode, 1)
    connection = ctypes.byref(camera._impl.conn)  # type: ignore[attr-defined] # it has no other way
    send = ctypes.CDLL(LIB.xcb._name).xcb_send_request
    send(
        connection, _SEND_VOID, ctypes.byref(parts, 2 * ctypes.sizeof(_Part)), ctypes.byref(request)
    )
    camera.monitors  # noqa: B018 - a round trip, so that it holds from here on

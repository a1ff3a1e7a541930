"""Programs of a desktop that break what they share with others: display, bus, clipboard, disk."""

WINDOW = """
import ctypes, os, time
x = ctypes.CDLL('libX11.so.6')
x.XOpenDisplay.restype = ctypes.c_void_p
for name in ('XCreatePixmap', 'XCreateSimpleWindow', 'XDefaultRootWindow', 'XInternAtom'):
    getattr(x, name).restype = ctypes.c_ulong
d = ctypes.c_void_p(x.XOpenDisplay(None))
quiet = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda d, e: 0)
x.XSetErrorHandler(quiet)
root = ctypes.c_ulong(x.XDefaultRootWindow(d))
w = ctypes.c_ulong(x.XCreateSimpleWindow(d, root, 0, 0, 200, 200, 0, 0, 0))
x.XStoreName(d, w, NAME.encode())
atom = ctypes.c_ulong(x.XInternAtom(d, b'_NET_WM_PID', 0))
pid = ctypes.c_long(os.getpid())
x.XChangeProperty(d, w, atom, ctypes.c_ulong(6), 32, 0, ctypes.byref(pid), 1)
x.XMapWindow(d, w)
x.XSync(d, 0)
"""
"""A window of the program's own, called NAME; `d` is its connection to the display."""

EATER = (
    """
import sys
NAME = 'eater'
"""
    + WINDOW
    + """
side = int(sys.argv[1])
while True:
    for _ in range(int(sys.argv[2])):
        x.XCreatePixmap(d, root, side, side, 24)
    x.XSync(d, 0)
    time.sleep(0.005)
"""
)
"""Makes square pixmaps until it is ended; the size of their sides, and how many at a time."""

KILL_CLIENTS = (
    """
NAME = 'killer'
"""
    + WINDOW
    + """
mine = w.value >> 21
for number in range(1, 128):
    if number != mine:
        for low in (0, 1, 2, 3):
            x.XKillClient(d, ctypes.c_ulong(number << 21 | low))
x.XSync(d, 0)
"""
)
"""Cuts every connection to the display but its own, as far as it guesses what they have made."""

STORMS = {
    "resized": "x.XMoveResizeWindow(d, w, n % 50, n % 40, 100 + n % 60, 100 + n % 70)",
    "painted": "x.XClearArea(d, w, n % 150, n % 140, 30, 30, 0)",
    "named": "x.XStoreName(d, w, b'storm %d' % n)",
}
STORM = (
    """
import sys
NAME = 'storm'
"""
    + WINDOW
    + """
deed = compile(sys.argv[1], 'deed', 'exec')
x.XSetWindowBackground(d, w, ctypes.c_ulong(0xff))
n = 0
while True:
    for _ in range(100):
        n += 1
        exec(deed)
    x.XSync(d, 0)
"""
)
"""Does something with its window as fast as it can."""

LIAR = (
    """
import sys
NAME = 'liar'
"""
    + WINDOW
    + """
import dbus, dbus.lowlevel, dbus.mainloop.glib
from gi.repository import GLib
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
launcher = dbus.SessionBus().get_object('org.a11y.Bus', '/org/a11y/bus')
address = launcher.GetAddress(dbus_interface='org.a11y.Bus')
bus = dbus.bus.BusConnection(address)
LIES = {
    'types': lambda: [dbus.Struct((dbus.Byte(1), dbus.Array([], signature='s')))],
    'empty': lambda: [],
    'numbers': lambda: [dbus.Int32(-1)],
    'variants': lambda: [dbus.Array([{'a': 1}], signature='a{sv}')],
    'long': lambda: ['x' * 30_000_000],
    'huge': lambda: [dbus.ByteArray(bytes(100_000_000))],
    'mute': None,
}
lie = LIES[sys.argv[1]]
def answer(bus, message):
    if message.get_type() != dbus.lowlevel.MESSAGE_TYPE_METHOD_CALL:
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    if lie is not None:
        reply = dbus.lowlevel.MethodReturnMessage(message)
        reply.append(*lie())
        bus.send_message(reply)
    return dbus.lowlevel.HANDLER_RESULT_HANDLED
bus.add_message_filter(answer)
registry = bus.get_object('org.a11y.atspi.Registry', '/org/a11y/atspi/accessible/root')
me = (bus.get_unique_name(), dbus.ObjectPath('/org/a11y/atspi/accessible/root'))
registry.Embed(dbus.Struct(me, signature='so'), dbus_interface='org.a11y.atspi.Socket')
print('embedded', flush=True)
GLib.MainLoop().run()
"""
)
"""A program that answers each question of the accessibility bus with a lie of a kind."""

FILLER = """
import time
made = 0
while made < 40:
    with open(f'/home/user/.filler-{made}', 'wb') as file: file.write(bytes(64 << 20))
    made += 1
time.sleep(1)
"""
"""Fills the home until it is ended."""

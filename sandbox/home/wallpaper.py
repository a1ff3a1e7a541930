"""The picture behind the windows: a calm gradient, drawn once."""

import numpy as np
from Xlib import X, Xatom
from Xlib.display import Display

_TOP, _BOTTOM = (32, 58, 67), (109, 152, 170)  # red, green, blue
_STRIP = 8  # pixels; the server repeats the strip over the whole width


def hang(display: Display) -> None:
    """Paint the root window; the picture lives as long as the connection."""
    screen = display.screen()
    root, width, height = screen.root, screen.width_in_pixels, screen.height_in_pixels
    place = np.linspace(0, 1, height)[:, None]
    pixels = np.zeros((height, _STRIP, 4), np.uint8)
    pixels[..., :3] = (np.array(_TOP) + np.subtract(_BOTTOM, _TOP) * place)[:, None, ::-1]
    strip = root.create_pixmap(_STRIP, height, screen.root_depth)
    brush = strip.create_gc()
    strip.put_image(brush, 0, 0, _STRIP, height, X.ZPixmap, screen.root_depth, 0, pixels.tobytes())
    pixmap = root.create_pixmap(width, height, screen.root_depth)
    brush.change(tile=strip, fill_style=X.FillTiled)
    pixmap.fill_rectangle(brush, 0, 0, width, height)
    root.change_attributes(background_pixmap=pixmap)
    root.clear_area(0, 0, width, height)
    # Panels that look transparent copy the wallpaper from here.
    for name in ("_XROOTPMAP_ID", "ESETROOT_PMAP_ID"):
        root.change_property(display.intern_atom(name), Xatom.PIXMAP, 32, [pixmap.id])
    brush.free()
    strip.free()
    display.sync()

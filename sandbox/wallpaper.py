"""The picture behind the windows: a calm gradient, drawn once."""

import numpy as np
from Xlib import X, Xatom
from Xlib.display import Display

_TOP, _BOTTOM = (32, 58, 67), (109, 152, 170)  # red, green, blue
_BAND = 16  # rows sent in one request; a request holds 256 kB at most


def hang(display: Display) -> None:
    """Paint the root window; the picture lives as long as the connection."""
    screen = display.screen()
    width, height = screen.width_in_pixels, screen.height_in_pixels
    pixmap = screen.root.create_pixmap(width, height, screen.root_depth)
    brush = pixmap.create_gc()
    place = np.linspace(0, 1, height)[:, None] * 0.75 + np.linspace(0, 1, width)[None, :] * 0.25
    pixels = np.zeros((height, width, 4), np.uint8)
    for channel, (top, bottom) in enumerate(zip(reversed(_TOP), reversed(_BOTTOM), strict=True)):
        pixels[..., channel] = (top + (bottom - top) * place).astype(np.uint8)
    rows = max(1, min(_BAND, 250_000 // (width * 4)))
    for top in range(0, height, rows):
        part = pixels[top : top + rows]
        pixmap.put_image(
            brush, 0, top, width, len(part), X.ZPixmap, screen.root_depth, 0, part.tobytes()
        )
    screen.root.change_attributes(background_pixmap=pixmap)
    screen.root.clear_area(0, 0, width, height)
    # Panels that look transparent copy the wallpaper from here.
    for name in ("_XROOTPMAP_ID", "ESETROOT_PMAP_ID"):
        screen.root.change_property(display.intern_atom(name), Xatom.PIXMAP, 32, [pixmap.id])
    brush.free()
    display.sync()

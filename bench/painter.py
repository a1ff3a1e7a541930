"""A window over the whole screen that is painted 60 times a second: painter.py SECONDS.

Prints how many times it was painted, and ends.
"""

import sys
import time

from Xlib import X
from Xlib.display import Display

FRAMES = 60  # a second


def main() -> None:
    display = Display()
    screen = display.screen()
    size = screen.width_in_pixels, screen.height_in_pixels
    window = screen.root.create_window(0, 0, *size, 0, screen.root_depth)
    window.map()
    pen = window.create_gc(foreground=0)
    began, painted = time.monotonic(), 0
    while time.monotonic() < began + float(sys.argv[1]):
        pen.change(foreground=painted * 40503 & 0xFFFFFF)
        window.fill_rectangle(pen, 0, 0, *size)
        display.get_input_focus()  # the server has painted it
        painted += 1
        time.sleep(max(0.0, began + painted / FRAMES - time.monotonic()))
    window.destroy()
    display.set_close_down_mode(X.DestroyAll)
    display.close()
    print(painted)


if __name__ == "__main__":
    main()

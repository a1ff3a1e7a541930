"""One desktop: an X display, its pixels, its input, its processes."""

"""The desktops of one server: `desktops` opens, finds and closes them, `gate` is
what answers the calls to one, and `metrics` counts.

Desktops of several servers: `base` is the seam of what runs them, `local` does on this machine,
`processes` starts a server for each, and `assertion` tells it who makes a request.
"""

"""The desktops of one server: `desktops` opens, finds and closes them, `gate` is
what answers the calls to one, and `metrics` counts.
"""

"""The X server of a desktop and everything said to it over X11.

`server` starts it, `watchdog` and `memory_limit` keep one program from stopping it for all, and
`grab_control` keeps grabs from doing so. `windows` reads the window manager's properties (and
`terminals` says which are terminals), `damage` what is painted, `selections` the clipboard;
`keyboard` (with `keymap` and `keysyms`) and `pointer` send input.
"""

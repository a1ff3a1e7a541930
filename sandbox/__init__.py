"""One desktop: an X display, its pixels, its input, its processes.

From the ground up: `errors`, `geometry` and `names`; `isolation`, `activity`, `x11` and `imaging`;
`accessibility`; `secrets`; `screen` and `home`; `input` and `session`; `checkpoints`; and on top
`actions` and `desktop`, the public face (with `frames` and `runtime`).
"""

"""One desktop: an X display, its pixels, its input, its processes.

From the ground up: `errors`, `geometry` and `names`; `isolation`, `activity`, `x11` and `imaging`;
`accessibility`; `secrets`; `screen` and `home`; `input` and `session`; `checkpoints`; and on top
`actions` and `desktop`, the public face. Below it stand `observing`, which only looks (with
`waits`); `acting`, what happens around each action; `undo` and `opening`; `frame_builder`, which
composes `frames`; `lifecycle`, which replaces a session that has died; `turns`, their order;
`runtime`, `notices` and `options`.
"""

"""All that one desktop runs.

`session` starts the X server, window manager, buses and panel and ends them as one;
`folder` is where it lives, `home_layers` what its home lies on and what is kept of it,
`control_groups` what the kernel limits; `environment` is what its programs are started with;
`desktop_entries` lists the installed applications, and `launch_targets` resolves what to open.
Public: `session`.
"""

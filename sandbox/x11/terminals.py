"""Which windows are terminals, by their class in lower case, and how each kind pastes."""

PRIMARY_PASTERS = {"xterm", "uxterm", "urxvt"}
"""They paste the selection PRIMARY, with Shift and Insert."""

SHIFTED_PASTERS = {
    "lxterminal", "gnome-terminal", "gnome-terminal-server", "xfce4-terminal", "kitty", "alacritty",
    "konsole", "terminator", "tilix", "mate-terminal", "qterminal", "kgx", "ptyxis",
}  # fmt: skip
"""They paste the clipboard, with Control, Shift and V."""

TERMINALS = PRIMARY_PASTERS | SHIFTED_PASTERS | {
    "rxvt", "st", "st-256color", "foot", "wezterm", "org.wezfurlong.wezterm", "cool-retro-term",
    "sakura", "roxterm", "terminology", "guake", "tilda", "yakuake", "lilyterm", "termit",
    "contour", "ghostty", "com.mitchellh.ghostty", "org.gnome.console", "org.gnome.terminal",
    "org.gnome.ptyxis", "deepin-terminal", "io.elementary.terminal", "debian-xterm", "xterm.js",
}  # fmt: skip

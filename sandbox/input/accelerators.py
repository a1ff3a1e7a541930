"""Keyboard shortcuts: which combinations press a command, by what its program says.

Combinations are named as `keys.combination` names them, in lower case: "ctrl+shift+delete".
"""

import re

from ..errors import Impossible
from ..x11.keysyms import combination, sequence

# Keys that delete what is selected, where the focus is in a list of files, mails or the like and
# the program says nothing of its keys. File managers, mail readers and players agree on them.
DELETING = {
    "delete", "kp_delete", "shift+delete", "shift+kp_delete", "ctrl+delete", "ctrl+kp_delete",
    "ctrl+d", "super+backspace", "ctrl+backspace",
}  # fmt: skip
# In a text these delete parts of it, or cut and copy, which is typing.
EDITING = {
    "delete", "kp_delete", "shift+delete", "shift+kp_delete", "ctrl+delete", "ctrl+kp_delete",
    "backspace", "ctrl+backspace", "shift+backspace", "ctrl+x",
}  # fmt: skip
# What editors call that in their menus. GTK 3 tries shortcuts first and the text afterwards, so any
# other command by such a key is one.
_IN_EDITORS = {
    "cut", "delete", "delete selection", "delete selected", "delete selected text", "delete text",
    "löschen", "auswahl löschen", "supprimer", "eliminar", "excluir", "elimina", "удалить", "删除",
    "刪除", "削除", "삭제", "sil",
}  # fmt: skip
_MOVING = {
    "up", "down", "left", "right", "home", "end", "page_up", "page_down", "tab", "iso_left_tab",
    "return", "kp_enter", "space", "escape", "prior", "next",
}  # fmt: skip
_GTK_MODIFIERS = {
    "primary": "ctrl", "control": "ctrl", "ctrl": "ctrl", "shift": "shift", "alt": "alt",
    "mod1": "alt", "super": "super", "meta": "super", "mod4": "super", "hyper": "hyper",
}  # fmt: skip
_GTK_MODIFIER = re.compile(r"<(\w+)>")


def is_shortcut(pressed: str) -> bool:
    """Whether a combination may be a shortcut: not one that moves the focus, nor a modifier."""
    return pressed.removeprefix("shift+") not in _MOVING


def shortcuts(told: str) -> set[str]:
    """Return the combinations that press a command without its menu being open.

    GTK writes "x;<Alt>f:x;<Primary>q" (in its menu, from anywhere, its shortcut), Qt "Ctrl+X" or
    "Ctrl+K, Ctrl+D", of which the last part does it.
    """
    if ";" in told:
        last = told.split(";")[-1]
        held = [_GTK_MODIFIERS.get(one.lower(), "") for one in _GTK_MODIFIER.findall(last)]
        key = _GTK_MODIFIER.sub("", last)
        if not key or "" in held:
            return set()
        return _named("+".join([*held, key]))
    *_, last = told.split(", ")
    return _named(last)


def is_typing(name: str, told: str, *, lines: bool) -> bool:
    """Whether a key of EDITING edits the text that has the focus, and does not press a command.

    Args:
        name: What the command is called.
        told: Its keys; see `shortcuts`.
        lines: Whether the text may have several lines, as an editor's.
    """
    return ";" not in told or (lines and name.casefold() in _IN_EDITORS)


def _named(text: str) -> set[str]:
    try:
        chords = sequence(text)
    except Impossible:
        return set()
    return {combination(chords[0]).casefold()} if len(chords) == 1 else set()

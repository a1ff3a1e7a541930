"""Names of keys, as xdotool, X11 and the models of Anthropic, OpenAI and Google write them.

Names are case-insensitive. A single character is itself; with a modifier its case does not matter
("CTRL+S" is "ctrl+s"; write "ctrl+shift+s" for the other).
"""

import re
from dataclasses import dataclass

from Xlib import XK

from ..errors import BadText, UnknownKey

for _group in ("miscellany", "latin1", "xf86", "xkb"):
    XK.load_keysym_group(_group)

_ALIASES = {
    "ctrl": "Control_L", "control": "Control_L", "ctl": "Control_L", "lctrl": "Control_L",
    "rctrl": "Control_R", "controlleft": "Control_L", "controlright": "Control_R",
    "shift": "Shift_L", "lshift": "Shift_L", "rshift": "Shift_R",
    "shiftleft": "Shift_L", "shiftright": "Shift_R",
    "alt": "Alt_L", "option": "Alt_L", "opt": "Alt_L", "lalt": "Alt_L", "ralt": "Alt_R",
    "altleft": "Alt_L", "altright": "Alt_R", "optionleft": "Alt_L", "optionright": "Alt_R",
    "altgr": "ISO_Level3_Shift",
    "super": "Super_L", "meta": "Super_L", "cmd": "Super_L", "command": "Super_L",
    "win": "Super_L", "windows": "Super_L", "os": "Super_L", "hyper": "Hyper_L",
    "metaleft": "Super_L", "metaright": "Super_R", "winleft": "Super_L", "winright": "Super_R",
    "enter": "Return", "ret": "Return", "newline": "Return", "numpadenter": "KP_Enter",
    "esc": "Escape", "del": "Delete", "ins": "Insert", "backspace": "BackSpace",
    "bksp": "BackSpace", "back": "BackSpace", "spacebar": "space", "tabulator": "Tab",
    "arrowup": "Up", "arrowdown": "Down", "arrowleft": "Left", "arrowright": "Right",
    "uparrow": "Up", "downarrow": "Down", "leftarrow": "Left", "rightarrow": "Right",
    "pageup": "Page_Up", "pagedown": "Page_Down", "pgup": "Page_Up", "pgdn": "Page_Down",
    "pgdown": "Page_Down", "capslock": "Caps_Lock", "numlock": "Num_Lock",
    "scrolllock": "Scroll_Lock", "printscreen": "Print", "prtsc": "Print", "prtscr": "Print",
    "contextmenu": "Menu", "apps": "Menu", "menu": "Menu", "break": "Break",
    "plus": "plus", "dash": "minus", "hyphen": "minus", "dot": "period", "fullstop": "period",
    "backtick": "grave", "quote": "apostrophe", "doublequote": "quotedbl", "equals": "equal",
    "openbracket": "bracketleft", "closebracket": "bracketright", "hash": "numbersign",
    "numpadadd": "KP_Add", "numpadsubtract": "KP_Subtract", "numpadmultiply": "KP_Multiply",
    "numpaddivide": "KP_Divide", "numpaddecimal": "KP_Decimal",
    **{f"numpad{digit}": f"KP_{digit}" for digit in range(10)},
    **{f"num{digit}": f"KP_{digit}" for digit in range(10)},
}  # fmt: skip


def _table() -> dict[str, int]:
    names = {
        name.removeprefix("XK_"): value
        for name, value in vars(XK).items()
        if name.startswith("XK_") and isinstance(value, int)
    }
    # "Left" before "KP_Left" in what is suggested; single letters are characters, not names.
    table = {name.lower(): value for name, value in names.items() if len(name) > 1}
    table.update((alias, names[name]) for alias, name in _ALIASES.items())
    return table


_NAMES = _table()


def named(keysym: int) -> str:
    """What people call a key, such as "Return" or "F5"; its number where it has no name."""
    spelt = (name for name, value in vars(XK).items() if value == keysym)
    name = next((one for one in spelt if one.startswith("XK_")), f"0x{keysym:x}")
    return name.removeprefix("XK_")


_MODIFIERS = {
    _NAMES[name]
    for name in (
        "control_l", "control_r", "shift_l", "shift_r", "alt_l", "alt_r", "super_l", "super_r",
        "hyper_l", "iso_level3_shift", "meta_l", "meta_r",
    )
}  # fmt: skip


_BY_NUMBER = {number: name for name, number in reversed(_NAMES.items())}
HELD = {  # modifiers, by the short name of either of the two
    _NAMES[f"{name}_{side}"]: short
    for name, short in (("control", "ctrl"), ("shift", "shift"), ("alt", "alt"), ("super", "super"))
    for side in "lr"
}


@dataclass(frozen=True, slots=True)
class Chord:
    """Keys pressed together: keysyms held first to last, then one key; a character is a `str`."""

    held: tuple[int, ...]
    key: int | str


def sequence(text: str) -> tuple[Chord, ...]:
    """Read "ctrl+s", "Page_Down" or "Tab Tab Return".

    Raises:
        BadText: There is no key in it.
        UnknownKey: A name is not known; the error says which ones are near.
    """
    whole = text.strip().lower().replace(" ", "")
    if len(text) == 1 and text.isprintable():
        return (Chord((), text if text != " " else " "),)
    if whole in _NAMES and " " in text.strip():  # "Page Down", "arrow up"
        return (_chord(whole),)
    words = re.sub(r"\s*\+\s*(?=\S)", "+", text.strip()).split()
    if not words:
        raise BadText('There is no key in the text; write one such as "Return" or "ctrl+s".')
    return tuple(_chord(word) for word in words)


def combination(chord: Chord) -> str:
    """A combination by one name, whichever of its names it was asked for by: "ctrl+return"."""
    held = sorted({HELD.get(key, str(key)) for key in chord.held})
    last = chord.key if isinstance(chord.key, str) else _BY_NUMBER.get(chord.key, str(chord.key))
    return "+".join([*held, "space" if last == " " else last])


def held_keys(text: str) -> tuple[int, ...]:
    """Read the modifiers held during a click: "ctrl", "ctrl+shift".

    Raises:
        UnknownKey: A name is not known.
        BadText: It holds a key that is no modifier.
    """
    if not text.strip():
        return ()
    chord = _chord(re.sub(r"\s*\+\s*", "+", text.strip()))
    keys = (*chord.held, chord.key)
    found = tuple(key for key in keys if isinstance(key, int) and key in _MODIFIERS)
    if len(found) < len(keys):
        raise BadText(
            f"{text!r} is not a combination of modifier keys; "
            'hold "ctrl", "shift", "alt" or "super", joined by "+".'
        )
    return found


def _chord(word: str) -> Chord:
    *held, last = _parts(word)
    keys = tuple(_key(name) for name in held)
    key = _key(last)
    for name, one in zip(held, keys, strict=True):
        if isinstance(one, str) or one not in _MODIFIERS:
            raise BadText(
                f"{name!r} in {word!r} is not a modifier key; only ctrl, shift, alt and super "
                "can be held with another key. Press keys one after another with a space between."
            )
    if isinstance(key, str) and keys:
        key = key.lower()
    return Chord(tuple(key for key in keys if isinstance(key, int)), key)


def _parts(word: str) -> list[str]:
    """Split at "+", which is itself a key: "+", "ctrl++" and "ctrl+" all mean one."""
    if word == "+":
        return ["+"]
    if word.endswith("+"):
        return [*word.rstrip("+").split("+"), "+"]
    return word.split("+")


def _key(name: str) -> int | str:
    if len(name) == 1:
        return name
    found = _NAMES.get(name.lower(), _NAMES.get(name.lower().replace("-", "_")))
    if found is None and re.fullmatch(r"[Uu]\+?[0-9a-fA-F]{4,6}", name):
        point = int(name.lstrip("Uu+"), 16)
        if point <= 0x10FFFF and chr(point).isprintable():
            return chr(point)
    if found is None:
        raise UnknownKey(name, list(_NAMES))
    if 0x20 <= found <= 0x7E:
        return chr(found)
    return found

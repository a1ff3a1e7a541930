"""The keymap of a desktop: 6,656 characters that each have a key, so that typing never changes it.

Other tools bind a missing character to a spare key, press it and bind the next one; a client that
looks up the key a little later finds the next character. Here every character has a place of its
own (a keycode, one of 4 groups, one of 16 levels) from the start of the X server on, and is reached
by locking that group and level, which travels inside each key event.

This module only computes: the repertoire, the places, and the text `xkbcomp` loads.
"""

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

GROUPS = 4
LEVELS = 16

# Modifier bits that pick one of the 16 levels; no toolkit takes any of them for a shortcut.
SHIFT, MOD2, MOD3, MOD5 = 0x01, 0x10, 0x20, 0x80
_LEVEL_BITS = (SHIFT, MOD5, MOD3, MOD2)
LEVEL_MODS = tuple(
    sum(bit for place, bit in enumerate(_LEVEL_BITS) if level >> place & 1)
    for level in range(LEVELS)
)
_OWN, _RULES = "gloveport", "evdev"  # our files, and the rules an X server looks for
_LEVEL_NAMES = ("Shift", "LevelThree", "Mod3", "NumLock")

# Keycodes that the us layout leaves empty or gives to multimedia keys. Not among them: 135 (Menu),
# and 166, 167, 181 (Back, Forward, Reload), which Chromium obeys by keycode whatever they hold.
SPARE = (
    8, 93, 97, 103, *range(120, 125), 128, 132, *range(136, 166), 168, *range(169, 181),
    *range(182, 187), 189, *range(190, 203), *range(208, 218), *range(219, 256),
)  # fmt: skip
# Left empty for programs inside that bind keys of their own (xdotool, VNC viewers).
LEFT_EMPTY = 16
FIRST_KEYCODE, KEYCODES = 8, 248  # of any X keyboard

# GTK and Chromium cut these keysyms to 16 bits while composing and lose the character.
_NEVER = {0xFF20, *range(0xFE50, 0xFE94)}

_SCRIPTS = (
    (0x00A0, 0x0180),  # Latin-1, Latin Extended-A
    (0x0192, 0x0193), (0x01A0, 0x01A2), (0x01AF, 0x01B1), (0x01CD, 0x01DD), (0x0218, 0x021C),
    (0x02C6, 0x02DE), (0x0300, 0x0340), (0x1EA0, 0x1EFA),  # marks and Vietnamese
    (0x0370, 0x0400), (0x0400, 0x0492),  # Greek, Cyrillic
    (0x05D0, 0x05EB), (0x060C, 0x060D), (0x061B, 0x0653), (0x0660, 0x066E),  # Hebrew, Arabic
    (0x067E, 0x067F), (0x0686, 0x0687), (0x0698, 0x0699), (0x06A9, 0x06AA), (0x06AF, 0x06B0),
    (0x06CC, 0x06CD), (0x06F0, 0x06FA),
    (0x2002, 0x2027), (0x202A, 0x205F), (0x2066, 0x2072), (0x2074, 0x208F),  # punctuation
    (0x20A0, 0x20C1), (0x2100, 0x2140), (0x2150, 0x218A),  # currency, letterlike, numbers
    (0x3000, 0x3018), (0x3041, 0x3097), (0x3099, 0x3100),  # CJK punctuation, kana
    (0xFE0E, 0xFE10), (0xFF01, 0xFF61), (0xFFE0, 0xFFE7),  # full-width forms
)  # fmt: skip
_SYMBOLS = (
    (0x1F600, 0x1F650), (0x1F300, 0x1F3FB), (0x1F3FB, 0x1F500), (0x1F680, 0x1F6D9),
    (0x1F90C, 0x1F980), (0x1F9D0, 0x1F9E7), (0x1F1E6, 0x1F200), (0x1F500, 0x1F53E),
    (0x1F550, 0x1F568), (0x1F595, 0x1F597), (0x1F5A4, 0x1F5A5), (0x2B05, 0x2B08),
    (0x2B1B, 0x2B1D), (0x2B50, 0x2B51), (0x2B55, 0x2B56),
    (0x2190, 0x2200), (0x2600, 0x2700), (0x2200, 0x2270), (0x2700, 0x27C0),
    (0x2300, 0x2330), (0x23CF, 0x23D4),
    (0x23E9, 0x23FB), (0x2460, 0x2474), (0x25A0, 0x2600), (0x2500, 0x2580),
    (0x3105, 0x3130), (0xFE30, 0xFE50),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key with the state to lock before it is pressed: `group` 0-3, `mods` modifier bits."""

    keycode: int
    group: int
    mods: int


def _hanzi(rows: Iterable[int]) -> Iterator[str]:
    """The characters of some rows of GB 2312; rows 16-55 are the 3,755 common ones."""
    for row in rows:
        for cell in range(1, 95):
            yield bytes((0xA0 + row, 0xA0 + cell)).decode("gb2312", "ignore")


def _candidates() -> Iterator[str]:
    for first, end in _SCRIPTS:
        yield from map(chr, range(first, end))
    yield from _hanzi(range(16, 56))
    for first, end in _SYMBOLS:
        yield from map(chr, range(first, end))
    yield from _hanzi(range(56, 88))


def repertoire() -> tuple[str, ...]:
    """The characters that get a place in the map besides those of the us layout, in order."""
    room = (len(SPARE) - LEFT_EMPTY) * GROUPS * LEVELS
    chosen = dict.fromkeys(
        char
        for char in _candidates()
        if char and ord(char) not in _NEVER and unicodedata.category(char) not in ("Cn", "Co")
    )
    return tuple(chosen)[:room]


# The printable keys of the us layout: keycode, plain and shifted character (xkb-data's pc+us).
_US = (
    (10, "1!2@3#4$5%6^7&8*9(0)-_=+"),
    (24, "qQwWeErRtTyYuUiIoOpP[{]}"),
    (38, "aAsSdDfFgGhHjJkKlL;:'\"`~"),
    (51, "\\|zZxXcCvVbBnNmM,<.>/?"),
    (65, "  "),
)
RETURN, TAB = 36, 23


class Keymap:
    """Where each character is, and the text that puts it there."""

    def __init__(self, characters: Iterable[str] | None = None) -> None:
        self._places: dict[str, Stroke] = {"\n": Stroke(RETURN, 0, 0), "\t": Stroke(TAB, 0, 0)}
        for first, pairs in _US:
            for offset in range(0, len(pairs), 2):
                keycode = first + offset // 2
                self._places.setdefault(pairs[offset], Stroke(keycode, 0, 0))
                self._places.setdefault(pairs[offset + 1], Stroke(keycode, 0, SHIFT))
        self._added = repertoire() if characters is None else tuple(characters)
        for index, char in enumerate(self._added):
            key, rest = divmod(index, GROUPS * LEVELS)
            group, level = divmod(rest, LEVELS)
            self._places[char] = Stroke(SPARE[key], group, LEVEL_MODS[level])

    def __contains__(self, char: str) -> bool:
        return char in self._places

    def __getitem__(self, char: str) -> Stroke:
        return self._places[char]

    def is_in(self, rows: Sequence[Sequence[int]]) -> bool:
        """Whether a core keyboard mapping, one row of keysyms for each keycode from 8 on, is that
        of this map as far as it shows: what keys hold by themselves and with Shift."""
        for char, stroke in self._places.items():
            if stroke.group == 0 and stroke.mods in (0, SHIFT) and char not in "\n\t":
                row = rows[stroke.keycode - FIRST_KEYCODE]
                if row[1 if stroke.mods else 0] != keysym(char):
                    return False
        return True

    def text(self) -> str:
        """The whole map as source for `xkbcomp`: the stock us map and the places added to it."""
        parts = (f"xkb_{part} {{{body}}};\n" for part, body in self._parts().items())
        return f"xkb_keymap {{\n{''.join(parts)}}};\n"

    def files(self) -> dict[str, str]:
        """The same map as an X server finds it when it starts (`-xkbdir`): files by their paths.

        What they include is looked up in the system's folder, as it is not in this one.
        """
        parts = {**self._parts(), "geometry": ""}
        files = {
            f"{part}/{_OWN}": f'default xkb_{part} "{_OWN}" {{{body}}};\n'
            for part, body in parts.items()
        }
        rules = (
            f"! {'layout' if part == 'symbols' else 'model'} = {part}\n  * = {_OWN}\n"
            for part in parts
        )
        return {**files, f"rules/{_RULES}": "".join(rules)}

    def _parts(self) -> dict[str, str]:
        keys = [self._key(index) for index in range(0, len(self._added), GROUPS * LEVELS)]
        empty = SPARE[len(keys) :]
        names = "\n".join(f"    <{_name(keycode)}> = {keycode};" for keycode in SPARE)
        levels = "\n".join(_level(level) for level in range(LEVELS))
        return {
            "keycodes": f"""
    include "evdev+aliases(qwerty)"
{names}
""",
            "types": f"""
    include "complete"
    virtual_modifiers LevelThree, NumLock;
    type "GLOVEPORT" {{
        modifiers = {"+".join(_LEVEL_NAMES)};
{levels}
    }};
""",
            "compat": """ include "complete" """,
            "symbols": f"""
    include "pc+us+inet(evdev)"
{"".join(f"    replace key <{_name(keycode)}> {{ [ NoSymbol ] }};{chr(10)}" for keycode in empty)}
{"".join(keys)}
""",
        }

    def _key(self, index: int) -> str:
        symbols: list[str] = []
        for group in range(GROUPS):
            start = index + group * LEVELS
            names = [f"U{ord(char):04X}" for char in self._added[start : start + LEVELS]]
            names += ["NoSymbol"] * (LEVELS - len(names))
            symbols.append(f"symbols[Group{group + 1}] = [ {', '.join(names)} ]")
        types = ", ".join(f'type[group{group + 1}] = "GLOVEPORT"' for group in range(GROUPS))
        keycode = SPARE[index // (GROUPS * LEVELS)]
        return f"    replace key <{_name(keycode)}> {{ {types}, {', '.join(symbols)} }};\n"


def keysym(char: str) -> int:
    """The X keysym of a character: Latin-1 as it is, the rest by its number (X protocol, A)."""
    point = ord(char)
    return point if 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xFF else 0x01000000 | point


def character(keysym: int) -> str:
    """The character a keysym stands for; empty if it is a key without one, such as Return."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if keysym >> 24 == 1 and keysym & 0xFFFFFF <= sys.maxunicode:
        return chr(keysym & 0xFFFFFF)
    if keysym in _KEYPAD:
        return _KEYPAD[keysym]
    if keysym in _OLD:
        return _OLD[keysym]
    codec = _OLD_SETS.get(keysym >> 8)
    return bytes((keysym & 0xFF,)).decode(codec, "ignore") if codec and keysym & 0x80 else ""


def _row(first: int, characters: str) -> dict[int, str]:
    return {first + at: char for at, char in enumerate(characters) if char != " "}


# Keysyms from before Unicode (X protocol, appendix A): most sets are those of ISO 8859.
_OLD_SETS = {
    0x01: "iso8859-2", 0x02: "iso8859-3", 0x03: "iso8859-4", 0x05: "iso8859-6", 0x06: "koi8-r",
    0x07: "iso8859-7", 0x0C: "iso8859-8", 0x0D: "iso8859-11",
}  # fmt: skip
_OLD = {
    0x20AC: "€",
    **_row(0x13BC, "ŒœŸ"),
    **_row(0x06A1, "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏ"),
    **_row(0x07A1, "ΆΈΉΊΪ ΌΎΫ Ώ  ΅―άέήίϊΐόύϋΰώ"),
    **_row(0x04A1, "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"),
    **_row(0x04C0, "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"),
    **_row(0x0AA1, "          —–"),
    **_row(0x0AD0, "‘’“”"), 0x0AAE: "…", 0x0AC9: "™", 0x0AE6: "•", 0x0AFD: "‚", 0x0AFE: "„",
    **_row(0x08FB, "←↑→↓"), 0x08BC: "≤", 0x08BD: "≠", 0x08BE: "≥", 0x08C2: "∞", 0x08D6: "√",
}  # fmt: skip
# The keypad's digits depend on NumLock, which people have on their side and this keyboard not.
_KEYPAD = {**_row(0xFFB0, "0123456789"), 0xFFAC: ",", 0xFFAE: "."}


def _name(keycode: int) -> str:
    return f"G{keycode:03d}"


def _level(level: int) -> str:
    held = [name for place, name in enumerate(_LEVEL_NAMES) if level >> place & 1]
    chosen = f"        map[{'+'.join(held)}] = {level + 1};\n" if held else ""
    return f'{chosen}        level_name[{level + 1}] = "L{level + 1}";'

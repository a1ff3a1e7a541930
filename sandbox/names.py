"""What programs call their things, as text that is safe to tell: one short line."""

import unicodedata

LONGEST_NAME = 200
"""Characters of a name; the rest is cut off."""
# Control and format characters (the ones that turn text round among them), halves of surrogate
# pairs, private and unassigned ones (Unicode, General_Category).
_UNTOLD = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean(name: str, longest: int = LONGEST_NAME) -> str:
    """A name on one line, without characters that control or turn it, and cut."""
    if name.isascii() and name.isprintable():
        shown = name
    else:
        shown = "".join(
            " " if one.isspace() else one
            for one in name
            if one.isspace() or unicodedata.category(one) not in _UNTOLD
        )
    return " ".join(shown.split())[:longest].rstrip()

"""In which line of a TOML file something begins, for sentences that say what is wrong with it."""

import re
import tomllib
from functools import cached_property


class TomlLines:
    """The lines of a file that has been read without an error.

    Args:
        text: What it holds.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")

    def key(self, name: str) -> int:
        """The line where a table or value of the outermost level begins, counted from 1."""
        return next(iter(self._starts(rf"(\[\[?\s*)?[\"']?{re.escape(name)}[\"']?\s*[].=]")), 1)

    def table(self, name: str, number: int, of: int) -> int:
        """The line of one of several tables of a name, [[name]]; of an array, where that begins.

        Args:
            name: Theirs.
            number: Which one, counted from 1.
            of: How many there are.
        """
        heads = self._heads(name)
        return heads[number - 1] if len(heads) == of else self.key(name)

    def _heads(self, name: str) -> list[int]:
        return self._starts(rf"\[\[\s*[\"']?{re.escape(name)}[\"']?\s*\]\]")

    def _starts(self, pattern: str) -> list[int]:
        """The lines that begin so, but for those that are part of a longer text."""
        begins = re.compile(rf"\s*{pattern}")
        found = (at for at, line in enumerate(self._lines, 1) if begins.match(line))
        return [at for at in found if not self._many_lines or self._whole(at - 1)]

    @cached_property
    def _many_lines(self) -> bool:
        """Whether any text may go over several lines."""
        return any('"""' in line or "'''" in line for line in self._lines)

    def _whole(self, lines: int) -> bool:
        """Whether nothing that has begun goes on after so many lines."""
        try:
            tomllib.loads("\n".join(self._lines[:lines]))
        except tomllib.TOMLDecodeError:
            return False
        return True


def why_no_toml(text: str, why: tomllib.TOMLDecodeError) -> str:
    """What is wrong with a text that is no TOML, with its line."""
    last = text.rstrip().count("\n") + 1
    return str(why).replace("(at end of document)", f"(at line {last}, the last)")[:200]

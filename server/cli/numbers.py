"""Numbers of options, and the range each must be in."""

import argparse
import math
from collections.abc import Callable


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number from least to most, as an argparse type."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number")
        if not least <= (number := int(text)) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return number

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """A finite number from least to most, as an argparse type."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]} is not from {least:g} to {most:g}")
        return value

    return parse


YEAR = 366 * 24 * 3600.0
"""The longest span of time that an option takes, in seconds."""

"""Menus opened level by level, by a path such as "File > Save As"."""

import re
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from ..accessibility.atspi.text_match import Fit, fit, plain
from ..accessibility.element import Element
from ..accessibility.listing import MENU_ITEMS
from ..errors import Ambiguous, NoSuchElement
from ..screen.locator import Locator
from ..screen.ranking import described

_BETWEEN = re.compile(r"\s+[>›→▸]\s+")
_OPENS_WITHIN = 3.0  # seconds
_LOOKED_AGAIN = 0.03
_OPENERS = MENU_ITEMS | {"button", "toggle button", "push button menu"}


def path(named: str) -> list[str]:
    """The parts of a path of menus; empty if it is none."""
    parts = [plain(one) for one in _BETWEEN.split(named.strip())]
    return parts if len(parts) > 1 and all(parts) else []


def opened(names: Sequence[str], sight: Locator, click: Callable[[Element], None]) -> Element:
    """The last item of a path, once every menu above it is open.

    Args:
        names: The parts of the path.
        sight: What can be seen.
        click: Clicks what is given.

    Raises:
        NoSuchElement: A menu has no such item, or did not open.
        Ambiguous: It has several.
    """
    bar, *items = names
    found = _named(items[0], _in_menus(sight))
    if found is None:  # a second click would close it
        first = _named(bar, _in_bar(sight))
        if first is None:
            raise NoSuchElement(f"a menu called {bar!r}", [])
        click(first)
        found = _awaited(items[0], sight)
    for above, name in pairwise(items):
        below = _named(name, _in_menus(sight))
        if below is None:
            click(found)
            below = _awaited(name, sight, above)
        found = below
    return found


def _awaited(name: str, sight: Locator, above: str = "") -> Element:
    until = time.monotonic() + _OPENS_WITHIN
    while True:
        there = _in_menus(sight)
        found = _named(name, there)
        if found is not None:
            return found
        if time.monotonic() > until:
            where = f" in the menu {above!r}" if above else ""
            raise NoSuchElement(f"called {name!r}{where}", [described(one) for one in there[:8]])
        time.sleep(_LOOKED_AGAIN)


def _in_menus(sight: Locator) -> list[Element]:
    groups = sight.read(pixels=False).groups
    told = [one for group in groups if group.layer.popup for one in group.elements]
    return [one for one in told if one.role in MENU_ITEMS]


def _in_bar(sight: Locator) -> list[Element]:
    groups = sight.read(pixels=False).groups
    told = [one for group in groups if group.layer.active for one in group.elements]
    menus = [one for one in told if one.role in MENU_ITEMS]
    return menus + [one for one in told if one.role in _OPENERS - MENU_ITEMS]


def _named(name: str, there: Sequence[Element]) -> Element | None:
    """What is called so; what is called exactly so before what only has it in its name."""
    fits = [(how, one) for one in there if (how := fit(name, plain(one.name))) is not None]
    least = min((how for how, _ in fits), default=Fit.NEAR)
    best = [one for how, one in fits if how is least and how < Fit.PART]
    menus = [one for one in best if one.role in MENU_ITEMS] or best
    if len(menus) > 1:
        raise Ambiguous(f"called {name!r}", [described(one) for one in menus])
    return menus[0] if menus else None

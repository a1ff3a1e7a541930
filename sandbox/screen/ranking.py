"""Which elements fit what is asked for, and which of them best."""

from collections.abc import Sequence

from ..accessibility.atspi.text_match import Fit, excerpt, fit, plain
from ..accessibility.element import Element, Group
from ..accessibility.listing import PICTURES

_SHORT = 200  # characters of what something is called in an answer

# What models call things, who have read more web pages than accessibility trees.
_ARIA = {
    "textbox": "entry", "text field": "entry", "input": "entry", "textarea": "entry",
    "searchbox": "entry", "checkbox": "check box", "radio": "radio button", "tab": "page tab",
    "combobox": "combo box", "select": "combo box", "listitem": "list item", "img": "image",
    "menuitem": "menu item", "cell": "table cell", "spinbutton": "spin button",
    "password": "password text", "push button": "button", "option": "list item",
}  # fmt: skip


def described(element: Element) -> str:
    """An element in a few words; signs show where its text is cut."""
    words = element.name or element.text or ""
    words = excerpt(element.words, words) if element.words else words
    return f"{element.ref} {element.role} {words[:_SHORT]}{'…' if len(words) > _SHORT else ''}"


def unreadable(groups: Sequence[Group]) -> list[str]:
    """Which windows could not be read, and what their programs did instead of telling."""
    titles: dict[str, dict[str, None]] = {}
    for group in groups:
        if group.silent:
            titles.setdefault(group.silent, {})[repr(group.layer.title)] = None
    return [f"{why}: {', '.join(sorted(named))}" for why, named in titles.items()]


def fit_of(asked: str, element: Element) -> Fit:
    fits = [fit(asked, plain(one)) for one in (element.name, element.text or "")]
    return min((one for one in fits if one is not None), default=Fit.NEAR)


def is_near(other: Element, one: Element) -> bool:
    """Whether something stands in the same column or row, not far off."""
    a, b = other.rect.centre, one.rect.centre
    return other.name != one.name and abs(a.x - b.x) < 150 and -120 < a.y - b.y < 12


def fitting_elements(
    asked: str, role: str, elements: Sequence[Element]
) -> list[tuple[Fit, Element]]:
    wanted = _ARIA.get(role.strip().casefold(), role.strip().casefold())
    found: list[tuple[Fit, int, int, Element]] = []
    for place, one in enumerate(elements):
        if wanted and wanted != one.role:
            continue
        fits = [fit(asked, plain(words)) for words in (one.name, one.text or "") if words]
        best = min((each for each in fits if each is not None), default=None)
        if not asked:
            best = Fit.SAME
        if best is not None:
            found.append((best, not one.usable, place, one))
    return [(best, one) for best, _, _, one in sorted(found, key=lambda each: each[:3])]


def best_of(asked: str, found: Sequence[Element]) -> list[Element]:
    """Those that fit best; of those what is called so before what holds it, and what can be used
    before what only stands there."""

    def worth(one: Element) -> tuple[int, bool, bool]:
        name, text = fit(asked, plain(one.name)), fit(asked, plain(one.text or ""))
        best = min((each for each in (name, text) if each is not None), default=Fit.NEAR)
        return best, name != best, not one.usable

    first = min(worth(one) for one in found)
    return [one for one in found if worth(one) == first]


def not_told_already(texts: Sequence[Element], told: Sequence[Element]) -> list[Element]:
    """Texts off the pixels that the tree does not have at the same place."""

    def known(text: Element) -> bool:
        return any(
            fit(plain(text.name), plain(f"{one.name} {one.text or ''}")) is not None
            and one.rect.overlap(text.rect)
            for one in told
            if one.role not in PICTURES
        )

    return [one for one in texts if not known(one)]

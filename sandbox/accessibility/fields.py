"""Fields: the one that a label leads to, and all that a window has."""

from collections.abc import Sequence

from ..x11.windows import Layer
from .atspi.bus import Silent
from .atspi.tree import AccessibilityTree
from .element import Element, Known
from .elements import Elements
from .pairing import paired
from .placement import below_of, right_of

_ANSWER_WITHIN = 2.5  # seconds its program has to tell them
_LABELLED = {"combo box", "spin button", "slider", "date editor", "switch"}


def fields_of(
    tree: AccessibilityTree, layer: Layer, layers: Sequence[Layer], seconds: float
) -> list[Known]:
    """What can be typed into in one of the windows there are.

    Raises:
        Silent: Its program does not answer in time.
    """
    tops = tree.fields(layer.pid, seconds)
    own = [
        one.top
        for one in paired(tops, layers)
        if one.layer.window == layer.window or (not one.certain and one.layer.pid == layer.pid)
    ]
    return [Known(node, layer, top) for top in own for node in top.nodes]


def labelled(elements: Elements, label: Element) -> Element | None:
    """The field that a label says it is the label of; None if it does not say."""
    known = elements.known(label)
    keys = elements.tree.labelled(known.node)
    return next(
        (one for one in elements.in_window(label.window) if elements.known(one).node.key in keys),
        None,
    )


def beside(elements: Elements, label: Element) -> Element | None:
    """The nearest field right of a label, else below it, that nothing else names."""
    fields = [
        one
        for one in elements.in_window(label.window)
        if (one.field or one.role in _LABELLED) and one.seen
        if one.name.strip(" :*") in ("", label.name.strip(" :*"))
    ]
    for near in (right_of, below_of):
        there = sorted(
            (distance, place)
            for place, one in enumerate(fields)
            if (distance := near(label.rect, one.rect)) is not None
        )
        if there and (len(there) == 1 or there[1][0] > there[0][0]):
            return fields[there[0][1]]
    return None


def fields_from(elements: Elements, element: Element) -> list[str]:
    """What a field and those behind it in its window hold, in order; empty if unknown."""
    known = elements.known(element)
    try:
        tops = elements.tree.fields(known.layer.pid, _ANSWER_WITHIN)
    except Silent:
        return []
    nodes = [one for top in tops if top.key == known.top.key for one in top.nodes]
    keys = [one.key for one in nodes]
    first = keys.index(known.node.key) if known.node.key in keys else len(nodes)
    return [one.text or "" for one in nodes[first:] if one.key not in elements.withheld]

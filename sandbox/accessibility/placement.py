"""Where elements are on the screen, and in which order they are read."""

from collections.abc import Sequence
from dataclasses import replace

from ..geometry import Point, Rect
from ..x11.windows import Layer
from .atspi.nodes import Node, Top
from .element import Element

# What may lie in a menu or list of its own window, over other windows of its program.
POPUPS = {
    "menu", "menu item", "check menu item", "radio menu item", "list item", "list box", "tool tip",
    "popup menu", "separator", "table cell", "tree item", "window", "list", "label",
}  # fmt: skip

_BESIDE, _UNDER, _SAME_COLUMN = 300, 40, 24  # pixels between a label and its field

_BORDER = 4  # pixels of a frame or a shadow around the items of a list
_LIKE_WIDE = 12  # pixels a popover and its window may differ, by a shadow


def placed(node: Node, top: Top, layer: Layer, layers: Sequence[Layer]) -> Node:
    """A node with its rectangle in pixels of the screen."""
    if node.pane:
        return replace(node, rect=replace(node.rect, y=node.rect.y + layer.inner.bottom))
    if not top.relative:
        return node
    x, y = layer.inner.x - top.rect.x, layer.inner.y - top.rect.y
    if node.popover:
        own, width = node.popover, node.popover.width
        for one in layers:
            if one.popup and one.pid == layer.pid and abs(one.outer.width - width) < _LIKE_WIDE:
                x = one.outer.right - own.right
                y = one.outer.bottom - own.bottom
                break
        else:
            return replace(node, rect=Rect(0, 0, 0, 0))  # its window is not there yet
    return node.moved(x, y)


def own_point(point: Point, top: Top, layer: Layer) -> Point:
    """A point of the screen as the program counts it."""
    if not top.relative:
        return point
    return Point(point.x - layer.inner.x + top.rect.x, point.y - layer.inner.y + top.rect.y)


def peeps_out(layer: Layer, layers: Sequence[Layer]) -> bool:
    above = layers[: layers.index(layer)]
    return bool(layer.outer.without(one.outer for one in above))


def seen_part(node: Node, top: Top, layer: Layer, layers: Sequence[Layer]) -> Rect | None:
    """The largest part of a node, as `placed`, that is not covered by another window."""
    place = next((at for at, one in enumerate(layers) if one.window == layer.window), 0)
    above = [one for one in layers[:place] if not _is_its_popup(one, layer, node)]
    tells = node.popover is not None or not top.relative  # GTK 4 tells what is in a popover
    popups = [one for one in layers[:place] if tells and _is_its_popup(one, layer, node)]
    shows = node.rect if node.clip is None else node.rect.overlap(node.clip)
    pieces = [
        piece
        for where in _panes(node, layer, popups)
        if (part := shows and shows.overlap(where))
        for piece in part.without(one.outer for one in above)
    ]
    return max(pieces, key=lambda one: one.area, default=None)


def _panes(node: Node, layer: Layer, popups: Sequence[Layer]) -> list[Rect]:
    """Where a node can show: in its window, and in what that has opened.

    The items of a list that is longer than its window show in it alone, and not where the arrows
    are that scroll it. Where it is not told how far it has scrolled, they are in no known place.
    """
    if node.run is None:
        return [layer.outer, *(one.outer for one in popups)]
    panes: list[Rect] = []
    for one in [each for each in (layer, *popups) if each.popup] or [layer]:
        where = one.outer
        above, below = node.run.y < where.y - _BORDER, node.run.bottom > where.bottom + _BORDER
        if not (above or below):
            panes.append(where)
        elif not node.unscrolled:
            arrow = node.rect.height
            top = where.y + arrow * above
            height = where.bottom - arrow * below - top
            panes.append(Rect(where.x, top, where.width, max(0, height)))
    return panes


def right_of(label: Rect, field: Rect) -> int | None:
    """How far right of a label a field is; None if it is not in its row."""
    gap = field.x - label.right
    in_row = field.y <= label.centre.y < field.bottom or label.y <= field.centre.y < label.bottom
    return gap if in_row and -4 <= gap < _BESIDE else None


def below_of(label: Rect, field: Rect) -> int | None:
    """How far below a label a field is; None if they do not begin in the same column."""
    gap = field.y - label.bottom
    return gap if abs(field.x - label.x) < _SAME_COLUMN and -4 <= gap < _UNDER else None


def _is_its_popup(one: Layer, layer: Layer, node: Node) -> bool:
    if not one.popup or one.pid != layer.pid or node.role not in POPUPS:
        return False
    return one.outer.holds(node.rect.centre)


def in_reading_order(elements: Sequence[Element]) -> list[Element]:
    """Row by row, each from the left; what is about as high up is one row."""
    rows: list[list[Element]] = []
    for one in sorted(elements, key=lambda one: (one.rect.centre.y, one.rect.x)):
        if rows:
            first = rows[-1][0].rect
            slack = max(4, min(first.height, one.rect.height) // 3)
            if one.rect.centre.y - first.centre.y <= slack:
                rows[-1].append(one)
                continue
        rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda one: one.rect.x)]


def opened_by(one: Layer, window: Layer) -> bool:
    """Whether something is a menu or the like that a window has opened."""
    return one.popup and one.pid == window.pid

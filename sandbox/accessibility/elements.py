"""What can be seen and used on a desktop, named by a ref that stays: read from the programs' trees.

What a program tells is held against what the screen shows: an element counts as visible only where
its own window is on top. A ref is resolved anew each time it is used, and refused when its element
has gone, has changed its role, or lies under something else.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..errors import ElementGone, NoSuchRef
from ..geometry import Point, Rect
from ..x11.windows import Layer, Windows
from .atspi.bus import Key, Silent, Slow
from .atspi.commands import Command
from .atspi.node_maker import FIELDS
from .atspi.nodes import Node, Top, Unsure
from .atspi.tree import AccessibilityTree
from .element import Element, Group, Known, Touched
from .listing import MENU_ITEMS, listed, of_menu, without_echoes
from .pairing import Pair, certain, paired
from .placement import (
    POPUPS,
    in_reading_order,
    opened_by,
    own_point,
    peeps_out,
    placed,
    seen_part,
)
from .refs import RefTable

_ANSWER_WITHIN = 2.5  # seconds each program has to tell what it shows
_SURE_WITHIN = 2.0  # the same, for what nothing may be done without
_LOOKS = 0.03  # seconds Chromium takes to find out what is under a point
_TOLD_APART_WITHIN = 0.5  # seconds a program has to follow its windows' titles and focus
_REFS_KEPT = 20_000
ALIKE = "does not tell its windows apart; bring one to the front to read it"
_MARKS = ("focused", "armed", "selected")  # the last has what was chosen before it was opened, too
_WHOLE = {"frame", "window", "application", "document web", "document frame", "panel", "dialog"}


class Elements:
    """The elements of one desktop. Used by one thread at a time.

    Args:
        tree: What programs tell.
        windows: What is on the screen.
    """

    def __init__(self, tree: AccessibilityTree, windows: Windows) -> None:
        self._tree = tree
        self._windows = windows
        self.refs: RefTable[tuple[Key, tuple[int, int] | None], Known] = RefTable("e", _REFS_KEPT)
        """By the object, and the cell of a table."""
        self._homes: dict[Key, int] = {}
        self.withheld: set[Key] = set()
        """Fields that hold a secret: what is in them is not told."""
        self.withheld_windows: set[int] = set()
        """Windows of whose fields some hold a secret."""

    @property
    def tree(self) -> AccessibilityTree:
        """What programs tell."""
        return self._tree

    def in_window(self, window: int) -> list[Element]:
        """All that can be seen in one window."""
        groups = self.read()
        return [one for group in groups if group.layer.window == window for one in group.elements]

    def forget(self) -> None:
        """Know no ref any more: other programs have the names of those that were read."""
        self.refs.forget()
        self._homes.clear()

    def read(self, seconds: float = _ANSWER_WITHIN) -> list[Group]:
        """All that can be seen, window by window, the active one first."""
        layers = self._windows.layers()
        shown = [layer for layer in layers if peeps_out(layer, layers)]
        tops, silent = self._tree.read({one.pid for one in shown if one.pid}, seconds)
        found = {layer.window: list[Element]() for layer in shown}
        unplaced = {layer.window: list[Element]() for layer in shown}
        unsure: dict[int, str] = {}
        told: set[int] = set()
        for pair in self._pairs(tops, layers):
            window = pair.layer.window
            if window not in found:
                continue
            if not pair.certain:
                unsure[window] = ALIKE
                continue
            told.add(window)
            for one in self._elements(pair.top, pair.layer, layers):
                over = self._popup_of(one, pair.layer, layers) or pair.layer
                told.add(over.window)
                (unplaced if one.unplaced else found)[over.window].append(one)
        groups = [
            Group(
                one, of_menu(found[one.window]) if one.popup else found[one.window],
                [over.outer for over in layers[: layers.index(one)]],
                one.window in told, silent.get(one.pid, "") or unsure.get(one.window, ""),
                unplaced[one.window],
            )
            for one in shown
        ]  # fmt: skip
        return sorted(groups, key=lambda group: not group.layer.active)

    def _pairs(self, tops: Sequence[Top], layers: Sequence[Layer]) -> list[Pair]:
        """Which window on the screen each of these is; what is certain once is remembered."""
        there = {one.window for one in layers}
        asked = {one.key for one in tops}
        for key, window in list(self._homes.items()):
            closed = window not in there and not self._windows.exists(window)
            if closed or (key not in asked and any(one[0] == key[0] for one in asked)):
                del self._homes[key]
        found = paired(tops, layers, self._homes)
        titled = [one for one in found if one.certain and one.top.name.strip()]
        self._homes |= {one.top.key: one.layer.window for one in titled if not one.layer.popup}
        return found

    def popup_at(self, point: Point, layer: Layer, layers: Sequence[Layer]) -> Layer | None:
        """The menu or the like at a point that a window has opened; it tells what is in it."""
        over = next((one for one in layers if one.outer.holds(point)), None)
        own = over and over.popup and over.pid == layer.pid and over.window != layer.window
        return over if own else None

    def _popup_of(self, element: Element, layer: Layer, layers: Sequence[Layer]) -> Layer | None:
        """The menu or the like that an element is in, if it is not in the window itself."""
        if not element.unplaced:
            return self.popup_at(element.point, layer, layers)
        run = self.node(element).run
        opened = [one for one in layers if opened_by(one, layer)]
        return next((one for one in opened if run and run.overlap(one.outer)), None)

    def hidden(self, fits: Callable[[str], bool], most: int) -> list[Element]:
        """What has a fitting name and is not in view; `Reach.clickable` brings it there."""
        layers = self._windows.layers()
        tops, _ = self._tree.tops({one.pid for one in layers if one.pid}, _ANSWER_WITHIN)
        homes = [one for one in self._pairs(tops, layers) if one.certain]
        found: list[Element] = []
        for node in self._tree.named({one.top.pid for one in homes}, fits, most):
            fitting = [one for one in homes if one.top.key[0] == node.key[0]]
            if len([one for one in tops if one.key[0] == node.key[0]]) > 1:
                holders = set(self._tree.ancestors(node))
                fitting = [one for one in fitting if one.top.key in holders]
            for one in fitting[:1]:
                shown = placed(node, one.top, one.layer, layers)
                found.append(self._element(shown, node, one.top, one.layer, layers))
        return [one for one in found if one.seen is None]

    def words(self, element: Element, asked: str) -> Element | None:
        """An element with the place of some words in its text; None where that is not told."""
        known = self.known(element)
        if known.node.cell:
            return None
        within = self._tree.words(known.node, asked)
        if within is None:
            return None
        layers = self._windows.layers()
        layer = next((one for one in layers if one.window == element.window), known.layer)
        rect = within.moved(element.rect.x, element.rect.y)
        whole = placed(known.node, known.top, layer, layers)
        seen = element.seen and seen_part(replace(whole, rect=rect), known.top, layer, layers)
        point = (seen or rect).centre
        return replace(element, rect=rect, seen=seen, point=point, words=asked)

    def resolve(self, ref: str) -> Element:
        """The element a ref names, as it is now.

        Raises:
            NoSuchRef: The ref was never given.
            ElementGone: Its element is not there any more, or is another thing now.
        """
        known = self.refs.get(ref)
        if known is None:
            raise NoSuchRef(ref)
        layers = self._windows.layers()
        layer = next((one for one in layers if one.window == known.layer.window), None)
        if layer is None:
            raise ElementGone(ref, known.node.role, known.node.name)
        try:
            now = self._tree.node(known.node)
        except Silent as why:
            raise ElementGone(ref, known.node.role, known.node.name) from why
        renamed = now.name != known.node.name and now.role not in FIELDS
        if now.role != known.node.role or (renamed and now.rect != known.node.rect):
            raise ElementGone(ref, known.node.role, known.node.name)
        return self._element(placed(now, known.top, layer, layers), now, known.top, layer, layers)

    def under(self, point: Point) -> list[Node]:
        """What is under a point as its program tells, innermost first; empty if it does not."""
        try:
            layer, top = self._top_at(point, 0.5)
        except Slow:
            return []
        if layer is None or top is None:
            return []
        if layer.window != top.layer.window:
            return self._listed_at(point, layer)
        chain = self._tree.at(top.top.key, own_point(point, top.top, layer))
        return chain or self._listed_at(point, layer)

    def touched(self, point: Point) -> list[Node]:
        """What a click at a point would reach, innermost first, as far as the page it is on.

        Raises:
            Slow: The program there does not answer, or does not tell its windows apart.
        """
        return self.touching(point, self._windows.layers()).chains[0]

    def touching(self, point: Point, layers: Sequence[Layer]) -> Touched:
        """The same with what is not certain about it; `layers` are what is on the screen now.

        Raises:
            Slow: The program there does not answer.
        """
        layer = next((one for one in layers if one.outer.holds(point)), None)
        if layer is None or not layer.pid or layer.dock:
            return Touched(([],))
        tops, silent = self._tree.tops({layer.pid}, _SURE_WITHIN)
        if layer.pid in silent:
            raise Slow("it did not tell its windows")
        if layer.popup and tops:
            return self._touching_popup(point, layer)
        if not layer.inner.holds(point):
            return Touched(([],))  # the window manager's frame
        try:
            pairs = self._pairs(tops, layers)
            if not certain(pairs, layer):
                pairs = self._sure_pairs(layer, _SURE_WITHIN)
            own = next((one for one in pairs if one.layer.window == layer.window), None)
        except Unsure:
            own = None
        chains: list[list[Node]] = []
        for top in [own.top] if own else tops:
            chain = self._tree.touched(top.key, own_point(point, top, layer))
            if not chain or chain[0].role.startswith("document"):  # it may not have found out yet
                chain = self._listed_at(point, layer, sure=not chain) or chain
            chains.append(chain)
        windows = {one.window for one in layers if one.pid == layer.pid}
        sure = own is not None or not tops or len(windows) < 2
        why = "" if sure else "its program has several windows that cannot be told apart"
        return Touched(tuple(chains or [[]]), why)

    def _touching_popup(self, point: Point, layer: Layer) -> Touched:
        """What a menu or list in a window of its own has at a point, or all that may be there."""
        groups = [one for one in self.read() if one.layer.window == layer.window]
        if unplaced := [one for group in groups for one in group.unplaced]:
            return Touched(tuple([self.node(one)] for one in unplaced))
        kinds = POPUPS | {"button", "check box"}
        listed = [self.node(one) for each in groups for one in each.at(point) if one.role in kinds]
        return Touched((listed,), "" if listed else "its program does not tell what is in it")

    def form(self, node: Node) -> list[Node] | None:
        """The buttons and fields of the form that something is in; None when it is in none.

        Raises:
            Slow: Its program does not answer.
        """
        return self._tree.form(node)

    def active(self) -> list[Element]:
        """What is in view of the program that has the active window.

        Raises:
            Slow: It does not answer.
        """
        layers = self._windows.layers()
        active = next((one for one in layers if one.active), None)
        if active is None or not active.pid:
            return []
        tops, silent = self._tree.read({active.pid}, _SURE_WITHIN)
        if active.pid in silent:
            raise Slow("it did not tell what it shows")
        homes = {one.top.key: one.layer for one in self._pairs(tops, layers)}
        return [
            one for top in tops for one in self._elements(top, homes.get(top.key, active), layers)
        ]

    def popups(self) -> list[Rect]:
        """Where the program with the active window has menus or lists open in their own windows."""
        layers = self._windows.layers()
        active = next((one for one in layers if one.active), None)
        return [one.outer for one in layers if active and one.popup and one.pid == active.pid]

    def bindings(self, elements: Sequence[Element]) -> list[str | None]:
        """The keys that press each element, as its program tells them; see `Tree.bindings`.

        Raises:
            Slow: The program does not answer.
        """
        return self._tree.bindings([self.node(one) for one in elements])

    def commands(self, pid: int, fits: Callable[[str], bool]) -> list[Command]:
        """Return the usable commands of a program's window whose keys fit; see `Tree.commands`.

        Raises:
            Slow: It does not answer.
        """
        found = [one for one in self._tree.commands(pid) if fits(one.keys)]
        return self._tree.usable(found) if found else []

    def in_sheet(self, element: Element) -> bool:
        """Whether something is a cell of a spreadsheet."""
        return self._tree.in_sheet(self.node(element))

    def tells(self, point: Point | None = None) -> bool:
        """Whether it is known for certain what is at a point, or what has the keyboard focus.

        False where a program does not tell what it shows, or does not tell its windows apart.
        """
        try:
            if point is not None:
                layer, top = self._top_at(point, _SURE_WITHIN)
                if layer is None or top is None:
                    return False
                return layer.window == top.layer.window or bool(self._listed_at(point, layer))
            return self.focus(sure=True) is not None
        except Slow:
            return False

    def url(self, node: Node) -> str:
        """The address of the page a node is, or is on; empty if it is on none.

        Raises:
            Slow: Its program does not answer.
        """
        return self._tree.url(node)

    def _top_at(self, point: Point, seconds: float) -> tuple[Layer | None, Pair | None]:
        """The window at a point and who tells of it: itself, or the window that opened a menu.

        Raises:
            Slow: Its program does not answer, or does not tell its windows apart.
        """
        layers = self._windows.layers()
        layer = next((one for one in layers if one.outer.holds(point)), None)
        if layer is None or not layer.pid:
            return layer, None
        pairs = self._sure_pairs(layer, seconds)
        own = next((one for one in pairs if one.layer.window == layer.window), None)
        if layer.popup and (own is None or not self._tree.at(own.top.key, point)):
            framed = [one for one in pairs if not one.layer.popup]
            own = next((one for one in framed if one.layer.active), next(iter(framed), own))
        return layer, own

    def _sure_pairs(self, layer: Layer, seconds: float) -> list[Pair]:
        """The windows of a window's program, which of them it is being certain.

        Raises:
            Slow: The program does not answer, or does not tell its windows apart.
        """
        until = time.monotonic() + _TOLD_APART_WITHIN
        while True:
            layers = self._windows.layers()
            tops, silent = self._tree.tops({layer.pid}, seconds)
            if layer.pid in silent:
                raise Slow("it did not tell its windows")
            pairs = self._pairs(tops, layers)
            if certain(pairs, layer):
                return pairs
            if time.monotonic() > until:
                raise Unsure("it does not tell its windows apart")
            time.sleep(_LOOKS)  # a title or the active window has just changed

    def _listed_at(self, point: Point, layer: Layer, *, sure: bool = False) -> list[Node]:
        """What covers a point of all that a window shows, the smallest first.

        Raises:
            Slow: Its program did not tell all of it, and `sure` is asked for.
        """
        groups = [one for one in self.read() if one.layer.window == layer.window]
        if sure and any(one.silent not in ("", ALIKE) for one in groups):
            raise Slow("it did not tell what it shows")
        return [self.node(one) for group in groups for one in group.at(point)]

    def focus(self, *, sure: bool = False) -> Element | None:
        """What has the keyboard focus, if the active window's program tells.

        Raises:
            Slow: It does not answer or does not tell its windows apart, and `sure` is asked for.
        """
        told = self.focuses(sure=sure)
        parts = [one for one in told if one.role not in _WHOLE]
        if len(parts) > 1:
            # Chromium leaves it with the page's element while a field of its own has it.
            try:
                own = [one for one in parts if not self._tree.on_page(self.node(one))]
            except Silent as why:
                if sure:
                    raise Slow("it does not tell which of several things has the focus") from why
                return None
            told = own or parts
        return max(reversed(told), key=_focus_worth, default=None)

    def focuses(self, *, sure: bool = False) -> list[Element]:
        """All that the active window's program says has the keyboard focus.

        Raises:
            Slow: It does not answer, and `sure` is asked for.
        """
        layers = self._windows.layers()
        active = next((one for one in layers if one.active), None)
        if active is None or not active.pid:
            return []
        try:
            pairs = self._sure_pairs(active, _SURE_WITHIN if sure else 0.5)
        except Slow:
            if sure:
                raise
            return []
        own = next((one for one in pairs if one.layer.window == active.window), None)
        opened = [one for one in layers[: layers.index(active)] if opened_by(one, active)]
        told = self._tree.focused(active.pid, sure=sure)
        for popup in opened:
            is_menu, chosen = self._chosen_in(popup, active, pairs, told, layers)
            if is_menu:
                return [chosen] if chosen else []
        fitting: list[Element] = []
        for top, node in told:
            if own and top == own.top.key:
                shown = placed(node, own.top, active, layers)
                if shown.rect.overlap(active.outer):
                    fitting.append(self._element(shown, node, own.top, active, layers))
        return fitting

    def _chosen_in(
        self,
        popup: Layer,
        active: Layer,
        pairs: Sequence[Pair],
        told: Sequence[tuple[Key, Node]],
        layers: Sequence[Layer],
    ) -> tuple[bool, Element | None]:
        """Whether something that has been opened is a menu, and which of its items keys press."""
        own = next((one for one in pairs if one.layer.window == popup.window), None)
        if own and own.certain and (focused := [node for top, node in told if top == own.top.key]):
            inside = [self._element(one, one, own.top, popup, layers) for one in focused]
            return True, max(reversed(inside), key=_focus_worth)
        items = [one for one in self.in_window(popup.window) if one.role in MENU_ITEMS]
        marked = [one for state in _MARKS for one in items if state in one.states]
        if not marked and any("editable" in node.states for _, node in told):
            return False, None  # what a field offers to complete it; keys go to the field
        return bool(items), next(iter(marked), None)

    def node(self, element: Element) -> Node:
        """The object of the tree behind an element."""
        return self.known(element).node

    def known(self, element: Element) -> Known:
        """What an element was made of.

        Raises:
            NoSuchRef: So much was seen since that it is not remembered.
        """
        known = self.refs.get(element.ref)
        if known is None:
            raise NoSuchRef(element.ref)
        return known

    def keeps(self, element: Element) -> bool:
        """Whether what an element holds is not told, because a secret is in it."""
        hidden = element.window in self.withheld_windows
        return hidden or self.node(element).key in self.withheld

    # Making elements

    def _elements(self, top: Top, layer: Layer, layers: Sequence[Layer]) -> list[Element]:
        made: list[Element] = []
        for node in listed(top.nodes):
            element = self._element(placed(node, top, layer, layers), node, top, layer, layers)
            if element.seen or element.unplaced:
                made.append(element)
        made = without_echoes(made)
        return made if top.ordered else in_reading_order(made)

    def _element(
        self, shown: Node, node: Node, top: Top, layer: Layer, layers: Sequence[Layer]
    ) -> Element:
        if node.key in self.withheld or layer.window in self.withheld_windows:
            node = replace(node, text=None)
        known = Known(node, layer, replace(top, nodes=()))  # not all of its window
        ref = self.refs.keep((node.key, node.cell), known)
        seen = seen_part(shown, top, layer, layers)
        point = (seen or shown.rect).centre
        return Element(
            ref, node.role, node.name, node.text, node.states, shown.rect, seen, point,
            layer.window, unplaced=node.unscrolled and seen is None,
        )  # fmt: skip


def _focus_worth(one: Element) -> int:
    """Which of several things that all say they have the focus has it.

    Qt leaves it with a list that has closed, browsers give it to documents too.
    """
    whole, left_over = one.role in _WHOLE, "transient" in one.states
    return 3 if one.field else 0 if whole else 1 if left_over else 2

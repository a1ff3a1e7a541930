"""The screen in words: one line for each thing, window by window, as few characters as will do.

e12 button "OK" 320,240            a thing, its role and name, and where to click
e13 "All changes saved" 200,700    plain text has no role
e14 entry "Name" = "Ada" 320,80 focused
o3 "GAME OVER" 640,300             read off the pixels
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gloveport.sandbox.accessibility.atspi.text_match import Fit, excerpt, fit, place_of, plain
from gloveport.sandbox.accessibility.element import Element, Group
from gloveport.sandbox.frames import Frame
from gloveport.sandbox.geometry import Point, Rect
from gloveport.sandbox.screen.locator import Scene
from gloveport.sandbox.screen.ranking import unreadable

LONGEST = 50_000  # characters of one answer
_KEPT = 32  # outlines a later one can be held against
_LONGEST_TEXT = 300
_SAID = (
    "focused", "checked", "pressed", "selected", "expanded", "collapsed", "busy", "required",
    "invalid entry", "indeterminate",
)  # fmt: skip
_WORDS = {"static", "label", "paragraph", "section", "text"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What part of the screen to tell."""

    query: str = ""
    window: str = ""
    region: Rect | None = None

    def keeps(self, element: Element) -> bool:
        if element.role == "table cell" and element.text == "" and "focused" not in element.states:
            return False  # the empty cells of a sheet
        asked = plain(self.query)
        words = [plain(one) for one in (element.name, element.text or "", element.role)]
        fits = not asked or any(fit(asked, one) not in (None, Fit.NEAR) for one in words)
        where = None if element.unplaced else element.point
        return fits and (self.region is None or (where is not None and self.region.holds(where)))

    def shows(self, group: Group) -> bool:
        layer, asked = group.layer, self.window.strip().casefold()
        names = (layer.title, layer.application, f"0x{layer.window:x}")
        return not asked or any(asked in one.casefold() for one in names)


class Outlines:
    """Tells the screen, and what is new on it since it was told before."""

    def __init__(self) -> None:
        self._told: OrderedDict[int, dict[str, str]] = OrderedDict()

    def tell(self, frame: Frame, scene: Scene, wanted: Wanted, since: int, offset: int) -> str:
        """The screen in words.

        Args:
            frame: The frame that goes with it.
            scene: What can be seen.
            wanted: What part of it to tell.
            since: The number of an earlier outline's frame, to tell only what is new; 0 for all.
            offset: How many lines to leave out, to go on where an answer was cut.
        """
        lines = {one.ref: line(one) for one in (*scene.elements, *scene.unplaced)}
        self._told[frame.number] = lines
        while len(self._told) > _KEPT:
            self._told.popitem(last=False)
        before = self._told.get(since) if since else None
        notes = [f"frame {frame.number}"]
        if scene.unread:
            notes.append(f"text in pictures was not read: {scene.unread}")
        notes += unreadable(scene.groups)
        if since and before is None:
            notes.append(f"frame {since} is not remembered, so this is all")
        body = self._body(scene, wanted, lines, before)
        if before is not None:
            gone = [f"- {text}" for ref, text in before.items() if ref not in lines]
            body += ["gone:", *gone] if gone else []
            notes.append(f"changes since frame {since}" if body else f"no change since {since}")
        elif not body:
            notes.append("nothing that fits is seen")
        return _cut("; ".join(notes), body, offset)

    def _body(
        self,
        scene: Scene,
        wanted: Wanted,
        lines: dict[str, str],
        before: dict[str, str] | None,
    ) -> list[str]:
        new: Callable[[Element], bool] = lambda one: (  # noqa: E731 - it is used in one place
            before is None or before.get(one.ref) != lines[one.ref]
        )
        body: list[str] = []
        for group in scene.groups:
            if not wanted.shows(group):
                continue
            there = [*group.elements, *group.unplaced]
            kept = [one for one in there if wanted.keeps(one) and new(one)]
            narrowed = bool(wanted.query or wanted.region or before is not None)
            if kept or not (narrowed or group.layer.dock or group.layer.popup):
                body += [
                    _heading(group),
                    *(line(one, wanted.query) if wanted.query else lines[one.ref] for one in kept),
                ]
        return body


def line(element: Element, asked: str = "") -> str:
    """One element in words: of a long text what stands around what was asked for."""
    around = element.words or asked
    role = "" if element.role in _WORDS and not element.field else f" {element.role}"
    called = _shortened(element.name, around)
    name = f' "{called}"' if called or not role else ""
    text = None if element.text is None else _shortened(element.text, around)
    if not element.name and not role and text:
        name, text = f' "{text}"', None
    holds = "" if text is None else f' = "{text}"'.replace("\n", "\\n")
    states = [one for one in _SAID if one in element.states]
    if "checkable" in element.states and not {"checked", "indeterminate"} & element.states:
        states.append("unchecked")
    if "sensitive" not in element.states and element.eye == "tree":
        states.append("disabled")
    if element.seen is None:
        states.append("hidden")
    said = "".join(f" {one}" for one in states)
    where = f" {_point(element.point)}" if element.seen else ""  # nothing can be clicked there
    return f"{element.ref}{role}{name}{holds}{where}{said}"


def _shortened(text: str, around: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    if around and place_of(around, text):
        return excerpt(around, text, _LONGEST_TEXT // 3)
    return text[:_LONGEST_TEXT] + "…"


def listed(elements: Sequence[Element]) -> list[str]:
    return [line(one) for one in elements]


def _heading(group: Group) -> str:
    layer = group.layer
    kind = "panel" if layer.dock else "popup" if layer.popup else "window"
    said = f'{kind} "{layer.title}"' + (f" ({layer.application})" if layer.application else "")
    said += " active" if layer.active else ""
    if group.silent:
        said += f", whose program {group.silent}"
    elif not group.told and not layer.dock:
        said += ", whose program does not tell what it shows"
    return f"# {said}"


def _point(point: Point) -> str:
    return f"{point.x},{point.y}"


def _cut(heading: str, body: Sequence[str], offset: int) -> str:
    told, room = [heading], LONGEST - len(heading) - 100
    for place, one in enumerate(body[offset:]):
        room -= len(one) + 1
        if room < 0:
            left = len(body) - offset - place
            told.append(f"… {left} more lines; go on with offset={offset + place}")
            break
        told.append(one)
    return "\n".join(told)

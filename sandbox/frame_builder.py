"""How an answer is composed: act, wait until the screen rests, and look, redacted on the way."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from .accessibility.element import Element
from .frames import Frame, Show
from .geometry import Point, Rect, View
from .imaging.image import Picture
from .input.undelivered import silent, taken
from .notices import Notices
from .options import DesktopOptions
from .runtime import Runtime
from .screen.capture import Seen
from .screen.settle import End, Patience
from .x11.damage import Grabs
from .x11.windows import Layer

_TRIES = 3  # pictures taken until nothing is painted while the window and the focus are read
_AT_REST = (End.STILL, End.UNCHANGED)
_EDGE = 24  # pixels shown around what changed


class FrameBuilder:
    """Makes the frames of one desktop, in the turns of its callers.

    Args:
        settings: What the desktop is like.
        view: How callers count pixels.
        notices: What callers are told besides.
    """

    def __init__(self, settings: DesktopOptions, view: View, notices: Notices) -> None:
        self.view = view
        self._settings = settings
        self._notices = notices
        self._count = 0

    def patience(self, usual: Patience) -> Patience:
        return replace(usual, deadline=max(usual.deadline, self._settings.deadline))

    def during(
        self,
        parts: Runtime,
        act: Callable[[], None],
        patience: Patience,
        show: Show,
        seen: int,
        *,
        press: bool = False,
        aimed: Sequence[Point] = (),
        known: int = 0,
        keys: bool = False,
    ) -> Frame:
        """Act and wait; after a `press`, a small change where it was is no answer.

        Whether the `aimed` points have changed since the look that is `known` is told, and if the
        press, or the `keys`, may have gone elsewhere.
        """
        parts.hands.pressed.clear()
        near = parts.hands.pressed
        warning = ""
        found: list[tuple[Grabs, Sequence[Layer]]] = []

        def grabbed(grabs: Grabs) -> None:
            if not parts.hands.holding:  # a button that is held is a grab, too
                found.append((grabs, parts.windows.layers()))

        what = parts.eyes.during(
            act, patience, near=lambda: near if press else (), aimed=aimed, known=known,
            grabbed=grabbed,
        )  # fmt: skip
        for grabs, layers in found:
            warning = taken(grabs, layers, near[-1:] if press else (), keys=keys)
        if what.silent:
            warning = silent(self.clean(parts.windows.title(what.silent)))
        return replace(self.after(parts, what, show, seen), warning=warning)

    def after(self, parts: Runtime, what: Seen, show: Show, seen: int) -> Frame:
        changed = what.changed and self.view.region_to_picture(what.changed)
        meanwhile = what.meanwhile and self.view.region_to_picture(what.meanwhile)
        part = self._part(changed, meanwhile) if show == "changed" else None
        return replace(
            self.now(parts, show, seen, part, tries=_TRIES if what.end in _AT_REST else 1),
            changed=changed,
            meanwhile=meanwhile,
            end=what.end,
            first_change_ms=None if what.first_change is None else round(what.first_change * 1e3),
            settle_ms=round(what.settled * 1e3),
            loading=what.loading,
            stale=what.stale,
        )

    def now(
        self, parts: Runtime, show: Show, seen: int, part: Rect | None = None, *, tries: int = 0
    ) -> Frame:
        """The screen as it is, and what is told of it; the focus too if there are `tries`.

        The window and the focus are read after the picture; what is painted meanwhile makes it
        taken again, up to so many times, so that they are those of the picture.
        """
        while True:
            parts.eyes.pixels()
            picture = self._picture(parts, show, parts.eyes.look != seen, part)
            active = parts.windows.active()
            focus = parts.sight.focus() if tries else None
            tries -= 1
            if tries <= 0 or parts.eyes.fresh():
                break
        look = parts.eyes.look  # a picture is of the newest there is
        parts.eyes.answer()
        if parts.session.groups:
            parts.session.groups.look()
        self._count += 1
        return Frame(
            self._count,
            look,
            self.view,
            self.view.to_picture(parts.hands.where()),
            self.clean(active.title) if active else "",
            picture,
            focus=focus and self.shown(focus),
            notices=tuple(self.clean(one) for one in self._notices.take()),
            part=part,
        )

    def _picture(self, parts: Runtime, show: Show, new: bool, part: Rect | None) -> Picture | None:
        settings = self._settings
        if part:
            return parts.eyes.part(self.view, part, settings.budget)
        if show == "always" or (show == "auto" and new):
            return parts.eyes.picture(self.view, settings.budget, cursor=settings.cursor)
        return None

    def _part(self, *changed: Rect | None) -> Rect | None:
        """What to show of a change: a little more than changed, so that it can be understood."""
        around = Rect.around([one for one in changed if one])
        if around is None:
            return None
        edge = _EDGE
        wider = Rect(
            around.x - edge, around.y - edge, around.width + 2 * edge, around.height + 2 * edge
        )
        return wider.overlap(self.view.picture)

    def shown(self, element: Element) -> Element:
        """An element with its places in pixels of the screenshot, and its text redacted."""
        return replace(
            element,
            name=self.clean(element.name),
            text=element.text and self.clean(element.text),
            rect=self.view.region_to_picture(element.rect),
            seen=element.seen and self.view.region_to_picture(element.seen),
            point=self.view.to_picture(element.point),
        )

    def clean(self, text: str) -> str:
        return self._settings.vault.scrub_piece(text)

"""Dialogs that ignore clicks for a moment after they have appeared, against clicks by mistake."""

import time

from ..accessibility.elements import Elements
from ..geometry import Point
from ..x11.damage import DamageMonitor
from ..x11.windows import Windows

# Seconds: dialogs of Chromium ignore clicks for the time of a double click, 0.5 s, from when
# they are shown (its InputEventActivationProtector). The rest is for what is painted late.
_IGNORES = 0.6
_BROWSERS = {"chromium", "chromium-browser", "google-chrome", "brave-browser", "microsoft-edge"}
_DIALOGS = {"dialog", "alert"}
_LEAST = 10_000  # pixels; a dialog has more, and most of what is painted has less


class Guarded:
    """Tells for how long a click would be ignored. Used by one thread at a time.

    Args:
        elements: What programs tell.
        windows: What is on the screen.
        watcher: Knows what has just been painted: a dialog that was, may be new.
    """

    def __init__(self, elements: Elements, windows: Windows, watcher: DamageMonitor) -> None:
        self._elements = elements
        self._windows = windows
        self._watcher = watcher

    def left(self, at: Point) -> float:
        """Seconds until what is at a point takes clicks; 0 if it does."""
        now = time.monotonic()
        painted = [
            (when, rect)
            for when, rect in self._watcher.recent()
            if now - when < _IGNORES and rect.holds(at) and rect.area >= _LEAST
        ]
        if not painted:
            return 0.0
        layer = next((one for one in self._windows.layers() if one.outer.holds(at)), None)
        if layer is None or layer.application.casefold() not in _BROWSERS:
            return 0.0
        chain = self._elements.under(at)
        if any(one.role.startswith("document") for one in chain):
            return 0.0  # of a page's own
        dialog = next((one.rect for one in chain if one.role in _DIALOGS), None)
        whole = [
            when
            for when, rect in painted
            if dialog and (part := rect.overlap(dialog)) and part.area * 2 >= dialog.area
        ]
        return max(whole) + _IGNORES - now if whole else 0.0

"""What callers of a desktop are told besides what they asked for."""

from collections import deque

from .x11.windows import Layer

_MOST = 20


class Notices:
    """Those that were not told yet, the oldest first."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque(maxlen=_MOST)
        self._unseen: set[tuple[int, int]] = set()
        """Windows of which it was said that rules about texts cannot see into them."""

    def add(self, text: str) -> None:
        """Tell a text with the next answer."""
        self._texts.append(text)

    def unseen(self, layer: Layer) -> None:
        """Tell once of a window that rules about texts cannot see into it."""
        window = layer.window, layer.pid  # X gives a number again
        if window not in self._unseen:
            self._unseen.add(window)
            name = layer.title or layer.application or "this window"
            self.add(
                f"“{name}” does not tell what it shows there: rules of the policy about texts "
                "cannot see into it."
            )

    def take(self) -> list[str]:
        """Those to tell now."""
        return [self._texts.popleft() for _ in range(len(self._texts))]

    def clear(self) -> None:
        """The desktop is another."""
        self._texts.clear()
        self._unseen.clear()

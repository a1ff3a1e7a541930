"""A program that has put a text on the clipboard, and hands it out."""

from gloveport.sandbox.x11.selections import Clipboard
from gloveport.sandbox.x11.server import XServer


class Copier:
    def __init__(self, x: XServer, text: str) -> None:
        self._clipboard = Clipboard(x.connect())
        self._clipboard.own(text)

    def close(self) -> None:
        self._clipboard.close()

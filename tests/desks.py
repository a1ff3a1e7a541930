"""What runs a desktop: tests look at it, the product does not."""

from gloveport.sandbox.desktop import Desktop
from gloveport.sandbox.screen.capture import ScreenCapture
from gloveport.sandbox.session.session import Session


def session_of(desktop: Desktop) -> Session:
    return desktop.runtime.session


def capture_of(desktop: Desktop) -> ScreenCapture:
    return desktop.runtime.eyes

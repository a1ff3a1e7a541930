"""Notices that an X server hangs, and ends it, so that whoever waits for it is answered."""

import logging
import select
import struct
import threading
from collections.abc import Callable

from Xlib import error
from Xlib.display import Display

logger = logging.getLogger(__name__)

EVERY = 2.0  # seconds from an answer to the next question
WITHIN = 20.0  # seconds for an answer; a call promises one of its own within 50
_GET_INPUT_FOCUS = struct.pack("=BBH", 43, 0, 1)  # the request that asks for least (X11 protocol)


class Pulse:
    """Asks an X server something now and then; on a thread of its own.

    Args:
        connect: Makes a connection that no program's grab of the server stops.
        end: Ends the server, which gave no answer in time.
    """

    def __init__(self, connect: Callable[[], Display], end: Callable[[], None]) -> None:
        self._connect = connect
        self._end = end
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gloveport-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no longer; return within a second or so."""
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        """Until the server is gone: a connection that was cut is made anew."""
        while not self._closing.is_set():
            try:
                display = self._connect()
            except (error.DisplayError, error.ConnectionClosedError, OSError):
                return
            try:
                self._follow(display)
            except OSError as cut:
                logger.debug("the pulse was cut: %s", cut)
            finally:
                # Not by Xlib, which would read the answers to questions it has not asked.
                display.display.socket.close()
            self._closing.wait(EVERY)

    def _follow(self, display: Display) -> None:
        """Ask until the connection is cut, or the server was ended."""
        wire = display.display.socket
        while not self._closing.is_set():
            wire.sendall(_GET_INPUT_FOCUS)
            waited = 0.0
            while not select.select([wire], [], [], 0.5)[0]:
                waited += 0.5
                if self._closing.is_set():
                    return
                if waited >= WITHIN:
                    logger.error("the X server gave no answer within %g s; ending it", WITHIN)
                    self._end()
                    return
            if not wire.recv(4096):  # what it says does not matter
                return
            self._closing.wait(EVERY)

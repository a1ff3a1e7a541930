"""Bounds what one client takes of the X server's memory: pixmaps above all, and resources.

Pixmaps are the X server's memory, whoever asks for them. When it has none left, no program can
open a window, and sooner or later it ends itself with all of them. So the client that holds most is
cut off before, and the next answer names it.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_AS, prlimit
from typing import Any

from Xlib import error
from Xlib.display import Display

from .windows import Windows

logger = logging.getLogger(__name__)

_MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.05  # seconds between two looks at how large the server is, 20 us each
_CALM = 0.2  # seconds between two looks at who holds what, 5 ms each
MOST_PIXMAPS = 256 * _MIB  # of one client; a screen of 3840x2160 takes 33
MOST_RESOURCES = 100_000  # of one client; a browser has some hundred, 200 bytes and more each
_WORTH = 64 * _MIB  # pixmaps of who is cut off because all of them together take too much
_NEARLY = 0.75  # of what the server may have


class MemoryWatch:
    """Looks how large an X server is; on a thread of its own.

    Args:
        connect: Makes a connection that no program's grab of the server stops.
        pid: The server, or the process that started it in a box.
        limit: Bytes of address space that the server may have.
        tell: Told, from the thread, who was cut off.
    """

    def __init__(
        self, connect: Callable[[], Display], pid: int, limit: int, tell: Callable[[str], None]
    ) -> None:
        self._connect = connect
        self._limit = limit
        self._tell = tell
        self._server = _innermost(pid)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gloveport-xmemory", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no longer."""
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        """Until the server is gone; it is asked only while it is large.

        The connection is made beforehand: a server whose memory is taken makes none.
        """
        first = self._size()
        display: Display | None = None
        while first and not self._closing.wait(EVERY):
            try:
                if display is None:
                    display = self._connect()
                    display.set_error_handler(_quiet)
                if self._size() - first > MOST_PIXMAPS // 2:
                    self._follow(display, first)
            except (error.DisplayError, error.ConnectionClosedError, OSError) as cut:
                logger.debug("the watch over the X server's memory was cut: %s", cut)
                if display:
                    _close(display)
                display = None
            if self._size() == 0:
                break
        if display:
            _close(display)

    def _follow(self, display: Display, first: int) -> None:
        """Look who holds what for as long as the server is large.

        While it grows fast or has little left, nobody else is served meanwhile, and it may have
        more than its limit: it ends when it gets no memory for itself.
        """
        resources: Any = display  # its requests are added to the class by name
        before = first
        while (size := self._size()) - first > MOST_PIXMAPS // 2:
            scarce = size > _NEARLY * self._limit
            urgent = scarce or size - before > _WORTH
            before = size
            if urgent:
                display.grab_server()
                self._permit(more=True)
            try:
                self._look(display, resources, scarce=scarce)
            finally:
                if urgent:
                    self._permit(more=False)
                    display.ungrab_server()
                    display.flush()
            if self._closing.wait(EVERY if urgent else _CALM):
                return

    def _permit(self, *, more: bool) -> None:
        """Let the server have all that its hard limit permits, or its limit; where it has one."""
        with suppress(OSError, ValueError):
            soft, hard = prlimit(self._server, RLIMIT_AS)
            if soft != RLIM_INFINITY:
                prlimit(self._server, RLIMIT_AS, (hard if more else self._limit, hard))

    def _look(self, display: Display, resources: Any, *, scarce: bool) -> None:
        """Cut off the client that holds most, if that is too much."""
        holding = {
            one.resource_base: _pixmaps(resources, one.resource_base)
            for one in resources.res_query_clients().clients
        }
        most = max(holding, key=lambda one: holding[one], default=0)
        if most and holding[most] > (_WORTH if scarce else MOST_PIXMAPS):
            rule = f"one may take {MOST_PIXMAPS / 1e6:.0f} MB"
            if holding[most] <= MOST_PIXMAPS:
                rule = "all together nearly took what there is"
            self._cut_off(display, most, f"{holding[most] / 1e6:.0f} MB in pixmaps; {rule}")
            return
        for client in holding:
            told = _answered(lambda client=client: resources.res_query_client_resources(client))
            count = sum(one.count for one in told.types) if told else 0
            if count > MOST_RESOURCES:
                what = f"{count:,} windows and the like; one may have {MOST_RESOURCES:,}"
                self._cut_off(display, client, what)
                return

    def _cut_off(self, display: Display, client: int, why: str) -> None:
        name = _name(display, client)
        display.create_resource_object("window", client).kill_client()
        display.sync()
        logger.warning("cut off %s from the X server: %s", name, why)
        self._tell(f"{name} was cut off from the display, which ends most programs: it held {why}.")

    def _size(self) -> int:
        """Bytes of the server's address space; 0 when it has ended."""
        try:
            pages = Path(f"/proc/{self._server}/statm").read_text().split()[0]
        except (OSError, IndexError):
            return 0
        return int(pages) * _PAGE


def _close(display: Display) -> None:
    with suppress(error.ConnectionClosedError, OSError):
        display.close()


def _innermost(pid: int) -> int:
    """The process that a chain of processes with one child each ends in."""
    with suppress(OSError, ValueError):
        while child := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            pid = int(child[-1])
    return pid


def _pixmaps(resources: Any, client: int) -> int:
    told = _answered(lambda: resources.res_query_client_pixmap_bytes(client))
    return told.bytes + (told.bytes_overflow << 32) if told else 0


def _answered(ask: Callable[[], Any]) -> Any:
    """The answer about a client; None if it has gone meanwhile."""
    try:
        return ask()
    except error.XError:
        return None


def _name(display: Display, client: int) -> str:
    """What the first of its windows is called; it may have none."""
    mask = display.display.info.resource_id_mask
    with suppress(error.XError):
        for one in Windows(display).layers():
            if one.window & ~mask == client:
                return repr(one.title or one.application or "a window without a name")
        for frame in display.screen().root.query_tree().children:  # one that does not show yet
            for one in (frame, *frame.query_tree().children):
                if one.id & ~mask == client and (title := Windows(display).title(one.id)):
                    return repr(title)
    return "A program without a window"


def _quiet(failure: error.XError, request: object) -> None:
    logger.debug("X error: %s", failure)

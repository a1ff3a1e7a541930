"""The clipboard of a desktop: owns and reads X selections on a thread and connection of its own.

Selections are not stored anywhere: whoever owns one hands it out piece by piece when asked (ICCCM,
chapter 2). Text longer than one request goes in pieces (INCR), both ways.
"""

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from Xlib import X, Xatom, error
from Xlib.display import Display
from Xlib.protocol import event, request, rq
from Xlib.xobject.drawable import Window

from ..errors import Broken, NotDone

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PIECE = 200_000  # bytes; a request holds 262,140 at most without BIG-REQUESTS
LONGEST_READ = 4_000_000
"""Bytes of text that are taken from a program: a million characters of any kind in UTF-8."""
_MOST_SENT = 64  # texts that are handed out piece by piece at once; who asked first waits no longer
_ATOMS = (
    "CLIPBOARD", "PRIMARY", "TARGETS", "TIMESTAMP", "INCR", "UTF8_STRING", "TEXT", "STRING",
    "text/plain;charset=utf-8", "text/plain", "ATOM", "INTEGER", "_GLOVEPORT",
)  # fmt: skip
_TEXT_TARGETS = ("UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "TEXT", "STRING")


@dataclass(slots=True)
class _Sending:
    """What a requestor fetches piece by piece, and how much of it it has."""

    kind: int
    text: bytes
    sent: int = 0


@dataclass(slots=True)
class _Reading:
    """What is being fetched: the answer, and the pieces so far.

    Each is handed to a window of its own: what comes too late comes to a window that is gone.
    """

    answer: Future[bytes | None]
    window: Window
    pieces: list[bytes] = field(default_factory=list[bytes])
    in_pieces: bool = False


class Clipboard:
    """Text in and out of the selections CLIPBOARD and PRIMARY; thread-safe.

    Args:
        display: A connection of its own, which it closes.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._atoms = {name: display.intern_atom(name) for name in _ATOMS}
        self._names = {atom: name for name, atom in self._atoms.items()}
        self._window: Window = display.screen().root.create_window(
            -1, -1, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask
        )
        self._owned: dict[int, bytes] = {}
        self._since: dict[int, int] = {}
        self._sending: dict[tuple[int, int], _Sending] = {}
        self._reading: _Reading | None = None
        self._spent = 0
        """The id of the window of the last reading."""
        self._one_reads = threading.Lock()
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._served = threading.Condition()
        self._serves = 0
        self._asked_at = 0.0
        self._closing = False
        self.cut = False
        """Whether the connection was closed from its other end."""
        display.set_error_handler(_quiet)
        display.sync()
        self._bell, self._ring = os.pipe()
        self._thread = threading.Thread(target=self._run, name="gloveport-clipboard", daemon=True)
        self._thread.start()

    def own(self, text: str, selections: Sequence[str] = ("CLIPBOARD",)) -> None:
        """Become the owner of selections that hold this text.

        Raises:
            NotDone: Another program did not let go of it.
        """
        self._do(lambda: self._own(text.encode(), [self._atoms[name] for name in selections]))

    def disown(self, selections: Sequence[str]) -> None:
        """Own nothing in these selections any more, so that nobody finds a text there."""
        self._do(lambda: self._disown([self._atoms[name] for name in selections]))

    def read(self, selection: str = "CLIPBOARD", seconds: float = 3.0) -> str | None:
        """The text of a selection; None when nobody owns it or it holds no text.

        Raises:
            NotDone: Its owner did not hand it out in time, or it is longer than `LONGEST_READ`.
        """
        with self._one_reads:
            answer: Future[bytes | None] = Future()
            self._do(lambda: self._begin_reading(self._atoms[selection], answer))
            try:
                found = answer.result(seconds)
            except TimeoutError as late:
                self._do(lambda: self._stop_reading(answer))
                why = f"The program that owns the clipboard did not hand it out in {seconds:g} s."
                raise NotDone(why) from late
        return None if found is None else found.decode("utf-8", "replace")

    def read_foreign(self, selection: str = "CLIPBOARD") -> str | None:
        """As `read`, but None for text of ours."""
        return None if self._atoms[selection] in self._owned else self.read(selection)

    @property
    def window(self) -> int:
        """The window that owns selections for us."""
        return self._window.id

    @property
    def serves(self) -> int:
        """How many times text of ours was fetched to the end so far."""
        return self._serves

    def wait_served(self, serves: int, seconds: float) -> bool:
        """Wait until text of ours was fetched more than `serves` times."""
        with self._served:
            return self._served.wait_for(lambda: self._serves > serves, seconds)

    def wait_unasked(self, quiet: float, seconds: float) -> None:
        """Wait until nobody has asked for what we own for `quiet` seconds, `seconds` at most."""
        end = time.monotonic() + seconds
        with self._served:
            while (now := time.monotonic()) < end and now < self._asked_at + quiet:
                self._served.wait(min(end, self._asked_at + quiet) - now)

    def close(self) -> None:
        self._closing = True
        os.write(self._ring, b".")
        self._thread.join()
        os.close(self._bell)
        os.close(self._ring)
        with suppress(error.ConnectionClosedError):
            self._display.close()

    def _do(self, work: Callable[[], T]) -> T:
        """Run on the clipboard's thread, which alone talks to the display."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as failure:  # noqa: BLE001 - it is raised again where it was asked for
                done.set_exception(failure)

        self._asked.put(run)
        os.write(self._ring, b".")
        try:
            return done.result(5)
        except TimeoutError as late:
            raise Broken("The clipboard does not answer.") from late

    def _run(self) -> None:
        try:
            while not self._closing:
                if not self._display.pending_events():
                    self._wait([self._display, self._bell])
                for _ in range(self._display.pending_events()):
                    self._handle(self._display.next_event())
        except (error.ConnectionClosedError, OSError, ValueError):
            logger.debug("the display is gone")
            self.cut = True
            while not self._closing:  # whoever asks is told so by the display
                self._wait([self._bell])

    def _wait(self, sources: Sequence[Any]) -> None:
        ready, _, _ = select.select(sources, [], [])
        if self._bell in ready:
            os.read(self._bell, 4096)
            self._serve_asked()

    def _serve_asked(self) -> None:
        while True:
            try:
                self._asked.get_nowait()()
            except Empty:
                return

    def _handle(self, seen: rq.Event) -> None:
        match seen:
            case event.SelectionRequest():
                self._hand_out(seen)
            case event.SelectionClear():
                self._owned.pop(seen.atom, None)
            case event.SelectionNotify():
                self._fetched(seen)
            case event.PropertyNotify() if seen.state == X.PropertyNewValue:
                self._fetched_piece(seen)
            case event.PropertyNotify() if seen.state == X.PropertyDelete:
                self._send_piece(seen.window, seen.atom)
            case event.DestroyNotify():
                for requestor, place in list(self._sending):
                    if requestor == seen.window.id:
                        del self._sending[requestor, place]
            case _:
                pass

    # Owning

    def _own(self, text: bytes, selections: Sequence[int]) -> None:
        now = self._server_time()
        for atom in selections:
            self._window.set_selection_owner(atom, now)
            if self._display.get_selection_owner(atom) != self._window:
                raise NotDone("Another program did not let go of the clipboard.")
            self._owned[atom] = text
            self._since[atom] = now

    def _disown(self, selections: Sequence[int]) -> None:
        for atom in selections:
            if self._owned.pop(atom, None) is not None:
                request.SetSelectionOwner(
                    display=self._display.display, window=X.NONE, selection=atom,
                    time=self._server_time(),
                )  # fmt: skip
        self._display.flush()

    def _server_time(self) -> int:
        """The server's clock, which only an event tells: ICCCM wants a real time."""
        self._window.change_property(self._atoms["_GLOVEPORT"], Xatom.STRING, 8, b"")
        self._display.flush()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            seen = self._display.next_event()
            own = isinstance(seen, event.PropertyNotify) and seen.window == self._window
            if own and seen.atom == self._atoms["_GLOVEPORT"]:
                return seen.time
            self._handle(seen)
        raise Broken("The X server does not tell the time.")

    def _hand_out(self, asked: Any) -> None:
        self._asked_at = time.monotonic()
        text = self._owned.get(asked.selection)
        place = asked.property or asked.target
        answered = text is not None and self._put(asked, place, text)
        asked.requestor.send_event(
            event.SelectionNotify(
                time=asked.time, requestor=asked.requestor, selection=asked.selection,
                target=asked.target, property=place if answered else X.NONE,
            )
        )  # fmt: skip
        self._display.flush()

    def _put(self, asked: Any, place: int, text: bytes) -> bool:
        target = self._names.get(asked.target)
        if target == "TARGETS":
            atoms = [self._atoms[name] for name in ("TARGETS", "TIMESTAMP", *_TEXT_TARGETS)]
            asked.requestor.change_property(place, self._atoms["ATOM"], 32, atoms)
            return True
        if target == "TIMESTAMP":
            since = [self._since[asked.selection]]
            asked.requestor.change_property(place, self._atoms["INTEGER"], 32, since)
            return True
        if target not in _TEXT_TARGETS:
            return False
        kind = asked.target
        if target == "STRING":
            text = text.decode().encode("latin-1", "replace")
        elif target == "TEXT":
            kind = self._atoms["UTF8_STRING"]
        if len(text) <= _PIECE:
            asked.requestor.change_property(place, kind, 8, text)
            self._display.sync()
            self._count_serve()
        else:
            asked.requestor.change_attributes(
                event_mask=X.PropertyChangeMask | X.StructureNotifyMask
            )
            self._sending.pop((asked.requestor.id, place), None)
            self._sending[asked.requestor.id, place] = _Sending(kind, text)
            if len(self._sending) > _MOST_SENT:
                del self._sending[next(iter(self._sending))]
            asked.requestor.change_property(place, self._atoms["INCR"], 32, [len(text)])
        return True

    def _send_piece(self, requestor: Window, place: int) -> None:
        sending = self._sending.get((requestor.id, place))
        if sending is None:
            return
        piece = sending.text[sending.sent : sending.sent + _PIECE]
        sending.sent += len(piece)
        requestor.change_property(place, sending.kind, 8, piece)
        self._display.sync()
        if not piece:
            del self._sending[requestor.id, place]
            self._count_serve()

    def _count_serve(self) -> None:
        with self._served:
            self._serves += 1
            self._served.notify_all()

    # Reading

    def _begin_reading(self, selection: int, answer: Future[bytes | None]) -> None:
        owner = self._display.get_selection_owner(selection)
        if owner == X.NONE:
            answer.set_result(None)
        elif owner == self._window:
            answer.set_result(self._owned.get(selection))
        else:
            window = self._display.screen().root.create_window(
                -1, -1, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask
            )
            self._reading = _Reading(answer, window)
            if self._spent:  # only now: else Xlib would have given this window the same id
                self._display.display.free_resource_id(self._spent)
            window.convert_selection(
                selection, self._atoms["UTF8_STRING"], self._atoms["_GLOVEPORT"],
                self._server_time(),
            )  # fmt: skip
            self._display.flush()

    def _stop_reading(self, answer: Future[bytes | None]) -> None:
        if self._reading and self._reading.answer is answer:
            request.DestroyWindow(display=self._display.display, window=self._reading.window.id)
            self._display.flush()
            self._spent = self._reading.window.id
            self._reading = None

    def _fetched(self, seen: Any) -> None:
        if self._reading is None or seen.requestor != self._reading.window:
            return
        if seen.property == X.NONE:
            self._finish(None)
            return
        kind, data = self._take(self._reading, seen.property)
        if kind == self._atoms["INCR"]:
            self._reading.in_pieces = True
        elif self._within(data):
            self._finish(data)

    def _fetched_piece(self, seen: Any) -> None:
        reading = self._reading
        if reading is None or not reading.in_pieces or seen.window != reading.window:
            return
        _, data = self._take(reading, seen.atom)
        if data and self._within(data):
            reading.pieces.append(data)
        elif self._reading:
            self._finish(b"".join(reading.pieces) if data is not None else None)

    def _within(self, data: bytes | None) -> bool:
        """Whether this is not more than is taken; the reading ends when it is."""
        assert self._reading
        size = len(data or b"") + sum(map(len, self._reading.pieces))
        if size > LONGEST_READ:
            self._finish(
                NotDone(
                    "The clipboard holds more text than is taken from a program, "
                    f"{LONGEST_READ:,} bytes. Have less of it copied."
                )
            )
        return size <= LONGEST_READ

    def _take(self, reading: _Reading, place: int) -> tuple[int, bytes | None]:
        """Read and delete a property, which asks for the next piece.

        Returns:
            Its type, and what it holds, cut after more than `LONGEST_READ`; None if it is no text.
        """
        most = LONGEST_READ // 4 + 1
        found: Any = reading.window.get_property(place, X.AnyPropertyType, 0, most)
        reading.window.delete_property(place)
        self._display.flush()
        if found is None:
            return X.NONE, b""
        return found.property_type, bytes(found.value) if found.format == 8 else None

    def _finish(self, data: bytes | NotDone | None) -> None:
        if self._reading is None:
            return
        if isinstance(data, NotDone):
            self._reading.answer.set_exception(data)
        else:
            self._reading.answer.set_result(data)
        self._stop_reading(self._reading.answer)


def _quiet(failure: error.XError, request: object) -> None:
    """A requestor may vanish while it is served."""
    logger.debug("X error: %s", failure)

"""Many questions to programs over D-Bus at once: written together, each with its own deadline.

A call of its own for each question costs several times what the program takes to answer: a write
to the socket, a timer and a task for each.
"""

import time
from asyncio import Future, TimerHandle
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import BusType, DBusFastError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.auth import Authenticator

Key = tuple[str, str]
"""What names an object: the bus name of its program and the object's path."""

EACH_WITHIN = 1.0
"""Seconds a program has for one answer; then its object is left out, and no other."""
_AT_A_TIME = 48  # questions on the way to one program; 16 to 250 are as fast (measured)
_FULL = 0.002  # seconds until a socket that takes no more is tried again


class Silent(Exception):
    """A program did not answer in time, or the object is gone."""


class Slow(Silent):
    """A program did not answer in time; it may later."""


@dataclass(frozen=True, slots=True)
class Question:
    """A method to call; `shape` is the D-Bus signature of `body`."""

    where: Key
    interface: str
    member: str
    shape: str = ""
    body: Sequence[Any] = ()


Answer = list[Any] | Silent
"""What a method returned, or why it did not."""


@dataclass(slots=True, eq=False)
class _Batch:
    """Questions that one caller waits for together."""

    questions: Sequence[Question]
    done: "Future[None]"
    answers: list[Answer | None]
    left: int
    sent: set[int] = field(default_factory=set[int])
    """The serials of those on the way."""


class Bus(MessageBus):
    """A connection to a message bus. Used by one event loop.

    Args:
        address: The bus's.
        auth: Who to say we are.
    """

    def __init__(self, address: str, auth: Authenticator) -> None:
        super().__init__(address, BusType.SESSION, auth=auth)
        self._asked: dict[int, tuple[float, _Batch, int]] = {}
        """When questions on the way were sent, and which they are, by serial, the oldest first."""
        self._waiting: dict[str, deque[tuple[_Batch, int]]] = {}
        """Questions not sent yet, by program."""
        self._out: dict[str, int] = {}
        """How many are on the way, by program."""
        self._to_send = False
        self._timer: TimerHandle | None = None
        self.add_message_handler(self._received)

    async def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask all of them, and return the answers in the same order.

        Raises:
            EOFError: The connection has ended.
        """
        if not questions:
            return []
        if not self.connected:
            raise EOFError("the connection to the bus has ended")
        done: Future[None] = self._loop.create_future()
        batch = _Batch(questions, done, [None] * len(questions), len(questions))
        for place, one in enumerate(questions):
            self._waiting.setdefault(one.where[0], deque()).append((batch, place))
        self._send_soon()
        try:
            await done
        finally:
            for serial in list(batch.sent):  # the caller has given up
                self._take(serial)
        return [Slow("no answer") if one is None else one for one in batch.answers]

    @property
    def unanswered(self) -> int:
        """How many questions are on the way."""
        return sum(self._out.values())

    def _finalize(self, err: Exception | None = None) -> None:
        super()._finalize(err)
        waiting = [batch for queue in self._waiting.values() for batch, _ in queue]
        for batch in [*waiting, *(batch for _, batch, _ in self._asked.values())]:
            if not batch.done.done():
                batch.done.set_exception(EOFError("the connection to the bus has ended"))
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()

    def _send_soon(self) -> None:
        """Send what waits, with what others ask in the same moment."""
        if not self._to_send:
            self._to_send = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._to_send = False
        writer: Any = self._writer
        if not self.connected:
            return
        if writer.messages or writer.buf is not None:
            self._to_send = True
            self._loop.call_later(_FULL, self._send)
            return
        now = time.monotonic()
        for program, queue in list(self._waiting.items()):
            while queue and self._out.get(program, 0) < _AT_A_TIME:
                self._write(*queue.popleft(), now)
            if not queue:
                del self._waiting[program]
        if writer.messages:
            # As one: dbus-fast 5.2 writes each on its own, and loses the connection when the
            # socket is full between two.
            whole = b"".join(one for one, _, _ in writer.messages)
            writer.messages.clear()
            writer.messages.append((bytearray(whole), None, None))
            writer.schedule_write()
        if self._asked and self._timer is None:
            self._timer = self._loop.call_later(EACH_WITHIN, self._expire)

    def _write(self, batch: _Batch, place: int, now: float) -> None:
        if batch.done.done():
            return
        one, serial = batch.questions[place], self.next_serial()
        writer: Any = self._writer
        try:
            message = Message(
                destination=one.where[0], path=one.where[1], interface=one.interface,
                member=one.member, signature=one.shape, body=list(one.body), serial=serial,
            )  # fmt: skip
            writer.buffer_message(message)
        except (DBusFastError, ValueError, TypeError) as why:  # a program may name anything
            self._answer(batch, place, Silent(f"{one.member}: {why}"))
            return
        program = one.where[0]
        self._out[program] = self._out.get(program, 0) + 1
        self._asked[serial] = now, batch, place
        batch.sent.add(serial)

    def _received(self, message: Message) -> bool | None:
        if message.reply_serial not in self._asked:
            return None
        batch, place = self._take(message.reply_serial)
        one = batch.questions[place]
        if message.message_type is MessageType.ERROR:
            self._answer(batch, place, Silent(f"{one.member}: {message.error_name}"))
        else:
            self._answer(batch, place, message.body)
        if one.where[0] in self._waiting and self._out.get(one.where[0], 0) <= _AT_A_TIME // 2:
            self._send_soon()
        return True

    def _expire(self) -> None:
        """Give up on what was not answered in time."""
        self._timer = None
        now = time.monotonic()
        while self._asked:
            serial, (when, _, _) = next(iter(self._asked.items()))
            if when + EACH_WITHIN > now:
                self._timer = self._loop.call_at(
                    self._loop.time() + when + EACH_WITHIN - now, self._expire
                )
                break
            batch, place = self._take(serial)
            self._answer(batch, place, Slow(f"{batch.questions[place].member}: no answer"))
        self._send_soon()

    def _take(self, serial: int) -> tuple[_Batch, int]:
        """A question that is on the way no more."""
        _, batch, place = self._asked.pop(serial)
        batch.sent.discard(serial)
        program = batch.questions[place].where[0]
        self._out[program] -= 1
        if not self._out[program]:
            del self._out[program]
        return batch, place

    def _answer(self, batch: _Batch, place: int, answer: Answer) -> None:
        batch.answers[place] = answer
        batch.left -= 1
        if not batch.left and not batch.done.done():
            batch.done.set_result(None)

"""What happened on a desktop lately: who did what, when, what came of it, and what they saw.

Kept in memory, and bounded; the live view shows it. The pictures are those that were sent, byte for
byte. All text is redacted on its way in.
"""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gloveport.sandbox.imaging.image import Picture

from .actor import Actor

logger = logging.getLogger(__name__)

_KEPT = 500  # happenings
_PICTURES = 16 << 20  # bytes of pictures
_UNTOLD = {"show_desktop"}  # clients ask for it once a second, by themselves

Place = tuple[int, int]
Said = dict[str, Any]
"""What is told as a code with arguments, for pages to say in the language of whoever reads them."""
_WORDS_ONLY = Said()


@dataclass(frozen=True, slots=True)
class Event:
    """One thing somebody did; points are pixels of the full screenshot."""

    number: int
    when: float
    """Seconds since 1970."""
    who: Actor
    what: str
    """A tool's name, or a verb of people: take, hand_back, ..."""
    told: str
    at: Place | None = None
    to: Place | None = None
    ended: bool = False
    ok: bool = True
    ms: int = 0
    frame: int | None = None
    """The number of the picture that was sent, if one was."""
    error: str = ""
    why: str = ""
    """The kind of the error, such as PersonDrives; empty for those that only have words."""
    said: Said = field(default_factory=Said)
    """The same as `told`; empty: there are only its words."""

    def as_json(self) -> dict[str, Any]:
        told = {
            "number": self.number, "when": self.when, "what": self.what, "told": self.told,
            "who": {"kind": self.who.kind, "name": self.who.name},
            "at": self.at, "to": self.to, "ended": self.ended, "said": self.said,
        }  # fmt: skip
        if self.ended:
            told |= {"ok": self.ok, "ms": self.ms, "frame": self.frame, "error": self.error}
            told["why"] = self.why
        return told


class Recorder:
    """The happenings of one desktop. Used on the event loop only.

    Args:
        clean: Redacts a text.
    """

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        self._clean = clean
        self._numbers = 0
        self._frames = 0
        self._happened: OrderedDict[int, Event] = OrderedDict()
        self._pictures: deque[tuple[int, Picture]] = deque()
        self._bytes = 0
        self._listening: dict[object, Callable[[Event], None]] = {}

    def lately(self, most: int = 200) -> list[Event]:
        """The last happenings, the oldest first."""
        return list(self._happened.values())[-most:]

    def picture(self, frame: int) -> Picture | None:
        """A picture that was sent; None when it is not kept any more."""
        return next((picture for number, picture in self._pictures if number == frame), None)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Be told of each happening when it begins and when it ends; returns how to stop that."""
        token = object()
        self._listening[token] = listener
        return lambda: self._listening.pop(token, None) and None

    def begin(
        self,
        who: Actor,
        what: str,
        told: str,
        at: Place | None = None,
        to: Place | None = None,
        said: Said = _WORDS_ONLY,
    ) -> Event:
        """Something begins."""
        told = self._clean(told)
        if what in _UNTOLD:
            return Event(0, time.time(), who, what, told)
        self._numbers += 1
        begun = Event(self._numbers, time.time(), who, what, told, at, to, said=self._cleaned(said))
        return self._keep(begun)

    def pressing(self, begun: Event, at: Place) -> None:
        """Something is about to be pressed in the course of it."""
        if (event := self._happened.get(begun.number)) and not event.ended:
            self._keep(replace(event, at=at))

    def end(
        self,
        begun: Event,
        *,
        error: str = "",
        why: str = "",
        picture: Picture | None = None,
        told: str = "",
        said: Said = _WORDS_ONLY,
    ) -> Event:
        """It is over: well, or with an error."""
        frame = self._keep_picture(picture) if picture and begun.number else None
        ms = round((time.time() - begun.when) * 1e3)
        return self._keep(
            replace(
                begun, ended=True, ok=not error, ms=ms, frame=frame,
                error=self._clean(error), told=self._clean(told) or begun.told,
                why=why, said=self._cleaned(said) or begun.said,
            )
        )  # fmt: skip

    def note(
        self,
        who: Actor,
        what: str,
        told: str,
        at: Place | None = None,
        said: Said = _WORDS_ONLY,
    ) -> Event:
        """Something that takes no time."""
        return self.end(self.begin(who, what, told, at, said=said))

    def _cleaned(self, said: Said) -> Said:
        return {
            key: self._clean(value) if isinstance(value, str) and key != "code" else value
            for key, value in said.items()
        }

    def _keep(self, happening: Event) -> Event:
        if not happening.number:
            return happening
        self._happened[happening.number] = happening
        while len(self._happened) > _KEPT:
            self._happened.popitem(last=False)
        for token, listener in list(self._listening.items()):
            try:
                listener(happening)
            except Exception:  # who watches must never harm what is watched
                self._listening.pop(token, None)
                logger.exception("a listener failed and is told nothing more")
        return happening

    def _keep_picture(self, picture: Picture) -> int:
        self._frames += 1
        self._pictures.append((self._frames, picture))
        self._bytes += len(picture.data)
        while self._bytes > _PICTURES:
            _, gone = self._pictures.popleft()
            self._bytes -= len(gone.data)
        return self._frames

"""What happened on a desktop lately: who did what, when, what came of it, and what they saw.

Kept in memory, and bounded; the live view shows it. The pictures are those that were sent, byte for
byte. All text is redacted on its way in.
"""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gloveport.sandbox.imaging.image import Picture

from .actor import Actor
from .event import Event, Place, Said
from .saved_story import SavedStory

logger = logging.getLogger(__name__)

_KEPT = 500  # happenings
_PICTURES = 16 << 20  # bytes of pictures
_UNTOLD = {"show_desktop"}  # clients ask for it once a second, by themselves

_WORDS_ONLY = Said()


class Recorder:
    """The happenings of one desktop. Used on the event loop only.

    Args:
        clean: Redacts a text.
        folder: Where it is written too, and gone on with when there is one; None: nowhere.
    """

    def __init__(self, clean: Callable[[str], str] = str, folder: Path | None = None) -> None:
        self._clean = clean
        self._numbers = 0
        self._frames = 0
        self._happened: OrderedDict[int, Event] = OrderedDict()
        self._pictures: deque[tuple[int, Picture]] = deque()
        self._bytes = 0
        self._listening: dict[object, Callable[[Event], None]] = {}
        self._saved = SavedStory(folder, _KEPT) if folder else None
        if self._saved:
            self._take_up(self._saved)

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
        if self._saved and happening.ended:
            self._saved.add(happening)
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
        if self._saved:
            self._saved.add_picture(self._frames, picture)
        self._hold(self._frames, picture)
        return self._frames

    def _hold(self, number: int, picture: Picture) -> None:
        self._pictures.append((number, picture))
        self._bytes += len(picture.data)
        while self._bytes > _PICTURES:
            dropped, gone = self._pictures.popleft()
            self._bytes -= len(gone.data)
            if self._saved:
                self._saved.drop_picture(dropped)

    def _take_up(self, saved: SavedStory) -> None:
        """Go on with what was written before the desktop ended."""
        events, pictures = saved.load()
        for event in events:
            self._happened[event.number] = event
        for number, picture in pictures:
            self._hold(number, picture)
        self._numbers = max(self._happened, default=0)
        self._frames = max((number for number, _ in self._pictures), default=0)

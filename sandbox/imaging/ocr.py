"""Text off the pixels (OCR): the second eye, for canvases, pictures and programs that tell nothing.

The engine is the extra `gloveport[ocr]`. It runs in a process of its own that is started when first
needed and killed when it takes too long.
"""

import json
import logging
import os
import select
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled
from ..geometry import Rect

logger = logging.getLogger(__name__)

INSTALL = f"{sys.executable} -m pip install rapidocr onnxruntime"
_SURE = 0.6  # the score below which what is read is mostly icons
_STEP = 0.1  # seconds until it is asked again whether the caller has given up
_KEPT = 32  # readings; a screen that looks the same is not read twice


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; the rectangle is in pixels of the screen."""

    text: str
    rect: Rect
    columns: Sequence[tuple[int, int]]
    """Left and right end of each character that is not a space; may be empty."""

    def part(self, start: int, length: int) -> Rect:
        """Where some of its characters are."""
        before = len(self.text[:start].replace(" ", ""))
        within = len(self.text[start : start + length].replace(" ", ""))
        if within > 0 and before + within <= len(self.columns):
            left = self.columns[before][0]
            right = self.columns[before + within - 1][1]
        else:
            each = self.rect.width / max(1, len(self.text))
            left = round(self.rect.x + start * each)
            right = round(left + length * each)
        return Rect(left, self.rect.y, max(1, right - left), self.rect.height)


class Unreadable(Exception):
    """The engine is missing, ended, or took too long; the text says which."""


class Ocr:
    """Reads text off pixels. Used by one thread at a time.

    Args:
        gave_up: Whether the caller has given up; asked while the engine reads.
    """

    def __init__(self, gave_up: Callable[[], bool]) -> None:
        self._gave_up = gave_up
        self._engine: subprocess.Popen[bytes] | None = None
        self._read: OrderedDict[tuple[int, Rect], list[Line]] = OrderedDict()

    @property
    def installed(self) -> bool:
        return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None

    @property
    def pid(self) -> int | None:
        """Of the engine's process, if it has been started."""
        return self._engine and self._engine.pid

    def read(self, pixels: NDArray[np.uint8], region: Rect, seconds: float = 15) -> list[Line]:
        """The lines of text in a region of the screen.

        Args:
            pixels: The whole screen, (height, width, 4).
            region: Where to read.
            seconds: How long it may take; the engine's start takes three.

        Raises:
            Unreadable: It could not be read.
            Cancelled: The caller gave up.
        """
        part = np.ascontiguousarray(pixels[region.y : region.bottom, region.x : region.right])
        place = (hash(part.tobytes()), region)
        if place not in self._read:
            self._read[place] = [
                Line(
                    text,
                    Rect(x + region.x, y + region.y, width, height),
                    [(left + region.x, right + region.x) for left, right in columns],
                )
                for text, score, (x, y, width, height), columns in self._ask(part, seconds)
                if score >= _SURE
            ]
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(place)
        return self._read[place]

    def close(self) -> None:
        """End the engine."""
        engine, self._engine = self._engine, None
        if engine:
            engine.kill()
            engine.wait()
            for end in (engine.stdin, engine.stdout):
                if end:
                    with suppress(BrokenPipeError):
                        end.close()

    def _ask(
        self, part: NDArray[np.uint8], seconds: float
    ) -> list[tuple[str, float, list[int], list[list[int]]]]:
        if not self.installed:
            raise Unreadable(f"reading text off pictures needs an extra: {INSTALL}")
        until = time.monotonic() + seconds
        for again in (False, True):
            if self._engine is None:
                self.start()
            height, width = part.shape[:2]
            try:
                self._send(f"{width} {height}\n".encode() + part.tobytes(), until)
                return self._answer(until)
            except (BrokenPipeError, EOFError) as ended:  # it ends itself when it is idle
                self.close()
                if again:
                    raise Unreadable("the OCR engine ended") from ended
            except BaseException:
                self.close()
                raise
        raise AssertionError

    def _send(self, asked: bytes, until: float) -> None:
        """Write a picture; a pipe takes as much of it at a time as the engine has read."""
        assert self._engine
        assert self._engine.stdin
        target = self._engine.stdin.fileno()
        os.set_blocking(target, False)
        left = memoryview(asked)
        while left:
            self._check(until)
            if select.select([], [target], [], _STEP)[1]:
                with suppress(BlockingIOError):
                    left = left[os.write(target, left) :]

    def _check(self, until: float) -> None:
        if self._gave_up():
            raise Cancelled
        if time.monotonic() > until:
            raise Unreadable("the OCR engine took too long")

    def _answer(self, until: float) -> list[tuple[str, float, list[int], list[list[int]]]]:
        assert self._engine
        assert self._engine.stdout
        source = self._engine.stdout.fileno()
        wrote = b""
        while not wrote.endswith(b"\n"):
            self._check(until)
            if select.select([source], [], [], _STEP)[0]:
                more = os.read(source, 1 << 16)
                if not more:
                    raise EOFError
                wrote += more
        try:
            return json.loads(wrote)
        except ValueError as why:
            raise Unreadable("the OCR engine answered nonsense") from why

    def start(self) -> None:
        """Start the engine; `read` does so when it is needed."""
        began = time.monotonic()
        self._engine = subprocess.Popen(
            [sys.executable, "-I", "-m", "gloveport.sandbox.imaging.ocr_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            cwd="/",
        )
        logger.info("started the OCR engine in %.2f s", time.monotonic() - began)

"""Turns what can be foreseen to fail into one sentence and an exit status.

A command raises, or calls `sys.exit` with a sentence. A server that a client started also writes
the sentence to whoever waits for it (`--ready-fd`). An unforeseen error stays a traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from ..stdio.state_folder import BadState, NoServer
from ..stdio.system_errors import system_error
from .entry import INTERRUPTED

_NO_READER = 141  # exit status of shells for SIGPIPE: 128 and the number of the signal


def run(given: argparse.Namespace, command: Callable[[argparse.Namespace], int]) -> int:
    """Run a command and return its exit status."""
    try:
        status = command(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _failed(given, "stopped.", INTERRUPTED)
    except SystemExit as ended:
        if not isinstance(ended.code, str):
            raise
        return _failed(given, ended.code.removeprefix("gloveport: "))
    except BaseException as why:
        sentences = [_foreseen(error) for error in _leaves(why)]
        told = [sentence for sentence in sentences if sentence is not None]
        if len(told) < len(sentences):
            raise
        if told[0] == "":
            return _failed(given, "", _NO_READER)
        interrupted = any(isinstance(error, KeyboardInterrupt) for error in _leaves(why))
        return _failed(given, told[0], INTERRUPTED if interrupted else 1)
    return status


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in groups of groups of errors."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - of any errors
            yield from _leaves(one)  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield error


def _foreseen(error: BaseException) -> str | None:
    """The sentence on an error; empty: nobody reads; None: it was not foreseen."""
    match error:
        case KeyboardInterrupt():
            return "stopped."
        case BrokenPipeError():
            return ""
        case OSError():
            return system_error(error)
        case BadState():
            return str(error)
        case NoServer():
            return f"{error} Run `gloveport doctor`."
        case UnicodeDecodeError():
            return "A file is not UTF-8 text. Check the files that you named."
        case _:
            # Known only where a desktop was to run: a bundle of the bridge has no sandbox.
            errors = sys.modules.get("gloveport.sandbox.errors")
            if errors and isinstance(error, errors.Impossible):
                return str(error)
            if errors and isinstance(error, errors.SandboxError):
                return f"{error} Run `gloveport doctor`."
            return None


def _failed(given: argparse.Namespace, sentence: str, status: int = 1) -> int:
    """Say what happened to people and to whoever waits for the server."""
    if sentence:
        with suppress(OSError):
            print(f"gloveport: {sentence}", file=sys.stderr)  # noqa: T201
        if getattr(given, "ready_fd", -1) >= 0:
            with suppress(OSError):
                os.write(given.ready_fd, f"{sentence}\n".encode(errors="replace"))
    try:
        sys.stdout.flush()
    except OSError:  # the interpreter would try once more at its end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return status

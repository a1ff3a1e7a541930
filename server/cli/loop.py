"""The event loop of a command, which Ctrl+C cancels."""

import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .entry import end

_Result = TypeVar("_Result")


def run_loop(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Run an event loop and return what its work returns.

    Raises:
        KeyboardInterrupt: Ctrl+C cancelled it; everything that it opened is closed.
    """
    import anyio

    before = signal.getsignal(signal.SIGINT)
    if before is not end:
        return anyio.run(work)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio replaces only this one
    try:
        return anyio.run(work)
    finally:
        signal.signal(signal.SIGINT, before)

"""Gives memory that is free in this process back to the machine, once there is much of it.

The C library keeps what was freed, in pieces between what is still in use, and Python's collector
counts objects, not their bytes: a lost desktop is a few thousand objects with 30 MB of pixels. Both
are done here when the process has grown, so that it stays as small as what it holds.
"""

import ctypes
import gc
import os
import time
from contextlib import suppress

import anyio
import anyio.to_thread

_EVERY = 5.0  # seconds between two looks, a read of one file each
_GROWN = 32 << 20  # bytes; some pictures of a large screen come and go all the time
_SELDOM, _WORK = (
    12,
    1.0,
)  # looks from one trim to the next without growth; seconds of processor time
_ARENA_MAX = -8  # malloc.h
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """How many bytes of memory this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - the quickest way
        return int(file.read().split()[1]) * _PAGE


def prepare() -> None:
    """Have all threads allocate from one place, which can be trimmed; before there are threads.

    A place of its own for each thread keeps what is free at its end, up to 64 MB (malloc(3)).
    What is imported by now stays, and is not looked through at each collection, which takes 50 ms.
    """
    gc.freeze()
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def trim() -> None:
    """Give memory that is free back to the machine; other threads of Python run meanwhile."""
    with suppress(AttributeError):  # a C library that keeps nothing, such as musl
        ctypes.CDLL(None).malloc_trim(0)


async def keep_small(every: float = _EVERY) -> None:
    """Give memory back whenever it has grown, and now and then while there is work.

    Args:
        every: Seconds between two looks, until cancelled.
    """
    least, worked, looks = resident(), time.process_time(), 0
    while True:
        await anyio.sleep(every)
        looks += 1
        least = min(least, resident())
        grown = resident() > least + _GROWN
        # What was in use when it was trimmed last may be free by now.
        if not grown and (looks % _SELDOM or time.process_time() < worked + _WORK):
            continue
        await anyio.to_thread.run_sync(trim)
        if grown and resident() > least + _GROWN:
            gc.collect()  # some 20 ms in which nothing else runs
            await anyio.to_thread.run_sync(trim)
        least, worked = resident(), time.process_time()

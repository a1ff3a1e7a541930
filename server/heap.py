"""Gives memory that is free in this process back to the machine, once there is much of it.

The C library keeps what was freed, in pieces between what is still in use, and Python's collector
counts objects, not their bytes: a lost desktop is a few thousand objects with 30 MB of pixels. Both
are done here when the process has grown, so that it stays as small as what it holds.
"""

import ctypes
import gc
import os
from contextlib import suppress

import anyio
import anyio.to_thread

_EVERY = 5.0  # seconds between two looks, a read of one file each
_GROWN = 32 << 20  # bytes; some pictures of a large screen come and go all the time
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """How many bytes of memory this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - the quickest way
        return int(file.read().split()[1]) * _PAGE


def trim() -> None:
    """Give memory that is free back to the machine; other threads of Python run meanwhile."""
    with suppress(AttributeError):  # a C library that keeps nothing, such as musl
        ctypes.CDLL(None).malloc_trim(0)


async def keep_small(every: float = _EVERY) -> None:
    """Give memory back whenever it has grown; looks every so many seconds, until cancelled."""
    least = resident()
    while True:
        await anyio.sleep(every)
        least = min(least, resident())
        if resident() <= least + _GROWN:
            continue
        await anyio.to_thread.run_sync(trim)
        if resident() > least + _GROWN:
            gc.collect()  # some 20 ms in which nothing else runs
            await anyio.to_thread.run_sync(trim)
        least = resident()

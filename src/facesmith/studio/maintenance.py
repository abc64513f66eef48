"""What the studio does by itself now and then: forget who has gone, and give back memory that nobody uses."""

import asyncio
import ctypes
from contextlib import suppress

from facesmith.studio.sessions import Sessions

EVERY = 15.0  # seconds
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h counts them


async def keep_house(sessions: Sessions, every: float = EVERY) -> None:
    """Do so until cancelled. A visitor's photos are gone in time even where nobody asks for anything any more."""
    forget_large_blocks()
    while True:
        await asyncio.sleep(every)
        sessions.sweep()
        await asyncio.to_thread(give_back_memory)


def forget_large_blocks() -> None:
    """Have the C library give the memory of large pictures back to the system as soon as it is freed.

    glibc learns from the first large blocks that are freed to keep the next ones: after some photos of the largest size
    hundreds of megabytes stay with a process that does not need them. Told what is large, it learns nothing.
    """
    with suppress(AttributeError, OSError, TypeError):  # where the C library is another one
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 4 << 20)
        libc.mallopt(_TRIM_THRESHOLD, 16 << 20)


def give_back_memory() -> None:
    """The same of smaller blocks, which lie among those in use: glibc keeps them, for each thread apart."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)

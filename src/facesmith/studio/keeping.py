"""What the studio does by itself now and then: forget who has gone, and give back memory that nobody uses."""

import asyncio
import ctypes
from contextlib import suppress

from facesmith.studio.sessions import Sessions

EVERY = 15.0  # seconds


async def keep_house(sessions: Sessions, every: float = EVERY) -> None:
    """Do so until cancelled. A visitor's photos are gone in time even where nobody asks for anything any more."""
    while True:
        await asyncio.sleep(every)
        sessions.sweep()
        await asyncio.to_thread(give_back_memory)


def give_back_memory() -> None:
    """Have the C library give back to the system what was freed.

    glibc keeps it, for each thread apart, and the larger what it was used for, the more: a few photos of the largest
    size, or sheets of hundreds of faces, and hundreds of megabytes stay with a process that does not need them.
    """
    with suppress(AttributeError, OSError, TypeError):  # where the C library is another one
        ctypes.CDLL(None).malloc_trim(0)

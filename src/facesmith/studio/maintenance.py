"""Periodic maintenance: delete expired sessions and return unused memory to the system."""

import asyncio
import ctypes
from contextlib import suppress

from facesmith.studio.sessions import Sessions

INTERVAL_SECONDS = 15.0
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the numbers of these options in malloc.h


async def run_maintenance(sessions: Sessions, seconds: float = INTERVAL_SECONDS) -> None:
    """Run until cancelled. Photos are deleted in time even if no requests arrive."""
    configure_allocator()
    while True:
        await asyncio.sleep(seconds)
        sessions.expire()
        await asyncio.to_thread(trim_memory)


def configure_allocator() -> None:
    """Make the C library return the memory of large images to the system as soon as it is freed.

    glibc raises its thresholds when large blocks are freed, so that it keeps the next ones: after some photos of the
    largest size the process would hold hundreds of megabytes. Explicit thresholds turn this off.
    """
    with suppress(AttributeError, OSError, TypeError):  # other C libraries lack these functions
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, 4 << 20)
        libc.mallopt(_TRIM_THRESHOLD, 16 << 20)


def trim_memory() -> None:
    """Return the memory of small freed blocks too, which glibc keeps for each thread."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)

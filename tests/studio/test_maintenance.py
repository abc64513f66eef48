import asyncio
import platform
from pathlib import Path

import numpy as np
import pytest

from facesmith.studio.maintenance import run_maintenance, trim_memory
from facesmith.studio.sessions import Sessions


def _resident() -> float:
    """Return the resident megabytes of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def test_sessions_expire_without_requests() -> None:
    now = 0.0
    sessions = Sessions(max_count=3, session_bytes=100, total_bytes=250, seconds=1000, clock=lambda: now)
    session = sessions.open(None)
    sessions.store(session, "photo", 10)

    async def idle() -> None:
        nonlocal now
        task = asyncio.create_task(run_maintenance(sessions, seconds=0.001))
        await asyncio.sleep(0.02)
        assert sessions.bytes == 10
        now = 1001.0
        async with asyncio.timeout(30):
            while len(sessions):
                await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(idle())


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory and has a function to return it"
)
def test_freed_memory_is_returned_to_the_system() -> None:
    blocks = [np.ones(100_000, np.uint8) for _ in range(1000)]
    last = blocks.pop()  # the topmost block, which keeps those below it
    trim_memory()
    full = _resident()
    blocks.clear()
    trim_memory()
    assert full - _resident() > 80
    assert last.all()

import asyncio
from functools import partial
from threading import Event

import pytest

from facesmith.studio.errors import Busy
from facesmith.studio.jobs import Jobs


def test_jobs_are_limited_and_cancellable() -> None:
    go, started = Event(), list[int]()

    def job(number: int) -> int:
        started.append(number)
        assert go.wait(30)
        return number

    async def ask() -> None:
        jobs = Jobs(1, 2)
        tasks = [asyncio.ensure_future(jobs.run(partial(job, number))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="3 long jobs"):
            await jobs.run(partial(job, 9))
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        assert jobs.count == 2
        go.set()
        assert await asyncio.gather(*tasks[::2]) == [0, 2]
        jobs.close()
        assert jobs.count == 0

    asyncio.run(ask())
    assert started == [0, 2]

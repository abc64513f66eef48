"""Long jobs, such as refining a face or encoding a video: a few at a time, in threads of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from facesmith.studio.errors import Busy

Result = TypeVar("Result")


class Jobs:
    """Runs long jobs in ``workers`` threads, so that they never delay faces. At most ``max_waiting`` wait."""

    def __init__(self, workers: int, max_waiting: int) -> None:
        self.limit = workers + max_waiting
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._count, self._lock = 0, Lock()

    @property
    def count(self) -> int:
        """Return how many jobs run or wait."""
        return self._count

    async def run(self, job: Callable[[], Result]) -> Result:
        """Call ``job`` in a thread and return its result. A waiting job is cancelled with the caller.

        Raises `Busy` if too many jobs wait.
        """
        with self._lock:
            if self._count >= self.limit:
                raise Busy(f"{self._count} long jobs are already running or queued: retry in a moment", 5)
            self._count += 1
        future = self._pool.submit(job)
        future.add_done_callback(self._job_done)
        return await asyncio.wrap_future(future)

    def _job_done(self, _: object) -> None:
        with self._lock:
            self._count -= 1

    def close(self) -> None:
        """Cancel the waiting jobs, and wait for the running ones."""
        self._pool.shutdown(cancel_futures=True)

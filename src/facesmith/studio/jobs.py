"""Long jobs, such as refining a face or writing a film: a few at a time, and never before faces."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from facesmith.studio.errors import Busy

Made = TypeVar("Made")


class Aside:
    """Long jobs, one beside the other in ``workers`` threads, so that they never hold up faces; ``limit`` may wait."""

    def __init__(self, workers: int, limit: int) -> None:
        self.limit = workers + limit
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="aside")
        self._jobs, self._lock = 0, Lock()

    @property
    def jobs(self) -> int:
        """How many are under way or waiting."""
        return self._jobs

    async def run(self, job: Callable[[], Made]) -> Made:
        """What ``job`` returns, called in a thread; `Busy` where too many wait. Cancelled, it is not begun."""
        with self._lock:
            if self._jobs >= self.limit:
                raise Busy(f"{self._jobs} long jobs are under way or waiting: ask again in a moment", 5)
            self._jobs += 1
        future = self._pool.submit(job)
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _: object) -> None:
        with self._lock:
            self._jobs -= 1

    def close(self) -> None:
        """Begin no more of them, and wait for those under way."""
        self._pool.shutdown(cancel_futures=True)

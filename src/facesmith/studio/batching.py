"""Compute faces for many requests at once: collect them, compute in a few threads, respond as each is done.

png = await batcher.generate(model, 64, lambda first, last: z[first:last], encode)
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, TypeVar

import numpy as np

from facesmith import Model
from facesmith.arrays import Images, Latents
from facesmith.errors import FacesmithError
from facesmith.studio.errors import Busy

# Faces computed in one call. Larger calls cost Python less per face. But once the data between two layers exceeds a
# core's cache, ONNX Runtime slows down more than proportionally, a large sheet should be computed by all threads at
# once, and a request for one face should wait only for short calls. `Model.measure_block` tests up to this size.
MAX_CALL_FACES = 16

DrawLatents = Callable[[int, int], Latents]  # returns the latents of faces first to last of a request
Result = TypeVar("Result")


@dataclass(eq=False)
class _Task:
    """One request. Of its ``count`` faces ``taken`` are assigned to a call, and ``missing`` are not in `images` yet."""

    model: Model
    count: int
    draw: DrawLatents
    finish: Callable[[Images], Any]
    start: int
    future: "asyncio.Future[Any]"
    images: Images | None = None
    next_face: int = 0
    missing: int = 0


@dataclass(frozen=True, eq=False)
class _Slice:
    """Faces ``first`` to ``last`` of a task, computed in one call."""

    task: _Task
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


_Outcome = tuple[_Task, Any, Exception | None]  # the result of a task, or its error


class Batcher:
    """Computes faces in ``workers`` threads, which start on first use. It is used from one event loop.

    An idle thread takes its share of the waiting faces at once, and faces that arrive while all threads are busy are
    collected. So no request waits for a batch to fill, and calls grow with the load. Tasks take turns of at most
    `MAX_CALL_FACES`, so that a large request delays a small one by one call at most. At most ``limit`` faces may wait;
    a request for more raises `Busy`. ``on_generated`` is called with the model's name and the faces of each call.
    """

    def __init__(
        self, workers: int, limit: int, on_generated: Callable[[str, int], None] = lambda model, faces: None
    ) -> None:
        self.workers, self.limit = workers, limit
        self._on_generated = on_generated
        self._queue: deque[_Task] = deque()
        self._waiting = self._running = 0  # faces
        self._condition = Condition()
        self._threads: list[Thread] = []
        self._is_closed = False
        self._faces_per_second = 500.0  # an estimate

    @property
    def waiting(self) -> int:
        """Return how many faces are requested and not being computed yet."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Return whether faces can be computed: no thread has ended."""
        return not self._is_closed and all(thread.is_alive() for thread in self._threads)

    async def generate(
        self, model: Model, count: int, draw: DrawLatents, finish: Callable[[Images], Result], *, start: int = 0
    ) -> Result:
        """Return what ``finish`` makes of the images (count x H x W x 3) of the latents that ``draw`` returns.

        ``draw(first, last)`` returns the latents of faces ``first`` to ``last``, and ``finish`` does the rest of the
        work, such as encoding. Both run in a worker thread, and their exceptions are raised here. ``start`` is the
        index of the first face in its seed (see `Model.block`). On cancellation, faces not yet computed are dropped.
        Raises `Busy` if too many faces wait already.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = _Task(model, count, draw, finish, start, future, missing=count)
        with self._condition:
            if self._is_closed:
                raise _closing()
            if self._waiting + count > self.limit:
                seconds = self._waiting / self._faces_per_second
                raise Busy(f"{self._waiting:,} faces are already queued: retry in a moment", seconds)
            self._start_threads()
            self._queue.append(task)
            self._waiting += count
            self._condition.notify(min(self.workers, count))
        try:
            result: Result = await future
        finally:
            with self._condition:  # a completed task has nothing to drop
                self._waiting -= count - task.next_face
                task.next_face = count
        return result

    def close(self) -> None:
        """End the threads after their current calls. Tasks that still wait get `Busy`."""
        with self._condition:
            self._is_closed = True
            tasks, self._queue = self._queue, deque()
            self._condition.notify_all()
        _deliver([(task, None, _closing()) for task in tasks])
        for thread in self._threads:
            thread.join()

    def _start_threads(self) -> None:
        if not self._threads:
            self._threads = [Thread(target=self._work, name=f"faces-{n}", daemon=True) for n in range(self.workers)]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while slices := self._next_call():
            start = time.perf_counter()
            outcomes = list[_Outcome]()
            for task in sorted(self._compute(slices), key=lambda task: task.count):
                if task.count > 1:  # encoding a sheet takes longer than a face, so single faces are delivered first
                    _deliver(outcomes)
                    outcomes = []
                try:
                    assert task.images is not None
                    outcomes.append((task, task.finish(task.images), None))
                except Exception as error:
                    outcomes.append((task, None, error))
            _deliver(outcomes)
            faces = sum(map(len, slices))
            with self._condition:
                self._running -= faces
            speed = self.workers * faces / (time.perf_counter() - start)
            self._faces_per_second += 0.05 * (speed - self._faces_per_second)
            del slices

    def _next_call(self) -> list[_Slice]:
        """Wait for the slices of the next call, all of one model. Returns none when the batcher is closed."""
        with self._condition:
            while not self._is_closed:
                slices, capacity, deferred = list[_Slice](), self._share(), deque[_Task]()
                while self._queue and capacity > 0:
                    task = self._queue.popleft()
                    if task.next_face >= task.count:  # cancelled
                        continue
                    block = task.model.block
                    if slices and (task.model is not slices[0].task.model or block > 1):
                        deferred.append(task)
                        continue
                    # If faces depend on their neighbours, a call must be aligned with the blocks of the seed.
                    size = block - (task.start + task.next_face) % block if block > 1 else capacity
                    piece = _Slice(task, task.next_face, min(task.next_face + size, task.count))
                    task.next_face = piece.last
                    self._waiting -= len(piece)
                    self._running += len(piece)
                    capacity = 0 if block > 1 else capacity - len(piece)
                    slices.append(piece)
                self._queue.extendleft(reversed(deferred))
                self._queue.extend(piece.task for piece in slices if piece.task.next_face < piece.task.count)
                if slices:
                    return slices
                self._condition.wait()
        return []

    def _share(self) -> int:
        """Return how many faces a thread takes at most, so that all threads have work."""
        return max(1, min(MAX_CALL_FACES, -(-(self._waiting + self._running) // self.workers)))

    def _compute(self, slices: list[_Slice]) -> list[_Task]:
        """Compute a call, store its images, and return the tasks that it completes."""
        model, ready, rows = slices[0].task.model, list[_Slice](), list[Latents]()
        for piece in slices:
            try:
                rows.append(_checked_latents(piece))
                ready.append(piece)
            except Exception as error:  # fails this task only
                self._fail(piece.task, error)
        if not ready:
            return []
        try:
            images = _generate(model, _concatenate(rows), ready[0].task.start + ready[0].first)
        except Exception as error:
            for piece in ready:
                self._fail(piece.task, error)
            return []
        self._on_generated(model.name, len(images))
        finished, offset = [], 0
        with self._condition:
            for piece in ready:
                task, part = piece.task, images[offset : offset + len(piece)]
                offset += len(piece)
                if len(piece) == task.count:
                    task.images = part
                else:
                    if task.images is None:
                        task.images = np.empty((task.count, *images.shape[1:]), np.uint8)
                    task.images[piece.first : piece.last] = part
                task.missing -= len(piece)
                if task.missing == 0 and not task.future.done():
                    finished.append(task)
        return finished

    def _fail(self, task: _Task, error: Exception) -> None:
        with self._condition:
            self._waiting -= task.count - task.next_face
            task.next_face = task.count
        _deliver([(task, None, error)])


def _closing() -> Busy:
    return Busy("the studio is shutting down: retry in a moment", 5)


def _generate(model: Model, z: Latents, start: int) -> Images:
    """Return the images of latents z. If neighbours matter, they are computed at their offset in the seed's block."""
    size = model.block  # read once: a measurement in another thread may change it
    if size == 1:
        return model.generate(z)
    offset = start % size
    block = np.zeros((size, z.shape[1]), np.float32)
    block[offset : offset + len(z)] = z
    return model.generate(block)[offset : offset + len(z)]


def _checked_latents(piece: _Slice) -> Latents:
    """Return the latents of a slice. Raises `FacesmithError` for latents that would fail the whole call."""
    model, z = piece.task.model, piece.task.draw(piece.first, piece.last)
    widths = (model.latent_size, model.latent_size + model.detail_size)
    if len(z) != len(piece) or z.shape[1] not in widths or not np.isfinite(z).all():
        raise FacesmithError(f"{model.name} requires {model.latent_size} finite numbers per face")
    return z


def _concatenate(rows: list[Latents]) -> Latents:
    """Concatenate latents. If some have a residual part, it is zero for the others."""
    width = max(z.shape[1] for z in rows)
    return np.concatenate([z if z.shape[1] == width else np.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in rows])


def _deliver(outcomes: list[_Outcome]) -> None:
    """Set the futures of tasks from a worker thread, all in one call, because each wakes the event loop."""

    def set_futures() -> None:
        for task, result, error in outcomes:
            if task.future.done():  # cancelled
                continue
            if error is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(error)

    if outcomes:
        with suppress(RuntimeError):  # the loop is closed
            outcomes[0][0].future.get_loop().call_soon_threadsafe(set_futures)

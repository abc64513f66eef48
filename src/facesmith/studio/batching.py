"""Faces for many who ask at once: gathered, computed by a few threads, answered as soon as each is done.

made = await batcher.make(model, 64, lambda first, last: z[first:last], encode)
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
from numpy.typing import NDArray

from facesmith import Model
from facesmith.errors import FacesmithError
from facesmith.studio.errors import Busy

# Faces computed in one call. The more there are, the less each costs Python; but where what lies between two layers no
# longer fits a core's cache, ONNX Runtime's time grows faster than the faces do, a large sheet is to be computed by all
# threads at once, and who wants one face should wait for no more than the short calls under way.
CALL = 16  # of what `Model.block` was tried with, no more

Latents = NDArray[np.float32]
Pictures = NDArray[np.uint8]
Draw = Callable[[int, int], Latents]  # the latents of faces first to last of what was asked for
Made = TypeVar("Made")


@dataclass(eq=False)
class _Task:
    """What one request asks for: ``taken`` faces of ``count`` are or were computed, ``left`` are not in `pictures`."""

    model: Model
    count: int
    draw: Draw
    finish: Callable[[Pictures], Any]
    place: int
    answer: "asyncio.Future[Any]"
    pictures: Pictures | None = None
    taken: int = 0
    left: int = 0


@dataclass(frozen=True, eq=False)
class _Piece:
    """Faces ``first`` to ``last`` of a task, computed in one call."""

    task: _Task
    first: int
    last: int


_Done = tuple[_Task, Any, Exception | None]  # with what was made of it, or what went wrong


class Batcher:
    """Makes faces in ``workers`` threads, which start when they are first needed.

    Whoever asks is of one loop. An idle thread takes its share of what there is at once, and what comes while all are
    busy is gathered: nobody waits for company, and the more ask, the fuller the calls are. Tasks take turns of at most
    `CALL` faces, so that a large one holds up a small one no longer than a call. At most ``limit`` faces wait; who asks
    for more gets `Busy`.
    """

    def __init__(self, workers: int, limit: int, made: Callable[[str, int], None] = lambda model, faces: None) -> None:
        self.workers, self.limit = workers, limit
        self._made = made
        self._turns: deque[_Task] = deque()
        self._waiting = self._under_way = 0  # faces
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._closed = False
        self._pace = 500.0  # faces a second, as far as is known

    @property
    def waiting(self) -> int:
        """Faces that are asked for and not being computed yet."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether faces can be made: no thread that was started has ended."""
        return not self._closed and all(thread.is_alive() for thread in self._threads)

    async def make(
        self, model: Model, count: int, draw: Draw, finish: Callable[[Pictures], Made], *, place: int = 0
    ) -> Made:
        """What ``finish`` makes of the faces (count x H x W x 3, uint8) whose latents ``draw`` gives.

        ``draw(first, last)`` gives the latents of faces ``first`` to ``last`` and ``finish`` is the rest of the work,
        such as encoding them: both are called in a worker thread, and what they raise is raised here. ``place`` is the
        index of the first face in its seed (see `Model.block`). Cancelled, it takes back what has not been computed.
        Raises `Busy` where too many faces wait already.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = _Task(model, count, draw, finish, place, answer, left=count)
        with self._changed:
            if self._closed:
                raise Busy("the studio is about to end: ask again in a moment", 5)
            if self._waiting + count > self.limit:
                raise Busy(
                    f"{self._waiting:,} faces are waiting to be made: ask again in a moment", self._waiting / self._pace
                )
            self._start()
            self._turns.append(task)
            self._waiting += count
            self._changed.notify(min(self.workers, count))
        try:
            made: Made = await answer
        finally:
            with self._changed:  # of a task that is done nothing is left to take back
                self._waiting -= count - task.taken
                task.taken = count
        return made

    def close(self) -> None:
        """End the threads after what they are computing; what still waits is answered with `Busy`."""
        with self._changed:
            self._closed = True
            left, self._turns = self._turns, deque()
            self._changed.notify_all()
        _tell([(task, None, Busy("the studio is about to end: ask again in a moment", 5)) for task in left])
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        if not self._threads:
            self._threads = [Thread(target=self._work, name=f"faces-{n}", daemon=True) for n in range(self.workers)]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while pieces := self._take():
            began = time.perf_counter()
            done = list[_Done]()
            for task in sorted(self._compute(pieces), key=lambda task: task.count):
                if task.count > 1:  # a sheet is longer to encode than a face
                    _tell(done)
                    done = []
                try:
                    assert task.pictures is not None
                    done.append((task, task.finish(task.pictures), None))
                except Exception as error:
                    done.append((task, None, error))
            _tell(done)
            faces = sum(piece.last - piece.first for piece in pieces)
            with self._changed:
                self._under_way -= faces
            self._pace += 0.05 * (self.workers * faces / (time.perf_counter() - began) - self._pace)
            del pieces

    def _take(self) -> list[_Piece]:
        """The pieces of the next call, all of one model, each task's turn ending with its piece; none at the end."""
        with self._changed:
            while not self._closed:
                pieces, room, passed = list[_Piece](), self._share(), deque[_Task]()
                while self._turns and room > 0:
                    task = self._turns.popleft()
                    if task.taken >= task.count:  # taken back
                        continue
                    if pieces and (task.model is not pieces[0].task.model or task.model.block > 1):
                        passed.append(task)
                        continue
                    # Only a call that is aligned with the seed's blocks gives the seed's faces, where those matter.
                    whole = task.model.block
                    most = whole - (task.place + task.taken) % whole if whole > 1 else room
                    piece = _Piece(task, task.taken, min(task.taken + most, task.count))
                    task.taken = piece.last
                    self._waiting -= piece.last - piece.first
                    self._under_way += piece.last - piece.first
                    room = 0 if whole > 1 else room - (piece.last - piece.first)
                    pieces.append(piece)
                self._turns.extendleft(reversed(passed))
                self._turns.extend(piece.task for piece in pieces if piece.task.taken < piece.task.count)
                if pieces:
                    return pieces
                self._changed.wait()
        return []

    def _share(self) -> int:
        """How many faces a thread takes at most: a thread that took all there are would have the others wait for it."""
        return max(1, min(CALL, -(-(self._waiting + self._under_way) // self.workers)))

    def _compute(self, pieces: list[_Piece]) -> list[_Task]:
        """Compute a call, put its faces where they belong, and return the tasks that are complete with it."""
        model, drawn, rows = pieces[0].task.model, list[_Piece](), list[Latents]()
        for piece in pieces:
            try:
                rows.append(_checked(piece, piece.task.draw(piece.first, piece.last)))
                drawn.append(piece)
            except Exception as error:  # of this task alone
                self._fail(piece.task, error)
        if not drawn:
            return []
        try:
            made = _generated(model, _joined(rows), drawn[0].task.place + drawn[0].first)
        except Exception as error:
            for piece in drawn:
                self._fail(piece.task, error)
            return []
        self._made(model.name, len(made))
        complete, start = [], 0
        with self._changed:
            for piece in drawn:
                task, faces = piece.task, piece.last - piece.first
                if faces == task.count:
                    task.pictures = made[start : start + faces]
                else:
                    if task.pictures is None:
                        task.pictures = np.empty((task.count, *made.shape[1:]), np.uint8)
                    task.pictures[piece.first : piece.last] = made[start : start + faces]
                start += faces
                task.left -= faces
                if task.left == 0 and not task.answer.done():
                    complete.append(task)
        return complete

    def _fail(self, task: _Task, error: Exception) -> None:
        with self._changed:
            self._waiting -= task.count - task.taken
            task.taken = task.count
        _tell([(task, None, error)])


def _generated(model: Model, z: Latents, place: int) -> Pictures:
    """The faces of latents z; where neighbours matter, among as many others as in the seed's block, at their place."""
    if model.block == 1:
        return model.generate(z)
    at = place % model.block
    block = np.zeros((model.block, z.shape[1]), np.float32)
    block[at : at + len(z)] = z
    return model.generate(block)[at : at + len(z)]


def _checked(piece: _Piece, z: Latents) -> Latents:
    """The latents of a piece; `FacesmithError` for what the model would refuse to all who share the call."""
    model, count = piece.task.model, piece.last - piece.first
    whole = model.latent_size + model.detail_size
    if len(z) != count or z.shape[1] not in (model.latent_size, whole) or not np.isfinite(z).all():
        raise FacesmithError(f"{model.name} takes {model.latent_size} ordinary numbers for each face")
    return z


def _joined(rows: list[Latents]) -> Latents:
    """The latents of pieces, one below the other; if some have detail, the others get one of zeros, which is none."""
    width = max(z.shape[1] for z in rows)
    return np.concatenate([z if z.shape[1] == width else np.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in rows])


def _tell(done: list[_Done]) -> None:
    """Answer tasks from a worker thread, all at once: whenever it wakes the loop, the two contend for the interpreter.

    Whoever asked may have gone meanwhile, and the loop with them.
    """

    def answer() -> None:
        for task, made, error in done:
            if task.answer.done():
                continue
            if error is None:
                task.answer.set_result(made)
            else:
                task.answer.set_exception(error)

    if done:
        with suppress(RuntimeError):  # the loop is closed
            done[0][0].answer.get_loop().call_soon_threadsafe(answer)

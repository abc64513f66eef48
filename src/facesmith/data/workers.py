"""Many pictures at once: all cores decode, and the results come back in order."""

import gc
import itertools
import math
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from facesmith.data.source import Handle
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import CropSpec
from facesmith.images.decode import decode

CHUNK_BYTES = 2 * 2**20  # of decoded pixels: enough to hide the cost of a task, little enough to keep memory flat
MOST_IN_CHUNK = 64

Result = TypeVar("Result")
Chunk = tuple[np.ndarray, list[str | None]]  # the good pictures' pixels; a reason, or None, for every picture

_slots: np.ndarray  # in a worker: the memory it shares with its parent, uint8 (slots, pictures, height, width, 3)


@contextmanager
def decoded(handles: Iterable[Handle], frame: CropSpec, workers: int) -> Iterator[Iterator[Chunk]]:
    """Start ``workers`` processes and give an iterator over the decoded pictures, in order, a chunk at a time.

    Holds a few chunks in memory however many pictures there are; the pixels of a chunk are overwritten once the next
    is asked for. Raises `FacesmithError` where a worker dies.
    """
    pictures = max(1, min(MOST_IN_CHUNK, CHUNK_BYTES // (frame.pixels * 3)))
    shape = (2 * workers + 2, pictures, frame.height, frame.width, 3)
    with _deaths_told(), _pool(workers, shape) as (pool, slots):
        yield _in_order(pool, slots, iter(handles), frame)


@contextmanager
def mapped(function: Callable[[Handle], Result], handles: Iterable[Handle], workers: int) -> Iterator[Iterator[Result]]:
    """Start ``workers`` processes and give an iterator over ``function`` of each handle, in order.

    For results of a few numbers: they come through a pipe. Raises `FacesmithError` where a worker dies.
    """
    with _deaths_told(), _pool(workers, (1,)) as (pool, _):
        yield _results(pool, function, iter(handles), 2 * workers + 2)


def _results(
    pool: ProcessPoolExecutor, function: Callable[[Handle], Result], handles: Iterator[Handle], ahead: int
) -> Iterator[Result]:
    waiting = deque(pool.submit(function, handle) for handle in itertools.islice(handles, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(function, handle) for handle in itertools.islice(handles, 1))


@contextmanager
def _deaths_told() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise FacesmithError(
            "a process that reads pictures died, for want of memory or on a picture that crashes its decoder: "
            "try again with fewer workers, or with a part of the pictures to find the one"
        ) from None


def _in_order(
    pool: ProcessPoolExecutor, slots: np.ndarray, handles: Iterator[Handle], frame: CropSpec
) -> Iterator[Chunk]:
    free = deque(range(len(slots)))
    waiting: deque[tuple[int, Future[list[str | None]]]] = deque()
    while True:
        while free and (chunk := list(itertools.islice(handles, slots.shape[1]))):
            slot = free.popleft()
            waiting.append((slot, pool.submit(_decode_chunk, slot, chunk, frame)))
        if not waiting:
            return
        slot, future = waiting.popleft()
        reasons = future.result()
        yield slots[slot, : reasons.count(None)], reasons
        free.append(slot)


def _decode_chunk(slot: int, handles: list[Handle], frame: CropSpec) -> list[str | None]:
    """Decode some pictures, the good ones into ``slot`` one after the other; a reason or None for each of them."""
    reasons: list[str | None] = []
    for handle in handles:
        try:
            opened = handle.open()
            pixels = opened if isinstance(opened, np.ndarray) else decode(opened, frame)
            _slots[slot, reasons.count(None)] = pixels
            reasons.append(None)
        except ImageError as bad:
            reasons.append(str(bad))
    return reasons


@contextmanager
def _pool(workers: int, shape: tuple[int, ...]) -> Iterator[tuple[ProcessPoolExecutor, np.ndarray]]:
    # fork where it is safe: a worker starts at once, and a user's script needs no main guard. What makes fork unsafe
    # is children that go on using their parent's threads and locks; ours touch only Pillow, NumPy and the drawings.
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    # Pixels come back through shared memory: quicker than a pipe, and a worker that is killed while it sends megabytes
    # through a pipe leaves its parent waiting for the rest of them for ever.
    memory = context.RawArray("B", math.prod(shape))
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(memory, shape))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*", category=DeprecationWarning)
            pool.submit(_start_now).result()  # all workers fork here, before the progress bar's thread exists
        yield pool, np.frombuffer(memory, np.uint8).reshape(shape)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_now() -> None: ...


def _start(memory: Any, shape: tuple[int, ...]) -> None:
    """Prepare a worker: Ctrl-C is the parent's to handle, and nothing here may write to the user's console."""
    global _slots
    _slots = np.frombuffer(memory, np.uint8).reshape(shape)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # libtiff and others print their warnings from C
    warnings.simplefilter("ignore")
    gc.freeze()  # so that collecting garbage does not copy the parent's memory into each child
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a parent that was killed cannot tell its workers to stop
        os._exit(1)

"""A pool of worker processes that decode photos; results come back in order."""

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
from facesmith.images.decode import decode_with_marks
from facesmith.images.provenance import Marks

CHUNK_BYTES = 2 * 2**20  # of decoded pixels: enough to hide the cost of a task, little enough to limit memory
MAX_CHUNK_IMAGES = 64

Result = TypeVar("Result")
# What became of a photo: the reason it was skipped, or None; the marks in its file, if there are any.
Outcome = tuple[str | None, Marks | None]
Chunk = tuple[np.ndarray, list[Outcome]]  # the decoded images, and the outcome for every photo

_slots: np.ndarray  # in a worker: memory shared with the parent, uint8 (slots, images, height, width, 3)


@contextmanager
def decode_all(handles: Iterable[Handle], spec: CropSpec, workers: int) -> Iterator[Iterator[Chunk]]:
    """Start ``workers`` processes and yield an iterator over the decoded images, in order, a chunk at a time.

    A few chunks are in memory at a time. The images of a chunk are overwritten when the next one is requested. Raises
    `FacesmithError` if a worker dies.
    """
    chunk_images = max(1, min(MAX_CHUNK_IMAGES, CHUNK_BYTES // (spec.pixels * 3)))
    shape = (2 * workers + 2, chunk_images, spec.height, spec.width, 3)
    with _worker_death_as_message(), _pool(workers, shape) as (pool, slots):
        yield _decode_in_order(pool, slots, iter(handles), spec)


@contextmanager
def map_handles(
    function: Callable[[Handle], Result], handles: Iterable[Handle], workers: int
) -> Iterator[Iterator[Result]]:
    """Start ``workers`` processes and yield an iterator over ``function`` of each handle, in order.

    Results pass through a pipe, so they should be small. Raises `FacesmithError` if a worker dies.
    """
    with _worker_death_as_message(), _pool(workers, (1,)) as (pool, _):
        yield _map_in_order(pool, function, iter(handles), 2 * workers + 2)


def _map_in_order(
    pool: ProcessPoolExecutor, function: Callable[[Handle], Result], handles: Iterator[Handle], ahead: int
) -> Iterator[Result]:
    waiting = deque(pool.submit(function, handle) for handle in itertools.islice(handles, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(function, handle) for handle in itertools.islice(handles, 1))


@contextmanager
def _worker_death_as_message() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise FacesmithError(
            "a decoding process died, either because memory ran out or because an image is damaged: use fewer workers, "
            "or import the images in parts to find the damaged one"
        ) from None


def _decode_in_order(
    pool: ProcessPoolExecutor, slots: np.ndarray, handles: Iterator[Handle], spec: CropSpec
) -> Iterator[Chunk]:
    free = deque(range(len(slots)))
    waiting: deque[tuple[int, Future[list[Outcome]]]] = deque()
    while True:
        while free and (chunk := list(itertools.islice(handles, slots.shape[1]))):
            slot = free.popleft()
            waiting.append((slot, pool.submit(_decode_chunk, slot, chunk, spec)))
        if not waiting:
            return
        slot, future = waiting.popleft()
        outcomes = future.result()
        yield slots[slot, : sum(reason is None for reason, _ in outcomes)], outcomes
        free.append(slot)


def _decode_chunk(slot: int, handles: list[Handle], spec: CropSpec) -> list[Outcome]:
    return decode_into(_slots[slot], handles, spec)


def decode_into(images: np.ndarray, handles: Iterable[Handle], spec: CropSpec) -> list[Outcome]:
    """Decode some photos into ``images``, one after the other, and return the outcome for each of them."""
    outcomes: list[Outcome] = []
    count = 0
    for handle in handles:
        try:
            opened = handle.open()
            pixels, marks = (opened, None) if isinstance(opened, np.ndarray) else decode_with_marks(opened, spec)
            images[count] = pixels
            count += 1
            outcomes.append((None, marks))
        except ImageError as error:
            outcomes.append((str(error), None))
    return outcomes


@contextmanager
def _pool(workers: int, shape: tuple[int, ...]) -> Iterator[tuple[ProcessPoolExecutor, np.ndarray]]:
    # With fork, a worker starts at once and a user's script needs no main guard. Fork is unsafe for children that use
    # their parent's threads and locks; these use only Pillow, NumPy and the drawing packages.
    method = "fork" if sys.platform == "linux" else "spawn"
    _release_memory()
    context = multiprocessing.get_context(method)
    # Pixels come back through shared memory. It is faster than a pipe, and a worker that is killed while it sends
    # megabytes through a pipe would leave its parent waiting forever.
    memory = context.RawArray("B", math.prod(shape))
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(memory, shape))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*", category=DeprecationWarning)
            pool.submit(_do_nothing).result()  # all workers fork now, before the progress bar's thread exists
        yield pool, np.frombuffer(memory, np.uint8).reshape(shape)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _release_memory() -> None:
    """Free what parsing of labels took, before processes are forked and each has a copy of it."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()


def _do_nothing() -> None: ...


def _start_worker(memory: Any, shape: tuple[int, ...]) -> None:
    """Prepare a worker process: the parent handles Ctrl-C, and a worker prints nothing."""
    global _slots
    _slots = np.frombuffer(memory, np.uint8).reshape(shape)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff and others print warnings from C
    warnings.simplefilter("ignore")
    gc.freeze()  # so that garbage collection does not copy the parent's memory into each child
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a killed parent cannot stop its workers
        os._exit(1)

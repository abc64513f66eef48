import asyncio
from collections.abc import Callable
from threading import Barrier, Event

import numpy as np
import pytest

from facesmith import FacesmithError, Model
from facesmith.arrays import Floats, Images, Latents
from facesmith.studio.batching import MAX_CALL_FACES, Batcher
from facesmith.studio.errors import Busy


def _as_they_are(faces: Images) -> Images:
    return faces


async def _faces(batcher: Batcher, model: Model, count: int, seed: int, start: int = 0) -> Images:
    def draw(first: int, last: int) -> Latents:
        return model.latents(last - first, seed, start=start + first)

    return await batcher.generate(model, count, draw, _as_they_are, start=start)


class _PausedBatcher:
    """A batcher whose single thread waits for `go` while it draws a first face."""

    def __init__(self, model: Model, limit: int = 1000) -> None:
        self.model, self.go, self.holds = model, Event(), Event()
        self.batcher = Batcher(1, limit)

    async def __aenter__(self) -> Batcher:
        def draw(first: int, last: int) -> Floats:
            self.holds.set()
            assert self.go.wait(30)
            return self.model.latents(1)

        self.first = asyncio.ensure_future(self.batcher.generate(self.model, 1, draw, _as_they_are))
        await asyncio.sleep(0)
        await asyncio.to_thread(self.holds.wait, 30)
        return self.batcher

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await asyncio.gather(self.first, return_exceptions=True)
        self.batcher.close()


def test_faces_do_not_depend_on_other_requests(first: Model, second: Model, batch_dependent: Model) -> None:
    """Sixty requests for three models at once; the faces of one model depend on the batch size."""
    for model in (first, second, batch_dependent):
        model.measure_block()
    assert (first.block, second.block, batch_dependent.block) == (1, 1, 16)
    requests = [
        (model, count, seed, start)
        for seed, (count, start) in enumerate([(1, 0), (1, 5), (1, 37), (3, 15), (16, 0), (20, 9), (64, 1)] * 3)
        for model in (first, second, batch_dependent)
    ]

    async def ask() -> list[Images]:
        batcher = Batcher(2, 10_000)
        results = await asyncio.gather(*(_faces(batcher, *request) for request in requests))
        assert batcher.waiting == 0
        batcher.close()
        return results

    for (model, count, seed, start), images in zip(requests, asyncio.run(ask()), strict=True):
        assert np.array_equal(images, model.sample(count, seed, start=start)), (model.name, count, seed, start)


def test_cancelled_requests_are_not_computed(first: Model) -> None:
    calls: list[int] = []

    def drawing(number: int) -> Callable[[int, int], Floats]:
        def draw(begin: int, end: int) -> Floats:
            calls.append(number)
            return first.latents(end - begin)

        return draw

    async def ask() -> None:
        paused = _PausedBatcher(first)
        async with paused as batcher:
            tasks = [asyncio.ensure_future(batcher.generate(first, 20, drawing(n), _as_they_are)) for n in range(3)]
            await asyncio.sleep(0)
            assert batcher.waiting == 60
            tasks[1].cancel()
            await asyncio.wait([tasks[1]])
            assert batcher.waiting == 40
            paused.go.set()
            assert [len(images) for images in await asyncio.gather(tasks[0], tasks[2])] == [20, 20]
            assert batcher.waiting == 0
        assert set(calls) == {0, 2}

    asyncio.run(ask())


def test_a_full_queue_refuses_requests(first: Model) -> None:
    async def ask() -> None:
        async with (paused := _PausedBatcher(first, limit=10)) as batcher:
            waiting = asyncio.ensure_future(_faces(batcher, first, 8, 0))
            await asyncio.sleep(0)
            with pytest.raises(Busy, match="8 faces are already queued") as error:
                await _faces(batcher, first, 3, 0)
            assert error.value.status_code == 429
            assert int((error.value.headers or {})["Retry-After"]) >= 1
            assert batcher.waiting == 8
            paused.go.set()
            assert len(await waiting) == 8
            assert len(await _faces(batcher, first, 10, 0)) == 10

    asyncio.run(ask())


def test_a_face_does_not_wait_for_a_large_sheet(first: Model) -> None:
    async def ask() -> None:
        async with (paused := _PausedBatcher(first)) as batcher:
            finished: list[str] = []
            tasks = list[asyncio.Task[Images]]()
            for name, count in (("sheet", 200), ("face", 1)):
                tasks.append(asyncio.create_task(_faces(batcher, first, count, 0)))
                tasks[-1].set_name(name)
                tasks[-1].add_done_callback(lambda task: finished.append(task.get_name()))
                await asyncio.sleep(0)
            paused.go.set()
            await asyncio.gather(*tasks)
            assert finished == ["face", "sheet"]

    asyncio.run(ask())


def test_a_face_does_not_wait_for_a_sheets_encoding(first: Model) -> None:
    is_delivered = Event()

    def encode(faces: Images) -> bool:
        return is_delivered.wait(5)

    async def ask() -> None:
        async with (paused := _PausedBatcher(first)) as batcher:
            sheet = asyncio.ensure_future(batcher.generate(first, 15, lambda a, b: first.latents(b - a), encode))
            await asyncio.sleep(0)
            face = asyncio.ensure_future(_faces(batcher, first, 1, 0))
            face.add_done_callback(lambda _: is_delivered.set())
            await asyncio.sleep(0)
            paused.go.set()
            assert await sheet

    asyncio.run(ask())


def test_single_faces_share_a_call_and_a_delivery(first: Model) -> None:
    calls: list[int] = []
    wakes: list[object] = []

    async def ask() -> None:
        async with (paused := _PausedBatcher(first)) as batcher:
            batcher._on_generated = lambda _, faces: calls.append(faces)
            loop = asyncio.get_running_loop()
            wake = loop.call_soon_threadsafe

            def count_wake(call: Callable[[], None]) -> None:
                wakes.append(call)
                wake(call)

            tasks = [asyncio.ensure_future(_faces(batcher, first, 1, seed)) for seed in range(2 * MAX_CALL_FACES)]
            await asyncio.sleep(0)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loop, "call_soon_threadsafe", count_wake)
                paused.go.set()
                await asyncio.gather(*tasks)

    asyncio.run(ask())
    assert calls == [1, MAX_CALL_FACES, MAX_CALL_FACES]
    assert len(wakes) == 3


def test_threads_share_the_waiting_faces(first: Model) -> None:
    """Two threads compute a sheet of 12 as two calls of 6 at the same time."""
    barrier = Barrier(2)
    calls: list[tuple[int, int]] = []

    def draw(begin: int, end: int) -> Floats:
        calls.append((begin, end))
        barrier.wait(30)
        return first.latents(end - begin, start=begin)

    async def ask() -> Images:
        batcher = Batcher(2, 100)
        images = await batcher.generate(first, 12, draw, _as_they_are)
        batcher.close()
        return images

    assert np.array_equal(asyncio.run(ask()), first.sample(12))
    assert sorted(calls) == [(0, 6), (6, 12)]


def test_an_error_fails_only_its_own_request(first: Model) -> None:
    def fail_drawing(begin: int, end: int) -> Floats:
        raise FacesmithError("no such attribute")

    def fail_encoding(faces: Images) -> Images:
        raise ValueError("cannot be encoded")

    async def ask() -> None:
        async with (paused := _PausedBatcher(first)) as batcher:
            valid = asyncio.ensure_future(_faces(batcher, first, 20, 3))
            undrawn = asyncio.ensure_future(batcher.generate(first, 20, fail_drawing, _as_they_are))
            unmade = asyncio.ensure_future(batcher.generate(first, 1, lambda a, b: first.latents(b - a), fail_encoding))
            invalid = asyncio.ensure_future(
                batcher.generate(first, 1, lambda a, b: np.full((1, 6), np.nan, np.float32), _as_they_are)
            )
            await asyncio.sleep(0)
            paused.go.set()
            results = await asyncio.gather(valid, undrawn, unmade, invalid, return_exceptions=True)
            assert batcher.waiting == 0
            assert batcher.alive
            assert len(await _faces(batcher, first, 5, 0)) == 5
        assert isinstance(results[1], FacesmithError)
        assert isinstance(results[2], ValueError)
        assert isinstance(results[3], FacesmithError)

    asyncio.run(ask())


def test_closing_refuses_waiting_requests(first: Model) -> None:
    async def ask() -> None:
        paused = _PausedBatcher(first)
        async with paused as batcher:
            waiting = asyncio.ensure_future(_faces(batcher, first, 8, 0))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.05, paused.go.set)
            await asyncio.to_thread(batcher.close)
            with pytest.raises(Busy, match="shutting down"):
                await waiting
            with pytest.raises(Busy, match="shutting down"):
                await _faces(batcher, first, 1, 0)
            assert not batcher.alive
            assert len(await paused.first) == 1

    asyncio.run(ask())

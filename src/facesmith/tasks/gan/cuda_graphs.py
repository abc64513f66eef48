"""Training steps recorded as CUDA graphs, so that the CPU launches a step with one call instead of thousands.

See the `PyTorch notes <https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs>`_: a graph reads its inputs
from fixed memory, so batches and scalars are copied there. A graph has no branches, so each `StepVariant` has a graph.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

import torch
from torch import Tensor

from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import (
    StepVariant,
    augment_key,
    augments,
    on_device,
    run_step,
    step_scalars,
    step_variant,
    train_step,
)
from facesmith.training.sampling import seed_of
from facesmith.training.train_state import TrainState

WARM_UP_STEPS = 3  # eager steps of a variant before recording, in which libraries choose kernels and allocate memory

Measurements = dict[str, Tensor]


class GraphRecorder(Protocol):
    """A device that can record work and replay it."""

    def warm_up(self, work: Callable[[], Measurements]) -> Measurements:
        """Execute the work eagerly, on the stream used for recording."""
        ...

    def record(
        self, work: Callable[[], Measurements], state: TrainState, rng: torch.Generator | None
    ) -> Callable[[], Measurements]:
        """Record the work, a step of ``state``, without executing it.

        The returned function executes it, with new draws from ``rng``.
        """
        ...

    def synchronize(self) -> None:
        """Wait until no recorded work is running, so that recordings can be deleted."""
        ...


class RecordedStep:
    """A drop-in for `train_step`. The first steps of each variant are eager, the next is recorded, later ones replayed.

    Eager steps train as usual. If a step cannot be recorded, ``notify`` reports the reason and training continues with
    eager steps.
    """

    def __init__(self, recipe: GANRecipe, recorder: GraphRecorder, notify: Callable[[str], Any]) -> None:
        self.recipe, self.recorder, self.notify = recipe, recorder, notify
        self.failed = False
        self.state: TrainState | None = None
        self.counts: Counter[tuple[bool, bool]] = Counter()  # without β2, which needs no new warm-up
        self.recorded: dict[StepVariant, Callable[[], Measurements]] = {}

    def __call__(
        self, state: TrainState, real: Tensor, z: Tensor, scheduled: GANRecipe, d_step: int | None, images_seen: int
    ) -> Measurements:
        if self.failed:
            return train_step(state, real, z, scheduled, d_step, images_seen)
        variant = step_variant(scheduled, d_step)
        if state is not self.state:  # at the start, and after a rollback
            self._forget()
            self._allocate(state, real, z)
        if any(variant.beta2 != recorded.beta2 for recorded in self.recorded):
            self._forget()

        # Copy the inputs to the memory that recorded steps read.
        self.real.copy_(real)
        self.z.copy_(z)
        for scalar, number in zip(self.scalars, step_scalars(scheduled, images_seen), strict=True):
            scalar.fill_(number)
        if self.rng is not None:
            self.rng.manual_seed(seed_of(*augment_key(scheduled, state, images_seen)))

        work = partial(run_step, state, self.real, self.z, self.recipe, variant, self.scalars, self.rng)
        self.counts[variant[:2]] += 1
        if self.counts[variant[:2]] <= WARM_UP_STEPS:
            return self.recorder.warm_up(work)
        if variant not in self.recorded:
            try:
                self.recorded[variant] = self.recorder.record(work, state, self.rng)
            except RuntimeError as error:
                self.failed, self.recorded = True, {}
                cause: BaseException = error
                while cause.__context__ is not None:  # the first error has the reason
                    cause = cause.__context__
                reason = str(cause).splitlines()[0]
                self.notify(
                    f"steps cannot be recorded as CUDA graphs ({reason}): training continues without them, more slowly"
                )
                return train_step(state, real, z, scheduled, d_step, images_seen)
        return self.recorded[variant]()

    def _allocate(self, state: TrainState, real: Tensor, z: Tensor) -> None:
        """Allocate the memory that recorded steps of this state read."""
        device = state.device
        self.state, self.real, self.z = state, torch.empty_like(real), torch.empty_like(z)
        self.scalars = on_device(step_scalars(self.recipe, 0), device)
        self.rng = torch.Generator(device) if augments(self.recipe) else None
        self.counts.clear()

    def _forget(self) -> None:
        """Delete all recordings."""
        if self.recorded:
            self.recorder.synchronize()
            self.recorded = {}


class CudaRecorder:
    """Records CUDA graphs. No memory of a graph is used after its replay, so all graphs share one pool."""

    def __init__(self) -> None:
        self.stream = torch.cuda.Stream()
        self.graphs: WeakSet[torch.cuda.CUDAGraph] = WeakSet()

    def warm_up(self, work: Callable[[], Measurements]) -> Measurements:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            measurements = work()
        torch.cuda.current_stream().wait_stream(self.stream)
        return measurements

    def record(
        self, work: Callable[[], Measurements], state: TrainState, rng: torch.Generator | None
    ) -> Callable[[], Measurements]:
        graph = torch.cuda.CUDAGraph()
        # The pool of a deleted graph cannot be used again.
        pool = next((existing.pool() for existing in self.graphs), None) or torch.cuda.graph_pool_handle()
        if rng is not None:
            graph.register_generator_state(rng)  # torch registers its default generator itself
        stream = torch.cuda.current_stream()
        try:
            with _capturable(state), torch.cuda.graph(graph, pool=pool, stream=self.stream):
                measurements = work()
                stacked = torch.stack([value.float() for value in measurements.values()])
        except RuntimeError:
            _recover(state.device, stream)
            raise
        finally:
            for net in state.nets.values():
                net.zero_grad()  # gradients are in the graphs' memory
        self.graphs.add(graph)
        names = list(measurements)
        del measurements

        def replay() -> Measurements:
            graph.replay()
            return dict(zip(names, stacked.clone().unbind(), strict=True))

        return replay

    def synchronize(self) -> None:
        torch.cuda.synchronize()


@contextmanager
def _capturable(state: TrainState) -> Iterator[None]:
    """Set Adam's "capturable" for a recording. In eager steps it would cause a warning."""
    groups = [group for optimizer in state.optimizers.values() for group in optimizer.param_groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def _recover(device: torch.device, stream: torch.cuda.Stream) -> None:
    """Restore the stream and the random generator after a failed recording."""
    torch.cuda.set_stream(stream)
    index = torch.cuda.current_device() if device.index is None else device.index
    torch.cuda.default_generators[index].graphsafe_set_state(torch.Generator(device))

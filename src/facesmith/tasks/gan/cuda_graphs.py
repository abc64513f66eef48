"""Whole steps recorded in CUDA graphs and replayed, so that the CPU launches a step in one call, not in thousands.

See the `PyTorch notes <https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs>`_: a graph reads its inputs
from fixed memory, so batches and numbers are copied there. A graph has no branches, so each `StepVariant` has its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

import torch
from torch import Tensor

from facesmith.tasks.gan.recipe import GANRecipe
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

WARM_UP = 3  # eager steps of a variant before recording, in which libraries choose kernels and allocate memory

Measured = dict[str, Tensor]


class Recorder(Protocol):
    """Records work on a device and replays it."""

    def warm_up(self, work: Callable[[], Measured]) -> Measured:
        """Do the work eagerly, under the conditions of a recording."""
        ...

    def record(self, work: Callable[[], Measured], rng: torch.Generator | None) -> Callable[[], Measured]:
        """Record the work without doing it; the result does it, with new draws from ``rng``."""
        ...

    def synchronize(self) -> None:
        """Wait until no recorded work is running, so that recordings can be deleted."""
        ...


class RecordedStep:
    """A step called like `train_step`. The first of each variant are eager, the next is recorded, then replayed.

    The eager steps are ordinary steps of the training. If a step cannot be recorded, ``say`` reports the reason and the
    training continues with eager steps.
    """

    def __init__(self, recipe: GANRecipe, recorder: Recorder, say: Callable[[str], Any]) -> None:
        self.recipe, self.recorder, self.say = recipe, recorder, say
        self.failed = False
        self.state: TrainState | None = None
        self.counts: Counter[tuple[bool, bool]] = Counter()  # without β2, which needs no new warm-up
        self.recorded: dict[StepVariant, Callable[[], Measured]] = {}

    def __call__(
        self, state: TrainState, real: Tensor, z: Tensor, scheduled: GANRecipe, d_step: int | None, shown: int
    ) -> Measured:
        if self.failed:
            return train_step(state, real, z, scheduled, d_step, shown)
        variant = step_variant(scheduled, d_step)
        if state is not self.state:  # at the start, and after a rollback
            self._forget()
            self._allocate(state, real, z)
        if any(variant.beta2 != other.beta2 for other in self.recorded):
            self._forget()

        # Copy the inputs to the memory that recorded steps read.
        self.real.copy_(real)
        self.z.copy_(z)
        for scalar, number in zip(self.scalars, step_scalars(scheduled, shown), strict=True):
            scalar.fill_(number)
        if self.rng is not None:
            self.rng.manual_seed(seed_of(*augment_key(scheduled, state, shown)))

        work = partial(run_step, state, self.real, self.z, self.recipe, variant, self.scalars, self.rng)
        self.counts[variant[:2]] += 1
        if self.counts[variant[:2]] <= WARM_UP:
            return self.recorder.warm_up(work)
        if variant not in self.recorded:
            try:
                self.recorded[variant] = self.recorder.record(work, self.rng)
            except RuntimeError as error:
                self.failed, self.recorded = True, {}
                first: BaseException = error
                while first.__context__ is not None:  # the first error has the reason
                    first = first.__context__
                reason = str(first).splitlines()[0]
                self.say(f"steps cannot be recorded as CUDA graphs ({reason}): training continues without, slower")
                return train_step(state, real, z, scheduled, d_step, shown)
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

    def warm_up(self, work: Callable[[], Measured]) -> Measured:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            measured = work()
        torch.cuda.current_stream().wait_stream(self.stream)
        return measured

    def record(self, work: Callable[[], Measured], rng: torch.Generator | None) -> Callable[[], Measured]:
        graph = torch.cuda.CUDAGraph()
        # The pool of a deleted graph cannot be used again.
        pool = next((other.pool() for other in self.graphs), None) or torch.cuda.graph_pool_handle()
        if rng is not None:
            graph.register_generator_state(rng)  # every graph knows torch's default generator
        state: TrainState = work.args[0]  # type: ignore[attr-defined]
        before = torch.cuda.current_stream()
        try:
            with _capturable(state), torch.cuda.graph(graph, pool=pool, stream=self.stream):
                measured = work()
                stacked = torch.stack([value.float() for value in measured.values()])
        except RuntimeError:
            _recover(state.device, before)
            raise
        finally:
            for net in state.nets.values():
                net.zero_grad()  # gradients are in the graphs' memory
        self.graphs.add(graph)
        names = list(measured)
        del measured

        def replay() -> Measured:
            graph.replay()
            return dict(zip(names, stacked.clone().unbind(), strict=True))

        return replay

    def synchronize(self) -> None:
        torch.cuda.synchronize()


@contextmanager
def _capturable(state: TrainState) -> Iterator[None]:
    """Allow Adam to be recorded, only for the duration: Adam warns if it is not recorded then."""
    groups = [group for each in state.optimizers.values() for group in each.param_groups]
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

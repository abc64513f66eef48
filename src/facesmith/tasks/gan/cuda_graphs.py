"""Whole steps recorded once in CUDA graphs and replayed: the GPU is told of a step in one call and not in thousands.

As `PyTorch describes <https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs>`_: what a graph reads lies
where it lay when it was recorded, so batches and numbers are copied there. A graph holds no decisions, so each `Kind`
of step has one of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

import torch
from torch import Tensor

from facesmith.tasks.gan.step import Kind, augment_key, augments, dials_of, kind_of, learn, on_device, train_step
from facesmith.tasks.recipes import GANRecipe
from facesmith.training.sampling import seed_of
from facesmith.training.train_state import TrainState

WARM_UP = 3  # steps of a kind before it is recorded: libraries choose their kernels and take their memory in them

Measured = dict[str, Tensor]


class Recorder(Protocol):
    """What can record work on a device and do it again."""

    def warm_up(self, work: Callable[[], Measured]) -> Measured:
        """Do the work, as it will be done when it is recorded."""
        ...

    def record(self, work: Callable[[], Measured], rng: torch.Generator | None) -> Callable[[], Measured]:
        """A function that does the work, which is not done yet, with new draws from ``rng``."""
        ...

    def settle(self) -> None:
        """Wait until nothing recorded is under way, so that it can be thrown away."""
        ...


class RecordedStep:
    """A step as `train_step`'s. The first of each kind are done as written, the next is recorded, and then replayed.

    Those first steps are steps of the training like all others, so nothing is done in vain. If a step cannot be
    recorded, ``say`` tells why, and the training goes on without.
    """

    def __init__(self, recipe: GANRecipe, recorder: Recorder, say: Callable[[str], Any]) -> None:
        self.recipe, self.recorder, self.say = recipe, recorder, say
        self.refused = False
        self.state: TrainState | None = None
        self.met: Counter[tuple[bool, bool]] = Counter()  # another β2 needs no new warm-up
        self.recorded: dict[Kind, Callable[[], Measured]] = {}

    def __call__(
        self, state: TrainState, real: Tensor, z: Tensor, now: GANRecipe, turn: int | None, shown: int
    ) -> Measured:
        if self.refused:
            return train_step(state, real, z, now, turn, shown)
        kind = kind_of(now, turn)
        if state is not self.state:  # at the start, and after a rollback
            self._forget()
            self._lay_out(state, real, z)
        if any(kind.beta2 != known.beta2 for known in self.recorded):
            self._forget()

        # What a recorded step reads: copied to where it looks.
        self.real.copy_(real)
        self.z.copy_(z)
        for dial, number in zip(self.dials, dials_of(now, shown), strict=True):
            dial.fill_(number)
        if self.rng is not None:
            self.rng.manual_seed(seed_of(*augment_key(now, state, shown)))

        work = partial(learn, state, self.real, self.z, self.recipe, kind, self.dials, self.rng)
        self.met[kind[:2]] += 1
        if self.met[kind[:2]] <= WARM_UP:
            return self.recorder.warm_up(work)
        if kind not in self.recorded:
            try:
                self.recorded[kind] = self.recorder.record(work, self.rng)
            except RuntimeError as error:
                self.refused, self.recorded = True, {}
                first: BaseException = error
                while first.__context__ is not None:  # later ones only say that there was one before
                    first = first.__context__
                reason = str(first).splitlines()[0]
                self.say(f"steps could not be recorded as CUDA graphs ({reason}): the training goes on without, slower")
                return train_step(state, real, z, now, turn, shown)
        return self.recorded[kind]()

    def _lay_out(self, state: TrainState, real: Tensor, z: Tensor) -> None:
        """Set aside the places that recorded steps of these players will read from."""
        device = state.device
        self.state, self.real, self.z = state, torch.empty_like(real), torch.empty_like(z)
        self.dials = on_device(dials_of(self.recipe, 0), device)
        self.rng = torch.Generator(device) if augments(self.recipe) else None
        self.met.clear()

    def _forget(self) -> None:
        """Throw away what was recorded, and will not come again."""
        if self.recorded:
            self.recorder.settle()
            self.recorded = {}


class CudaRecorder:
    """Records CUDA graphs. Nothing outlives a replay in their memory, so they share it."""

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
        # Memory whose last graph is gone cannot be asked for again.
        pool = next((known.pool() for known in self.graphs), None) or torch.cuda.graph_pool_handle()
        if rng is not None:
            graph.register_generator_state(rng)  # torch's own generator is known to every graph
        state: TrainState = work.args[0]  # type: ignore[attr-defined]
        before = torch.cuda.current_stream()
        try:
            with _capturable(state), torch.cuda.graph(graph, pool=pool, stream=self.stream):
                measured = work()
                together = torch.stack([value.float() for value in measured.values()])
        except RuntimeError:
            _recover(state.device, before)
            raise
        finally:
            for net in state.nets.values():
                net.zero_grad()  # gradients lie in the graphs' memory
        self.graphs.add(graph)
        names = list(measured)
        del measured

        def replay() -> Measured:
            graph.replay()
            return dict(zip(names, together.clone().unbind(), strict=True))

        return replay

    def settle(self) -> None:
        torch.cuda.synchronize()


@contextmanager
def _capturable(state: TrainState) -> Iterator[None]:
    """Let Adam be recorded. It is asked for only meanwhile, because Adam warns where it is asked for in vain."""
    groups = [group for each in state.optimizers.values() for group in each.param_groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def _recover(device: torch.device, stream: torch.cuda.Stream) -> None:
    """Put right what a failed recording leaves: its stream, and a generator that takes itself for recorded."""
    torch.cuda.set_stream(stream)
    index = torch.cuda.current_device() if device.index is None else device.index
    torch.cuda.default_generators[index].graphsafe_set_state(torch.Generator(device))

"""Recorded steps against eager ones. Without a GPU, what `make_fx` traces stands in for a CUDA graph: like that it
holds every number that was not a tensor when it was recorded, and every tensor by its place.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from facesmith.tasks.gan.cuda_graphs import WARM_UP_STEPS, CudaRecorder, Measurements, RecordedStep
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import new_state
from facesmith.training.train_state import TrainState

Narrow = Callable[..., GANRecipe]
Compare = Callable[..., tuple[TrainState, TrainState]]
SCHEDULE: dict[str, Any] = {
    "anneal_kimg": 0.2, "learning_rate_end": 1e-3, "penalty_end": 0.5, "ema_kimg": 0.05, "ema_kimg_end": 0.5,
}  # fmt: skip


class Tracer:
    """Records by tracing. Tracing runs the work once, and its changes of the state are undone."""

    def __init__(self) -> None:
        self.recordings = self.replays = self.synchronizations = 0

    def warm_up(self, work: Callable[[], Measurements]) -> Measurements:
        return work()

    def record(
        self, work: Callable[[], Measurements], state: TrainState, rng: torch.Generator | None
    ) -> Callable[[], Measurements]:
        self.recordings += 1
        tensors = state_tensors(state)
        before = [tensor.clone() for tensor in tensors]
        with torch.random.fork_rng(devices=[]):
            graph = make_fx(lambda: work())()
        for tensor, old in zip(tensors, before, strict=True):
            tensor.data.copy_(old)

        def replay() -> Measurements:
            self.replays += 1
            with torch.no_grad():
                metrics: Measurements = graph()
            return metrics

        return replay

    def synchronize(self) -> None:
        self.synchronizations += 1


def state_tensors(state: TrainState) -> list[Tensor]:
    """Return every tensor that a step changes."""
    moments = [
        moments_of_weight for optimizer in state.optimizers.values() for moments_of_weight in optimizer.state.values()
    ]
    nets = [net.state_dict() for net in (*state.nets.values(), state.ema)]
    return [tensor for table in (*nets, *moments) for tensor in table.values()]


def same_weights(first: TrainState, second: TrainState, atol: float = 0.0) -> bool:
    pairs = zip(state_tensors(first), state_tensors(second), strict=True)
    return all(torch.allclose(a, b, rtol=1e-5 if atol else 0, atol=atol) for a, b in pairs)


@pytest.mark.parametrize(("name", "kinds"), [("tiny", 3), ("celebrity", 2)])
def test_replayed_steps_equal_eager_steps_on_a_schedule(
    name: str, kinds: int, narrow: Narrow, compare_with_eager: Compare
) -> None:
    recipe, tracer, last = narrow(name, **(SCHEDULE if name == "tiny" else {})), Tracer(), 26
    states = compare_with_eager(RecordedStep(recipe, tracer, print), recipe, last, d_rests=5)
    assert same_weights(*states, atol=1e-6)
    assert tracer.recordings == kinds
    assert tracer.replays == last - kinds * WARM_UP_STEPS


def test_another_beta2_or_state_is_recorded_again(
    narrow: Narrow, compare_with_eager: Compare, take_steps: Callable[..., Any]
) -> None:
    recipe, tracer = narrow("celebrity", beta2=0.9, anneal_kimg=0.32, beta2_end=0.99), Tracer()
    step = RecordedStep(recipe, tracer, print)
    compare_with_eager(step, recipe, 6, d_rests=5)
    assert tracer.recordings == 2  # at steps 3 and 5; β2 has also changed at step 4, without a D step
    assert tracer.synchronizations == 1
    assert len(step.recorded) == 1  # a graph that cannot be used again would only occupy memory
    take_steps(step, new_state(recipe, (16, 16), torch.device("cpu")), recipe, 0, 4)
    assert tracer.recordings == 3


def test_a_failed_recording_is_reported_once(narrow: Narrow, compare_with_eager: Compare) -> None:
    class Refuses(Tracer):
        def record(
            self, work: Callable[[], Measurements], state: TrainState, rng: torch.Generator | None
        ) -> Callable[[], Measurements]:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    recipe, messages = narrow("tiny"), list[str]()
    assert same_weights(*compare_with_eager(RecordedStep(recipe, Refuses(), messages.append), recipe, 8, d_rests=5))
    assert len(messages) == 1
    assert "not permitted" in messages[0]
    assert "\n" not in messages[0]


def test_augmentations_differ_at_every_step(narrow: Narrow, compare_with_eager: Compare) -> None:
    """The recorder always warms up, so that random numbers are drawn on a CPU."""

    class Warm(Tracer):
        def record(
            self, work: Callable[[], Measurements], state: TrainState, rng: torch.Generator | None
        ) -> Callable[[], Measurements]:
            assert rng is not None
            return work

    recipe = narrow("tiny", augment=0.5)
    compare_with_eager(RecordedStep(recipe, Warm(), print), recipe, 6, d_rests=5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["tiny", "small", "celebrity"])
def test_cuda_graphs_equal_eager_steps(
    name: str, precision: str, narrow: Narrow, compare_with_eager: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    recipe = narrow(name, augment=0.3).with_values(device="cuda", precision=precision)
    messages: list[str] = []
    step = RecordedStep(recipe, CudaRecorder(), messages.append)
    compare_with_eager(step, recipe, 24, tolerance=(1e-2, 1e-3), d_rests=5)
    assert messages == []
    assert step.recorded

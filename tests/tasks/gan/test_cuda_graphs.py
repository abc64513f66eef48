"""Recorded steps against eager ones. Without a GPU, what `make_fx` traces stands in for a CUDA graph: like that it
holds every number that was not a tensor when it was recorded, and every tensor by its place.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from facesmith.tasks.gan.cuda_graphs import WARM_UP_STEPS, CudaRecorder, Measurements, RecordedStep
from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.schedules import apply_schedule
from facesmith.training.train_state import TrainState

CPU = torch.device("cpu")
SCHEDULE: dict[str, Any] = {
    "anneal_kimg": 0.2, "learning_rate_end": 1e-3, "penalty_end": 0.5, "ema_kimg": 0.05, "ema_kimg_end": 0.5,
}  # fmt: skip


class Tracer:
    """Records by tracing. Tracing runs the work once, and its changes of the state are undone."""

    def __init__(self) -> None:
        self.recordings = self.replays = self.synchronizations = 0

    def warm_up(self, work: Callable[[], Measurements]) -> Measurements:
        return work()

    def record(self, work: Callable[[], Measurements], rng: torch.Generator | None) -> Callable[[], Measurements]:
        self.recordings += 1
        tensors = state_tensors(work.args[0])  # type: ignore[attr-defined]
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


def narrow(name: str, **changes: Any) -> GANRecipe:
    return GAN_RECIPES[name].with_values(generator_width=4, discriminator_width=4, device="cpu", precision="float32",
        memory_format="channels_last", batch_size=8, **changes,
    )  # fmt: skip


def steps(step: Any, state: TrainState, recipe: GANRecipe, first: int, last: int) -> list[dict[str, float]]:
    """Take steps ``first`` to ``last``; at every fifth D does not learn."""
    device, metrics, d_steps = state.device, [], 0
    for number in range(last):
        learns = number % 5 != 4
        if number >= first:
            torch.manual_seed(number)
            real = torch.rand(8, 16, 16, 3).permute(0, 3, 1, 2) * 2 - 1
            z, current = torch.randn(8, recipe.latent_size), apply_schedule(recipe, number * 8)
            torch.manual_seed(number)
            step_metrics = step(state, real.to(device), z.to(device), current, d_steps if learns else None, number * 8)
            metrics.append({name: float(value) for name, value in step_metrics.items()})
        d_steps += learns
    return metrics


@pytest.mark.parametrize(("name", "kinds"), [("tiny", 3), ("celebrity", 2)])
def test_replayed_steps_equal_eager_steps_on_a_schedule(name: str, kinds: int) -> None:
    recipe = narrow(name, **(SCHEDULE if name == "tiny" else {}))
    eager, recorded = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    tracer = Tracer()
    last = 26
    expected = steps(train_step, eager, recipe, 0, last)
    for actual, reference in zip(
        steps(RecordedStep(recipe, tracer, print), recorded, recipe, 0, last), expected, strict=True
    ):
        assert actual == pytest.approx(reference, rel=1e-5, abs=1e-5)
    for recorded_tensor, eager_tensor in zip(state_tensors(recorded), state_tensors(eager), strict=True):
        assert torch.allclose(recorded_tensor, eager_tensor, atol=1e-6)
    assert tracer.recordings == kinds
    assert tracer.replays == last - kinds * WARM_UP_STEPS


def test_another_beta2_or_state_is_recorded_again() -> None:
    recipe = narrow("celebrity", beta2=0.9, anneal_kimg=0.32, beta2_end=0.99)
    eager, recorded = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    tracer = Tracer()
    step = RecordedStep(recipe, tracer, print)
    expected = steps(train_step, eager, recipe, 0, 6)
    for actual, reference in zip(steps(step, recorded, recipe, 0, 6), expected, strict=True):
        assert actual == pytest.approx(reference, rel=1e-5, abs=1e-5)
    assert tracer.recordings == 2  # at steps 3 and 5; β2 has also changed at step 4, without a D step
    assert tracer.synchronizations == 1
    assert len(step.recorded) == 1  # a graph that cannot be used again would only occupy memory
    steps(step, new_state(recipe, (16, 16), CPU), recipe, 0, 4)
    assert tracer.recordings == 3


def test_a_failed_recording_is_reported_once() -> None:
    class Refuses(Tracer):
        def record(self, work: Callable[[], Measurements], rng: torch.Generator | None) -> Callable[[], Measurements]:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    recipe, messages = narrow("tiny"), list[str]()
    eager, recorded = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    assert steps(RecordedStep(recipe, Refuses(), messages.append), recorded, recipe, 0, 8) == steps(
        train_step, eager, recipe, 0, 8
    )
    pairs = zip(state_tensors(recorded), state_tensors(eager), strict=True)
    assert all(torch.equal(recorded_tensor, eager_tensor) for recorded_tensor, eager_tensor in pairs)
    assert len(messages) == 1
    assert "not permitted" in messages[0]
    assert "\n" not in messages[0]


def test_augmentations_differ_at_every_step() -> None:
    """The recorder always warms up, so that random numbers are drawn on a CPU."""

    class Warm(Tracer):
        def record(self, work: Callable[[], Measurements], rng: torch.Generator | None) -> Callable[[], Measurements]:
            assert rng is not None
            return work

    recipe = narrow("tiny", augment=0.5)
    eager, recorded = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    expected = steps(train_step, eager, recipe, 0, 6)
    for actual, reference in zip(
        steps(RecordedStep(recipe, Warm(), print), recorded, recipe, 0, 6), expected, strict=True
    ):
        assert actual == pytest.approx(reference, rel=1e-5, abs=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["tiny", "small", "celebrity"])
def test_cuda_graphs_equal_eager_steps(name: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    recipe = replace(narrow(name, augment=0.3), device="cuda", precision=precision)
    messages: list[str] = []
    eager, recorded = (new_state(recipe, (16, 16), torch.device("cuda")) for _ in range(2))
    expected = steps(train_step, eager, recipe, 0, 24)
    step = RecordedStep(recipe, CudaRecorder(), messages.append)
    for actual, reference in zip(steps(step, recorded, recipe, 0, 24), expected, strict=True):
        assert actual == pytest.approx(reference, rel=1e-2, abs=1e-3)
    assert messages == []
    assert step.recorded

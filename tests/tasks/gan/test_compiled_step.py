"""Compare compiled with eager steps; aot_eager traces gradients like inductor without a C++ compiler."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from facesmith import FacesmithError
from facesmith.tasks.gan.compiled_step import choose_step, compiled_step
from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.schedules import apply_schedule
from facesmith.training.train_state import TrainState

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    yield
    torch._dynamo.reset()
    counters.clear()


def narrow(name: str, **changes: Any) -> GANRecipe:
    return GAN_RECIPES[name].with_values(generator_width=4, discriminator_width=4, device="cpu", precision="float32",
        memory_format="channels_last", batch_size=8, **changes,
    )  # fmt: skip


def steps(step: Any, state: TrainState, recipe: GANRecipe, first: int, last: int) -> list[dict[str, float]]:
    """Take steps ``first`` to ``last``, each with its own seed."""
    metrics = []
    for number in range(first, last):
        torch.manual_seed(number)
        real = torch.rand(8, 16, 16, 3).permute(0, 3, 1, 2) * 2 - 1
        z, current = torch.randn(8, recipe.latent_size), apply_schedule(recipe, number * 8)
        step_metrics = step(state, real, z, current, number, number * 8)
        metrics.append({name: float(value) for name, value in step_metrics.items()})
    return metrics


def weights(state: TrainState) -> list[torch.Tensor]:
    return [tensor for net in (*state.nets.values(), state.ema) for tensor in net.state_dict().values()]


SCHEDULE: dict[str, Any] = {"anneal_kimg": 0.1, "learning_rate_end": 1e-3, "penalty_end": 0.5, "ema_kimg": 0.05}


@pytest.mark.parametrize(("name", "graphs"), [("tiny", 4), ("small", 4), ("celebrity", 3)])
def test_compiled_steps_equal_eager_steps(name: str, graphs: int) -> None:
    recipe = narrow(name, **(SCHEDULE if name != "celebrity" else {}))
    eager, compiled = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    expected = steps(train_step, eager, recipe, 0, 6)
    for actual, reference in zip(
        steps(compiled_step(recipe, "aot_eager"), compiled, recipe, 0, 6), expected, strict=True
    ):
        assert actual == pytest.approx(reference, rel=1e-5, abs=1e-5)
    for compiled_weight, eager_weight in zip(weights(compiled), weights(eager), strict=True):
        assert torch.allclose(compiled_weight, eager_weight, atol=1e-5)
    assert counters["stats"]["unique_graphs"] == graphs  # G, D with penalties and without, and the pass of D for G


def test_digits_gan_gradients_of_one_pass_can_be_compiled() -> None:
    recipe = narrow("dcgan64")
    eager, compiled = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    expected = steps(train_step, eager, recipe, 0, 3)
    for actual, reference in zip(
        steps(compiled_step(recipe, "aot_eager"), compiled, recipe, 0, 3), expected, strict=True
    ):
        assert actual == pytest.approx(reference, rel=1e-3, abs=1e-4)


def test_bfloat16_and_augmentation_can_be_compiled() -> None:
    recipe = replace(narrow("tiny", augment=0.5), precision="bfloat16")
    eager, compiled = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    expected = steps(train_step, eager, recipe, 0, 2)
    for actual, reference in zip(
        steps(compiled_step(recipe, "aot_eager"), compiled, recipe, 0, 2), expected, strict=True
    ):
        assert actual["loss_D"] == pytest.approx(reference["loss_D"], abs=0.02)


def test_a_recompiled_step_resumes_exactly() -> None:
    recipe = narrow("tiny")
    unbroken, resumed = new_state(recipe, (16, 16), CPU), new_state(recipe, (16, 16), CPU)
    steps(compiled_step(recipe, "aot_eager"), unbroken, recipe, 0, 4)
    for first, last in ((0, 2), (2, 4)):
        torch._dynamo.reset()
        steps(compiled_step(recipe, "aot_eager"), resumed, recipe, first, last)
    assert all(
        torch.equal(compiled_weight, eager_weight)
        for compiled_weight, eager_weight in zip(weights(resumed), weights(unbroken), strict=True)
    )


def test_the_compile_setting_chooses_the_step() -> None:
    messages: list[str] = []
    assert choose_step(narrow("tiny", compile="none"), SINGLE_PROCESS, messages.append) is train_step
    with pytest.raises(FacesmithError, match="compile=auto"):
        choose_step(narrow("tiny", compile="graph"), SINGLE_PROCESS, messages.append)
    assert messages == []
    assert choose_step(narrow("tiny", compile="compile"), ProcessGroup(0, 2, 0, 2), messages.append) is train_step
    assert "2 processes" in messages[0]

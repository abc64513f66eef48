"""Compare compiled with eager steps; aot_eager traces gradients like inductor without a C++ compiler."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from facesmith import FacesmithError
from facesmith.tasks.gan.compiled_step import choose_step, compiled_step
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.distributed import SINGLE_PROCESS, ProcessGroup
from facesmith.training.train_state import TrainState

Narrow = Callable[..., GANRecipe]
Compare = Callable[..., tuple[TrainState, TrainState]]
SCHEDULE: dict[str, Any] = {"anneal_kimg": 0.1, "learning_rate_end": 1e-3, "penalty_end": 0.5, "ema_kimg": 0.05}


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    yield
    torch._dynamo.reset()
    counters.clear()


def weights(state: TrainState) -> list[torch.Tensor]:
    return [tensor for net in (*state.nets.values(), state.ema) for tensor in net.state_dict().values()]


@pytest.mark.parametrize(("name", "graphs"), [("tiny", 4), ("small", 4), ("celebrity", 3)])
def test_compiled_steps_equal_eager_steps(name: str, graphs: int, narrow: Narrow, compare_with_eager: Compare) -> None:
    recipe = narrow(name, **(SCHEDULE if name != "celebrity" else {}))
    eager, compiled = compare_with_eager(compiled_step(recipe, "aot_eager"), recipe, 6)
    for compiled_weight, eager_weight in zip(weights(compiled), weights(eager), strict=True):
        assert torch.allclose(compiled_weight, eager_weight, atol=1e-5)
    assert counters["stats"]["unique_graphs"] == graphs  # G, D with penalties and without, and the pass of D for G


def test_digits_gan_gradients_of_one_pass_can_be_compiled(narrow: Narrow, compare_with_eager: Compare) -> None:
    recipe = narrow("dcgan64")
    compare_with_eager(compiled_step(recipe, "aot_eager"), recipe, 3, tolerance=(1e-3, 1e-4))


def test_bfloat16_and_augmentation_can_be_compiled(narrow: Narrow, compare_with_eager: Compare) -> None:
    recipe = narrow("tiny", augment=0.5).with_values(precision="bfloat16")
    compare_with_eager(compiled_step(recipe, "aot_eager"), recipe, 2, tolerance=(0, 0.02), names=["loss_D"])


def test_a_recompiled_step_resumes_exactly(narrow: Narrow, take_steps: Callable[..., Any]) -> None:
    recipe = narrow("tiny")
    unbroken, resumed = (new_state(recipe, (16, 16), torch.device("cpu")) for _ in range(2))
    take_steps(compiled_step(recipe, "aot_eager"), unbroken, recipe, 0, 4)
    for first, last in ((0, 2), (2, 4)):
        torch._dynamo.reset()
        take_steps(compiled_step(recipe, "aot_eager"), resumed, recipe, first, last)
    assert all(torch.equal(a, b) for a, b in zip(weights(resumed), weights(unbroken), strict=True))


def test_the_compile_setting_chooses_the_step(narrow: Narrow) -> None:
    messages: list[str] = []
    assert choose_step(narrow("tiny", compile="none"), SINGLE_PROCESS, messages.append) is train_step
    with pytest.raises(FacesmithError, match="compile=auto"):
        choose_step(narrow("tiny", compile="graph"), SINGLE_PROCESS, messages.append)
    assert messages == []
    assert choose_step(narrow("tiny", compile="compile"), ProcessGroup(0, 2, 0, 2), messages.append) is train_step
    assert "2 processes" in messages[0]

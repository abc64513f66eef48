from collections.abc import Callable
from typing import Any

import pytest
import torch

from facesmith.tasks.gan.recipes import GAN_RECIPES, GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.schedules import apply_schedule
from facesmith.training.train_state import TrainState

SIZE = (16, 16)


@pytest.fixture(scope="session")
def narrow() -> Callable[..., GANRecipe]:
    """Return a function that returns a recipe with narrow networks and batches of 8, on the CPU."""

    def make(name: str, **changes: Any) -> GANRecipe:
        return GAN_RECIPES[name].with_values(generator_width=4, discriminator_width=4, batch_size=8, device="cpu",
            precision="float32", memory_format="channels_last", **changes)  # fmt: skip

    return make


@pytest.fixture(scope="session")
def take_steps() -> Callable[..., list[dict[str, float]]]:
    """Return a function that takes steps ``first`` to ``last``, each with its own seed, and returns the measurements.

    D rests at every ``d_rests``-th step.
    """

    def take(
        step: Any, state: TrainState, recipe: GANRecipe, first: int, last: int, d_rests: int | None = None
    ) -> list[dict[str, float]]:
        metrics, d_steps = [], 0
        for number in range(last):
            learns = d_rests is None or (number + 1) % d_rests != 0
            if number >= first:
                torch.manual_seed(number)
                real = torch.rand(8, 16, 16, 3).permute(0, 3, 1, 2) * 2 - 1
                z, current = torch.randn(8, recipe.latent_size), apply_schedule(recipe, number * 8)
                torch.manual_seed(number)
                inputs = real.to(state.device), z.to(state.device), current
                step_metrics = step(state, *inputs, d_steps if learns else None, number * 8)
                metrics.append({name: float(value) for name, value in step_metrics.items()})
            d_steps += learns
        return metrics

    return take


@pytest.fixture(scope="session")
def compare_with_eager(take_steps: Callable[..., list[dict[str, float]]]) -> Callable[..., tuple[TrainState, ...]]:
    """Return a function that takes the steps of a recipe eagerly and by ``step``, and returns both states.

    It compares the measurements of these ``names``, or all, within ``tolerance``: relative and absolute.
    """

    def compare(
        step: Any,
        recipe: GANRecipe,
        last: int,
        tolerance: tuple[float, float] = (1e-5, 1e-5),
        names: Any = None,
        **options: Any,
    ) -> tuple[TrainState, ...]:
        states = tuple(new_state(recipe, SIZE, torch.device(recipe.device)) for _ in range(2))
        expected = take_steps(train_step, states[0], recipe, 0, last, **options)
        for actual, reference in zip(take_steps(step, states[1], recipe, 0, last, **options), expected, strict=True):
            for name in reference if names is None else names:
                assert actual[name] == pytest.approx(reference[name], rel=tolerance[0], abs=tolerance[1]), name
        return states

    return compare

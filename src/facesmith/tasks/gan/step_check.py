"""The check of a compiled or recorded step before a run uses it: it must measure what eager steps measure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from facesmith.images.pixels import to_float
from facesmith.tasks.gan.compiled_step import Step
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import new_state, train_step
from facesmith.training.sampling import STEP_CHECK, seeded_rng

CHECKED_STEPS = 24  # enough to warm up, record and replay every variant of a step
D_RESTS = 5  # D does not learn at every fifth step
# Largest difference between measurements: absolute up to 1, relative above. Kernels sum in another order, and small
# differences grow from step to step.
TOLERANCE = {"float32": 0.02, "bfloat16": 0.1}


def check_step(
    step: Step, recipe: GANRecipe, size: tuple[int, int], device: torch.device, notify: Callable[[str], Any]
) -> Step:
    """Return ``step`` if it agrees with eager steps from the same state, otherwise `train_step`, and report why.

    Both train networks for images of ``size`` (width, height) on random images.
    """
    if step is train_step:
        return step
    try:
        problem = _first_difference(step, recipe, size, device)
    except Exception as error:  # compilers raise errors of any type
        problem = f"it fails with {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
    if problem is None:
        return step
    notify(
        f"compile={recipe.compile} is not used because {problem}; training continues with eager steps, which are slower"
    )
    return train_step


def _first_difference(step: Step, recipe: GANRecipe, size: tuple[int, int], device: torch.device) -> str | None:
    """Return which measurement first differs from that of eager steps, or None."""
    recipe = replace(recipe, model="")  # otherwise G would not learn in these steps
    states = [new_state(recipe, size, device) for _ in range(2)]
    for number, inputs in enumerate(_random_inputs(recipe, size, device)):
        torch.manual_seed(number)
        expected = train_step(states[0], *inputs)
        torch.manual_seed(number)
        actual = step(states[1], *inputs)
        for name, tensor in expected.items():
            value, reference = float(actual[name]), float(tensor)
            if not abs(value - reference) <= TOLERANCE[recipe.precision] * max(1.0, abs(reference)):
                return f"{name} is {value:.4g} instead of {reference:.4g} after {number + 1} steps"
    return None


def _random_inputs(recipe: GANRecipe, size: tuple[int, int], device: torch.device) -> Iterator[Any]:
    """Yield the inputs of `train_step` after its state."""
    d_steps, count = 0, recipe.batch_size
    for number in range(CHECKED_STEPS):
        rng = seeded_rng(device, recipe.seed, STEP_CHECK, number)
        images = torch.randint(0, 256, (count, size[1], size[0], 3), generator=rng, device=device, dtype=torch.uint8)
        z = torch.randn((count, recipe.latent_size + len(recipe.attribute_names)), generator=rng, device=device)
        z[:, recipe.latent_size :].sign_()
        d_learns = (number + 1) % D_RESTS != 0
        yield to_float(images), z, recipe, d_steps if d_learns else None, number * count
        d_steps += d_learns

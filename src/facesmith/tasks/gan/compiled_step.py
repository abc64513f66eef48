"""Faster forms of `train_step`, chosen by `GANRecipe.compile`: torch.compile, CUDA graphs, or neither.

The eager step is the reference. The others compute the same numbers from the same draws, apart from rounding.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.tasks.gan.cuda_graphs import CudaRecorder, RecordedStep
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.tasks.gan.step import (
    StepPasses,
    augment_key,
    augments,
    discriminator_pass,
    generate,
    generator_pass,
    on_device,
    run_step,
    step_scalars,
    step_variant,
    train_step,
)
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import seeded_rng
from facesmith.training.train_state import TrainState

Step = Callable[[TrainState, Tensor, Tensor, GANRecipe, int | None, int], dict[str, Tensor]]


def choose_step(recipe: GANRecipe, group: ProcessGroup, notify: Callable[[str], Any]) -> Step:
    """Return a function that is called like `train_step`, for a run's recipe with resolved machine settings.

    Raises `FacesmithError` for CUDA graphs without CUDA.
    """
    if recipe.compile == "graph" and recipe.device != "cuda":
        raise FacesmithError(f"CUDA graphs require a CUDA device, not {recipe.device}: set compile=auto")
    if recipe.compile not in ("graph", "compile"):
        return train_step
    if group.world_size > 1:  # messages between processes can be neither recorded nor compiled
        notify(
            f"compile={recipe.compile} is ignored because {group.world_size} processes exchange messages within a step"
        )
        return train_step
    return RecordedStep(recipe, CudaRecorder(), notify) if recipe.compile == "graph" else compiled_step(recipe)


def compiled_step(recipe: GANRecipe, backend: str = "inductor") -> Step:
    """Return the step with its passes compiled, each as one graph; D's includes R1, R2 and their gradients.

    A second derivative must lie within one graph. Augmentation draws random numbers, which a graph cannot hold, so with
    it D's passes stay eager.
    """
    from torch._inductor import config  # takes a second to import

    def compiled(function: Any) -> Any:
        return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)

    passes = StepPasses(compiled(generate), discriminator_pass, generator_pass)
    if not augments(recipe):
        passes = passes._replace(
            discriminator_pass=compiled(discriminator_pass), generator_pass=compiled(generator_pass)
        )

    def step(
        state: TrainState, real: Tensor, z: Tensor, scheduled: GANRecipe, d_step: int | None, images_seen: int
    ) -> dict[str, Tensor]:
        rng = seeded_rng(state.device, *augment_key(scheduled, state, images_seen)) if augments(recipe) else None
        # Tensors, and the recipe without its schedule, because every new number would be compiled again.
        scalars = on_device(step_scalars(scheduled, images_seen), state.device)
        with (
            warnings.catch_warnings(),
            torch._dynamo.config.patch(trace_autograd_ops=True),
            # Draw as eager torch does and choose kernels by rule, not by timing: resumed runs must be bit-identical.
            config.patch(fallback_random=True, deterministic=True),
            # update=together takes two gradients of one pass; the first must keep the tensors of the second.
            torch._functorch.config.patch(donated_buffer=False),
        ):
            warnings.filterwarnings("ignore", "The .grad attribute", UserWarning)  # caused by the compiler
            return run_step(state, real, z, recipe, step_variant(scheduled, d_step), scalars, rng, passes)

    return step

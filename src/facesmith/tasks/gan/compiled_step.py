"""`train_step` made faster, as `GANRecipe.compile` says: by torch.compile, by CUDA graphs, or not at all.

The eager step is what is meant; the others compute the same numbers from the same draws, but for rounding.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from facesmith.errors import FacesmithError
from facesmith.tasks.gan.cuda_graphs import CudaRecorder, RecordedStep
from facesmith.tasks.gan.step import (
    Passes,
    answer,
    augment_key,
    augments,
    dials_of,
    generate,
    judge,
    kind_of,
    learn,
    on_device,
    train_step,
)
from facesmith.tasks.recipes import GANRecipe
from facesmith.training.distributed import ProcessGroup
from facesmith.training.sampling import generator
from facesmith.training.train_state import TrainState

Step = Callable[[TrainState, Tensor, Tensor, GANRecipe, int | None, int], dict[str, Tensor]]


def chosen_step(recipe: GANRecipe, group: ProcessGroup, say: Callable[[str], Any]) -> Step:
    """A function to be called as `train_step` is, for a recipe whose machine settings are settled.

    ``recipe`` is the run's, not that of a step. Raises `FacesmithError` for CUDA graphs without CUDA.
    """
    if recipe.compile == "graph" and recipe.device != "cuda":
        raise FacesmithError(f"CUDA graphs need a CUDA device, not {recipe.device}: set compile=auto")
    if recipe.compile not in ("graph", "compile"):
        return train_step
    if group.world_size > 1:  # messages between processes can be neither recorded nor compiled
        say(f"compile={recipe.compile} is ignored: {group.world_size} processes exchange messages within a step")
        return train_step
    return RecordedStep(recipe, CudaRecorder(), say) if recipe.compile == "graph" else compiled_step(recipe)


def compiled_step(recipe: GANRecipe, backend: str = "inductor") -> Step:
    """The step with its passes through G and D compiled, each as one graph; D's holds R1 and R2 and their gradients.

    Twice differentiable is only what is differentiated within one graph, so augmentation, whose draws a graph cannot
    hold, leaves D's passes as they are.
    """
    from torch._inductor import config  # takes a second, which only those who compile should wait

    def made(one: Any) -> Any:
        return torch.compile(one, fullgraph=True, dynamic=False, backend=backend)

    looking = (judge, answer) if augments(recipe) else (made(judge), made(answer))
    passes = Passes(made(generate), *looking)

    def step(
        state: TrainState, real: Tensor, z: Tensor, now: GANRecipe, turn: int | None, shown: int
    ) -> dict[str, Tensor]:
        rng = generator(state.device, *augment_key(now, state, shown)) if augments(recipe) else None
        # Tensors, because numbers that change would be compiled anew; the recipe without its schedule for the same end.
        dials = on_device(dials_of(now, shown), state.device)
        with (
            warnings.catch_warnings(),
            torch._dynamo.config.patch(trace_autograd_ops=True),
            # Draw as torch does, and choose kernels by rule, not by timing: a resumed run is to be the same to the bit.
            config.patch(fallback_random=True, deterministic=True),
            # Seed 4 takes two gradients of one pass, and the first must leave the second its tensors.
            torch._functorch.config.patch(donated_buffer=False),
        ):
            warnings.filterwarnings("ignore", "The .grad attribute", UserWarning)  # the compiler looks, not we
            return learn(state, real, z, recipe, kind_of(now, turn), dials, rng, passes)

    return step

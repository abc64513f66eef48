import numpy as np
import pytest
import torch

from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.tasks.gan.recipe import GAN_RECIPES
from facesmith.tasks.gan.task import GANTask
from facesmith.training.checkpoint import Progress
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.startup import resolve


@pytest.mark.parametrize("hold_out", [True, False])
def test_a_game_leaves_out_what_is_held_out_if_it_is_told_to(builtin_dataset: Dataset, hold_out: bool) -> None:
    recipe = resolve(GAN_RECIPES["tiny"].changed(hold_out=hold_out, threads=1, device="cpu", precision="float32",
                                   memory_format="contiguous", generator_width=4, discriminator_width=4))  # fmt: skip
    game, seen = GANTask(recipe, builtin_dataset, SINGLE_PROCESS, {}), []
    pictures = torch.from_numpy(np.array(builtin_dataset.images))

    def read(indices: np.ndarray) -> torch.Tensor:
        seen.extend(indices.tolist())
        return pictures[torch.from_numpy(indices)]

    game.prepare(read, print)
    state = game.new_state()
    for step in range(5):  # more than an epoch of 256
        game.step(state, recipe, Progress(step, recipe.batch_size * step))
    held = held_out_mask(builtin_dataset)
    assert 0 < held.sum() < len(held)
    assert set(seen) == set(np.flatnonzero(~held) if hold_out else range(len(held)))

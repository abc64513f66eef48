from collections.abc import Callable

import numpy as np
import pytest

from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.tasks.gan.recipes import GAN_RECIPES
from facesmith.tasks.gan.task import GANTask
from facesmith.training.distributed import SINGLE_PROCESS
from facesmith.training.startup import resolve


@pytest.mark.parametrize("hold_out", [True, False])
def test_hold_out_decides_whether_held_out_faces_are_used(
    builtin_dataset: Dataset, hold_out: bool, train_steps: Callable[..., list[int]]
) -> None:
    recipe = resolve(GAN_RECIPES["tiny"].with_values(hold_out=hold_out, threads=1, device="cpu", precision="float32",
                                   memory_format="contiguous", generator_width=4, discriminator_width=4,
                                   batch_size=64))  # fmt: skip
    task = GANTask(recipe, builtin_dataset, SINGLE_PROCESS, {})
    read_rows = train_steps(task, 5)  # more than an epoch of 256
    held_out = held_out_mask(builtin_dataset)
    assert 0 < held_out.sum() < len(held_out)
    assert set(read_rows) == set(np.flatnonzero(~held_out) if hold_out else range(len(held_out)))

"""Which faces a makeover learns from in a step, in which direction, under which noise: by seed and position alone."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facesmith.tasks.makeover.domains import Sides
from facesmith.tasks.recipes import MakeoverRecipe
from facesmith.training.checkpoint import Progress
from facesmith.training.sampling import NOISE, generator, picture_indices, seed_of

SOURCE, TARGET = range(2)  # a stream of pictures each, in every direction


def draw(
    sides: Sequence[Sides], recipe: MakeoverRecipe, shown: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The batch after the first ``shown`` pictures: directions, in turns, and the indices of source and target faces.

    Each side of each direction is an endless shuffled stream of its own, and goes on where its last turn left it.
    """
    several = len(sides)
    which, drawn = (shown + np.arange(recipe.batch_size)) % several, np.zeros((2, recipe.batch_size), np.int64)
    for k, one in enumerate(sides):
        mine, start = which == k, (shown + (k - shown) % several) // several
        for stream, faces in ((SOURCE, one.sources), (TARGET, one.targets)):
            seed = seed_of(recipe.seed, stream, k)
            places = picture_indices(seed, start, int(mine.sum()), len(faces), recipe.epoch_share)
            drawn[stream, mine] = faces[places]
    return which, drawn[SOURCE], drawn[TARGET]


def noise(recipe: MakeoverRecipe, progress: Progress, size: tuple[int, int], device: torch.device) -> Tensor:
    """What is added to all that D sees in a step, N x 3 x H x W for pictures in [-1, 1], or
    N x 1 x 1 x 1 zeros.

    Normal, but never beyond two standard deviations, as TensorFlow draws it and so the third seed.
    """
    if not recipe.noise:
        return torch.zeros(1, 1, 1, 1, device=device).expand(recipe.batch_size, 1, 1, 1)
    deviation = 2 * recipe.noise  # [-1, 1] is 2 wide
    drawn = torch.empty(recipe.batch_size, 3, size[1], size[0], device=device)
    rng = generator(device, recipe.seed, NOISE, progress.step, progress.rollbacks)
    return nn.init.trunc_normal_(drawn, std=deviation, a=-2 * deviation, b=2 * deviation, generator=rng)

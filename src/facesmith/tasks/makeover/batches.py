"""The batches of a makeover: faces, directions and noise of a step, as functions of seed and position."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from facesmith.arrays import Integers
from facesmith.tasks.makeover.domains import Domains
from facesmith.tasks.makeover.recipes import MakeoverRecipe
from facesmith.training.checkpoint import Progress
from facesmith.training.sampling import NOISE, image_indices, seed_of, seeded_rng

SOURCE, TARGET = range(2)  # the two streams of images of every direction


def draw_batch(
    domains: Sequence[Domains], recipe: MakeoverRecipe, images_seen: int
) -> tuple[Integers, Integers, Integers]:
    """Return the directions of the batch after ``images_seen`` images, and the indices of its source and target faces.

    Directions alternate. Each domain of each direction is an endless shuffled stream of its own.
    """
    count = len(domains)
    directions, drawn = (images_seen + np.arange(recipe.batch_size)) % count, np.zeros((2, recipe.batch_size), np.int64)
    for k, domain in enumerate(domains):
        rows, start = directions == k, (images_seen + (k - images_seen) % count) // count
        for stream, faces in ((SOURCE, domain.sources), (TARGET, domain.targets)):
            seed = seed_of(recipe.seed, stream, k)
            indices = image_indices(seed, start, int(rows.sum()), len(faces), recipe.epoch_share)
            drawn[stream, rows] = faces[indices]
    return directions, drawn[SOURCE], drawn[TARGET]


def draw_noise(recipe: MakeoverRecipe, progress: Progress, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return the noise on D's input in a step: N x 3 x H x W for images in [-1, 1], or N x 1 x 1 x 1 zeros.

    It is normal, truncated at two standard deviations as in TensorFlow and so in deep-makeover.
    """
    if not recipe.noise:
        return torch.zeros(1, 1, 1, 1, device=device).expand(recipe.batch_size, 1, 1, 1)
    deviation = 2 * recipe.noise  # [-1, 1] is 2 wide
    noise = torch.empty(recipe.batch_size, 3, size[1], size[0], device=device)
    rng = seeded_rng(device, recipe.seed, NOISE, progress.step, progress.rollbacks)
    return nn.init.trunc_normal_(noise, std=deviation, a=-2 * deviation, b=2 * deviation, generator=rng)

"""Attributes as an input of G and D: the values that each sample is given, and how often rare ones are shown.

A condition y (N x attributes) is +1 with an attribute, -1 without, 0 where it is left open. It follows z in G's
latents. A real image and the generated one it is compared with have the same condition.
"""

import numpy as np
import torch
from torch import Tensor

from facesmith.arrays import Integers
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError, did_you_mean
from facesmith.tasks.gan.recipes import GANRecipe
from facesmith.training.sampling import BALANCE, CONDITIONS, batch_indices, seeded_rng

MAX_REPEATS = 4.0  # an image with rare attributes is shown at most so many times as often as an ordinary one
ALL_KEPT = 0.5  # share of the samples whose known attributes are all given


def known_conditions(recipe: GANRecipe, dataset: Dataset) -> Tensor:
    """Return the condition of every image of a dataset: N x attributes, 0 where an attribute is unknown.

    Raises `FacesmithError` for an attribute that the dataset does not have.
    """
    for name in recipe.attribute_names:
        if name not in dataset.attributes:
            advice = did_you_mean(name, dataset.attributes) if dataset.attributes else "import photos with labels"
            raise FacesmithError(f"{dataset.name} has no attribute {name!r}: {advice}")
    columns = [dataset.attributes.index(name) for name in recipe.attribute_names]
    values = dataset.attribute_values()[:, columns]
    return torch.from_numpy(np.select([values == 1, values == 0], [1.0, -1.0], 0.0).astype(np.float32))


def balance(conditions: Tensor, rows: Integers, seed: int) -> Integers:
    """Return ``rows`` with those repeated that have a rare value, in proportion to its frequency to the power of -1/2.

    An image counts by the rarest of its values. Fractions of a repetition are drawn by ``seed``.
    """
    values, weights = conditions[rows].numpy(), np.ones(len(rows))
    for column in values.T:
        for value in (1, -1):
            has_value = column == value
            if has_value.any():
                weights[has_value] = np.maximum(weights[has_value], has_value.mean() ** -0.5)
    weights = np.minimum(weights / weights.min(), MAX_REPEATS)
    fractions = np.random.default_rng([seed, BALANCE]).random(len(rows))
    return np.repeat(rows, (weights + fractions).astype(np.int64))


def draw_conditions(
    conditions: Tensor, rows: Integers, recipe: GANRecipe, images_seen: int, device: torch.device, *key: int
) -> Tensor:
    """Return the conditions (batch_size x attributes) of the batch after ``images_seen``, some of them left open.

    All attributes are left open for a share ``open_attributes`` of the samples, and none for half. In the others, each
    attribute is kept with one probability between 0 and 1, so that any selection can be asked for later. Images that
    are repeated are left fully open less often in the same proportion: faces without a condition stay as frequent as
    in the data. Draws depend on the recipe's seed and ``key``.
    """
    batch_rows = batch_indices(recipe, images_seen, rows)
    repeats = torch.from_numpy(np.bincount(rows, minlength=len(conditions))[batch_rows, None]).to(device)
    y, open_share = conditions[torch.from_numpy(batch_rows)].to(device), recipe.open_attributes / repeats
    rng = seeded_rng(device, recipe.seed, CONDITIONS, *key)
    position = torch.rand((len(y), 1), generator=rng, device=device)
    keep = ((position - open_share) / (ALL_KEPT - open_share).clamp(min=1e-6)).clamp(0, 1)
    return y * (torch.rand(y.shape, generator=rng, device=device) < keep)

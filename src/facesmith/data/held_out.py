"""The images on which encoders, classifiers and edits are measured, and which their training never sees."""

from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Booleans, Integers
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

MIN_IMAGES_PER_HELD_OUT = 5  # at most one image of this many is held out


def held_out_mask(dataset: Dataset, count: int = 2000, seed: int = 0) -> Booleans:
    """Return which images are held out: bool of shape (N,), the same for everything that uses the same ``seed``.

    If there are splits ``valid`` or ``test``, these are held out. Otherwise whole identities are, drawn by ``seed``
    until they have ``count`` images or a fifth of the dataset, so that no person is on both sides. If no identity is
    known, or each has too many images, images are drawn at random.
    """
    table = dataset.metadata()
    split = np.array(table["split"].to_pylist(), object)
    mask = np.asarray((split == "valid") | (split == "test"), bool)
    if mask.any():
        return mask
    max_count = len(dataset) // MIN_IMAGES_PER_HELD_OUT
    target = min(count, max_count)
    if "identity" in table.column_names:
        mask = _draw_identities(table, target, max_count, seed)
    if not mask.any():
        mask[np.random.default_rng(seed).permutation(len(dataset))[:target]] = True
    return mask


def held_out_split(dataset: Dataset) -> tuple[Integers, Integers]:
    """Return the indices of the held-out images and of the training images; neither is empty."""
    mask = held_out_mask(dataset)
    if mask.all() or not mask.any():
        raise FacesmithError(
            f"{dataset.name} has {int((~mask).sum())} images for training and {int(mask.sum())} held-out images, "
            "but both are required: import more images from all splits"
        )
    return np.flatnonzero(mask), np.flatnonzero(~mask)


def _draw_identities(table: "pa.Table", target: int, max_count: int, seed: int) -> Booleans:
    """Draw whole identities by ``seed`` until they have ``target`` images, and never more than ``max_count``."""
    import pyarrow as pa

    has_identity = np.asarray(table["identity"].is_valid().to_numpy(), bool)
    identity = np.asarray(table["identity"].cast(pa.int64()).fill_null(-1).to_numpy(), np.int64)
    identities, counts = np.unique(identity[has_identity], return_counts=True)
    chosen_identities: list[int] = []
    count = 0
    for index in np.random.default_rng(seed).permutation(len(identities)):
        if count >= target:
            break
        if count + counts[index] <= max_count:
            chosen_identities.append(int(identities[index]))
            count += int(counts[index])
    return np.asarray(np.isin(identity, chosen_identities) & has_identity, bool)

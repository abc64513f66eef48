"""Compute the features of the real images of a score, cached in the dataset's folder."""

from dataclasses import dataclass

import numpy as np

from facesmith.arrays import Floats, Integers
from facesmith.data.dataset import Dataset
from facesmith.data.source import SPLITS
from facesmith.errors import FacesmithError
from facesmith.metrics.features import BATCH, Network
from facesmith.progress import progress, silent, tell


@dataclass(frozen=True, eq=False)
class Reference:
    """``features`` (N x width, float32) of the images ``rows`` (N, ascending) of a dataset."""

    rows: Integers
    features: Floats


def reference(
    dataset: Dataset,
    network: Network,
    *,
    count: int | None = None,
    split: str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Reference:
    """Return features of ``count`` images of a dataset drawn by ``seed``, or of all; of one ``split`` or of all.

    Features of the same images and weights are cached in DATASET/features/, if that folder can be written to.
    """
    rows = choose(dataset, count, split, seed)
    key = {
        "dataset": dataset.fingerprint,
        "network": network.digest,
        "resize": network.resize,
        "split": split,
        "count": len(rows),
        "seed": seed,
    }
    name = f"{network.name}-{network.digest[:8]}-{split or 'all'}-{len(rows)}-{seed}"

    def compute() -> Floats:
        features = np.empty((len(rows), network.width), np.float32)
        with progress(len(rows), "real", shown=not quiet) as bar:
            for start in range(0, len(rows), BATCH):
                features[start : start + BATCH] = network(dataset.images[rows[start : start + BATCH]])
                bar.update(len(rows[start : start + BATCH]))
        return features

    return Reference(rows, dataset.cached(name, key, len(rows), compute, warn=silent if quiet else tell))


def choose(dataset: Dataset, count: int | None, split: str | None, seed: int) -> Integers:
    """Return the rows of a dataset to compare: ``count`` of a split drawn by seed, in order, or all of them."""
    rows = np.arange(len(dataset))
    if split is not None:
        if split not in SPLITS:
            raise FacesmithError(f"invalid split {split!r}: expected {', '.join(SPLITS)}")
        rows = rows[dataset.metadata()["split"].to_numpy(zero_copy_only=False) == split]
        if len(rows) == 0:
            names = ", ".join(dataset.card["splits"])
            problem = f"no images in the split {split}" if names else "no splits"
            advice = f"use {names}, or omit the split" if names else "omit the split"
            raise FacesmithError(f"{dataset.path} has {problem}: {advice}")
    if count is None or count >= len(rows):
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])

"""What a network says of the pictures of a dataset, computed once and kept in the dataset's folder."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model
from facesmith.progress import progress

BLOCK = 64  # pictures computed between two steps of the bar

Vectors = NDArray[np.float32]
Compute = Callable[[NDArray[np.uint8]], Vectors]


def latents_of(model: Model, dataset: Dataset, rows: NDArray[np.int64] | None = None, quiet: bool = False) -> Vectors:
    """The z of a dataset's pictures, of all or of ``rows``: N x latent_size. Raises as `Model.encode` does."""

    def encode(pictures: NDArray[np.uint8]) -> Vectors:
        return model.encode(pictures)[:, : model.latent_size]  # z alone: detail is not what a face is like

    digest = str(model.card["encoder"]["digest"]) if "encoder" in model.card else ""
    return dataset_vectors(dataset, digest, encode, rows, quiet=quiet)


def features_of(
    judge: AttributeClassifier, dataset: Dataset, rows: NDArray[np.int64] | None = None, quiet: bool = False
) -> Vectors:
    """A judge's features of a dataset's pictures, of all or of ``rows``: N x F."""
    return dataset_vectors(dataset, judge.digest, judge.features, rows, quiet=quiet)


def dataset_vectors(
    dataset: Dataset, digest: str, compute: Compute, rows: NDArray[np.int64] | None = None, *, quiet: bool = False
) -> Vectors:
    """What ``compute`` says of every picture of a dataset, or of those in ``rows``: N x size.

    What was said of every picture is kept in the dataset's folder under ``digest``; where that folder cannot be written
    it is computed again every time.
    """
    cache_name, key = f"vectors-{digest[:8]}", {"dataset": dataset.fingerprint, "network": digest}

    def compute_rows(wanted: NDArray[np.int64]) -> Vectors:
        blocks = []
        with progress(len(wanted), "dataset", shown=not quiet) as bar:
            for start in range(0, len(wanted), BLOCK):
                blocks.append(compute(dataset.images[wanted[start : start + BLOCK]]))
                bar.update(len(blocks[-1]))
        return np.concatenate(blocks)

    if rows is None or len(rows) == len(dataset):
        vectors = dataset.cached(cache_name, key, len(dataset), lambda: compute_rows(np.arange(len(dataset))))
        return vectors if rows is None else vectors[rows]
    known = dataset.read_cached(cache_name, key, len(dataset))
    return compute_rows(rows) if known is None else known[rows]

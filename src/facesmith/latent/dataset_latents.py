"""Latents and features of every image of a dataset, computed once and cached in the dataset's folder."""

from collections.abc import Callable

import numpy as np

from facesmith.arrays import Floats, Images, Integers
from facesmith.data.dataset import Dataset
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model
from facesmith.progress import progress

BLOCK = 64  # images computed between two updates of the progress bar

Compute = Callable[[Images], Floats]


def latents_of(model: Model, dataset: Dataset, rows: Integers | None = None, quiet: bool = False) -> Floats:
    """Return the z of all images, or of ``rows``: N x latent_size. Raises like `Model.encode`."""

    def encode(images: Images) -> Floats:
        return model.encode(images)[:, : model.latent_size]  # the residual latent does not measure similarity

    digest = str(model.card["encoder"]["digest"]) if "encoder" in model.card else ""
    return dataset_vectors(dataset, digest, encode, rows, quiet=quiet)


def features_of(
    classifier: AttributeClassifier, dataset: Dataset, rows: Integers | None = None, quiet: bool = False
) -> Floats:
    """Return a classifier's features of all images, or of ``rows``: N x F."""
    return dataset_vectors(dataset, classifier.digest, classifier.features, rows, quiet=quiet)


def dataset_vectors(
    dataset: Dataset, digest: str, compute: Compute, rows: Integers | None = None, *, quiet: bool = False
) -> Floats:
    """Return ``compute`` of all images of a dataset, or of ``rows``: N x size.

    Vectors of all images are cached in the dataset's folder by the network's ``digest``, if it can be written to.
    """
    cache_name, key = f"vectors-{digest[:8]}", {"dataset": dataset.fingerprint, "network": digest}

    def compute_rows(rows: Integers) -> Floats:
        blocks = []
        with progress(len(rows), "dataset", shown=not quiet) as bar:
            for start in range(0, len(rows), BLOCK):
                blocks.append(compute(dataset.images[rows[start : start + BLOCK]]))
                bar.update(len(blocks[-1]))
        return np.concatenate(blocks)

    if rows is None or len(rows) == len(dataset):
        vectors = dataset.cached(cache_name, key, len(dataset), lambda: compute_rows(np.arange(len(dataset))))
        return vectors if rows is None else vectors[rows]
    cached = dataset.read_cached(cache_name, key, len(dataset))
    return compute_rows(rows) if cached is None else cached[rows]

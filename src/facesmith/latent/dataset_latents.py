"""What a network says of the pictures of a dataset, computed once and kept in the dataset's folder."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.files import atomic_file
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model
from facesmith.progress import progress

BLOCK = 64  # pictures computed between two steps of the bar
KEPT = "features"  # the folder of a dataset that holds what was computed of all its pictures

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
    key = json.dumps({"dataset": dataset.fingerprint, "network": digest})
    path = dataset.path / KEPT / f"vectors-{digest[:8]}.npz"
    known = _kept(path, key, len(dataset))
    if known is not None:
        return known if rows is None else known[rows]
    wanted = np.arange(len(dataset)) if rows is None else rows
    blocks = []
    with progress(len(wanted), "dataset", shown=not quiet) as bar:
        for start in range(0, len(wanted), BLOCK):
            blocks.append(compute(dataset.images[wanted[start : start + BLOCK]]))
            bar.update(len(blocks[-1]))
    vectors = np.concatenate(blocks)
    if len(wanted) == len(dataset):
        try:
            with atomic_file(path) as beside:
                np.savez(beside, key=np.array(key), vectors=vectors)
        except OSError:
            pass  # a dataset that is only ours to read
    return vectors


def _kept(path: Path, key: str, count: int) -> Vectors | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if str(file["key"]) == key and len(file["vectors"]) == count:
                return np.asarray(file["vectors"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # nothing is kept, or what is there cannot be read
    return None

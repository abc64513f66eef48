"""The real side of every score: features of a dataset's pictures, kept in the dataset's folder once computed."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.data.dataset import Dataset
from facesmith.data.source import SPLITS
from facesmith.errors import FacesmithError
from facesmith.files import atomic_file
from facesmith.metrics.features import BATCH, Network
from facesmith.progress import progress, silent, tell

FOLDER = "features"


@dataclass(frozen=True, eq=False)
class Reference:
    """``features`` (N x width, float32) of the pictures ``rows`` (N, ascending) of a dataset."""

    rows: NDArray[np.int64]
    features: NDArray[np.float32]


def reference(
    dataset: Dataset,
    network: Network,
    *,
    count: int | None = None,
    split: str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Reference:
    """Features of ``count`` pictures of a dataset chosen by ``seed``, or of all it has; of one ``split`` or of all.

    Read from DATASET/features/ where they were computed before from the same pictures with the same weights, else
    computed and kept there. Where that folder cannot be written, they are computed again every time.
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
    name = f"{network.name}-{network.digest[:8]}-{split or 'all'}-{len(rows)}-{seed}.npz"
    path = dataset.path / FOLDER / name
    kept = _kept(path, key, rows, network.width)
    if kept is not None:
        return Reference(rows, kept)
    with progress(len(rows), "real", shown=not quiet) as bar:
        features = np.empty((len(rows), network.width), np.float32)
        for start in range(0, len(rows), BATCH):
            features[start : start + BATCH] = network(dataset.images[rows[start : start + BATCH]])
            bar.update(len(rows[start : start + BATCH]))
    try:
        with atomic_file(path) as beside:
            np.savez(beside, key=np.array(json.dumps(key)), features=features)
    except OSError as error:
        say = silent if quiet else tell
        say(f"the features of {dataset.path} are not kept, {path.parent} cannot be written ({error.strerror})")
    return Reference(rows, features)


def choose(dataset: Dataset, count: int | None, split: str | None, seed: int) -> NDArray[np.int64]:
    """Which rows of a dataset are compared: ``count`` of a split by seed, in their order, or all there are."""
    rows = np.arange(len(dataset))
    if split is not None:
        if split not in SPLITS:
            raise FacesmithError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        rows = rows[dataset.metadata()["split"].to_numpy(zero_copy_only=False) == split]
        if len(rows) == 0:
            there = ", ".join(dataset.card["splits"]) or "none"
            raise FacesmithError(
                f"{dataset.path} has no pictures of split {split}, it has {there}: leave out the split"
            )
    if count is None or count >= len(rows):
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def _kept(path: Path, key: Mapping[str, object], rows: NDArray[np.int64], width: int) -> NDArray[np.float32] | None:
    """The features that an earlier call wrote, or None where there are none, or those of something else."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if json.loads(str(file["key"])) != key:
                return None
            features: NDArray[np.float32] = file["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return features if features.shape == (len(rows), width) and features.dtype == np.float32 else None

import shutil
from pathlib import Path

import numpy as np
import pytest

import facesmith
from facesmith.data.dataset import Dataset
from facesmith.latent.dataset_latents import dataset_vectors


@pytest.fixture
def dataset(builtin_dataset: Dataset, tmp_path: Path) -> Dataset:
    shutil.copytree(builtin_dataset.path, tmp_path / "faces")
    return facesmith.open_dataset(tmp_path / "faces")


def test_cached_vectors_are_reused_for_the_same_digest(dataset: Dataset) -> None:
    calls = []

    def compute(pictures: np.ndarray) -> np.ndarray:
        calls.append(len(pictures))
        return np.asarray(pictures.mean((1, 2)), np.float32)

    first = dataset_vectors(dataset, "a" * 64, compute, quiet=True)
    assert sum(calls) == len(dataset)
    assert np.array_equal(dataset_vectors(dataset, "a" * 64, compute, quiet=True), first)
    assert sum(calls) == len(dataset)
    dataset_vectors(dataset, "a" * 8 + "b" * 56, compute, quiet=True)
    assert sum(calls) == 2 * len(dataset), "the same beginning is not the same digest"
    (cache_file,) = (dataset.path / "features").iterdir()
    cache_file.write_bytes(b"PK broken")
    assert np.array_equal(dataset_vectors(dataset, "a" * 64, compute, quiet=True), first)


def test_some_rows_are_read_from_the_cache_or_computed(dataset: Dataset) -> None:
    calls = []

    def compute(pictures: np.ndarray) -> np.ndarray:
        calls.append(len(pictures))
        return np.asarray(pictures.mean((1, 2)), np.float32)

    rows = np.array([200, 3, 77])
    subset = dataset_vectors(dataset, "a" * 64, compute, rows, quiet=True)
    assert sum(calls) == 3
    assert not (dataset.path / "features").exists(), "some are not all"
    complete = dataset_vectors(dataset, "a" * 64, compute, quiet=True)
    assert np.array_equal(subset, complete[rows])
    assert np.array_equal(dataset_vectors(dataset, "a" * 64, compute, rows, quiet=True), subset)
    assert sum(calls) == 3 + len(dataset)

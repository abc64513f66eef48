import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from facesmith import FacesmithError
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.metrics.features import Network
from facesmith.metrics.reference import reference

COLOURS = Network("colours", 3, "c" * 64, "as they are", torch.device("cpu"), lambda pictures: pictures.mean((2, 3)))


@pytest.fixture
def dataset(builtin_dataset: Dataset, tmp_path: Path) -> Dataset:
    """A copy that may be written into."""
    return open_dataset(shutil.copytree(builtin_dataset.path, tmp_path / "faces"))


def _cached(dataset: Dataset) -> list[Path]:
    return sorted((dataset.path / "features").iterdir())


def test_reference_features_belong_to_the_drawn_images(dataset: Dataset) -> None:
    stats = reference(dataset, COLOURS, count=40, seed=3, quiet=True)
    assert (np.diff(stats.rows) > 0).all()
    assert np.allclose(stats.features, dataset.images[stats.rows].mean((1, 2)), rtol=1e-4)
    other = reference(dataset, COLOURS, count=40, seed=4, quiet=True)
    assert not np.array_equal(stats.rows, other.rows)
    assert len(reference(dataset, COLOURS, quiet=True).rows) == len(dataset)
    assert len(reference(dataset, COLOURS, count=10**6, quiet=True).rows) == len(dataset)


def test_cached_features_are_read_only_for_an_equal_key(dataset: Dataset) -> None:
    first = reference(dataset, COLOURS, count=8, quiet=True)
    (path,) = _cached(dataset)
    with np.load(path) as file:
        key = file["key"]
    np.savez(path, key=key, features=first.features + 1)
    assert np.array_equal(reference(dataset, COLOURS, count=8, quiet=True).features, first.features + 1)
    network = Network("colours", 3, "c" * 8 + "d" * 56, COLOURS.resize, COLOURS.device, COLOURS.forward)
    assert np.array_equal(reference(dataset, network, count=8, quiet=True).features, first.features), "other weights"
    np.savez(path, key=key, features=first.features + 1)
    changed = Dataset(dataset.path, dataset.card | {"fingerprint": "another"}, dataset.images)
    assert np.array_equal(reference(changed, COLOURS, count=8, quiet=True).features, first.features), "other pictures"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", b"not a file of numpy"])
def test_damaged_features_are_computed_again(dataset: Dataset, damage: bytes) -> None:
    first = reference(dataset, COLOURS, count=8, quiet=True)
    (path,) = _cached(dataset)
    path.write_bytes(damage)
    assert np.array_equal(reference(dataset, COLOURS, count=8, quiet=True).features, first.features)
    assert path.stat().st_size > len(damage)


def test_an_unwritable_cache_folder_is_only_reported(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    (dataset.path / "features").write_text("in the way")
    stats = reference(dataset, COLOURS, count=8)
    assert stats.features.shape == (8, 3)
    assert "is not stored" in capsys.readouterr().err


def test_only_the_selected_split_is_compared(dataset: Dataset) -> None:
    splits = np.array(dataset.metadata()["split"].to_pylist())
    stats = reference(dataset, COLOURS, split="test", quiet=True)
    assert np.array_equal(stats.rows, np.flatnonzero(splits == "test"))
    with pytest.raises(FacesmithError, match="invalid split 'best': expected train, valid, test"):
        reference(dataset, COLOURS, split="best", quiet=True)


def test_a_missing_split_is_refused(dataset: Dataset) -> None:
    table = dataset.metadata().set_column(1, "split", pa.nulls(len(dataset), pa.string()))
    pq.write_table(table, dataset.path / "metadata.parquet")
    no_splits = Dataset(dataset.path, dataset.card | {"splits": {}}, dataset.images)
    with pytest.raises(FacesmithError, match="no splits"):
        reference(no_splits, COLOURS, split="test", quiet=True)

"""Opening a dataset folder, and refusing what is not one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facesmith.data.dataset import Dataset, open_dataset
from facesmith.errors import FacesmithError


@pytest.fixture
def copied(builtin_dataset: Dataset, tmp_path: Path) -> Path:
    return Path(shutil.copytree(builtin_dataset.path, tmp_path / "copy"))


def test_open_dataset_reads_the_card_and_images(builtin_dataset: Dataset) -> None:
    dataset = open_dataset(str(builtin_dataset.path))
    assert len(dataset) == 256
    assert dataset.size == (32, 32)
    assert dataset.images.shape == (256, 32, 32, 3)
    assert isinstance(dataset.images, np.memmap)
    assert dataset.images.mode == "r"
    assert dataset.labels().shape == (256, len(dataset.attributes))
    assert len(dataset.fingerprint) == 64
    assert len(dataset.metadata()) == 256


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="nowhere does not exist"):
        open_dataset(tmp_path / "nowhere")


def test_a_folder_without_a_card_is_unfinished(copied: Path) -> None:
    (copied / "dataset.json").unlink()
    with pytest.raises(FacesmithError, match="not a complete dataset"):
        open_dataset(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2"),
        ({"format": "other"}, "is not a facesmith-dataset"),
        ({"count": 255}, "instead of uint8"),
    ],
)
def test_an_invalid_dataset_card_is_refused(copied: Path, change: dict[str, object], message: str) -> None:
    card = json.loads((copied / "dataset.json").read_text())
    (copied / "dataset.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(FacesmithError, match=message):
        open_dataset(copied)


def test_cut_images_are_refused(copied: Path) -> None:
    data = (copied / "images.npy").read_bytes()
    (copied / "images.npy").write_bytes(data[:-1000])
    with pytest.raises(FacesmithError, match="damaged"):
        open_dataset(copied)


def test_missing_metadata_is_refused(copied: Path) -> None:
    (copied / "metadata.parquet").unlink()
    with pytest.raises(FacesmithError, match=r"no metadata\.parquet"):
        open_dataset(copied)


def test_cached_values_are_computed_once_for_each_key(copied: Path) -> None:
    dataset = open_dataset(copied)
    calls = []

    def compute() -> np.ndarray:
        calls.append(1)
        return np.full((256, 2), len(calls), np.float32)

    first = dataset.cached("test", {"network": "a"}, 256, compute)
    assert np.array_equal(dataset.cached("test", {"network": "a"}, 256, compute), first)
    assert len(calls) == 1
    assert dataset.cached("test", {"network": "b"}, 256, compute)[0, 0] == 2
    (copied / "features" / "test.npz").write_bytes(b"damaged")
    assert dataset.cached("test", {"network": "b"}, 256, compute)[0, 0] == 3

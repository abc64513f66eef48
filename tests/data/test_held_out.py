"""Which pictures are held out, and what is known of every picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facesmith.data.dataset import FORMAT, VERSION, Dataset, open_dataset
from facesmith.data.held_out import held_out_mask

Make = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a dataset of blank pictures with these columns."""

    def dataset(count: int, **columns: Any) -> Dataset:
        np.save(tmp_path / "images.npy", np.zeros((count, 4, 4, 3), np.uint8))
        columns = {"split": pa.nulls(count, pa.string()), **columns}
        pq.write_table(pa.table({"file": [str(row) for row in range(count)], **columns}), tmp_path / "metadata.parquet")
        attributes = [name for name in columns if name not in ("split", "identity")]
        card = {"format": FORMAT, "version": VERSION, "name": "x", "size": [4, 4], "channels": 3, "count": count}
        (tmp_path / "dataset.json").write_text(json.dumps({**card, "attributes": attributes}))
        return open_dataset(tmp_path)

    return dataset


def test_valid_and_test_splits_are_held_out(make: Make) -> None:
    split = ["train", "valid", None, "test", "train"]
    assert held_out_mask(make(5, split=split, identity=[1, 2, 3, 4, 5])).tolist() == [False, True, False, True, False]


def test_identities_are_held_out_without_other_splits(make: Make) -> None:
    identities = np.random.default_rng(1).integers(0, 60, 1000)
    dataset = make(1000, split=["train"] * 1000, identity=identities)
    mask = held_out_mask(dataset, 100)
    assert 100 <= mask.sum() <= 200
    assert not set(identities[mask]) & set(identities[~mask])
    assert (mask == held_out_mask(dataset, 100)).all()
    assert (mask != held_out_mask(dataset, 100, seed=1)).any()


def test_at_most_a_fifth_is_held_out(make: Make) -> None:
    identities = np.repeat(np.arange(25), 4)
    mask = held_out_mask(make(100, identity=identities))
    assert mask.sum() == 20
    assert not set(identities[mask]) & set(identities[~mask])


def test_images_without_identity_are_not_held_out(make: Make) -> None:
    identities = [None if row % 2 else row // 4 for row in range(400)]
    mask = held_out_mask(make(400, identity=pa.array(identities, pa.int64())), 20)
    assert mask.sum() == 20
    assert not mask[1::2].any()


def test_images_are_drawn_at_random_if_identities_are_too_large(make: Make) -> None:
    mask = held_out_mask(make(100, identity=[0] * 50 + [1] * 50))
    assert mask.sum() == 20
    assert 0 < mask[:50].sum() < 20


def test_images_are_drawn_at_random_without_identities(make: Make) -> None:
    dataset = make(50)
    assert held_out_mask(dataset, 7).sum() == 7
    assert held_out_mask(dataset).sum() == 10
    assert (held_out_mask(dataset) == held_out_mask(dataset)).all()


def test_the_builtin_faces_hold_out_their_own_splits(builtin_dataset: Dataset) -> None:
    assert held_out_mask(builtin_dataset).sum() == 256 - builtin_dataset.card["splits"]["train"]


def test_attribute_values_mark_unknown_labels(make: Make) -> None:
    dataset = make(3, Smiling=pa.array([True, None, False]), Male=pa.array([False, True, None]))
    names, values = dataset.attributes, dataset.attribute_values()
    assert names == ["Smiling", "Male"]
    assert values.dtype == np.int8
    assert values.tolist() == [[1, 0], [-1, 1], [0, -1]]

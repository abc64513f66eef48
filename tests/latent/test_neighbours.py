import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError, Model
from facesmith.datasets.dataset import Dataset
from facesmith.latent.neighbours import dataset_vectors


class Colours:
    digest = "colours"

    def features(self, pictures: np.ndarray) -> np.ndarray:
        return np.asarray(pictures.mean((1, 2)), np.float32)


@pytest.fixture
def dataset(builtin_dataset: Dataset, tmp_path: Path) -> Dataset:
    shutil.copytree(builtin_dataset.path, tmp_path / "faces")
    return facesmith.open_dataset(tmp_path / "faces")


def test_neighbours_are_the_nearest_of_all_in_both_spaces(
    linear_model: Model, dataset: Dataset, photo: Path, tmp_path: Path
) -> None:
    judge: Any = Colours()
    out = tmp_path / "out"
    found = facesmith.neighbours(linear_model, dataset, [photo, "seed:4"], out, count=3, judge=judge, quiet=True)
    assert json.loads((out / "neighbours.json").read_text()) == found
    assert (out / "sheet.png").is_file()
    there = linear_model.encode(dataset.images)
    files = dataset.metadata()["file"].to_pylist()
    for one, z in zip(found, (there[3], linear_model.latents(1, 4)[0]), strict=True):
        distances = np.linalg.norm(there - z, axis=1)
        assert [near["row"] for near in one["latent"]] == distances.argsort()[:3].tolist()
        assert [near["distance"] for near in one["latent"]] == pytest.approx(np.sort(distances)[:3], abs=1e-3)
        assert [near["file"] for near in one["latent"]] == [files[near["row"]] for near in one["latent"]]
    assert found[0]["latent"][0]["row"] == found[0]["feature"][0]["row"] == 3, "a photo is its own nearest neighbour"
    colours = judge.features(dataset.images)
    seen = judge.features(linear_model.sample(1, 4))[0]
    distances = 1 - colours @ seen / np.linalg.norm(colours, axis=1) / np.linalg.norm(seen)
    assert [near["distance"] for near in found[1]["feature"]] == pytest.approx(np.sort(distances)[:3], abs=1e-5)


def test_what_was_computed_is_kept_until_it_is_of_something_else(dataset: Dataset) -> None:
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
    (kept,) = (dataset.path / "features").iterdir()
    kept.write_bytes(b"PK broken")
    assert np.array_equal(dataset_vectors(dataset, "a" * 64, compute, quiet=True), first)


def test_what_cannot_be_compared_is_one_sentence(linear_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for count in (0, 257):
        with pytest.raises(FacesmithError, match="1 to 256 neighbours"):
            facesmith.neighbours(linear_model, dataset, ["seed:1"], out, count=count)
    with pytest.raises(FacesmithError, match="import the photos with --size 64x64"):
        facesmith.neighbours("drawn64", dataset, ["seed:1"], out, quiet=True)
    assert not out.exists()

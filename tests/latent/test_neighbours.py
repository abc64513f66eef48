import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import facesmith
from facesmith import AttributeClassifier, FacesmithError, Model
from facesmith.data.dataset import Dataset


@pytest.fixture
def dataset(builtin_dataset: Dataset, tmp_path: Path) -> Dataset:
    shutil.copytree(builtin_dataset.path, tmp_path / "faces")
    return facesmith.open_dataset(tmp_path / "faces")


def test_neighbours_are_the_nearest_in_both_spaces(
    linear_model: Model, dataset: Dataset, small_classifier: AttributeClassifier, photo: Path, tmp_path: Path
) -> None:
    classifier = small_classifier
    out = tmp_path / "out"
    faces = facesmith.neighbours(
        linear_model, dataset, [photo, "seed:4"], out, count=3, classifier=classifier, quiet=True
    )
    assert json.loads((out / "neighbours.json").read_text()) == faces
    assert (out / "sheet.png").is_file()
    vectors = linear_model.encode(dataset.images)
    files = dataset.metadata()["file"].to_pylist()
    for face, z in zip(faces, (vectors[3], linear_model.latents(1, 4)[0]), strict=True):
        distances = np.linalg.norm(vectors - z, axis=1)
        assert [item["row"] for item in face["latent"]] == distances.argsort()[:3].tolist()
        assert [item["distance"] for item in face["latent"]] == pytest.approx(np.sort(distances)[:3], abs=1e-3)
        assert [item["file"] for item in face["latent"]] == [files[item["row"]] for item in face["latent"]]
    assert faces[0]["latent"][0]["row"] == faces[0]["feature"][0]["row"] == 3, "a photo is its own nearest neighbour"
    features = classifier.features(dataset.images)
    target = classifier.features(linear_model.sample(1, 4))[0]
    distances = 1 - features @ target / np.linalg.norm(features, axis=1) / np.linalg.norm(target)
    assert [item["distance"] for item in faces[1]["feature"]] == pytest.approx(np.sort(distances)[:3], abs=1e-5)


def test_an_invalid_comparison_is_refused(linear_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for count in (0, 257):
        with pytest.raises(FacesmithError, match=f"count {count}: .*1 to 256"):
            facesmith.neighbours(linear_model, dataset, ["seed:1"], out, count=count)
    with pytest.raises(FacesmithError, match="import the photos with --size 64x64"):
        facesmith.neighbours("drawn64", dataset, ["seed:1"], out, quiet=True)
    assert not out.exists()

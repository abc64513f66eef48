import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError
from facesmith.latent.face_map.build import map_faces
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.model import Model


def arrays_of(out: Path) -> dict[str, np.ndarray]:
    with np.load(out / "coordinates.npz", allow_pickle=False) as file:
        return dict(file)


def test_the_card_of_a_map_names_its_sources(
    small_map: Path, model_with_encoder: Model, builtin_dataset: Dataset
) -> None:
    card = json.loads((small_map / "map.json").read_text())
    assert (card["format"], card["version"]) == ("facesmith-map", 1)
    assert (card["count"], card["of"], card["seed"]) == (200, 256, 3)
    assert card["dataset"]["fingerprint"] == builtin_dataset.fingerprint
    assert (card["model"]["digest"], card["model"]["encoder"]) == (model_with_encoder.digest, "fixed")
    assert card["layouts"] == ["latents_pca_2d", "latents_pca_3d", "latents_pca_sphere"]
    assert card["photos"] == ["seed:7"]


def test_the_arrays_of_a_map_belong_to_its_rows(
    small_map: Path, model_with_encoder: Model, builtin_dataset: Dataset
) -> None:
    arrays = arrays_of(small_map)
    rows = arrays["rows"]
    assert (np.diff(rows) > 0).all()
    assert len(rows) == 200
    np.testing.assert_allclose(arrays["latents"], model_with_encoder.encode(builtin_dataset.images[rows]), atol=1e-5)
    np.testing.assert_array_equal(arrays["photos_latents"], model_with_encoder.latents(1, seed=7))
    assert arrays["latents_neighbours"].shape == (200, 12)
    assert arrays["latents_pca_3d"].shape == (200, 3)
    assert arrays["photos_latents_pca_sphere"].shape == (1, 3)
    names, truth = builtin_dataset.attributes, builtin_dataset.attribute_values()
    with (small_map / "labels.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["row"]) for line in lines] == rows.tolist()
    assert [[line[name] for name in names] for line in lines] == [
        [{1: "1", 0: "0", -1: ""}[value] for value in row] for row in truth[rows].tolist()
    ]


def test_a_map_is_determined_by_its_seed(
    small_map: Path, model_with_encoder: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    def build(name: str, seed: int) -> Path:
        return map_faces(
            model_with_encoder, builtin_dataset, tmp_path / name, count=200, methods=["pca"], seed=seed, quiet=True
        )

    first, equal, other_seed = (arrays_of(path) for path in (small_map, build("a", 3), build("b", 4)))
    for name in ("rows", "latents", "latents_pca_2d", "latents_neighbours"):
        np.testing.assert_array_equal(first[name], equal[name])  # though a photo was placed on the first
    assert not np.array_equal(first["rows"], other_seed["rows"])


def test_a_classifier_adds_a_second_map(
    model_with_encoder: Model, small_classifier: AttributeClassifier, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    out = map_faces(
        model_with_encoder,
        builtin_dataset,
        tmp_path / "m",
        count=30,
        methods=["pca"],
        classifier=small_classifier.path,
        quiet=True,
    )
    arrays = arrays_of(out)
    np.testing.assert_array_equal(arrays["features"], small_classifier.features(builtin_dataset.images[arrays["rows"]]))
    assert arrays["features_pca_3d"].shape == (30, 3)
    assert (out / "projector" / "features.tsv").exists()
    assert json.loads((out / "map.json").read_text())["classifier"] == small_classifier.digest


def test_an_invalid_map_is_refused(
    model_with_encoder: Model, small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    with pytest.raises(FacesmithError, match="has no encoder"):
        map_faces(small_model, builtin_dataset, out, methods=["pca"], quiet=True)
    with pytest.raises(FacesmithError, match="15 faces are too few"):
        map_faces(model_with_encoder, builtin_dataset, out, count=15, methods=["pca"], quiet=True)
    with pytest.raises(FacesmithError, match="60,000 faces are too many"):
        map_faces(model_with_encoder, builtin_dataset, out, count=60_000, methods=["pca"], quiet=True)
    with pytest.raises(FacesmithError, match="'nothing.jpg' does not exist|nothing.jpg does not exist"):
        map_faces(model_with_encoder, builtin_dataset, out, methods=["pca"], photos=["nothing.jpg"], quiet=True)
    large = import_dataset("builtin:20", tmp_path / "large", size="40x48", quiet=True)
    with pytest.raises(FacesmithError, match=r"40x48.* 32x32: import .* --size 32x32"):
        map_faces(model_with_encoder, large, out, methods=["pca"], quiet=True)
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FacesmithError, match="already exists"):
        map_faces(model_with_encoder, builtin_dataset, out, methods=["pca"], quiet=True)
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == ["new"]


def test_the_map_command_prints_the_page(model_with_encoder: Model, builtin_dataset: Dataset, tmp_path: Path) -> None:
    paths = [str(model_with_encoder.path), str(builtin_dataset.path), "--out", str(tmp_path / "m")]
    options = ["--count", "20", "--methods", "pca", "--photo", "seed:1", "--quiet"]
    result = CliRunner().invoke(root, ["map", *paths, *options])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "m" / "map.html") in result.output
    assert f"tensorboard --logdir {tmp_path / 'm'}" in result.output

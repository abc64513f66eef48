import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.data.held_out import held_out_mask
from facesmith.latent.direction_fit import fit_directions
from facesmith.models.directions import KINDS, read_directions
from facesmith.models.folder import INCLUDED_FOLDER
from facesmith.terms import NON_COMMERCIAL


class Brightness:
    """A classifier whose answers are known: how likely a face is bright above, and bright below."""

    attributes: Sequence[str] = ("Bright_Top", "Bright_Bottom", "Never")
    digest = "brightness"
    terms = NON_COMMERCIAL

    def label(self, pictures: np.ndarray) -> np.ndarray:
        halves = pictures.reshape(len(pictures), 2, -1).mean(2)
        likely = 1 / (1 + np.exp(-(halves - MIDDLES) / 4))
        return np.column_stack([likely, np.zeros(len(likely))]).astype(np.float32)


MIDDLES = np.array([150.0, 150.0])


@pytest.fixture(scope="module")
def judged(linear_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    out = tmp_path_factory.mktemp("judged") / "model"
    return fit_directions(linear_model, classifier=bright(), count=2000, out=out, quiet=True)


def bright() -> Any:
    return Brightness()


def test_streamed_directions_equal_directions_of_all_latents(
    directed_model: Model, linear_model: Model, builtin_dataset: Dataset
) -> None:
    z, is_held_out = linear_model.encode(builtin_dataset.images), held_out_mask(builtin_dataset)
    names, labels = builtin_dataset.attributes, builtin_dataset.attribute_values()
    directions = directed_model.directions
    assert directions.about["faces"] == (~is_held_out).sum()
    assert directions.about["held_out"] == is_held_out.sum()
    assert len(directions.names) >= 5
    for name in directions.names:
        has = labels[~is_held_out, names.index(name)] == 1
        assert min(has.sum(), (~has).sum()) >= 10
        gap = z[~is_held_out][has].mean(0) - z[~is_held_out][~has].mean(0)
        assert np.allclose(directions.vector(name, "mean"), gap, atol=1e-5)
        for kind in KINDS:
            row = directions.names.index(name)
            assert directions.normals[row] @ directions.vector(name, kind) == pytest.approx(1, abs=1e-4)


def test_directions_can_be_fitted_with_a_classifier(judged: Model) -> None:
    """Edits along the directions do what the classifier was asked about, and less of the other half."""
    assert judged.terms == NON_COMMERCIAL, "the stricter terms of the model and the classifier"
    z = judged.latents(64, seed=5)
    before = judged.generate(z).reshape(64, 2, -1).mean(2)
    gained = {}
    for kind in ("boundary", "orthogonal"):
        after = judged.generate(judged.directions.apply(z, {"bright_top": 2}, kind)).reshape(64, 2, -1).mean(2)
        gained[kind] = (after - before).mean(0)
    assert gained["orthogonal"][0] > 3
    assert gained["orthogonal"][1] / gained["orthogonal"][0] < gained["boundary"][1] / gained["boundary"][0]
    assert judged.directions.names == ["Bright_Top", "Bright_Bottom"], "an attribute no face has gets no direction"


def test_probabilities_are_calibrated_for_encoded_faces(judged: Model) -> None:
    pictures = judged.sample(1000, seed=6)
    probabilities = judged.directions.probabilities(judged.encode(pictures))
    truth = bright().label(pictures)[:, :2]
    assert np.abs(probabilities.mean(0) - truth.mean(0)).max() < 0.05
    assert np.corrcoef(probabilities[:, 0], truth[:, 0])[0, 1] > 0.7
    low, high = probabilities[:, 0] < 0.3, probabilities[:, 0] > 0.7
    assert truth[low, 0].mean() < 0.35
    assert truth[high, 0].mean() > 0.65


def test_saved_directions_are_loaded_and_verified(judged: Model, tmp_path: Path) -> None:
    loaded = facesmith.load(judged.path).directions
    for kind in KINDS:
        assert np.array_equal(loaded.moves[kind], judged.directions.moves[kind])
    assert loaded.about == judged.card["directions"]
    assert judged.name == judged.path.name
    card = dict(judged.card) | {"encoder": {"digest": "another"}}
    with pytest.raises(FacesmithError, match="different encoder"):
        read_directions(judged.path, card)
    copy = tmp_path / "copy"
    shutil.copytree(judged.path, copy)
    data = bytearray((copy / "directions.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "directions.safetensors").write_bytes(data)
    with pytest.raises(FacesmithError, match="fit the directions again"):
        _ = facesmith.load(copy).directions


def test_fit_directions_updates_a_local_model(linear_model: Model, builtin_dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(linear_model.path, folder)
    old_card = json.loads((folder / "model.json").read_text())
    model = fit_directions(folder, builtin_dataset, quiet=True)
    new_card = json.loads((folder / "model.json").read_text())
    assert model.path == folder
    assert {**new_card, "directions": None} == {**old_card, "directions": None}
    assert not list(folder.glob(".*")), "nothing half-written is left"


def test_included_and_cached_models_are_not_modified(linear_model: Model, tmp_path: Path) -> None:
    shipped = {path: path.read_bytes() for path in (INCLUDED_FOLDER / "drawn64").iterdir()}
    with pytest.raises(FacesmithError, match="--out NEW_MODEL"):
        fit_directions("drawn64", classifier=bright(), quiet=True)
    linked = tmp_path / "linked"  # as the hub's client keeps what it has downloaded
    linked.mkdir()
    for file in linear_model.path.iterdir():
        (linked / file.name).symlink_to(file)
    with pytest.raises(FacesmithError, match="--out NEW_MODEL"):
        fit_directions(linked, classifier=bright(), quiet=True)
    assert {path: path.read_bytes() for path in (INCLUDED_FOLDER / "drawn64").iterdir()} == shipped


def test_invalid_arguments_of_fit_directions_are_refused(
    linear_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    with pytest.raises(FacesmithError, match="pass a dataset with attributes"):
        fit_directions(linear_model, out=out, quiet=True)
    with pytest.raises(FacesmithError, match="has no encoder"):
        card = {key: value for key, value in linear_model.card.items() if key != "encoder"}
        blind = Model(linear_model.path, card, "onnx")
        fit_directions(blind, builtin_dataset, out=out, quiet=True)
    with pytest.raises(FacesmithError, match="did you mean Bright_Top"):
        fit_directions(linear_model, classifier=bright(), orthogonal_to=("bright_tip",), out=out, quiet=True)
    with pytest.raises(FacesmithError, match="at least 10 with an attribute"):
        fit_directions(linear_model, classifier=bright(), count=12, out=out, quiet=True)
    with pytest.raises(FacesmithError, match="already exists"):
        fit_directions(linear_model, classifier=bright(), out=linear_model.path, quiet=True)
    with pytest.raises(FacesmithError, match="facesmith directions MODEL DATASET"):
        _ = linear_model.directions
    assert not out.exists()

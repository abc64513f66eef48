import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith import FacesmithError, Model, load, open_dataset
from facesmith.data.dataset import Dataset
from facesmith.metrics.evaluate import evaluate
from facesmith.metrics.scores import Scores
from facesmith.models.front_matter import strip_front_matter


@pytest.fixture(scope="module")
def dataset(builtin_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A copy in which features may be kept."""
    return open_dataset(shutil.copytree(builtin_dataset.path, tmp_path_factory.mktemp("evaluate") / "faces"))


@pytest.fixture(scope="module")
def scores(small_model: Model, dataset: Dataset) -> Scores:
    return evaluate(small_model, dataset, count=40, seed=2, quiet=True)


def test_scores_include_every_metric_and_the_protocol(scores: Scores, small_model: Model, dataset: Dataset) -> None:
    assert scores.fid > 0
    assert scores.kid > 3 * scores.kid_spread > 0, "so young a model is far from the real faces"
    assert 0 <= scores.precision <= 1
    assert 0 <= scores.recall <= 1
    assert 0 < scores.diversity < 2
    text = str(scores)
    for part in ("FID", "KID x1000", "precision", "recall", "diversity", "efficientnet-lite0", "579344248a93", "40 ",
                 "128x128", "crop fit", "every split", "seed 2", "truncation 1", dataset.fingerprint[:12]):  # fmt: skip
        assert part in text
    assert scores.protocol["model"] == small_model.digest
    assert json.loads(json.dumps(scores.as_json(), allow_nan=False))["protocol"]["count"] == 40


def test_evaluation_is_repeatable(scores: Scores, small_model: Model, dataset: Dataset) -> None:
    assert evaluate(str(small_model.path), dataset.path, count=40, seed=2, quiet=True) == scores
    assert evaluate(small_model, dataset, count=40, seed=3, quiet=True).fid != scores.fid


def test_one_repeated_face_has_no_diversity(small_model: Model, dataset: Dataset) -> None:
    result = evaluate(small_model, dataset, count=20, truncation=0, quiet=True)
    assert result.diversity < 1e-3
    assert result.recall == 0


def test_saved_scores_are_in_the_card_and_the_readme(small_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    path = shutil.copytree(small_model.path, tmp_path / "model")
    old_readme = (path / "README.md").read_text()
    evaluate(path, dataset, count=20, save=True, quiet=True)
    newer = evaluate(path, dataset, count=24, save=True, quiet=True)
    truncated = evaluate(path, dataset, count=20, truncation=0.5, save=True, quiet=True)
    card = json.loads((path / "model.json").read_text())
    assert card["scores"] == [newer.as_json(), truncated.as_json()], "the second took the place of the first"
    assert load(path).digest == small_model.digest
    new_readme = (path / "README.md").read_text()
    assert f"{newer.fid:.2f}" in new_readme
    assert f'"value": {newer.fid}' in new_readme, "the front matter lists the scores for the hub"
    assert "truncation 0.5" in new_readme
    parts = [text.partition("## Scores\n") for text in map(strip_front_matter, (old_readme, new_readme))]
    assert parts[0][0] == parts[1][0]
    assert parts[0][2].partition("\n## ")[2] == parts[1][2].partition("\n## ")[2] != ""


def test_evaluate_writes_the_memorisation_sheet(small_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "evaluation"
    result = evaluate(small_model, dataset, count=16, split="train", against=dataset, out=out, quiet=True)
    assert result.memorisation is not None
    assert result.memorisation["sentence"] in str(result)
    assert sorted(path.name for path in out.iterdir()) == ["memorisation.png", "scores.json"]
    with Image.open(out / "memorisation.png") as sheet:
        assert np.asarray(sheet).std() > 0
    assert json.loads((out / "scores.json").read_text()) == result.as_json()


def test_an_invalid_comparison_is_refused(small_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    larger = Dataset(dataset.path, dataset.card | {"size": [48, 32]}, dataset.images)
    with pytest.raises(FacesmithError, match="generates 32x32 faces, but .* contains 48x32"):
        evaluate(small_model, larger, quiet=True)
    with pytest.raises(FacesmithError, match="invalid count 3"):
        evaluate(small_model, dataset, count=3, quiet=True)
    with pytest.raises(FacesmithError, match="invalid seed -1"):
        evaluate(small_model, dataset, seed=-1, quiet=True)
    with pytest.raises(FacesmithError, match="requires a folder for its sheet"):
        evaluate(small_model, dataset, against=dataset, quiet=True)
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FacesmithError, match="is a file"):
        evaluate(small_model, dataset, out=tmp_path / "taken", quiet=True)


def test_any_two_sets_are_compared(small_model: Model, dataset: Dataset, tmp_path: Path) -> None:
    folders = {}
    for name, images in (("faces", small_model.sample(40)), ("photos", np.asarray(dataset.images[:40]))):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(folders[name] / f"{number:03d}.png")
    result = evaluate(folders["faces"], folders["photos"], quiet=True)
    assert result.protocol["count"] == 40
    assert result.protocol["compared_name"] == "faces"
    assert "40 of the 40 32x32 images from faces" in str(result)
    same = evaluate(folders["photos"], folders["photos"], quiet=True)
    assert same.fid == pytest.approx(0, abs=1e-3)
    assert (same.precision, same.recall) == (1, 1)
    halves = evaluate(dataset, dataset.path, count=30, quiet=True)
    assert halves.fid == pytest.approx(0, abs=1e-3)
    mixed = evaluate(small_model, folders["photos"], count=30, quiet=True)
    assert mixed.protocol["model"] == small_model.digest
    with pytest.raises(FacesmithError, match="cannot be saved"):
        evaluate(folders["faces"], dataset, save=True, quiet=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FacesmithError, match="contains no photos"):
        evaluate(tmp_path / "empty", tmp_path / "empty", quiet=True)

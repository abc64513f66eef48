from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import facesmith
from facesmith import FacesmithError, Model
from facesmith.data.dataset import Dataset
from facesmith.models.front_matter import add_front_matter, model_fields, strip_front_matter
from facesmith.terms import NON_COMMERCIAL

SCORE = {"fid": 80.0, "kid": 0.05, "kid_spread": 0.01, "precision": 0.6, "recall": 0.1, "diversity": 0.9,
         "protocol": {"features": "efficientnet-lite0", "count": 5000, "dataset_name": "CelebA"}}  # fmt: skip

# Of huggingface_hub's own upload.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def front_matter(text: str) -> Any:
    return yaml.safe_load(text.split("---\n")[1])


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")


def test_a_pushed_model_is_loaded_by_its_name_and_revision(hub: Any, small_model: Model) -> None:
    assert facesmith.push(small_model.path, "someone/faces", quiet=True).endswith("/someone/faces")
    files = hub.files["someone/faces"]
    assert files["generator.onnx"] == small_model.folder.onnx.read_bytes()
    fields = front_matter(files["README.md"].decode())
    assert (fields["library_name"], fields["pipeline_tag"]) == ("facesmith", "unconditional-image-generation")
    assert (fields["license"], "gan" in fields["tags"]) == ("other", True)
    model = facesmith.load("someone/faces")
    assert model.digest == small_model.digest
    assert np.array_equal(model.sample(2), small_model.sample(2))
    facesmith.push(small_model.path, "someone/faces", revision="v2", quiet=True)
    assert facesmith.load("someone/faces@v2").digest == small_model.digest
    with pytest.raises(FacesmithError, match="someone/faces@v3 was not found"):
        facesmith.load("someone/faces@v3")


def contents(dataset: Dataset, attributes: list[str]) -> list[tuple[bytes, bytes]]:
    """Return images and labels in an order of their own: the export sorts them by split."""
    labels = dataset.labels()[:, [dataset.attributes.index(name) for name in attributes]]
    return sorted((image.tobytes(), row.tobytes()) for image, row in zip(dataset.images, labels, strict=True))


def test_a_pushed_dataset_is_imported_again(hub: Any, builtin_dataset: Dataset, tmp_path: Path) -> None:
    facesmith.push(builtin_dataset.path, "someone/drawn", private=True, quiet=True)
    created = hub.created["someone/drawn"]
    assert created["type"] == "dataset"
    assert "private" in (created.get("visibility"), *(["private"] if created.get("private") else []))
    assert {"README.md", "data/train-00000.parquet"} <= set(hub.files["someone/drawn"])
    assert front_matter(hub.files["someone/drawn"]["README.md"].decode())["license"] == "other"
    options: dict[str, Any] = {"size": "32", "crop": "none", "workers": 1, "quiet": True}
    for revision in ("", "@main"):
        copy = facesmith.import_dataset(f"hf:someone/drawn{revision}", tmp_path / f"copy{revision}", **options)
        assert contents(copy, copy.attributes) == contents(builtin_dataset, copy.attributes)
        assert copy.attributes
    with pytest.raises(FacesmithError, match="this revision of someone/drawn was not found"):
        facesmith.import_dataset("hf:someone/drawn@none", tmp_path / "none", **options)


def test_a_pushed_set_of_faces_is_imported_again(
    hub: Any, small_model: Model, builtin_dataset: Dataset, tmp_path: Path
) -> None:
    faces = facesmith.generate(small_model, tmp_path / "faces", count=6, layout="parquet", quiet=True)
    facesmith.push(faces, "someone/synthetic", quiet=True)
    assert set(hub.files["someone/synthetic"]) - {".gitattributes"} == {"README.md", "data/train-00000.parquet"}
    copy = facesmith.import_dataset(
        "hf:someone/synthetic", tmp_path / "copy", size=small_model.size[0], workers=1, quiet=True
    )
    assert np.array_equal(copy.images, small_model.sample(6))
    assert copy.terms == small_model.terms
    exported = facesmith.export_dataset(builtin_dataset, tmp_path / "exported", quiet=True)
    with pytest.raises(FacesmithError, match="push the dataset itself"):
        facesmith.push(exported, "someone/photos", quiet=True)


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"kind": "celeba", "name": "CelebA", "credit": None}, "terms": None},
        {"terms": NON_COMMERCIAL, "made_with": [{"count": 1}]},  # exported and imported again, one of them edited
    ],
)
def test_photos_of_celeba_are_only_pushed_as_private(
    hub: Any, builtin_dataset: Dataset, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    card = builtin_dataset.card | change
    celeba = Dataset(builtin_dataset.path, card, builtin_dataset.images)
    monkeypatch.setattr("facesmith.models.hub_upload.open_dataset", lambda path: celeba)
    with pytest.raises(FacesmithError, match="may not be published"):
        facesmith.push(builtin_dataset.path, "someone/photos", quiet=True)
    assert hub.created == {}


def test_what_cannot_be_pushed_is_refused(
    hub: Any, small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FacesmithError, match="does not exist"):
        facesmith.push(tmp_path / "nothing", "someone/faces")
    with pytest.raises(FacesmithError, match=r"dataset\.json"):
        facesmith.push(tmp_path, "someone/faces")
    for name in ("faces", "someone/faces@v2", "https://hub/someone/faces"):
        with pytest.raises(FacesmithError, match="OWNER/NAME"):
            facesmith.push(small_model.path, name)
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(FacesmithError, match="hf auth login"):
        facesmith.push(small_model.path, "someone/faces", quiet=True)


def test_scores_are_the_model_index(small_model: Model) -> None:
    fields = model_fields("generator", small_model.card | {"scores": [SCORE]})
    text = add_front_matter("# Title\n", fields)
    (entry,) = front_matter(text)["model-index"]
    (result,) = entry["results"]
    assert result["dataset"]["name"] == "CelebA"
    assert {metric["type"]: metric["value"] for metric in result["metrics"]}["fid"] == 80.0
    assert strip_front_matter(add_front_matter(text, fields)) == "# Title\n"


@pytest.mark.parametrize("name", ["drawn64", "celeba64"])
def test_included_models_have_front_matter(name: str) -> None:
    folder = facesmith.load(name, quiet=True).folder
    text = folder.readme.read_text(encoding="utf-8")
    assert front_matter(text)["library_name"] == "facesmith"
    assert folder.read_readme().startswith(f"# {name}\n")

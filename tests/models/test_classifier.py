import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.models.classifier import AttributeClassifier
from facesmith.models.folder import INCLUDED_FOLDER, included_classifiers


def test_a_classifier_folder_documents_its_accuracy(
    small_classifier: AttributeClassifier, builtin_dataset: Dataset
) -> None:
    assert {path.name for path in small_classifier.path.iterdir()} == {
        "classifier.json",
        "classifier.safetensors",
        "classifier.onnx",
        "README.md",
    }
    card = small_classifier.card
    assert (card["format"], card["version"], card["size"]) == ("facesmith-classifier", 1, [32, 32])
    assert small_classifier.attributes == builtin_dataset.attributes
    assert card["accuracy"].keys() == card["base_rates"].keys() == set(small_classifier.attributes)
    assert card["trained"]["score"]["accuracy"] == pytest.approx(np.mean(list(card["accuracy"].values())), abs=1e-4)
    assert card["onnx_parity"] < 1e-3
    assert card["learned_from"] + card["held_out"] == 256
    readme = (small_classifier.path / "README.md").read_text()
    assert "dicebear" in readme.lower(), "who drew the faces is credited"
    assert f"| {small_classifier.attributes[0]} |" in readme


def test_labels_of_a_face_do_not_depend_on_the_batch(
    small_classifier: AttributeClassifier, builtin_dataset: Dataset
) -> None:
    faces = np.asarray(builtin_dataset.images[:40])
    labels, features = small_classifier.label(faces), small_classifier.features(faces)
    assert labels.shape == (40, len(small_classifier.attributes))
    assert features.shape == (40, 8)
    assert labels.dtype == features.dtype == np.float32
    assert ((labels > 0) & (labels < 1)).all()
    assert (features >= 0).all()
    for place in (0, 17, 39):
        assert np.allclose(small_classifier.label(faces[place]), labels[place], atol=1e-6)
        assert np.allclose(small_classifier.features(faces[place : place + 1]), features[place], atol=1e-5)
    assert len(small_classifier.label(faces[:0])) == 0


def test_labels_are_equal_for_the_mirrored_face(
    small_classifier: AttributeClassifier, builtin_dataset: Dataset
) -> None:
    faces = np.asarray(builtin_dataset.images[:16])
    mirrored = np.ascontiguousarray(faces[:, :, ::-1])
    assert not np.array_equal(faces, mirrored)
    assert np.allclose(small_classifier.label(faces), small_classifier.label(mirrored), atol=1e-6)


def test_the_card_records_the_accuracy(small_classifier: AttributeClassifier, builtin_dataset: Dataset) -> None:
    """Measured again, by the file that is used, on the pictures that were held out."""
    from facesmith.data.held_out import held_out_mask

    is_held_out = held_out_mask(builtin_dataset)
    labels = builtin_dataset.attribute_values()
    accuracy = (
        (small_classifier.label(np.asarray(builtin_dataset.images[is_held_out])) > small_classifier.thresholds)
        == (labels[is_held_out] == 1)
    ).mean(0)
    expected = [small_classifier.card["accuracy"][name] for name in small_classifier.attributes]
    assert np.abs(accuracy - expected).max() < 1.5 / is_held_out.sum(), "but for a face on the very edge"


def test_half_precision_halves_both_files(small_classifier: AttributeClassifier, tmp_path: Path) -> None:
    half = facesmith.export(small_classifier.path.parent / "run", tmp_path / "half", half=True)
    assert half.card["weights"] == "float16"
    for name in ("classifier.safetensors", "classifier.onnx"):  # the graph is not halved, and not small here
        assert (half.path / name).stat().st_size < 0.8 * (small_classifier.path / name).stat().st_size, name


def test_inference_needs_no_torch(small_classifier: AttributeClassifier) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import facesmith, numpy as np\n"
        f"judge = facesmith.load_classifier({str(small_classifier.path)!r})\n"
        "print(judge.label(np.zeros((2, 32, 32, 3), np.uint8)).shape[1])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) == len(small_classifier.attributes)


def test_an_invalid_classifier_or_input_is_refused(
    small_classifier: AttributeClassifier, small_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(FacesmithError, match="does not exist.*: train one"):
        facesmith.load_classifier(tmp_path / "none")
    with pytest.raises(FacesmithError, match=r"has no classifier\.json"):
        facesmith.load_classifier(small_run)
    with pytest.raises(FacesmithError, match=r"\(N, 32, 32, 3\), not uint8 of \(1, 16, 16, 3\)"):
        small_classifier.label(np.zeros((1, 16, 16, 3), np.uint8))
    broken = tmp_path / "broken"
    shutil.copytree(small_classifier.path, broken)
    (broken / "classifier.onnx").write_bytes(b"")
    with pytest.raises(FacesmithError, match="cannot be loaded"):
        facesmith.load_classifier(broken)
    card = json.loads((broken / "classifier.json").read_text())
    (broken / "classifier.json").write_text(json.dumps(card | {"version": 99}))
    with pytest.raises(FacesmithError, match="version 99"):
        facesmith.load_classifier(broken)


def test_the_included_classifier_is_complete_and_recognises_generated_faces() -> None:
    for name in included_classifiers():
        files = {path.name for path in (INCLUDED_FOLDER / name).iterdir()}
        assert files == {"classifier.json", "classifier.onnx", "classifier.safetensors", "README.md", "LICENSE.txt"}
    classifier = facesmith.load_classifier("celeba-classifier", quiet=True)
    model = facesmith.load("celeba64", quiet=True)
    latents = model.latents(64, seed=1)
    share = {
        strength: (classifier.label(model.generate(model.directions.apply(latents, {"Smiling": strength})))
                   [:, classifier.attributes.index("Smiling")] > 0.5).mean()
        for strength in (-1.5, 1.5)
    }  # fmt: skip
    assert share[1.5] > share[-1.5] + 0.5


def test_a_classifier_takes_multiples_of_its_size(
    small_classifier: AttributeClassifier, builtin_dataset: Dataset
) -> None:
    images = np.asarray(builtin_dataset.images[:3])
    twice = images.repeat(2, 1).repeat(2, 2)
    assert np.array_equal(small_classifier.label(twice), small_classifier.label(images))
    noise = np.zeros((3, 2, 2, 1), np.int16)
    noise[:, 0], noise[:, 1] = 1, -1  # the mean of each block stays
    varied = np.clip(twice.astype(np.int16) + np.tile(noise, (1, 32, 32, 1)), 0, 255).astype(np.uint8)
    assert np.allclose(small_classifier.features(varied), small_classifier.features(images), atol=0.05)
    assert [small_classifier.takes(size) for size in [(32, 32), (96, 96), (48, 48), (64, 32)]] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(FacesmithError, match="48"):
        small_classifier.label(np.zeros((1, 48, 48, 3), np.uint8))

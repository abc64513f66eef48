"""A dataset labelled by a classifier has the same images and the predicted labels."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import facesmith
from facesmith.cli import facesmith as root
from facesmith.data.dataset import Dataset
from facesmith.errors import FacesmithError

ATTRIBUTES = ["Reddish", "Bluish", "Smiling"]  # red and blue of the mean colour above 0.1 and 0.3; always


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier folder of version 0.1 whose network computes the mean colour of 32 x 32 images."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder = tmp_path_factory.mktemp("judge") / "eye"
    folder.mkdir()
    weights = np.array([[20, 0, 0], [0, 0, 0], [0, 20, 0]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
            helper.make_node("Gemm", ["features", "w", "b"], ["logits"]),
        ],
        "classifier",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3]),
        ],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([-2, 0, 5], np.float32), "b"),
        ],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "judge.onnx"
    )
    card = {"format": "facesmith-judge", "version": 1, "name": "eye", "attributes": ATTRIBUTES, "digest": "0" * 64,
            "thresholds": [0.5, 1 / (1 + np.exp(-6)), 0.5]}  # fmt: skip
    network = {"size": [32, 32], "feature_size": 3}
    (folder / "judge.json").write_text(json.dumps({**card, "size": [32, 32], "network": network}))
    return folder


@pytest.fixture
def faces(builtin_dataset: Dataset, classifier: Path, tmp_path: Path) -> Dataset:
    """Return a copy of the built-in faces on a file system where hard links are possible."""
    return facesmith.open_dataset(shutil.copytree(builtin_dataset.path, tmp_path / "faces"))


def test_images_get_the_labels_of_the_classifier(faces: Dataset, classifier: Path, tmp_path: Path) -> None:
    labelled = facesmith.label(faces, tmp_path / "made", classifier, replace=True, quiet=True)
    colours = faces.images.mean((1, 2)) / 127.5 - 1
    table = labelled.metadata().to_pydict()
    assert (np.array(table["Reddish"]) == (colours[:, 0] >= 0.1)).all()
    assert (np.array(table["Bluish"]) == (colours[:, 2] >= 0.3)).all()
    assert 0 < sum(table["Reddish"]) < 256
    assert 0 < sum(table["Bluish"]) < 256
    assert all(table["Smiling"])
    assert (labelled.images == faces.images).all()
    assert labelled.card["labelled"]["judge"] == "eye"
    assert labelled.card["labelled"]["replaced"] == ["Smiling"]
    assert set(labelled.attributes) == {*faces.attributes, *ATTRIBUTES}
    assert labelled.card["attributes"] == [name for name in table if name not in ("file", "split", "identity")]
    table_before = faces.metadata()
    assert table["Eyeglasses"] == table_before["Eyeglasses"].to_pylist()
    assert table["split"] == table_before["split"].to_pylist()


def test_the_fingerprint_depends_on_pixels_and_rows_only(faces: Dataset, classifier: Path, tmp_path: Path) -> None:
    labelled = facesmith.label(faces, tmp_path / "made", classifier, replace=True, quiet=True)
    assert labelled.fingerprint != faces.fingerprint
    repeat = facesmith.label(labelled, tmp_path / "again", classifier, replace=True, quiet=True)
    assert repeat.fingerprint == labelled.fingerprint


def test_the_old_keyword_is_accepted_with_a_notice(faces: Dataset, classifier: Path, tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="judge is now classifier"):
        labelled = facesmith.label(faces, tmp_path / "made", judge=classifier, replace=True, quiet=True)
    assert set(ATTRIBUTES) <= set(labelled.attributes)


def test_existing_attributes_are_refused_without_replace(faces: Dataset, classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="already has Smiling: .*--replace"):
        facesmith.label(faces, tmp_path / "made", classifier, quiet=True)
    assert not (tmp_path / "made").exists()


def test_images_of_another_size_are_refused(classifier: Path, tmp_path: Path) -> None:
    small = facesmith.import_dataset("builtin:4", tmp_path / "small", size=16, quiet=True)
    with pytest.raises(FacesmithError, match="16x16.* eye .*--size 32x32"):
        facesmith.label(small, tmp_path / "made", classifier, quiet=True)


def test_larger_images_are_reduced_for_the_classifier(classifier: Path, tmp_path: Path) -> None:
    large = facesmith.import_dataset("builtin:4", tmp_path / "large", size=64, quiet=True)
    labelled = facesmith.label(large, tmp_path / "made", classifier, replace=True, quiet=True)
    expected = facesmith.load_classifier(classifier).label(large.images)[:, 0] >= 0.5
    assert (labelled.labels()[:, labelled.attributes.index("Reddish")] == expected).all()
    assert labelled.size == (64, 64)


def test_the_pixels_are_stored_once(faces: Dataset, classifier: Path, tmp_path: Path) -> None:
    facesmith.label(faces, tmp_path / "made", classifier, replace=True, quiet=True)
    assert (tmp_path / "made" / "images.npy").samefile(faces.path / "images.npy")


@pytest.mark.parametrize("option", ["--classifier", "--judge"])  # --judge is the name of version 0.1
def test_the_command_labels_and_accepts_the_old_option(
    faces: Dataset, classifier: Path, tmp_path: Path, option: str
) -> None:
    arguments = [
        "data",
        "label",
        str(faces.path),
        str(tmp_path / "made"),
        option,
        str(classifier),
        "--replace",
        "--quiet",
    ]
    result = CliRunner().invoke(root, arguments)
    assert result.exit_code == 0, result.output
    assert re.search(rf"256 images, 3 attributes .*{re.escape(str(classifier))}\n", result.output), result.output
    assert ("--judge is now --classifier" in result.output) == (option == "--judge")

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import facesmith
from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.metrics.identity import nearest_identity
from facesmith.reports.identity_report import sentence


class _Identity:
    """Stands in for SFace: the vector of a face is its mean colour."""

    def landmarks(self, photos: np.ndarray) -> np.ndarray:
        return np.zeros((len(photos), 5, 2), np.float32)

    def vectors(self, faces: np.ndarray, landmarks: np.ndarray, bar: object = None) -> np.ndarray:
        colours = faces.reshape(len(faces), -1, 3).mean(1).astype(np.float32)
        return np.asarray(colours / np.linalg.norm(colours, axis=1, keepdims=True), np.float32)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesmith.reports.identity_report.SFace", _Identity)


def make(folder: Path, images: np.ndarray, identity: list[int] | None = None) -> Dataset:
    from facesmith.data.dataset import new_dataset, open_dataset

    count, height, width, _ = images.shape
    columns = {} if identity is None else {"identity": pa.array(identity, pa.int64())}
    table = pa.table({"file": [f"{row}.png" for row in range(count)], "split": pa.nulls(count, pa.string()), **columns})
    with new_dataset(folder) as writer:
        with writer.images(width, height, count):
            writer.append(images)
        source = {"kind": "folder", "name": "pictures"}
        writer.finish(table, {"name": folder.name, "crop": "none", "resize": "lanczos", "source": source})
    return open_dataset(folder)


def test_copies_of_training_faces_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (90, 1, 1, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    training, held_out = make(tmp_path / "training", images[:60]), make(tmp_path / "held-out", images[60:])
    copies = make(tmp_path / "copies", images[:30])
    page = facesmith.identity_report(copies, held_out, training, tmp_path / "out", count=30, quiet=True)
    facts = json.loads((tmp_path / "out" / "identities.json").read_text())
    assert facts["quantiles"]["generated"]["0.5"] == pytest.approx(1)
    assert facts["quantiles"]["real"]["0.5"] < 1
    assert facts["share"] > 0.9
    assert sentence(facts) in page.read_text()
    strangers = make(tmp_path / "strangers", images[60:])
    facesmith.identity_report(strangers, held_out, training, tmp_path / "out", count=30, quiet=True)
    assert json.loads((tmp_path / "out" / "identities.json").read_text())["share"] <= 0.05


def test_photos_of_the_same_person_do_not_count_as_strangers() -> None:
    vectors = np.eye(3, dtype=np.float32)
    queries = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], np.float32)
    values, rows = nearest_identity(queries, vectors, np.array([7, -1]), np.array([7, 8, -1]))
    assert rows.tolist() == [1, 1], "the first is person 7; of the second nothing is known"
    assert values.tolist() == pytest.approx([0.1, 0.9])


def test_sets_of_other_sizes_are_refused(tmp_path: Path) -> None:
    small = make(tmp_path / "small", np.zeros((9, 8, 8, 3), np.uint8))
    large = make(tmp_path / "large", np.zeros((9, 16, 16, 3), np.uint8))
    with pytest.raises(FacesmithError, match="different size"):
        facesmith.identity_report(small, small, large, tmp_path / "out", quiet=True)

"""Importing ordinary photos with --align: one row a face, who was found where, and who was not."""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facesmith
from facesmith.data.dataset import Dataset, open_dataset
from facesmith.data.sources.builtin import DrawnFace
from facesmith.data.statistics import measure
from facesmith.errors import FacesmithError
from facesmith.images.face_crop import crop_faces


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two friends in one photo, a portrait, a wall and a torn file, with labels."""
    folder = tmp_path_factory.mktemp("aligned") / "photos"
    folder.mkdir()
    faces = [Image.open(BytesIO(DrawnFace("avataaars", 0, index, 256).open())).convert("RGB") for index in (23, 68)]
    friends = Image.new("RGB", (700, 400), (90, 100, 110))
    friends.paste(faces[0].resize((160, 160), Image.Resampling.LANCZOS), (60, 120))
    friends.paste(faces[1], (380, 80))
    friends.save(folder / "friends.png")
    faces[0].save(folder / "portrait.jpg", quality=95)
    Image.new("RGB", (300, 200), (200, 190, 180)).save(folder / "wall.png")
    (folder / "torn.jpg").write_bytes((folder / "portrait.jpg").read_bytes()[:2000])
    rows = ("friends.png,1,7", "portrait.jpg,0,8", "wall.png,1,9", "torn.jpg,1,9")
    (folder / "labels.csv").write_text("\n".join(("file,Smiling,identity", *rows)))
    return folder


@pytest.fixture(scope="module")
def dataset(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    out = tmp_path_factory.mktemp("aligned") / "people"
    return facesmith.import_dataset(photos, out, align=True, crop="center:178", size=48, workers=2, quiet=True)


def test_every_face_is_a_row_with_its_box(dataset: Dataset, photos: Path) -> None:
    table = dataset.metadata().to_pydict()
    assert table["file"] == ["friends.png", "friends.png", "portrait.jpg"]
    assert table["face_index"] == [0, 1, 0]
    assert table["face_x"][0] < table["face_x"][1]
    middle = table["face_x"][1] + table["face_width"][1] / 2, table["face_y"][1] + table["face_height"][1] / 2
    assert middle == pytest.approx((380 + 128, 80 + 120), abs=35)
    assert all(0.7 <= score <= 1 for score in table["face_score"])
    for row, number in enumerate(("0", "1")):
        cropped = crop_faces(photos / "friends.png", dataset.card, faces=number)[0].image
        assert np.abs(dataset.images[row].astype(int) - cropped).max() <= 1


def test_photos_without_a_face_are_named(dataset: Dataset) -> None:
    skipped = {item["file"]: item["reason"] for item in dataset.card["skipped"]}
    assert skipped == {"torn.jpg": "truncated", "wall.png": "no face was found"}
    assert dataset.card["skipped_count"] == 2
    assert dataset.card["alignment"]["frame"] == "celeba-178x218"
    assert len(dataset.card["alignment"]["weights"]) == 64


def test_labels_of_a_photo_apply_to_its_largest_face(dataset: Dataset) -> None:
    names, values = dataset.attributes, dataset.attribute_values()
    assert names == ["Smiling"]
    assert values[:, 0].tolist() == [-1, 1, 0]
    assert dataset.metadata()["identity"].to_pylist() == [None, 7, 8]
    assert measure(dataset, quiet=True).counts.tolist() == [[1, 1, 1]]


def test_an_aligned_zip_equals_the_folder_for_any_workers(dataset: Dataset, photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in photos.iterdir():
            archive.write(path, path.name)
    options = {"align": True, "crop": "center:178", "size": 48, "workers": 1, "quiet": True}
    zipped = facesmith.import_dataset(tmp_path / "photos.zip", tmp_path / "zipped", **options)  # type: ignore[arg-type]
    assert zipped.fingerprint == dataset.fingerprint


def test_where_chooses_photos(photos: Path, tmp_path: Path) -> None:
    imported = facesmith.import_dataset(photos, tmp_path / "one", align=True, where="~Smiling", quiet=True)
    assert imported.metadata()["file"].to_pylist() == ["portrait.jpg"]
    assert imported.size == (64, 64)
    with pytest.raises(FacesmithError, match="no photos with usable faces.* torn.jpg .truncated"):
        facesmith.import_dataset(photos, tmp_path / "none", align=True, where="identity == 9", quiet=True)
    assert not (tmp_path / "none").exists()


def test_detection_does_not_hang_forked_workers(photos: Path, tmp_path: Path) -> None:
    """OpenCV has threads of its own here, and forked workers have not."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        assert facesmith.find_faces(photos / "portrait.jpg")
        assert len(facesmith.import_dataset(photos, tmp_path / "made", align=True, where="~Smiling", quiet=True)) == 1
    finally:
        cv2.setNumThreads(threads)


def test_align_refuses_unsuitable_sources(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesmithError, match="builtin avataaars are already aligned: omit --align"):
        facesmith.import_dataset("builtin:4", tmp_path / "x", align=True, quiet=True)
    with pytest.raises(FacesmithError, match="part of the 178x218"):
        facesmith.import_dataset(photos, tmp_path / "x", align=True, crop="center:200", quiet=True)
    (tmp_path / "img_align_celeba").mkdir()
    Image.new("RGB", (178, 218)).save(tmp_path / "img_align_celeba" / "000001.jpg")
    with pytest.raises(FacesmithError, match="CelebA are already aligned"):
        facesmith.import_dataset(tmp_path / "img_align_celeba", tmp_path / "x", align=True, quiet=True)
    assert not (tmp_path / "x").exists()


def test_a_dataset_without_align_has_no_alignment_card(builtin_dataset: Dataset) -> None:
    assert "alignment" not in open_dataset(builtin_dataset.path).card

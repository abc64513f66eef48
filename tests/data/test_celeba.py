"""CelebA in all the shapes in which it lies on people's disks."""

import csv
import io
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.data.importer import import_dataset
from facesmith.data.sources.celeba import read_attributes
from facesmith.errors import FacesmithError

NAMES = ["Smiling", "5_o_Clock_Shadow", "Male"]  # not sorted: the file's own order must stay
VALUES: list[tuple[int, ...]] = [(1, -1, 1), (-1, -1, -1), (1, 1, 1), (-1, 1, -1), (1, -1, -1)]
SPLITS = [0, 0, 1, 2, 0]
IDENTITIES = [2880, 7, 2880, 9, 1]


def attributes_text() -> str:
    rows = [f"{i + 1:06d}.jpg " + " ".join(f"{v:2d}" for v in values) for i, values in enumerate(VALUES)]
    return "\n".join(["5", " ".join(NAMES) + " ", *rows]) + "\n"


def numbers_text(numbers: list[int]) -> str:
    return "".join(f"{i + 1:06d}.jpg {number}\n" for i, number in enumerate(numbers))


def csv_text(head: list[str], rows: list[tuple[int, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["image_id", *head])
    writer.writerows([f"{i + 1:06d}.jpg", *row] for i, row in enumerate(rows))
    return out.getvalue()


def photos(folder: Path, count: int = 4) -> Path:
    """Photos 1 to ``count`` of the five that the annotations name."""
    folder.mkdir(parents=True)
    for i in range(count):
        noise = np.random.default_rng(i).integers(0, 256, (218, 178, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{i + 1:06d}.jpg", quality=95)
    return folder


def zipped(folder: Path, path: Path, prefix: str, extra_files: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for photo in sorted(folder.iterdir()):
            archive.write(photo, f"{prefix}/{photo.name}")
        for name, text in (extra_files or {}).items():
            archive.writestr(name, text)
    return path


def official(root: Path) -> Path:
    photos(root / "img_align_celeba")
    annotate(root)
    return root


def annotate(root: Path) -> None:
    (root / "list_attr_celeba.txt").write_text(attributes_text())
    (root / "list_eval_partition.txt").write_text(numbers_text(SPLITS))
    (root / "identity_CelebA.txt").write_text(numbers_text(IDENTITIES))


def layout(kind: str, root: Path) -> Path:
    """Lay the same four photos out the way ``kind`` says and return the source to import."""
    kaggle = {
        "list_attr_celeba.csv": csv_text(NAMES, VALUES),
        "list_eval_partition.csv": csv_text(["partition"], [(split,) for split in SPLITS]),
        "identity_CelebA.csv": csv_text(["identity"], [(person,) for person in IDENTITIES]),
    }
    if kind == "folder":
        return official(root / "celeba")
    if kind == "photos beside their annotations":
        return official(root / "celeba") / "img_align_celeba"
    if kind == "drive folders":
        photos(root / "celeba" / "Img" / "img_align_celeba")
        (root / "celeba" / "Anno").mkdir()
        annotate(root / "celeba" / "Anno")
        return root / "celeba"
    if kind == "photos of drive folders":
        return layout("drive folders", root) / "Img" / "img_align_celeba"
    if kind == "photos of kaggle folder":
        return layout("kaggle folder", root) / "img_align_celeba" / "img_align_celeba"
    pictures = photos(root / "loose")
    target = root / "celeba"
    target.mkdir()
    if kind == "kaggle folder":
        nested = target / "img_align_celeba" / "img_align_celeba"
        nested.parent.mkdir()
        pictures.rename(nested)
        for name, text in kaggle.items():
            (target / name).write_text(text)
        return target
    if kind == "kaggle zip":
        return zipped(pictures, target / "archive.zip", "img_align_celeba/img_align_celeba", kaggle)
    if kind == "kaggle files":
        zipped(pictures, target / "img_align_celeba.zip", "img_align_celeba")
        for name, text in kaggle.items():
            with zipfile.ZipFile(target / f"{name}.zip", "w") as archive_file:
                archive_file.writestr(name, text)
        return target
    annotate(target)
    archive = zipped(pictures, target / "img_align_celeba.zip", "img_align_celeba")
    return target if kind == "folder with zip" else archive


@pytest.mark.parametrize(
    "kind",
    [
        "folder",
        "photos beside their annotations",
        "drive folders",
        "photos of drive folders",
        "kaggle folder",
        "photos of kaggle folder",
        "kaggle files",
        "kaggle zip",
        "folder with zip",
        "zip beside its annotations",
    ],
)
def test_every_layout_gives_the_same_dataset(kind: str, tmp_path: Path) -> None:
    dataset = import_dataset(layout(kind, tmp_path), tmp_path / "out", size="32", quiet=True, workers=1)
    table = dataset.metadata()
    assert [Path(file).name for file in table["file"].to_pylist()] == [f"{i:06d}.jpg" for i in range(1, 5)]
    assert table["split"].to_pylist() == ["train", "train", "valid", "test"]
    assert table["identity"].to_pylist() == [2880, 7, 2880, 9]
    assert dataset.attributes == NAMES
    assert dataset.labels().tolist() == [[value > 0 for value in row] for row in VALUES[:4]]
    assert dataset.card["rows_without_image"] == 1
    assert dataset.card["source"]["kind"] == "celeba"
    assert dataset.card["splits"] == {"train": 2, "valid": 1, "test": 1}
    assert len({path.name for path in tmp_path.rglob("*.jpg")}) in (4, 0)  # nothing was unpacked beside the source
    noise = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=95)
    expected = Image.open(buffer).crop((0, 20, 178, 198)).resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(dataset.images[0], np.asarray(expected))


def test_photos_without_annotations_are_imported(tmp_path: Path) -> None:
    root = tmp_path / "img_align_celeba"
    photos(root)
    dataset = import_dataset(root, tmp_path / "out", size="32", quiet=True, workers=1)
    assert len(dataset) == 4
    assert dataset.attributes == []
    assert "identity" not in dataset.metadata().column_names


def test_a_photo_without_annotations_has_unknown_labels(tmp_path: Path) -> None:
    root = official(tmp_path / "celeba")
    (root / "img_align_celeba" / "000001.jpg").rename(root / "img_align_celeba" / "000099.jpg")
    dataset = import_dataset(root, tmp_path / "out", size="32", quiet=True, workers=1)
    last = dataset.metadata().to_pylist()[-1]
    assert last == {
        "file": "img_align_celeba/000099.jpg",
        "split": None,
        "identity": None,
        **dict.fromkeys(NAMES),
    }


def test_other_photos_and_endings_are_matched(tmp_path: Path) -> None:
    """The PNG release, whose annotations name .jpg files, and a photo of another name without annotations."""
    root = official(tmp_path / "celeba")
    for photo in (root / "img_align_celeba").iterdir():
        photo.rename(photo.with_suffix(".png"))
    (root / "img_align_celeba").rename(root / "img_align_celeba_png")
    shutil.copy(root / "img_align_celeba_png" / "000001.png", root / "img_align_celeba_png" / "me.png")
    dataset = import_dataset(root, tmp_path / "out", size="32", quiet=True, workers=1)
    assert dataset.card["source"]["kind"] == "celeba"
    assert dataset.attribute_values()[:, 2].tolist() == [1, 0, 1, 0, -1]
    assert dataset.metadata()["identity"].to_pylist() == [*IDENTITIES[:4], None]
    assert ["img_align_celeba_png/me.png"] in [note["examples"] for note in dataset.card["notes"]]


@pytest.mark.parametrize(
    "table",
    [
        "\ufeff2\r\nSmiling\tMale\r\n000001.jpg\t1\t-1\r\n000002.jpg\t-1\t1\r\n",
        "2\nSmiling Male\nimg_align_celeba/000001.png  1 -1\n000002  -1  1\n",
    ],
)
def test_annotations_are_read_in_other_forms(tmp_path: Path, table: str) -> None:
    photos(tmp_path / "celeba" / "img_align_celeba", 2)
    (tmp_path / "celeba" / "List_Attr_CelebA.txt").write_bytes(table.encode())
    dataset = import_dataset(tmp_path / "celeba", tmp_path / "out", size="8", quiet=True, workers=1)
    assert dataset.labels().tolist() == [[True, False], [False, True]]


def test_annotations_that_name_no_photo_are_refused(tmp_path: Path) -> None:
    root = official(tmp_path / "celeba")
    (root / "list_eval_partition.txt").write_text("999999.jpg 0\n")
    with pytest.raises(
        FacesmithError, match="list_eval_partition.txt matches none of the photos: it contains '999999.jpg'"
    ):
        import_dataset(root, tmp_path / "out", quiet=True)


@pytest.mark.parametrize("folder", ["img_celeba", "originals"])
def test_photos_in_the_wild_need_align(tmp_path: Path, folder: str) -> None:
    root = tmp_path / "celeba"
    (root / folder).mkdir(parents=True)
    for number, width in ((1, 200), (2, 300)):
        Image.new("RGB", (width, 250)).save(root / folder / f"{number:06d}.jpg")
    annotate(root)
    with pytest.raises(FacesmithError, match="in-the-wild photos, which are not aligned: import them with --align"):
        import_dataset(root, tmp_path / "out", quiet=True)
    with pytest.raises(FacesmithError, match="no face was found"):
        import_dataset(root, tmp_path / "out", align=True, workers=1, quiet=True)
    photos(root / "img_align_celeba", 1)
    if folder == "img_celeba":
        dataset = import_dataset(root, tmp_path / "out", size="8", workers=1, quiet=True)
        assert dataset.metadata()["file"].to_pylist() == ["img_align_celeba/000001.jpg"]


def test_where_goes_before_limit(tmp_path: Path) -> None:
    root = official(tmp_path / "celeba")
    dataset = import_dataset(
        root, tmp_path / "out", size="32", where="Smiling & identity == 2880", quiet=True, workers=1
    )
    assert [Path(file).name for file in dataset.metadata()["file"].to_pylist()] == ["000001.jpg", "000003.jpg"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("list_attr_celeba.txt", "000002.jpg -1 ", "000002.jpg ", "has 3 columns instead of 4"),
        ("list_attr_celeba.txt", "000002.jpg -1", "000002.jpg  2", "Smiling contains.* '2'"),
        ("list_attr_celeba.txt", "000002.jpg -1", "000002.jpg  x", "Smiling contains.* 'x'"),
        ("list_attr_celeba.txt", "Smiling 5_o", "Male 5_o", "does not name each attribute once"),
        ("list_eval_partition.txt", "000002.jpg 0", "000002.jpg 7", "the split '7'"),
        ("identity_CelebA.txt", "000002.jpg 7", "000002.jpg", "has 1 columns instead of 2"),
    ],
)
def test_an_invalid_annotation_file_is_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    root = official(tmp_path / "celeba")
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))
    with pytest.raises(FacesmithError, match=message) as caught:
        import_dataset(root, tmp_path / "out", size="32", quiet=True)
    assert file in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_count_line_of_celeba_is_ignored() -> None:
    text = attributes_text()
    for changed in (text, text.replace("5\n", "999\n", 1), text.removeprefix("5\n"), text.replace("\n", "\r\n")):
        table = read_attributes(changed.encode(), "list_attr_celeba.txt")
        assert table.column_names == ["file", *NAMES]
        assert len(table) == 5


def test_a_csv_row_with_a_missing_cell_is_named(tmp_path: Path) -> None:
    text = csv_text(NAMES, VALUES).replace("000003.jpg,1,1,1", "000003.jpg,1,1")
    with pytest.raises(FacesmithError, match=r"row 4 has 3 columns instead of 4"):
        read_attributes(text.encode(), "list_attr_celeba.csv")


def test_all_of_celebas_rows_are_parsed_quickly() -> None:
    rng = np.random.default_rng(0)
    names = [f"Attribute_{i}" for i in range(40)]
    rows = np.where(rng.integers(0, 2, (2000, 40)), " 1", "-1")
    block = "\n".join(f"{i:06d}.jpg " + " ".join(row) for i, row in enumerate(rows.tolist()))
    text = f"202599\n{' '.join(names)}\n" + "\n".join([block] * 101) + "\n"
    start = time.process_time()
    table = read_attributes(text.encode(), "list_attr_celeba.txt")
    assert len(table) == 202_000
    assert time.process_time() - start < 5  # 0.3 s on an idle machine; a loop in Python takes ten times that


def test_the_real_photos_come_in_exactly(celeba_root: Path, tmp_path: Path) -> None:
    dataset = import_dataset(celeba_root, tmp_path / "out", crop="center:178", limit=40, quiet=True)
    assert len(dataset.attributes) == 40
    assert dataset.attributes[0] == "5_o_Clock_Shadow"
    for file, pixels in zip(dataset.metadata()["file"].to_pylist(), dataset.images, strict=True):
        image = Image.open(celeba_root / file).convert("RGB").crop((0, 20, 178, 198))
        assert np.array_equal(np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS)), pixels)

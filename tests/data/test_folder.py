"""Folders and zips of any pictures, and where their labels come from."""

import itertools
import os
import zipfile
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError


def pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), "teal").save(root / name)
    return root


def imported(root: Path, out: Path, labels: Path | None = None) -> Dataset:
    return import_dataset(root, out / "dataset", size="8", labels=labels, quiet=True, workers=1)


def rows(dataset: Dataset) -> dict[str, dict[str, object]]:
    return {row.pop("file"): row for row in dataset.metadata().to_pylist()}


def test_folder_names_are_attributes(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "happy/a.png", "happy/old/b.png", "sad/c.png", "loose.png", "split/d.png")
    dataset = imported(root, tmp_path)
    assert dataset.attributes == ["happy", "old", "sad", "split_"]
    rows_by_file = rows(dataset)
    assert rows_by_file["happy/old/b.png"] == {"split": None, "happy": True, "old": True, "sad": False, "split_": False}
    assert rows_by_file["sad/c.png"]["happy"] is False
    assert rows_by_file["loose.png"]["happy"] is None
    assert dataset.name == "faces"


def test_split_folders_with_a_table_each_are_read(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "train/a.png", "train/b.png", "validation/a.png")
    (root / "train" / "metadata.csv").write_text("file_name,Male,text\na.png,1,a man\nb.png,0,a woman\n")
    (root / "validation" / "metadata.jsonl").write_text('{"file_name": "a.png", "Male": false}\n')
    (root / "others.csv").write_text("file,Young\na.png,1\n")
    dataset = imported(root, tmp_path)
    assert rows(dataset) == {
        "train/a.png": {"split": "train", "Male": True},
        "train/b.png": {"split": "train", "Male": False},
        "validation/a.png": {"split": "valid", "Male": False},
    }
    assert [note["examples"] for note in dataset.card["notes"]] == [["text (2 cells like 'a man')"], ["others.csv"]]


def test_split_folders_with_class_folders_are_read(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "data/train/cat/a.png", "data/train/dog/b.png", "data/test/cat/c.png")
    dataset = imported(root, tmp_path)
    assert dataset.attributes == ["cat", "dog"]
    assert dataset.card["splits"] == {"train": 2, "test": 1}


def test_folders_of_stylegan_are_no_attributes(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "00000/img00000000.png", "00001/img00001000.png")
    (root / "dataset.json").write_text('{"labels": [["00000/img00000000.png", 1],]}')
    with pytest.raises(FacesmithError, match=r"dataset\.json cannot be read"):
        imported(root, tmp_path)
    (root / "dataset.json").write_text('{"labels": null}')
    assert imported(root, tmp_path).attributes == []


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "a.png")
    kinds = (["IMG_1.CR2", "clip.mov", "more.zip"], ["a.cls", "notes.txt"], ["others.csv"])
    for name in itertools.chain(*kinds):
        (root / name).write_bytes(b"x")
    notes = imported(root, tmp_path).card["notes"]
    assert sorted(note["examples"] for note in notes) == sorted(kinds)


def test_many_folders_become_identities(tmp_path: Path) -> None:
    root = pictures(tmp_path / "lfw", *(f"Person_{i:03d}/{j}.png" for i in range(260) for j in range(1 + (i == 7))))
    dataset = imported(root, tmp_path)
    assert dataset.attributes == []
    rows_by_file = rows(dataset)
    assert rows_by_file["Person_007/0.png"]["identity"] == rows_by_file["Person_007/1.png"]["identity"] == 7


def test_a_label_table_in_the_folder_is_read(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "a.png", "sub/b.png", "c.png")
    text = "smiling,filename,hat,note,old,split\n1,a.png,-1,hello,true,train\n0,sub/b.png,1,x,,test\n"
    text += "1,gone.png,1,y,false,\n"
    (root / "labels.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    dataset = imported(root, tmp_path)
    assert dataset.attributes == ["smiling", "hat", "old"]
    assert rows(dataset) == {
        "a.png": {"split": "train", "smiling": True, "hat": False, "old": True},
        "c.png": {"split": None, "smiling": None, "hat": None, "old": None},
        "sub/b.png": {"split": "test", "smiling": False, "hat": True, "old": None},
    }
    assert dataset.card["rows_without_image"] == 1
    assert dataset.card["ignored_columns"] == ["note"]


@pytest.mark.parametrize("reference", ["000001.png", "000001"])
def test_a_table_may_name_pictures_by_name_or_stem(tmp_path: Path, reference: str) -> None:
    root = pictures(tmp_path / "faces", "deep/down/000001.png", "000002.png")
    table = tmp_path / "mine.csv"
    table.write_text(f"image;Smiling\n{reference};yes\n")
    assert rows(imported(root, tmp_path, table))["deep/down/000001.png"]["Smiling"] is True


def test_a_parquet_table_works_as_well(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "a.png", "b.png")
    table = pa.table(
        {"path": ["b.png", "a.png"], "Male": [True, None], "Young": [-1, 1], "identity": [5, 6], "score": [0.1, 0.7]}
    )
    pq.write_table(table, root / "labels.parquet")
    rows_by_file = rows(imported(root, tmp_path))
    assert rows_by_file["a.png"] == {"split": None, "identity": 6, "Male": None, "Young": True}
    assert rows_by_file["b.png"] == {"split": None, "identity": 5, "Male": True, "Young": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,Smiling\nx.png,1\n", r"matches none of .*'x\.png'"),
        ("file,Smiling\na.png,1,1\n", "row 2 has 3 columns instead of 2"),
        ("file,Smiling\na.png,maybe\n", "no usable labels"),
        ("file,Smiling,Smiling\na.png,1,1\n", "two columns called 'Smiling'"),
        ("file,split\na.png,later\n", "the split 'later'"),
        ("", "is empty"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    root = pictures(tmp_path / "faces", "a.png")
    (root / "labels.csv").write_text(text)
    with pytest.raises(FacesmithError, match=message):
        imported(root, tmp_path)


def test_a_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "a.png", "sub/b.png")
    path = tmp_path / "My faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(root / "a.png", "faces/happy/a.png", zipfile.ZIP_STORED)
        archive.write(root / "sub/b.png", "faces/sad/b.png", zipfile.ZIP_DEFLATED)
        archive.write(root / "a.png", "faces/sad/c.png", zipfile.ZIP_BZIP2)
        archive.writestr("__MACOSX/faces/happy/._a.png", b"\0\5")
        archive.writestr("faces/.DS_Store", b"x")
    dataset = imported(path, tmp_path)
    assert rows(dataset) == {
        "faces/happy/a.png": {"split": None, "happy": True, "sad": False},
        "faces/sad/b.png": {"split": None, "happy": False, "sad": True},
    }
    assert dataset.card["skipped"] == [{"file": "faces/sad/c.png", "reason": mock.ANY}]
    assert dataset.name == "My faces"


def test_zips_of_other_systems_keep_their_names(tmp_path: Path) -> None:
    picture = (pictures(tmp_path, "a.png") / "a.png").read_bytes()
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("men\\XXXXXX.png", "women/YY.png", "women/Z.png"):
            archive.writestr(name, picture)
    # Many programs write UTF-8 without the flag for it; others write the code page of DOS.
    data = path.read_bytes().replace(b"XXXXXX", "müñ1".encode()).replace(b"YY", b"\x84\x81")
    path.write_bytes(data)
    assert sorted(rows(imported(path, tmp_path))) == ["men/müñ1.png", "women/Z.png", "women/äü.png"]


def test_parquet_files_with_images_are_read(tmp_path: Path) -> None:
    picture = (pictures(tmp_path / "x", "a.png") / "a.png").read_bytes()
    image = pa.array([{"bytes": picture, "path": None}, {"bytes": None, "path": "../../x/a.png"}])
    (tmp_path / "set" / "data").mkdir(parents=True)
    for split, values in (("train", ["yes", "no"]), ("test", [1, 0])):
        table = pa.table({"image": image, "Male": values, "caption": ["a", "b"]})
        pq.write_table(table, tmp_path / "set" / "data" / f"{split}-00000-of-00001.parquet")
    dataset = imported(tmp_path / "set", tmp_path)
    assert dataset.card["splits"] == {"train": 2, "test": 2}
    assert dataset.labels().tolist() == [[True], [False]] * 2
    single = import_dataset(tmp_path / "set/data/test-00000-of-00001.parquet", tmp_path / "one", size="8", quiet=True)
    assert len(single) == 2


def test_a_damaged_member_of_a_zip_is_skipped(tmp_path: Path) -> None:
    root = pictures(tmp_path / "faces", "a.png", "b.png")
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(root / "a.png", "a.png")
        archive.write(root / "b.png", "b.png")
    data = bytearray(path.read_bytes())
    data[60] ^= 255  # inside a.png
    path.write_bytes(data)
    dataset = imported(path, tmp_path)
    assert dataset.card["skipped"] == [{"file": "a.png", "reason": "damaged in the zip"}]
    assert len(dataset) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title>", "is a web page, not a zip"),
        (b"7z\xbc\xaf'\x1c", "is a 7z archive, which is not supported: unpack it"),
        (b"x" * 257 + b"ustar", "is a tar archive"),
        (b"PK\3\4 cut short", "neither a folder nor a complete zip"),
        (b"", "neither a folder nor a complete zip"),
    ],
)
def test_a_file_that_is_not_a_zip_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "img_align_celeba.zip"
    path.write_bytes(data)
    with pytest.raises(FacesmithError, match=message):
        imported(path, tmp_path)


def test_a_dataset_is_not_imported_as_photos(tmp_path: Path) -> None:
    dataset = imported(pictures(tmp_path / "faces", "a.png"), tmp_path)
    with pytest.raises(FacesmithError, match="is already a dataset"):
        imported(dataset.path, tmp_path / "again")


def test_names_in_a_zip_stay_inside(tmp_path: Path) -> None:
    picture = pictures(tmp_path, "a.png") / "a.png"
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for name in ("../../a.png", "/b.png", "..", "c\\d.png"):
            archive.writestr(name, picture.read_bytes())
    assert sorted(rows(imported(tmp_path / "faces.zip", tmp_path))) == ["a.png", "b.png", "c/d.png"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("hello")
    with pytest.raises(FacesmithError, match="contains no images"):
        imported(tmp_path / "empty", tmp_path)
    with pytest.raises(FacesmithError, match="does not exist"):
        imported(tmp_path / "nowhere", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_linked_folders_are_followed_without_loops(tmp_path: Path) -> None:
    pictures(tmp_path / "elsewhere", "a.png")
    root = pictures(tmp_path / "faces", "b.png")
    (root / "men").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    files = imported(root, tmp_path).metadata()["file"].to_pylist()
    assert files == ["b.png", "men/a.png"]

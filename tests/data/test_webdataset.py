"""Tar archives that are packed folders have the labels of folders; see test_export.py for WebDataset."""

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError


def pack(path: Path, *names: str, **texts: str) -> Path:
    """Pack a picture with each of these names, and text files with an underscore for the dot of their names."""
    picture = io.BytesIO()
    Image.new("RGB", (20, 20), "teal").save(picture, "PNG")
    contents = dict.fromkeys(names, picture.getvalue())
    contents |= {name.replace("_", "."): text.encode() for name, text in texts.items()}
    with tarfile.open(path, "w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, names[0]
        archive.addfile(link)
    return path


def imported(source: Path, out: Path, labels: Path | None = None) -> Dataset:
    return import_dataset(source, out, size="8", labels=labels, quiet=True, workers=1)


def rows(dataset: Dataset) -> dict[str, object]:
    return {row["file"]: row.get("Male", row.get("m")) for row in dataset.metadata().to_pylist()}


def test_the_labels_of_a_packed_folder_are_read(tmp_path: Path) -> None:
    folders = imported(pack(tmp_path / "a.tar", "faces/m/1.png", "faces/f/2.png", "../._1.png"), tmp_path / "a")
    assert rows(folders) == {"faces/f/2.png": False, "faces/m/1.png": True}
    assert [(note["count"], note["examples"]) for note in folders.card["notes"]] == [(1, ["link.png"])]
    table = imported(pack(tmp_path / "b.tar", "./1.png", "./2.png", labels_csv="file,Male\n1,1\n2,0\n"), tmp_path / "b")
    assert rows(table) == {"1.png": True, "2.png": False}


def test_files_of_an_archive_that_are_not_used_are_named(tmp_path: Path) -> None:
    dataset = imported(pack(tmp_path / "a.tar", "1.png", "2.png", notes_txt="x", **{"1_json": "{}"}), tmp_path / "a")
    assert sorted(note["examples"] for note in dataset.card["notes"]) == [["link.png"], ["notes.txt"]]


def test_labels_are_not_ignored_in_silence(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,Male\n1,1\n2,0\n")
    pq.write_table(pa.table({"image": [b""]}), tmp_path / "faces.parquet")
    for source in (pack(tmp_path / "faces.tar", "1.png", "2.png"), tmp_path / "faces.parquet"):
        with pytest.raises(FacesmithError, match="pass labels only"):
            imported(source, tmp_path / "out", tmp_path / "t.csv")

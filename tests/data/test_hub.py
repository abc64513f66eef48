"""A dataset of the hub, read by huggingface_hub's own client from a real server on this machine."""

import io
import json
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facesmith.data.dataset import Dataset
from facesmith.data.importer import import_dataset
from facesmith.errors import FacesmithError

COLORS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (200, 200, 20), (20, 200, 200)]


def picture(color: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), color).save(buffer, "PNG")
    return buffer.getvalue()


def structs(colors: list[tuple[int, int, int]]) -> "pa.Array":
    values = [{"bytes": picture(color), "path": None} for color in colors]
    return pa.array(values, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def parquet(table: "pa.Table", features: dict[str, object] | None = None, group: int = 2) -> bytes:
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group)
    return bytes(sink.getvalue())


def imported(source: str, tmp_path: Path, **options: object) -> Dataset:
    return import_dataset(source, tmp_path / "out", size="8", quiet=True, workers=1, **options)  # type: ignore[arg-type]


def centre_colors(dataset: Dataset) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in image[4, 4]) for image in dataset.images]


def test_shards_become_splits_and_labels_attributes(hub: Any, tmp_path: Path) -> None:
    features = {
        "image": {"_type": "Image"},
        "mood": {"names": ["happy", "sad", "calm"], "_type": "ClassLabel"},
        "hat": {"names": ["no", "yes"], "_type": "ClassLabel"},
    }

    def table(colors: list[tuple[int, int, int]], start: int) -> "pa.Table":
        count = range(start, start + len(colors))
        return pa.table(
            {
                "image": structs(colors),
                "mood": pa.array([i % 3 for i in count], pa.int64()),
                "hat": pa.array([i % 2 for i in count], pa.int64()),
                "Male": pa.array([None if i == 0 else i > 2 for i in count], pa.bool_()),
                "Young": pa.array([1 if i else -1 for i in count], pa.int8()),
                "label": pa.array([i % 2 for i in count], pa.int64()),
                "celeb_id": pa.array([100 + i for i in count], pa.int32()),
                "caption": [f"face {i}" for i in count],
            }
        )

    hub.cards["ann/faces"] = {"license": "cc0-1.0"}
    hub.files["ann/faces"] = {
        "README.md": b"# faces",
        "data/train-00000-of-00002.parquet": parquet(table(COLORS[:2], 0), features),
        "data/train-00001-of-00002.parquet": parquet(table(COLORS[2:4], 2), features),
        "data/validation-00000-of-00001.parquet": parquet(table(COLORS[4:], 4), features),
    }
    dataset = imported("hf:ann/faces", tmp_path)
    assert centre_colors(dataset) == COLORS
    assert dataset.attributes == ["happy", "sad", "calm", "hat", "Male", "Young", "label_0", "label_1"]
    table_ = dataset.metadata()
    assert table_["split"].to_pylist() == ["train"] * 4 + ["valid"]
    assert table_["identity"].to_pylist() == [100, 101, 102, 103, 104]
    assert table_["calm"].to_pylist() == [False, False, True, False, False]
    assert table_["hat"].to_pylist() == [False, True, False, True, False]
    assert table_["Male"].to_pylist() == [None, False, False, True, True]
    assert table_["label_1"].to_pylist() == [False, True, False, True, False]
    assert table_["file"][3].as_py() == "data/train-00001-of-00002.parquet#1"
    assert dataset.card["source"]["credit"] == "ann/faces on the Hugging Face hub, licence: cc0-1.0"


def test_where_and_limit_choose_across_row_groups(hub: Any, tmp_path: Path) -> None:
    colors = [(i, 255 - i, 7) for i in range(0, 250, 5)]
    table = pa.table({"img": [picture(color) for color in colors], "Odd": [i % 2 == 1 for i in range(50)]})
    hub.cards["ann/bytes"] = None
    hub.files["ann/bytes"] = {"train.parquet": parquet(table, group=7)}
    dataset = imported("hf:ann/bytes", tmp_path, where="Odd", limit=11, seed=2)
    numbers = [int(file.rpartition("#")[2]) for file in dataset.metadata()["file"].to_pylist()]
    assert len(numbers) == 11
    assert numbers == sorted(numbers)
    assert centre_colors(dataset) == [colors[number] for number in numbers]


def test_class_names_are_read_from_the_dataset_card(hub: Any, tmp_path: Path) -> None:
    hub.cards["ann/card"] = {
        "dataset_info": {
            "features": [
                {"name": "image", "dtype": "image"},
                {"name": "label", "dtype": {"class_label": {"names": {"0": "cat", "1": "dog"}}}},
            ]
        }
    }
    hub.files["ann/card"] = {"x.parquet": parquet(pa.table({"image": structs(COLORS[:2]), "label": [1, 0]}))}
    assert imported("hf:ann/card", tmp_path).labels().tolist() == [[False, True], [True, False]]


def test_the_converted_parquet_files_of_the_hub_are_a_fallback(hub: Any, tmp_path: Path) -> None:
    hub.cards["ann/zips"] = None
    hub.files["ann/zips"] = {"faces.zip": b"PK"}
    hub.files["ann/zips@refs/convert/parquet"] = {
        "default/train/0000.parquet": parquet(pa.table({"image": structs(COLORS[:3])})),
        "other/train/0000.parquet": parquet(pa.table({"image": structs(COLORS[3:])})),
    }
    assert centre_colors(imported("hf:ann/zips", tmp_path)) == COLORS[:3]
    assert centre_colors(import_dataset("hf:ann/zips/other", tmp_path / "2", size="8", quiet=True)) == COLORS[3:]


def test_a_picture_without_bytes_is_skipped(hub: Any, tmp_path: Path) -> None:
    images = pa.array([{"bytes": None, "path": "a.jpg"}, {"bytes": picture(COLORS[0]), "path": None}])
    hub.cards["ann/paths"] = None
    hub.files["ann/paths"] = {"train.parquet": parquet(pa.table({"image": images}))}
    dataset = imported("hf:ann/paths", tmp_path)
    (skipped,) = dataset.card["skipped"]
    assert (skipped["file"], "bytes" in skipped["reason"]) == ("train.parquet#0", True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf:ann/nowhere", "ann/nowhere was not found on the hub"),
        ("hf:ann/private", "access to ann/private is denied"),
        ("hf:ann/gated", "accept its terms"),
        ("hf:ann/down", "the hub answered 500"),
        ("hf:ann/text", "has no image column: its columns are caption"),
        ("hf:ann/none", "contains no Parquet files"),
        ("hf:ann/none@v1", "contains no Parquet files"),
        ("hf:ann/broken", "is not a readable Parquet file"),
        ("hf:ann/text/other", "no Parquet files in other"),
        ("hf:ann", "expected hf:OWNER/NAME"),
    ],
)
def test_hub_errors_are_one_sentence(hub: Any, tmp_path: Path, source: str, message: str) -> None:
    hub.cards |= {"ann/text": None, "ann/none": None, "ann/broken": None}
    hub.files["ann/text"] = {"train.parquet": parquet(pa.table({"caption": ["a"]}))}
    hub.files |= {"ann/none": {"README.md": b"x"}, "ann/none@v1": {"README.md": b"x"}}
    hub.files["ann/broken"] = {"train.parquet": b"PAR1 not really"}
    hub.errors |= {"ann/private": (401, ""), "ann/gated": (403, "GatedRepo"), "ann/down": (500, "")}
    with pytest.raises(FacesmithError, match=message):
        imported(source, tmp_path)


def test_no_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(FacesmithError, match="the hub cannot be reached"):
        imported("hf:ann/faces", tmp_path)

"""Parquet files with a column of images, with the features that the `datasets` library reads."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facesmith.data.layouts.picture import Picture

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1_000  # of a row group, which is in memory at once
IMAGE = "image"
_TYPES = {bool: "bool", int: "int64", float: "double", str: "string", list: "list"}
_FEATURES = {"bool": "bool", "int64": "int64", "double": "float64", "string": "string"}
_KNOWN = {"split": "string", "identity": "int64"}  # of columns that are no attributes and may lack values


def write_shard(pictures: Iterable[Picture], folder: Path, name: str) -> None:
    """Write images into a file for each split: data/train-00000.parquet."""
    import pyarrow.parquet as pq

    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for batch in _batches(pictures):
            for split in sorted({picture.split or "train" for picture in batch}):
                part = [picture for picture in batch if (picture.split or "train") == split]
                if split not in writers:
                    path = folder / "data" / f"{split}-{name or '00000'}.parquet"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    writers[split] = pq.ParquetWriter(path, _schema(part), compression="zstd")
                writers[split].write_table(_table(part, writers[split].schema))
    finally:
        for writer in writers.values():
            writer.close()


def read(folder: Path) -> Iterator[Picture]:
    """Yield the images of all files."""
    import pyarrow.parquet as pq

    for path in sorted((folder / "data").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                for row in batch.to_pylist():
                    image = row.pop(IMAGE)
                    yield Picture(image["path"], image["bytes"], row)


def _batches(pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
    remaining = iter(pictures)
    while batch := list(itertools.islice(remaining, ROWS)):
        yield batch


def write_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows without images as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = _arrow_types()
    schema = pa.schema([(name, arrow[kind]) for name, kind in _types(rows).items()])
    with path.open("wb") as file:  # pyarrow refuses paths that are not UTF-8
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, compression="zstd")


def _types(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return the type of each column; a column without any value is one of attributes."""
    types = {}
    for name in rows[0]:
        value = next((row[name] for row in rows if row[name] is not None), None)
        types[name] = _KNOWN.get(name, "bool") if value is None else _TYPES[type(value)]
    return types


def _arrow_types() -> "dict[str, pa.DataType]":
    import pyarrow as pa

    return {
        "bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64(), "string": pa.string(),
        "list": pa.list_(pa.string()),
    }  # fmt: skip


def _schema(pictures: list[Picture]) -> "pa.Schema":
    """Return the schema of images and their rows."""
    import pyarrow as pa

    types, arrow = _types([picture.row for picture in pictures]), _arrow_types()
    text = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = {IMAGE: {"_type": "Image"}} | {
        name: {"feature": text, "_type": "Sequence"} if kind == "list" else {"dtype": _FEATURES[kind], "_type": "Value"}
        for name, kind in types.items()
    }
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [(IMAGE, image), *((name, arrow[kind]) for name, kind in types.items())]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})


def _table(pictures: list[Picture], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    images = [{"bytes": picture.data, "path": picture.name} for picture in pictures]
    columns = [[picture.row[name] for picture in pictures] for name in schema.names[1:]]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip([images, *columns], schema, strict=True)], schema=schema
    )

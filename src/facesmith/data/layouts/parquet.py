"""Parquet files with a column of pictures, with the features that the `datasets` library reads."""

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
_TYPES = {bool: "bool", int: "int64", float: "double", str: "string"}
_FEATURES = {"bool": "bool", "int64": "int64", "double": "float64", "string": "string"}


def write_shard(pictures: Iterable[Picture], folder: Path, name: str) -> None:
    """Write pictures into a file for each split: data/train-00000.parquet."""
    import pyarrow.parquet as pq

    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for batch in _batches(pictures):
            for split in sorted({picture.split for picture in batch}):
                part = [picture for picture in batch if picture.split == split]
                if split not in writers:
                    path = folder / "data" / f"{split or 'train'}-{name or '00000'}.parquet"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    writers[split] = pq.ParquetWriter(path, _schema(part), compression="zstd")
                writers[split].write_table(_table(part, writers[split].schema))
    finally:
        for writer in writers.values():
            writer.close()


def read(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of all files."""
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


def _schema(pictures: list[Picture]) -> "pa.Schema":
    """Return the schema of rows; a column without any value is one of attributes."""
    import pyarrow as pa

    names: dict[str, str] = {}
    for name in pictures[0].row:
        value: Any = next((picture.row[name] for picture in pictures if picture.row[name] is not None), False)
        names[name] = "list" if isinstance(value, list) else _TYPES[type(value)]
    types = {"bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64(), "string": pa.string()}
    types["list"] = pa.list_(pa.string())
    text = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = {IMAGE: {"_type": "Image"}} | {
        name: {"feature": text, "_type": "Sequence"} if kind == "list" else {"dtype": _FEATURES[kind], "_type": "Value"}
        for name, kind in names.items()
    }
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [(IMAGE, image), *((name, types[kind]) for name, kind in names.items())]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})


def _table(pictures: list[Picture], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    images = [{"bytes": picture.data, "path": picture.name} for picture in pictures]
    columns = [[picture.row[name] for picture in pictures] for name in schema.names[1:]]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip([images, *columns], schema, strict=True)], schema=schema
    )

"""Datasets in Parquet files with a column of images, on this machine or of the hub, read one row group at a time."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facesmith.data.labels.columns import type_columns
from facesmith.data.labels.table import to_strings
from facesmith.data.source import SPLIT_NUMBERS, SPLITS, EncodedImage, Handle, Labels, Source, metadata_table
from facesmith.data.sources.file_listing import FileHandle, FileListing
from facesmith.data.sources.remote import RemoteFile
from facesmith.errors import FacesmithError
from facesmith.files import printable

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 32  # images in memory at a time, besides those of the workers


@dataclass(frozen=True)
class Shard:
    """One Parquet file: its name in the dataset and its number of rows."""

    name: str
    file: FileHandle | RemoteFile
    rows: int
    image: str  # the column of images
    nested: bool  # whether that column is a struct of bytes and path


def parquet_source(listing: FileListing, names: list[str]) -> Source:
    """Return Parquet files of a listing as a source.

    Raises `FacesmithError` if one cannot be read or has no column of images.
    """
    shards = [open_shard(name, listing.files[name], listing.title) for name in names]
    table, labels = shard_metadata(shards, {}, listing.name)
    return Source(
        kind="folder",
        name=listing.name,
        fingerprint=listing.fingerprint(names),
        table=table,
        handles=lambda rows: read_images(shards, rows),
        terms=labels.terms,
        ignored_columns=labels.ignored_columns,
        notes=labels.notes,
    )


def open_shard(name: str, file: FileHandle | RemoteFile, dataset: str) -> Shard:
    """Open one Parquet file of a dataset, or raise `FacesmithError` that names both."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = printable(name)
    try:
        with file.stream() as stream, pq.ParquetFile(stream) as parquet:
            image, nested = _image_column(parquet.schema_arrow, dataset)
            return Shard(name, file, parquet.metadata.num_rows, image, nested)
    except (pa.ArrowException, OSError):
        raise FacesmithError(
            f"{name} in {dataset} is not a readable Parquet file: check {printable(file.path)}"
        ) from None


def shard_metadata(shards: list[Shard], classes: Mapping[str, list[str]], name: str) -> "tuple[pa.Table, Labels]":
    """Return the metadata of all shards, and their labels; ``classes`` names the classes of columns by the card."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts, classes = [], dict(classes)
    for shard in shards:
        with shard.file.stream() as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            classes.update(_classes_in_schema(schema))
            columns = [each.name for each in schema if each.name != shard.image and not pa.types.is_nested(each.type)]
            parts.append(file.read(columns))
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException:  # a column with numbers in one file, and texts in another
        texts = [pa.table([*map(to_strings, part.columns)], names=part.column_names) for part in parts]
        table, classes = pa.concat_tables(texts, promote_options="permissive"), {}
    labels = type_columns({column: table[column].combine_chunks() for column in table.column_names}, name, classes)
    files = [f"{shard.name}#{row}" for shard in shards for row in range(shard.rows)]
    if labels.split is None:
        labels.split = pa.array([split_of_file(shard.name) for shard in shards for _ in range(shard.rows)], pa.string())
    return metadata_table(files, labels.split, labels.identity, labels.attributes), labels


def read_images(shards: list[Shard], rows: np.ndarray) -> Iterator[Handle]:
    """Read the images of these ascending rows, one row group after the other, in batches."""
    import pyarrow.parquet as pq

    first = 0  # first row of the row group, counted over the whole dataset
    for shard in shards:
        folder = Path(shard.file.path).parent if isinstance(shard.file, FileHandle) else None
        with shard.file.stream() as stream, pq.ParquetFile(stream) as file:
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                selected_rows = set(rows[np.searchsorted(rows, first) : np.searchsorted(rows, after)].tolist())
                if selected_rows:
                    for batch in file.iter_batches(BATCH, [group], [shard.image], use_threads=False):
                        images = batch.column(0)
                        for offset in range(len(images)):
                            if first + offset in selected_rows:
                                image = images[offset].as_py()
                                if isinstance(image, dict):
                                    path = image.get("path") or ""
                                    # The file may only name its pictures.
                                    yield EncodedImage(image["bytes"], str(folder / path) if folder and path else "")
                                else:
                                    yield EncodedImage(image)
                        first += len(images)
                first = after


def _image_column(schema: "pa.Schema", dataset: str) -> tuple[str, bool]:
    import pyarrow as pa

    columns = {}
    for column in schema:
        nested = pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0
        if nested or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            columns[column.name] = nested
    if not columns:
        raise FacesmithError(f"{dataset} has no image column: its columns are {', '.join(schema.names)}")
    name = next((name for name in ("image", "img", "picture", "photo") if name in columns), next(iter(columns)))
    return name, columns[name]


def _classes_in_schema(schema: "pa.Schema") -> dict[str, list[str]]:
    """Return the class names that the `datasets` library writes into a Parquet file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: list(kind["names"]) for name, kind in features.items() if isinstance(kind, dict) and "names" in kind
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def split_of_file(name: str) -> str | None:
    """Return the split of a Parquet file, by its name (data/train-00000-of-00002.parquet) or its folder's."""
    tokens = re.split(r"[/_.-]", name.lower())
    return next((SPLITS[SPLIT_NUMBERS[token]] for token in tokens if token.isalpha() and token in SPLIT_NUMBERS), None)

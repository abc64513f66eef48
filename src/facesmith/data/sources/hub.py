"""Datasets of the Hugging Face hub: Parquet files with a column of images, read one row group at a time."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data.labels.table import BOOLS, parse_attribute
from facesmith.data.source import Handle, Source, free_attribute_name, metadata_table
from facesmith.errors import FacesmithError, ImageError
from facesmith.extras import require
from facesmith.hub import hub_options, load_client, translate_errors
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

SPLIT_NAMES = ("train", "valid", "val", "validation", "test")
CONVERTED = "refs/convert/parquet"  # where the hub stores datasets of other formats as Parquet
CLASS_COLUMNS = ("label", "labels", "class")
BOOL_CLASSES = {*BOOLS, "0.0", "1.0"}
IDENTITY_COLUMNS = ("identity", "celeb_id", "person_id")
MAX_CLASSES = 64  # a column of numbers with more distinct values is not a class label
BATCH = 32  # images in memory at a time, besides those of the workers


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An encoded image. The parent reads the Parquet files, because a worker would have to read a whole row group for a
    few images."""

    data: bytes | None

    def open(self) -> bytes:
        if self.data is None:
            raise ImageError("has no bytes in the dataset")
        return self.data


@dataclass(frozen=True)
class _Shard:
    """One Parquet file: its name in the repository, its local path and its number of rows."""

    name: str
    path: str
    rows: int
    image: str  # the column of images
    nested: bool  # whether that column is a struct of bytes and path


def hub_source(text: str, quiet: bool = False) -> Source:
    """Return ``hf:OWNER/NAME`` as a source, or ``hf:OWNER/NAME/FOLDER`` for a repository with several datasets.

    Downloads its Parquet files into huggingface_hub's cache. Raises `FacesmithError` if the hub cannot be reached, the
    dataset does not exist or is not public, or has no column of images.
    """
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+?)/?(?:/([\w./-]+?))?/?", text)
    if match is None:
        raise FacesmithError(f"invalid source {text!r}: expected hf:OWNER/NAME")
    repository, folder = match[1], match[2]
    hub = load_client("importing from the Hugging Face hub")
    with translate_errors(repository):
        info, names = _find_parquet_files(hub, repository, folder)
        shards = _download(hub, repository, info.sha, names, quiet)
    table, ignored = _metadata(shards, _classes_in_card(info))
    licence = getattr(info.card_data, "license", None) if info.card_data else None
    return Source(
        kind="hub",
        name=repository,
        fingerprint=hashlib.sha256(f"{repository} {info.sha} {' '.join(names)}".encode()).hexdigest(),
        table=table,
        handles=lambda rows: _read_images(shards, rows),
        credit=f"{repository} on the Hugging Face hub" + (f", licence: {licence}" if licence else ""),
        ignored_columns=tuple(ignored),
    )


def _find_parquet_files(hub: Any, repository: str, folder: str | None) -> tuple[Any, list[str]]:
    errors = require("huggingface_hub.errors", "hub", "importing from the Hugging Face hub")
    api = hub.HfApi(endpoint=hub_options()["endpoint"])
    info = api.dataset_info(repository)
    names = _parquet_names(info)
    if not names:
        try:
            converted = api.dataset_info(repository, revision=CONVERTED)
        except errors.RevisionNotFoundError:
            raise FacesmithError(
                f"{repository} holds no Parquet files: facesmith reads the hub's Parquet datasets"
            ) from None
        converted.card_data = info.card_data
        info, names = converted, _parquet_names(converted)
    tops = sorted({name.partition("/")[0] if "/" in name else "" for name in names})
    if folder is None and len(tops) > 1:
        folder = next((top for top in ("default", "data") if top in tops), None)
        if folder is None:
            raise FacesmithError(
                f"{repository} has several datasets, {', '.join(tops)}: choose one, like hf:{repository}/{tops[-1]}"
            )
    names = [name for name in names if folder is None or name.startswith(folder + "/")]
    if not names:
        raise FacesmithError(
            f"{repository} has no Parquet files in {folder or 'it'}: its folders are {', '.join(tops)}"
        )
    return info, names


def _parquet_names(info: Any) -> list[str]:
    return sorted(file.rfilename for file in info.siblings or [] if file.rfilename.endswith(".parquet"))


def _download(hub: Any, repository: str, revision: str, names: list[str], quiet: bool) -> list[_Shard]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = []
    with progress(len(names), "downloading", unit="files", shown=not quiet) as bar:
        for name in names:
            path = hub.hf_hub_download(repository, name, repo_type="dataset", revision=revision, **hub_options())
            try:
                with pq.ParquetFile(path) as file:
                    image, nested = _image_column(file.schema_arrow, repository)
                    shards.append(_Shard(name, path, file.metadata.num_rows, image, nested))
            except pa.ArrowException:
                raise FacesmithError(f"{name} of {repository} is not a Parquet file that can be read: {path}") from None
            bar.update(1)
    return shards


def _image_column(schema: "pa.Schema", repository: str) -> tuple[str, bool]:
    import pyarrow as pa

    columns = {}
    for column in schema:
        nested = pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0
        if nested or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            columns[column.name] = nested
    if not columns:
        raise FacesmithError(f"{repository} has no column of pictures: its columns are {', '.join(schema.names)}")
    name = next((name for name in ("image", "img", "picture", "photo") if name in columns), next(iter(columns)))
    return name, columns[name]


def _metadata(shards: list[_Shard], card: dict[str, list[str]]) -> tuple["pa.Table", list[str]]:
    """Return the metadata of all shards, and the names of the columns that are not used."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts, classes = [], dict(card)
    for shard in shards:
        schema = pq.read_schema(shard.path)
        classes.update(_classes_in_schema(schema))
        parts.append(pq.read_table(shard.path, columns=[field.name for field in schema if _is_label_type(field.type)]))
    table = pa.concat_tables(parts, promote_options="permissive")
    identity = None
    attributes: dict[str, pa.Array] = {}
    ignored = []
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name.lower() in IDENTITY_COLUMNS and pa.types.is_integer(column.type):
            identity = column.cast(pa.int64())
            continue
        parsed = _parse_attributes(name, column, classes.get(name))
        if not parsed:
            ignored.append(name)
        for attribute, values in parsed.items():
            attributes[free_attribute_name(attribute, list(attributes))] = values
    files = [f"{shard.name}#{row}" for shard in shards for row in range(shard.rows)]
    split = pa.array([_split(shard.name) for shard in shards for _ in range(shard.rows)], pa.string())
    return metadata_table(files, split, identity, attributes), ignored


def _is_label_type(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind))


def _parse_attributes(name: str, column: "pa.Array", classes: list[str] | None) -> "dict[str, pa.Array]":
    """Return the bool columns of a label column: itself, or one for each class."""
    import pyarrow.compute as pc

    if classes and len(classes) == 2 and {label.lower() for label in classes} <= BOOL_CLASSES:
        return {name: pc.equal(column, 1)}
    if classes:
        return {label: pc.equal(column, number) for number, label in enumerate(classes)}
    is_class = name.lower() in CLASS_COLUMNS and column.type != "bool"
    if not is_class and (values := parse_attribute(column)) is not None:
        return {name: values}
    numbers = sorted(pc.unique(column.drop_null()).to_pylist())
    if len(numbers) > MAX_CLASSES:
        return {}
    return {f"{name}_{number}": pc.equal(column, number) for number in numbers}


def _classes_in_schema(schema: "pa.Schema") -> dict[str, list[str]]:
    """Return the class names that the `datasets` library writes into a Parquet file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: list(kind["names"]) for name, kind in features.items() if isinstance(kind, dict) and "names" in kind
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _classes_in_card(info: Any) -> dict[str, list[str]]:
    """Return the class names in the metadata of the repository's README."""
    try:
        described = info.card_data.to_dict()["dataset_info"]
        features = (described[0] if isinstance(described, list) else described)["features"]
        names_of = {
            feature["name"]: feature["dtype"]["class_label"]["names"] for feature in features if _is_class(feature)
        }
        return {name: [names[key] for key in sorted(names, key=int)] for name, names in names_of.items()}
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def _is_class(feature: dict[str, Any]) -> bool:
    return isinstance(feature.get("dtype"), dict) and "class_label" in feature["dtype"]


def _split(name: str) -> str | None:
    """Return the split of a Parquet file, by its name (data/train-00000-of-00002.parquet) or its folder's."""
    tokens = re.split(r"[/_.-]", name.lower())
    return next(
        ("valid" if token in ("val", "validation") else token for token in tokens if token in SPLIT_NAMES), None
    )


def _read_images(shards: list[_Shard], rows: np.ndarray) -> Iterator[Handle]:
    """Read the images of these ascending rows, one row group after the other, in batches."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    first = 0  # first row of the row group, counted over the whole dataset
    for shard in shards:
        with pq.ParquetFile(shard.path) as file:
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                selected_rows = set(rows[np.searchsorted(rows, first) : np.searchsorted(rows, after)].tolist())
                columns = [f"{shard.image}.bytes" if shard.nested else shard.image]
                if selected_rows:
                    for batch in file.iter_batches(BATCH, [group], columns, use_threads=False):
                        images = batch.column(0)
                        images = pc.struct_field(images, "bytes") if shard.nested else images
                        for offset in range(len(images)):
                            if first + offset in selected_rows:
                                yield EncodedImage(images[offset].as_py())
                        first += len(images)
                first = after

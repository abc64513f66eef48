"""A dataset of the Hugging Face hub: Parquet files with a column of pictures, read one row group at a time."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data import labels
from facesmith.data.source import Handle, Source, metadata_table
from facesmith.errors import FacesmithError, ImageError
from facesmith.extras import require
from facesmith.hub import client, one_sentence, places
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

SPLIT_WORDS = ("train", "valid", "val", "validation", "test")
CONVERTED = "refs/convert/parquet"  # where the hub keeps the Parquet form of datasets uploaded in another
IDENTITIES = ("identity", "celeb_id", "person_id")
MOST_CLASSES = 64  # more values than these in a column of numbers are no classes
BATCH = 32  # pictures in memory at once, beside those the workers hold


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture that was read already: the parent reads the Parquet files, because a worker would read a whole row
    group for a few pictures of it."""

    data: bytes | None

    def open(self) -> bytes:
        if self.data is None:
            raise ImageError("has no bytes in the dataset")
        return self.data


@dataclass(frozen=True)
class _Shard:
    """One Parquet file: its name in the repository, its path here, and its number of rows."""

    name: str
    path: str
    rows: int
    image: str  # the column of pictures
    nested: bool  # whether that column is a struct of bytes and path


def hub_source(text: str, quiet: bool = False) -> Source:
    """The dataset ``hf:OWNER/NAME`` or, where a repository holds several, ``hf:OWNER/NAME/FOLDER``, as a source.

    Downloads its Parquet files one after the other into huggingface_hub's cache. Raises `FacesmithError` where the hub
    cannot be reached, the dataset is not there or not public, or holds no column of pictures.
    """
    found = re.fullmatch(r"hf:([\w.-]+/[\w.-]+?)/?(?:/([\w./-]+?))?/?", text)
    if found is None:
        raise FacesmithError(f"{text!r} names no dataset of the hub: write hf:OWNER/NAME")
    repository, folder = found[1], found[2]
    hub = client("importing from the Hugging Face hub")
    with one_sentence(repository):
        info, names = _parquet_files(hub, repository, folder)
        shards = _download(hub, repository, info.sha, names, quiet)
    table, ignored = _table(shards, _features_of_card(info))
    licence = getattr(info.card_data, "license", None) if info.card_data else None
    return Source(
        kind="hub",
        name=repository,
        fingerprint=hashlib.sha256(f"{repository} {info.sha} {' '.join(names)}".encode()).hexdigest(),
        table=table,
        handles=lambda rows: _read(shards, rows),
        credit=f"{repository} on the Hugging Face hub" + (f", licence: {licence}" if licence else ""),
        ignored_columns=tuple(ignored),
    )


def _parquet_files(hub: Any, repository: str, folder: str | None) -> tuple[Any, list[str]]:
    errors = require("huggingface_hub.errors", "hub", "importing from the Hugging Face hub")
    api = hub.HfApi(endpoint=places()["endpoint"])
    info = api.dataset_info(repository)
    names = _parquets(info)
    if not names:
        try:
            converted = api.dataset_info(repository, revision=CONVERTED)
        except errors.RevisionNotFoundError:
            raise FacesmithError(
                f"{repository} holds no Parquet files: facesmith reads the hub's Parquet datasets"
            ) from None
        converted.card_data = info.card_data
        info, names = converted, _parquets(converted)
    tops = sorted({name.partition("/")[0] if "/" in name else "" for name in names})
    if folder is None and len(tops) > 1:
        folder = next((top for top in ("default", "data") if top in tops), None)
        if folder is None:
            raise FacesmithError(
                f"{repository} holds several datasets, {', '.join(tops)}: name one, like hf:{repository}/{tops[-1]}"
            )
    names = [name for name in names if folder is None or name.startswith(folder + "/")]
    if not names:
        raise FacesmithError(
            f"{repository} has no Parquet files in {folder or 'it'}: its folders are {', '.join(tops)}"
        )
    return info, names


def _parquets(info: Any) -> list[str]:
    return sorted(file.rfilename for file in info.siblings or [] if file.rfilename.endswith(".parquet"))


def _download(hub: Any, repository: str, revision: str, names: list[str], quiet: bool) -> list[_Shard]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = []
    with progress(len(names), "downloading", unit="files", shown=not quiet) as bar:
        for name in names:
            path = hub.hf_hub_download(repository, name, repo_type="dataset", revision=revision, **places())
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


def _table(shards: list[_Shard], card: dict[str, list[str]]) -> tuple["pa.Table", list[str]]:
    """The metadata of all shards, and the columns that say nothing usable."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts, classes = [], dict(card)
    for shard in shards:
        schema = pq.read_schema(shard.path)
        classes.update(_features_of_schema(schema))
        parts.append(pq.read_table(shard.path, columns=[field.name for field in schema if _is_label(field.type)]))
    whole = pa.concat_tables(parts, promote_options="permissive")
    identity = None
    attributes: dict[str, pa.Array] = {}
    ignored = []
    for name in whole.column_names:
        column = whole[name].combine_chunks()
        if name.lower() in IDENTITIES and pa.types.is_integer(column.type):
            identity = column.cast(pa.int64())
            continue
        found = _attributes(name, column, classes.get(name))
        if not found:
            ignored.append(name)
        for attribute, values in found.items():
            attributes[labels.attribute_name(attribute, list(attributes))] = values
    files = [f"{shard.name}#{row}" for shard in shards for row in range(shard.rows)]
    split = pa.array([_split(shard.name) for shard in shards for _ in range(shard.rows)], pa.string())
    return metadata_table(files, split, identity, attributes), ignored


def _is_label(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind))


def _attributes(name: str, column: "pa.Array", classes: list[str] | None) -> "dict[str, pa.Array]":
    """The bool columns that a column of labels stands for: itself, or one a class."""
    import pyarrow.compute as pc

    plain = name.lower() not in ("label", "labels", "class")
    if classes and len(classes) == 2 and {one.lower() for one in classes} <= {*labels.TRUTHS, "-1"}:
        return {name: pc.equal(column, 1)}
    if not classes and (truth := labels.truths(column)) is not None and (plain or column.type == "bool"):
        return {name: truth}
    if classes:
        return {one: pc.equal(column, number) for number, one in enumerate(classes)}
    numbers = sorted(pc.unique(column.drop_null()).to_pylist())
    if len(numbers) > MOST_CLASSES:
        return {}
    return {f"{name}_{number}": pc.equal(column, number) for number in numbers}


def _features_of_schema(schema: "pa.Schema") -> dict[str, list[str]]:
    """The names of classes that the `datasets` library writes into a Parquet file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: list(kind["names"]) for name, kind in features.items() if isinstance(kind, dict) and "names" in kind
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _features_of_card(info: Any) -> dict[str, list[str]]:
    """The names of classes in the README's head, which the hub hands out as data."""
    try:
        described = info.card_data.to_dict()["dataset_info"]
        features = (described[0] if isinstance(described, list) else described)["features"]
        found = {
            feature["name"]: feature["dtype"]["class_label"]["names"] for feature in features if _is_class(feature)
        }
        return {name: [names[key] for key in sorted(names, key=int)] for name, names in found.items()}
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def _is_class(feature: dict[str, Any]) -> bool:
    return isinstance(feature.get("dtype"), dict) and "class_label" in feature["dtype"]


def _split(name: str) -> str | None:
    """The split a Parquet file belongs to, by its name (data/train-00000-of-00002.parquet) or its folder's."""
    words = re.split(r"[/_.-]", name.lower())
    return next(("valid" if word in ("val", "validation") else word for word in words if word in SPLIT_WORDS), None)


def _read(shards: list[_Shard], rows: np.ndarray) -> Iterator[Handle]:
    """Read the pictures of these ascending rows, one row group after the other, in batches."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    first = 0  # row of the row group at hand, counted over the whole dataset
    for shard in shards:
        with pq.ParquetFile(shard.path) as file:
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                wanted = set(rows[np.searchsorted(rows, first) : np.searchsorted(rows, after)].tolist())
                columns = [f"{shard.image}.bytes" if shard.nested else shard.image]
                if wanted:
                    for batch in file.iter_batches(BATCH, [group], columns, use_threads=False):
                        pictures = batch.column(0)
                        pictures = pc.struct_field(pictures, "bytes") if shard.nested else pictures
                        for offset in range(len(pictures)):
                            if first + offset in wanted:
                                yield Encoded(pictures[offset].as_py())
                        first += len(pictures)
                first = after

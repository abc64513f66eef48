"""Any folder or zip of pictures, labelled by a table beside them or by the names of their folders."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.data import labels
from facesmith.data.archive import Listing
from facesmith.data.source import Source, metadata_table, printable
from facesmith.errors import FacesmithError

TABLES = ("labels.csv", "labels.parquet", "metadata.csv")
MOST_FOLDERS = 256  # more than these are people, one folder each, not attributes


@dataclass
class _Labels:
    """What is known about the pictures, in their order."""

    split: Any = None
    identity: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    rows_without_image: int = 0
    ignored: tuple[str, ...] = ()
    digest: str = ""


def folder_source(listing: Listing, table: Path | None = None) -> Source:
    """The pictures of a folder or zip as a source.

    Labels come from ``table``, else from a labels.csv, labels.parquet or metadata.csv at the top of the folder, else
    from the names of the subfolders. Raises `FacesmithError` where there is no picture, or the table fits none.
    """
    pictures = listing.pictures()
    if not pictures:
        raise FacesmithError(f"{listing.root} holds no picture: JPEG, PNG, WebP, BMP, GIF and TIFF files are read")
    found = _table(listing, table)
    known = _from_table(*found, pictures) if found else _from_folders(pictures, zipped=listing.root.is_file())
    fingerprint = hashlib.sha256((listing.fingerprint(pictures) + known.digest).encode()).hexdigest()
    return Source(
        kind="folder",
        name=printable(listing.root.resolve().stem if listing.root.is_file() else listing.root.resolve().name),
        fingerprint=fingerprint,
        table=metadata_table(pictures, known.split, known.identity, known.attributes),
        handles=lambda rows: listing.handles([pictures[row] for row in rows]),
        rows_without_image=known.rows_without_image,
        ignored_columns=known.ignored,
    )


def _table(listing: Listing, given: Path | None) -> tuple[bytes, str] | None:
    if given is not None:
        try:
            return given.read_bytes(), str(given)
        except OSError as error:
            raise FacesmithError(f"the labels {given} cannot be read: {error.strerror}") from None
    top = _wrapping_folder(list(listing.entries)) if listing.root.is_file() else ""
    name = next((top + name for name in TABLES if top + name in listing.entries), None)
    return None if name is None else (listing.read(name), name)


def _from_table(data: bytes, name: str, pictures: list[str]) -> _Labels:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = labels.read_table(data, name)
    rows = labels.match_rows([printable(picture) for picture in pictures], table.columns[0].cast(pa.string()))
    if not (rows >= 0).any():
        shown = table.columns[0][0].as_py() if len(table) else "nothing"
        raise FacesmithError(
            f"{name} names none of the pictures: its column {table.column_names[0]!r} has {shown!r} where a picture is "
            f"{printable(pictures[0])!r}"
        )
    known = _Labels(digest=hashlib.sha256(data).hexdigest())
    known.rows_without_image = len(table) - len(np.unique(rows[rows >= 0]))
    ignored = []
    for column in table.column_names[1:]:
        values = labels.take(table[column], rows)
        if column.lower() in ("split", "partition") and known.split is None:
            known.split = labels.splits(values, name)
        elif column.lower() == "identity" and pa.types.is_integer(values.type):
            known.identity = pc.cast(values, pa.int64())
        elif (truth := labels.truths(table[column])) is not None:
            known.attributes[labels.attribute_name(column, list(known.attributes))] = labels.take(truth, rows)
        else:
            ignored.append(column)
    if not known.attributes and known.split is None and known.identity is None:
        raise FacesmithError(
            f"{name} has no label that can be used: a label is a column of 0 and 1, -1 and 1, or true and false"
        )
    known.ignored = tuple(ignored)
    return known


def _from_folders(pictures: list[str], zipped: bool) -> _Labels:
    """One attribute a folder name; a picture that lies in no folder has them all unknown."""
    import pyarrow as pa

    # A zip is mostly one folder packed whole: its name is the zip's, and says nothing about one picture or another.
    top = len(_wrapping_folder(pictures)) if zipped else 0
    parents = [printable(picture[top:]).split("/")[:-1] for picture in pictures]
    names = sorted({name for folders in parents for name in folders})
    loose = np.array([not folders for folders in parents])
    if len(names) > MOST_FOLDERS:
        numbers = {name: number for number, name in enumerate(names)}
        people = np.array([numbers[folders[-1]] if folders else -1 for folders in parents])
        return _Labels(identity=pa.array(people, pa.int64(), mask=loose))
    at = {name: column for column, name in enumerate(names)}
    truth = np.zeros((len(names), len(pictures)), bool)
    for row, folders in enumerate(parents):
        for name in folders:
            truth[at[name], row] = True
    columns: dict[str, Any] = {}
    for name in names:
        columns[labels.attribute_name(name, list(columns))] = pa.array(truth[at[name]], pa.bool_(), mask=loose)
    return _Labels(attributes=columns)


def _wrapping_folder(names: list[str]) -> str:
    """The one top folder all names lie in, with its slash, or an empty string."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""

"""Labels of a source's files: read from a label file, or taken from the names of their folders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from facesmith.data.labels.columns import parse_attribute, parse_identity, parse_splits
from facesmith.data.labels.matching import match_rows
from facesmith.data.labels.table_file import read_label_table
from facesmith.data.metadata import free_attribute_name, printable
from facesmith.data.notes import Note, note
from facesmith.errors import FacesmithError

MAX_ATTRIBUTE_FOLDERS = 256  # with more, a folder is a person, not an attribute


@dataclass
class Labels:
    """The labels of some files, in the order of the files; what is not known is None, or null."""

    split: Any = None
    identity: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    unmatched_rows: int = 0
    ignored_columns: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    digest: str = ""


def labels_from_table(data: bytes, name: str, files: Sequence[str]) -> Labels:
    """Read the labels of files from the bytes of a label file.

    Raises `FacesmithError` if the table cannot be read, names none of the files or has no usable column.
    """
    table = read_label_table(data, name)
    match = match_rows([printable(file) for file in files], table.columns[0], name)
    if not match:
        first_value = repr(table.columns[0][0].as_py()) if len(table) else "no rows"
        raise FacesmithError(
            f"{name} names none of the pictures: its column {table.column_names[0]!r} has {first_value} where a "
            f"picture is {printable(files[0])!r}"
        )
    labels = Labels(
        unmatched_rows=match.unmatched_rows, notes=list(match.notes), digest=hashlib.sha256(data).hexdigest()
    )
    for column in table.column_names[1:]:
        cells = table[column]
        kind = column.strip().lower()
        if kind in ("split", "partition") and labels.split is None:
            labels.split = parse_splits(match.take(cells), name)
        elif kind == "identity" and (identity := parse_identity(cells)) is not None:
            labels.identity = match.take(identity)
        elif (attribute := parse_attribute(cells)) is not None:
            labels.attributes[free_attribute_name(column, list(labels.attributes))] = match.take(attribute)
        else:
            labels.ignored_columns.append(column)
    if not labels.attributes and labels.split is None and labels.identity is None:
        raise FacesmithError(
            f"{name} has no label that can be used: a label is a column of 0 and 1, -1 and 1, or true and false"
        )
    ignored = labels.ignored_columns
    labels.notes += note(
        f"columns of {name} are ignored, because they are neither attribute, split nor identity", len(ignored), ignored
    )
    return labels


def labels_from_folders(files: Sequence[str], skip: str = "") -> Labels:
    """Return one attribute for each folder name, unknown for a file in no folder; ``skip`` is a common prefix.

    More than `MAX_ATTRIBUTE_FOLDERS` folders become identities.
    """
    import pyarrow as pa

    parents = [printable(file[len(skip) :]).split("/")[:-1] for file in files]
    names = sorted({name for folders in parents for name in folders})
    in_no_folder = np.array([not folders for folders in parents])
    if len(names) > MAX_ATTRIBUTE_FOLDERS:
        numbers = {name: number for number, name in enumerate(names)}
        identities = np.array([numbers[folders[-1]] if folders else -1 for folders in parents])
        return Labels(identity=pa.array(identities, pa.int64(), mask=in_no_folder))
    columns = {name: column for column, name in enumerate(names)}
    values = np.zeros((len(names), len(files)), bool)
    for row, folders in enumerate(parents):
        for name in folders:
            values[columns[name], row] = True
    attributes: dict[str, Any] = {}
    for name in names:
        column = pa.array(values[columns[name]], pa.bool_(), mask=in_no_folder)
        attributes[free_attribute_name(name, list(attributes))] = column
    return Labels(attributes=attributes)

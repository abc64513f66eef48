"""Read the labels of a source's files from a label table, whose rows name the files in one of several forms."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facesmith.arrays import Integers
from facesmith.data.labels.table import parse_attribute, parse_identity, parse_splits, read_label_table
from facesmith.data.source import Labels, Note, free_attribute_name, note, printable
from facesmith.errors import FacesmithError
from facesmith.images.decode import SUFFIXES

NO_ROW = -1


@dataclass(frozen=True, eq=False)
class Match:
    """``rows``: the row of each file, int64 of shape (files,), or `NO_ROW`. The rest describes what did not match."""

    rows: Integers
    unmatched_rows: int
    notes: list[Note]

    def __bool__(self) -> bool:
        return bool((self.rows >= 0).any())

    def take(self, column: Any) -> Any:
        """Return the values of a column of the table for each file, null for a file without a row."""
        import pyarrow as pa

        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return column.take(pa.array(self.rows, mask=self.rows < 0))


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


def match_rows(files: Sequence[str], keys: Any, table: str) -> Match:
    """Find for each file the row of ``keys`` that names it; ``table`` is the table's name for notes.

    A table may name files by their path, by their name alone, or by either without the suffix. The form that names most
    files is used. If several rows name one file, the first of them is used.
    """
    names = [_normalize(str(key or "")) for key in keys.to_pylist()]
    paths = [_normalize(file) for file in files]
    best_rows = np.full(len(files), NO_ROW, np.int64)
    best_form: Callable[[str], str] = str
    for form in (str, _base_name, _without_suffix, _stem):
        first_rows: dict[str, int] = {}
        for row, name in enumerate(names):
            first_rows.setdefault(form(name), row)
        rows = np.array([first_rows.get(form(path), NO_ROW) for path in paths], np.int64)
        if (rows >= 0).sum() > (best_rows >= 0).sum():
            best_rows, best_form = rows, form
        if (best_rows >= 0).all():
            break
    return _describe(files, names, best_rows, best_form, table)


def _describe(files: Sequence[str], names: list[str], rows: Integers, form: Callable[[str], str], table: str) -> Match:
    used, files_per_row = np.unique(rows[rows >= 0], return_counts=True)
    forms = [form(name) for name in names]
    counts = Counter(forms)
    repeated = [names[row] for row in used if counts[forms[row]] > 1]
    used_forms = {forms[row] for row in used}
    unmatched = [name for name, key in zip(names, forms, strict=True) if key not in used_forms]
    unlabelled = [file for file, row in zip(files, rows, strict=True) if row < 0] if len(used) else []
    notes = [
        *note(f"rows of {table} name no photo", len(unmatched), unmatched),
        *note(f"photos have no row in {table}", len(unlabelled), unlabelled),
        *note(f"photos are named by several rows of {table}, the first is used", len(repeated), repeated),
        *note(
            f"rows of {table} name several photos, which get the same labels",
            int((files_per_row > 1).sum()),
            (names[row] for row in used[files_per_row > 1]),
        ),
    ]
    return Match(rows, len(unmatched), notes)


def _normalize(name: str) -> str:
    """Return a file name in the form in which names are compared: composed Unicode, forward slashes."""
    return unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")


def _base_name(name: str) -> str:
    return name.rpartition("/")[2]


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot + suffix.lower() in SUFFIXES else name


def _stem(name: str) -> str:
    return _without_suffix(_base_name(name))

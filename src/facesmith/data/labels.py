"""Tables of labels: reading CSV, Parquet and CelebA's own text files, and finding bool columns in them."""

import csv
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data.source import RESERVED, SPLITS
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

FILE_COLUMNS = ("file", "filename", "file_name", "image_id", "path")
TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
SPLIT_NAMES = {"0": 0, "train": 0, "1": 1, "valid": 1, "val": 1, "validation": 1, "dev": 1, "2": 2, "test": 2}


def read_table(data: bytes, name: str) -> "pa.Table":
    """Parse a CSV or Parquet file into a table whose first column, of strings, names the pictures.

    Raises `FacesmithError` naming the file for one that cannot be parsed, is ragged or repeats a column.
    """
    import pyarrow as pa

    try:
        table = _read_parquet(data) if name.lower().endswith(".parquet") else _read_csv(data, name)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise FacesmithError(f"{name} cannot be read as a table of labels: {_first_line(error)}") from None
    names = table.column_names
    repeated = next((column for column in names if names.count(column) > 1), None)
    if repeated is not None:
        raise FacesmithError(f"{name} has two columns called {repeated!r}: rename one of them")
    if not names:
        raise FacesmithError(f"{name} has no columns: its first column must name the pictures")
    key = next((column for column in names if column.strip().lower() in FILE_COLUMNS), names[0])
    return table.select([key, *(column for column in names if column != key)])


def _read_parquet(data: bytes) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data))
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _read_csv(data: bytes, name: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv as pacsv

    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise FacesmithError(f"{name} is empty: its first line must name the columns")
    first = data.split(b"\n", 1)[0].decode("utf-8")
    delimiter = max(",;\t", key=first.count)
    names = next(csv.reader([first.strip("\r")], delimiter=delimiter))
    key = next((column for column in names if column.strip().lower() in FILE_COLUMNS), names[0])

    bad: list[Any] = []

    def ragged(row: Any) -> str:
        bad.append(row)  # an exception raised here would be lost in the parser
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(use_threads=False),  # so that the rows keep their numbers
        pacsv.ParseOptions(delimiter=delimiter, invalid_row_handler=ragged),
        pacsv.ConvertOptions(column_types={key: pa.string()}, strings_can_be_null=False),
    )
    if bad:
        row = bad[0]
        raise FacesmithError(
            f"{name} is not a table: row {row.number} has {row.actual_columns} columns of {row.expected_columns}"
        )
    return table


def read_spaced(data: bytes, name: str, columns: Sequence[str], bits: int = 64) -> "pa.Table":
    """Parse lines like ``000001.jpg -1  1 -1``: a file, then one whole number of ``bits`` for each of ``columns``."""
    import pyarrow as pa
    from pyarrow import csv as pacsv

    text = data.replace(b"\r\n", b"\n").replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    text = text.replace(b" \n", b"\n").strip()
    names = ["file", *columns]
    try:
        return pacsv.read_csv(
            pa.BufferReader(text),
            pacsv.ReadOptions(column_names=names),
            pacsv.ParseOptions(delimiter=" ", quote_char=False),
            pacsv.ConvertOptions(
                column_types={"file": pa.string(), **dict.fromkeys(columns, pa.int8() if bits == 8 else pa.int64())},
                strings_can_be_null=False,
                null_values=[],
            ),
        )
    except pa.ArrowException as error:
        raise FacesmithError(f"{name} is not CelebA's: {_bad_line(text, len(names)) or _first_line(error)}") from None


def _bad_line(text: bytes, columns: int) -> str | None:
    """Say which line of a spaced table is wrong, looked for only once something is."""
    for line in text.split(b"\n"):
        words = line.split(b" ")
        shown = line[:40].decode("utf-8", "replace")
        if len(words) != columns:
            return f"the row {shown!r} has {len(words)} columns of {columns}"
        if not all(re.fullmatch(rb"[+-]?\d+", word) for word in words[1:]):
            return f"the row {shown!r} has a value that is not a whole number"
    return None


def signs(table: "pa.Table", name: str) -> dict[str, Any]:
    """Turn every column but the first from 1 and -1 into bool, or raise `FacesmithError` naming what is neither."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for column in table.column_names[1:]:
        values = table[column]
        known = pa.types.is_integer(values.type) and not values.null_count
        if not known or not pc.all(pc.or_(pc.equal(values, 1), pc.equal(values, -1))).as_py():
            odd = next(value for value in values.to_pylist() if value not in (1, -1))
            raise FacesmithError(f"{name} is not CelebA's: {column} has the value {odd!r} where 1 or -1 is expected")
        columns[column] = pc.greater(values, 0).combine_chunks()
    return columns


def truths(column: Any) -> "pa.ChunkedArray | None":
    """A column of 0 and 1, -1 and 1, true and false or yes and no as bool, empty cells null; None for any other."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        seen = set(pc.unique(column.drop_null()).to_pylist())
        return pc.greater(column, 0) if seen and (seen <= {0, 1} or seen <= {-1, 1}) else None
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    seen = set(pc.unique(words.drop_null()).to_pylist()) - {""}
    truth = {**TRUTHS, "-1": False} if not seen & {"0", "0.0"} else TRUTHS
    if not seen or not seen <= set(truth):
        return None
    false = pa.array([word for word, value in truth.items() if not value])
    return pc.if_else(pc.equal(words, ""), None, pc.invert(pc.is_in(words, value_set=false)))


def splits(column: Any, name: str) -> "pa.ChunkedArray":
    """A column of 0, 1, 2 or of train, valid, test as our names of splits; an empty cell is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(column, pa.string())))
    words = pc.if_else(pc.equal(words, ""), None, words)
    found = pc.index_in(words, value_set=pa.array(list(SPLIT_NAMES)))
    strange = pc.and_(pc.is_valid(words), pc.is_null(found))
    if pc.any(strange).as_py():
        odd = words.filter(strange)[0].as_py()
        raise FacesmithError(f"{name} has the split {odd!r}: the splits are 0, 1, 2 or train, valid, test")
    return pc.take(pa.array([SPLITS[SPLIT_NAMES[word]] for word in SPLIT_NAMES]), found)


def attribute_name(name: str, taken: Sequence[str] = ()) -> str:
    """A name for an attribute's column that is neither empty, nor one of ours, nor taken."""
    name = name.strip() or "unnamed"
    while name in RESERVED or name in taken:
        name += "_"
    return name


def match_rows(pictures: Sequence[str], keys: Any) -> np.ndarray:
    """For each picture the row of ``keys`` that names it, or -1: int64 of shape (pictures,).

    A table may name pictures by their path, by their name alone, or by their name without its ending; the first of
    these that finds any picture is used.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = _flat(keys)
    names = [picture.rpartition("/")[2] for picture in pictures]
    found = np.full(len(pictures), -1, np.int64)
    for wanted in (pictures, names, [name.rpartition(".")[0] for name in names]):
        rows = pc.index_in(pa.array(wanted, pa.string()), value_set=keys).fill_null(-1)
        found = rows.to_numpy(zero_copy_only=False).astype(np.int64)
        if (found >= 0).any():
            break
    return found


def take(column: Any, rows: np.ndarray) -> Any:
    """The values of a column at these rows, null where a row is -1."""
    import pyarrow as pa

    return _flat(column).take(pa.array(rows, mask=rows < 0))


def _flat(column: Any) -> Any:
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].split(". Detail")[0][:200] or type(error).__name__

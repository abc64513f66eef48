"""Label tables: read CSV, Parquet and space-separated text, and give the columns their types.

A table is read with every column as strings. The first column names the files.
"""

import csv
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facesmith.data.source import SPLITS
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

FILE_COLUMNS = ("file", "filename", "file_name", "image_id", "path")
INDEX_COLUMNS = ("", "unnamed: 0", "__index_level_0__")  # the row numbers that pandas writes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MISSING_CELLS = ("", "na", "n/a", "#n/a", "nan", "null", "none")
BOOLS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0, "-1": -1}
SPLIT_NUMBERS = {"0": 0, "train": 0, "1": 1, "valid": 1, "val": 1, "validation": 1, "dev": 1, "2": 2, "test": 2}


def read_label_table(data: bytes, name: str) -> "pa.Table":
    """Parse a CSV or Parquet file, or raise `FacesmithError` that names it."""
    import pyarrow as pa

    try:
        table = _read_parquet(data) if name.lower().endswith(".parquet") else _read_csv(data, name)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise FacesmithError(f"{name} cannot be read as a table of labels: {_first_line(error)}") from None
    columns = table.column_names
    duplicate = next((column for column in columns if columns.count(column) > 1), None)
    if duplicate is not None:
        raise FacesmithError(f"{name} has two columns called {duplicate!r}: rename one of them")
    columns = [column for column in columns if column.strip().lower() not in INDEX_COLUMNS] or columns
    if not columns:
        raise FacesmithError(f"{name} has no columns: its first column must name the pictures")
    key = next((column for column in columns if column.strip().lower() in FILE_COLUMNS), columns[0])
    return table.select([key, *(column for column in columns if column != key)])


def read_spaced_table(data: bytes, name: str, columns: Sequence[str]) -> "pa.Table":
    """Parse lines like ``000001.jpg -1  1 -1``: a file, then a value for each of ``columns``."""
    text = without_byte_order_mark(data).replace(b"\r\n", b"\n").replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    text = text.replace(b" \n", b"\n").strip()
    return _parse_delimited(text, name, " ", ["file", *columns], has_header=False)


def without_byte_order_mark(data: bytes) -> bytes:
    return data.removeprefix(BYTE_ORDER_MARK)


def _read_parquet(data: bytes) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data))
    return pa.table([to_strings(column) for column in table.columns], names=table.column_names)


def to_strings(column: Any) -> Any:
    """Return a column of any type as strings; values without a plain text form, such as lists, become null."""
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), pa.string())


def _read_csv(data: bytes, name: str) -> "pa.Table":
    data = without_byte_order_mark(data)
    if not data.strip():
        raise FacesmithError(f"{name} is empty: its first line must name the columns")
    header = re.split(rb"[\r\n]", data, maxsplit=1)[0].decode("utf-8")
    delimiter = max(",;\t", key=header.count)
    return _parse_delimited(data, name, delimiter, next(csv.reader([header], delimiter=delimiter)), has_header=True)


def _parse_delimited(data: bytes, name: str, delimiter: str, columns: list[str], has_header: bool) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv as pacsv

    ragged_rows: list[Any] = []

    def on_ragged_row(row: Any) -> str:
        ragged_rows.append(row)  # an exception raised here would be lost in the parser
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            # One thread, so that rows keep their numbers.
            pacsv.ReadOptions(use_threads=False, column_names=None if has_header else columns),
            pacsv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if has_header else False,
                invalid_row_handler=on_ragged_row,
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowException as error:
        raise FacesmithError(f"{name} cannot be read as a table of labels: {_first_line(error)}") from None
    if ragged_rows:
        row = ragged_rows[0]
        number = "" if row.number is None else f" {row.number}"
        raise FacesmithError(
            f"{name} is not a table: row{number} has {row.actual_columns} columns of {row.expected_columns}: "
            f"{row.text[:40]!r}"
        )
    return table


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].split(". Detail")[0][:200] or type(error).__name__


def parse_attribute(column: Any) -> "pa.Array | None":
    """Return a column of 0 and 1, -1 and 1, true and false or yes and no as bool; None for any other column."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        return column
    cells, indices = _distinct_cells(column)
    values = {BOOLS.get(cell) for cell in cells if cell is not None}
    if not values or not (values <= {0, 1} or values <= {-1, 1}):
        return None
    return pa.array([None if cell is None else BOOLS[cell] == 1 for cell in cells], pa.bool_()).take(indices)


def parse_signs(column: Any, name: str, table: str) -> "pa.Array":
    """Return a column of 1 and -1 as bool, or raise `FacesmithError` that quotes the first other cell."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    invalid_value = next((cell for cell in cells if cell not in ("1", "-1")), "")
    if invalid_value != "" or indices.null_count:
        cell_text = f"the value {invalid_value!r}" if invalid_value else "an empty cell"
        raise FacesmithError(f"{table} is not CelebA's: {name} has {cell_text} where 1 or -1 is expected")
    return pa.array([cell == "1" for cell in cells], pa.bool_()).take(indices)


def parse_splits(column: Any, table: str) -> "pa.Array":
    """Return a column of 0, 1, 2 or train, valid, test as the names of splits, or raise `FacesmithError`."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    invalid_value = next((cell for cell in cells if cell is not None and cell not in SPLIT_NUMBERS), None)
    if invalid_value is not None:
        raise FacesmithError(f"{table} has the split {invalid_value!r}: expected 0, 1, 2 or train, valid, test")
    splits = [None if cell is None else SPLITS[SPLIT_NUMBERS[cell]] for cell in cells]
    return pa.array(splits, pa.string()).take(indices)


def parse_identity(column: Any) -> "pa.Array | None":
    """Return a column of whole numbers as int64, or None for any other column."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    numbers = [
        None if cell is None else int(cell) for cell in cells if cell is None or re.fullmatch(r"-?\d{1,18}", cell)
    ]
    if len(numbers) < len(cells) or not any(number is not None for number in numbers):
        return None
    return pa.array(numbers, pa.int64()).take(indices)


def _distinct_cells(column: Any) -> tuple[list[str | None], Any]:
    """Return the distinct cells of a column as cleaned text, None if missing, and each row's index into them."""
    import pyarrow as pa

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = to_strings(column).dictionary_encode()
    return [_clean(cell) for cell in encoded.dictionary.to_pylist()], encoded.indices


def _clean(cell: str) -> str | None:
    text = re.sub(r"^\+?(-?\d+)\.0*$", r"\1", cell.strip().lower())  # pandas writes whole numbers as 1.0
    return None if text in MISSING_CELLS else text

"""Label files: CSV, Parquet and space-separated text, read into a table of strings.

Every column of the table has the type string. The first column names the files.
"""

import csv
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

FILE_COLUMNS = ("file", "filename", "file_name", "image_id", "path")
INDEX_COLUMNS = ("", "unnamed: 0", "__index_level_0__")  # the row numbers that pandas writes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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

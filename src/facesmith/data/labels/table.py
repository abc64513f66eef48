"""Label tables: CSV, Parquet, JSON and space-separated text, read into a table of strings."""

import codecs
import csv
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facesmith.errors import FacesmithError
from facesmith.images.decode import SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
FILE_COLUMNS = (
    "file", "filename", "file_name", "image_id", "path", "file_path", "filepath", "image", "image_path",
    "image_name", "image_file", "img", "img_path", "img_name", "photo", "picture",
)  # fmt: skip
INDEX_COLUMN = re.compile(r"|unnamed: 0(\.\d+)*|__index_level_\d+__")  # the row numbers that pandas writes
CHARSETS = {  # by the first bytes of a text; UTF-32 before UTF-16, whose mark is its beginning
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PACKED = (b"PK", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"ARROW1", b"FEA1")


def read_label_table(data: bytes, name: str) -> "pa.Table":
    """Parse a table of any supported format into columns of strings, or raise `FacesmithError` that names the file.

    The format follows from the content, not from the ending of ``name``.
    """
    import pyarrow as pa

    try:
        if data.startswith(b"PAR1"):
            table = _read_parquet(data)
        elif data.startswith(PACKED):
            raise FacesmithError(f"{name} is a spreadsheet, an archive or an Arrow file: save the table as CSV")
        else:
            text = decode_text(data)
            table = _read_json(text, name) if text.startswith(("{", "[")) else _read_text(text, name)
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:  # OSError: a damaged Parquet file
        raise FacesmithError(f"{name} cannot be read as a label table: {_first_line(error)}") from None
    table = table.rename_columns([column.strip().strip("'\"").strip() for column in table.column_names])
    columns = [column for column in table.column_names if not INDEX_COLUMN.fullmatch(column.lower())]
    duplicate = next((column for column in columns if columns.count(column) > 1), None)
    if duplicate is not None:
        raise FacesmithError(f"{name} has two columns called {duplicate!r}: rename one of them")
    if not columns:
        raise FacesmithError(f"{name} has no columns: one column must contain the file names of the images")
    return table.select(columns)


def read_spaced_table(text: str, name: str, columns: Sequence[str]) -> "pa.Table":
    """Parse lines like ``000001.jpg -1  1 -1``: a file, then a value for each of ``columns``."""
    text = text.replace("\t", " ").replace("\r\n", "\n").replace("\r", "\n")
    while "  " in text:  # far faster than a regular expression
        text = text.replace("  ", " ")
    text = text.replace(" \n", "\n").replace("\n ", "\n").strip()
    return _parse_delimited(text, name, " ", ["file", *columns], has_header=False)


def decode_text(data: bytes) -> str:
    """Return the text of a table, whose encoding is UTF-8, UTF-16, UTF-32 or, if it is none, Windows-1252."""
    charset = next((charset for mark, charset in CHARSETS.items() if data.startswith(mark)), "utf-8")
    if charset == "utf-8" and b"\0" in data[:2]:  # UTF-16 without its mark: the first letter is ASCII
        charset = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        text = data.decode(charset)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.strip("\r\n \ufeff")


def split_celeba_header(text: str) -> tuple[list[str], str] | None:
    """Return the attributes and the rows of a table in CelebA's form, or None for another.

    Its first line is the number of rows, which may be missing, and its second the attributes, without a name for the
    column of files.
    """
    header, *rest = re.split(r"\r\n|\n|\r", text, maxsplit=2)
    if header.strip().isdigit() and rest:
        header, rest = rest[0], rest[1:]
    names, body = header.split(), "\n".join(rest)
    row = body.split("\n", 1)[0].split()
    is_celeba = names and len(row) == len(names) + 1 and not any(mark in header for mark in ",;|")
    return (names, body) if is_celeba else None


def to_strings(column: Any) -> Any:
    """Return a column of any type as strings; values without a plain text form, such as lists, become null."""
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), pa.string())


def _read_parquet(data: bytes) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data))
    table.validate(full=True)  # texts of a damaged file may not be UTF-8
    return pa.table([to_strings(column) for column in table.columns], names=table.column_names)


def _read_text(text: str, name: str) -> "pa.Table":
    if not text:
        raise FacesmithError(f"{name} is empty: its first line must contain the column names")
    delimiter = None
    if match := re.match(r"sep=(.)[\r\n]+", text):  # a line that Excel writes and reads
        delimiter, text = match[1], text[match.end() :]
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    unquoted = re.sub(r'"[^"]*"', "", header)
    delimiter = delimiter or max(DELIMITERS, key=unquoted.count)
    if delimiter not in unquoted:
        if celeba := split_celeba_header(text):
            return read_spaced_table(celeba[1], name, celeba[0])
        if len(header.split()) > 1:
            _, *names = header.split()
            return read_spaced_table(text.partition("\n")[2], name, names)
    columns = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
    if not text[len(header) :].strip():
        raise FacesmithError(f"{name} has no rows: add one for each image")
    if any(column.strip().lower().endswith(SUFFIXES) for column in columns):
        raise FacesmithError(f"{name} has no header line: add one, for example file,Smiling")
    return _parse_delimited(text, name, delimiter, columns, has_header=True)


def _parse_delimited(text: str, name: str, delimiter: str, columns: list[str], has_header: bool) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv as pacsv

    ragged_rows: list[Any] = []

    def on_ragged_row(row: Any) -> str:
        ragged_rows.append(row)  # an exception raised here would be lost in the parser
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(text.encode("utf-8", "replace")),
        # One thread, so that rows keep their numbers.
        pacsv.ReadOptions(use_threads=False, column_names=columns, skip_rows=int(has_header)),
        pacsv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if has_header else False,
            newlines_in_values=has_header and '"' in text,
            invalid_row_handler=on_ragged_row,
        ),
        pacsv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False),
    )
    if ragged_rows:
        row = ragged_rows[0]
        number = "" if row.number is None else f" {row.number}"
        raise FacesmithError(
            f"{name} is not a valid table: row{number} has {row.actual_columns} columns instead of "
            f"{row.expected_columns} ({row.text[:40]!r}): correct this row"
        )
    return table


def _read_json(text: str, name: str) -> "pa.Table":
    """Parse JSON Lines, an array of objects, pandas' columns, StyleGAN's dataset.json, or a label for each file."""
    import pyarrow as pa

    try:
        value = json.loads(text)
    except ValueError:
        value = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, dict) and any(str(key).lower() in FILE_COLUMNS for key in value):
        value = _rows(value) if all(isinstance(cells, (dict, list)) for cells in value.values()) else [value]
    elif isinstance(value, dict):
        value = next((value[key] for key in ("labels", "faces") if isinstance(value.get(key), (list, dict))), value)
    rows = list(value.items()) if isinstance(value, dict) else value
    records = [_expand(row) if isinstance(row, dict) else _labelled_file(row) for row in rows]
    columns = list(dict.fromkeys(str(column) for record in records for column in record))
    if not records:
        raise FacesmithError(f"{name} has no rows: add one per image")
    return pa.table({column: pa.array([_json_cell(r.get(column)) for r in records], pa.string()) for column in columns})


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of columns, each of which is a list or has a number for each row, as pandas writes them."""
    cells = {name: list(column.values() if isinstance(column, dict) else column) for name, column in columns.items()}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _expand(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a column for each of the attributes that `facesmith generate --with` writes as a list."""
    attributes = record.get("with")
    if not isinstance(attributes, list):
        return record
    others = {name: value for name, value in record.items() if name != "with"}
    requested = {str(name).removeprefix("~"): not str(name).startswith("~") for name in attributes}
    return requested | others  # a column of the attribute has its label


def _labelled_file(row: Any) -> dict[str, Any]:
    """Return the record of a pair of a file and its label: a number, a list of numbers, or an object."""
    if not isinstance(row, (list, tuple)) or len(row) != 2 or not isinstance(row[0], str):
        raise ValueError("its rows are neither objects nor pairs of a file name and a label")
    file, label = row
    if isinstance(label, dict):
        return {"file": file, **label}
    if isinstance(label, list):
        return {"file": file, **{f"label_{number}": value for number, value in enumerate(label)}}
    return {"file": file, "label": label}


def _json_cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else None


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].split(". Detail")[0][:200] or type(error).__name__

"""Label tables: CSV, Parquet, JSON and space-separated text, read into a table of strings."""

import codecs
import csv
import re
from collections.abc import Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from facesmith.data.labels.json_table import FILE_COLUMNS, read_json_table
from facesmith.errors import FacesmithError
from facesmith.images.decode import SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
MAX_TITLE_LINES = 10  # above the header
VALUE = re.compile(r"[+-]?\d+(\.\d*)?|true|false", re.IGNORECASE)
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
            text = decode_text(data, name)
            table = read_json_table(text, name) if text.startswith(("{", "[")) else _read_text(text, name)
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


def decode_text(data: bytes, name: str) -> str:
    """Return the text of a table, whose encoding is UTF-8, UTF-16, UTF-32 or, if it is none, Windows-1252.

    In a text that is otherwise UTF-8, other bytes become ``\\xNN``, as in `printable`. Raises `FacesmithError`.
    """
    charset, errors = _charset(data)
    try:
        return data.decode(charset, errors).strip("\r\n \ufeff")
    except UnicodeDecodeError:
        raise FacesmithError(f"{name} is neither UTF-8 nor Windows-1252 text: save it as UTF-8") from None


def guessed_lines(data: bytes) -> list[str]:
    """Return the lines of a table that are not UTF-8 and were read as Windows-1252, which is only a guess."""
    if data.startswith((b"PAR1", *PACKED)) or _charset(data)[0] != "cp1252":
        return []
    return [line for line in data.decode("cp1252").splitlines() if not line.isascii()]


def _charset(data: bytes) -> tuple[str, str]:
    """Return the encoding of a text and how errors are handled, as `bytes.decode` takes them."""
    charset = next((charset for mark, charset in CHARSETS.items() if data.startswith(mark)), "utf-8")
    if charset == "utf-8" and b"\0" in data[:2]:  # UTF-16 without its mark: the first letter is ASCII
        charset = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if charset not in ("utf-8", "utf-8-sig"):
        return charset, "replace"
    ascii_bytes = bytes(range(128))
    valid = data.decode("utf-8", "ignore").encode().translate(None, ascii_bytes)
    others = len(data.translate(None, ascii_bytes))
    is_utf8 = 2 * len(valid) > others or others == 0
    return (charset, "backslashreplace") if is_utf8 else ("cp1252", "strict")


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
    text = _without_title(text)
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    unquoted = re.sub(r'"[^"]*"', "", header)
    delimiter = delimiter or max(DELIMITERS, key=unquoted.count)
    if delimiter not in unquoted and (celeba := split_celeba_header(text)):
        return read_spaced_table(celeba[1], name, celeba[0])
    is_spaced = delimiter not in unquoted and len(header.split()) > 1
    columns = header.split() if is_spaced else next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
    if not text[len(header) :].strip():
        raise FacesmithError(f"{name} has no rows: add one for each image")
    if _is_row(columns):
        raise FacesmithError(f"{name} has no header line: add one, for example file,Smiling")
    if is_spaced:
        return read_spaced_table(text[len(header) :], name, columns[1:])
    return _parse_delimited(text, name, delimiter, columns, has_header=True)


def _without_title(text: str) -> str:
    """Return a table without the titles and comments above its header line."""
    lines = list(islice(re.finditer(r"[^\r\n]+", text), MAX_TITLE_LINES))
    sizes = [len([cell for cell in _cells(line[0]) if cell]) for line in lines]
    named = [number for number, line in enumerate(lines) if not set(_cells(line[0])).isdisjoint(FILE_COLUMNS)]
    if named and all(size < sizes[named[0]] for size in sizes[: named[0]]):
        return text[lines[named[0]].start() :]
    comments = list(takewhile(lambda line: line[0].lstrip().startswith("#"), lines))
    return text[comments[-1].end() :].lstrip("\r\n") if 0 < len(comments) < len(lines) and not named else text


def _cells(line: str) -> list[str]:
    return [cell.strip(" \"'#").lower() for cell in re.split(f"[{DELIMITERS}]", line)]


def _is_row(columns: Sequence[str]) -> bool:
    """Return whether the first line is a row, not a header: it has the name of an image, or an ID and its values."""
    if any(column.strip(" '\"").lower().endswith(SUFFIXES) for column in columns):
        return True
    first, *others = [column.strip(" '\"") for column in columns]
    if not others or not first or first.lower() in FILE_COLUMNS or not all(map(VALUE.fullmatch, others)):
        return False
    numbered = [[str(number + start) for number in range(len(others))] for start in (0, 1)]
    return first.isdecimal() or others not in numbered  # columns may be the numbers of classes


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


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].split(". Detail")[0][:200] or type(error).__name__

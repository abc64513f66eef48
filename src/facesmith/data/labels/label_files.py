"""Read the labels of a source's files from one label table, or from one in each of several folders."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from facesmith.data.labels.columns import BOOLS, clean_cell, type_columns
from facesmith.data.labels.json_table import FILE_COLUMNS
from facesmith.data.labels.matching import Match, describe_match, match_rows
from facesmith.data.labels.table import guessed_lines, read_label_table, to_strings
from facesmith.data.source import Labels, note
from facesmith.errors import FacesmithError
from facesmith.files import printable
from facesmith.images.decode import SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa


def read_labels(tables: Iterable[tuple[str, str, bytes]], files: Sequence[str], required: bool) -> Labels:
    """Read the labels of files from label tables.

    Each table is a folder, with its slash, whose files it names; its name for messages; and its bytes. Raises
    `FacesmithError` if one cannot be read or names none of its files and, if ``required``, if there is no label.
    """
    import pyarrow as pa

    names = [printable(file) for file in files]
    values: dict[str, dict[int, str]] = {}  # the cells of each column by the number of the file
    labels, unmatched, digest, titles = Labels(), 0, hashlib.sha256(), []
    for folder, title, data in tables:
        digest.update(data)
        titles.append(title)
        numbers = [number for number, file in enumerate(files) if file.startswith(folder)]
        inside = [names[number][len(printable(folder)) :] for number in numbers]
        table = read_label_table(data, title)
        key, match = _match_table(table, inside, title)
        guessed = guessed_lines(data)
        labels.notes += note(f"lines of {title} that are not UTF-8, read as Windows-1252", len(guessed), guessed)
        labels.notes += describe_match(match, inside, table[key].to_pylist(), title)
        unmatched += len(match.unmatched)
        labels.notes += _take_cells(table, key, match, numbers, names, values, title)
    columns = {
        column: pa.array([cells.get(number) for number in range(len(files))], pa.string())
        for column, cells in values.items()
    }
    title = titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} other files"
    typed = type_columns(columns, title)
    typed.notes = labels.notes + typed.notes
    typed.unmatched_rows, typed.digest = unmatched, digest.hexdigest()
    if required and not typed.attributes and typed.split is None and typed.identity is None:
        raise FacesmithError(
            f"{title} has no usable labels: a label column contains 0 and 1, -1 and 1, or true and false"
            + "".join(f"; {entry.text}: {entry.count} ({', '.join(entry.examples)})" for entry in typed.notes[-1:])
        )
    return typed


def _match_table(table: "pa.Table", files: list[str], title: str) -> tuple[str, Match]:
    """Return the column that names the files, and its match, or raise `FacesmithError` if there is none."""
    known = [column for column in table.column_names if column.strip().lower() in FILE_COLUMNS]
    others = [column for column in table.column_names if column not in known]
    first = (known or others)[0]
    ambiguous: list[str] = []
    # A column of other numbers would match files that are named by numbers.
    named = [column for column in others if any(map(_is_picture_name, table[column].to_pylist()))]
    for columns, numbers in (([*known, *named], False), (known or others[:1], True)):
        for column in columns:
            names = table[column].to_pylist()
            match = match_rows(files, names, numbers=numbers)
            if match:
                return column, match
            ambiguous += [str(names[row]) for row in match.ambiguous]
    if ambiguous:
        raise FacesmithError(
            f"{title} has names that match several images, such as {ambiguous[0]!r}: use paths, such as {files[0]!r}"
        )
    cell = repr(table[first][0].as_py()) if len(table) else "no rows"
    example = f"the images have names such as {files[0]!r}" if files else "there are no images"
    raise FacesmithError(f"{title} matches none of the images: its column {first!r} contains {cell}, but {example}")


def _meaning(cell: str) -> str | bool | None:
    text = clean_cell(cell)
    return text if text not in BOOLS else BOOLS[text] == 1


def _is_picture_name(cell: str | None) -> bool:
    return cell is not None and cell.strip(" '\"").lower().endswith(SUFFIXES)


def _take_cells(
    table: "pa.Table",
    key: str,
    match: Match,
    numbers: list[int],
    names: list[str],
    values: dict[str, dict[int, str]],
    title: str,
) -> list[Any]:
    """Add the cells of each file to ``values``; a cell in which several rows of a file differ stays unknown."""
    contradictions: dict[str, list[str]] = {}
    for column in table.column_names:
        if column == key:
            continue
        cells = to_strings(table[column]).to_pylist()
        known = values.setdefault(column, {})
        for number, rows in zip(numbers, match.rows, strict=True):
            distinct = {_meaning(cell): cell for row in rows if (cell := cells[row]) is not None}
            distinct.pop(None, None)
            if len(distinct) == 1:
                known[number] = next(iter(distinct.values()))
            elif distinct:
                contradictions.setdefault(names[number], []).append(column.strip())
    return note(
        f"photos with contradictory rows in {title} (these labels are treated as unknown)",
        len(contradictions),
        (f"{file} ({', '.join(columns)})" for file, columns in contradictions.items()),
    )

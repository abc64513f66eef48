"""Match the files of a source with the rows of a label table that name them."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from facesmith.data.source import Note, note
from facesmith.images.decode import SUFFIXES

Parts = tuple[str, ...]  # the folders and the name of a file


@dataclass
class Match:
    """``rows``: the rows that name each file, in order. ``unmatched`` rows name no file, ``ambiguous`` ones several."""

    rows: list[list[int]]
    unmatched: list[int] = field(default_factory=list)
    ambiguous: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(self.rows)

    def take(self, column: Any) -> Any:
        """Return the value of a column of the table in the first row of each file, null for a file without a row."""
        import pyarrow as pa

        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return column.take(pa.array([rows[0] if rows else None for rows in self.rows], pa.int64()))


def match_rows(
    files: Sequence[str], names: Sequence[str | None], *, numbers: bool = True, copies: bool = False
) -> Match:
    """Find for each file the rows of a table that name it; ``names`` are the names in the rows.

    A row may name a file by its path or the end of it, without its suffix or, with ``numbers``, by its number alone.
    Each is tried in this order for what remains, so that the most exact name counts. A name that then fits several
    files gives none of them its row, unless ``copies`` says that files of one name are copies of each other.
    """
    file_parts = [_split(file) for file in files]
    row_parts = [_split(name or "") for name in names]
    match = Match([[] for _ in files])
    open_files, open_rows = list(range(len(files))), [row for row, parts in enumerate(row_parts) if parts]
    for form in (*FORMS, _number) if numbers else FORMS:
        rows_by_key = _group(row_parts, open_rows, form)
        used_rows: set[int] = set()
        used_files: set[int] = set()
        for key, candidates in _group(file_parts, open_files, form).items():
            rows = rows_by_key.get(key)
            if rows is None:
                continue
            used_rows.update(rows)
            used_files.update(candidates)
            if len(candidates) == 1 or copies:
                for file in candidates:
                    match.rows[file] = rows
            else:
                match.ambiguous += rows
        open_files = [file for file in open_files if file not in used_files]
        if not copies:
            open_rows = [row for row in open_rows if row not in used_rows]
        if not open_files or not open_rows:
            break
    used = {row for rows in match.rows for row in rows}.union(match.ambiguous)
    match.unmatched = [row for row in range(len(names)) if row not in used]
    return match


def describe_match(match: Match, files: Sequence[str], names: Sequence[str | None], table: str) -> list[Note]:
    """Return notes on the rows and files that were not matched; ``table`` is the table's name."""
    unlabelled = [file for file, rows in zip(files, match.rows, strict=True) if not rows]
    fit_several = f"rows of {table} fit several photos, which get no labels from them: name photos by their paths"
    return [
        *note(f"rows of {table} name no photo", len(match.unmatched), (names[row] for row in match.unmatched)),
        *note(fit_several, len(match.ambiguous), (names[row] for row in match.ambiguous)),
        *note(f"photos have no row in {table}", len(unlabelled), unlabelled),
    ]


def _group(parts: list[Parts], numbers: Sequence[int], form: Callable[[Parts], Any]) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for number in numbers:
        key = form(parts[number])
        if key is not None:
            groups[key].append(number)
    return groups


def _split(name: str) -> Parts:
    """Split a path into its parts, in composed Unicode, with escapes of bytes and of URLs resolved."""
    name = re.sub(r"\\x([89a-f][0-9a-f])", lambda match: chr(int(match[1], 16)), name.strip().strip("'\""))
    name = unicodedata.normalize("NFC", unquote(name) if "%" in name else name)
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _end(length: int, suffix: bool) -> Callable[[Parts], Parts | None]:
    """Return the function that takes the last ``length`` parts in one case, with or without the suffix."""

    def form(parts: Parts) -> Parts | None:
        if len(parts) < min(length, 1) or (length < MAX_PARTS and len(parts) < length):
            return None
        *folders, name = (unicodedata.normalize("NFKC", part).casefold() for part in parts[-length:])
        return (*folders, name if suffix else _without_suffix(name))

    return form


def _number(parts: Parts) -> int | None:
    """Return the number that a name consists of: a spreadsheet writes 000001.jpg as 1."""
    stem = _without_suffix(parts[-1])
    return int(stem) if stem.isdecimal() and len(stem) < 19 else None


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot + suffix.lower() in SUFFIXES else name


MAX_PARTS = 99
FORMS: tuple[Callable[[Parts], Any], ...] = (
    lambda parts: parts,
    *(_end(length, suffix) for suffix in (True, False) for length in (MAX_PARTS, 3, 2, 1)),
)

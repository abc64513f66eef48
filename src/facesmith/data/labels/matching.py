"""Match the files of a source with the rows of a label table that name them."""

import re
import unicodedata
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from facesmith.data.source import Note, note
from facesmith.images.decode import SUFFIXES

MAX_DIGITS = 100  # of a name that is compared as a number
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
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
    open_files = [file for file, parts in enumerate(file_parts) if parts]
    open_rows = [row for row, parts in enumerate(row_parts) if parts]
    for form, lengths in FORMS if numbers else FORMS[:-1]:
        if not open_files or not open_rows:
            break
        file_keys = {file: form(file_parts[file]) for file in open_files}
        row_keys = {row: form(row_parts[row]) for row in open_rows}
        max_parts = max(map(len, row_keys.values()))
        for length in [length for length in lengths if length <= max_parts]:
            files_by_key = _group(file_keys, length)
            for key, rows in _group(row_keys, length, files_by_key).items():
                candidates = files_by_key[key]
                if len(candidates) == 1 or copies:
                    for file in candidates:
                        match.rows[file] = rows
                else:
                    match.ambiguous += rows
                for file in candidates:
                    del file_keys[file]
                for row in () if copies else rows:
                    del row_keys[row]
        open_files, open_rows = list(file_keys), list(row_keys)
    used = {row for rows in match.rows for row in rows}.union(match.ambiguous)
    match.unmatched = [row for row in range(len(names)) if row not in used]
    return match


def describe_match(match: Match, files: Sequence[str], names: Sequence[str | None], table: str) -> list[Note]:
    """Return notes on the rows and files that were not matched; ``table`` is the table's name."""
    unlabelled = [file for file, rows in zip(files, match.rows, strict=True) if not rows]
    fit_several = f"rows of {table} that match several photos, ignored (use paths as names)"
    return [
        *note(f"rows of {table} without a photo", len(match.unmatched), (names[row] for row in match.unmatched)),
        *note(fit_several, len(match.ambiguous), (names[row] for row in match.ambiguous)),
        *note(f"photos without a row in {table}", len(unlabelled), unlabelled),
    ]


def _group(keys: dict[int, Parts], length: int, known: Container[Parts] | None = None) -> dict[Parts, list[int]]:
    """Group numbers by the last ``length`` parts of their keys, all if it is 0, if these are ``known``."""
    groups: dict[Parts, list[int]] = {}
    for number, parts in keys.items():
        if parts and len(parts) >= length:
            key = parts[-length:]
            if known is None or key in known:
                groups.setdefault(key, []).append(number)
    return groups


def _split(name: str) -> Parts:
    """Split a path into its parts, in composed Unicode, with escapes of bytes and of URLs resolved."""
    if PLAIN_NAME.fullmatch(name):  # nearly all of the names in a large table
        return (name,)
    name = name.strip().strip("'\"")
    if "\\" in name:
        name = re.sub(r"\\x([89a-f][0-9a-f])", lambda match: chr(int(match[1], 16)), name).replace("\\", "/")
    if "://" in name:  # an address on the web, whose query is no part of the name
        name = re.split("[?#]", name, maxsplit=1)[0]
    name = unicodedata.normalize("NFC", unquote(name))
    return tuple(part for part in name.split("/") if part not in ("", "."))


def _fold(parts: Parts) -> Parts:
    return tuple([part.lower() if part.isascii() else _fold_unicode(part) for part in parts])


def _fold_unicode(part: str) -> str:
    return unicodedata.normalize("NFKC", part).casefold()


def _without_suffix(parts: Parts) -> Parts:
    *folders, name = _fold(parts)
    stem, dot, suffix = name.rpartition(".")
    return (*folders, stem if dot + suffix in SUFFIXES else name)


def _number(parts: Parts) -> Parts:
    """Return the number that a name consists of: a spreadsheet writes 000001.jpg as 1."""
    stem = _without_suffix(parts)[-1]
    return (str(int(stem)),) if stem.isdecimal() and len(stem) < MAX_DIGITS else ()


# The forms in which names are compared, and how many of their last parts: 0 means all.
FORMS: tuple[tuple[Callable[[Parts], Parts], tuple[int, ...]], ...] = (
    (lambda parts: parts, (0,)),
    (_fold, (0, 3, 2, 1)),
    (_without_suffix, (0, 3, 2, 1)),
    (_number, (0,)),
)

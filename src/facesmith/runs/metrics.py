"""The measurements of a run, read back column by column from its JSON-lines files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.runs.old_names import current_line

Columns = dict[str, NDArray[np.float64]]


def read_metrics(run: Path) -> Columns:
    """RUN/metrics.jsonl by column: see `read_columns`."""
    return read_columns(run / "metrics.jsonl")


def read_timing(run: Path) -> Columns:
    """RUN/timing.jsonl by column: see `read_columns`."""
    return read_columns(run / "timing.jsonl")


def read_columns(path: Path) -> Columns:
    """Every numeric key of a JSON-lines file as a float64 array, all of one length, in the order of the lines.

    A value that is missing, null or no number is NaN; a key that never holds a number has no column. A line that a
    killed process left unfinished is skipped (`unreadable_lines` counts them). A run that was resumed from an earlier
    checkpoint measured some steps twice: the later line counts. A file that is not there gives no columns.
    """
    rows = _kept(row for row in _parsed(path) if row is not None)
    names = dict.fromkeys(name for row in rows for name, value in row.items() if is_number(value))
    return {name: np.array([as_number(row.get(name)) for row in rows], np.float64) for name in names}


def unreadable_lines(path: Path) -> int:
    """How many lines of a JSON-lines file are not whole; a killed process leaves one at most each time."""
    return sum(row is None for row in _parsed(path))


def _parsed(path: Path) -> Iterable[dict[str, Any] | None]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield parsed_line(line)


def parsed_line(line: str | bytes) -> dict[str, Any] | None:
    """The table on a line, or None where it is not whole."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return current_line(value) if isinstance(value, dict) else None


def _kept(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for row in rows:
        step = as_number(row.get("step"))
        while kept and as_number(kept[-1].get("step")) >= step:
            kept.pop()
        kept.append(row)
    return kept


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_number(value: Any) -> float:
    """A number as it is, and NaN for what is none."""
    return float(value) if is_number(value) else float("nan")

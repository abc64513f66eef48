"""JSON-lines files of a run: the only writer and the only reader of metrics, timing and scores.

Every line has a "step". Lines are appended while training runs, and cut when it resumes or rolls back.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from facesmith.arrays import Doubles
from facesmith.files import write_text
from facesmith.runs.old_names import current_line

Columns = dict[str, Doubles]


def append_line(path: Path, values: Mapping[str, float | int | str]) -> None:
    """Append a line. NaN and infinity, which JSON does not have, become null."""
    finite = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in values.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(finite) + "\n")


def cut_lines(path: Path, step: int, archive: Path | None = None) -> None:
    """Remove the lines after ``step``, and a line that a kill left incomplete; write them to ``archive`` if given."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(True)
        if archive:
            write_text(archive, "".join(line for line in lines if not _is_up_to(line, step)))
        write_text(path, "".join(line for line in lines if _is_up_to(line, step)))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines as dicts, or an empty list without a file. Raises ValueError for an incomplete line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [current_line(json.loads(line)) for line in lines]


def read_columns(path: Path) -> Columns:
    """Return the columns of a file that is no longer written; see `JsonLines`."""
    table = JsonLines(path)
    table.refresh(final=True)
    return table.columns


class JsonLines:
    """A JSON-lines file by column; `refresh` parses only what was appended since the last call.

    ``columns`` has a float64 array for every key that ever holds a number, all of one length, in the order of the
    lines. A missing value, null or text is NaN. A step that was measured again after a resume replaces the earlier
    lines. ``broken_lines`` counts lines that are not valid JSON objects; ``health`` is that of the last valid line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self.columns: Columns = {}
        self.health: str | None = None
        self.broken_lines, self._rows, self._offset, self._inode = 0, 0, 0, 0

    def refresh(self, final: bool = False) -> bool:
        """Read what is new. Returns whether anything has changed.

        A last line without a line break is left until it is complete; with ``final`` it is read as it stands.
        """
        try:
            with self.path.open("rb") as file:
                stat = self.path.stat()
                is_rewritten = stat.st_ino != self._inode or stat.st_size < self._offset
                if is_rewritten:  # by a resume or a rollback
                    self._reset()
                    self._inode = stat.st_ino
                file.seek(self._offset)
                new = file.read()
        except OSError:  # the file does not exist yet, or no longer
            had_content = self._offset > 0
            self._reset()
            return had_content
        if not final:
            new = new[: new.rfind(b"\n") + 1]
        self._offset += len(new)
        rows = [_parse(line) for line in new.splitlines() if line.strip()]
        self.broken_lines += rows.count(None)
        self._append([row for row in rows if row is not None])
        return bool(new) or is_rewritten

    def _append(self, new_rows: list[dict[str, Any]]) -> None:
        rows: list[dict[str, Any]] = []
        for row in new_rows:
            step = _number(row.get("step"))
            while rows and _number(rows[-1].get("step")) >= step:
                rows.pop()
            if not rows:
                self._cut(step)
            rows.append(row)
        if not rows:
            return
        names = dict.fromkeys(
            [*self.columns, *(name for row in rows for name, v in row.items() if as_number(v) is not None)]
        )
        blank = np.full(self._rows, np.nan)
        new = {name: np.array([_number(row.get(name)) for row in rows], np.float64) for name in names}
        self.columns = {name: np.concatenate([self.columns.get(name, blank), new[name]]) for name in names}
        self._rows += len(rows)
        health = rows[-1].get("health")
        self.health = health if isinstance(health, str) else None

    def _cut(self, step: float) -> None:
        """Remove the rows at this step and after it."""
        steps = self.columns.get("step")
        if steps is None or not len(steps) or not steps[-1] >= step:
            return
        self._rows = int(np.argmax(steps >= step))
        self.columns = {name: column[: self._rows] for name, column in self.columns.items()}


def as_number(value: Any) -> float | None:
    """Return a number of a JSON file as float, and None for any other value."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def last_value(columns: Columns, name: str) -> float | None:
    """Return the last value of a column, or None if it has none or it is not finite."""
    column = columns.get(name)
    return float(column[-1]) if column is not None and len(column) and np.isfinite(column[-1]) else None


def rows_after(columns: Columns, step: float) -> Columns:
    """Return the rows after a step."""
    steps = columns.get("step")
    if steps is None or not len(steps) or step < steps[0]:
        return columns
    first = int(np.searchsorted(steps, step, side="right"))
    return {name: column[first:] for name, column in columns.items()}


def downsample(columns: Columns, max_rows: int) -> Columns:
    """Reduce columns to ``max_rows`` rows: the lowest and the highest value of each stretch of a column, in order.

    ``step`` and ``kimg`` are those at the start and the middle of the stretch.
    """
    count = len(next(iter(columns.values()), ()))
    if count <= max_rows:
        return columns
    stretch = -(-2 * count // max_rows)
    starts = np.arange(0, count, stretch)
    rows = np.stack([starts, np.minimum(starts + stretch // 2, count - 1)], 1).ravel()
    rows[-1] = count - 1
    return {
        name: column[rows] if name in ("step", "kimg") else _extremes(column, stretch)
        for name, column in columns.items()
    }


def _extremes(column: Doubles, stretch: int) -> Doubles:
    """Return the lowest and the highest value of every stretch, the earlier one first; NaN where all are NaN."""
    padded = np.concatenate([column, np.full(-len(column) % stretch, np.nan)]).reshape(-1, stretch)
    low = np.where(np.isnan(padded), np.inf, padded).argmin(1)
    high = np.where(np.isnan(padded), -np.inf, padded).argmax(1)
    rows = np.arange(len(padded))
    return np.stack([padded[rows, np.minimum(low, high)], padded[rows, np.maximum(low, high)]], 1).ravel()


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the object on a line, or None if the line is not a JSON object."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return current_line(value) if isinstance(value, dict) else None


def _is_up_to(line: str, step: int) -> bool:
    try:
        return line.endswith("\n") and int(json.loads(line)["step"]) <= step
    except (ValueError, KeyError, TypeError):
        return False


def _number(value: Any) -> float:
    return math.nan if (number := as_number(value)) is None else number

"""Measurements that are read while they are being written: every line is parsed once."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesmith.runs.metrics import Columns, as_number, is_number, parsed_line


class Growing:
    """A JSON-lines file by column, as `read_columns` gives it, after every `read_on` up to where the file then goes.

    ``broken`` counts lines that are not whole, ``verdict`` is what the watch said on the last whole one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self.columns: Columns = {}
        self.health: str | None = None
        self.broken, self._count, self._read, self._file = 0, 0, 0, 0

    def read_on(self) -> bool:
        """Read what is new; whether there was anything. A line that is still being written waits until it is whole."""
        try:
            with self.path.open("rb") as file:
                found = self.path.stat()
                anew = found.st_ino != self._file or found.st_size < self._read
                if anew:  # cut by a resume or a rollback, which write it anew
                    self._forget()
                    self._file = found.st_ino
                file.seek(self._read)
                new = file.read()
        except OSError:  # there is none yet, or none any more
            gone = self._read > 0
            self._forget()
            return gone
        new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        rows = list[dict[str, Any]]()
        for line in filter(bytes.strip, new.splitlines()):
            row = parsed_line(line)
            if row is None:
                self.broken += 1
                continue
            rows.append(row)
        self._add(rows)
        return bool(new) or anew

    def _add(self, rows: list[dict[str, Any]]) -> None:
        """Put rows below the columns; where they begin with a step that is there already, the later line counts."""
        kept = list[dict[str, Any]]()
        for row in rows:
            step = as_number(row.get("step"))
            while kept and as_number(kept[-1].get("step")) >= step:
                kept.pop()
            if not kept:
                self._cut(step)
            kept.append(row)
        if not kept:
            return
        names = dict.fromkeys([*self.columns, *(name for row in kept for name, v in row.items() if is_number(v))])
        blank = np.full(self._count, np.nan)
        new = {name: np.array([as_number(row.get(name)) for row in kept], np.float64) for name in names}
        self.columns = {name: np.concatenate([self.columns.get(name, blank), new[name]]) for name in names}
        self._count += len(kept)
        health = kept[-1].get("health")
        self.health = health if isinstance(health, str) else None

    def _cut(self, step: float) -> None:
        """Drop what was measured at this step and after it."""
        steps = self.columns.get("step")
        if steps is None or not len(steps) or not steps[-1] >= step:
            return
        left = int(np.argmax(steps >= step))
        self.columns = {name: column[:left] for name, column in self.columns.items()}
        self._count = left


def thinned(columns: Columns, most: int) -> Columns:
    """At most ``most`` rows of columns of one length: of each stretch of every column its lowest and its highest.

    They stand in the order in which they came, beside the first and the middle of the stretch's ``step`` and ``kimg``.
    """
    count = len(next(iter(columns.values()), ()))
    if count <= most:
        return columns
    stretch = -(-2 * count // most)
    starts = np.arange(0, count, stretch)
    places = np.stack([starts, np.minimum(starts + stretch // 2, count - 1)], 1).ravel()
    places[-1] = count - 1
    return {
        name: column[places] if name in ("step", "kimg") else _extremes(column, stretch)
        for name, column in columns.items()
    }


def _extremes(column: NDArray[np.float64], stretch: int) -> NDArray[np.float64]:
    """The lowest and the highest of every stretch, the earlier first; NaN where nothing was measured."""
    padded = np.concatenate([column, np.full(-len(column) % stretch, np.nan)]).reshape(-1, stretch)
    low = np.where(np.isnan(padded), np.inf, padded).argmin(1)
    high = np.where(np.isnan(padded), -np.inf, padded).argmax(1)
    rows = np.arange(len(padded))
    return np.stack([padded[rows, np.minimum(low, high)], padded[rows, np.maximum(low, high)]], 1).ravel()

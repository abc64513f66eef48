"""A run as it stands, also while it trains.

run = open_run("runs/first")
run.status.sentence
while run.refresh(): ...
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from facesmith.runs.charts import Chart, charts_of, resumed_at
from facesmith.runs.health_text import returns
from facesmith.runs.jsonl_tail import Growing, thinned
from facesmith.runs.metrics import Columns
from facesmith.runs.run_files import Measured, RunFiles, read_run
from facesmith.runs.status import RunStatus, status_of

_WATCHED = ("run.json", "recipe.toml", "best.safetensors", "samples", "rolled_back")  # with what grows line by line


class Run:
    """A run folder, read; `refresh` reads on, and parses only what is new. Made by `open_run`.

    `status` is a `RunStatus`, `sheets` the sample sheets as (kimg, path) in the order of training, `recipe` every
    setting by name, `settings` what it was trained on, `card` what run.json says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grows = {name: Growing(path / f"{name}.jsonl") for name in ("metrics", "timing", "scores")}
        self._stamps: object = None
        self._reading = Lock()
        self.refresh()

    files: RunFiles

    def refresh(self) -> bool:
        """Read what is new; whether there was anything. Raises `FacesmithError` once it is no run folder any more.

        Safe to call from several threads: what `files` holds is replaced as a whole.
        """
        with self._reading:
            grown = [table.read_on() for table in self._grows.values()]
            stamps = [_stamp(self.path / name) for name in _WATCHED]
            if stamps == self._stamps and not any(grown):
                return False
            metrics, timing, scores = self._grows.values()
            measured = Measured(
                metrics.columns, timing.columns, scores.columns, metrics.broken + timing.broken, metrics.health
            )
            self.files, self._stamps = read_run(self.path, measured), stamps
            return True

    @property
    def status(self) -> RunStatus:
        written = max(
            _stamp(path)[0] for path in (*(table.path for table in self._grows.values()), self.path / "run.json")
        )
        return status_of(self.files, written / 1e9)

    @property
    def sheets(self) -> list[tuple[float, Path]]:
        return self.files.samples

    @property
    def recipe(self) -> dict[str, Any]:
        return self.files.recipe

    @property
    def settings(self) -> dict[str, Any]:
        return self.files.settings

    @property
    def card(self) -> dict[str, Any]:
        return self.files.card

    def last_steps(self) -> dict[str, int]:
        """The step of the last row of each table of `curves`, 0 where it has none."""
        return {name: int(table["step"][-1]) if len(table.get("step", ())) else 0 for name, table in self._tables()}

    def digest(self, step: int) -> str:
        """Eight hex digits of what was measured at ``step``, "" where nothing was.

        They tell whether measurements still hold that were taken from here before: a resume measures the same steps
        with the same values again, a rollback does not.
        """
        row = np.flatnonzero(self.files.metrics.get("step", np.empty(0)) == step)
        values = [column[row[0]] for column in self.files.metrics.values()] if len(row) else []
        return f"{zlib.crc32(np.array(values).tobytes()):08x}" if values else ""

    def curves(self, since: Mapping[str, float] | None = None, most: int = 1000) -> dict[str, Columns]:
        """What was measured, in "metrics", "timing" and "scores": float64 columns by name.

        ``since`` leaves out each table's rows up to a step. Beyond ``most`` rows each stretch of a column is left with
        its lowest and its highest value.
        """
        return {name: thinned(_after(table, (since or {}).get(name, -1)), most) for name, table in self._tables()}

    def charts(self) -> dict[str, Chart]:
        """Which columns of `curves` belong together, and what they are called: those of which there is any."""
        return charts_of(self.files)

    def _tables(self) -> list[tuple[str, Columns]]:
        files = self.files  # as one: a refresh in another thread replaces it
        return [("metrics", files.metrics), ("timing", files.timing), ("scores", files.scores)]

    def marks(self) -> list[float]:
        """Where it was resumed or rolled back to, in kimg."""
        return sorted([*resumed_at(self.files), *returns(self.files).values()])


def open_run(run: str | Path) -> Run:
    """A run as it stands; `FacesmithError` where it is no run folder. Needs no torch."""
    return Run(Path(run))


def _after(table: Columns, since: float) -> Columns:
    steps = table.get("step")
    if steps is None or not len(steps) or since < steps[0]:
        return table
    first = int(np.searchsorted(steps, since, side="right"))
    return {name: column[first:] for name, column in table.items()}


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes with a file or a folder; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino

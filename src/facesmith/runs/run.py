"""A run that can be followed while it trains.

run = open_run("runs/first")
run.status.sentence
while run.refresh(): ...
"""

import zlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from facesmith.images.curves import draw_curves
from facesmith.images.notebook import object_html
from facesmith.runs.charts import Chart, charts_of, curves_of, marks_of, options_of
from facesmith.runs.json_lines import Columns, downsample, rows_after
from facesmith.runs.run_data import RunData, Sample, new_tables, read_run
from facesmith.runs.run_folder import RunFolder
from facesmith.runs.status import RunStatus, status_of

_NOTEBOOK_CHARTS = ("losses", "diversity", "kid", "held_out", "psnr")


class Run:
    """A run folder that can be read while it trains; made by `open_run`.

    `status` is a `RunStatus`, `sheets` the sample sheets as (kimg, path) in the order of training, `recipe` every
    setting by name, `settings` the dataset it was trained on, `card` the content of run.json.
    """

    data: RunData

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tables_read = new_tables(RunFolder(path))
        self._stamps: object = None
        self._lock = Lock()
        self.refresh()

    def refresh(self) -> bool:
        """Read what is new. Returns whether anything has changed; raises `FacesmithError` if the run was removed.

        Thread-safe: ``data`` is replaced as a whole.
        """
        run = RunFolder(self.path)
        with self._lock:
            changes = [table.refresh() for table in self._tables_read.values()]
            stamps = [_stamp(path) for path in (run.card, run.recipe, run.best, run.samples, run.rolled_back)]
            if stamps == self._stamps and not any(changes):
                return False
            self.data, self._stamps = read_run(self.path, self._tables_read), stamps
            return True

    @property
    def status(self) -> RunStatus:
        run = RunFolder(self.path)
        written_at = max(_stamp(path)[0] for path in (*run.records, run.card))
        return status_of(self.data, written_at / 1e9)

    def _repr_html_(self) -> str:
        """Return the status, the newest sample sheet, and charts if matplotlib is installed, for notebooks."""
        status, images = self.status, []
        facts = {
            "status": status.sentence,
            "health": status.health_text,
            "best score": status.best,
            "images per second": f"{status.images_per_second:,.0f}" if status.images_per_second else None,
            "minutes left": f"{status.seconds_left / 60:.0f}" if status.seconds_left else None,
        }
        if self.sheets:
            images.append(self.sheets[-1][1].read_bytes())
        if find_spec("matplotlib"):
            curves = curves_of({self.path.name: self.data})
            images += [draw_curves(options_of(name, curves[name])) for name in _NOTEBOOK_CHARTS if name in curves]
        return object_html(f"Run {self.path.name}: {status.recipe} on {status.dataset}", facts, images)

    @property
    def sheets(self) -> list[Sample]:
        return self.data.samples

    @property
    def recipe(self) -> dict[str, Any]:
        return self.data.recipe

    @property
    def settings(self) -> dict[str, Any]:
        return self.data.trained_on

    @property
    def card(self) -> dict[str, Any]:
        return self.data.card

    def last_steps(self) -> dict[str, int]:
        """Return the step of the last row of each table of `curves`, 0 for an empty table."""
        return {name: int(table["step"][-1]) if len(table.get("step", ())) else 0 for name, table in self._tables()}

    def digest(self, step: int) -> str:
        """Return a checksum (eight hex digits) of the metrics at ``step``, "" for a step without metrics.

        It shows whether rows that were read earlier are still valid: a resume repeats the same values, a rollback does
        not.
        """
        row = np.flatnonzero(self.data.metrics.get("step", np.empty(0)) == step)
        values = [column[row[0]] for column in self.data.metrics.values()] if len(row) else []
        return f"{zlib.crc32(np.array(values).tobytes()):08x}" if values else ""

    def curves(self, since: Mapping[str, float] | None = None, most: int = 1000) -> dict[str, Columns]:
        """Return the tables "metrics", "timing" and "scores": float64 columns by name.

        ``since`` omits the rows of each table up to a step. A table of more than ``most`` rows is reduced to the lowest
        and the highest value of each stretch of a column.
        """
        return {
            name: downsample(rows_after(table, (since or {}).get(name, -1)), most) for name, table in self._tables()
        }

    def charts(self) -> dict[str, Chart]:
        """Return the charts for which there is data: which columns of `curves` belong together, and their labels."""
        return charts_of(self.data)

    def _tables(self) -> list[tuple[str, Columns]]:
        data = self.data  # read once: a refresh in another thread replaces it
        return [("metrics", data.metrics), ("timing", data.timing), ("scores", data.scores)]

    def marks(self) -> list[float]:
        """Return where it was resumed or rolled back to, in kimg."""
        return marks_of(self.data)


def open_run(run: str | Path) -> Run:
    """Open a run folder. Raises `FacesmithError` if it is not one. Needs no torch."""
    return Run(Path(run))


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes with a file or a folder; zeros if it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino

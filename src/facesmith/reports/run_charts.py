"""The charts of a run as PNG, over the images shown."""

import numpy as np
from numpy.typing import NDArray

from facesmith.reports.charts import curves
from facesmith.runs.charts import charts_of, resumed_at
from facesmith.runs.health_text import returns
from facesmith.runs.json_lines import Columns
from facesmith.runs.run_files import RunFiles
from facesmith.training.collapse import Health, lowest_diversity, update


def draw_charts(run: RunFiles) -> dict[str, bytes]:
    """PNG charts of what a run has measured so far, by the names in `CHARTS`."""
    marks = [*resumed_at(run), *returns(run).values()]
    drawn = {}
    for name, chart in charts_of(run).items():
        table: Columns = getattr(run, chart.table)
        series = {
            label: (table.get("kimg", np.arange(len(table[key]))), table[key])
            for key, label in chart.columns.items()
            if key in table
        }
        if name == "diversity" and (limits := lowest_healthy_diversity(run)) is not None:
            series["below this: collapse"] = (table["kimg"], limits)
        bands = {label: table[f"{key}_spread"] for key, label in chart.columns.items() if f"{key}_spread" in table}
        xlabel = "kimg: thousand real images shown"
        drawn[name] = curves(
            series, chart.title, xlabel, chart.ylabel, chart.smooth, chart.limits, marks=marks, spreads=bands
        )
    return drawn


def lowest_healthy_diversity(run: RunFiles) -> NDArray[np.float64] | None:
    """Return, at each line of the metrics, the diversity below which the next measurement is low; NaN at the start.

    Uses the detector that training uses. None where the metrics are not those of a training.
    """
    metrics, limits, health = run.metrics, [], Health()
    if not {"step", "kimg", "diversity"} <= set(metrics):
        return None
    for values in zip(*metrics.values(), strict=True):
        line = {name: float(value) for name, value in zip(metrics, values, strict=True)}
        health = update(health, line, None)
        limits.append(lowest_diversity(health, line["kimg"]) or np.nan)
    return np.array(limits)

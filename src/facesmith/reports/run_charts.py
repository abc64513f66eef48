"""The charts of a run as PNG, over the images shown."""

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.reports.charts import curves
from facesmith.runs.charts import charts_of, resumed_at
from facesmith.runs.health_text import returns
from facesmith.runs.metrics import Columns
from facesmith.runs.run_files import RunFiles


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
        if name == "diversity" and (worry := _worry(run)) is not None:
            series["below this the watch worries"] = (table["kimg"], worry)
        bands = {label: table[f"{key}_spread"] for key, label in chart.columns.items() if f"{key}_spread" in table}
        xlabel = "kimg: thousand real images shown"
        drawn[name] = curves(
            series, chart.title, xlabel, chart.ylabel, chart.smooth, chart.limits, marks=marks, spreads=bands
        )
    return drawn


def _worry(run: RunFiles) -> NDArray[np.float64] | None:
    """At each line of the metrics, the diversity below which the watch counts a look as too low; NaN until it looks.

    The watch itself is asked, so that the chart cannot differ from what was acted upon. None without torch, which it
    needs, and where the metrics are not those of a training.
    """
    try:
        from facesmith.tasks.recipes import from_table
        from facesmith.training import collapse as watch

        recipe = from_table(run.recipe)
    except (ImportError, FacesmithError):
        return None
    metrics, worry = run.metrics, []
    if not {"step", "kimg", "loss_D", "loss_G", "accuracy_real", "accuracy_fake"} <= set(metrics):
        return None
    seen = watch.Watch()
    for values in zip(*metrics.values(), strict=True):
        line = {name: float(value) for name, value in zip(metrics, values, strict=True)}
        seen = watch.look(seen, line, recipe)
        hopeless = watch.HOPELESS if line["kimg"] >= watch.HOPELESS_KIMG else 0.0
        worry.append(max(watch.LOW * seen.usual, hopeless) or np.nan)
    return np.array(worry)

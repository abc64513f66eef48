"""The options of charts: JSON for the pages, which draw it with chart-svg.js, and PNG of the same curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from facesmith.arrays import Doubles
from facesmith.runs.charts import Curve, curves_of, marks_of, options_of
from facesmith.runs.run_data import RunData
from facesmith.training.collapse import Health, lowest_diversity, update


def run_charts(run: RunData) -> dict[str, dict[str, Any]]:
    """Return the options of the charts of a run, by the names in `CHARTS`."""
    curves = curves_of({run.path.name: run})
    if "diversity" in curves and (limits := lowest_healthy_diversity(run)) is not None:
        curves["diversity"].append(Curve("collapse below this", run.metrics["kimg"], limits, colour=1, dash=1))
    marks = marks_of(run)
    return {name: options_of(name, chart_curves, marks) for name, chart_curves in curves.items()}


def comparison_charts(runs: Mapping[str, RunData]) -> dict[str, dict[str, Any]]:
    """Return the options of the charts of several runs. A run has the same colour in all of them."""
    return {name: options_of(name, curves) for name, curves in curves_of(runs).items()}


def newest_values(options: Mapping[str, Any]) -> str:
    """Return the last value of each curve, for browsers that run no script."""
    texts = []
    for curve in options["series"]:
        rows = [(x, y) for x, y in zip(curve["xs"], curve["ys"], strict=True) if x is not None and y is not None]
        if rows:
            texts.append(f"{curve['name']} {rows[-1][1]:.4g} at {rows[-1][0]:g} {options['unit']}")
    return f"Last values: {', '.join(texts)}."


def lowest_healthy_diversity(run: RunData) -> Doubles | None:
    """Return, at each line of the metrics, the diversity below which the next measurement is low; NaN at the start.

    Uses the detector that training uses. None if the metrics lack a column that it needs.
    """
    metrics, limits, health = run.metrics, [], Health()
    if not {"step", "kimg", "diversity"} <= set(metrics):
        return None
    for values in zip(*metrics.values(), strict=True):
        line = {name: float(value) for name, value in zip(metrics, values, strict=True)}
        health = update(health, line, None)
        limits.append(lowest_diversity(health, line["kimg"]) or np.nan)
    return np.array(limits)

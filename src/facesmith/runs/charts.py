"""The charts of runs: which measurements belong together, and their curves for one run or several."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facesmith.arrays import Doubles
from facesmith.runs.health import rollback_targets
from facesmith.runs.json_lines import Columns, downsample
from facesmith.runs.run_data import RunData

_MAX_ROWS = 1000  # of a curve
_UNIT_RANGE = (-0.02, 1.02)


@dataclass(frozen=True)
class Chart:
    """Measurements of a run that are drawn in the same axes over the images shown.

    ``columns`` maps a column of ``table`` to the name of its curve, ``smooth`` adds a moving average, ``limits`` is the
    range of the y axis.
    """

    title: str
    ylabel: str
    columns: dict[str, str]
    table: str = "metrics"
    smooth: bool = True
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Curve:
    """A curve of a chart: ``ys`` over ``xs`` in kimg, NaN where nothing was measured.

    ``spread`` is the uncertainty of each point. ``colour`` and ``dash`` are indices. Curves of one ``group`` share an
    entry of the legend.
    """

    name: str
    xs: Doubles
    ys: Doubles
    spread: Doubles | None = None
    colour: int = 0
    dash: int = 0
    group: str | None = None


CHARTS = {
    "losses": Chart(
        "Losses", "loss", {"loss_D": "D", "loss_G": "G", "loss_E": "encoder", "loss_C": "attribute classifier"}
    ),
    "accuracies": Chart(
        "Accuracy of D",
        "accuracy",
        {"accuracy_real": "real faces", "accuracy_fake": "generated faces"},
        limits=_UNIT_RANGE,
    ),
    "classifier": Chart(
        "Training accuracy of the attribute classifier",
        "fraction of the labels",
        {"accuracy": "training faces"},
        limits=(0.5, 1.02),
    ),
    "held_out": Chart(
        "Held-out accuracy of the attribute classifier",
        "fraction of the labels",
        {"accuracy": "all attributes"},
        "scores",
        smooth=False,
    ),
    "reconstruction": Chart("Reconstruction error (lower is better)", "pixel difference", {"pixel": "photos"}),
    "psnr": Chart(
        "Reconstruction of held-out photos (higher is better)", "PSNR, dB", {"psnr": "PSNR"}, "scores", smooth=False
    ),
    "latents": Chart("Latent error", "mean square error", {"latent": "generated faces"}),
    "features": Chart("Feature difference", "relative to the photo", {"feature": "reconstructions"}),
    "change": Chart("Change of the photo", "share", {"moved": "mean change of 4x4 pixels", "mask": "mean of the mask"}),
    "target": Chart(
        "Held-out faces with the target attribute",
        "fraction of the faces",
        {"target": "according to the attribute classifier"},
        "scores",
        smooth=False,
        limits=_UNIT_RANGE,
    ),
    "schedule": Chart(
        "Schedule",
        "share",
        {
            "annealing": "remaining schedule",
            "pixel_share": "weight of the pixel loss",
            "noise": "standard deviation of the noise",
        },
        smooth=False,
    ),
    "learning_rate": Chart("Learning rate", "learning rate", {"learning_rate": "all networks"}, smooth=False),
    "diversity": Chart(
        "Diversity of the faces (real faces: 1)", "diversity", {"diversity": "generated faces"}, smooth=False
    ),
    # There are few scores, each measured over thousands of images: an average would hide the best one.
    "kid": Chart("KID (lower is better)", "KID", {"kid": "KID"}, "scores", smooth=False),
    "fid": Chart("FID (lower is better)", "FID", {"fid": "FID"}, "scores", smooth=False),
    "d_steps": Chart("Steps that train D", "fraction of the steps", {"d_share": "D"}, limits=_UNIT_RANGE),
    "gradients": Chart(
        "Gradient norms",
        "norm of all gradients",
        {"grad_D": "D", "grad_G": "G", "grad_E": "encoder", "grad_C": "attribute classifier"},
    ),
    "speed": Chart("Training speed", "images per second", {"images_per_second": "images per second"}, "timing"),
}


def charts_of(run: RunData) -> dict[str, Chart]:
    """Return the charts for which the run has measurements, by name."""
    charts = {name: chart for name, chart in CHARTS.items() if set(chart.columns) & set(getattr(run, chart.table))}
    if "d_steps" in charts and (run.metrics["d_share"] == 1).all():  # D was trained in every step
        del charts["d_steps"]
    return charts


def curves_of(runs: Mapping[str, RunData]) -> dict[str, list[Curve]]:
    """Return the curves of each chart for which a run has measurements, by the names in `CHARTS`.

    ``runs`` maps a name to each run. Colours stand for the measurements of one run, or for several runs.
    """
    measured = {name for run in runs.values() for name in charts_of(run)}
    return {name: _curves(chart, runs) for name, chart in CHARTS.items() if name in measured}


def options_of(name: str, curves: Sequence[Curve], marks: Sequence[float] = ()) -> dict[str, Any]:
    """Return the options of a chart in `CHARTS`."""
    chart = CHARTS[name]
    return chart_options(
        chart.title, chart.ylabel, curves, "kimg", smooth=chart.smooth, limits=chart.limits, marks=marks
    )


def chart_options(
    title: str,
    ylabel: str,
    curves: Sequence[Curve],
    unit: str,
    *,
    smooth: bool = False,
    limits: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
) -> dict[str, Any]:
    """Return the options of chart-svg.js and of `facesmith.images.curves.draw_curves`: JSON with None for NaN."""
    series = []
    for curve in curves:
        options = {"name": curve.name, "group": curve.group, "colour": curve.colour, "dash": curve.dash}
        columns = {"xs": curve.xs, "ys": curve.ys, "spread": curve.spread}
        numbers = {name: _numbers(values) for name, values in columns.items() if values is not None}
        series.append({name: value for name, value in options.items() if value is not None} | numbers)
    return {
        "title": title,
        "ylabel": ylabel,
        "series": series,
        "unit": unit,
        "smooth": smooth,
        "limits": limits,
        "marks": list(marks),
    }


def marks_of(run: RunData) -> list[float]:
    """Return where the run was resumed or rolled back to, in kimg."""
    return sorted([*resume_positions(run), *rollback_targets(run).values()])


def resume_positions(run: RunData) -> list[float]:
    """Return where sessions after the first began, in kimg."""
    sessions = [session for session in run.card.get("sessions") or [] if isinstance(session, dict)]
    starts = [session.get("from_kimg") for session in sessions[1:]]
    return [float(start) for start in starts if isinstance(start, int | float)]


def _curves(chart: Chart, runs: Mapping[str, RunData]) -> list[Curve]:
    curves = []
    several = len(runs) > 1
    for number, (run_name, run) in enumerate(runs.items()):
        table: Columns = downsample(getattr(run, chart.table), _MAX_ROWS)
        columns = [column for column in chart.columns if column in table]
        for index, column in enumerate(columns):
            label, grouped = chart.columns[column], several and len(chart.columns) > 1
            curves.append(
                Curve(
                    name=f"{run_name}: {label}" if grouped else run_name if several else label,
                    xs=table.get("kimg", np.arange(len(table[column]), dtype=np.float64)),
                    ys=table[column],
                    spread=table.get(f"{column}_spread"),
                    colour=number if several else index,
                    dash=index if several else 0,
                    group=label if grouped else None,
                )
            )
    return curves


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]

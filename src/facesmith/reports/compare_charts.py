"""The charts of a comparison: one measurement each, a line a run, over the images shown."""

from collections.abc import Sequence

from facesmith.reports.charts import curves
from facesmith.reports.compare_figures import Line, Rival, accuracy, line, spreads

# By the name of the file: the column, the title, the name of the axis and its limits.
CHARTS = {
    "compare_accuracy": ("accuracy", "How often D is right", "share right", (-0.02, 1.02)),
    "compare_share": ("d_share", "Steps in which D learned", "share of the steps", (-0.02, 1.02)),
    "compare_loss_D": ("loss_D", "Loss of D", "loss", None),
    "compare_loss_G": ("loss_G", "Loss of G", "loss", None),
    "compare_kid": ("kid", "KID: lower is better", "KID", None),
    "compare_fid": ("fid", "FID: lower is better", "FID", None),
}
_SCORES = ("kid", "fid")


def draw_charts(rivals: Sequence[Rival]) -> dict[str, bytes]:
    """PNG charts of what at least one run has measured, by the names in `CHARTS`.

    A run has the same colour in all of them: one without the measurement keeps its place and is named as such.
    """
    drawn = {}
    for chart, (column, title, ylabel, limits) in CHARTS.items():
        series, bands = {}, {}
        for rival in rivals:
            xy = _line(rival, column)
            name = rival.name if len(xy[1]) else f"{rival.name} (not measured)"
            series[name] = xy
            if column in _SCORES:
                bands[name] = spreads(rival.scores, column)
        if any(len(y) for _, y in series.values()):
            smooth = 1 if column in _SCORES else None  # few, and each of thousands of pictures
            xlabel = "kimg: thousand real images shown"
            drawn[chart] = curves(series, title, xlabel, ylabel, smooth=smooth, ylimits=limits, spreads=bands)
    return drawn


def _line(rival: Rival, column: str) -> Line:
    if column == "accuracy":
        return accuracy(rival)
    return line(rival.scores if column in _SCORES else rival.run.metrics, column)
